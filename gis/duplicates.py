"""Open reports that may be the same thing, offered before a new one is filed; a person decides.

The score is a product of four parts, each 0–1: distance × category × time × text. Thresholds come with the category
(`near_m`, `near_days`); the shape of the parts is ours, to be calibrated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

import gis.crs
from gis.categories import Category
from gis.frames import REPORTS, require

Floats = NDArray[np.float64]

#: Another category of the same family may be the same thing under another name; one of another family hardly.
SAME_FAMILY, OTHER_FAMILY = 0.5, 0.2
#: Words differ between people who see the same thing, so no word in common halves the score and no more.
NO_WORD_IN_COMMON = 0.5
#: A vaguer fix does not widen the search further.
ACCURACY_COUNTED_M = 50.0
SCORE_LEAST = 0.1


@dataclass(frozen=True)
class Sighting:
    """What is about to be reported: EPSG:4326 degrees; `accuracy_m` widens the search."""

    category: Category
    lon: float
    lat: float
    at: datetime
    text: str
    accuracy_m: float = 0.0


def suggest(sighting: Sighting, reports: pd.DataFrame, *, families: Mapping[str, str], most: int = 5) -> pd.DataFrame:
    """Open reports near it in place, time and words, the likeliest first.

    Parameters
    ----------
    reports : GeoDataFrame of gis.frames.REPORTS
        Only those still open are looked at by the caller's choice; a missing point is passed over.
    families : category -> family of the catalogue; a category it lacks counts as another family.

    Returns
    -------
    DataFrame(id, score, metres, by_distance, by_category, by_time, by_text), at most `most` rows with a score of at
    least `SCORE_LEAST`; ties by id.
    """
    require(reports, REPORTS)
    away = _metres(sighting, reports)
    wide = sighting.category.near_m + min(sighting.accuracy_m, ACCURACY_COUNTED_M)
    near = np.flatnonzero(away < wide)
    close, away = reports.iloc[near], away[near]
    parts = {
        "by_distance": 1.0 - away / wide,
        "by_category": _by_category(sighting, close["category"], families),
        "by_time": _by_time(sighting, close["captured_at"]),
        "by_text": NO_WORD_IN_COMMON + (1 - NO_WORD_IN_COMMON) * alike(sighting.text, close["text"]),
    }
    scored = pd.DataFrame(
        {"id": close["id"].to_numpy(), "score": np.prod(list(parts.values()), axis=0), "metres": away, **parts}
    )
    kept = scored[scored["score"] >= SCORE_LEAST].sort_values(["score", "id"], ascending=[False, True])
    return kept.head(most).reset_index(drop=True)


def alike(text: str, others: pd.Series) -> Floats:
    """How alike texts are: shared pairs of neighbouring characters among all pairs (Jaccard), (n,) 0–1.

    Pairs of characters, since Chinese has no spaces between words. Case, spaces and punctuation do not count; a text
    of fewer than two characters is like no other.
    """
    rows, pairs = _pairs(pd.concat([pd.Series([text]), others], ignore_index=True))
    shared = np.isin(pairs, pairs[rows == 0])
    count = np.bincount(rows, minlength=len(others) + 1)
    both = np.bincount(rows[shared], minlength=len(others) + 1)
    return (both / np.maximum(count + count[0] - both, 1))[1:]


def _pairs(texts: pd.Series) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Every pair of neighbouring characters once for each text: number of the text, and the pair as a whole number."""
    plain = texts.fillna("").astype(object).str.lower().str.replace(r"[\W_]+", "", regex=True)
    letters = np.frombuffer("".join(plain).encode("utf-32-le", "replace"), dtype=np.uint32).astype(np.int64)
    row = np.repeat(np.arange(len(plain)), plain.str.len().to_numpy())
    inside = row[1:] == row[:-1]
    coded = (letters[:-1] << 21 | letters[1:])[inside]
    table = pd.DataFrame({"row": row[1:][inside], "pair": coded}).drop_duplicates()
    return table["row"].to_numpy(), table["pair"].to_numpy()


def _metres(sighting: Sighting, reports: pd.DataFrame) -> Floats:
    points = np.asarray(reports["geometry"], dtype=object)
    metric = gis.crs.metric(sighting.lon, sighting.lat)
    x, y = metric.forward(shapely.get_x(points), shapely.get_y(points))
    x0, y0 = metric.forward(sighting.lon, sighting.lat)
    return np.nan_to_num(np.hypot(x - x0, y - y0), nan=np.inf)


def _by_category(sighting: Sighting, codes: pd.Series, families: Mapping[str, str]) -> Floats:
    same_family = codes.map(families).eq(sighting.category.family)
    loose = np.where(same_family, SAME_FAMILY, OTHER_FAMILY)
    return np.where(codes.eq(sighting.category.code), 1.0, loose).astype(float)


def _by_time(sighting: Sighting, captured_at: pd.Series) -> Floats:
    days = (pd.to_datetime(captured_at, utc=True) - pd.Timestamp(sighting.at)).abs() / pd.Timedelta(days=1)
    return np.clip(1.0 - days.to_numpy(dtype=float) / sighting.category.near_days, 0.0, 1.0)
