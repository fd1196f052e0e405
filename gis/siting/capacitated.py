"""Maximal covering where a site has only so many places (Current & Storbeck 1988; Pirkul & Schilling 1991).

An elder counts only with a place at an open site within the limit; a household may be split over sites. What a set of
open sites serves is a maximum flow, kept up by augmenting paths while sites are opened; it has diminishing returns, so
lazy greedy holds here too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gis.compiled import compiled
from gis.reach import BoolArray, FloatArray, Reach
from gis.siting.bounds import choose
from gis.siting.exact import limit_rows
from gis.siting.highs import INFINITY, Model, maximise, part
from gis.siting.problem import Effort, Problem, Served
from gis.siting.search import Rules, rules


@dataclass(frozen=True)
class Answer:
    """Open movable sites, who is served where, and a number of elders no plan can exceed."""

    open_sites: BoolArray
    served: Served
    bound: float
    proof: str


@dataclass(frozen=True)
class _Places:
    """Everything within the limit: `entry` (k,) lists the entries of `near` site by site."""

    near: Reach
    people: FloatArray
    capacity: FloatArray
    start: np.ndarray
    entry: np.ndarray
    household: np.ndarray
    locked: BoolArray

    def flows(self, open_sites: BoolArray) -> FloatArray:
        """(k,) people on each entry when these and the locked sites are open: as many as can be."""
        return _fill(self.arrays, open_sites | self.locked)

    @property
    def arrays(self) -> tuple[Any, ...]:
        near = self.near
        return near.indptr, near.sites, self.start, self.entry, self.household, self.people, self.capacity


def whole(problem: Problem) -> bool:
    """Whether elders and places are whole numbers, so that the served are too."""
    capacity = np.asarray(problem.capacity, dtype=float)
    return problem.whole and bool(np.all(capacity == np.floor(capacity)))


def solve(problem: Problem, effort: Effort) -> Answer:
    """The sites that serve most elders: lazy greedy and exchange, a Lagrangian bound, HiGHS where it is small."""
    places, limits = _places(problem), rules(problem)
    open_sites = _exchange(places, limits, _greedy(places, limits, limits.closable.copy()))
    total = float(places.flows(open_sites).sum())
    step = 1.0 if whole(problem) else 1e-9 * max(total, 1.0)
    bound, proof = _bound(places, limits, total, rounds=max(effort.rounds // 5, 1)), "lagrangian"
    small = 3 * len(places.near.sites) <= effort.exact_entries and effort.time_limit_s > 0
    if bound - total >= step - 1e-6 * step and small:
        open_sites, bound, proof = _exact(problem, places, limits, open_sites, bound, effort)
    return Answer(open_sites, _served(places, open_sites), bound, proof)


def _places(problem: Problem) -> _Places:
    near = problem.reach.only(problem.existing | problem.openable).within(problem.limit_s)
    order = np.argsort(near.sites, kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(near.sites, minlength=near.site_count))])
    people, capacity = np.asarray(problem.weights, dtype=float), np.asarray(problem.capacity, dtype=float)
    return _Places(near, people, capacity, start, order, near.households, problem.existing & ~problem.closable)


def _greedy(places: _Places, limits: Rules, open_sites: BoolArray) -> BoolArray:
    flow, opened = places.flows(open_sites), open_sites.copy()
    ceilings = _alone(places)
    while limits.room(opened) > 0:
        may = (limits.openable | limits.closable) & ~opened & (limits.costs <= limits.money(opened) + 1e-9)
        site, flow = _best_gain(places.arrays, flow, ceilings, may)
        if site < 0:
            break
        opened[site] = True
    return opened


def _alone(places: _Places) -> FloatArray:
    """(m,) elders a site could serve if it were the only one."""
    near = places.near
    return np.minimum(places.capacity, np.bincount(near.sites, places.people[places.household], near.site_count))


def _exchange(places: _Places, limits: Rules, open_sites: BoolArray) -> BoolArray:
    """Close each movable site in turn and open whatever serves most in its place, until no turn helps."""
    total, quiet = float(places.flows(open_sites).sum()), False
    while not quiet:
        quiet = True
        for site in np.flatnonzero(open_sites):
            tried = open_sites.copy()
            tried[site] = False
            if int((limits.closable & ~tried).sum()) > limits.closures:
                continue
            tried = _greedy(places, limits, tried)
            served = float(places.flows(tried).sum())
            if served > total + 1e-9 * max(total, 1.0):
                open_sites, total, quiet = tried, served, False
                break
    return open_sites


def _bound(places: _Places, limits: Rules, found: float, *, rounds: int) -> float:
    reachable = float(places.people[np.diff(places.near.indptr) > 0].sum())
    bound = _descend(
        places.arrays, places.locked, limits.openable | limits.closable, limits.closable,
        limits.add, limits.closures, found, rounds,
    )  # fmt: skip
    return max(min(bound, reachable), found)


def _exact(
    problem: Problem, places: _Places, limits: Rules, start: BoolArray, bound: float, effort: Effort
) -> tuple[BoolArray, float, str]:
    movable = np.flatnonzero(limits.openable | limits.closable)
    solution = maximise(
        _model(places, limits, movable),
        time_limit_s=effort.time_limit_s,
        start=np.concatenate([start[movable], places.flows(start)]).astype(float),
        slack=1 - 1e-6 if whole(problem) else 0.0,
    )
    opened = start
    if solution.values is not None:
        tried = np.zeros(len(start), dtype=bool)
        tried[movable[solution.values[: len(movable)] > 0.5]] = True
        opened = tried if places.flows(tried).sum() > places.flows(start).sum() else start
    total = float(places.flows(opened).sum())
    return opened, max(min(bound, solution.bound), total), "highs"


def _model(places: _Places, limits: Rules, movable: np.ndarray) -> Model:
    near, model = places.near, Model()
    number = np.full(near.site_count, -1)
    number[movable] = np.arange(len(movable))
    model.columns(np.zeros(len(movable)), integer=True)
    own = np.arange(len(near.sites))
    first = model.columns(np.ones(len(own)), upper=INFINITY)
    limit_rows(model, limits, movable)
    people, free = places.people[places.household], INFINITY
    model.rows([part(places.household, first + own, 1.0)], lower=-free * np.ones(len(places.people)),
               upper=places.people)  # fmt: skip
    everyone = [part(near.sites, first + own, 1.0), part(movable, number[movable], -places.capacity[movable])]
    upper = np.where(places.locked, places.capacity, 0.0)
    model.rows(everyone, lower=-free * np.ones(near.site_count), upper=upper)
    tied = np.flatnonzero(number[near.sites] >= 0)
    each = np.arange(len(tied))
    linked = [part(each, first + tied, 1.0), part(each, number[near.sites[tied]], -people[tied])]
    model.rows(linked, lower=np.full(len(tied), -free), upper=np.zeros(len(tied)))
    return model


def _served(places: _Places, open_sites: BoolArray) -> Served:
    flow = places.flows(open_sites)
    used = np.flatnonzero(flow > 1e-9)
    return Served(places.household[used], places.near.sites[used], flow[used])


@compiled
def _fill(arrays: Any, open_sites: Any) -> Any:
    people, sites = arrays[5], arrays[1]
    flow = np.zeros(len(sites))
    left = people.copy()
    for j in np.flatnonzero(open_sites):
        _open(j, arrays, flow, left)
    return flow


@compiled
def _open(j: Any, arrays: Any, flow: Any, left: Any) -> Any:
    """Let site j serve as many more as it can: those left first, then by moving others on; returns how many."""
    indptr, sites, start, entry, household, _people, capacity = arrays
    spare = capacity[j]
    for n in range(start[j], start[j + 1]):
        k = entry[n]
        taken = min(spare, left[household[k]])
        flow[k] += taken
        left[household[k]] -= taken
        spare -= taken
    gave, took = np.full(len(start) - 1, -1), np.full(len(start) - 1, -1)
    queue = np.empty(len(start) - 1, np.int64)
    while spare > 1e-12:
        gave[:], took[:] = -1, -1
        queue[0], head, tail, goal = j, 0, 1, -1
        gave[j] = -2
        while head < tail and goal < 0:
            s = queue[head]
            head += 1
            for n in range(start[s], start[s + 1]):
                k = entry[n]
                i = household[k]
                if left[i] > 1e-12:
                    goal = k
                    break
                for other in range(indptr[i], indptr[i + 1]):
                    t = sites[other]
                    if flow[other] > 1e-12 and gave[t] == -1:
                        gave[t], took[t] = other, k
                        queue[tail] = t
                        tail += 1
        if goal < 0:
            break
        amount, t = min(spare, left[household[goal]]), sites[goal]
        while t != j:
            amount = min(amount, flow[gave[t]])
            t = sites[took[t]]
        left[household[goal]] -= amount
        flow[goal] += amount
        t = sites[goal]
        while t != j:
            flow[gave[t]] -= amount
            flow[took[t]] += amount
            t = sites[took[t]]
        spare -= amount
    return capacity[j] - spare


@compiled
def _best_gain(arrays: Any, flow: Any, ceilings: Any, may: Any) -> Any:
    """The site of the largest gain and the flow with it open; -1 when none gains. `ceilings` are brought up to date."""
    _indptr, sites, _start, _entry, household, people, _capacity = arrays
    left = people.copy()
    for k in range(len(sites)):
        left[household[k]] -= flow[k]
    best, winner, kept = 1e-9, -1, flow
    for j in np.argsort(-ceilings, kind="mergesort"):
        if ceilings[j] < best:
            break
        if may[j] and (ceilings[j] > best or j < winner):
            tried, rest = flow.copy(), left.copy()
            gain = _open(j, arrays, tried, rest)
            ceilings[j] = gain
            if gain > best or (gain == best and j < winner):
                best, winner, kept = gain, j, tried
    return winner, kept


@compiled
def _descend(
    arrays: Any, locked: Any, alive: Any, closable: Any, add: Any, closures: Any, found: Any, rounds: Any
) -> Any:
    """Prices in [0, 1] on each elder: ceiling = prices x people + the best sites, each a knapsack of its places."""
    _indptr, sites, start, entry, household, people, capacity = arrays
    m, n = len(start) - 1, len(people)
    prices, last = np.zeros(n), np.zeros(n)
    worth, flow = np.zeros(m), np.zeros(len(sites))
    lowest, pace, stale = np.inf, 1.0, 0
    kept = prices.copy()
    for _ in range(rounds):
        value = np.sum(prices * people)
        for j in range(m):
            worth[j] = 0.0
            own = entry[start[j] : start[j + 1]]
            spare = capacity[j]
            for n_th in np.argsort(prices[household[own]], kind="mergesort"):
                k = own[n_th]
                gain = 1.0 - prices[household[k]]
                flow[k] = min(spare, people[household[k]]) if gain > 0.0 else 0.0
                spare -= flow[k]
                worth[j] += gain * flow[k]
            if locked[j]:
                value += worth[j]
        chosen, best, _least = choose(worth, alive, closable, add, closures)
        value += best
        if value < lowest:
            lowest, stale = value, 0
            kept[:] = prices
        else:
            stale += 1
        if lowest <= found:
            break
        if stale == 8:
            pace, stale = pace * 0.6, 0
            prices[:], last[:] = kept, 0.0
            continue
        slope = people.copy()
        for k in range(len(sites)):
            if chosen[sites[k]] or locked[sites[k]]:
                slope[household[k]] -= flow[k]
        size = 0.0
        for i in range(n):
            last[i] = slope[i] + 0.8 * last[i]
            if (prices[i] <= 0.0 and last[i] > 0.0) or (prices[i] >= 1.0 and last[i] < 0.0):
                last[i] = 0.0
            size += last[i] * last[i]
        if size <= 0.0:
            break
        for i in range(n):
            prices[i] = min(max(prices[i] - pace * (value - found) / size * last[i], 0.0), 1.0)
    return lowest
