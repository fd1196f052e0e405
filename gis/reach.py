"""Which household can walk to which site, and in how many seconds: the table every planning question starts from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from gis.compiled import compiled
from gis.errors import Invalid

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.integer]
BoolArray: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Reach:
    """Sparse walking times, one row per household, directed from the household to the site.

    Attributes
    ----------
    indptr : (h + 1,) int64
        Household i owns entries `indptr[i]:indptr[i + 1]`; an empty row reaches nothing.
    sites : (k,) int32
        Site of each entry, ascending and without repetition inside a row.
    seconds : (k,) float
        Walking time of each entry; finite, never negative.
    site_count : int
        Number of sites, those that nobody reaches included.
    """

    indptr: IntArray
    sites: IntArray
    seconds: FloatArray
    site_count: int

    @property
    def household_count(self) -> int:
        return len(self.indptr) - 1

    @property
    def households(self) -> IntArray:
        """(k,) household of each entry."""
        return np.repeat(np.arange(self.household_count), np.diff(self.indptr))

    def within(self, limit_s: float) -> Reach:
        """The same table with only the entries of at most `limit_s` seconds."""
        keep = self.seconds <= limit_s
        if keep.all():
            return self
        return self._keep(keep)

    def only(self, sites: BoolArray) -> Reach:
        """The same table with only the entries of the sites marked True; sites keep their numbers."""
        return self._keep(np.asarray(sites, dtype=bool)[self.sites])

    def nearest_s(self, open_sites: BoolArray | None = None) -> FloatArray:
        """(h,) seconds to the nearest site (of those marked open); inf where none is in the table."""
        table = self if open_sites is None else self.only(open_sites)
        nearest = np.full(self.household_count, np.inf)
        filled = np.flatnonzero(np.diff(table.indptr))
        if len(filled):
            nearest[filled] = np.minimum.reduceat(table.seconds, table.indptr[filled])
        return nearest

    def _keep(self, keep: BoolArray) -> Reach:
        passed = np.concatenate([[0], np.cumsum(keep)])
        return Reach(passed[self.indptr], self.sites[keep], self.seconds[keep], self.site_count)


@dataclass(frozen=True)
class Columns:
    """The same table by site: site j owns entries `indptr[j]:indptr[j + 1]`, households ascending inside it."""

    indptr: IntArray
    households: IntArray
    values: FloatArray

    @property
    def sites(self) -> IntArray:
        """(k,) site of each entry."""
        return np.repeat(np.arange(len(self.indptr) - 1), np.diff(self.indptr))


def from_pairs(site: IntArray, household: IntArray, seconds: FloatArray, *, households: int, sites: int) -> Reach:
    """Build the table from the pair list that a ball search emits.

    Parameters
    ----------
    site, household : (k,) int
        One pair per entry, in any order; of a repeated pair the shortest time is kept.
    seconds : (k,) float
        Walking time; pairs that cannot be walked (`inf`) are left out.
    households, sites : int
        How many there are, those without any pair included.

    Raises
    ------
    Invalid
        `reach.lengths`, `reach.out_of_range` for an index outside the tables, `reach.seconds` for NaN or below 0.
    """
    site, household = np.asarray(site, dtype=np.int32), np.asarray(household, dtype=np.int32)
    seconds = np.asarray(seconds, dtype=float)
    _check(site, household, seconds, households=households, sites=sites)
    finite = np.isfinite(seconds)
    if not finite.all():
        site, household, seconds = site[finite], household[finite], seconds[finite]
    if np.any(site[1:] < site[:-1]):
        _, household, site, seconds = _sorted_by(site, household, seconds, sites)
    indptr, site, _, seconds = _sorted_by(household, site, seconds, households)
    return _merge_repeated(Reach(indptr, site, seconds, sites))


def from_matrix(seconds: FloatArray) -> Reach:
    """The table of a dense (h, m) matrix of seconds, household to site; `inf` means not in reach."""
    household, site = np.nonzero(np.isfinite(seconds))
    return from_pairs(site, household, seconds[household, site], households=seconds.shape[0], sites=seconds.shape[1])


def by_site(reach: Reach, values: FloatArray | None = None) -> Columns:
    """Turn the table round; `values` (k,) stands in for the seconds when given."""
    return Columns(*_turned(reach.indptr, reach.sites, reach.seconds if values is None else values, reach.site_count))


def _check(site: IntArray, household: IntArray, seconds: FloatArray, *, households: int, sites: int) -> None:
    if not len(site) == len(household) == len(seconds):
        raise Invalid("reach.lengths", sites=len(site), households=len(household), seconds=len(seconds))
    for name, column, count in (("site", site, sites), ("household", household, households)):
        if len(column) and (column.min() < 0 or column.max() >= count):
            raise Invalid("reach.out_of_range", column=name, count=count, low=int(column.min()), high=int(column.max()))
    wrong = np.isnan(seconds) | (seconds < 0)
    if wrong.any():
        raise Invalid("reach.seconds", pairs=int(wrong.sum()), first=int(np.flatnonzero(wrong)[0]))


def _merge_repeated(reach: Reach) -> Reach:
    household = reach.households
    fresh = np.ones(len(household), dtype=bool)
    fresh[1:] = (household[1:] != household[:-1]) | (reach.sites[1:] != reach.sites[:-1])
    if fresh.all():
        return reach
    shortest = np.minimum.reduceat(reach.seconds, np.flatnonzero(fresh))
    kept = reach._keep(fresh)
    return Reach(kept.indptr, kept.sites, shortest, reach.site_count)


@compiled
def _ends(key: Any, count: Any) -> Any:
    """(count + 1,) where the entries of each key begin and end, once they stand in the order of their keys."""
    ends = np.zeros(count + 1, np.int64)
    for k in key:
        ends[k + 1] += 1
    for k in range(count):
        ends[k + 1] += ends[k]
    return ends


@compiled
def _sorted_by(key: Any, other: Any, values: Any, count: Any) -> Any:
    """Counting sort of (key, other, values) by key, stable: a comparison sort would take ten times as long."""
    indptr = _ends(key, count)
    head = indptr[:-1].copy()
    keys, others, sorted_values = np.empty_like(key), np.empty_like(other), np.empty_like(values)
    for n in range(len(key)):
        at = head[key[n]]
        head[key[n]] += 1
        keys[at], others[at], sorted_values[at] = key[n], other[n], values[n]
    return indptr, others, keys, sorted_values


@compiled
def _turned(indptr: Any, sites: Any, values: Any, count: Any) -> Any:
    """Rows into columns: each household goes behind those before it, so that they ascend within a site."""
    ends = _ends(sites, count)
    head = ends[:-1].copy()
    households, carried = np.empty(len(sites), np.int32), np.empty_like(values)
    for i in range(len(indptr) - 1):
        for k in range(indptr[i], indptr[i + 1]):
            at = head[sites[k]]
            head[sites[k]] += 1
            households[at], carried[at] = i, values[k]
    return ends, households, carried
