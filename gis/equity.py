"""How evenly something is shared: Lorenz and Gini, the worst-off tenth, shortfall below a line, gaps between groups.

Every figure takes one value and one weight (elders) per row, so a household counts as often as it has elders, and
merging rows of equal value changes nothing. Rows of weight 0 do not count. A NaN is refused: unknown is neither good
nor bad, so whoever asks must leave the unknown out and say how many they were. An empty table has no figure: NaN.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from gis.errors import Invalid
from gis.reach import FloatArray


@dataclass(frozen=True)
class Shortfall:
    """Foster, Greer & Thorbecke 1984, with time as the good in short supply.

    `share` (FGT 0) of people walk longer than the limit; `depth` (FGT 1) and `severity` (FGT 2) are the mean over all
    people of the excess over the limit, as a share of the limit, to the power one and two. `people` are those beyond
    it, `minutes` the mean excess per person beyond it (NaN when there is none), `person_minutes` their sum.
    """

    people: float
    share: float
    depth: float
    severity: float
    minutes: float
    person_minutes: float


def lorenz(values: npt.ArrayLike, weights: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Cumulative shares of people and of the good, from the worst-off on; both begin at 0 and end at 1.

    Values must be finite and >= 0. When nothing is shared at all (sum 0) the line of equality is returned.
    """
    value, weight = _sorted(values, weights, least=0.0)
    people = np.concatenate([[0.0], np.cumsum(weight)])
    good = np.concatenate([[0.0], np.cumsum(weight * value)])
    if len(value) == 0:
        return np.array([0.0, 1.0]), np.array([0.0, 1.0])
    share = people / people[-1]
    return share, good / good[-1] if good[-1] > 0 else share


def gini(values: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> float:
    """Weighted Gini coefficient: twice the area between the Lorenz curve and equality. 0 equal, towards 1 unequal.

    The population form, without the n / (n - 1) of a sample, so that merging equal rows changes nothing:
    (0, 0, 10, 30, 60) gives 0.6. NaN without people; 0 when there is nothing to share.
    """
    values = np.asarray(values, dtype=float)
    weights = np.ones(len(values)) if weights is None else weights
    people, good = lorenz(values, weights)
    if np.sum(weights) == 0:
        return float("nan")
    return float(1.0 - np.sum(np.diff(people) * (good[1:] + good[:-1])))


def worst_mean(values: npt.ArrayLike, weights: npt.ArrayLike, *, share: float = 0.1) -> float:
    """Mean value of the worst-off `share` of people (lowest values); a row on the edge counts in part.

    With areas as rows, their coverage rate as value and elders as weight this is the figure a siting floor holds up.
    NaN without people.
    """
    if not 0 < share <= 1:
        raise Invalid("equity.share", share=share)
    value, weight = _sorted(values, weights)
    if len(value) == 0:
        return float("nan")
    wanted = share * weight.sum()
    before = np.cumsum(weight) - weight
    taken = np.clip(wanted - before, 0.0, weight)
    return float(np.sum(taken * value) / wanted)


def shortfall(minutes: npt.ArrayLike, weights: npt.ArrayLike, *, limit: float, cap: float = 60.0) -> Shortfall:
    """How far beyond `limit` minutes people have to walk.

    `inf` (nothing in reach) counts as `cap` minutes, as does anything longer, since a mean needs an end somewhere.
    """
    if not 0 < limit <= cap:
        raise Invalid("equity.limit", limit=limit, cap=cap)
    value, weight = _sorted(np.minimum(np.asarray(minutes, dtype=float), cap), weights, least=0.0)
    total = weight.sum()
    if total == 0:
        nan = float("nan")
        return Shortfall(0.0, share=nan, depth=nan, severity=nan, minutes=nan, person_minutes=0.0)
    excess = np.maximum(value - limit, 0.0)
    beyond, gap = float(weight[value > limit].sum()), excess / limit
    spent = float(np.sum(weight * excess))
    return Shortfall(
        people=beyond,
        share=beyond / float(total),
        depth=float(np.sum(weight * gap) / total),
        severity=float(np.sum(weight * gap**2) / total),
        minutes=spent / beyond if beyond else float("nan"),
        person_minutes=spent,
    )


def by_group(values: npt.ArrayLike, weights: npt.ArrayLike, groups: npt.ArrayLike) -> pd.DataFrame:
    """People, weighted mean and gap to the mean of everybody else, one row per group, groups in order.

    `gap` is NaN for a group that holds everybody.
    """
    value, weight = _columns(values, weights)
    frame = pd.DataFrame({"group": np.asarray(groups), "people": weight, "sum": weight * value})
    table = frame.groupby("group", sort=True)[["people", "sum"]].sum()
    others, rest = table["people"].sum() - table["people"], table["sum"].sum() - table["sum"]
    mean = table["sum"] / table["people"].where(table["people"] > 0)
    return pd.DataFrame({"people": table["people"], "mean": mean, "gap": mean - rest / others.where(others > 0)})


def _columns(values: npt.ArrayLike, weights: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    value, weight = np.asarray(values, dtype=float), np.asarray(weights, dtype=float)
    if value.shape != weight.shape or value.ndim != 1:
        raise Invalid("equity.lengths", values=value.shape, weights=weight.shape)
    wrong = ~np.isfinite(value) | ~np.isfinite(weight) | (weight < 0)
    if wrong.any():
        raise Invalid("equity.number", rows=int(wrong.sum()), first=int(np.flatnonzero(wrong)[0]))
    return value, weight


def _sorted(values: npt.ArrayLike, weights: npt.ArrayLike, *, least: float = -np.inf) -> tuple[FloatArray, FloatArray]:
    """Rows that count, worst first."""
    value, weight = _columns(values, weights)
    if np.any(value < least):
        raise Invalid("equity.negative", rows=int(np.sum(value < least)))
    order = np.argsort(value, kind="stable")
    order = order[weight[order] > 0]
    return value[order], weight[order]
