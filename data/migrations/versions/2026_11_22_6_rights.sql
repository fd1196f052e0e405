-- A request is one transaction: SET LOCAL ROLE to one of the roles below, and `wangge.user_id` set to the verified user.
-- Without either nothing personal is seen: an unset setting reads NULL, one left over from a SET LOCAL reads ''.
-- Rights are looked up in `assignment` on every statement, so that taking one away works at once.

CREATE FUNCTION wangge_private.my_id() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT id FROM app_user WHERE active AND id = nullif(current_setting('wangge.user_id', true), '')::bigint
$$;

-- The areas in which the user holds `role` today. Each policy compares them with one column: the level of the role.
CREATE FUNCTION wangge_private.my_codes(role text) RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(array_agg(area_code), '{}')
    FROM assignment
    WHERE user_id = wangge_private.my_id() AND assignment.role = my_codes.role
      AND valid_from <= current_date AND (valid_to IS NULL OR valid_to > current_date)
$$;

-- For roles that are not bound to an area: does the user hold it today at all?
CREATE FUNCTION wangge_private.i_am(role text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT cardinality(wangge_private.my_codes(role)) > 0
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA wangge_private FROM PUBLIC;
GRANT USAGE ON SCHEMA wangge_private TO wangge_inspector, wangge_community, wangge_street, wangge_planner,
    wangge_partner, wangge_auditor, wangge_admin;
GRANT EXECUTE ON FUNCTION wangge_private.my_id(), wangge_private.my_codes(text), wangge_private.i_am(text)
    TO wangge_inspector, wangge_community, wangge_street, wangge_planner, wangge_partner, wangge_auditor, wangge_admin;


-- Tables without persons: grants alone ---------------------------------------------------------------------------------

GRANT SELECT ON area, area_level, area_scheme, facility, facility_kind, walknet, walk_node, walk_edge, coverage_published
    TO wangge_public, wangge_inspector, wangge_community, wangge_street, wangge_planner, wangge_partner, wangge_admin;
-- Not `totals`, which are exact.
GRANT SELECT (id, kinds, parameters, manifest, inputs_sha256, seconds, walknet_id, as_of, data_date, synthetic, created_at)
    ON coverage_run TO wangge_public, wangge_inspector, wangge_community, wangge_street, wangge_planner, wangge_partner;
GRANT SELECT ON import_batch TO wangge_planner, wangge_admin;
GRANT INSERT, UPDATE ON area_scheme, facility_kind TO wangge_admin;
GRANT SELECT ON alembic_version TO wangge_public, wangge_inspector, wangge_community, wangge_street, wangge_planner,
    wangge_partner, wangge_auditor, wangge_admin;


-- Tables with persons: forced row security, closed to all but the owner until a policy opens it ------------------------

DO $$
DECLARE
    personal text;
    level text;
    role text;
BEGIN
    FOREACH personal IN ARRAY ARRAY['household', 'report', 'coverage_household', 'coverage_area', 'app_user', 'assignment',
                                    'audit_log'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', personal);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', personal);
        EXECUTE format('CREATE POLICY owner_all ON %I TO wangge_owner USING (true) WITH CHECK (true)', personal);
    END LOOP;
    -- Staff see what lies in the areas they are assigned to: an inspector by grid, the others by their own level.
    FOREACH personal IN ARRAY ARRAY['household', 'report', 'coverage_household', 'coverage_area'] LOOP
        FOREACH level IN ARRAY ARRAY['grid', 'community', 'street'] LOOP
            role := CASE level WHEN 'grid' THEN 'inspector' ELSE level END;
            EXECUTE format('GRANT SELECT ON %I TO wangge_%s', personal, role);
            EXECUTE format(
                'CREATE POLICY %1$s_read ON %2$I FOR SELECT TO wangge_%3$s'
                ' USING (%1$s_code = ANY ((SELECT wangge_private.my_codes(%3$L))::text[]))', level, personal, role);
        END LOOP;
    END LOOP;
    -- Staff of a community or street keep the households of their area, and the state of its reports.
    FOREACH level IN ARRAY ARRAY['community', 'street'] LOOP
        FOREACH personal IN ARRAY ARRAY['household', 'report'] LOOP
            EXECUTE format(
                'CREATE POLICY %1$s_edit ON %2$I FOR UPDATE TO wangge_%1$s'
                ' USING (%1$s_code = ANY ((SELECT wangge_private.my_codes(%1$L))::text[]))'
                ' WITH CHECK (%1$s_code = ANY ((SELECT wangge_private.my_codes(%1$L))::text[]))', level, personal);
        END LOOP;
        EXECUTE format(
            'CREATE POLICY %1$s_add ON household FOR INSERT TO wangge_%1$s'
            ' WITH CHECK (%1$s_code = ANY ((SELECT wangge_private.my_codes(%1$L))::text[]))', level);
        EXECUTE format('GRANT INSERT, UPDATE ON household TO wangge_%s', level);
        EXECUTE format('GRANT UPDATE (category, status) ON report TO wangge_%s', level);
        EXECUTE format(
            'CREATE POLICY %1$s_read ON app_user FOR SELECT TO wangge_%1$s'
            ' USING (%1$s_code = ANY ((SELECT wangge_private.my_codes(%1$L))::text[]))', level);
        EXECUTE format(
            'CREATE POLICY %1$s_read ON assignment FOR SELECT TO wangge_%1$s'
            ' USING (%1$s_code = ANY ((SELECT wangge_private.my_codes(%1$L))::text[]))', level);
    END LOOP;
END
$$;

-- An inspector reports under her own name, wherever the phone believes it is, and keeps seeing what she has reported.
CREATE POLICY author_read ON report FOR SELECT TO wangge_inspector USING (author_id = (SELECT wangge_private.my_id()));
CREATE POLICY author_add ON report FOR INSERT TO wangge_inspector WITH CHECK (
    author_id = (SELECT wangge_private.my_id()) AND (SELECT wangge_private.i_am('inspector')));
GRANT INSERT ON report TO wangge_inspector;

-- Everybody with a name sees their own account and rights; no role of the application reads a password hash.
CREATE POLICY self_read ON app_user FOR SELECT TO wangge_inspector, wangge_community, wangge_street, wangge_planner,
    wangge_partner, wangge_auditor, wangge_admin
    USING (id = (SELECT wangge_private.my_id()));
CREATE POLICY self_read ON assignment FOR SELECT TO wangge_inspector, wangge_community, wangge_street, wangge_planner,
    wangge_partner, wangge_auditor, wangge_admin
    USING (user_id = (SELECT wangge_private.my_id()));
GRANT SELECT (id, login, name, active, synthetic, street_code, community_code, grid_code, created_at) ON app_user
    TO wangge_inspector, wangge_community, wangge_street, wangge_planner, wangge_partner, wangge_auditor, wangge_admin;
GRANT SELECT ON assignment
    TO wangge_inspector, wangge_community, wangge_street, wangge_planner, wangge_partner, wangge_auditor, wangge_admin;

-- An administrator keeps accounts and rights, but never her own rights.
CREATE POLICY admin_read ON app_user FOR SELECT TO wangge_admin USING ((SELECT wangge_private.i_am('admin')));
CREATE POLICY admin_add ON app_user FOR INSERT TO wangge_admin WITH CHECK ((SELECT wangge_private.i_am('admin')));
CREATE POLICY admin_edit ON app_user FOR UPDATE TO wangge_admin USING ((SELECT wangge_private.i_am('admin')));
CREATE POLICY admin_read ON assignment FOR SELECT TO wangge_admin USING ((SELECT wangge_private.i_am('admin')));
CREATE POLICY admin_add ON assignment FOR INSERT TO wangge_admin WITH CHECK (
    (SELECT wangge_private.i_am('admin')) AND user_id <> (SELECT wangge_private.my_id()));
CREATE POLICY admin_edit ON assignment FOR UPDATE TO wangge_admin USING (
    (SELECT wangge_private.i_am('admin')) AND user_id <> (SELECT wangge_private.my_id()));
GRANT INSERT (login, name, password_hash, active, synthetic, street_code, community_code, grid_code),
      UPDATE (name, password_hash, active, street_code, community_code, grid_code) ON app_user TO wangge_admin;
GRANT INSERT, UPDATE (valid_to) ON assignment TO wangge_admin;

-- Whoever acts writes the log under her own number; only the auditor reads it.
CREATE POLICY self_add ON audit_log FOR INSERT TO wangge_inspector, wangge_community, wangge_street, wangge_planner,
    wangge_partner, wangge_auditor, wangge_admin
    WITH CHECK (actor = (SELECT wangge_private.my_id())::text);
CREATE POLICY auditor_read ON audit_log FOR SELECT TO wangge_auditor USING ((SELECT wangge_private.i_am('auditor')));
GRANT INSERT (actor, action, subject, purpose, facts) ON audit_log
    TO wangge_inspector, wangge_community, wangge_street, wangge_planner, wangge_partner, wangge_auditor, wangge_admin;
GRANT SELECT ON audit_log TO wangge_auditor;
GRANT EXECUTE ON FUNCTION wangge_private.audit_digest(audit_log) TO wangge_auditor;
