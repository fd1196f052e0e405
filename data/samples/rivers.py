"""Water: river bands of changing width along the sketched courses, canals and lakes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from data.samples.blocks import Shape, Shapes
from data.samples.sketch import Course, Floats, Sketch, smooth

BEAD_M = 60.0
RIB_M = 170.0


@dataclass(frozen=True)
class Water:
    """`wide` may be crossed on main roads' bridges only, `narrow` and `canals` also on small ones; metres."""

    wide: Shape
    narrow: Shape
    names: tuple[str, ...]
    bands: Shapes
    middles: Shapes
    ribs: Shapes
    canals: tuple[tuple[shapely.LineString, float], ...]

    @property
    def all(self) -> Shape:
        return self.wide | self.narrow


def draw(sketch: Sketch, rng: np.random.Generator) -> Water:
    """Bands, middle lines (where the outline is not one already) and cross lines for sharing water out."""
    courses = [_wiggled(river, rng) for river in sketch.rivers]
    bands = np.array([_band(river, rng) for river in courses])
    narrow = np.array([river.canal for river in courses])
    lakes = np.array([_lake(lake["at"], lake["radius"], rng) for lake in sketch.lakes])
    wide = _rounded(shapely.union_all(bands[~narrow]))
    still = shapely.union_all([*bands[narrow], *lakes])
    return Water(
        wide,
        shapely.set_precision(shapely.simplify(still, 1.5) - wide.buffer(0.5), 0.01),
        names=tuple(river.name for river in courses) + tuple(lake["name"] for lake in sketch.lakes),
        bands=np.concatenate([bands, lakes]),
        middles=np.array([shapely.LineString(c.line) for c in courses if not c.follows_outline]),
        ribs=np.concatenate([_ribs(river) for river in courses]),
        canals=tuple((shapely.LineString(c.line), _width(c)) for c in courses if c.canal or c.island),
    )


def _width(course: Course) -> float:
    return float(np.mean(course.widths))


def _wiggled(river: Course, rng: np.random.Generator) -> Course:
    """A canal meanders a little; its ends stay where they meet other water."""
    if not river.canal or river.follows_outline:
        return river
    line = _points_every(river.line, 70.0)
    sway = rng.normal(0, 9.0, line.shape) * np.sin(np.linspace(0, np.pi, len(line)))[:, None]
    bent = line + sway
    return Course(river.name, bent, widths=river.widths, canal=True)


def _points_every(line: Floats, metres: float) -> Floats:
    curve = shapely.LineString(line)
    places = np.linspace(0, curve.length, max(2, round(curve.length / metres) + 1))
    return shapely.get_coordinates(shapely.line_interpolate_point(curve, places))


def _band(river: Course, rng: np.random.Generator) -> Shape:
    """A string of beads of slowly changing size, each hulled with the next."""
    step = BEAD_M if not river.canal else 25.0
    points = _points_every(river.line, step)
    along = np.linspace(0, len(river.widths) - 1, len(points))
    widths = np.interp(along, np.arange(len(river.widths)), river.widths)
    sway = 1 + 0.05 * np.cumsum(rng.normal(0, 0.4, len(points)))
    beads = shapely.buffer(shapely.points(points), widths / 2 * np.clip(sway, 0.85, 1.15), quad_segs=6)
    pairs = shapely.convex_hull(shapely.union(beads[:-1], beads[1:]))
    return shapely.simplify(shapely.union_all(pairs), 0.6 if river.canal else 2.0)


def _lake(at: list[list[float]], radius: float, rng: np.random.Generator) -> Shape:
    radii = radius * rng.uniform(0.75, 1.15, len(at))
    blobs = shapely.buffer(shapely.points(np.array(at, float)), radii, quad_segs=5)
    pond = shapely.simplify(shapely.union_all(blobs).buffer(60).buffer(-60), 6.0)
    rim = shapely.get_coordinates(pond)[:-1]
    rim += (rim - rim.mean(axis=0)) * rng.normal(0, 0.07, (len(rim), 1))
    return shapely.Polygon(smooth(np.concatenate([rim, rim[:1]]), 2)).buffer(0)


def _rounded(wide: Shape) -> Shape:
    """Rounded confluences, and the slivers between neighbouring bands closed."""
    closed = shapely.simplify(wide.buffer(25).buffer(-25), 2.5)
    filled = shapely.union_all([_without_specks(part) for part in shapely.get_parts(closed)])
    return shapely.set_precision(filled, 0.01)


def _without_specks(part: shapely.Polygon) -> shapely.Polygon:
    holes = [ring for ring in part.interiors if shapely.Polygon(ring).area > 20_000]
    return shapely.Polygon(part.exterior, holes)


def _ribs(river: Course) -> Shapes:
    """Lines across the river, by which each bank gets its share of the water up to the middle."""
    points = _points_every(river.line, RIB_M)
    ahead = np.gradient(points, axis=0)
    across = np.column_stack([-ahead[:, 1], ahead[:, 0]]) / np.hypot(*ahead.T)[:, None]
    reach = across * (max(river.widths) * 0.62 + 15)
    return shapely.linestrings(np.stack([points - reach, points + reach], axis=1))
