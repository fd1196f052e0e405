-- The same question as before. Every report asks it, and planning it anew each time took longer than answering.
CREATE OR REPLACE FUNCTION area_holding(place geometry, day date) RETURNS TABLE (level text, code text)
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY WITH RECURSIVE chain AS (
        (SELECT area.level, area.code, area.parent_code
         FROM area JOIN area_level USING (level)
         WHERE area.valid @> day AND area.grid_kind <> 'dedicated' AND ST_Intersects(area.geom, place)
         ORDER BY area_level.rank DESC, area.code COLLATE "C"
         LIMIT 1)
        UNION ALL
        SELECT area.level, area.code, area.parent_code
        FROM chain JOIN area ON area.code = chain.parent_code AND area.valid @> day
    )
    SELECT level, code FROM chain;
END
$$;
