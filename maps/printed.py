"""A coverage map on paper: one sheet with title, legend, figures, scale, north, date and source.

The same inputs give the same bytes: no clock is read and no moment is written into the file.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import matplotlib as mpl
import matplotlib.patheffects
import numpy as np
import pandas as pd
import shapely
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import FontPath, FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.path import Path as Outline
from PIL import Image

import maps.fonts
import maps.layers
import maps.pages
import maps.palette
import maps.texts
from gis.errors import Invalid

#: Inches, lying.
PAPERS = {"a4": (11.69, 8.27), "a3": (16.54, 11.69)}

#: The finest level with at most so many areas is drawn, and the finest with at most so many rows is the table.
DRAWN_AREAS = 300
TABLE_ROWS = 26

HATCHING = {maps.palette.HIDDEN: "....", maps.palette.UNKNOWN: "----", maps.palette.MISSING: "xxx"}
METRES_PER_DEGREE = 111_320


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


def coverage(
    page: maps.pages.CoveragePage,
    path: Path,
    *,
    paper: str = "a4",
    width_px: int | None = None,
    colours: int | None = None,
) -> None:
    """Print the map of `page` to a .png or .pdf file.

    `width_px` sets the width of a picture (else 200 dots an inch); `colours` reduces it to a palette, for a README.
    """
    suffix = path.suffix.lower()
    if suffix not in (".png", ".pdf"):
        raise Invalid("maps.format.unknown", suffix=suffix)
    with _style():
        figure = sheet(page, paper=paper).figure
        content = _pdf(figure) if suffix == ".pdf" else _png(figure, width_px, colours)
    draft = path.with_name(f".{path.name}.part")
    draft.write_bytes(content)
    draft.replace(path)


def sheet(page: maps.pages.CoveragePage, *, paper: str = "a4") -> Sheet:
    """The drawn sheet."""
    maps.pages.place(page)
    made = _prepared(page, paper)
    axes = made.figure.add_axes((0.015, 0.062, 0.645, 0.848))
    _map(made, axes)
    _title(made)
    _column(made)
    _source(made)
    return made


def _prepared(page: maps.pages.CoveragePage, paper: str) -> Sheet:
    size = PAPERS[paper]
    facts = maps.pages.page_facts(page)
    return Sheet(
        page=page,
        level=page.level or _finest(page, DRAWN_AREAS),
        kind=page.kind or next(iter(facts["kinds"]), "circle"),
        verdict=page.verdict or next(iter(facts["verdicts"]), "standard"),
        figure=Figure(figsize=size, facecolor="white"),
        scale=size[0] / PAPERS["a4"][0],
        fonts={weight: maps.fonts.for_print(weight) for weight in ("Regular", "Bold")},
    )


def _finest(page: maps.pages.CoveragePage, most: int) -> str:
    sizes = {level: frame["code"].nunique() for level, frame in page.areas.items()}
    return [next(iter(sizes)), *(level for level, count in sizes.items() if count <= most)][-1]


# The map --------------------------------------------------------------------------------------------------------------


def _map(made: Sheet, axes: Axes) -> None:
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
        _fill(axes, outlines[counted & (states == state)], *_ink(state))
        _edge(axes, outlines[counted & (states == state)], maps.palette.border(state))
    rated = counted & unsure & np.char.isdigit(states)
    _fill(axes, outlines[rated], "none", maps.palette.HATCHES[maps.palette.UNKNOWN].ink, "///")


def _ink(state: str) -> tuple[str, str, str | None]:
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
    size = (5.0 if len(_shown(made)) < 200 else 3.8) * made.scale
    for kind, frame in _shown(made).groupby("kind", sort=True):
        points = shapely.get_coordinates(np.asarray(frame.geometry))
        axes.plot(*points.T, **_marker(made, str(kind), size), zorder=6)


def _shown(made: Sheet) -> gpd.GeoDataFrame:
    """The facilities of the kind; all of them for the circle."""
    all_of_them = made.page.facilities
    placed = all_of_them[~(all_of_them.geometry.isna() | all_of_them.geometry.is_empty)]
    return placed if made.kind == "circle" else placed[placed["kind"] == made.kind]


def _marker(made: Sheet, kind: str, size: float) -> dict[str, Any]:
    glyph = maps.palette.glyph(kind, made.named("kind", kind))
    return {"marker": maps.palette.MARKERS[glyph.shape], "color": glyph.colour, "markersize": size, "linestyle": "none",
            "markeredgecolor": "white", "markeredgewidth": 0.5 * made.scale}  # fmt: skip


def _names(made: Sheet, axes: Axes) -> None:
    """Names of the finest level that has few enough to be read on paper."""
    frame = maps.layers.places(made.page.areas[_finest(made.page, TABLE_ROWS)])
    halo = [mpl.patheffects.withStroke(linewidth=2.2 * made.scale, foreground="white")]
    for name, shape in zip(frame["name"], frame.geometry, strict=True):
        middle = shape.point_on_surface()
        axes.annotate(_plain(name), (middle.x, middle.y), ha="center", va="center", zorder=7, color=maps.palette.INK,
                      fontproperties=made.font(8.5, "Bold"), path_effects=halo)  # fmt: skip


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


# Round the map --------------------------------------------------------------------------------------------------------

LEFT, RIGHT = 0.675, 0.985
LINES = 46
UNSURE = "unsure"


def _title(made: Sheet) -> None:
    facts = {"place": maps.pages.place(made.page), "minutes": made.page.run["minutes"]}
    codes = (("kind", made.kind), ("verdict", made.verdict), ("level", made.level))
    what = " · ".join(made.named(group, code) for group, code in codes)
    made.figure.text(0.015, 0.978, _plain(made.say("title", **facts)), va="top", fontproperties=made.font(19, "Bold"))
    made.figure.text(0.015, 0.932, _plain(what), va="center", fontproperties=made.font(11.5))
    second = maps.texts.say("page.title", "zh" if made.page.lang == "en" else "en", **facts)
    made.figure.text(0.66, 0.932, _plain(second), va="center", ha="right", fontproperties=made.font(10))
    _marks(made)


def _marks(made: Sheet) -> None:
    marks = [("synthetic", "#ffd54a", "#2b2100")] if made.page.run["synthetic"] else []
    marks += [("exact", "#8e1024", "white")] if made.page.exact else []
    for row, (key, ground, ink) in enumerate(marks):
        words = "  ".join(maps.pages.named(f"page.{key}"))
        box = {"boxstyle": "round,pad=0.3", "facecolor": ground, "edgecolor": "none"}
        made.figure.text(RIGHT - 0.005, 0.965 - 0.042 * row, words, ha="right", va="center", color=ink, bbox=box,
                         fontproperties=made.font(10, "Bold"))  # fmt: skip


def _column(made: Sheet) -> None:
    """Legend, meaning and table below each other, in lines of one size."""
    axes = made.figure.add_axes((LEFT, 0.062, RIGHT - LEFT, 0.848))
    axes.set(xlim=(0, 1), ylim=(LINES, 0))
    axes.axis("off")
    line = _facility_key(made, axes, _classes(made, axes))
    _table(made, axes, _meaning(made, axes, line + 0.4) + 1.2)


def _classes(made: Sheet, axes: Axes) -> float:
    words = "  ".join(maps.pages.named("page.legend")[:: -1 if made.page.lang == "en" else 1])
    axes.text(0, 0.8, words, va="center", fontproperties=made.font(11.5, "Bold"))
    rows = [(str(state), _class_text(state)) for state in reversed(range(len(maps.palette.CLASSES)))]
    rows += [(state, made.say(f"state.{state}")) for state in (*maps.palette.STATES, UNSURE)]
    for position, (state, said) in enumerate(rows):
        column, row = divmod(position, 5)
        _swatch(made, axes, (0.36 * column, 2.6 + 1.45 * row), state, said)
    return 2.6 + 1.45 * 5


def _swatch(made: Sheet, axes: Axes, at: tuple[float, float], state: str, words: str) -> None:
    ground, ink, hatching = _ink("2" if state == UNSURE else state)
    if state == UNSURE:
        ink, hatching = maps.palette.HATCHES[maps.palette.UNKNOWN].ink, "///"
    corner = (at[0], at[1] - 0.55)
    axes.add_patch(Rectangle(corner, 0.085, 1.1, facecolor=ground, edgecolor=ink, linewidth=0, hatch=hatching))
    axes.add_patch(Rectangle(corner, 0.085, 1.1, facecolor="none", edgecolor="#51636f", linewidth=0.7))
    axes.text(at[0] + 0.105, at[1], words, va="center", fontproperties=made.font(8.8))


def _class_text(state: int) -> str:
    low = round(100 * maps.palette.BREAKS[state])
    return f"{low}–{low + 20}%"


def _facility_key(made: Sheet, axes: Axes, line: float) -> float:
    kinds = [kind for kind in maps.pages.facility_kinds(made.page) if kind in set(_shown(made)["kind"])]
    for position, kind in enumerate(kinds):
        x, y = 0.48 * (position % 2), line + 0.4 + 1.4 * (position // 2)
        axes.add_line(Line2D([x + 0.03], [y], **_marker(made, kind, 8 * made.scale)))
        axes.text(x + 0.075, y, _plain(made.named("kind", kind)), va="center", fontproperties=made.font(8.8))
    return line + 1.4 * ((len(kinds) + 1) // 2)


def _meaning(made: Sheet, axes: Axes, line: float) -> float:
    run = made.page.run
    means = made.say(f"verdict.{made.verdict}.means", minutes=run["minutes"], metres=run["metres"])
    said = [
        _counted(made, "numerator"),
        _counted(made, "denominator"),
        f"{made.named('verdict', made.verdict)}: {means}",
    ]
    said += [] if made.page.exact else [made.say("legend.rounded")]
    lines = [part for text in said for part in _wrapped(text, 62)]
    axes.text(0, line, _plain("\n".join(lines)), va="top", linespacing=1.3, fontproperties=made.font(8))
    return line + 1.04 * len(lines)


def _counted(made: Sheet, part: str) -> str:
    """Who is counted differs between walking there and being served at home."""
    own = f"legend.{part}.{made.verdict}"
    return made.say(own if maps.texts.has(f"page.{own}") else f"legend.{part}")


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of at most `width` half squares: a Chinese character is two, and may end a line anywhere."""
    lines, used = [""], 0
    for word in _words(text):
        size = sum(2 if ord(letter) > 0x2E7F else 1 for letter in word)
        if used + size > width and word not in "，。；：）":
            lines, used = [*lines, ""], 0
        lines[-1], used = lines[-1] + word, used + size
    return [line.strip() for line in lines]


