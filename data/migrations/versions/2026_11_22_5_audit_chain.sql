-- One row seals the one before it: digest = sha256(previous digest || the row as canonical JSON). Numbers have no gap,
-- so a row taken out is seen; the head of the chain, kept elsewhere, shows whether the end was cut off.

CREATE FUNCTION wangge_private.audit_digest(entry audit_log) RETURNS bytea
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT sha256(entry.previous || convert_to(jsonb_build_array(
        entry.id, to_char(entry.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), entry.actor, entry.action,
        entry.subject, entry.purpose, entry.facts)::text, 'UTF8'))
$$;

-- Writers queue up from here until they commit: without that, two would seal the same row, or a number be missing.
-- Under REPEATABLE READ the newest row is not seen, and the primary key refuses the second writer.
CREATE FUNCTION wangge_private.audit_seal() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    newest record;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('wangge.audit', 0));
    SELECT id, digest INTO newest FROM audit_log ORDER BY id DESC LIMIT 1;
    NEW.id := coalesce(newest.id, 0) + 1;
    NEW.at := clock_timestamp();
    NEW.previous := coalesce(newest.digest, decode(repeat('00', 32), 'hex'));
    NEW.digest := wangge_private.audit_digest(NEW);
    RETURN NEW;
END
$$;

CREATE TRIGGER audit_seal BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION wangge_private.audit_seal();

CREATE FUNCTION wangge_private.audit_refuse() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'WG001', MESSAGE = 'audit.append_only', DETAIL = '[]';
END
$$;

CREATE TRIGGER audit_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION wangge_private.audit_refuse();
