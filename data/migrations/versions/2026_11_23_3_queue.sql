-- Jobs -----------------------------------------------------------------------------------------------------------------

-- A payload is numbers of rows and nothing personal, so that anybody who may act may put a job and nobody need read it.
-- `run_at` is when a job may be taken next: taking one moves it on by the lease, failing by the delay, so that a job
-- whose worker died comes back by itself.
CREATE TABLE job (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    kind TEXT NOT NULL,
    key TEXT,
    payload JSONB NOT NULL,
    run_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    tries SMALLINT DEFAULT '0' NOT NULL,
    reason TEXT,
    dead_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT job_pkey PRIMARY KEY (id),
    CONSTRAINT job_key_key UNIQUE (key)
);
CREATE INDEX job_due_idx ON job (kind, run_at) WHERE dead_at IS NULL;

GRANT INSERT (kind, key, payload, run_at) ON job TO wangge_public, wangge_inspector, wangge_community, wangge_street,
    wangge_planner, wangge_partner, wangge_admin;


-- Changes --------------------------------------------------------------------------------------------------------------

-- A writer only adds a row without a number. Whoever reads numbers what has been committed since, in one go under one
-- lock: so no writer waits for another, what was undone leaves no gap, and nobody sees N + 1 before N.
CREATE TABLE change (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    seq BIGINT,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    what TEXT NOT NULL,
    subject TEXT NOT NULL,
    action TEXT NOT NULL,
    facts JSONB NOT NULL,
    street_code TEXT,
    community_code TEXT,
    grid_code TEXT,
    CONSTRAINT change_pkey PRIMARY KEY (id),
    CONSTRAINT change_seq_key UNIQUE (seq)
);
CREATE INDEX change_street_code_idx ON change (street_code);
CREATE INDEX change_community_code_idx ON change (community_code);
CREATE INDEX change_grid_code_idx ON change (grid_code);
CREATE INDEX change_unnumbered_idx ON change (id) WHERE seq IS NULL;

CREATE FUNCTION wangge_private.change_record(
    what text, subject text, action text, facts jsonb, street_code text, community_code text, grid_code text
) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    INSERT INTO change (what, subject, action, facts, street_code, community_code, grid_code)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
$$;

-- Number what has no number yet, in the order of writing, and say the newest number there is. Each statement below
-- sees what was committed before it began; under REPEATABLE READ it would not, and the unique key would refuse it.
CREATE FUNCTION wangge_private.change_number() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    newest bigint;
BEGIN
    IF EXISTS (SELECT FROM change WHERE seq IS NULL) THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('wangge.change', 0));
        SELECT coalesce(max(seq), 0) INTO newest FROM change;
        UPDATE change SET seq = newest + waiting.place
        FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM change WHERE seq IS NULL) AS waiting
        WHERE change.id = waiting.id;
    END IF;
    SELECT coalesce(max(seq), 0) INTO newest FROM change;
    RETURN newest;
END
$$;


-- Photos ---------------------------------------------------------------------------------------------------------------

-- One row is one picture of one author: the same bytes from somebody else are another row, so that nobody learns what
-- others have sent. The place is that of the reports it belongs to.
CREATE TABLE photo (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    author_id BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    media TEXT NOT NULL,
    state TEXT DEFAULT 'received' NOT NULL,
    reason TEXT,
    width INTEGER,
    height INTEGER,
    received_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT photo_pkey PRIMARY KEY (id),
    CONSTRAINT photo_author_id_fkey FOREIGN KEY (author_id) REFERENCES app_user (id),
    CONSTRAINT photo_author_id_sha256_key UNIQUE (author_id, sha256),
    CONSTRAINT photo_sha256_check CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    CONSTRAINT photo_bytes_check CHECK (bytes > 0),
    CONSTRAINT photo_state_check CHECK (state IN ('received', 'ready', 'refused')),
    CONSTRAINT photo_reason_check CHECK ((state = 'refused') = (reason IS NOT NULL)),
    CONSTRAINT photo_size_check CHECK ((state = 'ready') = (width IS NOT NULL AND height IS NOT NULL))
);
CREATE INDEX photo_author_id_received_at_idx ON photo (author_id, received_at);

