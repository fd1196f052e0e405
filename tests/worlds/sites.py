"""Small siting questions, and their answers by trying everything."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, combinations

import numpy as np
from scipy.optimize import linprog

import gis.reach
from gis.siting import Problem

NEVER = np.inf


def problem(seconds: np.ndarray, weights: np.ndarray | None = None, **asked: object) -> Problem:
    """A question over a dense (h, m) matrix of seconds, `inf` where one cannot walk; nothing exists unless said."""
    seconds = np.asarray(seconds, dtype=float)
    weights = np.ones(len(seconds)) if weights is None else np.asarray(weights, dtype=float)
    existing = np.asarray(asked.pop("existing", np.zeros(seconds.shape[1], bool)), dtype=bool)
    return Problem(gis.reach.from_matrix(seconds), weights, existing, **asked)  # type: ignore[arg-type]


def permitted(asked: Problem, *, counted: bool = True) -> Iterator[list[int]]:
    """Every set of open sites that the question permits."""
    existing, openable = np.flatnonzero(asked.existing), np.flatnonzero(asked.openable)
    for closed in chain.from_iterable(combinations(existing, n) for n in range(asked.closures + 1)):
        most = len(openable) if not counted else min(asked.new_sites + len(closed), len(openable))
        for opened in chain.from_iterable(combinations(openable, n) for n in range(most + 1)):
            cost = asked.site_costs[list(opened)].sum() - asked.site_costs[list(closed)].sum()
            if asked.budget is None or cost <= asked.budget + 1e-9:
                yield sorted((set(existing) - set(closed)) | set(opened))


def best(asked: Problem, seconds: np.ndarray, method: str) -> float | None:
    """What the best plan of all reaches, as the method counts it; None when no plan is possible."""
    totals = [total(asked, seconds, method, sites) for sites in permitted(asked, counted=method != "lscp")]
    possible = [one for one in totals if one is not None]
    if not possible:
        return None
    return max(possible) if method == "mclp" else min(possible)


def total(asked: Problem, seconds: np.ndarray, method: str, sites: list[int]) -> float | None:
    """What one set of open sites amounts to, or None when it breaks a rule."""
    nearest = seconds[:, sites].min(axis=1, initial=NEVER)
    everywhere = seconds[:, asked.existing | asked.openable].min(axis=1, initial=NEVER)
    counts = asked.weights > 0
    if method == "p-median":
        return float(np.sum(asked.weights * np.minimum(nearest, asked.charge_s())))
    if method == "p-center":
        longest = nearest[counts & np.isfinite(everywhere)].max(initial=0.0)
        return float(longest) if np.isfinite(longest) else None
    if method == "lscp":
        missed = counts & (everywhere <= asked.limit_s) & (nearest > asked.limit_s)
        return None if missed.any() else float(asked.site_costs[sites].sum() - asked.site_costs[asked.existing].sum())
    if asked.floor is not None and _worst(asked, nearest) < asked.floor.at_least - 1e-9:
        return None
    if asked.capacity is not None:
        return _served(asked, seconds, sites)
    return float(asked.weights[nearest <= asked.limit_s].sum())


def _worst(asked: Problem, nearest: np.ndarray) -> float:
    """Mean coverage of the worst-off share of people, person by person in tiny equal parts of each area."""
    areas = np.unique(asked.floor.areas[asked.weights > 0])
    rates, people = [], []
    for area in areas:
        inside = asked.floor.areas == area
        people.append(asked.weights[inside].sum())
        rates.append(asked.weights[inside & (nearest <= asked.limit_s)].sum() / people[-1])
    left = asked.floor.share * sum(people)
    wanted, score = left, 0.0
    for rate, count in sorted(zip(rates, people, strict=True)):
        taken = min(left, count)
        score, left = score + taken * rate, left - taken
    return score / wanted if wanted else 1.0


def _served(asked: Problem, seconds: np.ndarray, sites: list[int]) -> float:
    """Most people that can be given a place, by a dense linear program."""
    pairs = [(home, site) for home in range(len(seconds)) for site in sites if seconds[home, site] <= asked.limit_s]
    if not pairs:
        return 0.0
    rows = np.zeros((len(seconds) + seconds.shape[1], len(pairs)))
    for n, (home, site) in enumerate(pairs):
        rows[home, n] = rows[len(seconds) + site, n] = 1.0
    answer = linprog(-np.ones(len(pairs)), A_ub=rows, b_ub=np.concatenate([asked.weights, asked.capacity]))
    return float(-answer.fun)
