-- Who may come in. Nothing here lets a secret out: of a token or a key only the digest is kept, and only the functions
-- named `door_…`, which `wangge_login` alone may call, look at them.

CREATE TABLE login_session (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id bigint NOT NULL,
    role text NOT NULL,
    device_hash bytea,
    refresh_hash bytea,
    previous_hash bytea,
    rotated_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    ended_why text,
    CONSTRAINT login_session_pkey PRIMARY KEY (id),
    CONSTRAINT login_session_user_id_fkey FOREIGN KEY (user_id) REFERENCES app_user (id) ON DELETE CASCADE,
    CONSTRAINT login_session_role_check
        CHECK (role IN ('inspector', 'community', 'street', 'planner', 'partner', 'auditor', 'admin')),
    CONSTRAINT login_session_ended_check CHECK ((ended_at IS NULL) = (ended_why IS NULL)),
    CONSTRAINT login_session_ended_why_check CHECK (ended_why IN ('logout', 'reuse', 'password', 'lost', 'revoked'))
);
CREATE INDEX login_session_user_id_idx ON login_session (user_id);

CREATE TABLE api_key (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    user_id bigint NOT NULL,
    name text NOT NULL,
    prefix text NOT NULL,
    secret_hash bytea NOT NULL,
    scopes text[] NOT NULL,
    fields text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    CONSTRAINT api_key_pkey PRIMARY KEY (id),
    CONSTRAINT api_key_user_id_fkey FOREIGN KEY (user_id) REFERENCES app_user (id) ON DELETE CASCADE,
    CONSTRAINT api_key_prefix_key UNIQUE (prefix)
);
CREATE INDEX api_key_user_id_idx ON api_key (user_id);

-- How often somebody has tried to log in lately. A lane is a digest of a login, an address, both, or a known device.
CREATE TABLE login_throttle (
    lane bytea NOT NULL,
    charge double precision NOT NULL,
    charged_at timestamptz NOT NULL,
    free_at timestamptz NOT NULL,
    CONSTRAINT login_throttle_pkey PRIMARY KEY (lane)
);
CREATE INDEX login_throttle_charged_at_idx ON login_throttle (charged_at);

-- The persons of a household. What names them is encrypted under a key that is not in this database; shown without a
-- reason is only the masked form.
CREATE TABLE elder (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    household_id bigint NOT NULL,
    name_masked text NOT NULL,
    phone_masked text,
    id_card_masked text,
    name_sealed text NOT NULL,
    phone_sealed text,
    id_card_sealed text,
    health_sealed text,
    consent boolean,
    legal_basis text NOT NULL,
    street_code text,
    community_code text,
    grid_code text,
    synthetic boolean NOT NULL,
    import_id bigint,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT elder_pkey PRIMARY KEY (id),
    CONSTRAINT elder_household_id_fkey FOREIGN KEY (household_id) REFERENCES household (id) ON DELETE CASCADE,
    CONSTRAINT elder_import_id_fkey FOREIGN KEY (import_id) REFERENCES import_batch (id),
    CONSTRAINT elder_basis_check CHECK (legal_basis <> '')
);
CREATE INDEX elder_household_id_idx ON elder (household_id);
CREATE INDEX elder_street_code_idx ON elder (street_code);
CREATE INDEX elder_community_code_idx ON elder (community_code);
CREATE INDEX elder_grid_code_idx ON elder (grid_code);

ALTER TABLE import_batch DROP CONSTRAINT import_batch_what_check, ADD CONSTRAINT import_batch_what_check
    CHECK (what IN ('areas', 'walknet', 'facilities', 'households', 'reports', 'basemap', 'elders'));
-- What was given by mistake is taken back on the same day: a period without a day gives no right.
ALTER TABLE assignment DROP CONSTRAINT assignment_period_check, ADD CONSTRAINT assignment_period_check
    CHECK (valid_to IS NULL OR valid_to >= valid_from);
-- Looks a person up once in the log before each reveal.
CREATE INDEX audit_log_reveal_idx ON audit_log (actor, at) WHERE action = 'household.reveal';

DO $$
DECLARE
    personal text;
    level text;
    role text;