def _words(text: str) -> Iterator[str]:
    word = ""
    for letter in text:
        if ord(letter) > 0x2E7F or letter == " ":
            yield from (part for part in (word, letter) if part)
            word = ""
        else:
            word += letter
    yield word


def _table(made: Sheet, axes: Axes, line: float) -> None:
    level = _finest(made.page, TABLE_ROWS)
    once = maps.layers.places(made.page.areas[level])
    figures = maps.layers.figures(made.page.areas[level], once["code"], made.kind, made.verdict)
    rows = _rows(made, once["name"], figures)[: TABLE_ROWS + 1]
    pitch = min(1.5, (LINES - line) / len(rows))
    for number, row in enumerate(rows):
        _row(made, axes, row, line + (number + 0.5) * pitch, pitch, number)
    axes.plot([0, 1], [line + pitch] * 2, color=maps.palette.INK, linewidth=0.8)


def _rows(made: Sheet, names: pd.Series, figures: pd.DataFrame) -> list[list[str]]:
    head = [made.say("area.name"), *(made.say(f"area.{name}") for name in ("elders", "covered", "uncovered", "rate"))]
    states = maps.palette.states(figures)
    counts = [
        [_count(made, *pair) for pair in zip(figures[name], states, strict=True)]
        for name in ("elders", "covered", "uncovered")
    ]
    rates = [_rate_text(made, *pair) for pair in zip(states, _exact(figures), strict=True)]
    return [head, *(list(row) for row in zip(names.map(_plain), *counts, rates, strict=True))]


