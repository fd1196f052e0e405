-- How many reports lie in each square of a fine raster, for the days before `report_tallied`: what came later is counted where
-- it lies. So filing a report costs nothing here, and a tile of many need not look at each of them.

-- A square is a 64th of a side of a tile of zoom 14, counted from the north-western corner of Web Mercator. `east` and `north`
-- are sums over its points, metres. `published`: as the public sees them, at their rounded places; else where they are.
CREATE TABLE report_tally (
    published boolean NOT NULL,
    street_code text NOT NULL,
    community_code text NOT NULL,
    grid_code text NOT NULL,
    x integer NOT NULL,
    y integer NOT NULL,
    points integer NOT NULL,
    east double precision NOT NULL,
    north double precision NOT NULL,
    CONSTRAINT report_tally_pkey PRIMARY KEY (published, street_code, community_code, grid_code, x, y)
);
CREATE INDEX report_tally_published_idx ON report_tally (x, y) WHERE published;
CREATE INDEX report_tally_street_idx ON report_tally (street_code, x, y) WHERE NOT published;
CREATE INDEX report_tally_community_idx ON report_tally (community_code, x, y) WHERE NOT published;
CREATE INDEX report_tally_grid_idx ON report_tally (grid_code, x, y) WHERE NOT published;

-- Until when reports have been counted: those received before `until`, and of what is public those of days before `day`.
CREATE TABLE report_tallied (
    "only" boolean NOT NULL DEFAULT true,
    until timestamptz NOT NULL DEFAULT '-infinity',
    day date NOT NULL DEFAULT '-infinity',
    CONSTRAINT report_tallied_pkey PRIMARY KEY ("only"),
    CONSTRAINT report_tallied_only_check CHECK ("only")
);
INSERT INTO report_tallied DEFAULT VALUES;

ALTER TABLE report_tally ENABLE ROW LEVEL SECURITY;
ALTER TABLE report_tally FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_all ON report_tally TO wangge_owner USING (true) WITH CHECK (true);
CREATE POLICY published_read ON report_tally FOR SELECT TO wangge_public, wangge_inspector, wangge_community,
    wangge_street, wangge_planner, wangge_partner, wangge_admin USING (published);
CREATE POLICY inspector_read ON report_tally FOR SELECT TO wangge_inspector
    USING (grid_code = ANY ((SELECT wangge_private.my_codes('inspector'))::text[]));
CREATE POLICY community_read ON report_tally FOR SELECT TO wangge_community
    USING (community_code = ANY ((SELECT wangge_private.my_codes('community'))::text[]));
CREATE POLICY street_read ON report_tally FOR SELECT TO wangge_street
    USING (street_code = ANY ((SELECT wangge_private.my_codes('street'))::text[]));
GRANT SELECT ON report_tally, report_tallied TO wangge_public, wangge_inspector, wangge_community, wangge_street,
    wangge_planner, wangge_partner, wangge_admin;


-- Counting ---------------------------------------------------------------------------------------------------------------

-- Add points (or take them away) at the squares they lie in; what the projection has no place for is in no tile.
CREATE FUNCTION wangge_private.tally_add(
    published boolean, street text, community text, grid text, spot geometry, points integer
) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    INSERT INTO report_tally AS kept
    SELECT $1, coalesce($2, ''), coalesce($3, ''), coalesce($4, ''),
           floor((20037508.342789244 + east) / 38.21851414258813), floor((20037508.342789244 - north) / 38.21851414258813),
           $6, $6 * east, $6 * north
    FROM (SELECT radians(ST_X($5)) * 6378137 AS east,
                 ln(tan(pi() / 4 + radians(ST_Y($5)) / 2)) * 6378137 AS north
          WHERE abs(ST_Y($5)) <= 85) AS place
    ON CONFLICT ON CONSTRAINT report_tally_pkey DO UPDATE
    SET points = kept.points + excluded.points, east = kept.east + excluded.east, north = kept.north + excluded.north
$$;

