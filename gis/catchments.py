"""Catchments as polygons, for drawing only: coverage is decided household by household, never by these.

A raster of points is snapped to the network once, by the rule that snaps households; each catchment is then the line
of equal time through the raster's own network times, holes kept, cut at water. Walls count on the last straight leg: a
point whose leg crosses one is drawn outside. How far the drawing lies from the truth is measured on the households
(`measure`) and belongs beside every polygon.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import contourpy
import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import MultiPolygon

from gis.errors import Invalid
from gis.reach import BoolArray, FloatArray
from gis.snapping import nearest
from gis.walking import Way, join, reach
from gis.walknet import SNAP_M, Snaps, WalkNet

#: F1 0.995 against the households of a real country, at half the cost of 5 m (0.997); see `tests/bench/catchments.py`.
CELL_M = 10.0
#: A raster larger than this would ask for more memory than a map is worth; take a window.
CELLS_AT_MOST = 40_000_000


@dataclass(frozen=True, eq=False)
class Raster:
    """Points every `cell_m` metres from (west, south), row by row northwards, each snapped to the network.

    `edge` (rows, columns) is -1 where a point does not join it; `share` and `leg_m` as in `Snaps`. `water` are the
    polygons that no catchment covers.
    """

    west: float
    south: float
    cell_m: float
    edge: npt.NDArray[np.int32]
    share: FloatArray
    leg_m: FloatArray
    water: tuple[shapely.Geometry, ...] = ()

    @cached_property
    def water_tree(self) -> shapely.STRtree:
        return shapely.STRtree(self.water)

    def window(self, x: float, y: float, radius_m: float) -> tuple[slice, slice]:
        """Rows and columns around a place, two cells more than the radius asks for."""
        rows, columns = self.edge.shape
        low = np.floor((np.array([y, x]) - radius_m - (self.south, self.west)) / self.cell_m).astype(int) - 1
        high = np.ceil((np.array([y, x]) + radius_m - (self.south, self.west)) / self.cell_m).astype(int) + 2
        (bottom, left), (top, right) = np.maximum(low, 0), np.minimum(high, (rows, columns))
        return slice(bottom, max(top, bottom)), slice(left, max(right, left))


@dataclass(frozen=True, eq=False)
class Households:
    """Where households live, in metres, and where they join the network."""

    x: FloatArray
    y: FloatArray
    snaps: Snaps


@dataclass(frozen=True)
class Quality:
    """A drawing held against households: counts, and the shares a planner should see beside the polygon.

    `false_in` is the share of the drawn households that are not reached, `false_out` the share of the reached ones
    that are not drawn; each 0 where there is nothing to be wrong about. `f1` is the harmonic mean of
    (1 - false_in) and (1 - false_out), 1 where nobody is reached and nobody drawn.
    """

    households: int
    reached: int
    drawn: int
    false_in: float
    false_out: float
    f1: float


@dataclass(frozen=True)
class Catchment:
    """A polygon in metres of the network's SRID (empty when nothing is reached) and what it is worth."""

    polygon: MultiPolygon
    quality: Quality | None


