-- Who seals a row of the log holds a lock until she has committed. So an entry waits here until everything else of its
-- transaction is done, and is sealed by the commit itself: nobody's lock lasts as long as somebody's program thinks.
-- No row outlives its transaction, and nothing of this table need outlive a crash.

CREATE UNLOGGED TABLE wangge_private.audit_waiting (
    id bigint GENERATED ALWAYS AS IDENTITY,
    actor text NOT NULL,
    action text NOT NULL,
    subject text,
    purpose text,
    facts jsonb NOT NULL,
    CONSTRAINT audit_waiting_pkey PRIMARY KEY (id)
);
ALTER TABLE wangge_private.audit_waiting ENABLE ROW LEVEL SECURITY;
ALTER TABLE wangge_private.audit_waiting FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_all ON wangge_private.audit_waiting TO wangge_owner USING (true) WITH CHECK (true);

-- Whoever acts in a role writes under her own number; what runs in nobody's name is the system.
CREATE FUNCTION wangge_private.audit_record(actor text, action text, subject text, purpose text, facts jsonb)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF current_setting('role') LIKE 'wangge\_%' AND actor <> coalesce(wangge_private.my_id()::text, 'system') THEN
        RAISE EXCEPTION USING ERRCODE = '42501', MESSAGE = 'in the name of another';
    END IF;
    INSERT INTO wangge_private.audit_waiting (actor, action, subject, purpose, facts)
    VALUES (actor, action, subject, purpose, facts);
END
$$;

CREATE FUNCTION wangge_private.audit_enter() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO audit_log (actor, action, subject, purpose, facts)
    VALUES (NEW.actor, NEW.action, NEW.subject, NEW.purpose, NEW.facts);
    DELETE FROM wangge_private.audit_waiting WHERE id = NEW.id;
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER audit_at_commit AFTER INSERT ON wangge_private.audit_waiting
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wangge_private.audit_enter();

-- There is one way into the log.
REVOKE INSERT (actor, action, subject, purpose, facts) ON audit_log
    FROM wangge_inspector, wangge_community, wangge_street, wangge_planner, wangge_partner, wangge_auditor, wangge_admin;
DROP POLICY self_add ON audit_log;

REVOKE ALL ON FUNCTION wangge_private.audit_record(text, text, text, text, jsonb), wangge_private.audit_enter()
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wangge_private.audit_record(text, text, text, text, jsonb)
    TO wangge_inspector, wangge_community, wangge_street, wangge_planner, wangge_partner, wangge_auditor, wangge_admin;
