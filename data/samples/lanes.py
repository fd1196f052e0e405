"""Where one walks inside a superblock: pavements, lanes, dead ends, and walled compounds with few gates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from data.samples.blocks import Floats, Ints, Shape, Shapes
from data.samples.ground import KINDS, Ground
from data.samples.rivers import Water
from data.samples.ways import Ways

YARD_M = 7.0
LEAST_YARD_M2 = 2_500.0
SHUT_COMPOUNDS = 8
SPURS = {"island": 0.2, "old": 0.5, "mixed": 0.35, "loose": 0.3, "outer": 0.0}
SHUT_QUAYS = {"island": 0.0, "old": 0.1, "mixed": 0.3, "loose": 0.45, "outer": 0.5}


@dataclass(frozen=True)
class Lanes:
    """`rooms` are superblocks inside their roads; `lots` are the ground's blocks inside their lanes.

    `walled` says which cells are compounds, `shut` which of those have no gate: true islands of the network.
    """

    ways: Ways
    rooms: Shapes
    lots: Shapes
    walled: np.ndarray
    shut: np.ndarray


def lay(ground: Ground, water: Water, rng: np.random.Generator) -> Lanes:
    """All lines on foot within superblocks; roads between them are crossed elsewhere."""
    rooms = _rooms(ground)
    cells = shapely.intersection(ground.cells, rooms[ground.cell_of])
    yards, walled = _yards(cells, ground)
    shut = _shut(walled, ground, yards, rng)
    shore = shapely.boundary(water.all)
    shapely.prepare(shore)
    cuts, of = ground.block_cuts.cuts, ground.block_cuts.cut_roots
    inside = shapely.intersection(cuts, np.where(walled, yards, cells)[of])
    lots = _lots(ground, yards, cells, walled)
    ways = Ways.join(
        _rings(rooms, ground, water, rng),
        Ways.of("lane", shapely.intersection(ground.cell_cuts.cuts, rooms[ground.cell_cuts.cut_roots])),
        Ways.of("alley", inside[~walled[of]]),
        Ways.of("private", inside[walled[of]]),
        Ways.of("private", shapely.boundary(yards[walled])),
        Ways.of("gate", _gates(yards, cells, walled & ~shut, shore, rng)),
        Ways.of("spur", _spurs(lots, ground, walled, shore, rng)),
    )
    return Lanes(ways, rooms, lots, walled, shut)


def _rooms(ground: Ground) -> Shapes:
    half = ground.fabric["half_road"]
    return shapely.buffer(ground.superblocks, -half, join_style="mitre", mitre_limit=2.0)


def _yards(cells: Shapes, ground: Ground) -> tuple[Shapes, np.ndarray]:
    """The ground inside a compound's wall; a cell too small or ragged for it is no compound."""
    yards = shapely.buffer(cells, -YARD_M, join_style="mitre", mitre_limit=2.0)
    fit = (shapely.get_type_id(yards) == 3) & (shapely.area(yards) > LEAST_YARD_M2)
    return yards, ground.compound & fit


def _shut(walled: np.ndarray, ground: Ground, yards: Shapes, rng: np.random.Generator) -> np.ndarray:
    """A few smaller compounds whose gates nobody mapped."""
    home = np.flatnonzero(walled & ground.home[ground.cell_of] & (shapely.area(yards) < 30_000))
    shut = np.zeros(len(walled), bool)
    shut[rng.permutation(home)[:SHUT_COMPOUNDS]] = True
    return shut


def _by_kind(shares: dict[str, float], kind: Ints) -> Floats:
    return np.array([shares[name] for name in KINDS])[kind]


def _rings(rooms: Shapes, ground: Ground, water: Water, rng: np.random.Generator) -> Ways:
    """Pavements along roads and walks along the banks; some river banks are shut by works and docks."""
    shore, wide = shapely.boundary(water.all), shapely.boundary(water.wide)
    shapely.prepare([shore, wide])
    shut = rng.random(len(rooms)) < _by_kind(SHUT_QUAYS, ground.kind)
    parts, of = shapely.get_parts(rooms, return_index=True)
    corners, ring = shapely.get_coordinates(parts, return_index=True)
    inner = ring[1:] == ring[:-1]
    sides: Shapes = shapely.linestrings(np.stack([corners[:-1], corners[1:]], axis=1)[inner])
    room = of[ring[:-1][inner]]
    middle = shapely.line_interpolate_point(sides, 0.5, normalized=True)
    quay = shapely.dwithin(middle, shore, ground.fabric["half_road"][room] + 3)
    shut_here = shut[room] & shapely.dwithin(middle, wide, ground.fabric["half_road"][room] + 3)
    return Ways.join(Ways.of("sidewalk", sides[~quay]), Ways.of("quay", sides[quay & ~shut_here]))


def _lots(ground: Ground, yards: Shapes, cells: Shapes, walled: np.ndarray) -> Shapes:
    """Building blocks without the roads and walls round them; empty where nothing sizable is left."""
    of = ground.block_cuts.roots
    lots: Shapes = shapely.intersection(ground.block_cuts.pieces, np.where(walled, yards, cells)[of])
    fit = (shapely.get_type_id(lots) == 3) & (shapely.area(lots) > 60)
    lots[~fit] = shapely.Polygon()
    return lots


def _gates(yards: Shapes, cells: Shapes, gated: np.ndarray, shore: Shape, rng: np.random.Generator) -> Shapes:
    """One to three short links from a compound's inner ring to the lane outside, away from the water if possible."""
    which = np.flatnonzero(gated)
    tries = rng.random((len(which), 8))
    rings = np.asarray(shapely.get_exterior_ring(yards[which]))[:, None]
    begin = shapely.line_interpolate_point(rings, tries, normalized=True)
    links = shapely.shortest_line(begin, shapely.boundary(cells[which])[:, None])
    ends = shapely.get_point(links, 1)
    fit = ~shapely.dwithin(ends, shore, 16) & (shapely.length(links) < YARD_M * 2)
    rank = np.cumsum(fit, axis=1) * fit
    wanted = rng.choice([1, 2, 3], len(which), p=[0.35, 0.4, 0.25])
    return links[(rank > 0) & (rank <= wanted[:, None])]


def _spurs(lots: Shapes, ground: Ground, walled: np.ndarray, shore: Shape, rng: np.random.Generator) -> Shapes:
    """Dead ends that lead from a lane into a building block."""
    cell = ground.block_cuts.roots
    block = ground.cell_of[cell]
    draw = rng.random(len(lots)) < _by_kind(SPURS, ground.kind)[block]
    which = np.flatnonzero(draw & ~walled[cell] & ~shapely.is_empty(lots) & (ground.use[block] != "field"))
    rings = shapely.get_exterior_ring(lots[which])
    base = shapely.line_interpolate_point(rings, rng.random(len(which)), normalized=True)
    foot, heart = shapely.get_coordinates(base), shapely.get_coordinates(shapely.centroid(lots[which]))
    tip = foot + (heart - foot) * rng.uniform(0.6, 1.0, (len(which), 1))
    spurs: Shapes = shapely.linestrings(np.stack([foot, tip], axis=1))
    fit = (
        (shapely.length(spurs) > 7)
        & ~shapely.dwithin(base, shore, 14)
        & shapely.contains(lots[which], shapely.points(tip))
    )
    return spurs[fit]
