-- A citizen has no account: she files a report that is nobody's, and reads nothing back but its public status. Connections
-- of the door say how many may come on one day from all citizens together (`wangge.citizens_a_day`); nothing said, none.

CREATE FUNCTION wangge_private.citizens_a_day() RETURNS integer
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(nullif(current_setting('wangge.citizens_a_day', true), ''), '0')::integer
$$;

CREATE POLICY citizen_add ON report FOR INSERT TO wangge_public WITH CHECK (
    author_id IS NULL AND status = 'received' AND version = 1 AND photos = '{}' AND household_id IS NULL
    AND (SELECT wangge_private.citizens_a_day()) > 0
    AND category NOT IN (SELECT category FROM category_unpublished));
-- The columns a citizen fills in, or what is worked out from these. No author, no household, no photo.
GRANT INSERT (id, client_id, category, status, version, moved_at, received_at, geom, lon_sent, lat_sent, datum_sent,
    accuracy_m, captured_at, sent_at, text, photos, mocked, body_hash, suspect, routed, due_at, warn_at, due_unknown,
    street_code, community_code, grid_code, synthetic) ON report TO wangge_public;
-- Only the first event of a report of nobody; who the report belongs to is filled in from it before this is asked.
CREATE POLICY citizen_add ON report_event FOR INSERT TO wangge_public WITH CHECK (
    author_id IS NULL AND actor_id IS NULL AND actor_role = 'citizen' AND move = 'receive' AND version = 1
    AND (SELECT wangge_private.citizens_a_day()) > 0);
GRANT INSERT (report_id, version, move, actor_role, at, source, target) ON report_event TO wangge_public;


-- How many citizens' reports came on a day, counted with the report itself, so that a hundred at once are no fewer.
CREATE TABLE citizen_day (
    day DATE NOT NULL,
    filed INTEGER NOT NULL,
    CONSTRAINT citizen_day_pkey PRIMARY KEY (day)
);

CREATE FUNCTION wangge_private.citizen_count() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    most integer := wangge_private.citizens_a_day();
BEGIN
    INSERT INTO citizen_day AS counted VALUES (current_date, 1)
    ON CONFLICT (day) DO UPDATE SET filed = counted.filed + 1 WHERE counted.filed < most;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'WG429', MESSAGE = 'citizens.a_day', DETAIL = jsonb_build_object(
            'most', most, 'retry_after_s', ceil(extract(epoch FROM current_date + 1 - now())));
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER citizen_count AFTER INSERT ON report
    FOR EACH ROW WHEN (current_user = 'wangge_public') EXECUTE FUNCTION wangge_private.citizen_count();

-- The feed and the log hear of it; a citizen may write to neither.
CREATE FUNCTION wangge_private.citizen_told() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    what text := (SELECT category FROM report WHERE id = NEW.report_id);
BEGIN
    PERFORM wangge_private.change_record('report', NEW.report_id::text, NEW.move,
        jsonb_build_object('status', NEW.target, 'version', NEW.version, 'category', what),
        NEW.street_code, NEW.community_code, NEW.grid_code);
    PERFORM wangge_private.audit_record('system', 'report.receive', NEW.report_id::text, NULL,
        jsonb_build_object('version', NEW.version, 'by', 'citizen'));
    RETURN NULL;
END
$$;
CREATE TRIGGER citizen_told AFTER INSERT ON report_event
    FOR EACH ROW WHEN (current_user = 'wangge_public') EXECUTE FUNCTION wangge_private.citizen_told();

-- What a citizen was answered, for whoever sends the same body under the same id again; to anybody else it is not there.
-- It stands in the open schema, since the private one is closed to the public role.
CREATE FUNCTION citizen_filed(sent text, same text)
RETURNS TABLE (id uuid, client_id text, category text, received_at timestamptz, street_code text, community_code text,
    grid_code text, photos text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT id, client_id, category, received_at, street_code, community_code, grid_code, photos FROM report
    WHERE author_id IS NULL AND client_id = sent AND body_hash = same
      AND EXISTS (SELECT FROM report_event WHERE report_id = report.id AND version = 1 AND actor_role = 'citizen')
$$;

REVOKE ALL ON FUNCTION wangge_private.citizens_a_day(), wangge_private.citizen_count(), wangge_private.citizen_told(),
    citizen_filed(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wangge_private.citizens_a_day(), citizen_filed(text, text) TO wangge_public;
