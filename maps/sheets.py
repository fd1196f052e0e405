"""The sheet of paper and the map on it; `maps.printed` sets title, legend and table round it and writes the file."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import geopandas as gpd
import matplotlib as mpl
import matplotlib.patheffects
import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import FontPath, FontProperties
from matplotlib.patches import Rectangle
from matplotlib.path import Path as Outline

import maps.fonts
import maps.layers
import maps.pages
import maps.palette
import maps.texts

#: Inches, lying.
PAPERS = {"a4": (11.69, 8.27), "a3": (16.54, 11.69)}

#: The finest level with at most so many areas is drawn, and the finest with at most so many rows is the table.
DRAWN_AREAS = 300
TABLE_ROWS = 26
DRAWN_NAMES = 60

HATCHING = {maps.palette.HIDDEN: "....", maps.palette.UNKNOWN: "----", maps.palette.MISSING: "xxx"}
METRES_PER_DEGREE = 111_320
NAME_SIZE = 8.5

#: Where a name may go instead of the middle, in halves of its own size, the nearest first.
SHIFTS = sorted(product((-0.6, -0.3, 0, 0.3, 0.6), (-2, -1, 0, 1, 2)), key=lambda shift: (abs(shift[1]), abs(shift[0])))


@dataclass(frozen=True)
class Sheet:
    """One choice of level, kind and verdict on one sheet of paper; `scale` is 1 for A4."""

    page: maps.pages.CoveragePage
    level: str
    kind: str
    verdict: str
    figure: Figure
    scale: float
    fonts: dict[str, Path]

    def say(self, key: str, **facts: object) -> str:
        return maps.texts.say(f"page.{key}", self.page.lang, **facts)

    def named(self, group: str, code: str) -> str:
        given = self.page.kinds.get(code) if group == "kind" else None
        return (given or maps.pages.named(f"page.{group}.{code}"))[self.page.lang == "en"]

    def font(self, size: float, weight: str = "Regular") -> FontProperties:
        path = self.fonts[weight]
        return FontProperties(fname=FontPath(str(path), maps.fonts.face(path)), size=size * self.scale)


def prepared(page: maps.pages.CoveragePage, paper: str) -> Sheet:
    size = PAPERS[paper]
    facts = maps.pages.page_facts(page)
    return Sheet(
        page=page,
        level=page.level or finest(page, DRAWN_AREAS),
        kind=page.kind or next(iter(facts["kinds"]), "circle"),
        verdict=page.verdict or next(iter(facts["verdicts"]), "standard"),
        figure=Figure(figsize=size, facecolor="white"),
        scale=size[0] / PAPERS["a4"][0],
        fonts={weight: maps.fonts.for_print(weight) for weight in ("Regular", "Bold")},
    )


def finest(page: maps.pages.CoveragePage, most: int) -> str:
    sizes = {level: frame["code"].nunique() for level, frame in page.areas.items()}
    return [next(iter(sizes)), *(level for level, count in sizes.items() if count <= most)][-1]


def draw_map(made: Sheet, axes: Axes) -> None:
    _frame(made, axes)
    _areas(made, axes)
    _ground(made, axes)
    _borders(made, axes)
    _facilities(made, axes)
    _names(made, axes)
    _scale_bar(made, axes)
    _north(made, axes)


def _frame(made: Sheet, axes: Axes) -> None:
    """The whole of the topmost level, in the middle, at one scale in both directions."""
    west, south, east, north = next(iter(made.page.areas.values())).total_bounds
    shrink = np.cos(np.radians((south + north) / 2))
    wide, high = axes.get_position().size * made.figure.get_size_inches()
    per_inch = 1.05 * max((east - west) * shrink / wide, (north - south) / high)
    middle, half = ((west + east) / 2, (south + north) / 2), (per_inch * wide / shrink / 2, per_inch * high / 2)
    (x, y), (dx, dy) = middle, half
    axes.set(xlim=(x - dx, x + dx), ylim=(y - dy, y + dy), xticks=[], yticks=[], facecolor=maps.palette.BACKGROUND)


def _areas(made: Sheet, axes: Axes) -> None:
    frame = made.page.areas[made.level]
    once = maps.layers.places(frame)
    figures = maps.layers.figures(frame, once["code"], made.kind, made.verdict)
    states, unsure = maps.palette.states(figures), maps.palette.unsure(figures)
    outlines = np.array([_outline(shape) for shape in maps.layers.simplified(once)], dtype=object)
    counted = ~maps.layers.dedicated(once)
    for state in np.unique(states[counted]):
        _fill(axes, outlines[counted & (states == state)], *look(state))
        _edge(axes, outlines[counted & (states == state)], maps.palette.border(state))
    rated = counted & unsure & np.char.isdigit(states)
    _fill(axes, outlines[rated], "none", maps.palette.HATCHES[maps.palette.UNKNOWN].ink, "///")


def look(state: str) -> tuple[str, str, str | None]:
    """Ground, ink and hatching of a state."""
    if state.isdigit():
        return maps.palette.CLASSES[int(state)], maps.palette.BORDER, None
    hatch = maps.palette.HATCHES[state]
    return hatch.ground, hatch.ink, HATCHING.get(state)


def _fill(axes: Axes, outlines: np.ndarray, ground: str, ink: str, hatching: str | None) -> None:
    if len(outlines):
        drawn = PathCollection(list(outlines), facecolor=ground, edgecolor=ink, linewidth=0, hatch=hatching, zorder=1)
        axes.add_collection(drawn, autolim=False)


def _edge(axes: Axes, outlines: np.ndarray, colour: str) -> None:
    edges = PathCollection(list(outlines), facecolor="none", edgecolor=colour, linewidth=0.4, zorder=1.5)
    axes.add_collection(edges, autolim=False)


def _ground(made: Sheet, axes: Axes) -> None:
    faces, streams = (maps.layers.by_dimension(made.page.water, dimension) for dimension in (2, 1))
    water: dict[str, Any] = {"facecolor": maps.palette.WATER, "edgecolor": maps.palette.WATER_EDGE, "linewidth": 0.4}
    axes.add_collection(PathCollection([_outline(face) for face in faces], zorder=2, **water), autolim=False)
    _strokes(axes, streams, color=maps.palette.WATER_EDGE, linewidth=0.6, zorder=2)
    if made.page.walk_lines is None:
        return
    for rank, width in enumerate((0.8, 0.4, 0.22)):
        ways = maps.layers.joined(made.page.walk_lines.geometry[maps.layers.ranks(made.page.walk_lines) == rank])
        _strokes(
            axes, ways, color=maps.palette.WALKWAY, alpha=0.4, linewidth=width * made.scale, zorder=3, rasterized=True
        )


def _strokes(axes: Axes, lines: np.ndarray, **style: Any) -> None:
    vertices = shapely.get_coordinates(lines)
    ends = np.cumsum(shapely.get_num_coordinates(lines))[:-1]
    axes.add_collection(LineCollection(np.split(vertices, ends) if len(lines) else [], **style), autolim=False)


def _borders(made: Sheet, axes: Axes) -> None:
    """Outlines of the levels above the one that is drawn."""
    levels = list(made.page.areas)
    above = levels[max(0, levels.index(made.level) - 2) : levels.index(made.level)]
    for step, level in enumerate(reversed(above)):
        shapes = maps.layers.simplified(maps.layers.places(made.page.areas[level]))
        style: dict[str, Any] = {
            "facecolor": "none",
            "edgecolor": maps.palette.BORDER_STRONG,
            "linewidth": (0.8 + step) * made.scale,
        }
        axes.add_collection(PathCollection([_outline(shape) for shape in shapes], zorder=4, **style), autolim=False)


def _facilities(made: Sheet, axes: Axes) -> None:
    size = (5.0 if len(shown(made)) < 200 else 3.8) * made.scale
    for kind, frame in shown(made).groupby("kind", sort=True):
        points = shapely.get_coordinates(np.asarray(frame.geometry))
        axes.plot(*points.T, **marker(made, str(kind), size), zorder=6)


def shown(made: Sheet) -> gpd.GeoDataFrame:
    """The facilities of the kind; all of them for the circle."""
    all_of_them = made.page.facilities
    placed = all_of_them[~(all_of_them.geometry.isna() | all_of_them.geometry.is_empty)]
    return placed if made.kind == "circle" else placed[placed["kind"] == made.kind]


def marker(made: Sheet, kind: str, size: float) -> dict[str, Any]:
    glyph = maps.palette.glyph(kind, made.named("kind", kind))
    return {"marker": maps.palette.MARKERS[glyph.shape], "color": glyph.colour, "markersize": size, "linestyle": "none",
            "markeredgecolor": "white", "markeredgewidth": 0.5 * made.scale}  # fmt: skip


def _names(made: Sheet, axes: Axes) -> None:
    """Names of the finest level that has few enough to be read on paper; small areas give way to large ones."""
    frame = maps.layers.places(made.page.areas[finest(made.page, TABLE_ROWS)])
    if len(frame) > DRAWN_NAMES:
        return
    halo = [mpl.patheffects.withStroke(linewidth=2.2 * made.scale, foreground="white")]
    taken: list[shapely.Geometry] = []
    for row in np.argsort(-frame.geometry.to_crs(3857).area.to_numpy(), kind="stable"):
        name, middle = str(frame["name"].iloc[row]), frame.geometry.iloc[row].point_on_surface()
        x, y, box = _room(made, axes, name, (middle.x, middle.y), taken)
        taken.append(box)
        axes.text(x, y, plain(name), ha="center", va="center", zorder=7, color=maps.palette.INK,
                  fontproperties=made.font(NAME_SIZE, "Bold"), path_effects=halo)  # fmt: skip


def _room(
    made: Sheet, axes: Axes, name: str, at: tuple[float, float], taken: list[shapely.Geometry]
) -> tuple[float, float, shapely.Geometry]:
    """The place nearest to `at`, among a few round it, where a name covers the least of those already there."""
    dx, dy = _half_size(made, axes, name)
    tried = [(at[0] + i * dx, at[1] + j * dy) for i, j in SHIFTS]
    boxes = [shapely.box(x - dx, y - dy, x + dx, y + dy) for x, y in tried]
    best = int(np.argmin([sum(box.intersection(other).area for other in taken) for box in boxes]))
    return (*tried[best], boxes[best])


def _half_size(made: Sheet, axes: Axes, name: str) -> tuple[float, float]:
    """Half the width and height of a name, in degrees; a Chinese character fills its square."""
    points = axes.get_position().size * made.figure.get_size_inches() * 72
    degrees = np.array([np.ptp(axes.get_xlim()), np.ptp(axes.get_ylim())])
    letters = sum(1.0 if ord(letter) > 0x2E7F else 0.6 for letter in name)
    wide, high = NAME_SIZE * made.scale * np.array([letters, 1.2]) / 2 * degrees / points
    return float(wide), float(high)


def _scale_bar(made: Sheet, axes: Axes) -> None:
    """A length that is one, two or five of a power of ten, halved black and white."""
    (west, east), (south, north) = axes.get_xlim(), axes.get_ylim()
    per_degree = METRES_PER_DEGREE * np.cos(np.radians((south + north) / 2))
    metres = _round_length(0.22 * (east - west) * per_degree)
    length, high = metres / per_degree, north - south
    x, y, thick = west + 0.03 * (east - west), south + 0.022 * high, 0.008 * high
    ground: dict[str, Any] = {"facecolor": "white", "edgecolor": "none", "alpha": 0.88, "zorder": 8}
    axes.add_patch(Rectangle((x - 0.06 * length, y - thick), 1.22 * length, 5.6 * thick, **ground))
    for part, colour in enumerate(("black", "white")):
        place = (x + part * length / 2, y)
        axes.add_patch(
            Rectangle(place, length / 2, thick, facecolor=colour, edgecolor="black", linewidth=0.8, zorder=9)
        )
    label = f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m"
    for at, words in ((x, "0"), (x + length, label)):
        axes.text(at, y + 1.8 * thick, words, ha="center", zorder=9, fontproperties=made.font(9))


def _round_length(metres: float) -> float:
    power = 10 ** np.floor(np.log10(metres))
    return float(max(step * power for step in (1, 2, 5) if step * power <= metres))


def _north(made: Sheet, axes: Axes) -> None:
    halo = [mpl.patheffects.withStroke(linewidth=3 * made.scale, foreground="white")]
    arrow: dict[str, Any] = {
        "arrowstyle": "-|>,head_width=0.5,head_length=0.9",
        "color": "black",
        "linewidth": 2 * made.scale,
    }
    axes.annotate("", (0.045, 0.965), (0.045, 0.895), xycoords="axes fraction", arrowprops=arrow, zorder=8)
    axes.text(0.045, 0.885, made.say("north"), transform=axes.transAxes, ha="center", va="top", zorder=8,
              fontproperties=made.font(12, "Bold"), path_effects=halo)  # fmt: skip


def _outline(shape: shapely.Geometry) -> Outline:
    """A polygon with its holes as one path; winding does not matter, holes are told by even-odd of their direction."""
    parts = [shapely.orient_polygons(part) for part in shapely.get_parts(shape) if part.geom_type == "Polygon"]
    rings = [shapely.get_coordinates(ring) for part in parts for ring in shapely.get_rings(part)]
    if not rings:
        return Outline(np.zeros((0, 2)))
    return Outline.make_compound_path(*(Outline(ring, closed=True) for ring in rings))


def plain(text: str) -> str:
    """matplotlib reads what stands between dollar signs as mathematics."""
    return text.replace("$", r"\$")
