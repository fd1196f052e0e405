"""A coverage map on paper: one sheet with title, legend, figures, scale, north, date and source.

The same inputs give the same bytes: no clock is read and no moment is written into the file.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from PIL import Image

import maps.layers
import maps.pages
import maps.palette
import maps.sheets
import maps.texts
from gis.errors import Invalid
from maps.sheets import TABLE_ROWS, Sheet, finest, look, marker, plain, shown


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
    made = maps.sheets.prepared(page, paper)
    maps.sheets.draw_map(made, made.figure.add_axes((0.015, 0.062, 0.645, 0.848)))
    _title(made)
    _column(made)
    _source(made)
    return made


# Round the map --------------------------------------------------------------------------------------------------------

LEFT, RIGHT = 0.675, 0.985
LINES = 46
UNSURE = "unsure"


def _title(made: Sheet) -> None:
    facts = {"place": maps.pages.place(made.page), "minutes": made.page.run["minutes"]}
    codes = (("kind", made.kind), ("verdict", made.verdict), ("level", made.level))
    what = " · ".join(made.named(group, code) for group, code in codes)
    made.figure.text(0.015, 0.978, plain(made.say("title", **facts)), va="top", fontproperties=made.font(19, "Bold"))
    made.figure.text(0.015, 0.932, plain(what), va="center", fontproperties=made.font(11.5))
    second = maps.texts.say("page.title", "zh" if made.page.lang == "en" else "en", **facts)
    made.figure.text(0.66, 0.932, plain(second), va="center", ha="right", fontproperties=made.font(10))
    _marks(made)


def _marks(made: Sheet) -> None:
    marks = [("synthetic", "#ffd54a", "#2b2100")] if made.page.run["synthetic"] else []
    marks += [("scenario", "#1d4e89", "white")] if made.page.run.get("scenario") else []
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
    ground, ink, hatching = look("2" if state == UNSURE else state)
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
    kinds = [kind for kind in maps.pages.facility_kinds(made.page) if kind in set(shown(made)["kind"])]
    for position, kind in enumerate(kinds):
        x, y = 0.48 * (position % 2), line + 0.4 + 1.4 * (position // 2)
        axes.add_line(Line2D([x + 0.03], [y], **marker(made, kind, 8 * made.scale)))
        axes.text(x + 0.075, y, plain(made.named("kind", kind)), va="center", fontproperties=made.font(8.8))
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
    said += [made.say("legend.scenario", **made.page.run["scenario"])] if made.page.run.get("scenario") else []
    lines = [part for text in said for part in _wrapped(text, 62)]
    axes.text(0, line, plain("\n".join(lines)), va="top", linespacing=1.3, fontproperties=made.font(8))
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
    """Every area of a level that has few; of more, those with the most uncovered elders, and how many are left out."""
    level = finest(made.page, TABLE_ROWS)
    once = maps.layers.places(made.page.areas[level])
    figures = maps.layers.figures(made.page.areas[level], once["code"], made.kind, made.verdict)
    worst = np.argsort(-figures["uncovered"].to_numpy("float64", na_value=-1), kind="stable")[:TABLE_ROWS]
    chosen = np.sort(worst)
    rows = _rows(made, once["name"].iloc[chosen], figures.iloc[chosen])
    if len(once) > len(chosen):
        rows.append([made.say("table.rest", count=len(once) - len(chosen)), "", "", "", ""])
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
    return [head, *(list(row) for row in zip(names.map(plain), *counts, rates, strict=True))]


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
    made.figure.text(0.015, 0.029, plain(lines), va="center", linespacing=1.25, fontproperties=made.font(7.2))


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