def raster(
    net: WalkNet,
    usable: BoolArray,
    *,
    bounds: tuple[float, float, float, float] | None = None,
    cell_m: float = CELL_M,
    max_m: float = SNAP_M,
    water: Sequence[shapely.Geometry] = (),
    walls: Sequence[shapely.Geometry] = (),
) -> Raster:
    """Snap a raster of points once, for as many catchments as are to be drawn.

    Parameters
    ----------
    net, usable : WalkNet and (e,) bool
        The network, and the edges that may be walked.
    bounds : (west, south, east, north) in metres, optional
        Where catchments are to be drawn; the whole network and `max_m` around it when not given.
    cell_m, max_m : metres
        Spacing, and the longest straight leg that still counts as joined.
    water, walls : polygons and lines in metres
        What no catchment covers, and what no leg crosses.

    Raises
    ------
    Invalid
        `catchments.cell` for a spacing that is not above 0, `catchments.too_large` for more than 40 million points.
    """
    if not cell_m > 0:
        raise Invalid("catchments.cell", cell_m=cell_m)
    west, south, east, north = _bounds(net, max_m) if bounds is None else bounds
    columns, rows = (max(int(np.ceil(span / cell_m)) + 1, 1) for span in (east - west, north - south))
    if columns * rows > CELLS_AT_MOST:
        raise Invalid("catchments.too_large", cells=columns * rows, most=CELLS_AT_MOST, cell_m=cell_m)
    x, y = np.meshgrid(west + cell_m * np.arange(columns), south + cell_m * np.arange(rows))
    shape = x.shape
    x, y = x.ravel(), y.ravel()
    edge, share, leg, to_x, to_y = nearest(net.index, x, y, allowed=net.main(usable), max_m=max_m)
    edge[_walled(edge, np.column_stack([x, y, to_x, to_y]), walls)] = -1
    return Raster(west, south, cell_m, edge.reshape(shape), share.reshape(shape), leg.reshape(shape), tuple(water))


def draw(way: Way, ground: Raster, facility: Snaps, *, limit: float) -> MultiPolygon:
    """The area from which a facility can be walked to within `limit`, in metres of the network's SRID.

    Parameters
    ----------
    way : Way
        The network in the walker's costs (seconds or metres), towards the facility. Where it measures a little beyond
        `limit` the outline is placed between raster points, else on them.
    ground : Raster
        Of the same network and usable edges.
    facility : Snaps
        One facility, or several drawn as one. Where none is snapped the answer is an empty polygon.
    limit : float
        Inclusive, in the units of `way`.
    """
    rows = np.flatnonzero(facility.ok)
    if len(rows) == 0 or ground.edge.size == 0:
        return MultiPolygon()
    facility = facility.take(rows)
    beyond = ground.cell_m / way.speed
    ceiling = min(limit + beyond, way.graph.limit)
    window = _window(ground, facility, limit * way.speed)
    cost = _costs(way, ground, window, facility, ceiling)
    field = np.clip(np.nan_to_num(cost, nan=np.inf), limit - beyond, limit + beyond)
    west = ground.west + ground.cell_m * window[1].start
    south = ground.south + ground.cell_m * window[0].start
    return _dry(_outline(field, limit, west=west, south=south, cell_m=ground.cell_m), ground)


def measure(polygon: MultiPolygon, x: FloatArray, y: FloatArray, reached: BoolArray) -> Quality:
    """Hold a polygon against households: (h,) places in its metres, and whether each is reached by its own walk.

    Households whose verdict is unknown must be left out by the caller.
    """
    drawn = np.zeros(len(x), dtype=bool)
    if not polygon.is_empty:
        west, south, east, north = polygon.bounds
        near = np.flatnonzero((x >= west) & (x <= east) & (y >= south) & (y <= north))
        shapely.prepare(polygon)
        drawn[near] = shapely.contains_xy(polygon, x[near], y[near])
    both, inside, right = int((drawn & reached).sum()), int(drawn.sum()), int(np.sum(reached))
    return Quality(
        households=len(x),
        reached=right,
        drawn=inside,
        false_in=1 - both / inside if inside else 0.0,
        false_out=1 - both / right if right else 0.0,
        f1=2 * both / (inside + right) if inside + right else 1.0,
    )


def catchment(way: Way, ground: Raster, facility: Snaps, homes: Households, *, limit: float) -> Catchment:
    """`draw`, and `measure` against the households; those that are not snapped are left out."""
    polygon = draw(way, ground, facility, limit=limit)
    known = homes.snaps.ok
    walked, _ = join(way, homes.snaps.take(known), facility, reach(way, facility, limit=limit), limit=limit)
    return Catchment(polygon, measure(polygon, homes.x[known], homes.y[known], walked <= limit))


