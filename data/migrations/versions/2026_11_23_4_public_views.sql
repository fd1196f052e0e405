-- What may be read without a name. Views for OGC API, Open311 and tiles stand on tables that hold no person: they see with
-- the eyes of their reader, so nothing widens here what a role may read.

-- One projection kept: a tile is cut from it as it lies. The box of a tile is a box in degrees too, so the index on `geom` serves.
-- Null where the projection has no place: near the poles, and where a check is about to refuse the row.
ALTER TABLE area ADD COLUMN geom_3857 geometry(MultiPolygon, 3857) GENERATED ALWAYS AS (
    CASE WHEN ST_XMin(geom) >= -180 AND ST_XMax(geom) <= 180 AND ST_YMin(geom) >= -85 AND ST_YMax(geom) <= 85
    THEN ST_Transform(geom, 3857) END) STORED;
ALTER TABLE facility ADD COLUMN geom_3857 geometry(Point, 3857) GENERATED ALWAYS AS (
    CASE WHEN ST_XMin(geom) >= -180 AND ST_XMax(geom) <= 180 AND ST_YMin(geom) >= -85 AND ST_YMax(geom) <= 85
    THEN ST_Transform(geom, 3857) END) STORED;


-- The public status of a report: no text, no photo, no author, days instead of minutes, and the place to about 100 m
-- (a thousandth of a degree), so that neither a home nor the way of an inspector can be read from it. A report that concerns
-- a household, or is of a class that a place does not publish, is not there at all.
CREATE TABLE report_published (
    id uuid CONSTRAINT report_published_pkey PRIMARY KEY
        CONSTRAINT report_published_id_fkey REFERENCES report (id) ON DELETE CASCADE,
    category text NOT NULL,
    status text NOT NULL,
    reported_on date NOT NULL,
    changed_on date NOT NULL,
    street_code text,
    community_code text,
    grid_code text,
    geom geometry(Point, 4326),
    geom_3857 geometry(Point, 3857) GENERATED ALWAYS AS (
    CASE WHEN ST_XMin(geom) >= -180 AND ST_XMax(geom) <= 180 AND ST_YMin(geom) >= -85 AND ST_YMax(geom) <= 85
    THEN ST_Transform(geom, 3857) END) STORED,
    synthetic boolean NOT NULL
);
CREATE INDEX report_published_geom_idx ON report_published USING gist (geom);
CREATE INDEX report_published_reported_on_idx ON report_published (reported_on, id);

-- Keeps it in step with `report`, whoever writes there. `changed_on` is the day of the last change that the public can see.
CREATE FUNCTION wangge_private.publish_reports() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN  -- of a new report nothing is there to be taken away
        DELETE FROM report_published WHERE id IN (SELECT id FROM written WHERE household_id IS NOT NULL
            OR category IN (SELECT category FROM category_unpublished));
    END IF;
    INSERT INTO report_published AS shown (id, category, status, reported_on, changed_on, street_code, community_code,
                                           grid_code, geom, synthetic)
    SELECT id, category, status, received_at::date, current_date, street_code, community_code, grid_code,
           ST_SnapToGrid(geom, 0.001), synthetic
    FROM written WHERE household_id IS NULL AND category NOT IN (SELECT category FROM category_unpublished)
    ON CONFLICT (id) DO UPDATE
    SET category = excluded.category, status = excluded.status, changed_on = excluded.changed_on,
        street_code = excluded.street_code, community_code = excluded.community_code, grid_code = excluded.grid_code,
        geom = excluded.geom, synthetic = excluded.synthetic
    WHERE (shown.category, shown.status, shown.grid_code, shown.geom)
          IS DISTINCT FROM (excluded.category, excluded.status, excluded.grid_code, excluded.geom);
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION wangge_private.publish_reports() FROM PUBLIC;
CREATE TRIGGER report_filed AFTER INSERT ON report REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION wangge_private.publish_reports();
CREATE TRIGGER report_changed AFTER UPDATE ON report REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION wangge_private.publish_reports();


-- The collections. Each has an `id` that a feature keeps, a `geom` in degrees and a `geom_3857` for tiles.

CREATE VIEW public_area WITH (security_invoker = true) AS
SELECT code AS id, level, name, grid_kind, parent_code, area_m2, valid_from, synthetic, geom, geom_3857
FROM area WHERE valid @> current_date;

CREATE VIEW public_facility WITH (security_invoker = true) AS
SELECT id, name, kind, capacity, opens, medical_link, operator, delivery_mode, status, street_code, community_code,
       grid_code, synthetic, geom, geom_3857
FROM facility;

-- The published figures of the newest run of things as they are; what a scenario would change is nobody's public figure.
CREATE VIEW public_coverage WITH (security_invoker = true) AS
SELECT concat_ws('.', counted.code, counted.kind, counted.verdict) AS id, counted.run_id, counted.level, counted.code,
       area.name, counted.kind, counted.verdict, counted.elders, counted.covered, counted.uncovered, counted.unknown,
       counted.rate_low, counted.rate_high, run.as_of, run.data_date, run.synthetic, area.geom, area.geom_3857
FROM coverage_run AS run
JOIN coverage_published AS counted ON counted.run_id = run.id
JOIN area ON area.code = counted.code AND area.valid @> run.as_of
WHERE run.id = (SELECT max(id) FROM coverage_run WHERE NOT parameters ? 'scenario');

-- Classes of reports that are about persons, and so nobody's public business. A place lists its own.
CREATE TABLE category_unpublished (category text CONSTRAINT category_unpublished_pkey PRIMARY KEY);
INSERT INTO category_unpublished VALUES ('elder_help');

