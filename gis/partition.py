"""What areas may stand beside and above each other: no overlap, no gap, nothing outside its parent.

The same rules stand as SQL in the database (`data/migrations`, the area guard), which has the last word; a test holds
the two together. Topology is decided in the stored coordinates, where the edge between two vertices is straight. Only
what comes of it - an overlap, an escape, a gap - is measured in metres, and tolerated when nothing of it is left after
its outline is drawn in by `TOLERANCE_M` / 2: when it is nowhere 1 m wide.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

import gis.areas
from gis.errors import BadRows, Fault
from gis.frames import AREAS, require

Shapes = npt.NDArray[np.object_]
Codes = npt.NDArray[np.object_]
Flags = npt.NDArray[np.bool_]

#: Two outlines of one border, drawn by different hands, may lie this far apart (design, section 3).
TOLERANCE_M = 1.0
#: More vertices than any real border has; protects whoever must draw them.
VERTICES = 200_000
#: Areas that need not fill their parent: what stands on a plot of its own.
UNFILLED_LEVELS = ("building",)
DEDICATED = "dedicated"


def require_sound(areas: gpd.GeoDataFrame) -> None:
    """Refuse a frame with a row that cannot be an area, naming every one (`areas.refused`)."""
    found = [*row_faults(areas), *shape_faults(areas)]
    if found:
        raise BadRows("areas.refused", found)


def faults(
    areas: gpd.GeoDataFrame, parents: gpd.GeoDataFrame | None = None, *, ranks: Mapping[str, int]
) -> list[Fault]:
    """Everything that is wrong with areas that shall come into force together.

    Parameters
    ----------
    areas : gis.frames.AREAS
        All children of their parents: a partition is judged whole. Their parents may be among them.
    parents : gis.frames.AREAS
        Areas already in force that may be parents.
    ranks : level to rank; a parent has a smaller one than its child

    Returns
    -------
    list of Fault
        `row` counts from 1 in `areas`, or is None for a gap. Facts hold `codes` and, where there is one, the place:
        `lon`, `lat` and the `m2` of the whole region. Shapes that are unsound on their own take part in nothing else.
    """
    found = [*row_faults(areas, ranks), *shape_faults(areas)]
    if any(fault.code == "areas.crs" for fault in found):
        return found
    broken = {fault.row for fault in found}
    rows = np.array([row for row in range(len(areas)) if row + 1 not in broken], dtype=np.int64)
    sound = areas.iloc[rows].assign(row=rows + 1)
    known = sound if parents is None else pd.concat([sound, parents[~parents["code"].isin(areas["code"])]])
    holder = _holders(sound, known)
    found += _parent_faults(sound, known, ranks)
    found += _overlaps(sound)
    found += _escapes(sound, holder)
    complete = sound[~sound["parent_code"].isin(_parents_of(areas, broken))]
    return [*found, *_gaps(complete, known)]


# Rows on their own ----------------------------------------------------------------------------------------------------


def row_faults(areas: pd.DataFrame, ranks: Mapping[str, int] | None = None) -> Iterator[Fault]:
    """Codes that are missing or come twice, levels that there are not, kinds that do not fit their level."""
    require(areas, AREAS)
    code, level, kind = (areas[name].fillna("").to_numpy(object) for name in ("code", "level", "grid_kind"))
    yield from _blame(code == "", "areas.no_code", code)
    yield from _blame(pd.Series(code).duplicated(keep=False).to_numpy() & (code != ""), "areas.duplicate", code)
    fits = np.where(level == "grid", np.isin(kind, ("basic", DEDICATED)), kind == "")
    yield from _blame(~fits, "areas.grid_kind", code, grid_kind=kind)
    if ranks is not None:
        unknown = ~np.isin(level, list(ranks))
        yield from _blame(unknown, "areas.unknown_level", code, level=level, known=[list(ranks)] * len(code))


def shape_faults(areas: gpd.GeoDataFrame) -> Iterator[Fault]:
    """Shapes that cannot be areas: none, no polygon, not finite, not in degrees, too long, crossing themselves."""
    crs = None if areas.crs is None else areas.crs.to_epsg()
    if areas.crs is not None and crs != 4326:
        yield Fault(None, "geometry", str(crs), "areas.crs", {"crs": str(crs), "codes": areas["code"].tolist()})
        return
    code, shapes = areas["code"].to_numpy(object), areas.geometry.to_numpy()
    empty = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    yield from _blame(empty, "areas.empty", code)
    flat = ~empty & ~np.isin(shapely.get_type_id(shapes), (3, 6))
    yield from _blame(flat, "areas.kind", code, kind=[getattr(shape, "geom_type", "") for shape in shapes])
    points, owner = shapely.get_coordinates(shapes, return_index=True)
    endless = np.isin(np.arange(len(shapes)), owner[~np.isfinite(points).all(axis=1)])
    yield from _blame(endless & ~flat, "areas.nan", code)
    rest = ~(empty | flat | endless)
    yield from _outlines(code, shapes, rest)


def _outlines(code: Codes, shapes: Shapes, rest: Flags) -> Iterator[Fault]:
    west, south, east, north = shapely.bounds(shapes).T
    with np.errstate(invalid="ignore"):
        beyond = rest & ~((west >= -180) & (east <= 180) & (south >= -90) & (north <= 90))
    yield from _blame(beyond, "areas.bounds", code, lon=west, lat=south)
    count = shapely.get_num_coordinates(shapes)
    long = rest & ~beyond & (count > VERTICES)
    yield from _blame(long, "areas.vertices", code, vertices=count, limit=[VERTICES] * len(code))
    crossing = rest & ~beyond & ~long
    crossing[crossing] = ~shapely.is_valid(shapes[crossing])
    places = np.full((len(code), 2), np.nan)
    found = [_place_of(reason) for reason in shapely.is_valid_reason(shapes[crossing])]
    places[crossing] = np.reshape(found, (-1, 2))
    yield from _blame(crossing, "areas.self_crossing", code, lon=places[:, 0], lat=places[:, 1])


def _place_of(reason: str) -> tuple[float, float]:
    """GEOS says "Self-intersection[113.2 23.1]"."""
    lon, lat = re.findall(r"-?\d[\d.e+-]*", reason.rpartition("[")[2])[:2]
    return float(lon), float(lat)


def _blame(wrong: Flags, fault: str, code: Codes, **facts: object) -> Iterator[Fault]:
    for row in np.flatnonzero(wrong):
        named = {name: _plain(values[row]) for name, values in facts.items()}  # type: ignore[index]
        yield Fault(int(row) + 1, "geometry" if "lon" in facts else None, None, fault, {"codes": [code[row]]} | named)


def _plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value


# Rows beside and above each other -------------------------------------------------------------------------------------


def _parents_of(areas: pd.DataFrame, broken: Iterable[int | None]) -> set[str]:
    """Parents one of whose children is unsound: whether the others fill them cannot be told."""
    rows = [row - 1 for row in broken if row is not None]
    return set(areas["parent_code"].iloc[rows])


def _holders(sound: gpd.GeoDataFrame, known: gpd.GeoDataFrame) -> Shapes:
    """(n,) the shape of each one's parent, or None."""
    at = pd.Index(known["code"]).get_indexer(sound["parent_code"])
    shapes: Shapes = np.array([*known.geometry, None], dtype=object)
    return shapes[at]


