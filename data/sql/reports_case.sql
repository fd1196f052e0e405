-- One row: a report that the reader may see, with all that happened to it.
SELECT {columns}, ST_X(geom) AS lon, ST_Y(geom) AS lat,
    (SELECT json_agg(happened ORDER BY version) FROM (
        SELECT {event_columns} FROM {events} WHERE report_id = report.id) AS happened) AS events,
    (SELECT to_json(listed) FROM category AS listed WHERE listed.code = report.category) AS category_row,
    (SELECT coalesce(array_agg(DISTINCT link.sha256), '{{}}')
     FROM report_photo AS link JOIN photo USING (author_id, sha256)
     WHERE link.report_id = report.id AND photo.state <> 'refused') AS photos_here,
    (SELECT coalesce(array_agg(merged.id::text ORDER BY merged.received_at), '{{}}')
     FROM report AS merged WHERE merged.merged_into = report.id) AS merged,
    (SELECT count(*) FROM report_conflict AS dispute WHERE dispute.report_id = report.id AND kept IS NULL) AS disputes
FROM {reports} AS report WHERE id = :id
