"""Places that the network does not reach: hamlets whose way out nobody mapped, and homes in open fields."""

from __future__ import annotations

import numpy as np
import shapely

from data.samples.blocks import Floats, Shapes
from data.samples.ground import Ground
from data.samples.ways import Ways

HAMLETS, HAMLET_M = 2, 32.0
FROM_LANES_M = 195.0
FAR_M = 200.0
TRIES = 400


def fields(ground: Ground, rooms: Shapes) -> Shapes:
    """Fields of the district inside their roads, the widest first."""
    chosen: Shapes = rooms[(ground.use == "field") & ground.home & (shapely.get_type_id(rooms) == 3)]
    return chosen[np.argsort(-_radii(chosen), kind="stable")]


def _radii(shapes: Shapes) -> Floats:
    return np.asarray(shapely.length(shapely.maximum_inscribed_circle(shapes)))


def hamlets(open_fields: Shapes) -> Shapes:
    """Small round hamlets in the middle of fields so wide that no lane is near; the widest field stays empty."""
    wide = open_fields[1:][_radii(open_fields[1:]) > FROM_LANES_M][:HAMLETS]
    middles = shapely.get_point(shapely.maximum_inscribed_circle(wide), 0)
    rings: Shapes = shapely.buffer(middles, HAMLET_M, quad_segs=2)
    return rings


def paths(rounds: Shapes) -> Ways:
    """A path round each hamlet and two across it."""
    corners = np.round(shapely.get_coordinates(rounds).reshape(-1, 9, 2), 2)
    rims = shapely.linestrings(corners)
    across = shapely.linestrings(np.concatenate([corners[:, [0, 4]], corners[:, [2, 6]]]))
    return Ways.of("private", np.concatenate([rims, across]))


def within(shapes: Shapes, count: int, rng: np.random.Generator) -> Floats:
    """At most `count` random places inside the shapes."""
    tries = _tries(shapes, rng)
    kept = tries[shapely.contains(np.repeat(shapes, TRIES), shapely.points(tries))]
    return rng.permutation(kept)[:count]


def far(open_fields: Shapes, lines: Shapes, count: int, rng: np.random.Generator) -> Floats:
    """At most `count` places in fields that are farther than 200 m from every line on foot."""
    places = within(open_fields, len(open_fields) * TRIES, rng)
    near, _ = shapely.STRtree(lines).query_nearest(shapely.points(places), max_distance=FAR_M, all_matches=False)
    return np.delete(places, near, axis=0)[:count]


def _tries(shapes: Shapes, rng: np.random.Generator) -> Floats:
    bounds = shapely.bounds(shapes)[:, None, :]
    low, high = bounds[..., :2], bounds[..., 2:]
    return np.round(low + (high - low) * rng.random((len(shapes), TRIES, 2)), 2).reshape(-1, 2)
