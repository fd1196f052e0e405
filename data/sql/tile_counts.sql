-- One row: a tile of how many points lie in each of its 64 x 64 squares, each count at the middle of its points; and how many
-- squares they are. `spots` are rows of points together: how many, and the sums of their metres east and north.
SELECT ST_AsMVT(square, '{layer}', 4096, 'geom') AS tile, count(*) AS features
FROM (
    SELECT sum(points)::bigint AS points,
           ST_AsMVTGeom(ST_SetSRID(ST_MakePoint(sum(east) / sum(points), sum(north) / sum(points)), 3857),
                        ST_TileEnvelope(%(z)s, %(x)s, %(y)s), 4096, 64) AS geom
    FROM ({spots}) AS spot
    GROUP BY floor(east / points / %(side)s), floor(north / points / %(side)s)
) AS square