def _row(made: Sheet, axes: Axes, row: list[str], middle: float, pitch: float, number: int) -> None:
    font = made.font(min(8.8, 7.6 * pitch), "Regular" if number else "Bold")
    if number and number % 2 == 0:
        axes.add_patch(Rectangle((0, middle - pitch / 2), 1, pitch, facecolor="#eef3f6"))
    for text, x in zip(row, (0.0, 0.46, 0.60, 0.75, 1.0), strict=True):
        axes.text(x, middle, text, ha="right" if x else "left", va="center", fontproperties=font)


def _count(made: Sheet, count: Any, state: str) -> str:
    if pd.isna(count):
        return "–" if state == maps.palette.MISSING else made.say("area.hidden")
    return f"{int(count):,}"


def _exact(figures: pd.DataFrame) -> pd.Series:
    return (
        figures["elder_coverage_rate"] if "elder_coverage_rate" in figures else pd.Series(np.nan, index=figures.index)
    )


def _rate_text(made: Sheet, state: str, rate: float) -> str:
    if not state.isdigit():
        return made.say(f"state.{state}")
    return _class_text(int(state)) if pd.isna(rate) else f"{100 * rate:.1f}%"


def _source(made: Sheet) -> None:
    facts = maps.pages.page_facts(made.page)["run"]
    run = made.say("legend.run", run=facts["run_id"], created=facts["created_at"], date=facts["data_date"] or "–")
    source = made.say("source", attribution="; ".join(facts["attribution"])) if facts["attribution"] else ""
    words = " · ".join(text for text in (run, made.say("outline"), source) if text)
    lines = "\n".join(_wrapped(words, 215)[:3])
    made.figure.text(0.015, 0.029, _plain(lines), va="center", linespacing=1.25, fontproperties=made.font(7.2))


