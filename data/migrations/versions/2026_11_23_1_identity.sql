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

DO $$
DECLARE
    personal text;
BEGIN
    FOREACH personal IN ARRAY ARRAY['login_session', 'api_key'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', personal);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', personal);
        EXECUTE format('CREATE POLICY owner_all ON %I TO wangge_owner USING (true) WITH CHECK (true)', personal);
    END LOOP;
END
$$;


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

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA wangge_private FROM PUBLIC;
GRANT USAGE ON SCHEMA wangge_private TO wangge_login;
GRANT EXECUTE ON FUNCTION wangge_private.door_session(uuid), wangge_private.door_key(text, bytea) TO wangge_login;
GRANT EXECUTE ON FUNCTION wangge_private.my_fields() TO wangge_partner;
