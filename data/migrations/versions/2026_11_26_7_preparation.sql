-- Needs the right to make roles, which an ordinary database owner lacks. Whatever is there already is left as it is, so
-- an administrator may run this file once, and the owner's migration then passes over it.

-- What the process that serves reads for figures it keeps in memory: the data of coverage, and nothing else. It cannot
-- log in either; `wangge_login` takes it on.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'wangge_memory') THEN
        BEGIN
            CREATE ROLE wangge_memory NOLOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- another database of this server is being migrated at this moment
        END;
    END IF;
    IF NOT pg_has_role('wangge_login', 'wangge_memory', 'MEMBER') THEN
        GRANT wangge_memory TO wangge_login;
    END IF;
END
$$;
