-- What happens in a district in three years. Run without triggers: what they would write is written here.
SELECT setseed(0.5);

CREATE TEMPORARY TABLE cell ON COMMIT DROP AS
SELECT row_number() OVER (ORDER BY grid.code) - 1 AS n, grid.code AS grid_code, grid.parent_code AS community_code,
       community.parent_code AS street_code, app_user.id AS author_id,
       ST_XMin(grid.geom) AS west, ST_YMin(grid.geom) AS south
FROM area AS grid
JOIN area AS community ON community.code = grid.parent_code
JOIN app_user ON app_user.login = 'i' || right(grid.code, 4)
WHERE grid.level = 'grid';

INSERT INTO facility (id, name, kind, geom, street_code, community_code, grid_code, synthetic)
SELECT 'F-' || here.k, '饭堂' || here.k, 'canteen',
       ST_SetSRID(ST_MakePoint(west + random() * 0.002, south + random() * 0.003), 4326),
       street_code, community_code, grid_code, true
FROM generate_series(1, :facilities) AS here (k) JOIN cell ON cell.n = here.k * 7 % 2000;

INSERT INTO household (ref, geom, address, elders, street_code, community_code, grid_code, synthetic)
SELECT 'H-' || here.k, ST_SetSRID(ST_MakePoint(west + random() * 0.002, south + random() * 0.003), 4326),
       '虚构路' || here.k || '号', 1 + here.k % 3, street_code, community_code, grid_code, true
FROM generate_series(1, :households) AS here (k) JOIN cell ON cell.n = here.k % 2000;

-- In the order in which they came. The first eleventh of the grids is the busy street.
CREATE TEMPORARY TABLE filed ON COMMIT DROP AS
SELECT k, (CASE WHEN random() < 0.2 THEN random() * 90 ELSE 91 + random() * 1908 END)::int AS n, random() AS luck,
       random() AS dx, random() AS dy,
       now() - (:reports - k) * (interval '3 years' / :reports) AS received_at
FROM generate_series(1, :reports) AS k;

-- Most are closed; what is open is of the last days, or has been forgotten.
INSERT INTO report (author_id, client_id, category, status, version, moved_at, geom, captured_at, sent_at, received_at,
                    text, photos, body_hash, due_at, street_code, community_code, grid_code, synthetic)
SELECT author_id, 'R-' || k,
       (ARRAY['litter', 'parking', 'street_lamp', 'manhole_cover', 'noise', 'fire_lane', 'handrail', 'ramp'])[1 + k % 8],
       CASE WHEN open THEN (ARRAY['received', 'accepted', 'assigned', 'resolved'])[1 + k % 4]
            WHEN luck < 0.96 THEN 'closed' ELSE 'rejected' END,
       CASE WHEN open THEN 1 ELSE 2 END, received_at + CASE WHEN open THEN '0' ELSE luck * interval '3 days' END,
       ST_SetSRID(ST_MakePoint(west + dx * 0.002, south + dy * 0.003), 4326), received_at - interval '5 minutes',
       received_at - interval '1 minute', received_at, '虚构：楼道扶手断裂，老人上下楼不便，已拍照。' || k,
       ARRAY[md5(k::text) || md5(n::text)], md5(k::text), received_at + interval '2 days', street_code, community_code,
       grid_code, true
FROM filed JOIN cell USING (n), LATERAL (SELECT received_at > now() - interval '5 days' OR luck < 0.005 AS open) AS state
ORDER BY k;

INSERT INTO report_event (report_id, version, move, actor_id, actor_role, at, source, target, author_id, street_code,
                          community_code, grid_code)
SELECT id, step.version, move, report.author_id, actor_role,
       CASE step.version WHEN 1 THEN received_at ELSE moved_at END, source,
       CASE step.version WHEN 1 THEN 'received' ELSE status END, author_id, street_code, community_code, grid_code
FROM report JOIN (VALUES (1, 'receive', 'inspector', ''), (2, 'close', 'street', 'received'))
    AS step (version, move, actor_role, source) ON step.version <= report.version;

INSERT INTO change (seq, at, what, subject, action, facts, street_code, community_code, grid_code)
SELECT row_number() OVER (ORDER BY received_at, id), received_at, 'report', id::text, 'receive',
       jsonb_build_object('status', status, 'category', category), street_code, community_code, grid_code
FROM report;

INSERT INTO report_published (id, category, status, reported_on, changed_on, street_code, community_code, grid_code, geom,
                              synthetic)
SELECT id, category, status, received_at::date, moved_at::date, street_code, community_code, grid_code,
       ST_SnapToGrid(geom, 0.001), synthetic
FROM report
