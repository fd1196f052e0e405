"""Areas: their codes and tree, their shapes, and which one holds a point.

Whether areas may stand beside and above each other is decided in `gis.partition`; how they change, in `gis.redraw`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import floor

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.ndimage
import shapely

import gis.crs
from gis.compiled import compiled
from gis.errors import Invalid
from gis.snapping import cells_across

Shapes = npt.NDArray[np.object_]
Codes = npt.NDArray[np.object_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

#: The levels that stand on every row about a person or a place, from the top down.
PLACE_LEVELS = ("street", "community", "grid")
#: From this many points on, a map of labels costs less than it saves.
LABELLED_FROM = 20_000
#: Cells of the map of labels for each point, and at most: 4 m each over a district, 16 MB. More take longer to make
#: than they save.
CELLS_PER_POINT, CELLS = 4, 1 << 22


# Codes and tree -------------------------------------------------------------------------------------------------------


def parent_by_prefix(code: str, level: str, digits: Mapping[str, int]) -> str:
    """The code of the area above by the lengths of a scheme: the longest shorter prefix; "" at the top.

    Raises
    ------
    Invalid
        `areas.code`: the scheme does not know the level, or the code has another length.
    """
    if len(code) != digits.get(level):
        raise Invalid("areas.code", codes=[code], level=level, digits=digits.get(level, 0))
    above = [length for length in digits.values() if length < len(code)]
    return code[: max(above)] if above else ""


def ancestors(areas: pd.DataFrame, codes: npt.ArrayLike) -> dict[str, Codes]:
    """The area that holds each of the given areas, for every level there is.

    Parameters
    ----------
    areas : columns code, level, parent_code; codes are unique
    codes : (n,) codes; those that are no area ("" for one) lie in none

    Returns
    -------
    dict of level to (n,) codes, the finest level first; an area holds itself; "" where there is none.
    """
    tree = pd.Index(areas["code"])
    above = np.append(tree.get_indexer(areas["parent_code"]), -1)
    level = np.append(areas["level"].to_numpy(object), "")
    names = np.append(tree.to_numpy(object), "")
    at = tree.get_indexer(np.asarray(codes, dtype=object))
    found = {name: np.full(len(at), "", dtype=object) for name in _finest_first(level[:-1], above)}
    for _ in range(len(found) + 1):
        for name, column in found.items():
            here = level[at] == name
            column[here] = names[at[here]]
        at = above[at]
    return found


def _finest_first(level: Codes, above: Ints) -> list[str]:
    depth = np.zeros(len(level), dtype=np.int64)
    at = above[:-1]
    while (at >= 0).any():
        if depth.max() > len(level):
            raise Invalid("areas.cycle")
        depth += at >= 0
        at = above[at]
    deepest = pd.Series(depth).groupby(level, sort=False).max()
    return [str(name) for name in deepest.sort_values(ascending=False, kind="stable").index]


def lineage(areas: pd.DataFrame) -> pd.DataFrame:
    """For every area its street_code, community_code and grid_code, itself included; indexed by code."""
    found = ancestors(areas, areas["code"])
    none = np.full(len(areas), "", dtype=object)
    columns = {f"{level}_code": found.get(level, none) for level in PLACE_LEVELS}
    return pd.DataFrame(columns, index=pd.Index(areas["code"], name="code", dtype=object))


# Shapes ---------------------------------------------------------------------------------------------------------------


def multi(shapes: npt.ArrayLike) -> Shapes:
    """Every polygon as a multipolygon, without heights; anything else as it is."""
    made: Shapes = shapely.force_2d(np.array(shapes, dtype=object))
    single = shapely.get_type_id(made) == shapely.GeometryType.POLYGON
    made[single] = [shapely.MultiPolygon([shape]) for shape in made[single]]
    return made


def square_metres(shapes: npt.ArrayLike) -> Floats:
    """(n,) areas on the ground, in the projection of the place."""
    flat: Shapes = np.asarray(shapes, dtype=object)
    if not len(flat):
        return np.empty(0)
    sizes: Floats = shapely.area(metric_of(flat).forward_shapes(flat))
    return sizes


def metric_of(shapes: npt.ArrayLike) -> gis.crs.Metric:
    """The projection in metres for the place where the shapes lie."""
    west, south, east, north = shapely.total_bounds(np.asarray(shapes, dtype=object))
    return gis.crs.metric([west, east], [south, north])


# Points in areas ------------------------------------------------------------------------------------------------------


def topmost(areas: gpd.GeoDataFrame, codes: npt.ArrayLike, *, lon: npt.ArrayLike, lat: npt.ArrayLike) -> Codes:
    """For each place the topmost area that holds it.

    Parameters
    ----------
    areas : columns code, level, parent_code and geometry
    codes : (n,) the smallest area known of each place, "" where none is
    lon, lat : (n,) EPSG:4326, NaN where there is no location

    Returns
    -------
    (n,) codes: by the tree, else by the location; a place without either belongs to the only topmost area, where there
    is but one. "" elsewhere.
    """
    found = np.array(list(ancestors(areas, codes).values())[-1], dtype=object)
    top = areas[areas["parent_code"] == ""]
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    lost = (found == "") & np.isfinite(x)
    found[lost] = locate(x[lost], y[lost], top)
    if len(top) == 1:
        found[(found == "") & ~np.isfinite(x)] = top["code"].iloc[0]
    return found


def locate(lon: npt.ArrayLike, lat: npt.ArrayLike, areas: gpd.GeoDataFrame) -> Codes:
    """The code of the area that holds each point.

    Parameters
    ----------
    lon, lat : (n,) float
        EPSG:4326. A point without coordinates (NaN) lies nowhere.
    areas : columns code and geometry, sound polygons; they may touch or overlap

    Returns
    -------
    (n,) codes
        On a shared edge or in an overlap the smallest code, compared byte by byte, of those that touch the point, as
        the database's `area_holding` has it; "" outside all of them.

    Notes
    -----
    Many points first look at a map of labels: cells that no border comes near fall into patches, each of which lies
    in one area or outside, so one exact test answers for the whole patch. Points near a border are tested exactly.
    """
    x, y = np.atleast_1d(np.asarray(lon, dtype=np.float64)), np.atleast_1d(np.asarray(lat, dtype=np.float64))
    ordered = areas.iloc[np.argsort(areas["code"].to_numpy(object), kind="stable")]
    shapes = ordered.geometry.to_numpy()
    shapely.prepare(shapes)
    boxes = _Boxes.of(shapes)
    found = _exactly(x, y, boxes) if len(x) < LABELLED_FROM or not len(shapes) else _by_labels(x, y, boxes)
    codes: Codes = np.append(ordered["code"].to_numpy(object), "")
    return codes[found]


def _exactly(x: Floats, y: Floats, boxes: _Boxes) -> Ints:
    """(n,) position of the first shape that touches each point, or -1."""
    found, end = np.full(len(x), len(boxes.shapes), dtype=np.int64), len(boxes.shapes)
    point, shape = boxes.around(x, y)
    touching = shapely.intersects_xy(boxes.shapes[shape], x[point], y[point])
    np.minimum.at(found, point[touching], shape[touching])
    return np.where(found == end, -1, found)


def _by_labels(x: Floats, y: Floats, boxes: _Boxes) -> Ints:
    labels = _Labels.of(boxes, cells=min(CELLS, CELLS_PER_POINT * len(x)))
    found = labels.at(x, y)
    unsure = np.flatnonzero(found == UNSURE)
    found[unsure] = _exactly(x[unsure], y[unsure], boxes)
    return found


@dataclass(frozen=True)
class _Boxes:
    """Shapes by the coarse cells that their boxes overlap: cell c has `shape[start[c]:start[c + 1]]`.

    A tree of shapes would ask for a Python object for each point, and so many of them make Python look through all it
    has for rubbish: up to half of the time went there.
    """

    shapes: Shapes
    box: Floats
    side: int
    start: Ints
    shape: Ints

    @staticmethod
    def of(shapes: Shapes) -> _Boxes:
        box, side = shapely.bounds(shapes), int(np.sqrt(len(shapes))) + 1
        return _Boxes(shapes, box, side, *_filed(box, _frame(box, side), side))

    def around(self, x: Floats, y: Floats) -> tuple[Ints, Ints]:
        """Point and shape of every pair of which the box of the shape holds the point."""
        pairs: tuple[Ints, Ints] = _held(x, y, self.box, _frame(self.box, self.side), self.side, self.start, self.shape)
        return pairs


def _frame(box: Floats, side: int) -> Floats:
    """West and south of all boxes, and the width and height of one of side x side cells."""
    if not len(box):
        return np.array([0.0, 0.0, 1.0, 1.0])
    (west, south), (east, north) = np.nanmin(box[:, :2], axis=0), np.nanmax(box[:, 2:], axis=0)
    return np.array([west, south, max((east - west) / side, 1e-9), max((north - south) / side, 1e-9)])


@compiled
def _cell(value: float, least: float, width: float, side: int) -> int:
    return int(min(max((value - least) / width, 0.0), side - 1.0))


@compiled
def _filed(box: Floats, frame: Floats, side: int) -> tuple[Ints, Ints]:
    """Shapes by cell, ascending within each; one without an extent is in none."""
    start = np.zeros(side * side + 1, np.int64)
    shape = np.zeros(0, np.int64)
    for counted in (False, True):
        if counted:
            start[1:] = np.cumsum(start[1:])
            shape = np.zeros(start[-1], np.int64)
        head = start[:-1].copy()
        for i in range(len(box)):
            if not box[i, 0] <= box[i, 2]:
                continue
            first, last = _cell(box[i, 0], frame[0], frame[2], side), _cell(box[i, 2], frame[0], frame[2], side)
            for row in range(
                _cell(box[i, 1], frame[1], frame[3], side), _cell(box[i, 3], frame[1], frame[3], side) + 1
            ):
                for column in range(first, last + 1):
                    if counted:
                        shape[head[row * side + column]] = i
                        head[row * side + column] += 1
                    else:
                        start[row * side + column + 1] += 1
    return start, shape


@compiled
def _held(x: Floats, y: Floats, box: Floats, frame: Floats, side: int, start: Ints, shape: Ints) -> tuple[Ints, Ints]:
    """Counted first, so that the pairs have room; a point without coordinates is in no box."""
    point, held = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for counted in (False, True):
        n = 0
        for i in range(len(x)):
            if not (np.isfinite(x[i]) and np.isfinite(y[i])):
                continue
            cell = _cell(y[i], frame[1], frame[3], side) * side + _cell(x[i], frame[0], frame[2], side)
            for k in range(start[cell], start[cell + 1]):
                one = shape[k]
                if box[one, 0] <= x[i] <= box[one, 2] and box[one, 1] <= y[i] <= box[one, 3]:
                    if counted:
                        point[n], held[n] = i, one
                    n += 1
        if not counted:
            point, held = np.zeros(n, np.int64), np.zeros(n, np.int64)
    return point, held


UNSURE = -2


@dataclass(frozen=True)
class _Labels:
    """A raster of cells: which shape (or -1: none) holds all of the cell; `UNSURE` where a border may cross it."""

    west: float
    south: float
    cell: float
    shape: npt.NDArray[np.int32]

    @staticmethod
    def of(boxes: _Boxes, *, cells: int) -> _Labels:
        west, south, east, north = shapely.total_bounds(boxes.shapes)
        cell = max(np.sqrt((east - west) * (north - south) / cells), max(east - west, north - south) / cells, 1e-9)
        size = (int((north - south) / cell) + 1, int((east - west) / cell) + 1)
        patches, count = scipy.ndimage.label(~_crossed(boxes.shapes, west, south, cell, size))
        inside = np.zeros(count + 1, dtype=np.int64)
        inside[patches.ravel()] = np.arange(patches.size)  # any one cell of each patch
        row, column = np.divmod(inside, size[1])
        answers = _exactly(west + (column + 0.5) * cell, south + (row + 0.5) * cell, boxes).astype(np.int32)
        answers[0] = UNSURE
        return _Labels(west, south, cell, answers[patches])

    def at(self, x: Floats, y: Floats) -> Ints:
        return _read(self.shape, (x - self.west) / self.cell, (y - self.south) / self.cell)


@compiled
def _read(label: npt.NDArray[np.int32], x: Floats, y: Floats) -> Ints:
    """The label at each place, given in cells; -1 beside the raster and nowhere."""
    found, (rows, columns) = np.full(len(x), -1, np.int64), label.shape
    for i in range(len(x)):
        if 0 <= x[i] < columns and 0 <= y[i] < rows:
            found[i] = label[int(y[i]), int(x[i])]
    return found


def _crossed(shapes: Shapes, west: float, south: float, cell: float, size: tuple[int, int]) -> Flags:
    """Cells that a border crosses, or comes within a millionth of a cell of."""
    points, ring = shapely.get_coordinates(shapely.get_rings(shapely.get_parts(shapes)), return_index=True)
    marked = np.zeros(size, dtype=bool)
    _mark((points - (west, south)) / cell, ring, marked)
    return marked


@compiled
def _mark(points: Floats, ring: Ints, marked: Flags) -> None:
    """Mark the cells along rings whose vertices are given in cells: row by row those from the west to the east end."""
    rows, columns, spare = *marked.shape, 1e-6
    for i in range(1, len(points)):
        if ring[i] != ring[i - 1]:
            continue
        ax, ay, bx, by = points[i - 1, 0], points[i - 1, 1], points[i, 0], points[i, 1]
        for row in range(max(0, floor(min(ay, by) - spare)), min(rows - 1, floor(max(ay, by) + spare)) + 1):
            left, right = cells_across(ax, ay, bx, by, row - spare, row + 1 + spare)
            marked[row, max(0, floor(left - spare)) : min(columns - 1, floor(right + spare)) + 1] = True