-- Count what was received before `moment`, and not within a day: nobody files for that long, so nothing comes later.
CREATE FUNCTION wangge_private.tally_advance(moment timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    before report_tallied;
    next_until timestamptz := least(moment, now() - interval '1 day');
    next_day date := least(moment::date, current_date - 1);
BEGIN
    SELECT * INTO before FROM report_tallied FOR UPDATE;  -- whoever corrects what is old waits, and is waited for
    INSERT INTO report_tally AS kept
    SELECT published, street, community, grid, floor((20037508.342789244 + each.east) / 38.21851414258813) AS x,
           floor((20037508.342789244 - each.north) / 38.21851414258813) AS y, count(*), sum(each.east), sum(each.north)
    FROM (
        SELECT published, coalesce(street_code, '') AS street, coalesce(community_code, '') AS community,
               coalesce(grid_code, '') AS grid, radians(lon) * 6378137 AS east,
               ln(tan(pi() / 4 + radians(lat) / 2)) * 6378137 AS north
        FROM (
            SELECT false AS published, street_code, community_code, grid_code, lon, lat FROM report
            WHERE received_at >= before.until AND received_at < next_until
            UNION ALL
            SELECT true, street_code, community_code, grid_code, ST_X(geom), ST_Y(geom) FROM report_published
            WHERE reported_on >= before.day AND reported_on < next_day
        ) AS report
        WHERE abs(lat) <= 85
    ) AS each
    GROUP BY published, street, community, grid, x, y
    ON CONFLICT ON CONSTRAINT report_tally_pkey DO UPDATE
    SET points = kept.points + excluded.points, east = kept.east + excluded.east, north = kept.north + excluded.north;
    UPDATE report_tallied SET until = greatest(until, next_until), day = greatest(day, next_day);
END
$$;

-- What was counted already and is put right, taken back or comes late. None of these is a report that is just filed.
CREATE FUNCTION wangge_private.tally_report() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    counted timestamptz := (SELECT until FROM report_tallied FOR SHARE);
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.received_at < counted THEN
        PERFORM wangge_private.tally_add(false, OLD.street_code, OLD.community_code, OLD.grid_code, OLD.geom, -1);
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.received_at < counted THEN
        PERFORM wangge_private.tally_add(false, NEW.street_code, NEW.community_code, NEW.grid_code, NEW.geom, 1);
    END IF;
    RETURN NULL;
END
$$;
CREATE FUNCTION wangge_private.tally_published() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    counted date := (SELECT day FROM report_tallied FOR SHARE);
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.reported_on < counted THEN
        PERFORM wangge_private.tally_add(true, OLD.street_code, OLD.community_code, OLD.grid_code, OLD.geom, -1);
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.reported_on < counted THEN
        PERFORM wangge_private.tally_add(true, NEW.street_code, NEW.community_code, NEW.grid_code, NEW.geom, 1);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER tally_late AFTER INSERT ON report FOR EACH ROW
    WHEN (NEW.received_at < now() - interval '12 hours') EXECUTE FUNCTION wangge_private.tally_report();
CREATE TRIGGER tally_gone AFTER DELETE ON report FOR EACH ROW EXECUTE FUNCTION wangge_private.tally_report();
-- Places are compared by their numbers: an operator of PostGIS in a condition is written without its schema into a backup, and
-- cannot be found when that is restored.
CREATE TRIGGER tally_moved AFTER UPDATE ON report FOR EACH ROW
    WHEN ((ST_X(OLD.geom), ST_Y(OLD.geom)) IS DISTINCT FROM (ST_X(NEW.geom), ST_Y(NEW.geom))
        OR OLD.received_at <> NEW.received_at OR (OLD.street_code, OLD.community_code, OLD.grid_code)
            IS DISTINCT FROM (NEW.street_code, NEW.community_code, NEW.grid_code))
    EXECUTE FUNCTION wangge_private.tally_report();
CREATE TRIGGER tally_late AFTER INSERT ON report_published FOR EACH ROW
    WHEN (NEW.reported_on < current_date) EXECUTE FUNCTION wangge_private.tally_published();
CREATE TRIGGER tally_gone AFTER DELETE ON report_published FOR EACH ROW EXECUTE FUNCTION wangge_private.tally_published();
CREATE TRIGGER tally_moved AFTER UPDATE ON report_published FOR EACH ROW
    WHEN ((ST_X(OLD.geom), ST_Y(OLD.geom)) IS DISTINCT FROM (ST_X(NEW.geom), ST_Y(NEW.geom)) OR (OLD.street_code, OLD.community_code, OLD.grid_code)
        IS DISTINCT FROM (NEW.street_code, NEW.community_code, NEW.grid_code))
    EXECUTE FUNCTION wangge_private.tally_published();

REVOKE ALL ON FUNCTION wangge_private.tally_add(boolean, text, text, text, geometry, integer),
    wangge_private.tally_advance(timestamptz), wangge_private.tally_report(), wangge_private.tally_published() FROM PUBLIC;
