"""Presolve: from walking times to the one table on which maximal covering and p-median are the same question.

Both maximise  sum over households of the largest benefit among the open sites : the elders of the household for the
MCLP, elders x (charge - seconds) for the p-median. Benefits that the sites which stay open give anyway are taken off,
and households that every plan treats alike are merged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gis.compiled import compiled
from gis.reach import BoolArray, Columns, FloatArray, IntArray, Reach, by_site
from gis.siting.problem import Problem


@dataclass(frozen=True)
class Table:
    """Benefits beyond `base`, by site and by row.

    `areas` (n,) numbers the area of each row when a floor asks for it. `flat`: a row gets the same from every site.
    `whole`: every total is a whole number, so that a bound less than one away is a proof.
    """

    columns: Columns
    rows: Reach
    base: float
    areas: IntArray | None
    flat: bool
    whole: bool

    @property
    def row_count(self) -> int:
        return self.rows.household_count


def build(problem: Problem, method: str) -> Table:
    """The table of a problem; `method` is "mclp" or "p-median"."""
    flat = method == "mclp"
    charge = 1.0 if flat else problem.charge_s()
    limit = problem.limit_s if flat else np.inf
    locked = problem.existing & ~problem.closable
    rows, base = _residual(problem, limit, charge, locked, flat=flat)
    areas: IntArray | None = None if problem.floor is None else np.asarray(problem.floor.areas, dtype=np.int64)
    if flat:
        rows, areas = merge_alike(rows, areas)
    return Table(by_site(rows), rows, base, areas, flat, flat and problem.whole)


def _residual(problem: Problem, limit_s: float, charge: float, locked: BoolArray, *, flat: bool) -> tuple[Reach, float]:
    reach, movable = problem.reach, problem.openable | problem.closable
    weights = np.asarray(problem.weights, dtype=float)
    base, indptr, sites, values = _reduce(
        reach.indptr, reach.sites, reach.seconds, weights, locked, movable, limit_s, charge, flat
    )
    return Reach(indptr, sites, values, problem.site_count), base


def merge_alike(rows: Reach, areas: IntArray | None = None) -> tuple[Reach, IntArray | None]:
    """Merge the rows that reach the same sites (in the same area), adding up their benefits; empty rows go.

    All entries of a row must carry the same benefit. Rows are found by a 64-bit fingerprint and then compared entry
    by entry, so a clash of fingerprints costs a merge, never a wrong one.
    """
    filled = np.diff(rows.indptr) > 0
    mark = _fingerprints(rows.indptr, rows.sites, np.zeros(len(filled), np.int64) if areas is None else areas)
    at = np.flatnonzero(filled)
    group, marks = pd.factorize(mark[at])
    lead = at[_first_of(group, len(marks))][group]
    alike = _same_rows(rows.indptr, rows.sites, at, lead)
    lead = np.where(alike if areas is None else alike & (areas[at] == areas[lead]), lead, at)
    return _gathered(rows, at, lead, areas)


def _gathered(rows: Reach, at: IntArray, lead: IntArray, areas: IntArray | None) -> tuple[Reach, IntArray | None]:
    totals = np.bincount(lead, weights=rows.seconds[rows.indptr[at]], minlength=rows.household_count)
    leaders = np.flatnonzero(np.bincount(lead, minlength=1))
    indptr, sites, values = _copied(rows.indptr, rows.sites, leaders, totals)
    return Reach(indptr, sites, values, rows.site_count), None if areas is None else areas[leaders]


def best(table: Table, open_sites: BoolArray) -> FloatArray:
    """(n,) largest benefit of each row among the open sites, beyond the base."""
    largest = np.zeros(table.row_count)
    columns = table.columns
    _raise_to(columns.indptr, columns.households, columns.values, np.flatnonzero(open_sites), largest)
    return largest


@compiled
def _raise_to(indptr: Any, homes: Any, values: Any, sites: Any, largest: Any) -> Any:
    for j in sites:
        for k in range(indptr[j], indptr[j + 1]):
            largest[homes[k]] = max(largest[homes[k]], values[k])


@compiled
def _reduce(
    indptr: Any, sites: Any, seconds: Any, weights: Any, locked: Any, movable: Any, limit_s: Any, charge: Any, flat: Any
) -> Any:
    n = len(indptr) - 1
    fresh = np.zeros(n + 1, np.int64)
    kept_sites, kept = np.empty_like(sites), np.empty(len(sites), np.float64)
    base, at, some_stay = 0.0, 0, locked.any()
    for i in range(n):
        given = 0.0
        for k in range(indptr[i], indptr[i + 1] if some_stay else indptr[i]):
            if locked[sites[k]] and seconds[k] <= limit_s:
                given = max(given, weights[i] if flat else weights[i] * (charge - seconds[k]))
        base += given
        for k in range(indptr[i], indptr[i + 1]):
            if movable[sites[k]] and seconds[k] <= limit_s:
                benefit = (weights[i] if flat else weights[i] * (charge - seconds[k])) - given
                if benefit > 0.0:
                    kept_sites[at], kept[at] = sites[k], benefit
                    at += 1
        fresh[i + 1] = at
    return base, fresh, kept_sites[:at], kept[:at]


@compiled
def _fingerprints(indptr: Any, sites: Any, areas: Any) -> Any:
    marks = np.zeros(len(indptr) - 1, np.uint64)
    for i in range(len(marks)):
        mark = (np.uint64(areas[i]) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        for k in range(indptr[i], indptr[i + 1]):
            mark = (mark ^ np.uint64(sites[k])) * np.uint64(0xBF58476D1CE4E5B9)
            mark ^= mark >> np.uint64(29)
        marks[i] = mark
    return marks


@compiled
def _first_of(group: Any, groups: Any) -> Any:
    """Where each group is first met, (groups,)."""
    first = np.zeros(groups, np.int64)
    for n in range(len(group) - 1, -1, -1):
        first[group[n]] = n
    return first


@compiled
def _copied(indptr: Any, sites: Any, rows: Any, totals: Any) -> Any:
    """These rows of a table, each with its total as the value of all its entries."""
    fresh = np.zeros(len(rows) + 1, np.int64)
    for n in range(len(rows)):
        fresh[n + 1] = fresh[n] + indptr[rows[n] + 1] - indptr[rows[n]]
    kept, values = np.empty(fresh[-1], sites.dtype), np.empty(fresh[-1])
    for n in range(len(rows)):
        ahead = indptr[rows[n]] - fresh[n]
        for k in range(fresh[n], fresh[n + 1]):
            kept[k], values[k] = sites[k + ahead], totals[rows[n]]
    return fresh, kept, values


@compiled
def _same_rows(indptr: Any, sites: Any, rows: Any, leads: Any) -> Any:
    same = np.ones(len(rows), np.bool_)
    for n in range(len(rows)):
        i, lead = rows[n], leads[n]
        size = indptr[i + 1] - indptr[i]
        same[n] = size == indptr[lead + 1] - indptr[lead]
        for k in range(size if same[n] and i != lead else 0):
            if sites[indptr[i] + k] != sites[indptr[lead] + k]:
                same[n] = False
                break
    return same
