"""Maximal covering and p-median as one integer program for HiGHS, as small as presolve and pruning leave it.

For each household the distinct benefits it can draw, from large to small, are levels; level k pays what it is above
level k + 1 and is reached when an open site gives at least that much. Written cumulatively the model has one entry per
table entry (Elloumi 2010 for the p-median); with a single level it is the model of Church & ReVelle 1974.
"""

from __future__ import annotations

import numpy as np

from gis.reach import BoolArray, FloatArray, IntArray, Reach
from gis.siting.highs import INFINITY, Model, Solution, maximise, part
from gis.siting.problem import Floor, Problem
from gis.siting.search import Rules
from gis.siting.table import Table, merge_alike


def size(table: Table, alive: BoolArray) -> int:
    """Entries of the integer program over the sites still alive."""
    return int(alive[table.rows.sites].sum())


def solve(
    problem: Problem, table: Table, limits: Rules, alive: BoolArray, start: BoolArray, *, time_limit_s: float
) -> tuple[Solution, BoolArray | None]:
    """The best set among the sites alive: the solution beyond the table's base and the open movable sites."""
    rows, areas = _core(table, alive)
    model, numbers = Model(), np.flatnonzero(alive)
    model.columns(np.zeros(len(numbers)), integer=True)
    levels = _Levels(rows)
    first = model.columns(levels.gain)
    _reach_rows(model, levels, first, _renumbered(alive))
    limit_rows(model, limits, numbers)
    if problem.floor is not None and areas is not None:
        _floor_rows(model, problem, areas, levels, first)
    begin = None if problem.floor is not None else _start(levels, start, numbers)
    slack = 1 - 1e-6 if table.whole else 0.0
    solution = maximise(model, time_limit_s=time_limit_s, start=begin, slack=slack)
    return solution, _open(solution, numbers, problem.site_count)


def _core(table: Table, alive: BoolArray) -> tuple[Reach, IntArray | None]:
    rows, areas = table.rows.only(alive), table.areas
    return merge_alike(rows, areas) if table.flat else (rows, areas)


def _renumbered(alive: BoolArray) -> IntArray:
    return np.cumsum(alive) - 1


class _Levels:
    """The distinct benefits of each row, largest first: one column of the program each."""

    def __init__(self, rows: Reach) -> None:
        household = rows.households
        order = np.lexsort((rows.sites, -rows.seconds, household))
        household, value = household[order], rows.seconds[order]
        fresh = np.ones(len(order), dtype=bool)
        fresh[1:] = (household[1:] != household[:-1]) | (value[1:] != value[:-1])
        head = np.flatnonzero(fresh)
        self.of_entry = np.cumsum(fresh) - 1
        self.site = rows.sites[order]
        self.row = household[head]
        self.follows = np.zeros(len(head), dtype=bool)
        self.follows[1:] = self.row[1:] == self.row[:-1]
        below = np.zeros(len(head))
        below[:-1][self.follows[1:]] = value[head][1:][self.follows[1:]]
        self.value = value[head]
        self.gain = self.value - below

    @property
    def count(self) -> int:
        return len(self.gain)


def _reach_rows(model: Model, levels: _Levels, first: int, number: IntArray) -> None:
    """A level is reached through an open site of that benefit, or when the level above it is."""
    own = np.arange(levels.count)
    chained = np.flatnonzero(levels.follows)
    model.rows(
        [
            part(own, first + own, 1.0),
            part(chained, first + chained - 1, -1.0),
            part(levels.of_entry, number[levels.site], -1.0),
        ],
        lower=np.full(levels.count, -INFINITY),
        upper=np.zeros(levels.count),
    )


def limit_rows(model: Model, limits: Rules, numbers: IntArray) -> None:
    """How many may be open in all, how many may close, and what it may cost."""
    all_sites, closable = np.arange(len(numbers)), limits.closable[numbers]
    held = int(closable.sum())
    one = np.zeros(len(numbers), dtype=int)
    model.rows([part(one, all_sites, 1.0)], lower=np.array([-INFINITY]), upper=np.array([limits.add + held]))
    if held:
        kept = np.flatnonzero(closable)
        least = np.array([held - limits.closures])
        model.rows([part(np.zeros(held, int), kept, 1.0)], lower=least, upper=np.array([INFINITY]))
    if np.isfinite(limits.budget):
        most = limits.budget + float(limits.costs[limits.closable].sum())
        costs = limits.costs[numbers]
        model.rows([part(one, all_sites, costs)], lower=np.array([-INFINITY]), upper=np.array([most]))


def _floor_rows(model: Model, problem: Problem, areas: IntArray, levels: _Levels, first: int) -> None:
    """The mean of the worst-off share as a linear rule (Rockafellar & Uryasev 2000: conditional value at risk).

    `level - sum(shortfall x people) / share >= floor`, shortfall of an area = level - its rate when positive.
    """
    floor = problem.floor
    assert floor is not None
    people, covered = _area_totals(problem, floor)
    inhabited = np.flatnonzero(people > 0)
    place = np.full(len(people), -1)
    place[inhabited] = np.arange(len(inhabited))
    level = model.columns(np.zeros(1))
    short = model.columns(np.zeros(len(inhabited)))
    own, area = np.arange(len(inhabited)), place[areas[levels.row]]
    model.rows(
        [
            part(own, short + own, 1.0),
            part(own, np.full(len(own), level), -1.0),
            part(area, first + np.arange(levels.count), levels.value / people[inhabited][area]),
        ],
        lower=-(covered / np.where(people > 0, people, 1.0))[inhabited],
        upper=np.full(len(own), INFINITY),
    )
    weight = -people[inhabited] / (floor.share * people.sum())
    model.rows(
        [part(np.zeros(1, int), np.array([level]), 1.0), part(np.zeros(len(own), int), short + own, weight)],
        lower=np.array([floor.at_least]),
        upper=np.array([INFINITY]),
    )


def _area_totals(problem: Problem, floor: Floor) -> tuple[FloatArray, FloatArray]:
    """People of each area, and those covered by the sites that stay open."""
    locked = problem.existing & ~problem.closable
    near = problem.reach.nearest_s(locked) <= problem.limit_s
    weights, areas = np.asarray(problem.weights, dtype=float), np.asarray(floor.areas)
    count = int(areas.max(initial=-1)) + 1
    people, covered = np.bincount(areas, weights, count), np.bincount(areas, weights * near, count)
    return people.astype(float), covered.astype(float)


def _start(levels: _Levels, open_sites: BoolArray, numbers: IntArray) -> FloatArray:
    """The found plan as a first solution: open sites, and the levels they reach."""
    reached = np.zeros(levels.count, dtype=bool)
    np.logical_or.at(reached, levels.of_entry, open_sites[levels.site])
    for level in np.flatnonzero(levels.follows):
        reached[level] |= reached[level - 1]
    return np.concatenate([open_sites[numbers], reached]).astype(float)


def _open(solution: Solution, numbers: IntArray, sites: int) -> BoolArray | None:
    if solution.values is None:
        return None
    opened = np.zeros(sites, dtype=bool)
    opened[numbers[solution.values[: len(numbers)] > 0.5]] = True
    return opened
