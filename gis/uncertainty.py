"""How sure a coverage figure is: a band from drawn speeds, places and gaps, and a table of what moves it most.

Draws are made from a seed. Every draw decides every household and the rate is taken then; rates of average times are
not average rates. What the band leaves out: errors of the network itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import gis.coverage
import gis.profiles
import gis.walking
from gis.aggregates import rates
from gis.ground import Ground
from gis.people import people
from gis.profiles import Profile
from gis.verdicts import COVERED, SLACK, UNCOVERED, UNKNOWN, Request

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: Speeds at which times are searched, as shares of the profile's own; a person's time lies between two of them.
STEPS = (0.4, 0.6, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5)

#: Error of a household's place, metres along the street, one standard deviation. Assumption: a door mistaken for the
#: next entrance.
PLACE_SD_M = 15.0

#: Error of a profile's mean speed, as a share, one standard deviation. Assumption, until the walk survey.
PROFILE_SD = 0.10


@dataclass(frozen=True)
class Band:
    """Elder coverage rate of one kind over the draws; each NaN where nobody is decided."""

    kind: str
    rate: float
    low: float
    median: float
    high: float
    draws: int


def band(stand: Ground, *, seed: int, draws: int = 200, level: float = 0.9) -> list[Band]:
    """The central `level` of the drawn rates, for each kind, in everybody's own profile.

    Parameters
    ----------
    stand : households and facilities on their network
    seed : the same seed gives the same bands
    draws : how many times everything is drawn anew

    Notes
    -----
    Each draw takes an error of every profile's mean speed, a speed for every person about that mean, an error of every
    home's place, and for those that cannot be joined to the network the share of the others that is covered.
    """
    weights = people(stand.households).walking[:, 0].astype(np.float64)
    bands = []
    for kind in range(len(stand.request.kinds)):
        bands.append(_band(stand, kind, weights, rng=np.random.default_rng([seed, kind]), draws=draws, level=level))
    return bands


Group = tuple[Profile, NDArray[np.int32], Floats]


def _band(stand: Ground, kind: int, weights: Floats, *, rng: np.random.Generator, draws: int, level: float) -> Band:
    groups = [(profile, rows, _times(stand, profile, rows, kind)) for profile, rows in stand.walkers]
    today = [(times[:, STEPS.index(1.0)], weights[rows]) for _, rows, times in groups]
    now = _rate(today, stand.request.seconds, None)
    drawn = np.array([_draw(groups, weights, rng, stand.request.seconds) for _ in range(draws)])
    low, median, high = _quantiles(drawn, level)
    return Band(stand.request.kinds[kind], now, low, median, high, draws)


def _quantiles(drawn: Floats, level: float) -> tuple[float, float, float]:
    known = drawn[~np.isnan(drawn)]
    if not len(known):
        return np.nan, np.nan, np.nan
    low, median, high = np.quantile(known, [(1 - level) / 2, 0.5, (1 + level) / 2])
    return float(low), float(median), float(high)


def _times(stand: Ground, profile: Profile, rows: NDArray[np.int32], kind: int) -> Floats:
    """Seconds at each of `STEPS`, (n, s); NaN where not joined, infinite beyond the horizon."""
    homes, sites = stand.snaps(profile)
    some, sites = homes.take(rows), sites.take(stand.of_kind(stand.request.kinds[kind])[0])
    columns = []
    for step in STEPS:
        way = stand.way(gis.profiles.at_speed(profile, step))
        columns.append(gis.walking.to_nearest(way, some, sites, limit=way.graph.limit)[0] + stand.floors(profile)[rows])
    return np.column_stack(columns)


def _draw(groups: list[Group], weights: Floats, rng: np.random.Generator, limit: float) -> float:
    """The rate of one draw."""
    parts = []
    for profile, rows, times in groups:
        mean = 1 + PROFILE_SD * rng.standard_normal()
        speed = mean + profile.sd_m_s / profile.speed_m_s * rng.standard_normal(len(rows))
        place = PLACE_SD_M * rng.standard_normal(len(rows)) / profile.speed_m_s
        parts.append((_at(times, speed) + place, weights[rows]))
    return _rate(parts, limit, rng)


def _at(times: Floats, speed: Floats) -> Floats:
    """Times at drawn speeds: straight between two searched ones in slowness, the ends kept beyond them."""
    slow = 1 / np.clip(speed, STEPS[0], STEPS[-1])
    grid = 1 / np.array(STEPS)
    right = np.clip(np.searchsorted(-grid, -slow), 1, len(STEPS) - 1)
    rows, share = np.arange(len(times)), (grid[right - 1] - slow) / (grid[right - 1] - grid[right])
    before, after = times[rows, right - 1], times[rows, right]
    with np.errstate(invalid="ignore"):
        return np.where(share <= 0, before, np.where(share >= 1, after, before + share * (after - before)))


def _rate(parts: list[tuple[Floats, Floats]], limit: float, rng: np.random.Generator | None) -> float:
    """Covered elders over all; the unknown are left out, or drawn at the rate of the others."""
    if not parts:
        return float("nan")
    times, weights = (np.concatenate(column) for column in zip(*parts, strict=True))
    known, covered = ~np.isnan(times), times <= limit + SLACK
    decided = weights[known].sum()
    if not decided:
        return float("nan")
    rate = weights[covered].sum() / decided
    if rng is None:
        return float(rate)
    lucky = rng.random((~known).sum()) < rate
    return float((weights[covered].sum() + weights[~known][lucky].sum()) / weights.sum())


def _turns(request: Request) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Each factor, and the request at its low and its high end; the ends are assumptions of what is plausible."""
    yield "speed", {"scales": {"speed_m_s": 0.8}}, {"scales": {"speed_m_s": 1.2}}
    yield "limit", {"minutes": request.minutes * 0.9}, {"minutes": request.minutes * 1.1}
    yield "snapping", {"snap_m": 50.0}, {"snap_m": 300.0}
    for factor, name in (("signals", "signal_delay_s"), ("steps", "seconds_per_step"), ("floors", "seconds_per_floor")):
        yield factor, {"scales": {name: 2.0}}, {"scales": {name: 0.0}}


