-- The guard over the areas. It runs when a transaction commits (or on SET CONSTRAINTS ALL IMMEDIATE), once for each
-- parent whose children or outline were touched, for every date on which anything in the touched period changes:
--   * children of one level and kind do not overlap, and none leaves its parent;
--   * where the level fills its parent, and except for dedicated grids, together they leave no gap in it;
--   * the parent is there, and of a higher rank, for the whole life of the child.
-- Tolerance: what remains of an overlap, escape or gap after its outline is drawn in by 0.5 m (ST_Buffer(-0.5), in the
-- UTM zone of the place) is a fault; what vanishes is a sliver nowhere 1 m wide, and is left alone. `gis.areas` states
-- the same rule, and a test holds the two together.
-- Two who edit under the same parent queue up on a lock. The second must then see what the first has done: under READ
-- COMMITTED it does, under SERIALIZABLE the database itself refuses, under REPEATABLE READ neither, so we refuse.

CREATE SCHEMA wangge_private;

-- Parents to be checked before this transaction may commit; empty outside transactions.
CREATE UNLOGGED TABLE wangge_private.area_check (
    transaction xid8 NOT NULL,
    parent_code text NOT NULL,
    touched daterange NOT NULL,
    PRIMARY KEY (transaction, parent_code)
);

CREATE FUNCTION wangge_private.metric(geom geometry) RETURNS geometry
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT ST_Transform(geom, CASE WHEN ST_YMin(geom) < 0 THEN 32700 ELSE 32600 END
        + least(60, greatest(1, floor((ST_XMin(geom) + 180) / 6)::integer + 1)))
$$;

-- The widest place of a region that is somewhere 1 m wide, in degrees; NULL for a sliver.
CREATE FUNCTION wangge_private.wide_place(geom geometry) RETURNS geometry
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT ST_Transform(ST_PointOnSurface(part.geom), 4326)
    FROM ST_Dump(ST_Buffer(wangge_private.metric(ST_CollectionExtract(geom, 3)), -0.5)) AS part
    WHERE NOT ST_IsEmpty(part.geom)
    ORDER BY ST_Area(part.geom) DESC
    LIMIT 1
$$;

-- One row is one fault among the children of a parent on a day.
CREATE FUNCTION wangge_private.area_faults(parent text, day date)
RETURNS TABLE (fault text, codes text[], level text, lon double precision, lat double precision, m2 double precision)
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    WITH child AS MATERIALIZED (
        SELECT area.code, area.level, area.grid_kind, area.geom, area_level.fills AND area.grid_kind <> 'dedicated' AS fills
        FROM area JOIN area_level USING (level)
        WHERE area.parent_code = parent AND area.valid @> day
    ), holder AS MATERIALIZED (
        SELECT geom FROM area WHERE code = parent AND valid @> day
    ), together AS MATERIALIZED (
        SELECT level, grid_kind, fills, ST_Union(geom) AS geom, sum(ST_Area(geom)) AS parts
        FROM child GROUP BY level, grid_kind, fills
    ), crowded AS (  -- 1e-13 square degrees are about 0.001 m2, and an overlap somewhere 1 m wide has 0.78 m2
        SELECT level, grid_kind FROM together WHERE parts - ST_Area(geom) > 1e-13
    ), region AS (
        SELECT 'areas.overlap' AS fault, ARRAY[one.code, other.code] AS codes, level,
               ST_Intersection(one.geom, other.geom) AS geom
        FROM crowded JOIN child AS one USING (level, grid_kind) JOIN child AS other USING (level, grid_kind)
        WHERE one.code < other.code AND one.geom && other.geom AND ST_Relate(one.geom, other.geom, 'T********')
        UNION ALL
        SELECT 'areas.outside_parent', ARRAY[child.code, parent], level, ST_Difference(child.geom, holder.geom)
        FROM child CROSS JOIN holder WHERE NOT ST_Covers(holder.geom, child.geom)
        UNION ALL
        SELECT 'areas.gap', ARRAY[parent], level, ST_Difference(holder.geom, together.geom)
        FROM together CROSS JOIN holder WHERE fills
    ), part AS (  -- one gap may lie in several places, and each has to be named
        SELECT region.fault, region.codes, region.level, dumped.geom
        FROM region CROSS JOIN LATERAL ST_Dump(ST_CollectionExtract(region.geom, 3)) AS dumped
    )
    SELECT fault, codes, level, ST_X(place), ST_Y(place), ST_Area(wangge_private.metric(geom))
    FROM part CROSS JOIN LATERAL wangge_private.wide_place(geom) AS place
    WHERE place IS NOT NULL
    ORDER BY fault, codes, ST_Area(geom) DESC
$$;

-- One row is one child whose parent is missing, or not above it, on some day of the period.
CREATE FUNCTION wangge_private.area_orphans(parent text, period daterange)
RETURNS TABLE (fault text, codes text[], level text, lon double precision, lat double precision, m2 double precision)
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE WHEN life.above IS NULL THEN 'areas.parent_missing'
                WHEN NOT life.above @> child.valid THEN 'areas.parent_ends' ELSE 'areas.rank' END,
           ARRAY[child.code, parent], child.level, ST_X(place), ST_Y(place), child.area_m2
    FROM area AS child
    JOIN area_level USING (level)
    CROSS JOIN LATERAL (
        SELECT range_agg(holder.valid) AS above, max(area_level.rank) AS rank
        FROM area AS holder JOIN area_level USING (level)
        WHERE holder.code = parent AND holder.valid && child.valid
    ) AS life
    CROSS JOIN LATERAL ST_PointOnSurface(child.geom) AS place
    WHERE child.parent_code = parent AND parent <> '' AND child.valid && period
      AND (life.above IS NULL OR NOT life.above @> child.valid OR life.rank >= area_level.rank)
    ORDER BY child.code
