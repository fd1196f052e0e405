"""What a slope costs a walker: uphill is slower, downhill is no faster, steep downhill is slower again.

Tobler 1993 (hiking function, speed 6 exp(-3.5 |gradient + 0.05|) km/h) gives how much slower than on the flat; his own
speed is that of hikers and is not used, and the gain he gives gentle descents is left out. That the ratio holds for
elders, with a stick or on wheels, has not been checked.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

#: Steeper than this no street is: heights that say so are wrong, and count as this much.
STEEPEST = 0.35


def pace(gradient: ArrayLike) -> Floats:
    """How many times as long as on the flat a metre takes at a gradient (0.05 is 5 % uphill), at least 1."""
    steep = np.clip(np.asarray(gradient, np.float64), -STEEPEST, STEEPEST)
    return np.maximum(np.exp(3.5 * (np.abs(steep + 0.05) - 0.05)), 1.0)


def longer(metres: Floats, up: ArrayLike, down: ArrayLike) -> Floats:
    """How many metres on the flat take as long as the climbs of each edge take beyond its own, (e,) float.

    Parameters
    ----------
    metres : (e,) length of the edges
    up, down : (e,) metres climbed and descended along them; how they follow each other is not known, so an edge is
        taken as one slope up and one down of equal gradient

    Returns
    -------
    (e,) float
        Exactly 0 where nothing is climbed or descended.
    """
    rise, fall = np.asarray(up, np.float64), np.asarray(down, np.float64)
    height = rise + fall
    with np.errstate(invalid="ignore", divide="ignore"):
        gradient, share = height / metres, rise / height
        more = share * (pace(gradient) - 1) + (1 - share) * (pace(-gradient) - 1)
    return np.where((height > 0) & (metres > 0), metres * more, 0.0)


def tagged(incline: pd.Series) -> Floats:
    """The gradient that OSM's `incline` states, (w,) float, positive uphill along the way; NaN where it states none.

    `5%`, `-3 %` and `4.5` are per cent, `10°` degrees; `up`, `down` and anything else is no number.
    """
    parts = incline.astype(object).astype(str).str.extract(r"^\s*([+-]?\d+(?:\.\d+)?)\s*(%|°)?\s*$")
    number = pd.to_numeric(parts[0], errors="coerce").to_numpy(np.float64)
    return np.where(parts[1].eq("°").to_numpy(), np.tan(np.radians(number)), number / 100)


def climbs(metres: Floats, gradient: Floats, heights: Floats) -> tuple[Floats, Floats]:
    """Metres climbed and descended along each edge, (e,) each: by its stated gradient, else by its ends' heights.

    Parameters
    ----------
    gradient : (e,) NaN where none is stated
    heights : (e, 2) metres at the first and the last point, NaN where not known: then the edge counts as flat
    """
    rise = np.where(np.isnan(gradient), heights[:, 1] - heights[:, 0], gradient * metres)
    rise = np.clip(np.nan_to_num(rise), -STEEPEST * metres, STEEPEST * metres)
    return np.maximum(rise, 0.0), np.maximum(-rise, 0.0)
