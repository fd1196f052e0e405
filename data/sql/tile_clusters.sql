-- One row: a tile of how many points lie in each of its 64 x 64 squares, each count at the middle of its points.
SELECT ST_AsMVT(cluster, '{layer}', 4096, 'geom') AS tile, coalesce(sum(cluster.points), 0) AS features
FROM (
    SELECT count(*) AS points,
           ST_AsMVTGeom(ST_SetSRID(ST_MakePoint(avg(ST_X(spot)), avg(ST_Y(spot))), 3857),
                        ST_TileEnvelope(%(z)s, %(x)s, %(y)s), 4096, 64) AS geom
    FROM (
        SELECT {shape} AS spot FROM {source} AS thing
        WHERE {inside} AND {where}
        OFFSET 0 -- each place is worked out once
    ) AS inside
    GROUP BY ST_SnapToGrid(spot, %(side)s)
) AS cluster
