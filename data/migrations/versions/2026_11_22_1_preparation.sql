-- Needs rights that an ordinary database owner lacks. Whatever is there already is left as it is, so an administrator
-- may run this file once, and the owner's migration then passes over it.

CREATE EXTENSION IF NOT EXISTS postgis;
CREATE EXTENSION IF NOT EXISTS btree_gist;

-- Roles belong to the whole server, not to one database. None of them can log in: `wangge_login` is given LOGIN and a
-- password by whoever runs the server, and still may do nothing until it has chosen one of the others.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['wangge_owner', 'wangge_login', 'wangge_public', 'wangge_inspector',
        'wangge_community', 'wangge_street', 'wangge_planner', 'wangge_partner', 'wangge_auditor', 'wangge_admin'] LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = wanted);
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN %s', wanted, CASE wanted WHEN 'wangge_login' THEN 'NOINHERIT' END);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- another database of this server is being migrated at this moment
        END;
    END LOOP;
    FOREACH wanted IN ARRAY ARRAY['wangge_public', 'wangge_inspector', 'wangge_community', 'wangge_street',
        'wangge_planner', 'wangge_partner', 'wangge_auditor', 'wangge_admin'] LOOP
        IF NOT pg_has_role('wangge_login', wanted, 'MEMBER') THEN
            EXECUTE format('GRANT %I TO wangge_login', wanted);
        END IF;
    END LOOP;
    -- Through wangge_login the owner may take on any of the roles, but inherits nothing from them.
    IF NOT pg_has_role('wangge_owner', 'wangge_login', 'MEMBER') THEN
        GRANT wangge_login TO wangge_owner;
    END IF;
    IF NOT pg_has_role(current_user, 'wangge_owner', 'MEMBER') THEN
        EXECUTE format('GRANT wangge_owner TO %I', current_user);
    END IF;
END
$$;
