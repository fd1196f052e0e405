"""Cities of any size from a seed, for measuring: a bent lattice of streets, and areas that tile it. All synthetic."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

import gis.walknet

SRID = 4547
CORNER = (420_000.0, 2_557_000.0)
BLOCK_M = 70.0
#: Share of the streets that is missing, and how far a crossing lies off its place, in blocks.
GAPS, BEND = 0.08, 0.25

WEST, SOUTH, EAST, NORTH = 113.17, 23.04, 113.27, 23.16
#: Pieces of a side of an area.
BENDS = 10


def streets(seed: int, *, nodes: int) -> gis.walknet.WalkNet:
    """A walking network of about so many crossings; streets lead both ways and are up to a fifth longer than drawn."""
    random = np.random.default_rng(seed)
    side = max(2, round(nodes**0.5))
    number = np.arange(side * side).reshape(side, side)
    place = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2).astype(float)
    x, y = ((place + random.uniform(-BEND, BEND, place.shape)) * BLOCK_M + CORNER).T
    pairs = [(number[:, :-1], number[:, 1:]), (number[:-1], number[1:])]
    u, v = (np.concatenate([pair[end].ravel() for pair in pairs]) for end in (0, 1))
    kept = random.random(len(u)) >= GAPS
    u, v = u[kept], v[kept]
    drawn = np.hypot(x[u] - x[v], y[u] - y[v])
    plain = dict.fromkeys(("oneway", "steps", "signals"), np.zeros(len(u)))
    return gis.walknet.from_arrays(
        x, y, u=u, v=v, metres=drawn * random.uniform(1.0, 1.2, len(u)), lift=np.zeros(len(u), bool),
        wheelchair=np.ones(len(u)), bridge=np.zeros(len(u), bool), srid=SRID,
        coords=np.column_stack([x[u], y[u], x[v], y[v]]).reshape(-1, 2), offsets=np.arange(0, 2 * len(u) + 1, 2),
        **plain,
    )  # fmt: skip


def areas(seed: int, *, count: int) -> gpd.GeoDataFrame:
    """About `count` uneven areas of 40 corners that tile a district exactly: neighbours share their bent sides."""
    side = max(1, round(count**0.5))
    random = np.random.default_rng(seed)
    step = 1 / (side * BENDS)
    across = np.linspace(0, 1, side * BENDS + 1)
    points = np.stack(np.meshgrid(across, across, indexing="ij"), axis=-1)
    points += random.uniform(-0.4, 0.4, points.shape) * step
    points = points * (EAST - WEST, NORTH - SOUTH) + (WEST, SOUTH)
    shapes = [_tile(points, i * BENDS, j * BENDS) for i in range(side) for j in range(side)]
    codes = [f"{number:06}" for number in range(len(shapes))]
    return gpd.GeoDataFrame({"code": np.array(codes, object)}, geometry=shapes, crs=4326)


def _tile(points: NDArray[np.float64], i: int, j: int) -> shapely.Polygon:
    far_i, far_j = i + BENDS, j + BENDS
    south, north = points[i : far_i + 1, j], points[i : far_i + 1, far_j]
    west, east = points[i, j : far_j + 1], points[far_i, j : far_j + 1]
    return shapely.Polygon(np.concatenate([south[:-1], east[:-1], north[::-1][:-1], west[::-1]]))
