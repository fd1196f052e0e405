-- One row is one household (or facility) whose areas of the day are no longer the ones it names.
UPDATE {table} AS thing
SET street_code = found.street, community_code = found.community, grid_code = found.grid
FROM (
    SELECT point.id,
           max(holding.code) FILTER (WHERE level = 'street') AS street,
           max(holding.code) FILTER (WHERE level = 'community') AS community,
           max(holding.code) FILTER (WHERE level = 'grid') AS grid
    FROM {table} AS point LEFT JOIN LATERAL area_holding(point.geom, %(day)s) AS holding ON true
    WHERE point.geom IS NOT NULL
      AND (%(codes)s::text[] IS NULL OR point.grid_code = ANY (%(codes)s)
           OR point.community_code = ANY (%(codes)s) OR point.street_code = ANY (%(codes)s))
    GROUP BY point.id
) AS found
WHERE thing.id = found.id
  AND (thing.street_code, thing.community_code, thing.grid_code)
      IS DISTINCT FROM (found.street, found.community, found.grid)