def _parent_faults(sound: gpd.GeoDataFrame, known: pd.DataFrame, ranks: Mapping[str, int]) -> Iterator[Fault]:
    rank = known["level"].map(ranks).set_axis(known["code"])
    above = rank.reindex(sound["parent_code"]).to_numpy(float)
    own = sound["level"].map(ranks).to_numpy(float)
    named = sound["parent_code"].to_numpy(object) != ""
    inside = shapely.point_on_surface(sound.geometry.to_numpy())
    for fault, wrong in (("areas.parent_missing", named & np.isnan(above)), ("areas.rank", named & (above >= own))):
        for at in np.flatnonzero(wrong):
            one = sound.iloc[at]
            facts = {"codes": [one["code"], one["parent_code"]], "lon": inside[at].x, "lat": inside[at].y}
            yield Fault(int(one["row"]), "parent_code", one["parent_code"], fault, facts)


def _overlaps(sound: gpd.GeoDataFrame) -> Iterator[Fault]:
    for _, one_kind in sound.groupby(["level", "grid_kind"], sort=False):
        shapes = one_kind.geometry.to_numpy()
        if len(shapes) < 2 or shapely.coverage_is_valid(shapes):
            continue
        first, second = _crossing_siblings(shapes, one_kind["parent_code"].to_numpy(object))
        code, row = one_kind["code"].to_numpy(object), one_kind["row"].to_numpy()
        pairs = [sorted(pair) for pair in zip(code[first], code[second], strict=True)]
        yield from wide("areas.overlap", shapely.intersection(shapes[first], shapes[second]), pairs, row[second])