-- A report names its photos by content, before or after they come. `metres` and `seconds` say how far the place and time
-- written in the picture are from those of the report; the place itself is not kept.
CREATE TABLE report_photo (
    report_id UUID NOT NULL,
    author_id BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    metres REAL,
    seconds DOUBLE PRECISION,
    street_code TEXT,
    community_code TEXT,
    grid_code TEXT,
    added_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT report_photo_pkey PRIMARY KEY (report_id, author_id, sha256),
    CONSTRAINT report_photo_report_id_fkey FOREIGN KEY (report_id) REFERENCES report (id) ON DELETE CASCADE,
    CONSTRAINT report_photo_author_id_fkey FOREIGN KEY (author_id) REFERENCES app_user (id),
    CONSTRAINT report_photo_sha256_check CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    CONSTRAINT report_photo_metres_check CHECK (metres >= 0)
);
CREATE INDEX report_photo_author_id_sha256_idx ON report_photo (author_id, sha256);
CREATE INDEX report_photo_street_code_idx ON report_photo (street_code);
CREATE INDEX report_photo_community_code_idx ON report_photo (community_code);
CREATE INDEX report_photo_grid_code_idx ON report_photo (grid_code);

-- Let a report name photos of its author, come or not. Each statement sees what was committed before it began, and so,
-- behind the lock, every photo that came before; the one that comes later sees the report.
CREATE FUNCTION wangge_private.photos_attach(
    report uuid, author bigint, hashes text[], street text, community text, grid text
) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('wangge.photo', author));
    INSERT INTO report_photo (report_id, author_id, sha256, street_code, community_code, grid_code)
    SELECT DISTINCT report, author, named, street, community, grid FROM unnest(hashes) AS named
    ON CONFLICT DO NOTHING;
    PERFORM wangge_private.change_record(
        'photo', come.id::text, come.state, jsonb_build_object('report_id', report), street, community, grid)
    FROM photo AS come WHERE come.author_id = author AND come.sha256 = ANY (hashes);
    INSERT INTO job (kind, key, payload, run_at)
    SELECT 'photo_compare', 'compare:' || come.id, jsonb_build_object('photo', come.id), now()
    FROM photo AS come WHERE come.author_id = author AND come.sha256 = ANY (hashes)
    ON CONFLICT DO NOTHING;
END
$$;


-- Webhooks -------------------------------------------------------------------------------------------------------------

-- `last_seq` is the newest change that has been delivered, or passed over because its owner may not see it. One that was
-- taken away keeps its row for the list of deliveries, and no secret. The secret is sealed (`data.keyring`).
CREATE TABLE webhook (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    owner_id BIGINT NOT NULL,
    role TEXT NOT NULL,
    key_id BIGINT,
    url TEXT NOT NULL,
    what TEXT[] NOT NULL,
    secret TEXT NOT NULL,
    active BOOLEAN DEFAULT 'true' NOT NULL,
    reason TEXT,
    failures SMALLINT DEFAULT '0' NOT NULL,
    last_seq BIGINT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    removed_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT webhook_pkey PRIMARY KEY (id),
    CONSTRAINT webhook_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES app_user (id),
    CONSTRAINT webhook_role_check CHECK (role IN ('partner', 'admin')),
    CONSTRAINT webhook_last_seq_check CHECK (last_seq >= 0)
);
CREATE INDEX webhook_owner_id_idx ON webhook (owner_id);

CREATE TABLE webhook_delivery (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    webhook_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    status SMALLINT,
    reason TEXT,
    CONSTRAINT webhook_delivery_pkey PRIMARY KEY (id),
    CONSTRAINT webhook_delivery_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES webhook (id)
);
CREATE INDEX webhook_delivery_webhook_id_id_idx ON webhook_delivery (webhook_id, id);


-- Rights ---------------------------------------------------------------------------------------------------------------

