"""Cutting polygons in two, again and again, as towns grow: superblocks, grids and building blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

#: A shapely geometry, or an array of them: the annotations of shapely itself tell the two apart nowhere.
Shape = Any
Shapes = Any
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

FAR_M = 20_000.0


@dataclass(frozen=True)
class Division:
    """`pieces` fill the polygons they came from, `roots` says which; `cuts` are the lines drawn to get there."""

    pieces: Shapes
    roots: Ints
    cuts: Shapes
    cut_roots: Ints


def divide(polygons: Shapes, target_m2: Floats, rng: np.random.Generator, *, tilt: float = 0.05) -> Division:
    """Halve every polygon across its long side until it is near its target area."""
    pieces, roots = polygons, np.arange(len(polygons))
    done: list[tuple[Shapes, Ints]] = []
    cuts: list[tuple[Shapes, Ints]] = []
    while len(pieces):
        large = shapely.area(pieces) > target_m2[roots] * rng.uniform(1.0, 1.9, len(pieces))
        done.append((pieces[~large], roots[~large]))
        pieces, roots, lines, line_roots = _halve(pieces[large], roots[large], rng, tilt)
        cuts.append((lines, line_roots))
    return Division(*_joined(done), *_joined(cuts))


def _joined(parts: list[tuple[Shapes, Ints]]) -> tuple[Shapes, Ints]:
    return np.concatenate([shapes for shapes, _ in parts]), np.concatenate([roots for _, roots in parts])


def _halve(pieces: Shapes, roots: Ints, rng: np.random.Generator, tilt: float) -> tuple[Shapes, Ints, Shapes, Ints]:
    middle, across = _cut_places(pieces, rng, tilt)
    blades = shapely.linestrings(np.stack([middle - across, middle + across], axis=1))
    sides = shapely.polygons(_half_planes(middle, across))
    left, right = shapely.intersection(pieces, sides), shapely.difference(pieces, sides)
    halves, kept = _polygons(np.concatenate([left, right]), np.concatenate([roots, roots]))
    lines, of = shapely.get_parts(shapely.intersection(pieces, blades), return_index=True)
    return halves, kept, lines, roots[of]


def _cut_places(pieces: Shapes, rng: np.random.Generator, tilt: float) -> tuple[Floats, Floats]:
    """A point near the middle of each long axis, and a far vector across it."""
    corners = shapely.get_coordinates(shapely.oriented_envelope(pieces)).reshape(-1, 5, 2)
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 1]
    longer = (np.hypot(*a.T) >= np.hypot(*b.T))[:, None]
    along = np.where(longer, a, b)
    middle = (corners[:, 0] + corners[:, 2]) / 2 + along * rng.uniform(-0.1, 0.1, (len(pieces), 1))
    angle = np.arctan2(along[:, 1], along[:, 0]) + np.pi / 2 + rng.normal(0, tilt, len(pieces))
    return np.round(middle, 2), FAR_M * np.column_stack([np.cos(angle), np.sin(angle)])


def _half_planes(middle: Floats, across: Floats) -> Floats:
    side = np.column_stack([-across[:, 1], across[:, 0]])
    return np.stack([middle - across, middle + across, middle + across + side, middle - across + side], axis=1)


def _polygons(shapes: Shapes, roots: Ints) -> tuple[Shapes, Ints]:
    """Parts with an area; a cut that touches a corner leaves points and lines behind."""
    parts, of = shapely.get_parts(shapes, return_index=True)
    solid = (shapely.get_dimensions(parts) == 2) & (shapely.area(parts) > 0.5)
    return parts[solid], roots[of[solid]]


def faces(lines: Shapes, *, within: Shape) -> Shapes:
    """The faces that lines enclose, on a centimetre grid, whose inner point lies within a shape."""
    noded = shapely.union_all(lines, grid_size=0.01)
    cells = shapely.get_parts(shapely.polygonize([noded]))
    shapely.prepare(within)
    return cells[shapely.contains(within, shapely.point_on_surface(cells))]
