-- What may be reported, by when it must be done, and who does it: data, kept by an administrator -------------------------

CREATE TABLE category (
    code text NOT NULL,
    family text NOT NULL,
    name_zh text NOT NULL,
    name_en text NOT NULL,
    amount integer NOT NULL,
    unit text NOT NULL,
    warn_before integer NOT NULL DEFAULT 0,
    near_m double precision NOT NULL DEFAULT '50',
    near_days double precision NOT NULL DEFAULT '30',
    source text NOT NULL DEFAULT '',
    active boolean NOT NULL DEFAULT true,
    CONSTRAINT category_pkey PRIMARY KEY (code),
    CONSTRAINT category_family_check CHECK (family IN ('component', 'event', 'local')),
    CONSTRAINT category_unit_check CHECK (unit IN ('urgent_hours', 'work_hours', 'work_days')),
    CONSTRAINT category_amount_check CHECK (amount >= 1 AND warn_before >= 0 AND warn_before < amount),
    CONSTRAINT category_near_check CHECK (near_m > 0 AND near_days > 0)
);

CREATE TABLE unit (
    code text NOT NULL,
    name_zh text NOT NULL,
    name_en text NOT NULL DEFAULT '',
    active boolean NOT NULL DEFAULT true,
    CONSTRAINT unit_pkey PRIMARY KEY (code),
    CONSTRAINT unit_names_check CHECK (code <> '' AND name_zh <> '')
);

CREATE TABLE routing_rule (
    id text NOT NULL,
    category text NOT NULL DEFAULT '',
    area text NOT NULL DEFAULT '',
    unit text NOT NULL,
    active boolean NOT NULL DEFAULT true,
    CONSTRAINT routing_rule_pkey PRIMARY KEY (id),
    CONSTRAINT routing_rule_id_check CHECK (id <> ''),
    CONSTRAINT routing_rule_unit_fkey FOREIGN KEY (unit) REFERENCES unit (code)
);

GRANT SELECT ON category, unit, routing_rule TO wangge_public, wangge_inspector, wangge_community, wangge_street,
    wangge_planner, wangge_partner, wangge_admin;
GRANT INSERT, UPDATE ON category, unit, routing_rule TO wangge_admin;

-- Examples, every one of them: no clause of GB/T 30428 has been read. The same list as `gis.categories.STARTER`.
INSERT INTO category (code, family, name_zh, name_en, amount, unit, warn_before, near_m, near_days, source)
SELECT listed.*, 'example, to be replaced by the place''s own list' FROM (VALUES
    ('manhole_cover', 'component', '井盖', 'manhole cover', 4, 'urgent_hours', 1, 15, 30),
    ('street_lamp', 'component', '路灯', 'street lamp', 2, 'work_days', 1, 30, 30),
    ('handrail', 'component', '扶手', 'handrail', 3, 'work_days', 1, 20, 30),
    ('ramp', 'component', '无障碍坡道', 'step-free ramp', 5, 'work_days', 1, 20, 30),
    ('lift', 'component', '电梯', 'lift', 24, 'urgent_hours', 4, 30, 30),
    ('water_pipe', 'component', '水管', 'water pipe', 8, 'work_hours', 2, 30, 30),
    ('litter', 'event', '暴露垃圾', 'exposed litter', 4, 'work_hours', 1, 50, 3),
    ('parking', 'event', '违停占道', 'illegal parking', 4, 'work_hours', 1, 50, 1),
    ('fire_lane', 'event', '消防通道', 'blocked fire lane', 4, 'urgent_hours', 1, 50, 7),
    ('noise', 'event', '噪音', 'noise', 4, 'work_hours', 1, 150, 1),
    ('flooding', 'event', '内涝', 'flooding', 8, 'urgent_hours', 2, 100, 2),
    ('elder_help', 'local', '长者求助', 'elder asks for help', 24, 'urgent_hours', 6, 50, 2)
) AS listed;


-- Reports as they stand --------------------------------------------------------------------------------------------------

