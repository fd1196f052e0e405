-- One row: until when reports have been tallied, and how many points of them lie in a tile.
SELECT until, day, (
    SELECT coalesce(sum(points), 0) FROM report_tally
    WHERE {tally} AND x BETWEEN %(west)s AND %(east)s AND y BETWEEN %(top)s AND %(bottom)s
) AS points
FROM report_tallied
