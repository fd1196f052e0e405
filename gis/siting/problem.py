"""A siting question and its answer, as values."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from gis.errors import Invalid
from gis.reach import BoolArray, FloatArray, IntArray, Reach

#: `mclp` Church & ReVelle 1974 · `lscp` Toregas et al. 1971 · `p-median`, `p-center` Hakimi 1964.
METHODS = ("mclp", "lscp", "p-median", "p-center")


@dataclass(frozen=True)
class Floor:
    """The worst-off `share` of people, taken by area, must be covered to at least `at_least` on average.

    `areas` (h,) numbers the area of each household from 0. See `gis.equity.worst_mean` for the figure itself.
    """

    areas: IntArray
    at_least: float
    share: float = 0.1


@dataclass(frozen=True)
class Effort:
    """How hard to try. Everything counts in rounds but `time_limit_s`, which only HiGHS watches.

    A problem with at most `exact_entries` table entries left after presolve and pruning is handed to HiGHS;
    `time_limit_s=0` never does, `exact_entries` raised always does.
    """

    rounds: int = 300
    time_limit_s: float = 10.0
    exact_entries: int = 300_000
    alternatives: int = 5
    within: float = 0.01


@dataclass(frozen=True)
class Problem:
    """Where to open sites, given those open today.

    Attributes
    ----------
    reach : Reach
        Households to all sites, existing and possible ones alike, as one table of seconds.
    weights : (h,) float
        Elders per household, finite, >= 0.
    existing : (m,) bool
        Open today. They stay open but for at most `closures` of them.
    add : int or None
        At most so many more sites than today (a closure frees one more opening); None: no limit but the budget.
    limit_s : float
        A household is covered when an open site is at most so far, `<=`.
    candidates : (m,) bool or None
        Sites that may be opened; None: all that are not open today.
    costs, budget : (m,) float >= 0, float, or None
        Costs of opened sites less those of closed ones must not exceed the budget.
    capacity : (m,) float or None
        Places at each site, for the capacitated MCLP: an elder counts only with a place within the limit.
    floor : Floor or None
        Only for the uncapacitated MCLP.
    beyond_s : float or None
        p-median: what a household is charged that has no open site in the table; None: the largest time in it.
    """

    reach: Reach
    weights: FloatArray
    existing: BoolArray
    add: int | None = None
    limit_s: float = 600.0
    candidates: BoolArray | None = None
    costs: FloatArray | None = None
    budget: float | None = None
    capacity: FloatArray | None = None
    closures: int = 0
    floor: Floor | None = None
    beyond_s: float | None = None

    @property
    def site_count(self) -> int:
        return self.reach.site_count

    @property
    def openable(self) -> BoolArray:
        """(m,) sites that are not open and may be opened."""
        allowed = np.ones(self.site_count, dtype=bool) if self.candidates is None else self.candidates
        return allowed & ~self.existing

    @property
    def closable(self) -> BoolArray:
        """(m,) existing sites that may close."""
        return self.existing if self.closures else np.zeros(self.site_count, dtype=bool)

    @property
    def new_sites(self) -> int:
        """How many more sites than today, at most."""
        return int(self.openable.sum()) if self.add is None else self.add

    @property
    def site_costs(self) -> FloatArray:
        """(m,) cost of each site; one each when none is given."""
        return np.ones(self.site_count) if self.costs is None else np.asarray(self.costs, dtype=float)

    @property
    def whole(self) -> bool:
        """Whether every total is a whole number, so that a bound below the next one is a proof."""
        return bool(np.all(self.weights == np.floor(self.weights))) and float(self.weights.sum()) < 2**52

    def charge_s(self) -> float:
        """p-median: seconds charged to a household without an open site in the table."""
        largest = float(self.reach.seconds.max()) if len(self.reach.seconds) else 0.0
        return largest if self.beyond_s is None else self.beyond_s

    def without(self, site: int) -> Problem:
        """The same question with one candidate struck out."""
        allowed = self.openable.copy()
        allowed[site] = False
        return replace(self, candidates=allowed)


@dataclass(frozen=True)
class Alternative:
    """A plan nearly as good that does without the opened site `without`."""

    without: int
    opened: tuple[int, ...]
    closed: tuple[int, ...]
    total: float


@dataclass(frozen=True)
class Served:
    """Who takes a place where, for the capacitated MCLP: (f,) household, site and people."""

    household: IntArray
    site: IntArray
    people: FloatArray


@dataclass(frozen=True)
class Plan:
    """An answer that was recounted from the raw table by `gis.siting.verify` before it was handed out.

    `total` is what the method optimises: covered elders (mclp), number or cost of opened sites (lscp), elder-seconds
    (p-median), the longest walk in seconds (p-center). `bound` is a value no plan can beat and `gap` the share by which
    `total` may at most miss it; `proven` says that no better plan exists. `covered` counts elders and
    `covered_households` households with an open site within the limit (with a place there, if capacitated);
    `unreachable` counts elders whom no site at all could serve. `proof` names where the bound comes from.
    """

    method: str
    sites: tuple[int, ...]
    opened: tuple[int, ...]
    closed: tuple[int, ...]
    covered: float
    covered_households: int
    demand: float
    unreachable: float
    total: float
    bound: float
    gap: float
    proven: bool
    proof: str
    cost: float
    worst_share: float | None = None
    served: Served | None = None
    alternatives: tuple[Alternative, ...] = field(default=())


def check(problem: Problem, method: str) -> None:
    """Refuse a question that has no meaning, before any work is spent on it."""
    if method not in METHODS:
        raise Invalid("siting.method", method=method, methods=METHODS)
    _check_lengths(problem)
    _check_numbers(problem)
    _check_combination(problem, method)


def _check_lengths(problem: Problem) -> None:
    households, sites = problem.reach.household_count, problem.site_count
    wanted = {"weights": households, "existing": sites, "candidates": sites, "costs": sites, "capacity": sites}
    for name, length in wanted.items():
        column = getattr(problem, name)
        if column is not None and len(column) != length:
            raise Invalid("siting.length", column=name, length=len(column), expected=length)
    if problem.floor is not None and len(problem.floor.areas) != households:
        raise Invalid("siting.length", column="floor.areas", length=len(problem.floor.areas), expected=households)


def _check_numbers(problem: Problem) -> None:
    for name in ("weights", "costs", "capacity"):
        column = getattr(problem, name)
        if column is None:
            continue
        wrong = ~np.isfinite(column) | (np.asarray(column) < 0)
        if wrong.any():
            raise Invalid("siting.number", column=name, rows=int(wrong.sum()), first=int(np.flatnonzero(wrong)[0]))
    for name in ("add", "budget", "closures", "limit_s", "beyond_s"):
        value = getattr(problem, name)
        if value is not None and not (np.isfinite(value) and value >= 0):
            raise Invalid("siting.negative", name=name, value=value)


def _check_combination(problem: Problem, method: str) -> None:
    unlimited = problem.add is None and problem.budget is None and problem.closures == 0
    if method in ("mclp", "p-median", "p-center") and unlimited:
        raise Invalid("siting.no_limit", method=method)
    if method != "mclp" and (problem.capacity is not None or problem.floor is not None):
        raise Invalid("siting.only_mclp", method=method)
    if method in ("lscp", "p-center") and (problem.closures or problem.budget is not None):
        raise Invalid("siting.only_opening", method=method)
    if problem.capacity is not None and problem.floor is not None:
        raise Invalid("siting.floor_and_capacity")
    if problem.beyond_s is not None and len(problem.reach.seconds) and problem.beyond_s < problem.reach.seconds.max():
        raise Invalid("siting.beyond", beyond_s=problem.beyond_s, longest_s=float(problem.reach.seconds.max()))
