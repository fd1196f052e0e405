-- One row: a tile of the features in a box, and how many they are; one more than {most} says that they are too many.
SELECT ST_AsMVT(feature, '{layer}', 4096, 'geom') AS tile, count(*) AS features
FROM (
    SELECT {fields}, ST_AsMVTGeom({shape}, ST_TileEnvelope(%(z)s, %(x)s, %(y)s), 4096, 64) AS geom
    FROM {source} AS thing
    WHERE {inside} AND {where}
    LIMIT %(most)s + 1
) AS feature
