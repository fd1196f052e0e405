"""Areas: the tree of codes, what may stand in it, and which area holds a point.

The same rules stand as SQL in the database, which has the last word (`data/migrations`); a test holds the two together.
Topology is decided in the stored coordinates, where an edge between two vertices is straight; only what comes out of
it - an overlap, an escape, a gap - is measured in metres. It is tolerated when nothing of it is left after its outline
is drawn in by `TOLERANCE_M` / 2: it is nowhere 1 m wide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

import gis.crs
from gis.errors import BadRows, Fault, Invalid
from gis.frames import AREAS, require

Shapes = npt.NDArray[np.object_]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.str_]

#: Two outlines of one border, drawn by different hands, may differ by this much (design, section 3).
TOLERANCE_M = 1.0
#: More vertices than any real border has; protects whoever must draw them.
VERTICES = 200_000
#: The levels that stand on every row about a person or a place, from the top down.
PLACE_LEVELS = ("street", "community", "grid")


# Codes ----------------------------------------------------------------------------------------------------------------


def parent_by_prefix(code: str, level: str, digits: Mapping[str, int]) -> str:
    """The code of the area above, by the lengths of a scheme: the longest shorter prefix; "" at the top.

    Raises
    ------
    Invalid
        `areas.code`: the scheme does not know the level, or the code has another length.
    """
    if len(code) != digits.get(level):
        raise Invalid("areas.code", codes=[code], level=level, digits=digits.get(level, 0))
    above = [length for length in digits.values() if length < len(code)]
    return code[: max(above)] if above else ""


def lineage(areas: pd.DataFrame) -> pd.DataFrame:
    """For every area the codes of `PLACE_LEVELS` that hold it, itself included; "" where there is none.

    Parameters
    ----------
    areas : columns code, level, parent_code

    Returns
    -------
    DataFrame indexed by code, with street_code, community_code and grid_code.
    """
    level = dict(zip(areas["code"], areas["level"], strict=True))
    parent = dict(zip(areas["code"], areas["parent_code"], strict=True))
    found = {name: pd.Series("", index=pd.Index(areas["code"], name="code"), dtype=object) for name in PLACE_LEVELS}
    above = areas["code"].to_numpy(object)
    while (above != "").any():
        levels = np.array([level.get(code, "") for code in above], dtype=object)
        for name, column in found.items():
            column[levels == name] = above[levels == name]
        above = np.array([parent.get(code, "") for code in above], dtype=object)
    return pd.DataFrame({f"{name}_code": column for name, column in found.items()})


def ancestors(areas: pd.DataFrame, codes: npt.ArrayLike) -> dict[str, npt.NDArray[np.object_]]:
    """For each level there is, from the smallest areas up, the code that holds each of `codes`.

    Parameters
    ----------
    areas : columns code, level, parent_code
    codes : (n,) codes of any level; "" or an unknown code lies in no area

    Returns
    -------
    dict of (n,) codes by level, an area holding itself; "" where a code has none at that level.
    """
    level = dict(zip(areas["code"], areas["level"], strict=True))
    parent = dict(zip(areas["code"], areas["parent_code"], strict=True))
    distinct, index = np.unique(np.asarray(codes, dtype=object).astype(str), return_inverse=True)
    found = {name: np.full(len(distinct), "", object) for name in _from_the_smallest(level, parent)}
    above = distinct.astype(object)
    while (above != "").any():
        levels = np.array([level.get(code, "") for code in above], dtype=object)
        for name, column in found.items():
            column[levels == name] = above[levels == name]
        above = np.array([parent.get(code, "") for code in above], dtype=object)
    return {name: column[index] for name, column in found.items()}


def _from_the_smallest(level: Mapping[str, str], parent: Mapping[str, str]) -> list[str]:
    """The levels of a tree, those with the most areas above them first."""
    depth: dict[str, int] = {}
    for code, name in level.items():
        steps, above = 0, parent.get(code, "")
        while above:
            steps, above = steps + 1, parent.get(above, "")
        depth[name] = max(steps, depth.get(name, 0))
    return sorted(depth, key=lambda name: -depth[name])


# Shapes ---------------------------------------------------------------------------------------------------------------


def multi(shapes: npt.ArrayLike) -> Shapes:
    """Every polygon as a multipolygon, flat; others as they are."""
    flat = shapely.force_2d(np.asarray(shapes, dtype=object))
    single = shapely.get_type_id(flat) == shapely.GeometryType.POLYGON
    made: Shapes = flat.copy()
    made[single] = [shapely.MultiPolygon([shape]) for shape in flat[single]]
    return made


def square_metres(shapes: npt.ArrayLike) -> Floats:
    """(n,) areas on the ground, in the projection of the place."""
    flat = np.asarray(shapes, dtype=object)
    if not len(flat):
        return np.empty(0)
    west, south, east, north = shapely.total_bounds(flat)
    areas: Floats = shapely.area(gis.crs.metric([west, east], [south, north]).forward_shapes(flat))
    return areas


def require_sound(areas: gpd.GeoDataFrame) -> None:
    """Refuse a frame with a shape that cannot be an area, naming every one (`areas.refused`)."""
    faults = list(shape_faults(areas))
    if faults:
        raise BadRows("areas.refused", faults)


def shape_faults(areas: gpd.GeoDataFrame) -> Iterator[Fault]:
    """Each shape that cannot be an area on its own, and `areas.crs` for a frame in another reference system."""
    require(areas, AREAS)
    if areas.crs is not None and areas.crs.to_epsg() != 4326:
        yield Fault(None, "geometry", str(areas.crs.to_epsg()), "areas.crs", {"crs": str(areas.crs.to_epsg())})
        return
    yield from ()