ALTER TABLE report
    ADD COLUMN version integer NOT NULL DEFAULT 1,
    ADD COLUMN moved_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN on_hold text NOT NULL DEFAULT '',
    ADD COLUMN unit text,
    ADD COLUMN merged_into uuid,
    ADD COLUMN resolved_by bigint,
    ADD COLUMN sent_at timestamptz,
    ADD COLUMN photos text[] NOT NULL DEFAULT '{}',
    ADD COLUMN mocked boolean NOT NULL DEFAULT false,
    ADD COLUMN body_hash text,
    ADD COLUMN suspect jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN routed jsonb,
    ADD COLUMN due_at timestamptz,
    ADD COLUMN warn_at timestamptz,
    ADD COLUMN due_unknown text,
    ADD COLUMN warned_at timestamptz,
    ADD COLUMN overdue_at timestamptz,
    ADD COLUMN lon double precision GENERATED ALWAYS AS (ST_X(geom)) STORED,
    ADD COLUMN lat double precision GENERATED ALWAYS AS (ST_Y(geom)) STORED,
    ADD CONSTRAINT report_unit_fkey FOREIGN KEY (unit) REFERENCES unit (code),
    ADD CONSTRAINT report_merged_into_fkey FOREIGN KEY (merged_into) REFERENCES report (id),
    ADD CONSTRAINT report_resolved_by_fkey FOREIGN KEY (resolved_by) REFERENCES app_user (id),
    ADD CONSTRAINT report_merged_into_check
        CHECK (merged_into <> id AND (merged_into IS NULL OR status = 'rejected')),
    ADD CONSTRAINT report_version_check CHECK (version >= 1);

-- A list is read in the order of an index that begins with the code its reader's policy names; the plain ones go.
DROP INDEX report_street_code_idx, report_community_code_idx, report_grid_code_idx, report_geom_idx;
CREATE INDEX report_street_idx ON report (street_code, received_at, id);
CREATE INDEX report_community_idx ON report (community_code, received_at, id);
CREATE INDEX report_grid_idx ON report (grid_code, received_at, id);
CREATE INDEX report_author_idx ON report (author_id, received_at, id);
CREATE INDEX report_received_idx ON report (received_at, id);
-- A box is asked for in numbers: under row security an operator of PostGIS gets no index, a comparison of numbers does.
CREATE INDEX report_place_idx ON report (street_code, lon, lat);
-- The two ways for a report to count in the figures of a period.
CREATE INDEX report_moved_idx ON report (moved_at);
CREATE INDEX report_deadline_idx ON report (due_at);
CREATE INDEX report_open_idx ON report (street_code, received_at, id)
    WHERE status IN ('received', 'accepted', 'assigned', 'resolved', 'reopened');
CREATE INDEX report_warn_idx ON report (warn_at)
    WHERE status IN ('received', 'accepted', 'assigned', 'reopened') AND warned_at IS NULL;
CREATE INDEX report_due_idx ON report (due_at)
    WHERE status IN ('received', 'accepted', 'assigned', 'reopened') AND overdue_at IS NULL;
CREATE INDEX report_merged_idx ON report (merged_into) WHERE merged_into IS NOT NULL;


-- What happened to them --------------------------------------------------------------------------------------------------

CREATE TABLE report_event (
    report_id uuid NOT NULL,
    version integer NOT NULL,
    move text NOT NULL,
    actor_id bigint,
    actor_role text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    source text NOT NULL,
    target text NOT NULL,
    reason text NOT NULL DEFAULT '',
    text text NOT NULL DEFAULT '',
    unit text NOT NULL DEFAULT '',
    photos text[] NOT NULL DEFAULT '{}',
    lon double precision,
    lat double precision,
    accuracy_m real,
    amount integer NOT NULL DEFAULT 0,
    merged_into text NOT NULL DEFAULT '',
    category text NOT NULL DEFAULT '',
    suspect jsonb NOT NULL DEFAULT '[]',
    author_id bigint,
    street_code text,
    community_code text,
    grid_code text,
    CONSTRAINT report_event_pkey PRIMARY KEY (report_id, version),
    CONSTRAINT report_event_version_check CHECK (version >= 1),
    CONSTRAINT report_event_place_check CHECK ((lon IS NULL) = (lat IS NULL)),
    CONSTRAINT report_event_report_id_fkey FOREIGN KEY (report_id) REFERENCES report (id),
    CONSTRAINT report_event_actor_id_fkey FOREIGN KEY (actor_id) REFERENCES app_user (id)
);
CREATE INDEX report_event_author_id_idx ON report_event (author_id);
CREATE INDEX report_event_street_code_idx ON report_event (street_code);
CREATE INDEX report_event_community_code_idx ON report_event (community_code);
CREATE INDEX report_event_grid_code_idx ON report_event (grid_code);

CREATE TABLE report_conflict (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    report_id uuid NOT NULL,
    body_hash text NOT NULL,
    body jsonb NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    kept text,
    reason text NOT NULL DEFAULT '',
    decided_by bigint,
    decided_at timestamptz,
    author_id bigint,
    street_code text,
    community_code text,
    grid_code text,
    CONSTRAINT report_conflict_pkey PRIMARY KEY (id),
    CONSTRAINT report_conflict_report_id_body_hash_key UNIQUE (report_id, body_hash),
    CONSTRAINT report_conflict_kept_check CHECK (kept IN ('first', 'other')),
    CONSTRAINT report_conflict_decided_check CHECK ((kept IS NULL) = (decided_at IS NULL)),
    CONSTRAINT report_conflict_report_id_fkey FOREIGN KEY (report_id) REFERENCES report (id),
    CONSTRAINT report_conflict_decided_by_fkey FOREIGN KEY (decided_by) REFERENCES app_user (id)
);
CREATE INDEX report_conflict_author_id_idx ON report_conflict (author_id);
CREATE INDEX report_conflict_street_code_idx ON report_conflict (street_code);
CREATE INDEX report_conflict_community_code_idx ON report_conflict (community_code);
CREATE INDEX report_conflict_grid_code_idx ON report_conflict (grid_code);