$$;

-- Every date of the period on which the children of a parent, or the parent itself, begin or end; and its first day.
CREATE FUNCTION wangge_private.area_days(parent text, period daterange) RETURNS SETOF date
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT lower(period)
    UNION
    SELECT day
    FROM area CROSS JOIN LATERAL (VALUES (valid_from), (valid_to)) AS bound (day)
    WHERE (parent_code = parent OR (code = parent AND parent <> '')) AND period @> day
$$;

-- All that is wrong under a parent in a period, as an array of objects; NULL when nothing is.
CREATE FUNCTION wangge_private.area_findings(parent text, period daterange) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT jsonb_agg(finding) FROM (
        SELECT to_jsonb(wrong) AS finding FROM wangge_private.area_orphans(parent, period) AS wrong
        UNION ALL
        SELECT to_jsonb(wrong) || jsonb_build_object('day', day)
        FROM wangge_private.area_days(parent, period) AS day, wangge_private.area_faults(parent, day) AS wrong
    ) AS found
$$;

-- All locks first and in one order, so that two transactions never wait for each other; then all checks.
-- Who touches very many parents locks all areas at once instead of filling the server's table of locks.
CREATE FUNCTION wangge_private.area_check_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    mine CONSTANT xid8 := pg_current_xact_id();
    everything CONSTANT bigint := hashtextextended('wangge.area', 0);
    todo record;
    findings jsonb := '[]';
BEGIN
    IF NOT EXISTS (SELECT FROM wangge_private.area_check WHERE transaction = mine) THEN
        RETURN NULL;  -- an earlier call of this transaction did it all
    END IF;
    IF current_setting('transaction_isolation') = 'repeatable read' THEN
        RAISE EXCEPTION USING ERRCODE = 'WG001', MESSAGE = 'areas.isolation', DETAIL = '[]';
    END IF;
    IF (SELECT count(*) > 500 FROM wangge_private.area_check WHERE transaction = mine) THEN
        PERFORM pg_advisory_xact_lock(everything);
    ELSE
        PERFORM pg_advisory_xact_lock_shared(everything);
        FOR todo IN SELECT parent_code FROM wangge_private.area_check WHERE transaction = mine ORDER BY parent_code LOOP
            PERFORM pg_advisory_xact_lock(hashtextextended('wangge.area/' || todo.parent_code, 0));
        END LOOP;
    END IF;
    FOR todo IN DELETE FROM wangge_private.area_check WHERE transaction = mine RETURNING parent_code, touched LOOP
        findings := findings || coalesce(wangge_private.area_findings(todo.parent_code, todo.touched), '[]');
    END LOOP;
    IF findings <> '[]' THEN
        RAISE EXCEPTION USING ERRCODE = 'WG001', MESSAGE = findings -> 0 ->> 'fault', DETAIL = findings::text;
    END IF;
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER area_check_all AFTER INSERT ON wangge_private.area_check
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wangge_private.area_check_all();

-- A new area touches its parent's children. One that is changed or removed touches its own children as well, whether it
-- has any that this transaction can see or not: somebody may be adding them at this moment.
CREATE FUNCTION wangge_private.area_note(parents text[], periods daterange[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    INSERT INTO wangge_private.area_check AS noted (transaction, parent_code, touched)
    SELECT pg_current_xact_id(), parent, range_merge(range_agg(period))
    FROM unnest(parents, periods) AS touched (parent, period)
    GROUP BY parent
    ON CONFLICT (transaction, parent_code) DO UPDATE SET touched = range_merge(noted.touched, EXCLUDED.touched)
$$;

CREATE FUNCTION wangge_private.area_added() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM wangge_private.area_note(array_agg(parent_code), array_agg(valid)) FROM added HAVING count(*) > 0;
    RETURN NULL;
END
$$;

CREATE FUNCTION wangge_private.area_removed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM wangge_private.area_note(array_agg(parent), array_agg(valid))
    FROM removed CROSS JOIN LATERAL (VALUES (parent_code), (code)) AS of (parent) HAVING count(*) > 0;
    RETURN NULL;
END
$$;

CREATE FUNCTION wangge_private.area_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM wangge_private.area_note(array_agg(parent), array_agg(touched.valid))
    FROM removed AS was JOIN added AS now_is USING (id)
    CROSS JOIN LATERAL (VALUES (was.parent_code, was.valid), (was.code, was.valid),
                               (now_is.parent_code, now_is.valid), (now_is.code, now_is.valid)) AS touched (parent, valid)
    WHERE (was.code, was.level, was.grid_kind, was.parent_code, was.valid)
          IS DISTINCT FROM (now_is.code, now_is.level, now_is.grid_kind, now_is.parent_code, now_is.valid)
       OR ST_AsBinary(was.geom) <> ST_AsBinary(now_is.geom)
    HAVING count(*) > 0;
    RETURN NULL;
END
$$;

CREATE TRIGGER area_added AFTER INSERT ON area REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION wangge_private.area_added();
CREATE TRIGGER area_removed AFTER DELETE ON area REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION wangge_private.area_removed();
CREATE TRIGGER area_changed AFTER UPDATE ON area REFERENCING OLD TABLE AS removed NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION wangge_private.area_changed();