-- The reports of a class go when it comes onto the list, and come back when it leaves it.
CREATE FUNCTION wangge_private.publish_categories() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    DELETE FROM report_published WHERE category IN (SELECT category FROM category_unpublished);
    IF TG_OP <> 'INSERT' THEN
        UPDATE report SET category = category WHERE category IN (SELECT category FROM was);
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION wangge_private.publish_categories() FROM PUBLIC;
CREATE TRIGGER category_listed AFTER INSERT ON category_unpublished
    FOR EACH STATEMENT EXECUTE FUNCTION wangge_private.publish_categories();
CREATE TRIGGER category_renamed AFTER UPDATE ON category_unpublished REFERENCING OLD TABLE AS was
    FOR EACH STATEMENT EXECUTE FUNCTION wangge_private.publish_categories();
CREATE TRIGGER category_dropped AFTER DELETE ON category_unpublished REFERENCING OLD TABLE AS was
    FOR EACH STATEMENT EXECUTE FUNCTION wangge_private.publish_categories();
GRANT INSERT, UPDATE ON category_unpublished TO wangge_admin;

CREATE VIEW public_report WITH (security_invoker = true) AS
SELECT id, category, status, reported_on, changed_on, street_code, community_code, grid_code, synthetic, geom,
       geom_3857
FROM report_published;

GRANT SELECT ON report_published, category_unpublished, public_area, public_facility, public_coverage, public_report
    TO wangge_public, wangge_inspector, wangge_community, wangge_street, wangge_planner, wangge_partner, wangge_admin;


-- What a partner reads -------------------------------------------------------------------------------------------------
-- Row security finds the reports, and of each a key gets what it names (`gis.roles.FIELDS`): what it does not name is null,
-- the place what the public sees of it. It holds for what the partner has filed itself as well, since its keys may be in
-- several hands.

CREATE FUNCTION wangge_private.partner_reports(asked uuid[])
RETURNS TABLE (
    id uuid, author_id bigint, client_id text, category text, status text, version integer, moved_at timestamptz,
    on_hold text, unit text, merged_into uuid, geom geometry, captured_at timestamptz, received_at timestamptz, text text,
    photos text[], due_at timestamptz, warn_at timestamptz, due_unknown text, street_code text, community_code text,
    grid_code text, synthetic boolean
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    me bigint := wangge_private.my_id();
    mine text[] := wangge_private.my_codes('partner');
    named text[] := wangge_private.my_fields();
BEGIN
    RETURN QUERY SELECT
        r.id, CASE WHEN r.author_id = me THEN me END, r.client_id, r.category, r.status, r.version, r.moved_at,
        CASE WHEN r.on_hold = '' OR 'text' = ANY (named) THEN r.on_hold ELSE '-' END,
        CASE WHEN 'unit' = ANY (named) THEN coalesce(r.unit, '') END, r.merged_into,
        CASE WHEN 'place' = ANY (named) THEN r.geom
             ELSE (SELECT shown.geom FROM public_report AS shown WHERE shown.id = r.id) END,
        r.captured_at, r.received_at,
        CASE WHEN 'text' = ANY (named) THEN r.text END,
        CASE WHEN 'photos' = ANY (named) THEN r.photos END,
        CASE WHEN 'due' = ANY (named) THEN r.due_at END,
        CASE WHEN 'due' = ANY (named) THEN r.warn_at END,
        CASE WHEN 'due' = ANY (named) THEN r.due_unknown END,
        r.street_code, r.community_code, r.grid_code, r.synthetic
    FROM report AS r
    WHERE r.id = ANY (asked)
      AND (r.street_code = ANY (mine) OR r.community_code = ANY (mine) OR r.grid_code = ANY (mine) OR r.author_id = me);
END
$$;

CREATE FUNCTION wangge_private.partner_events(asked uuid)
RETURNS TABLE (
    report_id uuid, version integer, move text, actor_role text, at timestamptz, source text, target text, reason text,
    text text, unit text, photos text[], amount integer, merged_into text, category text
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    named text[] := wangge_private.my_fields();
BEGIN
    RETURN QUERY SELECT
        e.report_id, e.version, e.move, e.actor_role, e.at, e.source, e.target,
        CASE WHEN 'text' = ANY (named) THEN e.reason END,
        CASE WHEN 'text' = ANY (named) THEN e.text END,
        CASE WHEN 'unit' = ANY (named) THEN e.unit END,
        CASE WHEN 'photos' = ANY (named) THEN e.photos END,
        e.amount, e.merged_into, e.category
    FROM report_event AS e
    WHERE e.report_id = asked AND EXISTS (SELECT FROM wangge_private.partner_reports(ARRAY[asked]));
END
$$;

-- The report it has filed under an id of its own, as far as its receipt repeats it.
CREATE FUNCTION wangge_private.partner_filed(asked text)
RETURNS TABLE (
    id uuid, client_id text, category text, received_at timestamptz, street_code text, community_code text,
    grid_code text, photos text[], body_hash text
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT id, client_id, category, received_at, street_code, community_code, grid_code, photos, body_hash
    FROM report WHERE client_id = $1 AND author_id = wangge_private.my_id()
$$;

REVOKE ALL ON FUNCTION wangge_private.partner_reports(uuid[]), wangge_private.partner_events(uuid),
    wangge_private.partner_filed(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wangge_private.partner_reports(uuid[]), wangge_private.partner_events(uuid),
    wangge_private.partner_filed(text) TO wangge_partner;