-- Whom a row concerns follows from its report; what the one who adds it says about that counts for nothing.
CREATE FUNCTION wangge_private.report_place() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    SELECT author_id, street_code, community_code, grid_code
    INTO NEW.author_id, NEW.street_code, NEW.community_code, NEW.grid_code
    FROM report WHERE id = NEW.report_id;
    RETURN NEW;
END
$$;

CREATE TRIGGER report_place BEFORE INSERT ON report_event
    FOR EACH ROW EXECUTE FUNCTION wangge_private.report_place();
CREATE TRIGGER report_place BEFORE INSERT ON report_conflict
    FOR EACH ROW EXECUTE FUNCTION wangge_private.report_place();

CREATE FUNCTION wangge_private.report_refuse() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'WG001', MESSAGE = 'reports.append_only', DETAIL = '[]';
END
$$;

CREATE TRIGGER report_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON report_event
    FOR EACH STATEMENT EXECUTE FUNCTION wangge_private.report_refuse();
CREATE TRIGGER report_refuse BEFORE DELETE OR TRUNCATE ON report_conflict
    FOR EACH STATEMENT EXECUTE FUNCTION wangge_private.report_refuse();

-- How many reports somebody has filed on a day, counted with the report itself, so that a hundred at once are no fewer. The
-- connections of the door say how many may be (`wangge.reports_a_day`); without that, as at the shell, none is counted.
CREATE TABLE report_day (
    author_id bigint NOT NULL,
    day date NOT NULL,
    filed integer NOT NULL,
    CONSTRAINT report_day_pkey PRIMARY KEY (author_id, day),
    CONSTRAINT report_day_author_id_fkey FOREIGN KEY (author_id) REFERENCES app_user (id) ON DELETE CASCADE
);

CREATE FUNCTION wangge_private.report_count() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    most integer := coalesce(nullif(current_setting('wangge.reports_a_day', true), ''), '0');
BEGIN
    IF most = 0 THEN
        RETURN NULL;
    END IF;
    INSERT INTO report_day AS counted VALUES (NEW.author_id, current_date, 1)
    ON CONFLICT (author_id, day) DO UPDATE SET filed = counted.filed + 1 WHERE counted.filed < most;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'WG429', MESSAGE = 'reports.a_day', DETAIL = jsonb_build_object(
            'most', most, 'retry_after_s', ceil(extract(epoch FROM current_date + 1 - now())));
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER report_count AFTER INSERT ON report
    FOR EACH ROW WHEN (NEW.author_id IS NOT NULL) EXECUTE FUNCTION wangge_private.report_count();

REVOKE ALL ON FUNCTION wangge_private.report_place(), wangge_private.report_refuse(), wangge_private.report_count()
    FROM PUBLIC;


-- Rights -----------------------------------------------------------------------------------------------------------------
-- Whoever is assigned to a place sees its reports, their events and what is in dispute; so does the author of a report,
-- wherever it lies. Both may add events, the author those of `gis.reports.BY_AUTHOR` alone; what a role may do beyond that
-- stands in `gis.reports.MOVES`.

DROP POLICY author_read ON report;
DROP POLICY author_add ON report;
DROP POLICY community_edit ON report;
DROP POLICY street_edit ON report;
REVOKE INSERT ON report FROM wangge_inspector;
REVOKE UPDATE (category, status) ON report FROM wangge_community, wangge_street;

DO $$
DECLARE
    seat record;
    mine text;
    own constant text := 'author_id = (SELECT wangge_private.my_id())';
    personal text;