def _plain(text: str) -> str:
    """matplotlib reads what stands between dollar signs as mathematics."""
    return text.replace("$", r"\$")


# The file -------------------------------------------------------------------------------------------------------------


@contextmanager
def _style() -> Iterator[None]:
    fixed: dict[Any, Any] = {
        "pdf.fonttype": 42,
        "hatch.linewidth": 0.6,
        "svg.hashsalt": "wangge",
        "axes.edgecolor": "#51636f",
        "path.simplify": True,
    }
    with mpl.rc_context(fixed):
        yield


def _pdf(figure: Figure) -> bytes:
    written = io.BytesIO()
    figure.savefig(
        written, format="pdf", dpi=250, metadata={"CreationDate": None, "Creator": "wangge", "Producer": "wangge"}
    )
    return written.getvalue()


def _png(figure: Figure, width_px: int | None, colours: int | None) -> bytes:
    dots = 200 if width_px is None else width_px / figure.get_figwidth()
    figure.set_dpi(dots)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    picture = Image.fromarray(pixels).convert("RGB")
    written = io.BytesIO()
    (_reduced(picture, colours) if colours else picture).save(written, format="PNG", optimize=True)
    return written.getvalue()


def _reduced(picture: Image.Image, colours: int) -> Image.Image:
    """The most frequent colours as they are, every other one as its nearest: the classes keep their exact colours."""
    packed = np.asarray(picture.convert("RGBX")).view(">u4").ravel() >> 8
    seen, counts = np.unique(packed, return_counts=True)
    frequent = seen[np.argsort(-counts, kind="stable")[:colours]]
    palette = Image.new("P", (1, 1))
    palette.putpalette([int(colour) >> place & 255 for colour in frequent for place in (16, 8, 0)])
    return picture.quantize(palette=palette, dither=Image.Dither.NONE)
