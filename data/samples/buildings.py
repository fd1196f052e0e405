"""Houses on the building blocks: where, how high, with or without a lift, and in which grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from data.samples.blocks import Floats, Ints
from data.samples.ground import KINDS, Ground
from data.samples.lanes import Lanes

FOOTPRINT_M2 = {"island": 420.0, "old": 230.0, "mixed": 420.0, "loose": 650.0, "outer": 2_500.0}
VILLAGE_FOOTPRINT_M2 = 190.0
TOWERS = {"island": 0.0, "old": 0.02, "mixed": 0.06, "loose": 0.05, "outer": 0.05}
TOWERS_IN_COMPOUNDS = 0.45


@dataclass(frozen=True)
class Buildings:
    """One row per building: its place (metres), lot, cell, storeys, lift, and how many households it draws."""

    xy: Floats
    lot: Ints
    cell: Ints
    floors: Ints
    lift: np.ndarray
    pull: Floats
    number: Ints

    def some(self, keep: np.ndarray) -> Buildings:
        return Buildings(**{name: column[keep] for name, column in vars(self).items()})


def put_up(ground: Ground, lanes: Lanes, taken: np.ndarray, *, scale: float, rng: np.random.Generator) -> Buildings:
    """Buildings on every lot that is not taken by a school, a market or a park; fewer below scale 1."""
    cell = ground.block_cuts.roots
    block = ground.cell_of[cell]
    kind, use = ground.kind[block], ground.use[block]
    free = ~taken & ~shapely.is_empty(lanes.lots) & (use != "field")
    each = np.where(use == "village", VILLAGE_FOOTPRINT_M2, np.array([FOOTPRINT_M2[k] for k in KINDS])[kind])
    count = np.where(free, np.maximum(1, shapely.area(lanes.lots) * scale // each), 0).astype(np.int64)
    lot = np.repeat(np.arange(len(count)), count)
    floors, lift = _storeys(kind[lot], use[lot], lanes.walled[cell[lot]], rng)
    pull = np.sqrt(each[lot]) * np.minimum(floors, 12) * rng.gamma(2.0, 0.5, len(lot))
    number = np.arange(len(lot)) - np.searchsorted(lot, lot) + 1
    return Buildings(_places(lanes, lot, rng), lot, cell[lot], floors, lift, pull, number)


def _storeys(kind: Ints, use: np.ndarray, walled: np.ndarray, rng: np.random.Generator) -> tuple[Ints, np.ndarray]:
    """Walk-ups of up to nine floors, some with a lift added later; towers with lifts, mostly in compounds."""
    n = len(kind)
    towers = np.where(walled, TOWERS_IN_COMPOUNDS, np.array([TOWERS[k] for k in KINDS])[kind]) * (use != "village")
    tower = rng.random(n) < towers
    low = rng.choice(np.arange(2, 10), n, p=[0.08, 0.14, 0.12, 0.12, 0.15, 0.17, 0.12, 0.10])
    floors = np.where(tower, rng.integers(11, 34, n), low)
    return floors, tower | ((floors >= 6) & (rng.random(n) < 0.13))


def _places(lanes: Lanes, lot: Ints, rng: np.random.Generator) -> Floats:
    """Between the middle of the lot and its rim; a place that falls outside an odd lot moves to its inner point."""
    lots = lanes.lots[lot]
    rim = shapely.line_interpolate_point(shapely.get_exterior_ring(lots), rng.random(len(lot)), normalized=True)
    middle = shapely.get_coordinates(shapely.centroid(lots))
    xy = middle + (shapely.get_coordinates(rim) - middle) * rng.uniform(0.35, 0.85, (len(lot), 1))
    astray = ~shapely.contains_xy(lots, *xy.T)
    xy[astray] = shapely.get_coordinates(shapely.point_on_surface(lots[astray]))
    rounded: Floats = np.round(xy, 2)
    return rounded


def residents(buildings: Buildings, grid: Ints, density: Floats) -> Floats:
    """Pull of each building: its own, scaled so that a grid draws by its area times its street's density."""
    total = np.bincount(grid, buildings.pull, len(density))
    return buildings.pull * (density / np.maximum(total, 1e-9))[grid]
