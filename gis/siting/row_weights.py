"""Fewer sites for the same rows: one site out, another in, with rows that stay uncovered weighing more each time.

Row weighting local search for the set cover problem with equal costs (Gao, Weise & Li 2015). It starts from a cover and
keeps the smallest it meets; draws begin with a fixed number, so the same table gives the same cover.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gis.compiled import compiled
from gis.reach import BoolArray
from gis.siting.table import Table


def fewer(table: Table, found: BoolArray, *, least: int, steps: int) -> BoolArray:
    """A cover of no more sites than `found`, which covers every row; it stops at `least` sites or after `steps`."""
    rows, columns = table.rows, table.columns
    return np.asarray(
        _search(rows.indptr, rows.sites, columns.indptr, columns.households, found.copy(), least, steps), bool
    )


@compiled
def _search(indptr: Any, sites: Any, start: Any, homes: Any, opened: Any, least: Any, steps: Any) -> Any:
    """`score`: what opening a site would win, or closing it lose, in weights of rows; `free` as the authors'
    configuration checking: a site closed comes back only after a neighbour has changed."""
    n, m = len(indptr) - 1, len(opened)
    drawn = np.uint64(1)
    times, weight, score = np.zeros(n, np.int64), np.ones(n, np.int64), np.zeros(m, np.int64)
    free, moved, best = np.ones(m, np.bool_), np.zeros(m, np.int64), opened.copy()
    place, bare = np.full(n, -1), np.empty(n, np.int64)
    count, banned = n, np.int64(-1)
    chosen = np.flatnonzero(opened)
    opened[:] = False
    for i in range(n):
        place[i], bare[i] = i, i
    score[:] = start[1:] - start[:-1]
    for j in chosen:
        count = _turn(j, indptr, sites, start, homes, opened, times, weight, score, free, place, bare, count)
    for step in range(steps):
        while count == 0:
            best[:] = opened
            if best.sum() <= least:
                return best
            j = _cheapest(opened, score, moved, -1)
            count = _turn(j, indptr, sites, start, homes, opened, times, weight, score, free, place, bare, count)
        j = _cheapest(opened, score, moved, banned)
        if j < 0:
            break
        count = _turn(j, indptr, sites, start, homes, opened, times, weight, score, free, place, bare, count)
        moved[j] = step + 1
        drawn = drawn * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)  # Knuth's, modulo 2^64
        i = bare[np.int64((drawn >> np.uint64(33)) % np.uint64(count))]
        banned = _dearest(sites[indptr[i] : indptr[i + 1]], score, moved, free)
        count = _turn(banned, indptr, sites, start, homes, opened, times, weight, score, free, place, bare, count)
        moved[banned] = step + 1
        for k in range(count):
            weight[bare[k]] += 1
            for entry in range(indptr[bare[k]], indptr[bare[k] + 1]):
                score[sites[entry]] += 1
    return best


@compiled
def _cheapest(opened: Any, score: Any, moved: Any, banned: Any) -> Any:
    """The open site whose closing loses least, of equals the one that has rested longest; -1 if there is none."""
    least = np.int64(-1)
    for j in np.flatnonzero(opened):
        rested = least >= 0 and score[j] == score[least] and moved[j] < moved[least]
        if j != banned and (least < 0 or score[j] < score[least] or rested):
            least = j
    return least


@compiled
def _dearest(sites: Any, score: Any, moved: Any, free: Any) -> Any:
    """Of the sites of an uncovered row the one that wins most, of equals the one that has rested longest."""
    most = -1
    for j in sites:
        if free[j] and (most < 0 or score[j] > score[most] or (score[j] == score[most] and moved[j] < moved[most])):
            most = j
    return most if most >= 0 else sites[0]


@compiled
def _turn(
    j: Any, indptr: Any, sites: Any, start: Any, homes: Any, opened: Any, times: Any, weight: Any, score: Any,
    free: Any, place: Any, bare: Any, count: Any,
) -> Any:  # fmt: skip
    """Open site j, or close it if it is open, and keep the scores; how many rows are uncovered now."""
    change = -1 if opened[j] else 1
    opened[j] = not opened[j]
    for k in range(start[j], start[j + 1]):
        i = homes[k]
        times[i] += change
        lone = times[i] == (1 if change > 0 else 0)
        pair = times[i] == (2 if change > 0 else 1)
        for entry in range(indptr[i], indptr[i + 1]):
            other = sites[entry]
            free[other] = True
            if other != j:
                score[other] -= change * weight[i] * (lone or (pair and opened[other]))
        if lone:
            count = _mark(i, change < 0, place, bare, count)
    free[j] = change > 0
    return count


@compiled
def _mark(i: Any, uncovered: Any, place: Any, bare: Any, count: Any) -> Any:
    """Put a row on the list of the uncovered, or take it off; how many are on it."""
    if uncovered:
        place[i], bare[count] = count, i
        return count + 1
    last = bare[count - 1]
    bare[place[i]], place[last], place[i] = last, place[i], -1
    return count - 1
