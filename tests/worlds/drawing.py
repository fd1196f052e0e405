"""Streets drawn by hand in metres, as OpenStreetMap would hold them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

import gis.walkways
from gis.crs import Metric

SRID = 4547
#: Where the drawing's (0, 0) lies, in metres of EPSG:4547: the west of Shamian.
ORIGIN = (421_000.0, 2_556_000.0)

Tags = dict[str, str]
Way = tuple[int, list[int], Tags]


def lonlat(x: Iterable[float], y: Iterable[float]) -> tuple[np.ndarray, np.ndarray]:
    """Metres of a drawing as WGS84 degrees."""
    return Metric(SRID).inverse(np.asarray([*x], float) + ORIGIN[0], np.asarray([*y], float) + ORIGIN[1])


def ways(drawn: list[Way]) -> gis.walkways.Ways:
    """Ways (id, vertices, tags) in the form that is cut."""
    refs = [ref for _, path, _ in drawn for ref in path]
    offsets = np.cumsum([0, *(len(path) for _, path, _ in drawn)])
    tags = pd.DataFrame([tags for _, _, tags in drawn], dtype=object)
    ids = np.array([id_ for id_, _, _ in drawn], dtype=np.int64)
    return gis.walkways.Ways(ids, tags, np.array(refs, dtype=np.int64), offsets.astype(np.int64))


def vertices(places: dict[int, tuple[float, float]], tagged: dict[int, Tags] | None = None) -> gis.walkways.Vertices:
    """Vertices at (x, y) metres, some with tags."""
    ids = np.array(sorted(places), dtype=np.int64)
    lon, lat = lonlat([places[i][0] for i in ids], [places[i][1] for i in ids])
    tagged = tagged or {}
    table = pd.DataFrame([*tagged.values()], dtype=object)
    return gis.walkways.Vertices(ids, lon, lat, np.array([*tagged], dtype=np.int64), table)


def network(
    places: dict[int, tuple[float, float]], drawn: list[Way], tagged: dict[int, Tags] | None = None, clip: object = None
) -> gis.walkways.Network:
    """The walking network of a drawing."""
    return gis.walkways.build(ways(drawn), vertices(places, tagged), srid=SRID, clip=clip)