BEGIN
    FOREACH personal IN ARRAY ARRAY['report_event', 'report_conflict', 'report_day'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', personal);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', personal);
        EXECUTE format('CREATE POLICY owner_all ON %I TO wangge_owner USING (true) WITH CHECK (true)', personal);
    END LOOP;
    FOR seat IN SELECT * FROM (VALUES ('inspector', 'grid'), ('community', 'community'), ('street', 'street'),
                                      ('partner', NULL)) AS seats (role, level) LOOP
        mine := format('ANY ((SELECT wangge_private.my_codes(%L))::text[])', seat.role);
        -- A partner's key names areas of any level.
        mine := CASE WHEN seat.level IS NULL
            THEN format('(street_code = %1$s OR community_code = %1$s OR grid_code = %1$s)', mine)
            ELSE format('%s_code = %s', seat.level, mine) END;
        FOREACH personal IN ARRAY ARRAY['report', 'report_event', 'report_conflict'] LOOP
            -- The others have theirs on `report` from the first migration of rights.
            CONTINUE WHEN personal = 'report' AND seat.level IS NOT NULL;
            EXECUTE format('CREATE POLICY %s_read ON %I FOR SELECT TO wangge_%s USING (%s)',
                coalesce(seat.level, seat.role), personal, seat.role, mine);
        END LOOP;
        EXECUTE format('CREATE POLICY %1$s_move ON report FOR UPDATE TO wangge_%1$s USING (%2$s OR %3$s)'
            ' WITH CHECK (%2$s OR %3$s)', seat.role, mine, own);
        EXECUTE format('CREATE POLICY %1$s_add ON report FOR INSERT TO wangge_%1$s'
            ' WITH CHECK (%2$s AND (SELECT wangge_private.i_am(%1$L)))', seat.role, own);
        EXECUTE format('CREATE POLICY %1$s_add ON report_event FOR INSERT TO wangge_%1$s'
            ' WITH CHECK (actor_id = (SELECT wangge_private.my_id())'
            ' AND (%2$s OR %3$s AND move IN (''receive'', ''note'', ''reopen'')))', seat.role, mine, own);
        EXECUTE format('CREATE POLICY %1$s_add ON report_conflict FOR INSERT TO wangge_%1$s WITH CHECK (%2$s)',
            seat.role, own);
        IF seat.role IN ('community', 'street') THEN
            EXECUTE format('CREATE POLICY %1$s_decide ON report_conflict FOR UPDATE TO wangge_%1$s USING (%2$s)'
                ' WITH CHECK (%2$s AND decided_by = (SELECT wangge_private.my_id()))', seat.role, mine);
        END IF;
    END LOOP;
    FOREACH personal IN ARRAY ARRAY['report', 'report_event', 'report_conflict'] LOOP
        EXECUTE format('CREATE POLICY author_read ON %I FOR SELECT'
            ' TO wangge_inspector, wangge_community, wangge_street, wangge_partner USING (%s)', personal, own);
    END LOOP;
END
$$;

GRANT INSERT ON report TO wangge_inspector, wangge_community, wangge_street, wangge_partner;
GRANT UPDATE (status, version, moved_at, on_hold, unit, merged_into, resolved_by, due_at, warn_at, due_unknown,
    warned_at, overdue_at) ON report TO wangge_inspector, wangge_community, wangge_street, wangge_partner;
-- Only staff put right what a report says.
GRANT UPDATE (category, text, photos, geom, lon_sent, lat_sent, datum_sent, accuracy_m, captured_at, sent_at, mocked,
    body_hash, street_code, community_code, grid_code) ON report TO wangge_community, wangge_street;
-- What every key may read. The rest goes through `partner_reports` and `partner_events`, as far as the key names it; whose
-- household it is, how exact the fix was and what was found strange about the author no key can name.
GRANT SELECT (id, author_id, client_id, category, status, version, moved_at, merged_into, captured_at, received_at,
    street_code, community_code, grid_code, synthetic) ON report TO wangge_partner;
GRANT SELECT, INSERT ON report_event TO wangge_inspector, wangge_community, wangge_street;
GRANT INSERT ON report_event TO wangge_partner;
GRANT SELECT (report_id, version, move, actor_role, at, source, target, amount, merged_into, category, author_id,
    street_code, community_code, grid_code) ON report_event TO wangge_partner;
GRANT SELECT ON report_conflict TO wangge_inspector, wangge_community, wangge_street;
GRANT SELECT (id, report_id, body_hash, received_at, kept, author_id, street_code, community_code, grid_code)
    ON report_conflict TO wangge_partner;
GRANT INSERT (report_id, body_hash, body) ON report_conflict
    TO wangge_inspector, wangge_community, wangge_street, wangge_partner;
GRANT UPDATE (kept, reason, decided_by, decided_at, body, body_hash) ON report_conflict
    TO wangge_community, wangge_street;


-- What is there already --------------------------------------------------------------------------------------------------
-- Its first event says in which state it came in, since what happened before is not known here.

UPDATE report SET category = category.code
FROM category
WHERE report.category = CASE category.family WHEN 'component' THEN '部件-' WHEN 'event' THEN '事件-' ELSE '本地-' END
    || category.name_zh;
INSERT INTO report_event (report_id, version, move, actor_role, at, source, target)
SELECT id, 1, 'adopt', 'system', received_at, '', status FROM report;