def _bounds(net: WalkNet, max_m: float) -> tuple[float, float, float, float]:
    if len(net.coords) == 0:
        return 0.0, 0.0, 0.0, 0.0
    (west, south), (east, north) = net.coords.min(axis=0) - max_m, net.coords.max(axis=0) + max_m
    return float(west), float(south), float(east), float(north)


def _walled(edge: npt.NDArray[np.int32], legs: FloatArray, walls: Sequence[shapely.Geometry]) -> npt.NDArray[np.intp]:
    """Points whose straight leg to the network, from (x, y) to (x, y), crosses a wall."""
    if len(walls) == 0:
        return np.zeros(0, dtype=np.intp)
    rows = np.flatnonzero(edge >= 0)
    lines: Any = shapely.linestrings(legs[rows].reshape(-1, 2, 2))
    return rows[shapely.STRtree(lines).query(walls, predicate="intersects")[1]]


def _window(ground: Raster, facility: Snaps, radius_m: float) -> tuple[slice, slice]:
    """Nothing outside can be reached: no walk is shorter than the straight line."""
    x, y = (facility.x.min() + facility.x.max()) / 2, (facility.y.min() + facility.y.max()) / 2
    spread = max(np.ptp(facility.x), np.ptp(facility.y)) / 2
    return ground.window(float(x), float(y), float(radius_m + spread))


def _costs(way: Way, ground: Raster, window: tuple[slice, slice], facility: Snaps, ceiling: float) -> FloatArray:
    """Cost of the walk from each raster point of the window; NaN where a point is not joined, infinite beyond."""
    edge, share, leg = ground.edge[window].ravel(), ground.share[window].ravel(), ground.leg_m[window].ravel()
    reason = np.broadcast_to(np.array(""), edge.shape)
    points = Snaps(edge, share, leg, leg, leg, reason, share)
    cost, _ = join(way, points, facility, reach(way, facility, limit=ceiling), limit=ceiling)
    return cost.reshape(ground.edge[window].shape)


def _outline(field: FloatArray, limit: float, *, west: float, south: float, cell_m: float) -> MultiPolygon:
    """The polygons, with their holes, where the field is at most `limit`; a rim of outside closes them all."""
    rim = np.pad(field, 1, constant_values=field.max(initial=limit + 1.0))
    rim[[0, -1], :] = rim[:, [0, -1]] = max(rim.max(), limit + 1e-6)
    generator = contourpy.contour_generator(z=rim, fill_type=contourpy.FillType.OuterOffset)
    points, offsets = cast(tuple[list[FloatArray], list[npt.NDArray[np.uint32]]], generator.filled(-np.inf, limit))
    if len(points) == 0:
        return MultiPolygon()
    rings = np.concatenate([np.diff(one) for one in offsets])
    shape = np.cumsum([0, *(len(one) - 1 for one in offsets)])
    coords = (np.concatenate(points) - 1) * cell_m + (west, south)
    polygons = shapely.from_ragged_array(
        shapely.GeometryType.POLYGON, coords, (np.concatenate([[0], np.cumsum(rings)]), shape)
    )
    return _multi(shapely.make_valid(shapely.multipolygons(polygons)))


def _dry(polygon: MultiPolygon, ground: Raster) -> MultiPolygon:
    if polygon.is_empty or not ground.water:
        return polygon
    near = ground.water_tree.query(polygon, predicate="intersects")
    if len(near) == 0:
        return polygon
    return _multi(shapely.difference(polygon, shapely.union_all(ground.water_tree.geometries[near])))


def _multi(shape: Any) -> MultiPolygon:
    """Only the areas of a shape, as one MultiPolygon; what degenerates to lines or points is not drawn."""
    parts = shapely.get_parts(shapely.get_parts([shape]))
    return MultiPolygon([part for part in parts if part.geom_type == "Polygon" and part.area > 0])