REVOKE ALL ON FUNCTION wangge_private.change_record(text, text, text, jsonb, text, text, text),
    wangge_private.change_number(), wangge_private.photos_attach(uuid, bigint, text[], text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wangge_private.photos_attach(uuid, bigint, text[], text, text, text)
    TO wangge_inspector, wangge_community, wangge_street, wangge_partner;
GRANT EXECUTE ON FUNCTION wangge_private.change_record(text, text, text, jsonb, text, text, text)
    TO wangge_inspector, wangge_community, wangge_street, wangge_planner, wangge_partner, wangge_admin;
GRANT EXECUTE ON FUNCTION wangge_private.change_number()
    TO wangge_inspector, wangge_community, wangge_street, wangge_partner, wangge_admin;

DO $$
DECLARE
    personal text;
    level text;
    role text;
BEGIN
    FOREACH personal IN ARRAY ARRAY['change', 'photo', 'report_photo', 'webhook', 'webhook_delivery'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', personal);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', personal);
        EXECUTE format('CREATE POLICY owner_all ON %I TO wangge_owner USING (true) WITH CHECK (true)', personal);
    END LOOP;
    FOREACH level IN ARRAY ARRAY['grid', 'community', 'street'] LOOP
        role := CASE level WHEN 'grid' THEN 'inspector' ELSE level END;
        EXECUTE format(
            'CREATE POLICY %1$s_read ON change FOR SELECT TO wangge_%2$s'
            ' USING (%1$s_code = ANY ((SELECT wangge_private.my_codes(%2$L))::text[]))', level, role);
    END LOOP;
END
$$;

-- A partner's areas may be of any level, and its key must name photos to hear of them, and deadlines to hear of these. An
-- administrator sees that something changed; no row says about whom.
CREATE POLICY partner_read ON change FOR SELECT TO wangge_partner USING (
    (street_code = ANY ((SELECT wangge_private.my_codes('partner'))::text[])
     OR community_code = ANY ((SELECT wangge_private.my_codes('partner'))::text[])
     OR grid_code = ANY ((SELECT wangge_private.my_codes('partner'))::text[]))
    AND (what <> 'photo' OR (SELECT wangge_private.i_name('photos')))
    AND (action NOT IN ('warned', 'overdue') OR (SELECT wangge_private.i_name('due'))));
CREATE POLICY admin_read ON change FOR SELECT TO wangge_admin USING ((SELECT wangge_private.i_am('admin')));
GRANT SELECT ON change TO wangge_inspector, wangge_community, wangge_street, wangge_partner, wangge_admin;

-- A photo is seen by its author, and by whoever sees a report that it belongs to: the policies of `report` decide. Of the
-- photos of others a partner sees those that its key names, which is none unless it names photos.
CREATE POLICY report_read ON report_photo FOR SELECT TO wangge_inspector, wangge_community, wangge_street
    USING (EXISTS (SELECT FROM report WHERE report.id = report_id));
CREATE POLICY partner_read ON report_photo FOR SELECT TO wangge_partner
    USING ((author_id = (SELECT wangge_private.my_id()) OR (SELECT wangge_private.i_name('photos')))
           AND EXISTS (SELECT FROM report WHERE report.id = report_id));
CREATE POLICY author_add ON report_photo FOR INSERT TO wangge_inspector, wangge_community, wangge_street, wangge_partner
    WITH CHECK (author_id = (SELECT wangge_private.my_id())
                AND EXISTS (SELECT FROM report WHERE report.id = report_id));
CREATE POLICY author_read ON photo FOR SELECT TO wangge_inspector, wangge_community, wangge_street, wangge_partner
    USING (author_id = (SELECT wangge_private.my_id()));
CREATE POLICY report_read ON photo FOR SELECT TO wangge_inspector, wangge_community, wangge_street, wangge_partner
    USING (EXISTS (SELECT FROM report_photo AS link WHERE link.author_id = photo.author_id AND link.sha256 = photo.sha256));
CREATE POLICY author_add ON photo FOR INSERT TO wangge_inspector, wangge_community, wangge_street, wangge_partner
    WITH CHECK (author_id = (SELECT wangge_private.my_id()));
GRANT SELECT, INSERT (id, author_id, sha256, bytes, media) ON photo
    TO wangge_inspector, wangge_community, wangge_street, wangge_partner;
GRANT SELECT, INSERT (report_id, author_id, sha256, street_code, community_code, grid_code) ON report_photo
    TO wangge_inspector, wangge_community, wangge_street, wangge_partner;

-- A partner keeps its own webhooks; an administrator sees all of them and may stop any.
CREATE POLICY self_read ON webhook FOR SELECT TO wangge_partner, wangge_admin
    USING (owner_id = (SELECT wangge_private.my_id()));
CREATE POLICY self_add ON webhook FOR INSERT TO wangge_partner, wangge_admin
    WITH CHECK (owner_id = (SELECT wangge_private.my_id()));
CREATE POLICY self_edit ON webhook FOR UPDATE TO wangge_partner, wangge_admin
    USING (owner_id = (SELECT wangge_private.my_id()));
CREATE POLICY admin_read ON webhook FOR SELECT TO wangge_admin USING ((SELECT wangge_private.i_am('admin')));
CREATE POLICY admin_edit ON webhook FOR UPDATE TO wangge_admin USING ((SELECT wangge_private.i_am('admin')));
CREATE POLICY hook_read ON webhook_delivery FOR SELECT TO wangge_partner, wangge_admin
    USING (EXISTS (SELECT FROM webhook WHERE webhook.id = webhook_id));
GRANT SELECT (id, owner_id, role, key_id, url, what, active, reason, failures, last_seq, created_at, removed_at),
    INSERT (owner_id, role, key_id, url, what, secret, last_seq),
    UPDATE (url, what, secret, active, reason, failures, last_seq, removed_at) ON webhook TO wangge_partner, wangge_admin;
GRANT SELECT ON webhook_delivery TO wangge_partner, wangge_admin;
