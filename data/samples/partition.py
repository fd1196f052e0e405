"""One planar coverage of the district: faces from noded lines, water shared out to its banks.

Every border is a chain of noded lines, so neighbours share their vertices and each level tiles the one above it
exactly, by construction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from data.samples.blocks import Floats, Ints, Shape, Shapes, faces
from data.samples.ground import Ground
from data.samples.growth import Neighbours
from data.samples.rivers import Water

TINY_M2 = 1_800.0
BY_CANAL, BY_ROAD, BY_RIVER = 3.0, 1.7, 80.0


@dataclass(frozen=True)
class Coverage:
    """`shapes` (metres) tile the district; `of_cell` is the shape that holds a cell of the ground, -1 outside."""

    shapes: Shapes
    of_cell: Ints
    neighbours: Neighbours
    middles: Floats


def cover(outline: shapely.Polygon, ground: Ground, water: Water) -> Coverage:
    """Tile the outline with one shape per cell, each with its share of the water and of the slivers beside it."""
    tiles = faces(_lines(outline, ground, water), within=outline)
    cell = _cell_of(tiles, ground)
    edges = _shared_edges(tiles)
    owner = _adopted(cell, edges)
    kept, shape_of = np.unique(owner, return_inverse=True)
    shapes = dissolve(tiles, shape_of, len(kept))
    of_cell = np.full(len(ground.cells), -1)
    of_cell[cell[cell >= 0]] = shape_of[cell >= 0]
    of_cell = _tiny_too(of_cell, tiles, shape_of, ground)
    middles = shapely.get_coordinates(shapely.centroid(ground.cells[kept]))
    return Coverage(shapes, of_cell, _neighbours(tiles, edges, shape_of, kept, ground, water, middles), middles)


def dissolve(tiles: Shapes, label: Ints, count: int) -> Shapes:
    """Union of the tiles of each label 0..count-1; all vertices along what remains of the borders are kept."""
    order = np.argsort(label, kind="stable")
    groups = np.split(tiles[order], np.searchsorted(label[order], np.arange(1, count)))
    merged = np.array([shapely.coverage_union_all(group) for group in groups])
    return np.array([_plain(shape) for shape in merged])


def _plain(shape: Shape) -> Shape:
    parts = shapely.get_parts(shape)
    return parts[0] if len(parts) == 1 else shapely.multipolygons(parts)


def _lines(outline: shapely.Polygon, ground: Ground, water: Water) -> Shapes:
    wet = water.all & outline
    shared = shapely.get_parts(shapely.intersection(np.concatenate([water.middles, water.ribs]), wet))
    home = ground.home[ground.cell_cuts.cut_roots]
    superblocks = shapely.boundary(ground.superblocks[ground.home])
    return np.concatenate([[outline.boundary], superblocks, ground.cell_cuts.cuts[home], shared])


def _cell_of(tiles: Shapes, ground: Ground) -> Ints:
    """The cell under each tile; -1 for water and for cells too small to stand alone."""
    tree = shapely.STRtree(ground.cells)
    tile, cell = tree.query(shapely.point_on_surface(tiles), predicate="within")
    found = np.full(len(tiles), -1)
    found[tile] = cell
    small = (found >= 0) & (shapely.area(tiles) < TINY_M2)
    return np.where(small | ~ground.home[ground.cell_of[found]], -1, found)


@dataclass(frozen=True)
class Edges:
    """Borders between tiles a < b: their shared length, one row per pair."""

    a: Ints
    b: Ints
    metres: Floats


def _shared_edges(tiles: Shapes) -> Edges:
    """Neighbouring tiles have equal vertices, so a shared segment is the same pair of points in both rings."""
    points, of = shapely.get_coordinates(tiles, return_index=True)
    inside = of[1:] == of[:-1]
    _, node = np.unique(np.round(points * 100).astype(np.int64), axis=0, return_inverse=True)
    a, b, tile = node[:-1][inside], node[1:][inside], of[:-1][inside]
    key = np.minimum(a, b) * (node.max() + 1) + np.maximum(a, b)
    order = np.argsort(key, kind="stable")
    twin = np.flatnonzero(key[order][1:] == key[order][:-1])
    first, second = order[twin], order[twin + 1]
    metres = np.hypot(*(points[1:] - points[:-1])[inside].T)[first]
    low, high = np.minimum(tile[first], tile[second]), np.maximum(tile[first], tile[second])
    return _summed(low, high, metres, len(tiles))


def _summed(low: Ints, high: Ints, metres: Floats, count: int) -> Edges:
    pairs, place = np.unique(low * count + high, return_inverse=True)
    apart = pairs // count != pairs % count
    return Edges(pairs[apart] // count, pairs[apart] % count, np.bincount(place, metres)[apart])


def _adopted(cell: Ints, edges: Edges) -> Ints:
    """Tiles without a cell take that of the neighbour they share most border with, from the banks outwards."""
    owner = cell.copy()
    a, b = np.concatenate([edges.a, edges.b]), np.concatenate([edges.b, edges.a])
    metres = np.concatenate([edges.metres, edges.metres])
    while (owner < 0).any():
        ready = (owner[a] < 0) & (owner[b] >= 0)
        order = np.lexsort((b[ready], -metres[ready], a[ready]))
        orphan, first = np.unique(a[ready][order], return_index=True)
        if not len(orphan):
            raise ArithmeticError("a tile of the sample's coverage has no neighbour")
        owner[orphan] = owner[b[ready][order][first]]
    return owner


def _tiny_too(of_cell: Ints, tiles: Shapes, shape_of: Ints, ground: Ground) -> Ints:
    """Cells of the district that were too small to stand alone lie in the shape that took them in."""
    lost = np.flatnonzero((of_cell < 0) & ground.home[ground.cell_of])
    which, tile = shapely.STRtree(tiles).query(shapely.point_on_surface(ground.cells[lost]), predicate="within")
    filled = of_cell.copy()
    filled[lost[which]] = shape_of[tile]
    return filled


def _neighbours(
    tiles: Shapes, edges: Edges, shape_of: Ints, kept: Ints, ground: Ground, water: Water, middles: Floats
) -> Neighbours:
    """Which shapes touch, and what passing between them costs: little on land, more across a road, a canal, a river."""
    inner = shapely.point_on_surface(tiles)
    wet = np.select(
        [shapely.contains(_ready(water.wide), inner), shapely.contains(_ready(water.narrow), inner)], [2, 1]
    )
    a, b = shape_of[edges.a], shape_of[edges.b]
    across = np.maximum(wet[edges.a], wet[edges.b])
    block = ground.cell_of[kept]
    step = np.select([across == 2, across == 1, block[a] != block[b]], [BY_RIVER, BY_CANAL, BY_ROAD], 1.0)
    apart = (a != b) & (edges.metres > 3)
    low, high = np.minimum(a, b)[apart], np.maximum(a, b)[apart]
    order = np.lexsort((step[apart], high, low))
    pairs, first = np.unique((low * len(kept) + high)[order], return_index=True)
    low, high = pairs // len(kept), pairs % len(kept)
    away = np.hypot(*(middles[low] - middles[high]).T)
    return Neighbours(len(kept), low, high, away * step[apart][order][first])


def _ready(shape: Shape) -> Shape:
    shapely.prepare(shape)
    return shape
