"""Over the road, the canal and the river: crossings with and without signals, footbridges, underpasses, bridges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from data.samples.blocks import Floats, Ints, Shape, Shapes
from data.samples.ground import KINDS, Ground
from data.samples.rivers import Water
from data.samples.sketch import Sketch
from data.samples.ways import Ways

CORNER_M = 14.0
SPACING = {"island": 120.0, "old": 110.0, "mixed": 150.0, "loose": 230.0, "outer": 420.0}
CANAL_SPACING_M = 240.0
STAIR_M = 13.0
HALF_M = 22.0
APPROACH_M = 12.0


@dataclass(frozen=True)
class Spots:
    """Places on a middle line: the point, the unit vector along it, and the rooms on both sides."""

    point: Floats
    along: Floats
    left: Ints
    right: Ints

    def some(self, keep: np.ndarray) -> Spots:
        return Spots(self.point[keep], self.along[keep], self.left[keep], self.right[keep])

    def shifted(self, metres: float) -> Floats:
        return self.point + self.along * metres


def lay(ground: Ground, rooms: Shapes, water: Water, sketch: Sketch, *, rng: np.random.Generator) -> Ways:
    """Everything on foot between superblocks."""
    rings = shapely.boundary(rooms)
    return Ways.join(
        _over_roads(ground, rings, water, rng),
        _over_canals(ground, rings, water, rng),
        _over_water(rooms, water, sketch, rng),
    )


def _over_roads(ground: Ground, rings: Shapes, water: Water, rng: np.random.Generator) -> Ways:
    """At corners crossings with or without signals; between them also footbridges and underpasses on wide roads."""
    arcs = _arcs(ground, water)
    kind = ground.kind[shapely.STRtree(ground.superblocks).nearest(shapely.centroid(arcs))]
    place, arc, corner = _places(np.asarray(shapely.length(arcs)), np.array([SPACING[name] for name in KINDS])[kind])
    spots, found = _spots(arcs[arc], place, ground, away=3.0)
    corner = corner[found]
    wide = np.minimum(*(ground.fabric["half_road"][side] for side in (spots.left, spots.right))) >= 8
    draw = rng.random(len(corner))
    signal = np.where(corner, draw < 0.55, draw < 0.2)
    bridge = wide & ~corner & (draw > 0.74)
    passage = wide & ~corner & (draw > 0.68) & ~bridge
    flat = ~signal & ~bridge & ~passage
    lifted = bridge & (rng.random(len(corner)) < 0.35)
    return Ways.join(
        _halves("signal", spots.some(signal), rings),
        _halves("zebra", spots.some(flat), rings),
        _overhead("lifted", "deck", spots.some(lifted), rings),
        _overhead("stairs", "deck", spots.some(bridge & ~lifted), rings),
        _overhead("down", "passage", spots.some(passage), rings),
    )


def _arcs(ground: Ground, water: Water) -> Shapes:
    """Middle lines of the roads between superblocks, from junction to junction."""
    noded = shapely.union_all(shapely.boundary(ground.superblocks), grid_size=0.01)
    dry = shapely.difference(noded, water.all.buffer(9))
    return shapely.get_parts(shapely.line_merge(dry))


def _places(length: Floats, spacing: Floats) -> tuple[Floats, Ints, np.ndarray]:
    """How far along which line to cross: near both ends, and evenly between; once in the middle of a short one."""
    between = np.maximum(0, np.round((length - 2 * CORNER_M) / spacing).astype(np.int64) - 1)
    short = length < 4 * CORNER_M
    arc = np.repeat(np.arange(len(length)), np.where(short, 1, between + 2))
    turn = np.arange(len(arc)) - np.searchsorted(arc, arc)
    gap = (length - 2 * CORNER_M) / (between + 1)
    place = np.where(short[arc], length[arc] / 2, CORNER_M + turn * gap[arc])
    return place, arc, (turn == 0) | (turn == between[arc] + 1)


def _spots(lines: Shapes, place: Floats, ground: Ground, *, away: float) -> tuple[Spots, np.ndarray]:
    """The spots that have a superblock on either side, and which of the places they are."""
    point = shapely.get_coordinates(shapely.line_interpolate_point(lines, place))
    ahead = shapely.get_coordinates(shapely.line_interpolate_point(lines, place + 1.0))
    behind = shapely.get_coordinates(shapely.line_interpolate_point(lines, np.maximum(place - 1.0, 0)))
    along = (ahead - behind) / np.maximum(np.hypot(*(ahead - behind).T), 1e-9)[:, None]
    across = np.column_stack([-along[:, 1], along[:, 0]]) * away
    left, right = (_superblock(point + side, ground) for side in (across, -across))
    found = np.flatnonzero((left >= 0) & (right >= 0) & (left != right))
    return Spots(point, along, left, right).some(found), found


def _superblock(points: Floats, ground: Ground) -> Ints:
    which, block = shapely.STRtree(ground.superblocks).query(shapely.points(points), predicate="within")
    holder = np.full(len(points), -1)
    holder[which] = block
    return holder


def _foot(points: Floats, rings: Shapes) -> Floats:
    """The nearest place on each ring; NaN where the superblock has no room inside its roads."""
    links = shapely.shortest_line(shapely.points(points), rings)
    ends = shapely.get_point(links, 1)
    return np.column_stack([shapely.get_x(ends), shapely.get_y(ends)])


def _lines(*stops: Floats, longest: float) -> Shapes:
    """Lines through stops, without those that have no end or are far too long for what they are."""
    path = np.stack(stops, axis=1)
    metres = np.hypot(*np.moveaxis(np.diff(path, axis=1), 2, 0)).sum(axis=1)
    return shapely.linestrings(path[np.isfinite(metres) & (metres < longest)])


def _halves(kind: str, spots: Spots, rings: Shapes) -> Ways:
    """From either pavement to the middle of the road."""
    feet = [_foot(spots.point, rings[side]) for side in (spots.left, spots.right)]
    good = np.isfinite(feet[0] + feet[1]).all(axis=1)
    return Ways.of(kind, np.concatenate([_lines(foot[good], spots.point[good], longest=HALF_M) for foot in feet]))


def _overhead(climb: str, level: str, spots: Spots, rings: Shapes) -> Ways:
    """Stairs along the road, a level part across it, stairs down on the other side."""
    ends, stairs = [], []
    for side in (spots.left, spots.right):
        end = spots.point + (_foot(spots.point, rings[side]) - spots.point) * 0.7
        ends.append(end)
        stairs.append(_lines(_foot(spots.shifted(STAIR_M), rings[side]), end, longest=2 * STAIR_M))
    return Ways.join(Ways.of(climb, np.concatenate(stairs)), Ways.of(level, _lines(*ends, longest=2 * HALF_M)))


def _over_canals(ground: Ground, rings: Shapes, water: Water, rng: np.random.Generator) -> Ways:
    """Small bridges over canals, a quarter of them humpbacked."""
    ways = []
    for line, width in water.canals:
        count = max(2, round(line.length / CANAL_SPACING_M))
        place = (np.arange(count) + rng.uniform(0.3, 0.7, count)) * line.length / count
        spots, _ = _spots(np.full(count, line), place, ground, away=width * 0.6 + 9)
        feet = [_foot(spots.point, rings[side]) for side in (spots.left, spots.right)]
        lines = _lines(feet[0], spots.point, feet[1], longest=70.0)
        hump = rng.random(len(lines)) < 0.25
        clear = shapely.length(shapely.difference(lines, water.narrow | line.buffer(width))) < 60
        ways += [Ways.of("hump", lines[hump & clear]), Ways.of("crook", lines[~hump & clear])]
    return Ways.join(*ways)


def _over_water(rooms: Shapes, water: Water, sketch: Sketch, rng: np.random.Generator) -> Ways:
    """A bridge wherever a main road meets water; at each end a ramp to one side, often stairs to the other."""
    decks = np.concatenate([_decks(shapely.LineString(road.line), water) for road in sketch.roads])
    ends = np.concatenate([shapely.get_point(decks, 0), shapely.get_point(decks, -1)])
    links, rank = _links(ends, rooms, water)
    stairs = (rank == 1) & (rng.random(len(links)) < 0.5)
    return Ways.join(Ways.of("bridge", decks), Ways.of("climb", links[stairs]), Ways.of("ramp", links[~stairs]))


def _decks(road: Shape, water: Water) -> Shapes:
    wet: Shapes = shapely.get_parts(shapely.line_merge(shapely.intersection(road, water.all)))
    wet = wet[shapely.get_dimensions(wet) == 1]
    spans = [
        np.sort(shapely.line_locate_point(road, [shapely.get_point(part, end) for end in (0, -1)]))
        for part in wet
        if part.length < 1_200
    ]
    cuts = [_between(road, low - APPROACH_M, high + APPROACH_M) for low, high in spans]
    return np.array(cuts, dtype=object)


def _between(road: Shape, low: float, high: float) -> Shape:
    places = np.clip(np.linspace(low, high, max(2, round((high - low) / 40))), 0, road.length)
    return shapely.linestrings(shapely.get_coordinates(shapely.line_interpolate_point(road, places)))


def _links(ends: Shapes, rooms: Shapes, water: Water) -> tuple[Shapes, Ints]:
    """From each bridgehead to the pavements of the two nearest superblocks, without crossing water."""
    rings: Shapes = shapely.boundary(rooms)
    head, room = shapely.STRtree(rooms).query(ends, predicate="dwithin", distance=45.0)
    links: Shapes = shapely.shortest_line(ends[head], rings[room])
    length: Floats = np.asarray(shapely.length(links))
    dry = (length > 0.3) & (length < 45) & ~shapely.intersects(links, water.all)
    head, links, length = head[dry], links[dry], length[dry]
    order = np.lexsort((length, head))
    rank = np.arange(len(order)) - np.searchsorted(head[order], head[order])
    return links[order][rank < 2], rank[rank < 2]
