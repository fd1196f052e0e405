-- What every policy, the feed and the log ask: the same questions as before. A function in SQL that is not inlined is
-- parsed and planned anew in each statement, which took longer than answering; in PL/pgSQL its plan is kept.

CREATE OR REPLACE FUNCTION wangge_private.my_id() RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN (SELECT id FROM app_user
        WHERE active AND id = nullif(current_setting('wangge.user_id', true), '')::bigint);
END
$$;

CREATE OR REPLACE FUNCTION wangge_private.my_codes(role text) RETURNS text[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN (SELECT coalesce(array_agg(area_code), '{}') FROM assignment
        WHERE user_id = wangge_private.my_id() AND assignment.role = my_codes.role AND confirmed_at IS NOT NULL
          AND valid_from <= current_date AND (valid_to IS NULL OR valid_to > current_date));
END
$$;

CREATE OR REPLACE FUNCTION wangge_private.i_am(role text) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN cardinality(wangge_private.my_codes(role)) > 0;
END
$$;

CREATE OR REPLACE FUNCTION wangge_private.my_fields() RETURNS text[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN coalesce((SELECT fields FROM api_key
        WHERE id = nullif(current_setting('wangge.key_id', true), '')::bigint AND user_id = wangge_private.my_id()
          AND revoked_at IS NULL AND expires_at > now() AND confirmed_at IS NOT NULL), '{}');
END
$$;

CREATE OR REPLACE FUNCTION wangge_private.i_name(field text) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN field = ANY (wangge_private.my_fields());
END
$$;

CREATE OR REPLACE FUNCTION wangge_private.change_record(
    what text, subject text, action text, facts jsonb, street_code text, community_code text, grid_code text
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO change (what, subject, action, facts, street_code, community_code, grid_code)
    VALUES ($1, $2, $3, $4, $5, $6, $7);
END
$$;

CREATE OR REPLACE FUNCTION wangge_private.audit_digest(entry audit_log) RETURNS bytea
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN sha256(entry.previous || convert_to(jsonb_build_array(
        entry.id, to_char(entry.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), entry.actor, entry.action,
        entry.subject, entry.purpose, entry.facts)::text, 'UTF8'));
END
$$;


-- Filing a report: one statement that asks, one that keeps. Both act with the rights of whoever files.

-- All that must be known before a report is kept: the areas that hold its place, where its author works, her last fix, how
-- far she is from her grids, the category, the rules that may route it, and what she has sent under this id before. Of its own
-- earlier fixes a partner may read none.
CREATE FUNCTION wangge_private.report_about(
    phone_id text, author bigint, acting text, wanted text, place geometry, day date
) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    areas jsonb;
    codes text[];
    seats text[];
    home jsonb;
    what category;
    rules jsonb;
    beyond_m double precision;
    fix jsonb;
    known jsonb;
BEGIN
    SELECT jsonb_object_agg(level, code), array_agg(code) INTO areas, codes FROM area_holding(place, day);
    SELECT array_agg(area_code), (array_agg(jsonb_build_object(
               'street', street_code, 'community', community_code, 'grid', grid_code) ORDER BY area_code))[1]
    INTO seats, home
    FROM assignment WHERE user_id = author AND role = acting AND daterange(valid_from, valid_to) @> day
      AND confirmed_at IS NOT NULL;
    SELECT * INTO what FROM category WHERE code = wanted AND active;
    SELECT jsonb_agg(jsonb_build_array(id, category, area, unit) ORDER BY id) INTO rules
    FROM routing_rule
    WHERE active AND category IN ('', wanted, what.family) AND (area = '' OR area = ANY (codes));
    IF acting = 'inspector' AND NOT coalesce(seats && codes, false) THEN
        SELECT min(ST_Distance(geom::geography, place::geography)) INTO beyond_m
        FROM area WHERE code = ANY (seats) AND valid @> day;
    END IF;
    IF acting = 'partner' THEN
        SELECT to_jsonb(filed) INTO known FROM wangge_private.partner_filed(phone_id) AS filed;
    ELSE
        SELECT jsonb_build_array(lon, lat, captured_at, accuracy_m) INTO fix
        FROM report WHERE author_id = author AND geom IS NOT NULL ORDER BY received_at DESC, id DESC LIMIT 1;
        SELECT to_jsonb(filed) INTO known FROM (
            SELECT id, client_id, category, received_at, street_code, community_code, grid_code, photos, body_hash
            FROM report
            WHERE client_id = phone_id AND (author_id = author OR (author_id IS NULL AND author IS NULL))) AS filed;
    END IF;
    RETURN jsonb_build_object(
        'areas', coalesce(areas, '{}'), 'home', home, 'category', CASE WHEN what.code IS NOT NULL THEN to_jsonb(what) END,
        'rules', coalesce(rules, '[]'), 'beyond_m', beyond_m, 'last', fix, 'known', known);
END
$$;

-- Keep a report, its first event, and what the feed and the log are told of it: all, or nothing and false where its author
-- has filed one under this id in the same moment. The log gets the number of whoever files.
CREATE FUNCTION wangge_private.report_file(filed jsonb, place geometry, happened jsonb, told jsonb) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    new report := jsonb_populate_record(NULL::report, filed);
    first report_event := jsonb_populate_record(NULL::report_event, happened);
BEGIN
    INSERT INTO report (id, author_id, client_id, category, status, version, moved_at, geom, lon_sent, lat_sent, datum_sent,
        accuracy_m, captured_at, sent_at, received_at, text, photos, mocked, body_hash, suspect, routed, due_at, warn_at,
        due_unknown, street_code, community_code, grid_code, synthetic)
    VALUES (new.id, new.author_id, new.client_id, new.category, new.status, new.version, new.moved_at, place, new.lon_sent,
        new.lat_sent, new.datum_sent, new.accuracy_m, new.captured_at, new.sent_at, new.received_at, new.text, new.photos,
        new.mocked, new.body_hash, new.suspect, new.routed, new.due_at, new.warn_at, new.due_unknown, new.street_code,
        new.community_code, new.grid_code, new.synthetic)
    ON CONFLICT (author_id, client_id) DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO report_event (report_id, version, move, actor_id, actor_role, at, source, target)
    VALUES (new.id, first.version, first.move, first.actor_id, first.actor_role, first.at, first.source, first.target);
    PERFORM wangge_private.change_record(
        'report', new.id::text, first.move, told, new.street_code, new.community_code, new.grid_code);
    PERFORM wangge_private.audit_record(
        coalesce(new.author_id::text, 'system'), 'report.' || first.move, new.id::text, NULL,
        jsonb_build_object('version', first.version));
    RETURN true;
END
$$;

REVOKE ALL ON FUNCTION wangge_private.report_about(text, bigint, text, text, geometry, date),
    wangge_private.report_file(jsonb, geometry, jsonb, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wangge_private.report_about(text, bigint, text, text, geometry, date),
    wangge_private.report_file(jsonb, geometry, jsonb, jsonb)
    TO wangge_inspector, wangge_community, wangge_street, wangge_partner;
