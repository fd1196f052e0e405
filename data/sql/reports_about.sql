-- One row: all that must be known before a report is kept.
WITH here AS (SELECT ST_SetSRID(ST_MakePoint(:lon, :lat), 4326) AS place),
held AS (SELECT holding.level, holding.code FROM here, area_holding(place, :day) AS holding),
seat AS (
    SELECT area_code, street_code, community_code, grid_code FROM assignment
    WHERE user_id = :user_id AND role = :role AND daterange(valid_from, valid_to) @> :day AND confirmed_at IS NOT NULL
),
what AS (
    SELECT code, family, name_zh, name_en, amount, unit, warn_before, near_m, near_days, source
    FROM category WHERE code = :category AND active
)
SELECT
    coalesce((SELECT json_object_agg(level, code) FROM held), '{{}}') AS areas,
    (SELECT json_build_object('street', street_code, 'community', community_code, 'grid', grid_code)
     FROM seat ORDER BY area_code LIMIT 1) AS home,
    (SELECT to_json(what) FROM what) AS category,
    (SELECT coalesce(json_agg(json_build_array(id, rule.category, area, rule.unit) ORDER BY id), '[]')
     FROM routing_rule AS rule
     WHERE active AND rule.category IN ('', :category, (SELECT family FROM what))
       AND (area = '' OR area IN (SELECT code FROM held))) AS rules,
    CASE WHEN :role = 'inspector' AND NOT EXISTS (SELECT FROM held JOIN seat ON seat.area_code = held.code)
        THEN (SELECT min(ST_Distance(area.geom::geography, place::geography))
              FROM here, area JOIN seat ON seat.area_code = area.code WHERE area.valid @> :day) END AS beyond_m,
    (SELECT json_build_array(lon, lat, captured_at, accuracy_m) FROM ({last}) AS last) AS last,
    (SELECT to_json(known) FROM (
        SELECT id, client_id, category, received_at, street_code, community_code, grid_code, photos, body_hash
        FROM {known}
    ) AS known) AS known