BEGIN
    FOREACH personal IN ARRAY ARRAY['login_session', 'api_key', 'login_throttle', 'elder'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', personal);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', personal);
        EXECUTE format('CREATE POLICY owner_all ON %I TO wangge_owner USING (true) WITH CHECK (true)', personal);
    END LOOP;
    FOREACH level IN ARRAY ARRAY['grid', 'community', 'street'] LOOP
        role := CASE level WHEN 'grid' THEN 'inspector' ELSE level END;
        EXECUTE format('GRANT SELECT (id, household_id, name_masked, phone_masked, consent, legal_basis, street_code,'
                       ' community_code, grid_code, synthetic, updated_at) ON elder TO wangge_%s', role);
        EXECUTE format(
            'CREATE POLICY %1$s_read ON elder FOR SELECT TO wangge_%2$s'
            ' USING (%1$s_code = ANY ((SELECT wangge_private.my_codes(%2$L))::text[]))', level, role);
    END LOOP;
END
$$;

-- An administrator sees which devices and keys there are, ends and revokes them, and makes keys for others; no digest.
GRANT SELECT (id, user_id, role, created_at, expires_at, ended_at, ended_why), UPDATE (ended_at, ended_why)
    ON login_session TO wangge_admin;
CREATE POLICY admin_read ON login_session FOR SELECT TO wangge_admin USING ((SELECT wangge_private.i_am('admin')));
CREATE POLICY admin_edit ON login_session FOR UPDATE TO wangge_admin USING ((SELECT wangge_private.i_am('admin')));
GRANT SELECT (id, user_id, name, prefix, scopes, fields, created_at, expires_at, revoked_at), UPDATE (revoked_at),
    INSERT (user_id, name, prefix, secret_hash, scopes, fields, expires_at) ON api_key TO wangge_admin;
CREATE POLICY admin_read ON api_key FOR SELECT TO wangge_admin USING ((SELECT wangge_private.i_am('admin')));
CREATE POLICY admin_edit ON api_key FOR UPDATE TO wangge_admin USING ((SELECT wangge_private.i_am('admin')));
CREATE POLICY admin_add ON api_key FOR INSERT TO wangge_admin WITH CHECK (
    (SELECT wangge_private.i_am('admin')) AND user_id <> (SELECT wangge_private.my_id()));

CREATE VIEW elder_masked WITH (security_invoker = true) AS
    SELECT id, household_id, name_masked AS name, phone_masked AS phone, consent, legal_basis, synthetic, updated_at
    FROM elder;
GRANT SELECT ON elder_masked TO wangge_inspector, wangge_community, wangge_street;


-- The door -------------------------------------------------------------------------------------------------------------
-- Each function answers with at most one row: who comes in, and as what. No row: not today.


CREATE FUNCTION wangge_private.door_session(sid uuid)
RETURNS TABLE (user_id bigint, login text, role text, key_id bigint, scopes text[])
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT u.id, u.login, s.role, NULL::bigint, NULL::text[]
    FROM login_session s JOIN app_user u ON u.id = s.user_id
    WHERE s.id = sid AND s.ended_at IS NULL AND s.expires_at > now() AND u.active
      AND EXISTS (SELECT FROM assignment a WHERE a.user_id = u.id AND a.role = s.role
          AND a.valid_from <= current_date AND (a.valid_to IS NULL OR a.valid_to > current_date));
END
$$;

CREATE FUNCTION wangge_private.door_key(shown_prefix text, shown_hash bytea)
RETURNS TABLE (user_id bigint, login text, role text, key_id bigint, scopes text[])
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT u.id, u.login, 'partner'::text, k.id, k.scopes
    FROM api_key k JOIN app_user u ON u.id = k.user_id
    WHERE k.prefix = shown_prefix AND k.secret_hash = shown_hash AND k.revoked_at IS NULL AND k.expires_at > now()
      AND u.active AND EXISTS (SELECT FROM assignment a WHERE a.user_id = u.id AND a.role = 'partner'
          AND a.valid_from <= current_date AND (a.valid_to IS NULL OR a.valid_to > current_date));
END
$$;

