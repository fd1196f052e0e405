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
#: Points made into shapes at a time: many more at once make Python look through all its objects for rubbish.
AT_A_TIME = 5_000


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
    tree = shapely.STRtree(shapes)
    found = _exactly(x, y, tree) if len(x) < LABELLED_FROM or not len(shapes) else _by_labels(x, y, tree, shapes)
    codes: Codes = np.append(ordered["code"].to_numpy(object), "")
    return codes[found]


def _exactly(x: Floats, y: Floats, tree: shapely.STRtree) -> Ints:
    """(n,) position of the first shape that touches each point, or -1."""
    found, placed = np.full(len(x), len(tree), dtype=np.int64), np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    for rows in np.array_split(placed, len(placed) // AT_A_TIME + 1):
        which, shape = tree.query(shapely.points(x[rows], y[rows]))
        touching = shapely.intersects_xy(tree.geometries[shape], x[rows[which]], y[rows[which]])
        np.minimum.at(found, rows[which[touching]], shape[touching])
    return np.where(found == len(tree), -1, found)


def _by_labels(x: Floats, y: Floats, tree: shapely.STRtree, shapes: Shapes) -> Ints:
    labels = _Labels.of(tree, shapes, cells=min(CELLS, CELLS_PER_POINT * len(x)))
    found = labels.at(x, y)
    unsure = np.flatnonzero(found == UNSURE)
    found[unsure] = _exactly(x[unsure], y[unsure], tree)
    return found


UNSURE = -2


@dataclass(frozen=True)
class _Labels:
    """A raster of cells: which shape (or -1: none) holds all of the cell; `UNSURE` where a border may cross it."""

    west: float
    south: float
    cell: float
    shape: npt.NDArray[np.int32]

    @staticmethod
    def of(tree: shapely.STRtree, shapes: Shapes, *, cells: int) -> _Labels:
        west, south, east, north = shapely.total_bounds(shapes)
        cell = max(np.sqrt((east - west) * (north - south) / cells), max(east - west, north - south) / cells, 1e-9)
        size = (int((north - south) / cell) + 1, int((east - west) / cell) + 1)
        patches, count = scipy.ndimage.label(~_crossed(shapes, west, south, cell, size))
        inside = np.zeros(count + 1, dtype=np.int64)
        inside[patches.ravel()] = np.arange(patches.size)  # any one cell of each patch
        row, column = np.divmod(inside, size[1])
        answers = _exactly(west + (column + 0.5) * cell, south + (row + 0.5) * cell, tree).astype(np.int32)
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
