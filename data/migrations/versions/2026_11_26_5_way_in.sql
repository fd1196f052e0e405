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