def _crossing_siblings(shapes: Shapes, parent: Codes) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    first, second = shapely.STRtree(shapes).query(shapes)
    once = (first < second) & (parent[first] == parent[second])
    first, second = first[once], second[once]
    inner = shapely.relate_pattern(shapes[first], shapes[second], "T********")
    return first[inner], second[inner]


def _escapes(sound: gpd.GeoDataFrame, holder: Shapes) -> Iterator[Fault]:
    shapes = sound.geometry.to_numpy()
    shapely.prepare(holder)
    out = np.flatnonzero(~shapely.is_missing(holder) & ~shapely.covers(holder, shapes))
    rows = sound.iloc[out]
    codes = rows[["code", "parent_code"]].to_numpy(object).tolist()
    yield from wide("areas.outside_parent", shapely.difference(shapes[out], holder[out]), codes, rows["row"])


def _gaps(sound: gpd.GeoDataFrame, known: gpd.GeoDataFrame) -> Iterator[Fault]:
    filling = sound[~sound["level"].isin(UNFILLED_LEVELS) & (sound["grid_kind"] != DEDICATED)]
    for (parent, _level), family in filling.groupby(["parent_code", "level"], sort=False):
        holder = known.geometry[known["code"] == parent]
        if len(holder):
            rest = shapely.difference(holder.iloc[0], shapely.union_all(family.geometry.to_numpy()))
            yield from wide("areas.gap", [rest], [[parent]], [None])


def wide(fault: str, regions: npt.ArrayLike, codes: Iterable[list[str]], rows: Iterable[int | None]) -> Iterator[Fault]:
    """The parts of regions (in degrees) that are somewhere wider than the tolerance, each with its widest place."""
    named = list(zip(codes, rows, strict=True))
    parts, owner = shapely.get_parts(np.asarray(regions, dtype=object), return_index=True)
    keep = (shapely.get_dimensions(parts) == 2) & ~shapely.is_empty(parts)
    parts, owner = parts[keep], owner[keep]
    if not len(parts):
        return
    metric = gis.areas.metric_of(parts)
    flat = metric.forward_shapes(parts)
    left = shapely.buffer(flat, -TOLERANCE_M / 2)
    for at in np.flatnonzero(~shapely.is_empty(left)):
        pieces = shapely.get_parts(left[at])
        middle = shapely.point_on_surface(pieces[np.argmax(shapely.area(pieces))])
        lon, lat = (float(value) for value in metric.inverse(middle.x, middle.y))
        list_of, row = named[owner[at]]
        facts: dict[str, object] = {"codes": list_of, "lon": lon, "lat": lat, "m2": float(shapely.area(flat[at]))}
        yield Fault(None if row is None else int(row), "geometry", None, fault, facts)
