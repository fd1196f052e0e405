-- What is late, for a partner: the same answer as for a report at a time, without looking up all else about each.
-- Empty for a key that does not name deadlines. Each seat is read along its own index.
CREATE FUNCTION wangge_private.partner_late(moment timestamptz) RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    me bigint := wangge_private.my_id();
    mine text[] := wangge_private.my_codes('partner');
BEGIN
    IF wangge_private.i_name('due') THEN
        RETURN QUERY
        SELECT id FROM report WHERE street_code = ANY (mine) AND due_at < moment
            AND status IN ('received', 'accepted', 'assigned', 'reopened')
        UNION SELECT id FROM report WHERE community_code = ANY (mine) AND due_at < moment
            AND status IN ('received', 'accepted', 'assigned', 'reopened')
        UNION SELECT id FROM report WHERE grid_code = ANY (mine) AND due_at < moment
            AND status IN ('received', 'accepted', 'assigned', 'reopened')
        UNION SELECT id FROM report WHERE author_id = me AND due_at < moment
            AND status IN ('received', 'accepted', 'assigned', 'reopened');
    END IF;
END
$$;
REVOKE ALL ON FUNCTION wangge_private.partner_late(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wangge_private.partner_late(timestamptz) TO wangge_partner;


-- The figures of a period read its reports of one street, or those of a smaller area by two indexes together. Nothing reads
-- reports by category alone, nor all of them by the time they came but a shell, which may wait: each index costs every filing.
DROP INDEX report_moved_idx, report_deadline_idx, report_category_idx, report_received_idx;
CREATE INDEX report_moved_idx ON report (moved_at, street_code);
CREATE INDEX report_deadline_idx ON report (due_at, street_code);
