"""How much of a limited supply each household can count on: the floating catchment family.

Three steps are common to all: each site's places are divided by the people who lay claim to it, and each household
adds up what it gets of each site in its reach. The members differ in how claims and shares are weighed:

=========  ============================  ===========================  ==============================================
method     claim of a household          share of a household         source
=========  ============================  ===========================  ==============================================
`2sfca`    1 within the limit            1 within the limit           Luo & Wang 2003
`e2sfca`   decay(time)                   decay(time)                  Luo & Qi 2009; per head the spatial
                                                                      availability of Soukhov et al. 2023
`balanced` decay, its row adding up to 1  the same                     claims of Páez et al. 2019, supply conserved
`bfca`     decay, its row adding up to 1  decay, its column adding     Páez, Higgins & Vivona 2019
                                         up to 1
=========  ============================  ===========================  ==============================================

What is conserved, and tested: for the first three the people times their score, plus the idle supply of sites nobody
reaches, is the whole supply. `balanced` and `bfca` count each person once over all sites, so that no claim is inflated
by having a choice; `bfca` conserves the level of service (scores add up to the levels of the sites) instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gis.errors import Invalid
from gis.reach import FloatArray, Reach

METHODS = ("2sfca", "e2sfca", "balanced", "bfca")


@dataclass(frozen=True)
class Decay:
    """How much a walk counts: 1 at the door, 0 beyond `limit_s`, never rising in between.

    `kind` is `step`, `linear`, `exponential` (exp(-t / scale_s)), `gaussian` (Dai 2010: the bell of scale `limit_s`,
    shifted and stretched so that it is 1 at the door and 0 at the limit) or `zones`: `weights[n]` up to `edges_s[n]`
    seconds, as in the first E2SFCA, whose published weights were 1, 0.68, 0.22 for drives of 10, 20, 30 minutes.
    Only `step` has a standard behind it; a shape for elders on foot must be fitted to a survey before it is quoted.
    """

    kind: str
    limit_s: float
    scale_s: float | None = None
    edges_s: tuple[float, ...] = ()
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in _SHAPES:
            raise Invalid("access.decay", kind=self.kind, kinds=tuple(_SHAPES))
        if not (np.isfinite(self.limit_s) and self.limit_s > 0):
            raise Invalid("access.limit", limit_s=self.limit_s)
        if self.kind == "exponential" and not (self.scale_s is not None and self.scale_s > 0):
            raise Invalid("access.scale", scale_s=self.scale_s)
        falling = all(a >= b >= 0 for a, b in zip((1.0, *self.weights), self.weights, strict=False))
        rising = all(a < b for a, b in zip(self.edges_s, self.edges_s[1:], strict=False))
        if self.kind == "zones" and not (len(self.edges_s) == len(self.weights) > 0 and falling and rising):
            raise Invalid("access.zones", edges_s=self.edges_s, weights=self.weights)

    def __call__(self, seconds: npt.ArrayLike) -> FloatArray:
        """Weight of each time; `inf` weighs 0."""
        time = np.asarray(seconds, dtype=float)
        inside = np.where(time <= self.limit_s, time, 0.0)
        return np.where(time <= self.limit_s, _SHAPES[self.kind](self, inside), 0.0)


def _gaussian(decay: Decay, time: FloatArray) -> FloatArray:
    edge = np.exp(-0.5)
    return (np.exp(-0.5 * (time / decay.limit_s) ** 2) - edge) / (1 - edge)


def _zones(decay: Decay, time: FloatArray) -> FloatArray:
    zone = np.searchsorted(np.asarray(decay.edges_s), time, side="left")
    return np.array([*decay.weights, 0.0])[zone]


_SHAPES: dict[str, Callable[[Decay, FloatArray], FloatArray]] = {
    "step": lambda _decay, time: np.ones_like(time),
    "linear": lambda decay, time: 1 - time / decay.limit_s,
    "exponential": lambda decay, time: np.exp(-time / (decay.scale_s or 1.0)),
    "gaussian": _gaussian,
    "zones": _zones,
}


@dataclass(frozen=True)
class Access:
    """Supply per head, by household, and what each site hands out per claim.

    Attributes
    ----------
    score : (h,) float
        Places per elder that a household can count on; 0 where no site is in reach.
    level : (m,) float
        Places per claiming elder at each site; NaN where nobody lays a claim.
    demand : (m,) float
        Elders laying claim to each site, weighed.
    idle : (m,) float
        Supply of sites that nobody can reach.
    """

    method: str
    score: FloatArray
    level: FloatArray
    demand: FloatArray
    idle: FloatArray


def score(
    reach: Reach, people: npt.ArrayLike, supply: npt.ArrayLike, *, decay: Decay, method: str = "e2sfca"
) -> Access:
    """Accessibility of each household under a method of the floating catchment family.

    Parameters
    ----------
    reach : Reach
        Times from household to site; every step looks in that direction, so tables need not be symmetric.
    people : (h,) float
        Elders per household, finite, >= 0.
    supply : (m,) float
        Places, meals or beds per site, finite, >= 0; a facility of unknown capacity must be left out by the caller.
    decay : Decay
        `2sfca` uses only its limit.
    """
    people, supply = _checked(people, reach.household_count, "people"), _checked(supply, reach.site_count, "supply")
    if method not in METHODS:
        raise Invalid("access.method", method=method, methods=METHODS)
    shape = Decay("step", decay.limit_s) if method == "2sfca" else decay
    household, site = reach.households, reach.sites
    claim, share = _weights(method, household, site, shape(reach.seconds), reach)
    demand = np.bincount(site, claim * people[household], reach.site_count).astype(float)
    level = np.divide(supply, demand, out=np.full(reach.site_count, np.nan), where=demand > 0)
    usable = np.nan_to_num(level)
    scores = np.bincount(household, share * usable[site], reach.household_count).astype(float)
    return Access(method, scores, level, demand, np.where(demand > 0, 0.0, supply))


def _weights(
    method: str, household: npt.NDArray, site: npt.NDArray, weight: FloatArray, reach: Reach
) -> tuple[FloatArray, FloatArray]:
    """What each pair weighs when claims are laid and when supply is handed out."""
    if method in ("2sfca", "e2sfca"):
        return weight, weight
    by_row = _standardised(weight, household, reach.household_count)
    return by_row, by_row if method == "balanced" else _standardised(weight, site, reach.site_count)


def _standardised(weight: FloatArray, group: npt.NDArray, count: int) -> FloatArray:
    total = np.bincount(group, weight, count)[group]
    return np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)


def _checked(values: npt.ArrayLike, length: int, name: str) -> FloatArray:
    column = np.asarray(values, dtype=float)
    if column.shape != (length,):
        raise Invalid("access.length", column=name, length=column.shape, expected=length)
    wrong = ~np.isfinite(column) | (column < 0)
    if wrong.any():
        raise Invalid("access.number", column=name, rows=int(wrong.sum()), first=int(np.flatnonzero(wrong)[0]))
    return column