-- What the key that is being used names, for the policies and views of partners; empty for everybody else.
CREATE FUNCTION wangge_private.my_fields() RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce((SELECT fields FROM api_key
        WHERE id = nullif(current_setting('wangge.key_id', true), '')::bigint AND user_id = wangge_private.my_id()
          AND revoked_at IS NULL AND expires_at > now()), '{}')
$$;

CREATE FUNCTION wangge_private.i_name(field text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT $1 = ANY (wangge_private.my_fields())
$$;

-- Logging in by the provider of another house: the login is what it calls her, the role hers that comes first.
CREATE FUNCTION wangge_private.door_login(shown_login text)
RETURNS TABLE (user_id bigint, login text, role text, key_id bigint, scopes text[])
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT u.id, u.login, wangge_private.first_role(u.id, NULL), NULL::bigint, NULL::text[]
    FROM app_user u WHERE u.login = shown_login AND u.active AND wangge_private.first_role(u.id, NULL) IS NOT NULL;
END
$$;

-- The role somebody acts in: the one asked for if it is held today, else the first of those held.
CREATE FUNCTION wangge_private.first_role(who bigint, wanted text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT role FROM assignment
    WHERE user_id = who AND (wanted IS NULL OR role = wanted) AND role <> 'partner'
      AND valid_from <= current_date AND (valid_to IS NULL OR valid_to > current_date)
    ORDER BY array_position(ARRAY['street', 'community', 'inspector', 'planner', 'auditor', 'admin'], role) LIMIT 1
$$;

-- Charge one more try to a lane: one is forgiven every five minutes; beyond `free` tries the next has to wait, twice as
-- long each time, and a quarter of an hour at most.
CREATE FUNCTION wangge_private.door_charge(charged bytea, free integer) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    INSERT INTO login_throttle AS t (lane, charge, charged_at, free_at)
    VALUES (charged, 1, clock_timestamp(), clock_timestamp())
    ON CONFLICT (lane) DO UPDATE SET
        charge = greatest(0, t.charge - extract(epoch FROM clock_timestamp() - t.charged_at) / 300) + 1,
        charged_at = clock_timestamp();
    UPDATE login_throttle SET free_at = clock_timestamp() + make_interval(secs =>
        CASE WHEN charge <= free THEN 0 ELSE least(900, power(2, least(charge - free, 10))) END)
    WHERE lane = charged
$$;

-- The lanes of one try, with how many tries each has free. A device she has logged in with before has one of its own,
-- so that nobody who guesses from elsewhere can keep her out.
CREATE FUNCTION wangge_private.door_lanes(shown_login text, address text, device bytea)
RETURNS TABLE (lane bytea, free integer)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    known boolean := EXISTS (SELECT FROM login_session s JOIN app_user u ON u.id = s.user_id
        WHERE u.login = shown_login AND s.device_hash = device AND s.ended_why IS DISTINCT FROM 'lost');
BEGIN
    IF known THEN
        RETURN QUERY SELECT sha256(convert_to(jsonb_build_array('device', shown_login)::text, 'UTF8') || device), 5;
    ELSE
        RETURN QUERY SELECT sha256(convert_to(jsonb_build_array(name, who, place)::text, 'UTF8')), tries FROM (VALUES
            ('address', '', address, 50), ('login', shown_login, '', 20), ('pair', shown_login, address, 5)
        ) AS lanes (name, who, place, tries);
    END IF;
END
$$;

-- Somebody wants to log in. The try is charged before the password is looked at, so that a hundred at once are not one;
-- a try that has to wait is not charged. `password_hash` is null for a login there is not, or that has none.
CREATE FUNCTION wangge_private.door_knock(shown_login text, address text, device bytea)
RETURNS TABLE (wait_s integer, user_id bigint, password_hash text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    lanes bytea[] := ARRAY(SELECT lane FROM wangge_private.door_lanes(shown_login, address, device));
    free_from timestamptz;
BEGIN
    DELETE FROM login_throttle t WHERE t.charged_at < clock_timestamp() - interval '1 day';
    PERFORM FROM login_throttle t WHERE t.lane = ANY (lanes) ORDER BY t.lane FOR UPDATE;
    SELECT max(t.free_at) INTO free_from FROM login_throttle t WHERE t.lane = ANY (lanes);
    IF free_from > clock_timestamp() THEN
        RETURN QUERY SELECT ceil(extract(epoch FROM free_from - clock_timestamp()))::integer, NULL::bigint, NULL::text;
        RETURN;
    END IF;
    PERFORM wangge_private.door_charge(l.lane, l.free)
    FROM wangge_private.door_lanes(shown_login, address, device) l ORDER BY l.lane;
    RETURN QUERY SELECT 0, u.id, CASE WHEN u.active THEN u.password_hash END
    FROM (SELECT) AS always LEFT JOIN app_user u ON u.login = shown_login;
END
$$;

-- The password was right: take back the charge, and begin a session in the role asked for. No row: she does not hold it.
CREATE FUNCTION wangge_private.door_open(
    who bigint, wanted text, address text, device bytea, refresh bytea, lasts interval
) RETURNS TABLE (id uuid, role text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    name text := (SELECT u.login FROM app_user u WHERE u.id = who AND u.active);
    acts text := wangge_private.first_role(who, wanted);
BEGIN
    UPDATE login_throttle t SET charge = greatest(0, t.charge - 1), free_at = clock_timestamp()
    WHERE t.lane IN (SELECT l.lane FROM wangge_private.door_lanes(name, address, device) l);
    IF name IS NULL OR acts IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY INSERT INTO login_session AS s (user_id, role, device_hash, refresh_hash, expires_at)
    VALUES (who, acts, device, refresh, now() + lasts) RETURNING s.id, s.role;
    INSERT INTO audit_log (actor, action) VALUES (who::text, 'session.open');
END
$$;

-- A refresh token is used: the next one takes its place. Its predecessor once more within 30 seconds means that the
-- answer was lost, and gets the same answer. Any other, or another device, means that somebody has a copy: all is over.
CREATE FUNCTION wangge_private.door_refresh(sid uuid, device bytea, shown bytea, following bytea)
RETURNS TABLE (user_id bigint, role text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    kept login_session;
    present boolean;
    resent boolean;
BEGIN
    SELECT * INTO kept FROM login_session s WHERE s.id = sid FOR UPDATE;
    IF kept.ended_at IS NOT NULL OR NOT EXISTS (SELECT FROM wangge_private.door_session(sid)) THEN
        RETURN;
    END IF;
    present := kept.refresh_hash = shown;
    resent := kept.previous_hash = shown AND kept.refresh_hash = following
        AND kept.rotated_at > now() - interval '30 seconds';
    IF NOT coalesce(kept.device_hash = device AND (present OR resent), false) THEN
        UPDATE login_session s SET ended_at = now(), ended_why = 'reuse' WHERE s.id = sid;
        INSERT INTO audit_log (actor, action) VALUES (kept.user_id::text, 'session.reuse');
        RETURN;
    ELSIF present THEN
        UPDATE login_session s SET previous_hash = shown, refresh_hash = following, rotated_at = now() WHERE s.id = sid;
    END IF;
    RETURN QUERY SELECT kept.user_id, kept.role;
END
$$;

CREATE FUNCTION wangge_private.door_close(sid uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    UPDATE login_session SET ended_at = now(), ended_why = 'logout' WHERE id = sid AND ended_at IS NULL
$$;

-- A new password, or a closed account, ends what was opened with the old one, whoever makes the change.
CREATE FUNCTION wangge_private.sessions_end() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE login_session SET ended_at = now(), ended_why = CASE WHEN NEW.active THEN 'password' ELSE 'revoked' END
    WHERE user_id = NEW.id AND ended_at IS NULL;
    RETURN NULL;
END
$$;
CREATE TRIGGER sessions_end AFTER UPDATE OF password_hash, active ON app_user FOR EACH ROW
    WHEN (NEW.password_hash IS DISTINCT FROM OLD.password_hash OR (OLD.active AND NOT NEW.active))
    EXECUTE FUNCTION wangge_private.sessions_end();


-- Elders ---------------------------------------------------------------------------------------------------------------

-- Persons lie where their household lies.
CREATE FUNCTION wangge_private.elder_place() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    SELECT street_code, community_code, grid_code INTO NEW.street_code, NEW.community_code, NEW.grid_code
    FROM household WHERE id = NEW.household_id;
    RETURN NEW;
END
$$;
CREATE TRIGGER elder_place BEFORE INSERT ON elder FOR EACH ROW EXECUTE FUNCTION wangge_private.elder_place();

CREATE FUNCTION wangge_private.elder_follow() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE elder SET street_code = moved.street_code, community_code = moved.community_code, grid_code = moved.grid_code
    FROM moved WHERE elder.household_id = moved.id AND (elder.street_code, elder.community_code, elder.grid_code)
        IS DISTINCT FROM (moved.street_code, moved.community_code, moved.grid_code);
    RETURN NULL;
END
$$;
CREATE TRIGGER elder_follow AFTER UPDATE ON household REFERENCING NEW TABLE AS moved
    FOR EACH STATEMENT EXECUTE FUNCTION wangge_private.elder_follow();

-- What names the persons of a household, encrypted, for somebody in whose area it lies and who says why. The log is
-- written first: its lock makes those who ask at once count each other, and without its row nothing is ever kept.
CREATE FUNCTION wangge_private.reveal(household bigint, purpose text)
RETURNS TABLE (id bigint, name_sealed text, phone_sealed text, id_card_sealed text, health_sealed text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    me text := wangge_private.my_id()::text;
    most record;
    since timestamptz;
BEGIN
    IF NOT EXISTS (SELECT FROM household h WHERE h.id = reveal.household
        AND CASE current_setting('role')
            WHEN 'wangge_inspector' THEN h.grid_code = ANY (wangge_private.my_codes('inspector'))
            WHEN 'wangge_community' THEN h.community_code = ANY (wangge_private.my_codes('community'))
            WHEN 'wangge_street' THEN h.street_code = ANY (wangge_private.my_codes('street')) END) THEN
        RAISE EXCEPTION USING ERRCODE = 'WG404', MESSAGE = 'households.absent', DETAIL = '{}';
    END IF;
    IF purpose IS NULL OR purpose NOT IN ('visit', 'call', 'emergency', 'complaint', 'correction') THEN
        RAISE EXCEPTION USING ERRCODE = 'WG422', MESSAGE = 'households.purpose', DETAIL = '{}';
    END IF;
    INSERT INTO audit_log (actor, action, subject, purpose)
    VALUES (me, 'household.reveal', 'household:' || household, purpose);
    FOR most IN SELECT * FROM (VALUES (30, interval '1 hour'), (100, interval '1 day')) AS limits (times, span) LOOP
        SELECT at INTO since FROM audit_log WHERE actor = me AND action = 'household.reveal'
        ORDER BY at DESC OFFSET most.times LIMIT 1;
        IF since > clock_timestamp() - most.span THEN
            RAISE EXCEPTION USING ERRCODE = 'WG429', MESSAGE = 'households.reveals', DETAIL = jsonb_build_object(
                'times', most.times, 'retry_after_s', ceil(extract(epoch FROM since + most.span - clock_timestamp())));
        END IF;
    END LOOP;
    RETURN QUERY SELECT e.id, e.name_sealed, e.phone_sealed, e.id_card_sealed, e.health_sealed
    FROM elder e WHERE e.household_id = reveal.household ORDER BY e.id;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA wangge_private FROM PUBLIC;
GRANT USAGE ON SCHEMA wangge_private TO wangge_login;
GRANT EXECUTE ON FUNCTION wangge_private.door_session(uuid), wangge_private.door_key(text, bytea),
    wangge_private.door_login(text), wangge_private.door_knock(text, text, bytea),
    wangge_private.door_open(bigint, text, text, bytea, bytea, interval),
    wangge_private.door_refresh(uuid, bytea, bytea, bytea), wangge_private.door_close(uuid) TO wangge_login;
GRANT EXECUTE ON FUNCTION wangge_private.my_fields(), wangge_private.i_name(text) TO wangge_partner;
GRANT EXECUTE ON FUNCTION wangge_private.reveal(bigint, text) TO wangge_inspector, wangge_community, wangge_street;
