"""Leaving nobody out: the fewest (or cheapest) sites that cover all (LSCP), and the shortest longest walk (p-center).

LSCP: Toregas, Swain, ReVelle & Bergman 1971. The p-center (Hakimi 1964) is a search by halves over the walking times
of the table, asking at each whether so few sites can cover all (Minieka 1970). Elders whom no site can reach are left
out of the question and counted in `Plan.unreachable`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import gis.siting.row_weights as row_weights
from gis.compiled import compiled
from gis.errors import Invalid
from gis.reach import BoolArray, FloatArray, Reach, by_site
from gis.siting.highs import INFINITY, Model, Solution, maximise, part
from gis.siting.problem import Effort, Problem
from gis.siting.search import greedy, improve, rules
from gis.siting.table import Table, best, build

#: Exchanges of the search with weighted rows for each of the effort's rounds.
FLIPS = 200


@dataclass(frozen=True)
class Cover:
    """Opened sites that cover every row, what they cost, and the least that any cover can cost."""

    opened: BoolArray
    cost: float
    bound: float
    proof: str


def fewest(problem: Problem, effort: Effort) -> Cover:
    """The cheapest sites to open so that everyone who can be reached within the limit is."""
    wanted = replace(problem, weights=(np.asarray(problem.weights) > 0).astype(float), add=None)
    return _cover(wanted, effort, enough=None)


@dataclass(frozen=True)
class Centre:
    """Opened sites, the longest walk with them, and a time that no choice can undercut."""

    opened: BoolArray
    longest_s: float
    bound: float
    proof: str


def centre(problem: Problem, effort: Effort) -> Centre:
    """The sites that make the longest walk as short as possible."""
    asked = replace(problem, add=None, costs=None, weights=(np.asarray(problem.weights) > 0).astype(float))
    times, add = _candidate_times(asked), problem.new_sites
    found, low, high = None, 0, len(times) - 1
    proven, proofs = 0, {"count"}
    while low <= high:
        middle = (low + high) // 2
        cover = _cover_within(asked, times[middle], add, effort)
        proofs.add(cover.proof)
        if cover.cost <= add:
            found, high = cover.opened, middle - 1
        else:
            low = middle + 1
            proven = max(proven, low) if cover.bound > add else proven
    if found is None:
        last = _cover_within(asked, times[-1], add, effort)
        raise Invalid("siting.centre_too_few", add=add, needed=int(last.bound))
    return Centre(found, float(times[low]), float(times[min(proven, low)]), "highs" if "highs" in proofs else "count")


def _cover_within(problem: Problem, limit_s: float, add: int, effort: Effort) -> Cover:
    near = replace(problem, limit_s=float(limit_s))
    return _cover(near, effort, enough=add)


def _candidate_times(problem: Problem) -> FloatArray:
    """All times that the longest walk can be: none below what the household worst placed has to walk anyway."""
    usable = problem.existing | problem.openable
    nearest = problem.reach.nearest_s(usable)
    least = nearest[(problem.weights > 0) & np.isfinite(nearest)].max(initial=0.0)
    times = np.unique(problem.reach.seconds[usable[problem.reach.sites]])
    times = times[times >= least]
    return times if len(times) else np.zeros(1)


def _cover(problem: Problem, effort: Effort, *, enough: float | None) -> Cover:
    """Cover all rows; with `enough`, only until it is known whether so few suffice."""
    costs, whole = problem.site_costs, bool(np.all(problem.site_costs == np.floor(problem.site_costs)))
    table = _core(build(problem, "mclp"), costs)
    found = _squeezed(problem, table, _greedy(problem, table))
    cost = float(costs[found].sum())
    step = 1.0 if whole else 1e-9 * max(cost, 1.0)
    columns = table.columns
    low, alive = _ascend(columns.indptr, columns.households, table.row_count, costs, cost, step, 5 * effort.rounds)
    quick = Cover(found, cost, min(_rounded(low, whole), cost), "lagrangian")
    if not _settled(quick, enough) and effort.time_limit_s > 0:
        quick = _relaxed(table, costs, quick, whole, effort)
    if not _settled(quick, enough) and _alike(costs):
        quick = _fewer(table, costs, quick, effort)
    alive |= quick.opened
    small = int(alive[table.rows.sites].sum()) <= effort.exact_entries
    if _settled(quick, enough) or effort.time_limit_s <= 0 or not small:
        return quick
    return _exact(table.rows.only(alive), costs, quick, whole, effort)


def _settled(cover: Cover, enough: float | None) -> bool:
    """Proven, or with `enough` known to be possible or not."""
    return cover.bound >= cover.cost - 1e-9 or (enough is not None and (cover.cost <= enough or cover.bound > enough))


def _alike(costs: FloatArray) -> bool:
    return not len(costs) or bool(np.ptp(costs) == 0)


def _fewer(table: Table, costs: FloatArray, quick: Cover, effort: Effort) -> Cover:
    each = float(costs[0])
    least = int(np.ceil(quick.bound / each - 1e-6)) if each > 0 else 0
    found = row_weights.fewer(table, quick.opened, least=least, steps=FLIPS * effort.rounds)
    return replace(quick, opened=found, cost=float(costs[found].sum()))


def _relaxed(table: Table, costs: FloatArray, quick: Cover, whole: bool, effort: Effort) -> Cover:
    """With the bound of the linear relaxation, counted anew from its prices, so that it holds whatever HiGHS does.

    Any prices >= 0 give a bound; only their size is taken, as HiGHS 1.15 loses their sign inside a maximisation.
    """
    used, number = np.unique(table.rows.sites, return_inverse=True)
    model = _model(table.rows, costs[used], number, integer=False)
    duals = maximise(model, time_limit_s=effort.time_limit_s, inner=True).duals
    if duals is None:
        return quick
    prices = np.abs(duals)
    left = costs[used] - np.bincount(number, prices[table.rows.households], len(used))
    low = float(prices.sum() + np.minimum(left, 0.0).sum())
    return replace(quick, bound=min(max(quick.bound, _rounded(low, whole)), quick.cost), proof="highs")


def _rounded(bound: float, whole: bool) -> float:
    return float(np.ceil(bound - 1e-6)) if whole else bound


def _exact(rows: Reach, costs: FloatArray, quick: Cover, whole: bool, effort: Effort) -> Cover:
    used, number = np.unique(rows.sites, return_inverse=True)
    model = _model(rows, costs[used], number, integer=True)
    start = quick.opened[used].astype(float)
    slack = 1 - 1e-6 if whole else 0.0
    solution = maximise(model, time_limit_s=effort.time_limit_s, start=start, slack=slack)
    return _better(solution, used, costs, quick, whole)


def _model(rows: Reach, costs: FloatArray, number: np.ndarray, *, integer: bool) -> Model:
    """Every row by one site at least; `number` (k,) is the column of each entry."""
    model, one = Model(), np.ones(rows.household_count)
    model.columns(-costs, integer=integer)
    model.rows([part(rows.households, number, 1.0)], lower=one, upper=one * INFINITY)
    return model


def _better(solution: Solution, used: np.ndarray, costs: FloatArray, quick: Cover, whole: bool) -> Cover:
    bound = max(quick.bound, min(_rounded(-solution.bound, whole), quick.cost))
    if solution.values is None:
        return replace(quick, bound=bound)
    opened = np.zeros(len(costs), dtype=bool)
    opened[used[solution.values > 0.5]] = True
    cost = float(costs[opened].sum())
    if cost >= quick.cost:
        return replace(quick, bound=bound, proof="highs")
    return Cover(opened, cost, min(bound, cost), "highs")


def _greedy(problem: Problem, table: Table) -> BoolArray:
    nothing = np.zeros(problem.site_count, dtype=bool)
    return _pruned(table, greedy(table, rules(problem), nothing, per_cost=True), problem.site_costs)


def _core(table: Table, costs: FloatArray) -> Table:
    """Only the rows and sites that matter, until neither makes the other superfluous."""
    table, before = _essential(table), -1
    while before != table.row_count:
        before, columns = table.row_count, table.columns
        idle = _idle(columns.indptr, columns.households, table.rows.indptr, table.rows.sites, costs)
        rows = table.rows.only(~idle)
        table = _essential(replace(table, rows=rows, columns=by_site(rows)))
    return table


def _essential(table: Table) -> Table:
    """Only the rows that matter: what covers a row covers every row that reaches all of its sites and more."""
    rows, columns = table.rows, table.columns
    keep = ~_implied(rows.indptr, rows.sites, columns.indptr, columns.households)
    kept = np.repeat(keep, np.diff(rows.indptr))
    sizes = np.diff(rows.indptr)[keep]
    fewer = Reach(np.concatenate([[0], np.cumsum(sizes)]), rows.sites[kept], np.ones(int(sizes.sum())), rows.site_count)
    return replace(table, rows=fewer, columns=by_site(fewer))


def _squeezed(problem: Problem, table: Table, found: BoolArray) -> BoolArray:
    """Try to do with one site less, and again: maximal covering with that many, until a row stays uncovered."""
    if not _alike(problem.site_costs):
        return found
    while found.any():
        limits = replace(rules(problem), add=int(found.sum()) - 1)
        start = found.copy()
        start[_least_missed(table, found)] = False
        tried = improve(table, limits, start, per_cost=False)
        if best(table, tried).sum() < table.row_count:
            return found
        found = tried
    return found


def _least_missed(table: Table, found: BoolArray) -> int:
    """The open site that covers the fewest rows alone."""
    columns = table.columns
    opened = found[columns.sites]
    times = np.bincount(columns.households[opened], minlength=table.row_count)
    alone = np.bincount(columns.sites[opened], times[columns.households[opened]] == 1, len(found))
    return int(np.argmin(np.where(found, alone, np.inf)))


def _pruned(table: Table, found: BoolArray, costs: FloatArray) -> BoolArray:
    """Close, dearest first, what the others cover anyway."""
    kept, columns = found.copy(), by_site(table.rows)
    times = np.bincount(columns.households[found[columns.sites]], minlength=table.row_count)
    chosen = np.flatnonzero(found)
    for site in chosen[np.argsort(-costs[chosen], kind="stable")]:
        rows = columns.households[columns.indptr[site] : columns.indptr[site + 1]]
        if np.all(times[rows] > 1):
            kept[site] = False
            times[rows] -= 1
    return kept


@compiled
def _implied(indptr: Any, sites: Any, start: Any, homes: Any) -> Any:
    """Rows whose sites hold all sites of another row; looked for among those that share its rarest site."""
    n = len(indptr) - 1
    implied = np.zeros(n, np.bool_)
    size = indptr[1:] - indptr[:-1]
    for a in np.argsort(size, kind="mergesort"):
        if implied[a]:
            continue
        rarest = sites[indptr[a]]
        for k in range(indptr[a], indptr[a + 1]):
            if start[sites[k] + 1] - start[sites[k]] < start[rarest + 1] - start[rarest]:
                rarest = sites[k]
        for entry in range(start[rarest], start[rarest + 1]):
            b = homes[entry]
            if b == a or implied[b] or size[b] < size[a]:
                continue
            at, end = indptr[b], indptr[b + 1]
            inside = True
            for k in range(indptr[a], indptr[a + 1]):
                while at < end and sites[at] < sites[k]:
                    at += 1
                if at == end or sites[at] != sites[k]:
                    inside = False
                    break
            implied[b] = inside
    return implied


@compiled
def _idle(start: Any, homes: Any, indptr: Any, sites: Any, costs: Any) -> Any:
    """Sites all of whose rows another covers too that is no dearer; of two alike the one with the larger number."""
    m = len(start) - 1
    idle = np.zeros(m, np.bool_)
    size = start[1:] - start[:-1]
    for a in range(m):
        if size[a] == 0:
            continue
        rarest = homes[start[a]]
        for k in range(start[a], start[a + 1]):
            if indptr[homes[k] + 1] - indptr[homes[k]] < indptr[rarest + 1] - indptr[rarest]:
                rarest = homes[k]
        for entry in range(indptr[rarest], indptr[rarest + 1]):
            b = sites[entry]
            if b == a or idle[b] or size[b] < size[a] or costs[b] > costs[a]:
                continue
            if size[b] == size[a] and costs[b] == costs[a] and b > a:
                continue
            at, end, inside = start[b], start[b + 1], True
            for k in range(start[a], start[a + 1]):
                while at < end and homes[at] < homes[k]:
                    at += 1
                if at == end or homes[at] != homes[k]:
                    inside = False
                    break
            if inside:
                idle[a] = True
                break
    return idle


@compiled
def _ascend(indptr: Any, homes: Any, n: Any, costs: Any, found: Any, step: Any, rounds: Any) -> Any:
    """Lower bound of a set cover by subgradient steps: sum of u + sum of min(0, cost - u of the rows of a site).

    No row's price needs to be above its cheapest site; unbounded ones would grow until rounding broke the bound.
    """
    m = len(indptr) - 1
    alive = np.ones(m, np.bool_)
    prices, held, slope, last = np.full(n, np.inf), np.zeros(n), np.ones(n), np.zeros(n)
    most = np.full(n, np.inf)
    for j in range(m):
        for k in range(indptr[j], indptr[j + 1]):
            most[homes[k]] = min(most[homes[k]], costs[j])
            prices[homes[k]] = min(prices[homes[k]], costs[j] / (indptr[j + 1] - indptr[j]))
    highest, pace, stale = 0.0, 1.0, 0
    for _ in range(rounds):
        value = prices.sum()
        slope[:] = 1.0
        reduced = costs.copy()
        for j in range(m):
            if alive[j]:
                for k in range(indptr[j], indptr[j + 1]):
                    reduced[j] -= prices[homes[k]]
                if reduced[j] < 0.0:
                    value += reduced[j]
                    for k in range(indptr[j], indptr[j + 1]):
                        slope[homes[k]] -= 1.0
        for j in range(m):
            if value + reduced[j] > found - step * (1 - 1e-6):
                alive[j] = False if reduced[j] > 0.0 else alive[j]
        if value > highest:
            highest, stale = value, 0
            held[:] = prices
        else:
            stale += 1
        if highest > found - step * (1 - 1e-6):
            break
        if stale == 20:
            pace *= 0.6
            stale = 0
            prices[:] = held
            last[:] = 0.0
            continue
        size = 0.0
        for i in range(n):
            last[i] = slope[i] + 0.8 * last[i]
            if prices[i] <= 0.0 and last[i] < 0.0:
                last[i] = 0.0
            size += last[i] * last[i]
        if size <= 0.0:
            break
        for i in range(n):
            moved = prices[i] + pace * (min(1.05 * highest, found) - value) / size * last[i]
            prices[i] = min(max(moved, 0.0), most[i])
    return min(highest, found), alive