def sensitivity(stand: Ground) -> pd.DataFrame:
    """What moves the figures most: one factor at a time, from its low to its high end.

    Returns
    -------
    DataFrame
        factor, kind, rate, low, high, swing: elder coverage rates in everybody's own profile, and high minus low; in
        order of the largest swing of a factor. Factor `unknown` counts all unknown as uncovered, then as covered.
    """
    base = _rates(stand, stand.request)
    rows = []
    for factor, low, high in _turns(stand.request):
        ends = [_rates(stand, replace(stand.request, **turn)) for turn in (low, high)]
        rows += [(factor, kind, base[kind][0], ends[0][kind][0], ends[1][kind][0]) for kind in base]
    rows += [("unknown", kind, *three) for kind, three in base.items()]
    table = pd.DataFrame(rows, columns=["factor", "kind", "rate", "low", "high"])
    table["swing"] = table["high"] - table["low"]
    most = table["swing"].abs().groupby(table["factor"]).transform("max")
    order = np.lexsort([table["kind"].astype(str), table["factor"].astype(str), -most.fillna(0.0)])
    return table.iloc[order].reset_index(drop=True)


def _rates(stand: Ground, request: Request) -> dict[str, tuple[float, float, float]]:
    """By kind the rate, and its band for the unknown."""
    letters = gis.coverage.in_own_profile(replace(stand, request=request, _kept={})).letters
    weights = people(stand.households).walking[:, 0]
    found = {}
    for j, kind in enumerate(request.kinds):
        counts = {word: [weights[letters[:, j] == letter].sum()] for letter, word in _WORDS.items()}
        found[kind] = tuple(float(rate[0]) for rate in rates(counts).values())
    return cast(dict[str, tuple[float, float, float]], found)


_WORDS = {COVERED: "covered", UNCOVERED: "uncovered", UNKNOWN: "unknown"}
