-- One row: until when reports have been tallied, how many points of them lie in a tile, and the grids of those in it or just
-- beside it.
SELECT until, day, coalesce(inside, 0) AS points, coalesce(grids, '{{}}') AS grids
FROM report_tallied, (
    SELECT sum(points) FILTER (WHERE x BETWEEN %(west)s AND %(east)s AND y BETWEEN %(top)s AND %(bottom)s) AS inside,
           array_agg(DISTINCT grid_code) AS grids
    FROM report_tally
    WHERE {tally} AND x BETWEEN %(west)s - 1 AND %(east)s + 1 AND y BETWEEN %(top)s - 1 AND %(bottom)s + 1
) AS counted
