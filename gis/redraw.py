"""How areas change: split by a line, merged into one, or one of them redrawn at its neighbours' expense.

Every function takes the areas as they are and gives the new versions; that nothing overlaps or is left over afterwards
is proved by the guard. Shapes are EPSG:4326; cutting is done in degrees, and lengths are measured in metres.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse.csgraph
import shapely

import gis.areas
import gis.partition
from gis.errors import Conflict, Invalid
from gis.frames import AREAS, require

Shapes = npt.NDArray[np.object_]
Ints = npt.NDArray[np.intp]

#: Areas that share less border than this only meet at a corner.
CONTACT_M = 5.0
#: A gap between borders thinner than this is rounding, and closes when they are joined.
SLIT_M = 0.001
#: What siblings have in common.
FAMILY = ["parent_code", "level", "grid_kind"]


def split(areas: gpd.GeoDataFrame, code: str, line: shapely.Geometry, *, codes: Sequence[str]) -> gpd.GeoDataFrame:
    """The parts into which a line cuts an area, as new areas.

    Parameters
    ----------
    areas : gis.frames.AREAS, with the one to be split
    line : LineString or MultiLineString, its ends on or beyond the border
    codes : one for each part, in reading order: from north to south, and from west to east within a row

    Raises
    ------
    Invalid
        `areas.uncut`: the line leaves the area in one part; `areas.codes_needed`: another number of codes than parts.
    """
    one = _one(areas, code)
    parts = cut(one.geometry, line)
    if len(parts) < 2:
        raise Invalid("areas.uncut", codes=[code])
    if len(codes) != len(parts):
        raise Invalid("areas.codes_needed", codes=[code], parts=len(parts), given=len(codes))
    rows = [{**one, "code": new, "name": f"{one['name']}-{at}", "geometry": part}
            for at, (new, part) in enumerate(zip(codes, parts, strict=True), start=1)]  # fmt: skip
    return _frame(rows)


def cut(shape: shapely.Geometry, line: shapely.Geometry) -> Shapes:
    """The parts of an area left by a line, in reading order."""
    drawn = shapely.union_all([shapely.boundary(shape), line])
    faces = shapely.get_parts(shapely.polygonize([*shapely.get_parts(drawn)]))
    parts: Shapes = faces[shapely.intersects(shape, shapely.point_on_surface(faces))]
    return parts[reading_order(parts)]


def reading_order(shapes: Shapes) -> Ints:
    """Positions from north to south, and from west to east in a row: of those whose middle the northernmost reaches."""
    middle = shapely.centroid(shapes)
    x, y, south = shapely.get_x(middle), shapely.get_y(middle), shapely.bounds(shapes)[:, 1]
    left, order = np.argsort(-y, kind="stable"), np.empty(0, dtype=np.intp)
    while len(left):
        row = y[left] >= south[left[0]]
        order = np.append(order, left[row][np.lexsort((-y[left[row]], x[left[row]]))])
        left = left[~row]
    return order


def next_codes(parent: str, taken: Iterable[str], count: int) -> list[str]:
    """The next free numbers under a parent, as wide as the ones that there are (3 digits where there are none).

    Raises
    ------
    Invalid
        `areas.codes_exhausted`: that width holds no more numbers.
    """
    numbers = [code[len(parent) :] for code in taken if code.startswith(parent) and code[len(parent) :].isdigit()]
    width = max(map(len, numbers), default=3)
    first = max(map(int, numbers), default=0) + 1
    if first + count > 10**width:
        raise Invalid("areas.codes_exhausted", codes=[parent], digits=width)
    return [f"{parent}{number:0{width}d}" for number in range(first, first + count)]


def merge(areas: gpd.GeoDataFrame, codes: Sequence[str], *, into: str) -> gpd.GeoDataFrame:
    """Several neighbouring areas of one parent, level and kind as one, named after `into` if it is one of them.

    Raises
    ------
    Invalid
        `areas.not_siblings`; `areas.apart`: they do not hang together by borders.
    """
    some = areas[areas["code"].isin(codes)].sort_values("code")
    if len(some) != len(set(codes)) or len(some) < 2:
        raise Invalid("areas.absent", code=", ".join(sorted(set(codes) - set(some["code"])) or codes))
    if len(some[FAMILY].drop_duplicates()) > 1:
        raise Invalid("areas.not_siblings", codes=some["code"].tolist())
    shapes = some.geometry.to_numpy()
    if scipy.sparse.csgraph.connected_components(contact_m(shapes, shapes) > CONTACT_M)[0] > 1:
        raise Invalid("areas.apart", codes=some["code"].tolist())
    named = some[some["code"] == into] if into in set(some["code"]) else some
    return _frame([{**named.iloc[0], "code": into, "geometry": _joined(shapes)}])


def redraw(areas: gpd.GeoDataFrame, code: str, shape: shapely.Geometry) -> gpd.GeoDataFrame:
    """A new outline for one area: what it gains its siblings lose, what it gives up goes to the longest neighbour.

    Parameters
    ----------
    areas : gis.frames.AREAS, with the area and all its siblings of the same level and kind
    shape : the new outline; what reaches beyond all siblings is cut off

    Returns
    -------
    GeoDataFrame of the areas that change, the redrawn one among them.

    Raises
    ------
    Invalid
        `areas.swallowed`: a sibling would have nothing left.
    Conflict
        `areas.leftover`: what is given up borders no sibling.
    """
    one = _one(areas, code)
    kin = areas[
        (areas[["parent_code", "level", "grid_kind"]] == one[["parent_code", "level", "grid_kind"]]).all(axis=1)
    ]
    before = kin.geometry.to_numpy()
    mine = (kin["code"] == code).to_numpy()
    gained = shapely.intersection(shape, shapely.union_all(before))
    after: Shapes = np.array(shapely.difference(before, gained), dtype=object)
    after[mine] = gained
    given_up = shapely.difference(before[mine][0], gained)
    after = _given_away(after, mine, shapely.get_parts(_polygons(given_up)), code)
    return _changed(kin, before, after)


def _given_away(after: Shapes, mine: npt.NDArray[np.bool_], pieces: Shapes, code: str) -> Shapes:
    if not len(pieces) or shapely.area(pieces).sum() == 0:
        return after
    contact = np.where(mine[:, None], 0, contact_m(after, pieces))
    lost = np.flatnonzero(contact.max(axis=0) <= 0)
    if len(lost):
        place = shapely.point_on_surface(pieces[lost[0]])
        raise Conflict("areas.leftover", codes=[code], lon=place.x, lat=place.y)
    taken = contact.argmax(axis=0)
    for at in np.unique(taken):
        after[at] = _joined(np.array([after[at], *pieces[taken == at]], dtype=object))
    return after


def _changed(kin: gpd.GeoDataFrame, before: Shapes, after: Shapes) -> gpd.GeoDataFrame:
    moved = shapely.symmetric_difference(before, after)
    wide = {fault.row for fault in gis.partition.wide("", moved, [[]] * len(kin), range(len(kin)))}
    rows = [at for at in range(len(kin)) if at in wide]
    gone = [str(kin["code"].iloc[at]) for at in rows if shapely.is_empty(after[at])]
    if gone:
        raise Invalid("areas.swallowed", codes=gone)
    return _frame([{**kin.iloc[at], "geometry": _polygons(after[at])} for at in rows])


def contact_m(shapes: Shapes, others: Shapes) -> npt.NDArray[np.float64]:
    """(n, m) metres of border that each shape shares with each other one, to within the tolerance of a border."""
    metric = gis.areas.metric_of(np.append(shapes, others))
    border = shapely.boundary(metric.forward_shapes(shapes))
    reach = shapely.buffer(metric.forward_shapes(others), gis.partition.TOLERANCE_M / 2)
    shared: npt.NDArray[np.float64] = shapely.length(shapely.intersection(border[:, None], reach[None, :]))
    return shared


def _joined(shapes: Shapes) -> shapely.Geometry:
    """The union, with the slits filled where borders of two of them did not quite meet."""
    scale = _metres_a_degree(shapes)
    flat = shapely.transform(shapes, lambda degrees: degrees * scale)
    near = shapely.buffer(flat, gis.partition.TOLERANCE_M / 2)
    one, other = np.triu_indices(len(shapes), 1)
    both = shapely.union_all(shapely.intersection(near[one], near[other]))
    slits = shapely.get_parts(shapely.difference(both, shapely.union_all(flat)))
    length = shapely.length(slits)
    real = (length > 2 * CONTACT_M) & (shapely.area(slits) > SLIT_M * length)  # no round end, no rounding
    filled = shapely.transform(shapely.buffer(slits[real], 10 * SLIT_M), lambda metres: metres / scale)
    return shapely.union_all([*shapes, *filled])


def _metres_a_degree(shapes: Shapes) -> npt.NDArray[np.float64]:
    """East and north, in the middle: stretching keeps straight borders straight, which projecting does not."""
    west, south, east, north = shapely.total_bounds(shapes)
    lon, lat, step = (west + east) / 2, (south + north) / 2, 1e-4
    x, y = gis.areas.metric_of(shapes).forward([lon, lon + step, lon], [lat, lat, lat + step])
    scale: npt.NDArray[np.float64] = np.array([np.hypot(x[1] - x[0], y[1] - y[0]), np.hypot(x[2] - x[0], y[2] - y[0])])
    return scale / step


def _polygons(shape: shapely.Geometry) -> shapely.Geometry:
    """Only what has an area: cutting leaves points and lines behind where borders meet."""
    parts = shapely.get_parts(shape)
    return shapely.multipolygons(parts[shapely.get_dimensions(parts) == 2])


def _one(areas: gpd.GeoDataFrame, code: str) -> pd.Series:
    require(areas, AREAS)
    row = areas[areas["code"] == code]
    if len(row) != 1:
        raise Invalid("areas.absent", code=code)
    return row.iloc[0]


def _frame(rows: Sequence[dict[str, object]]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(rows, columns=list(AREAS.required), geometry="geometry", crs=4326)
