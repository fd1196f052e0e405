"""Keeping a floor under the worst-off share while covering as many as possible: search without proof.

`gis.siting.exact` carries the same floor as a linear rule; this is the way for tables too large for it, and a first
answer elsewhere. The floor never falls when a site is added, so the greedy first climbs to it and then covers.
"""

from __future__ import annotations

import numpy as np

import gis.siting.search as plain
from gis.equity import worst_mean
from gis.reach import BoolArray, FloatArray
from gis.siting.problem import Problem
from gis.siting.table import Table, best
from gis.siting.verify import area_rates, worst_share


def search(problem: Problem, table: Table, limits: plain.Rules, found: BoolArray) -> BoolArray | None:
    """The plan found without the floor if it holds it; else a greedy one that does; None when neither does."""
    if holds(problem, found):
        return found
    climbed = _climb(problem, table, limits)
    if not holds(problem, climbed):
        return None
    return plain.greedy(table, limits, climbed)


def better(problem: Problem, table: Table, one: BoolArray | None, other: BoolArray | None) -> BoolArray | None:
    """The one of two sets that covers more, among those that hold the floor."""
    standing = [mask for mask in (one, other) if mask is not None and holds(problem, mask)]
    return max(standing, key=lambda mask: float(best(table, mask).sum()), default=None)


def holds(problem: Problem, movable: BoolArray) -> bool:
    """Whether the floor stands; it does where nobody lives (a worst share of NaN)."""
    worst = worst_share(problem, movable | (problem.existing & ~problem.closable))
    return problem.floor is None or worst is None or not worst < problem.floor.at_least - 1e-9


def _climb(problem: Problem, table: Table, limits: plain.Rules) -> BoolArray:
    """Open the site that lifts the worst-off share most, until it holds or room or money end."""
    open_sites = limits.closable.copy()
    while not holds(problem, open_sites) and limits.room(open_sites) > 0:
        allowed = limits.openable & ~open_sites & (limits.costs <= limits.money(open_sites) + 1e-9)
        if not allowed.any():
            break
        score = np.where(allowed, _lifted(problem, table, open_sites), -np.inf)
        open_sites[int(np.argmax(score))] = True
    return open_sites


def _lifted(problem: Problem, table: Table, open_sites: BoolArray) -> FloatArray:
    """(m,) the worst-off share after opening each site alone, with a trace of the plain gain to settle ties."""
    floor, columns = problem.floor, table.columns
    assert floor is not None
    assert table.areas is not None
    current = best(table, open_sites)
    gain = np.maximum(columns.values - current[columns.households], 0.0)
    count = int(np.max(floor.areas)) + 1
    cell = columns.sites * count + table.areas[columns.households]
    by_area = np.bincount(cell, gain, problem.site_count * count).reshape(problem.site_count, count)
    rates, people = area_rates(problem, open_sites | (problem.existing & ~problem.closable), floor)
    inhabited = np.bincount(np.asarray(floor.areas), problem.weights, count) > 0
    lifted = rates + by_area[:, inhabited] / people
    worst = np.array([worst_mean(row, people, share=floor.share) for row in lifted])
    return worst + 1e-9 * by_area.sum(axis=1) / max(people.sum(), 1.0)
