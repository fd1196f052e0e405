"""Classes, colours and glyphs: the one home of every colour on a map, on screen and on paper.

The five classes are ColorBrewer's YlGnBu (Harrower & Brewer 2003), marked there as colour-blind safe; lightness falls
from class to class, so they also survive a grey printer. `tests/unit/test_palette.py` simulates three kinds of colour
blindness and measures the distances again. Colour is never alone: states without a rate are hatched, facilities have a
shape and a character, and each value stands in the legend, in the table and under the pointer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

#: Lower bounds of the rate classes: twenty points wide, the last one closed at 100 %.
BREAKS = (0.0, 0.2, 0.4, 0.6, 0.8)
CLASS_WIDTH = 0.2
CLASSES = ("#ffffcc", "#a1dab4", "#41b6c4", "#2c7fb8", "#253494")

#: An area whose verdict is open for this share of its elders is striped over its class colour.
UNSURE_SHARE = 0.2

#: States of an area that has no rate to show, in the order of the legend.
HIDDEN, UNKNOWN, EMPTY, MISSING = "h", "k", "-", "n"
STATES = (HIDDEN, UNKNOWN, EMPTY, MISSING)


@dataclass(frozen=True)
class Hatch:
    """How a state is drawn where there is no class colour: `mark` is dots, lines, cross or none."""

    ground: str
    ink: str
    mark: str


HATCHES = {
    HIDDEN: Hatch("#e4e4e4", "#5f5f5f", "dots"),
    UNKNOWN: Hatch("#fbe3d6", "#8a3b12", "lines"),
    EMPTY: Hatch("#f7f5f0", "#f7f5f0", "none"),
    MISSING: Hatch("#ffffff", "#8b8b8b", "cross"),
}

BACKGROUND = "#f2efe8"
INK = "#14212b"
WATER = "#cddaea"
WATER_EDGE = "#8aa6c2"
WALKWAY = "#31424f"
#: Between areas: light beside the dark classes, dark beside everything else.
BORDER = "#ffffff"
BORDER_ON_LIGHT = "#7d6b58"
BORDER_STRONG = "#3a2a1a"
SELECTED = "#d5006d"


@dataclass(frozen=True)
class Glyph:
    """The sign of a facility kind: an outline and one character on a dark ground, readable without the colour."""

    shape: str
    colour: str
    character: str


GLYPHS = {
    "canteen": Glyph("circle", "#b3370a", "餐"),
    "day_care": Glyph("square", "#6a1b6e", "托"),
    "family_centre": Glyph("house", "#1d1d1d", "家"),
    "clinic": Glyph("cross", "#b0003a", "医"),
    "care_home": Glyph("diamond", "#6b4300", "养"),
    "activity": Glyph("triangle", "#155c2a", "乐"),
}

#: Outlines on a 24 × 24 field, as SVG paths, and the marker of matplotlib that comes nearest.
OUTLINES = {
    "circle": "M12 2a10 10 0 1 0 .001 0z",
    "square": "M3 3h18v18H3z",
    "house": "M12 1.5 22.5 10v12H1.5V10z",
    "cross": "M7.5 2h9v5.5H22v9h-5.5V22h-9v-5.5H2v-9h5.5z",
    "diamond": "M12 .5 23.5 12 12 23.5.5 12z",
    "triangle": "M12 1.5 23 22H1z",
    "hexagon": "M6.5 2.5h11L23 12l-5.5 9.5h-11L1 12z",
}
MARKERS = {
    "circle": "o", "square": "s", "house": "p", "cross": "P", "diamond": "D", "triangle": "^", "hexagon": "h",
}  # fmt: skip


def glyph(kind: str, label: str) -> Glyph:
    """The sign of `kind`; a kind that the catalogue gained later is a grey hexagon with its label's first character."""
    return GLYPHS.get(kind) or Glyph("hexagon", "#37474f", label[:1])


def states(figures: pd.DataFrame) -> np.ndarray:
    """One letter per row: "0" to "4" for its rate class, else the state that says why there is no rate.

    Parameters
    ----------
    figures : DataFrame
        `elders`, `unknown` (nullable) and either `elder_coverage_rate` or `rate_low`, fractions of one, nullable.
        Rows without figures at all have a null `verdict`.
    """
    rate = _rate(figures)
    elders = figures["elders"].to_numpy("float64", na_value=np.nan)
    unknown = figures["unknown"].to_numpy("float64", na_value=np.nan)
    rated = ~np.isnan(rate)
    # Added before dividing: a published 0.6 stored as four-byte real comes back as 0.60000002 or 0.59999999.
    place = np.floor((np.where(rated, rate, 0.0) + 1e-6) / CLASS_WIDTH).clip(0, len(CLASSES) - 1).astype(int)
    return np.select(
        [figures["verdict"].isna().to_numpy(), rated, elders == 0, (elders > 0) & (unknown == elders)],
        [MISSING, place.astype("U1"), EMPTY, UNKNOWN],
        HIDDEN,
    )


def border(state: str) -> str:
    """The line round an area, so that it stands off from neighbours of its own class."""
    return BORDER if state in ("3", "4") else BORDER_ON_LIGHT


def unsure(figures: pd.DataFrame) -> np.ndarray:
    """Whether the verdict of at least a fifth of an area's elders is open; false where that is hidden."""
    elders = figures["elders"].to_numpy("float64", na_value=np.nan)
    unknown = figures["unknown"].to_numpy("float64", na_value=np.nan)
    return (elders > 0) & (unknown >= UNSURE_SHARE * elders)


def _rate(figures: pd.DataFrame) -> np.ndarray:
    column = "elder_coverage_rate" if "elder_coverage_rate" in figures else "rate_low"
    return figures[column].to_numpy("float64", na_value=np.nan)
