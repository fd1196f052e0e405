"""The built-up ground: superblocks between main roads and banks, cut into grid-sized cells and building blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from data.samples.blocks import Division, Floats, Ints, Shapes, divide, faces
from data.samples.rivers import Water
from data.samples.sketch import Sketch

BEYOND_M = 1_750.0


@dataclass(frozen=True)
class Fabric:
    """How a part of town is built: sizes in square metres, half the width of its roads in metres."""

    superblock: float
    cell: float
    block: float
    half_road: float
    compound: float
    village: float
    field: float


#: Shares are of the cells (compounds) and of the superblocks (villages, fields).
FABRICS = {
    "island": Fabric(60_000, 12_000, 2_200, 5, 0.0, 0.0, 0.0),
    "old": Fabric(70_000, 9_300, 1_700, 6, 0.10, 0.0, 0.0),
    "mixed": Fabric(120_000, 17_500, 4_300, 8, 0.35, 0.06, 0.01),
    "loose": Fabric(230_000, 51_000, 10_500, 10, 0.32, 0.16, 0.16),
    "outer": Fabric(420_000, 120_000, 42_000, 10, 0.0, 0.0, 0.0),
}
KINDS = tuple(FABRICS)
VILLAGE_BLOCK_M2 = 1_750.0


@dataclass(frozen=True)
class Ground:
    """Three nested layers. Each `*_of` is an index one layer up; `home` says that a superblock is in the district."""

    superblocks: Shapes
    kind: Ints
    home: np.ndarray
    use: np.ndarray
    cells: Shapes
    cell_of: Ints
    compound: np.ndarray
    cell_cuts: Division
    block_cuts: Division

    @property
    def fabric(self) -> dict[str, Floats]:
        """Each number of `Fabric`, per superblock."""
        return {name: np.array([getattr(FABRICS[kind], name) for kind in KINDS])[self.kind] for name in _NUMBERS}


_NUMBERS = ("superblock", "cell", "block", "half_road", "compound", "village", "field")


def lay(sketch: Sketch, water: Water, rng: np.random.Generator, *, scale: float = 1.0) -> Ground:
    """Cut the land. Below scale 1 everything is coarser, so that a small town is quick to make."""
    superblocks, kind, home = _superblocks(sketch, water, rng, coarser=min(2.5, scale**-0.25))
    numbers = {name: np.array([getattr(FABRICS[k], name) for k in KINDS])[kind] for name in _NUMBERS}
    draw = rng.random(len(superblocks))
    large = shapely.area(superblocks) / (numbers["superblock"] * 1.25)
    use = np.select([draw < numbers["village"], draw > 1 - numbers["field"] * large**2], ["village", "field"], "")
    cell_m2 = np.where(use == "field", np.inf, numbers["cell"] * min(1.3, scale**-0.3))
    cells = divide(superblocks, cell_m2, rng)
    compound = (rng.random(len(cells.pieces)) < numbers["compound"][cells.roots]) & (use[cells.roots] == "")
    block_m2 = np.where(use == "village", VILLAGE_BLOCK_M2, numbers["block"]) / scale
    block_m2[use == "field"] = np.inf
    blocks = divide(cells.pieces, block_m2[cells.roots], rng, tilt=0.07)
    return Ground(superblocks, kind, home, use, cells.pieces, cells.roots, compound, cells, blocks)


def _superblocks(
    sketch: Sketch, water: Water, rng: np.random.Generator, *, coarser: float
) -> tuple[Shapes, Ints, np.ndarray]:
    """Land between roads and banks, with its fabric; the outline is a road too where it runs over land."""
    land = shapely.simplify(sketch.outline.buffer(BEYOND_M), 20) - water.all
    lines = [land.boundary, shapely.intersection(sketch.outline.boundary, land)]
    lines += [shapely.intersection(shapely.LineString(road.line), land) for road in sketch.roads]
    first = faces(np.array(lines), within=land)
    kind, home = _fabric(first, sketch)
    target = np.array([FABRICS[k].superblock for k in KINDS])[kind] * coarser
    parts = divide(first, target, rng, tilt=0.09)
    kind, home = _fabric(parts.pieces, sketch)[0], home[parts.roots]
    kind[~home] = KINDS.index("outer")
    return parts.pieces, kind, home


def _fabric(shapes: Shapes, sketch: Sketch) -> tuple[Ints, np.ndarray]:
    """The fabric of the nearest street, allowing for its size, and whether the middle lies in the district."""
    middles: Shapes = shapely.point_on_surface(shapes)
    seeds = np.concatenate([street.at for street in sketch.streets])
    owner = np.concatenate([[i] * len(street.at) for i, street in enumerate(sketch.streets)])
    radius = np.sqrt([sketch.streets[i].km2 / len(sketch.streets[i].at) for i in owner])
    away = shapely.distance(middles[:, None], np.asarray(shapely.points(seeds))[None, :]) / radius
    kinds = np.array([KINDS.index(street.kind) for street in sketch.streets])
    shapely.prepare(sketch.outline)
    return kinds[owner[np.argmin(away, axis=1)]], np.asarray(shapely.contains(sketch.outline, middles))
