-- One row is one area that holds the place on that day: the lowest one there is, then its parents up to the top.
-- On a shared edge it is the smallest code of those that touch, compared byte by byte as `gis.areas.locate` does.
-- Dedicated grids lie over the others and hold nobody.
CREATE FUNCTION area_holding(place geometry, day date) RETURNS TABLE (level text, code text)
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, public, pg_temp AS $$
    WITH RECURSIVE chain AS (
        (SELECT area.level, area.code, area.parent_code
         FROM area JOIN area_level USING (level)
         WHERE area.valid @> day AND area.grid_kind <> 'dedicated' AND ST_Intersects(area.geom, place)
         ORDER BY area_level.rank DESC, area.code COLLATE "C"
         LIMIT 1)
        UNION ALL
        SELECT area.level, area.code, area.parent_code
        FROM chain JOIN area ON area.code = chain.parent_code AND area.valid @> day
    )
    SELECT level, code FROM chain
$$;
