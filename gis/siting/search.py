"""Greedy opening and then exchanging of sites, until no single exchange helps.

Lazy greedy (Minoux 1978; "CELF", Leskovec et al. 2007) looks again only at sites whose last known gain could still win;
the exchange is that of Teitz & Bart 1968, judged for all pairs at once from the best and second-best open site of each
household. Both are deterministic: among equals the smallest site number wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gis.compiled import compiled
from gis.reach import BoolArray, FloatArray
from gis.siting.problem import Problem
from gis.siting.table import Table, best


@dataclass(frozen=True)
class Rules:
    """What a set of open sites must keep to, over the movable sites only."""

    openable: BoolArray
    closable: BoolArray
    add: int
    closures: int
    costs: FloatArray
    budget: float

    def room(self, open_sites: BoolArray) -> int:
        """How many more sites may be opened."""
        return self.add + int(self.closable.sum()) - int(open_sites.sum())

    def money(self, open_sites: BoolArray) -> float:
        """How much may still be spent."""
        return self.budget + float(self.costs[self.closable].sum() - self.costs[open_sites].sum())


def rules(problem: Problem) -> Rules:
    """The rules of a problem."""
    budget = np.inf if problem.budget is None else float(problem.budget)
    costs = problem.site_costs if problem.budget is not None else np.zeros(problem.site_count)
    return Rules(problem.openable, problem.closable, problem.new_sites, problem.closures, costs, budget)


def search(table: Table, limits: Rules, start: BoolArray | None = None) -> BoolArray:
    """A good set of open movable sites; `start` is a permitted set to begin from (default: as today)."""
    today = limits.closable.copy() if start is None else start
    found = [improve(table, limits, today, per_cost=False)]
    if np.isfinite(limits.budget):
        found.append(improve(table, limits, today, per_cost=True))
    values = [float(best(table, one).sum()) for one in found]
    return found[int(np.argmax(values))]


def improve(table: Table, limits: Rules, open_sites: BoolArray, *, per_cost: bool) -> BoolArray:
    """Fill the room greedily, exchange, and fill again for as long as that helps."""
    settled = exchange(table, limits, greedy(table, limits, open_sites, per_cost=per_cost))
    while True:
        filled = greedy(table, limits, settled, per_cost=per_cost)
        if np.array_equal(filled, settled):
            return settled
        settled = exchange(table, limits, filled)


def greedy(table: Table, limits: Rules, open_sites: BoolArray, *, per_cost: bool = False) -> BoolArray:
    """Open the site of the largest gain (or gain per cost), again and again, while room and money last."""
    columns = table.columns
    closed_today = limits.closable & ~open_sites
    picks = _celf(
        columns.indptr, columns.households, columns.values, best(table, open_sites),
        (limits.openable & ~open_sites) | closed_today,
        limits.costs, limits.room(open_sites), limits.money(open_sites), per_cost,
    )  # fmt: skip
    opened = open_sites.copy()
    opened[picks] = True
    return opened


def exchange(table: Table, limits: Rules, open_sites: BoolArray) -> BoolArray:
    """Exchange an open site for a closed one while that adds benefit."""
    columns = table.columns
    settled = open_sites.copy()
    _swap(
        columns.indptr, columns.households, columns.values, table.row_count, settled,
        limits.openable | limits.closable, limits.closable, limits.closures, limits.costs, limits.money(open_sites),
    )  # fmt: skip
    return settled


@compiled
def _celf(
    indptr: Any, homes: Any, values: Any, current: Any, may: Any, costs: Any, room: Any, money: Any, per_cost: Any
) -> Any:
    m = len(indptr) - 1
    bound, seen = np.full(m, -1.0), np.zeros(m, np.int64)
    picks = np.empty(max(room, 0), np.int64)
    count = 0
    for j in range(m):
        if may[j]:
            bound[j] = np.inf
            seen[j] = -1
    while count < room and m > 0:
        j = int(np.argmax(bound))
        if bound[j] <= 0.0:
            break
        if costs[j] > money + 1e-9:
            bound[j] = -1.0
        elif seen[j] == count:
            for k in range(indptr[j], indptr[j + 1]):
                current[homes[k]] = max(current[homes[k]], values[k])
            picks[count] = j
            count += 1
            money -= costs[j]
            bound[j] = -1.0
        else:
            gain = 0.0
            for k in range(indptr[j], indptr[j + 1]):
                if values[k] > current[homes[k]]:
                    gain += values[k] - current[homes[k]]
            bound[j] = gain / max(costs[j], 1e-9) if per_cost else gain
            seen[j] = count
    return picks[:count]


@compiled
def _rank(
    indptr: Any, homes: Any, values: Any, opened: Any, first: Any, first_site: Any, second: Any, loss: Any
) -> Any:
    """Best and second-best open site of each row, and what closing each open site alone would lose."""
    first[:], second[:], first_site[:], loss[:] = 0.0, 0.0, -1, 0.0
    for j in np.flatnonzero(opened):
        for k in range(indptr[j], indptr[j + 1]):
            i, value = homes[k], values[k]
            if value > first[i]:
                second[i], first[i], first_site[i] = first[i], value, j
            elif value > second[i]:
                second[i] = value
    for i in range(len(first)):
        if first_site[i] >= 0:
            loss[first_site[i]] += first[i] - second[i]


@compiled
def _swap(
    indptr: Any,
    homes: Any,
    values: Any,
    rows: Any,
    opened: Any,
    may: Any,
    closable: Any,
    closures: Any,
    costs: Any,
    money: Any,
) -> Any:
    m = len(indptr) - 1
    first, second, first_site = np.zeros(rows), np.zeros(rows), np.full(rows, -1)
    loss, saved, alone = np.zeros(m), np.zeros(m), np.zeros(m)
    for j in range(m):
        for k in range(indptr[j], indptr[j + 1]):
            alone[j] += values[k]
    order = np.argsort(-alone, kind="mergesort")
    _rank(indptr, homes, values, opened, first, first_site, second, loss)
    least = 1e-9 * max(first.sum(), 1.0)
    quiet, at = 0, 0
    while quiet < m:
        f = order[at]
        at, quiet = (at + 1) % m, quiet + 1
        if opened[f] or not may[f]:
            continue
        closed = np.sum(closable & ~opened)
        cheapest = np.inf
        for r in range(m):
            if opened[r]:
                cheapest = min(cheapest, loss[r])
                saved[r] = 0.0
        if alone[f] <= cheapest + least:
            continue
        gain = 0.0
        for k in range(indptr[f], indptr[f + 1]):
            i, value = homes[k], values[k]
            if value > second[i] and first_site[i] >= 0:
                saved[first_site[i]] += min(value, first[i]) - second[i]
            if value > first[i]:
                gain += value - first[i]
        profit, out = least, -1
        for r in range(m):
            kept = closable[r] and closed + 1 - closable[f] > closures
            if opened[r] and not kept and costs[f] <= money + costs[r] + 1e-9 and gain - loss[r] + saved[r] > profit:
                profit, out = gain - loss[r] + saved[r], r
        if out >= 0:
            opened[f], opened[out] = True, False
            money += costs[out] - costs[f]
            _rank(indptr, homes, values, opened, first, first_site, second, loss)
            quiet = 0
