-- An administrator sees no person, and shall not come to see one by herself: what she gives is a proposal until somebody
-- else has confirmed it. What the owner of the machine makes carries no name and counts at once (`confirmed_at` by default).
-- What lets see persons: every assignment but that of a planner or auditor (a partner's says where its keys read), a key
-- that names more than unit and due date; and a password set by another, or a closed account opened again, which put all
-- such assignments of that account back to waiting.

ALTER TABLE assignment
    ADD COLUMN proposed_by bigint,
    ADD COLUMN confirmed_by bigint,
    ADD COLUMN confirmed_at timestamptz DEFAULT now(),
    ADD CONSTRAINT assignment_proposed_by_fkey FOREIGN KEY (proposed_by) REFERENCES app_user (id),
    ADD CONSTRAINT assignment_confirmed_by_fkey FOREIGN KEY (confirmed_by) REFERENCES app_user (id),
    ADD CONSTRAINT assignment_confirmed_check CHECK (confirmed_by IS NULL OR confirmed_at IS NOT NULL);
ALTER TABLE api_key
    ADD COLUMN proposed_by bigint,
    ADD COLUMN confirmed_by bigint,
    ADD COLUMN confirmed_at timestamptz DEFAULT now(),
    ADD CONSTRAINT api_key_proposed_by_fkey FOREIGN KEY (proposed_by) REFERENCES app_user (id),
    ADD CONSTRAINT api_key_confirmed_by_fkey FOREIGN KEY (confirmed_by) REFERENCES app_user (id),
    ADD CONSTRAINT api_key_confirmed_check CHECK (confirmed_by IS NULL OR confirmed_at IS NOT NULL);
-- Who else has set her password last (null: nobody, or it has been confirmed since), and whether she still uses that one.
ALTER TABLE app_user
    ADD COLUMN password_by bigint,
    ADD COLUMN password_handed boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT app_user_password_by_fkey FOREIGN KEY (password_by) REFERENCES app_user (id);

-- What was given before stands on the word of one person, and is written down so: it works, but whoever holds it confirms
-- nothing that comes from her. Only administrators made by administrators wait for the owner of the machine.
WITH given AS (
    SELECT DISTINCT ON (number) (facts->>'assignment')::bigint AS number, app_user.id AS giver
    FROM audit_log JOIN app_user ON app_user.id::text = audit_log.actor
    WHERE action = 'user.assign' AND facts ? 'assignment' ORDER BY number, audit_log.id
)
UPDATE assignment SET proposed_by = giver, confirmed_by = CASE WHEN role <> 'admin' THEN giver END,
    confirmed_at = CASE WHEN role <> 'admin' THEN now() END
FROM given WHERE given.number = assignment.id;
WITH given AS (
    SELECT DISTINCT ON (number) (facts->>'key')::bigint AS number, app_user.id AS giver
    FROM audit_log JOIN app_user ON app_user.id::text = audit_log.actor
    WHERE action = 'key.add' AND facts ? 'key' ORDER BY number, audit_log.id
)
UPDATE api_key SET proposed_by = giver, confirmed_by = giver FROM given WHERE given.number = api_key.id;

-- No role says of itself who has proposed or confirmed.
REVOKE INSERT ON assignment FROM wangge_admin;
GRANT INSERT (user_id, role, duty, area_code, valid_from, valid_to, street_code, community_code, grid_code)
    ON assignment TO wangge_admin;
GRANT SELECT (password_by, password_handed) ON app_user TO wangge_inspector, wangge_community, wangge_street,
    wangge_planner, wangge_partner, wangge_auditor, wangge_admin;
GRANT SELECT (proposed_by, confirmed_by, confirmed_at) ON api_key TO wangge_admin;


-- Proposing ------------------------------------------------------------------------------------------------------------

-- Which roles see persons, or decide who does; one that is not known here does.
CREATE FUNCTION wangge_private.needs_second(role text) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT $1 NOT IN ('planner', 'auditor')
$$;

CREATE FUNCTION wangge_private.proposed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    waits boolean;
BEGIN
    IF TG_TABLE_NAME = 'api_key' THEN
        waits := NOT NEW.fields <@ ARRAY['unit', 'due'];
    ELSE
        waits := wangge_private.needs_second(NEW.role);
    END IF;
    NEW.proposed_by := wangge_private.my_id();
    NEW.confirmed_at := CASE WHEN NOT waits THEN now() END;
    RETURN NEW;
END
$$;
CREATE TRIGGER proposed BEFORE INSERT ON assignment FOR EACH ROW
    WHEN (current_setting('role') LIKE 'wangge\_%') EXECUTE FUNCTION wangge_private.proposed();
CREATE TRIGGER proposed BEFORE INSERT ON api_key FOR EACH ROW
    WHEN (current_setting('role') LIKE 'wangge\_%') EXECUTE FUNCTION wangge_private.proposed();

-- Ending needs no second person; so what has ended is not begun again by moving its end.
CREATE FUNCTION wangge_private.only_ends() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = '42501', MESSAGE = 'what has ended is not begun again';
END
$$;
CREATE TRIGGER only_ends BEFORE UPDATE OF valid_to ON assignment FOR EACH ROW
    WHEN (current_setting('role') LIKE 'wangge\_%'
          AND coalesce(NEW.valid_to, 'infinity') > coalesce(OLD.valid_to, 'infinity'))
    EXECUTE FUNCTION wangge_private.only_ends();
CREATE TRIGGER only_ends BEFORE UPDATE OF revoked_at ON api_key FOR EACH ROW
    WHEN (current_setting('role') LIKE 'wangge\_%'
          AND coalesce(NEW.revoked_at, 'infinity') > coalesce(OLD.revoked_at, 'infinity'))
    EXECUTE FUNCTION wangge_private.only_ends();

-- What counts of somebody's, and sees persons, waits again, proposed by the caller; what waits keeps its proposer.
CREATE FUNCTION wangge_private.wait_again(who bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    UPDATE assignment SET proposed_by = wangge_private.my_id(), confirmed_by = NULL, confirmed_at = NULL
    WHERE user_id = who AND confirmed_at IS NOT NULL AND wangge_private.needs_second(role)
      AND (valid_to IS NULL OR valid_to > current_date)
$$;

-- Another than herself gives her a password, or opens her closed account: she, or whoever uses it, sees no person until
-- that is confirmed.
CREATE FUNCTION wangge_private.way_in() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    handed boolean := NEW.password_hash IS NOT NULL AND NEW.password_hash IS DISTINCT FROM OLD.password_hash;
BEGIN
    IF handed THEN
        NEW.password_by := wangge_private.my_id();
        NEW.password_handed := true;
    END IF;
    IF TG_OP = 'UPDATE' AND (handed OR NEW.active AND NOT OLD.active) THEN
        PERFORM wangge_private.wait_again(NEW.id);
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER way_in BEFORE INSERT OR UPDATE OF password_hash, active ON app_user FOR EACH ROW
    WHEN (current_setting('role') LIKE 'wangge\_%') EXECUTE FUNCTION wangge_private.way_in();


-- Confirming -----------------------------------------------------------------------------------------------------------

-- Whether all of some areas are, or lie in, one of others today; no area lies nowhere.
CREATE FUNCTION wangge_private.lie_in(codes text[], holders text[]) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH RECURSIVE up AS (
        SELECT asked, asked AS code FROM unnest(codes) AS asked
        UNION
        SELECT up.asked, area.parent_code FROM up JOIN area ON area.code = up.code AND area.valid @> current_date
        WHERE area.parent_code IS NOT NULL
    )
    SELECT coalesce(bool_and(held), false) FROM (SELECT bool_or(code = ANY (holders)) AS held FROM up GROUP BY asked) AS each
$$;

-- The areas in which the caller holds the role she acts in, but for those she holds by the word of `giver` alone.
CREATE FUNCTION wangge_private.my_standing(giver bigint) RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(array_agg(area_code), '{}') FROM assignment
    WHERE user_id = wangge_private.my_id() AND 'wangge_' || role = current_setting('role') AND confirmed_at IS NOT NULL
      AND valid_from <= current_date AND (valid_to IS NULL OR valid_to > current_date)
      AND (proposed_by IS DISTINCT FROM giver OR confirmed_by IS DISTINCT FROM giver)
$$;

-- What waits, as far as the caller is concerned: all of it for administrators and the owner of the machine; for a street
-- what lies in it, for a community the inspectors of its grids. `yours`: she may confirm it, since neither has she
-- proposed it, nor gains by it, nor has given the password, nor holds her own office by the proposer's word alone.
-- `ready`: whoever gains has put a password of her own in the place of the one she was given.
CREATE FUNCTION wangge_private.waiting()
RETURNS TABLE (what text, id bigint, user_id bigint, login text, name text, role text, area_codes text[], fields text[],
               proposed_by bigint, ready boolean, yours boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    acting text := current_setting('role');
    me bigint := wangge_private.my_id();
BEGIN
    RETURN QUERY
    WITH asked AS (
        SELECT 'assignment' AS what, a.id, a.user_id, a.role, ARRAY[a.area_code] AS codes, '{}'::text[] AS fields,
               a.proposed_by
        FROM assignment AS a
        WHERE a.confirmed_at IS NULL AND coalesce(a.valid_to, 'infinity') > greatest(current_date, a.valid_from)
        UNION ALL
        SELECT 'key', k.id, k.user_id, 'partner',
               ARRAY(SELECT a.area_code FROM assignment AS a WHERE a.user_id = k.user_id AND a.role = 'partner'
                     AND coalesce(a.valid_to, 'infinity') > greatest(current_date, a.valid_from) ORDER BY 1),
               k.fields, k.proposed_by
        FROM api_key AS k WHERE k.confirmed_at IS NULL AND k.revoked_at IS NULL AND k.expires_at > now()
    )
    SELECT asked.what, asked.id, asked.user_id, u.login, u.name, asked.role, asked.codes, asked.fields,
           asked.proposed_by, NOT u.password_handed,
           acting NOT LIKE 'wangge\_%'
           OR me <> ALL (array_remove(ARRAY[u.id, asked.proposed_by, u.password_by], NULL))
              AND (acting = 'wangge_admin' AND cardinality(standing) > 0 OR wangge_private.lie_in(asked.codes, standing))
    FROM asked JOIN app_user AS u ON u.id = asked.user_id
    CROSS JOIN LATERAL wangge_private.my_standing(asked.proposed_by) AS standing
    WHERE CASE acting
        WHEN 'wangge_admin' THEN wangge_private.i_am('admin')
        WHEN 'wangge_street' THEN asked.role <> 'admin'
            AND wangge_private.lie_in(asked.codes, wangge_private.my_codes('street'))
        WHEN 'wangge_community' THEN asked.role = 'inspector'
            AND wangge_private.lie_in(asked.codes, wangge_private.my_codes('community'))
        ELSE acting NOT LIKE 'wangge\_%' END
    ORDER BY asked.what, asked.id;
END
$$;

-- Confirm one, or refuse it: whoever may see it may refuse it, the proposer too. Of two who decide at once, and of one who
-- confirms while another hands out a password, the second waits for the first.
CREATE FUNCTION wangge_private.decide(what text, number bigint, granted boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    owns constant boolean := current_setting('role') NOT LIKE 'wangge\_%';
    asked record;
BEGIN
    PERFORM FROM app_user WHERE id IN (
        SELECT user_id FROM assignment AS a WHERE decide.what = 'assignment' AND a.id = number
        UNION ALL SELECT user_id FROM api_key AS k WHERE decide.what = 'key' AND k.id = number) FOR UPDATE;
    SELECT * INTO asked FROM wangge_private.waiting() AS w WHERE w.what = decide.what AND w.id = number;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'WG404', MESSAGE = 'confirm.absent', DETAIL = '{}';
    ELSIF granted AND NOT asked.yours THEN
        RAISE EXCEPTION USING ERRCODE = 'WG403', MESSAGE = 'confirm.self', DETAIL = '{}';
    ELSIF granted AND NOT asked.ready AND NOT owns THEN
        RAISE EXCEPTION USING ERRCODE = 'WG409', MESSAGE = 'confirm.password', DETAIL = '{}';
    END IF;
    IF granted AND decide.what = 'key' THEN
        UPDATE api_key SET confirmed_by = wangge_private.my_id(), confirmed_at = now() WHERE id = number;
    ELSIF granted THEN
        UPDATE assignment SET confirmed_by = wangge_private.my_id(), confirmed_at = now() WHERE id = number;
        UPDATE app_user SET password_by = NULL, password_handed = false WHERE id = asked.user_id;
    ELSIF decide.what = 'key' THEN
        UPDATE api_key SET revoked_at = now() WHERE id = number;
    ELSE
        UPDATE assignment SET valid_to = valid_from WHERE id = number;
    END IF;
    PERFORM wangge_private.audit_record(
        CASE WHEN owns THEN 'shell' ELSE wangge_private.my_id()::text END,
        what || CASE WHEN granted THEN '.confirm' ELSE '.refuse' END, 'user:' || asked.user_id, NULL,
        jsonb_build_object(what, number, 'proposed_by', asked.proposed_by));
END
$$;


-- What is confirmed counts ---------------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION wangge_private.my_codes(role text) RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(array_agg(area_code), '{}')
    FROM assignment
    WHERE user_id = wangge_private.my_id() AND assignment.role = my_codes.role AND confirmed_at IS NOT NULL
      AND valid_from <= current_date AND (valid_to IS NULL OR valid_to > current_date)
$$;

CREATE OR REPLACE FUNCTION wangge_private.door_session(sid uuid)
RETURNS TABLE (user_id bigint, login text, role text, key_id bigint, scopes text[])
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT u.id, u.login, s.role, NULL::bigint, NULL::text[]
    FROM login_session s JOIN app_user u ON u.id = s.user_id
    WHERE s.id = sid AND s.ended_at IS NULL AND s.expires_at > now() AND u.active
      AND EXISTS (SELECT FROM assignment a WHERE a.user_id = u.id AND a.role = s.role AND a.confirmed_at IS NOT NULL
          AND a.valid_from <= current_date AND (a.valid_to IS NULL OR a.valid_to > current_date));
END
$$;

CREATE OR REPLACE FUNCTION wangge_private.door_key(shown_prefix text, shown_hash bytea)
RETURNS TABLE (user_id bigint, login text, role text, key_id bigint, scopes text[])
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT u.id, u.login, 'partner'::text, k.id, k.scopes
    FROM api_key k JOIN app_user u ON u.id = k.user_id
    WHERE k.prefix = shown_prefix AND k.secret_hash = shown_hash AND k.revoked_at IS NULL AND k.expires_at > now()
      AND k.confirmed_at IS NOT NULL
      AND u.active AND EXISTS (SELECT FROM assignment a WHERE a.user_id = u.id AND a.role = 'partner'
          AND a.confirmed_at IS NOT NULL
          AND a.valid_from <= current_date AND (a.valid_to IS NULL OR a.valid_to > current_date));
END
$$;

CREATE OR REPLACE FUNCTION wangge_private.my_fields() RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce((SELECT fields FROM api_key
        WHERE id = nullif(current_setting('wangge.key_id', true), '')::bigint AND user_id = wangge_private.my_id()
          AND revoked_at IS NULL AND expires_at > now() AND confirmed_at IS NOT NULL), '{}')
$$;

CREATE OR REPLACE FUNCTION wangge_private.first_role(who bigint, wanted text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT role FROM assignment
    WHERE user_id = who AND (wanted IS NULL OR role = wanted) AND role <> 'partner' AND confirmed_at IS NOT NULL
      AND valid_from <= current_date AND (valid_to IS NULL OR valid_to > current_date)
    ORDER BY array_position(ARRAY['street', 'community', 'inspector', 'planner', 'auditor', 'admin'], role) LIMIT 1
$$;


-- One's own password ---------------------------------------------------------------------------------------------------

-- All that was asked for was right: the try is taken back, as `door_open` does.
CREATE FUNCTION wangge_private.door_forgive(shown_login text, address text, device bytea) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    UPDATE login_throttle t SET charge = greatest(0, t.charge - 1), free_at = clock_timestamp()
    WHERE t.lane IN (SELECT l.lane FROM wangge_private.door_lanes(shown_login, address, device) l)
$$;

-- The old password was right: the new one takes its place and `sessions_end` ends what was opened with the old one. Who
-- gave the old one is not forgotten, only that it is used. False: it was changed in the meantime.
CREATE FUNCTION wangge_private.door_password(who bigint, kept text, following text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE app_user SET password_hash = following, password_handed = false
    WHERE id = who AND active AND password_hash = kept;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO audit_log (actor, action, subject) VALUES (who::text, 'user.password', 'user:' || who);
    RETURN true;
END
$$;

REVOKE ALL ON FUNCTION wangge_private.needs_second(text), wangge_private.proposed(), wangge_private.only_ends(),
    wangge_private.wait_again(bigint), wangge_private.way_in(), wangge_private.lie_in(text[], text[]), wangge_private.my_standing(bigint),
    wangge_private.waiting(), wangge_private.decide(text, bigint, boolean),
    wangge_private.door_forgive(text, text, bytea), wangge_private.door_password(bigint, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wangge_private.waiting(), wangge_private.decide(text, bigint, boolean)
    TO wangge_admin, wangge_street, wangge_community;
GRANT EXECUTE ON FUNCTION wangge_private.door_forgive(text, text, bytea),
    wangge_private.door_password(bigint, text, text) TO wangge_login;
