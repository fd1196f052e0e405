-- Tokens of another provider ---------------------------------------------------------------------------------------------
-- Nobody keeps their sessions here, so the account says from which moment on they are good: whatever logs her out
-- everywhere moves it to now, and nothing moves it back.

ALTER TABLE app_user ADD COLUMN tokens_from timestamptz NOT NULL DEFAULT '-infinity';

-- A new password and a closed account, whoever makes the change.
CREATE FUNCTION wangge_private.tokens_end() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    NEW.tokens_from := clock_timestamp();
    RETURN NEW;
END
$$;
CREATE TRIGGER tokens_end BEFORE UPDATE OF password_hash, active ON app_user FOR EACH ROW
    WHEN (NEW.password_hash IS DISTINCT FROM OLD.password_hash OR (OLD.active AND NOT NEW.active))
    EXECUTE FUNCTION wangge_private.tokens_end();

-- A lost device: all her sessions, and all tokens that were given before now; how many sessions there were.
CREATE FUNCTION wangge_private.log_out(who bigint, why text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    ended integer;
BEGIN
    IF current_setting('role') LIKE 'wangge\_%' AND NOT wangge_private.i_am('admin') THEN
        RAISE EXCEPTION USING ERRCODE = '42501', MESSAGE = 'an administrator logs out others';
    END IF;
    UPDATE app_user SET tokens_from = clock_timestamp() WHERE id = who;
    UPDATE login_session SET ended_at = now(), ended_why = why WHERE user_id = who AND ended_at IS NULL;
    GET DIAGNOSTICS ended = ROW_COUNT;
    RETURN ended;
END
$$;
REVOKE UPDATE (ended_at, ended_why) ON login_session FROM wangge_admin;
DROP POLICY admin_edit ON login_session;

-- `issued`: when the provider says she logged in there, to the second.
DROP FUNCTION wangge_private.door_login(text);
CREATE FUNCTION wangge_private.door_login(shown_login text, issued timestamptz)
RETURNS TABLE (user_id bigint, login text, role text, key_id bigint, scopes text[])
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT u.id, u.login, wangge_private.first_role(u.id, NULL), NULL::bigint, NULL::text[]
    FROM app_user u WHERE u.login = shown_login AND u.active AND issued >= u.tokens_from
        AND wangge_private.first_role(u.id, NULL) IS NOT NULL;
END
$$;

REVOKE ALL ON FUNCTION wangge_private.tokens_end(), wangge_private.log_out(bigint, text),
    wangge_private.door_login(text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wangge_private.log_out(bigint, text) TO wangge_admin;
GRANT EXECUTE ON FUNCTION wangge_private.door_login(text, timestamptz) TO wangge_login;


-- A second factor ------------------------------------------------------------------------------------------------------
-- The secret is sealed under a key that is not here (`data.keyring`), of recovery codes only digests are kept. `step` is the
-- newest half minute whose code was used: none up to it is taken again. Not enrolled before one code has proved it.

CREATE TABLE second_factor (
    user_id bigint NOT NULL,
    secret_sealed text NOT NULL,
    recovery bytea[] NOT NULL,
    step bigint NOT NULL DEFAULT '0',
    enrolled_at timestamptz,
    CONSTRAINT second_factor_pkey PRIMARY KEY (user_id),
    CONSTRAINT second_factor_user_id_fkey FOREIGN KEY (user_id) REFERENCES app_user (id) ON DELETE CASCADE
);
ALTER TABLE second_factor ENABLE ROW LEVEL SECURITY;
ALTER TABLE second_factor FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_all ON second_factor TO wangge_owner USING (true) WITH CHECK (true);

-- What is asked of somebody whose password was right: the role she would act in, and her factor if she has one.
CREATE FUNCTION wangge_private.door_factor(who bigint, wanted text)
RETURNS TABLE (role text, secret_sealed text, enrolled boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT wangge_private.first_role(who, wanted), f.secret_sealed, f.enrolled_at IS NOT NULL
    FROM (SELECT) AS always LEFT JOIN second_factor AS f ON f.user_id = who
$$;

CREATE FUNCTION wangge_private.door_factor_put(who bigint, sealed text, codes bytea[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    INSERT INTO second_factor (user_id, secret_sealed, recovery) VALUES (who, sealed, codes)
    ON CONFLICT (user_id) DO UPDATE SET secret_sealed = sealed, recovery = codes, step = 0, enrolled_at = NULL
$$;

-- The code of a half minute was right, or a recovery code may be: each is good once, of two at the same time one is.
CREATE FUNCTION wangge_private.door_factor_use(who bigint, used bigint, code bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF used IS NOT NULL THEN
        INSERT INTO audit_log (actor, action) SELECT who::text, 'factor.enrol' FROM second_factor
        WHERE user_id = who AND enrolled_at IS NULL;
        UPDATE second_factor SET step = used, enrolled_at = coalesce(enrolled_at, now()) WHERE user_id = who AND step < used;
        RETURN FOUND;
    END IF;
    UPDATE second_factor SET recovery = array_remove(recovery, code)
    WHERE user_id = who AND enrolled_at IS NOT NULL AND code = ANY (recovery);
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO audit_log (actor, action) VALUES (who::text, 'factor.recovery');
    RETURN true;
END
$$;

-- Somebody has lost hers: another takes it away, and what sees persons waits for a second person again. False: she has none.
CREATE FUNCTION wangge_private.factor_end(who bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    owns constant boolean := current_setting('role') NOT LIKE 'wangge\_%';
BEGIN
    IF NOT owns AND (NOT wangge_private.i_am('admin') OR who = wangge_private.my_id()) THEN
        RAISE EXCEPTION USING ERRCODE = '42501', MESSAGE = 'an administrator ends the factor of others';
    END IF;
    DELETE FROM second_factor WHERE user_id = who;
    IF FOUND AND NOT owns THEN
        PERFORM wangge_private.wait_again(who);
        RETURN true;
    END IF;
    RETURN FOUND;
END
$$;

REVOKE ALL ON FUNCTION wangge_private.door_factor(bigint, text), wangge_private.door_factor_put(bigint, text, bytea[]),
    wangge_private.door_factor_use(bigint, bigint, bytea), wangge_private.factor_end(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wangge_private.door_factor(bigint, text), wangge_private.door_factor_put(bigint, text, bytea[]),
    wangge_private.door_factor_use(bigint, bigint, bytea) TO wangge_login;
GRANT EXECUTE ON FUNCTION wangge_private.factor_end(bigint) TO wangge_admin;
