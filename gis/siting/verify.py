"""Counting a plan again from the raw table of walking times, by another path than the one that found it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from gis.equity import worst_mean
from gis.reach import BoolArray, FloatArray

if TYPE_CHECKING:
    from gis.siting.problem import Floor, Plan, Problem, Served


@dataclass(frozen=True)
class Recount:
    """What a set of open sites means, whatever method chose it."""

    covered: float
    covered_households: int
    unreachable: float
    elder_seconds: float
    longest_s: float
    cost: float


def recount(problem: Problem, open_sites: BoolArray) -> Recount:
    """Count from the raw pairs: who is within the limit, how long everybody walks, what it costs."""
    reach, weights = problem.reach, np.asarray(problem.weights, dtype=float)
    usable = (problem.existing | problem.openable)[reach.sites]
    opened = open_sites[reach.sites]
    near = _any(reach.households[opened & (reach.seconds <= problem.limit_s)], len(weights))
    known = _any(reach.households[usable & (reach.seconds <= problem.limit_s)], len(weights))
    walked = _least(reach.households[opened], reach.seconds[opened], len(weights))
    asked = (weights > 0) & _any(reach.households[usable], len(weights))
    return Recount(
        covered=float(weights[near].sum()),
        covered_households=int(near[weights > 0].sum()),
        unreachable=float(weights[~known].sum()),
        elder_seconds=float(np.sum(weights * np.minimum(walked, problem.charge_s()))),
        longest_s=float(walked[asked].max(initial=0.0)),
        cost=float(problem.site_costs[open_sites].sum() - problem.site_costs[problem.existing].sum()),
    )


def area_rates(problem: Problem, open_sites: BoolArray, floor: Floor) -> tuple[FloatArray, FloatArray]:
    """Covered share and elders of each area that has elders."""
    weights, areas = np.asarray(problem.weights, dtype=float), np.asarray(floor.areas)
    near = problem.reach.nearest_s(open_sites) <= problem.limit_s
    people = np.bincount(areas, weights).astype(float)
    covered = np.bincount(areas, weights * near, len(people)).astype(float)
    return covered[people > 0] / people[people > 0], people[people > 0]


def worst_share(problem: Problem, open_sites: BoolArray) -> float | None:
    """Mean coverage of the worst-off share of people by area; None when no floor asks for it."""
    if problem.floor is None:
        return None
    return worst_mean(*area_rates(problem, open_sites, problem.floor), share=problem.floor.share)


def verify(problem: Problem, plan: Plan) -> tuple[str, ...]:
    """Everything that is wrong with a plan, as short names; empty when it stands."""
    open_sites = _mask(problem, plan.sites)
    truth = recount(problem, open_sites)
    faults = [*_rule_faults(problem, plan, open_sites, truth), *_figure_faults(plan, truth)]
    worst = worst_share(problem, open_sites)
    if worst is not None and problem.floor is not None and worst < problem.floor.at_least - 1e-9:
        faults.append("floor")
    if plan.served is not None:
        faults += _served_faults(problem, plan.served, open_sites, plan.covered)
    return tuple(faults)


def by_area(problem: Problem, plan: Plan, areas: npt.ArrayLike) -> pd.DataFrame:
    """Winners and losers: one row per area with elders covered before and after, gained and lost apart.

    `areas` (h,) is the code of each household's area. Rates are NaN where no elder lives. Counted by reach, without
    capacity.
    """
    weights = np.asarray(problem.weights, dtype=float)
    before = problem.reach.nearest_s(problem.existing) <= problem.limit_s
    after = problem.reach.nearest_s(_mask(problem, plan.sites)) <= problem.limit_s
    columns = {"elders": weights, "before": weights * before, "after": weights * after,
               "gained": weights * (after & ~before), "lost": weights * (before & ~after)}  # fmt: skip
    frame = pd.DataFrame(columns).groupby(np.asarray(areas), sort=True).sum().rename_axis("area")
    people = frame["elders"].where(frame["elders"] > 0)
    return frame.assign(rate_before=frame["before"] / people, rate_after=frame["after"] / people)


def _rule_faults(problem: Problem, plan: Plan, open_sites: BoolArray, truth: Recount) -> list[str]:
    opened, closed = open_sites & ~problem.existing, problem.existing & ~open_sites
    checks = {
        "opened": not np.array_equal(np.flatnonzero(opened), plan.opened) or bool(np.any(opened & ~problem.openable)),
        "closed": not np.array_equal(np.flatnonzero(closed), plan.closed) or int(closed.sum()) > problem.closures,
        "count": plan.method != "lscp" and int(opened.sum()) - int(closed.sum()) > problem.new_sites,
        "budget": problem.budget is not None and truth.cost > problem.budget + 1e-6,
        "cost": not np.isclose(truth.cost, plan.cost),
    }
    return [name for name, wrong in checks.items() if wrong]


def _figure_faults(plan: Plan, truth: Recount) -> list[str]:
    least_is_best = plan.method != "mclp"
    total = {"mclp": plan.covered, "lscp": truth.cost, "p-median": truth.elder_seconds, "p-center": truth.longest_s}
    checks = {
        "total": not np.isclose(plan.total, total[plan.method], rtol=1e-9, atol=1e-6),
        "covered": plan.served is None and not np.isclose(plan.covered, truth.covered),
        "households": plan.served is None and plan.covered_households != truth.covered_households,
        "unreachable": not np.isclose(plan.unreachable, truth.unreachable),
        "uncovered": plan.method == "lscp" and not np.isclose(truth.covered + truth.unreachable, plan.demand),
        "bound": (plan.bound - plan.total) * (-1 if least_is_best else 1) < -1e-6 * max(abs(plan.total), 1.0),
    }
    return [name for name, wrong in checks.items() if wrong]


def _served_faults(problem: Problem, served: Served, open_sites: BoolArray, covered: float) -> list[str]:
    assert problem.capacity is not None
    households, sites = problem.reach.household_count, problem.site_count
    near = problem.reach.within(problem.limit_s)
    pairs = near.households * sites + near.sites
    load = np.bincount(served.site, served.people, sites)
    taken = np.bincount(served.household, served.people, households)
    checks = {
        "served.reach": not np.isin(served.household * sites + served.site, pairs).all(),
        "served.closed": bool(np.any(load[~open_sites] > 0)),
        "served.capacity": bool(np.any(load > np.asarray(problem.capacity) + 1e-6)),
        "served.people": bool(np.any(taken > np.asarray(problem.weights) + 1e-6) or np.any(served.people < 0)),
        "served.total": not np.isclose(load.sum(), covered),
    }
    return [name for name, wrong in checks.items() if wrong]


def _mask(problem: Problem, sites: tuple[int, ...]) -> BoolArray:
    mask = np.zeros(problem.site_count, dtype=bool)
    mask[list(sites)] = True
    return mask


def _any(households: np.ndarray, count: int) -> BoolArray:
    mask = np.zeros(count, dtype=bool)
    mask[households] = True
    return mask


def _least(households: np.ndarray, seconds: FloatArray, count: int) -> FloatArray:
    least = np.full(count, np.inf)
    order = np.argsort(-seconds, kind="stable")
    least[households[order]] = seconds[order]
    return least
