-- Runs that tried a scenario say what is only being thought about: they are for planners, as the scenarios are.

DO $$
DECLARE
    name text;
    role text;
BEGIN
    FOREACH name IN ARRAY ARRAY['coverage_run', 'coverage_published', 'facility'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY owner_all ON %I TO wangge_owner USING (true) WITH CHECK (true)', name);
    END LOOP;
    -- Facilities are read by everybody; staff of a community or street keep those of their area.
    FOREACH role IN ARRAY ARRAY['community', 'street'] LOOP
        EXECUTE format(
            'CREATE POLICY %1$s_add ON facility FOR INSERT TO wangge_%1$s'
            ' WITH CHECK (%1$s_code = ANY ((SELECT wangge_private.my_codes(%1$L))::text[]))', role);
        EXECUTE format(
            'CREATE POLICY %1$s_edit ON facility FOR UPDATE TO wangge_%1$s'
            ' USING (%1$s_code = ANY ((SELECT wangge_private.my_codes(%1$L))::text[]))'
            ' WITH CHECK (%1$s_code = ANY ((SELECT wangge_private.my_codes(%1$L))::text[]))', role);
        EXECUTE format(
            'GRANT INSERT (id, name, kind, geom, lon_sent, lat_sent, datum_sent, capacity, opens, medical_link, operator,'
            ' delivery_mode, status, street_code, community_code, grid_code, synthetic),'
            ' UPDATE (name, kind, geom, lon_sent, lat_sent, datum_sent, capacity, opens, medical_link, operator,'
            ' delivery_mode, status, street_code, community_code, grid_code) ON facility TO wangge_%s', role);
    END LOOP;
END
$$;

CREATE POLICY all_read ON facility FOR SELECT TO wangge_public, wangge_inspector, wangge_community, wangge_street,
    wangge_planner, wangge_partner, wangge_admin USING (true);

CREATE POLICY as_is_read ON coverage_run FOR SELECT TO wangge_public, wangge_inspector, wangge_community, wangge_street,
    wangge_planner, wangge_partner, wangge_admin USING (NOT parameters ? 'scenario');
CREATE POLICY planner_read ON coverage_run FOR SELECT TO wangge_planner USING ((SELECT wangge_private.i_am('planner')));
-- An administrator reads published figures as everybody does, and so must see which runs these are of.
GRANT SELECT (id, kinds, parameters, manifest, inputs_sha256, seconds, walknet_id, as_of, data_date, synthetic, created_at)
    ON coverage_run TO wangge_admin;
CREATE POLICY of_run_read ON coverage_published FOR SELECT TO wangge_public, wangge_inspector, wangge_community,
    wangge_street, wangge_planner, wangge_partner, wangge_admin USING (run_id IN (SELECT id FROM coverage_run));

GRANT DELETE ON scenario TO wangge_planner;


-- A facility has a version, so that two editors of one do not overwrite each other.

ALTER TABLE facility ADD COLUMN version INTEGER DEFAULT '1' NOT NULL;

CREATE FUNCTION wangge_private.facility_changed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    NEW.version := OLD.version + 1;
    NEW.updated_at := now();
    RETURN NEW;
END
$$;
CREATE TRIGGER facility_version BEFORE UPDATE ON facility
    FOR EACH ROW EXECUTE FUNCTION wangge_private.facility_changed();


-- Every statement that changes what coverage is computed from adds one row, which counts when it is committed. So whoever
-- counts them first and reads the data afterwards may find the data newer than the count, and never older. One number
-- that all of them raise would do as well, but would make two editors wait for each other from their first statement.

CREATE TABLE data_change (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    what TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT data_change_pkey PRIMARY KEY (id)
);
GRANT SELECT ON data_change TO wangge_public, wangge_inspector, wangge_community, wangge_street, wangge_planner,
    wangge_partner, wangge_admin;

CREATE FUNCTION wangge_private.data_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO data_change (what) VALUES (TG_TABLE_NAME);
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION wangge_private.facility_changed(), wangge_private.data_changed() FROM PUBLIC;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['area', 'facility', 'facility_kind', 'household', 'walknet'] LOOP
        EXECUTE format(
            'CREATE TRIGGER %1$s_data_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON %1$I'
            ' FOR EACH STATEMENT EXECUTE FUNCTION wangge_private.data_changed()', name);
    END LOOP;
END
$$;


-- Work that a planner orders and a worker carries out: each planner sees her own orders. The worker writes as owner.

CREATE TABLE coverage_order (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    user_id BIGINT NOT NULL,
    what TEXT NOT NULL,
    parameters JSONB NOT NULL,
    digest TEXT NOT NULL,
    state TEXT DEFAULT 'queued' NOT NULL,
    step TEXT,
    steps_done SMALLINT DEFAULT '0' NOT NULL,
    error JSONB,
    run_id BIGINT,
    answer JSONB,
    ordered_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT coverage_order_pkey PRIMARY KEY (id),
    CONSTRAINT coverage_order_user_id_fkey FOREIGN KEY(user_id) REFERENCES app_user (id),
    CONSTRAINT coverage_order_run_id_fkey FOREIGN KEY(run_id) REFERENCES coverage_run (id) ON DELETE SET NULL,
    CONSTRAINT coverage_order_what_check CHECK (what IN ('run', 'siting')),
    CONSTRAINT coverage_order_state_check CHECK (state IN ('queued', 'running', 'done', 'failed'))
);

-- The same order twice while it waits is one order.
CREATE UNIQUE INDEX coverage_order_open_idx ON coverage_order (user_id, digest) WHERE state IN ('queued', 'running');
CREATE INDEX coverage_order_run_id_idx ON coverage_order (run_id);

ALTER TABLE coverage_order ENABLE ROW LEVEL SECURITY;
ALTER TABLE coverage_order FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_all ON coverage_order TO wangge_owner USING (true) WITH CHECK (true);
CREATE POLICY planner_read ON coverage_order FOR SELECT TO wangge_planner
    USING (user_id = (SELECT wangge_private.my_id()) AND (SELECT wangge_private.i_am('planner')));
CREATE POLICY planner_add ON coverage_order FOR INSERT TO wangge_planner
    WITH CHECK (user_id = (SELECT wangge_private.my_id()) AND (SELECT wangge_private.i_am('planner')));
GRANT SELECT, INSERT (user_id, what, parameters, digest) ON coverage_order TO wangge_planner;


-- One secret for ever: it decides which households count in published figures. Nobody but the owner may read it.

CREATE TABLE wangge_private.disclosure_draw (
    "only" BOOLEAN DEFAULT true NOT NULL,
    secret BYTEA NOT NULL,
    CONSTRAINT disclosure_draw_pkey PRIMARY KEY ("only"),
    CONSTRAINT disclosure_draw_only_check CHECK ("only"),
    CONSTRAINT disclosure_draw_secret_check CHECK (octet_length(secret) = 32)
);
INSERT INTO wangge_private.disclosure_draw (secret)
    VALUES (decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'));


-- A run is kept in half the time ---------------------------------------------------------------------------------------

-- A foreign key would look up the run once for each of some 200,000 rows; `data.coverage.remove` takes them away instead.
ALTER TABLE coverage_area DROP CONSTRAINT coverage_area_run_id_fkey;
ALTER TABLE coverage_published DROP CONSTRAINT coverage_published_run_id_fkey;
ALTER TABLE coverage_household DROP CONSTRAINT coverage_household_run_id_fkey;

-- Facilities are named once a run, households say their numbers in that list, from 1 on; 0 is none.
ALTER TABLE coverage_run ADD COLUMN facility_ids TEXT[] DEFAULT '{}' NOT NULL;
GRANT SELECT (facility_ids)
    ON coverage_run TO wangge_public, wangge_inspector, wangge_community, wangge_street, wangge_planner, wangge_partner;
ALTER TABLE coverage_household DROP COLUMN facility_ids, ADD COLUMN facilities INTEGER[] NOT NULL;

-- Rows are asked for by run, which the primary keys answer. Households stand area by area as the registers do they came
-- from, so a summary of every few pages says where those of an area are, and costs next to nothing to keep.
DROP INDEX coverage_area_street_code_idx, coverage_area_community_code_idx, coverage_area_grid_code_idx,
    coverage_household_street_code_idx, coverage_household_community_code_idx, coverage_household_grid_code_idx;
CREATE INDEX coverage_household_places_idx ON coverage_household
    USING brin (run_id, street_code, community_code, grid_code) WITH (pages_per_range = 16, autosummarize = true);


-- Metres climbed and descended along an edge, from u to v; zero is flat or not known.

ALTER TABLE walk_edge
    ADD COLUMN up_m REAL DEFAULT '0' NOT NULL,
    ADD COLUMN down_m REAL DEFAULT '0' NOT NULL,
    ADD CONSTRAINT walk_edge_climb_check CHECK (up_m >= 0 AND down_m >= 0 AND up_m < 10000 AND down_m < 10000);
