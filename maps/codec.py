"""Many coordinates in few bytes: differences of whole numbers, seven bits a byte, as base64 text.

70,000 walking edges are 12 MB as GeoJSON and well under 1 MB so. `maps/static/coverage/codec.js` reads it back.
A coordinate is kept to 1e-5 degrees, 1.1 m: one pixel at the closest zoom. Neighbours that share a border before
share it afterwards, because equal numbers are rounded equally.
"""

from __future__ import annotations

import base64

import numpy as np
import shapely

#: Coordinates are kept in units of 1 / SCALE degrees.
SCALE = 100_000

Packed = dict[str, str]


def pack(numbers: np.ndarray) -> str:
    """Whole numbers as text: zigzag (small numbers of either sign are small), then base 128, low digits first."""
    signed = np.asarray(numbers, dtype=np.int64)
    left = ((signed << 1) ^ (signed >> 63)).astype(np.uint64)
    # Digits of every number side by side; `used` says which of them are written.
    places = np.arange(0, 35, 7, dtype=np.uint64)
    digits = (left[:, None] >> places) & np.uint64(127)
    longer = (left[:, None] >> (places + np.uint64(7))) > 0
    used = np.hstack([np.ones((len(left), 1), dtype=bool), longer[:, :-1]])
    return base64.b64encode((digits + 128 * longer)[used].astype(np.uint8).tobytes()).decode()


def points(geometry: np.ndarray) -> Packed:
    """Points, in order."""
    return {"xy": _coordinates(shapely.get_coordinates(geometry))}


def lines(geometry: np.ndarray) -> Packed:
    """Plain lines: all vertices one after another, and how many each line has."""
    return {"xy": _coordinates(shapely.get_coordinates(geometry)), "sizes": pack(shapely.get_num_coordinates(geometry))}


def polygons(geometry: np.ndarray) -> Packed:
    """Polygons of any number of parts and holes: vertices, vertices a ring, rings a part, parts an area."""
    whole = [_many(shape) for shape in geometry]
    if not whole:
        return {"xy": "", "rings": "", "parts": "", "areas": ""}
    _, vertices, (rings, parts, areas) = shapely.to_ragged_array(np.array(whole, dtype=object), include_z=False)
    sizes = {"rings": rings, "parts": parts, "areas": areas}
    return {"xy": _coordinates(vertices), **{name: pack(np.diff(ends)) for name, ends in sizes.items()}}


def _many(shape: shapely.Geometry) -> shapely.MultiPolygon:
    parts = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon" and not part.is_empty]
    return shapely.MultiPolygon(parts)


def _coordinates(vertices: np.ndarray) -> str:
    whole = np.rint(vertices[:, :2] * SCALE).astype(np.int64)
    return pack(np.diff(whole, axis=0, prepend=[[0, 0]]).ravel())
