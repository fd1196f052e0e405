"""From a question to a verified plan: search, certificate, proof where it can be had."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

import gis.siting.bounds as bounds
import gis.siting.capacitated as capacitated
import gis.siting.cover as cover
import gis.siting.exact as exact
import gis.siting.floors as floors
import gis.siting.search as search
import gis.siting.table as table
from gis.errors import Invalid
from gis.reach import BoolArray
from gis.siting.problem import Alternative, Effort, Plan, Problem, Served, check
from gis.siting.verify import recount, verify, worst_share


def solve(problem: Problem, *, method: str = "mclp", effort: Effort | None = None) -> Plan:
    """The best sites to open that can be found, with a bound on what any plan could reach.

    Parameters
    ----------
    problem : Problem
        What is there, what may be done, and what is counted.
    method : str
        `mclp` most elders within the limit (with places, if the problem has a capacity), `lscp` fewest or cheapest
        sites so that everyone is who can be, `p-median` least elder-seconds, `p-center` shortest longest walk.
    effort : Effort, optional
        Rounds, HiGHS's time, and how many alternatives to look for.

    Returns
    -------
    Plan
        Verified. Opening nothing where nothing exists covers exactly 0. Among equals the smallest site numbers win.

    Raises
    ------
    Invalid
        For a question without meaning, a floor that cannot be held (`siting.floor_impossible`) or was not reached
        (`siting.floor_not_found`), a p-center whose sites cannot reach everyone (`siting.centre_too_few`).
    """
    effort = effort or Effort()
    check(problem, method)
    plan = _SOLVERS[method](problem, method, effort)
    if effort.alternatives and plan.opened and method in ("mclp", "p-median"):
        plan = replace(plan, alternatives=_alternatives(problem, plan, effort))
    faults = verify(problem, plan)
    if faults:
        raise Invalid("siting.unverified", faults=faults)
    return plan


def _best_of(problem: Problem, method: str, effort: Effort) -> Plan:
    """Maximal covering and p-median."""
    if problem.capacity is not None:
        return _capacitated(problem, method, effort)
    limits, benefits = search.rules(problem), table.build(problem, method)
    found = search.search(benefits, limits)
    top = bounds.ceiling(benefits, limits, found, rounds=effort.rounds)
    if problem.floor is not None:
        return _floored(problem, benefits, limits, top, effort)
    open_sites, value, proof = _closed(problem, benefits, limits, top, effort)
    return _plan(problem, method, open_sites, _objective(problem, method, benefits.base + value), proof)


def _closed(
    problem: Problem, benefits: table.Table, limits: search.Rules, top: bounds.Ceiling, effort: Effort
) -> tuple[BoolArray, float, str]:
    """Close the gap with HiGHS when what is left is small enough: open sites, bound, and whose bound it is."""
    step = 1.0 if benefits.whole else 1e-9 * max(top.found, 1.0)
    small = exact.size(benefits, top.alive) <= effort.exact_entries
    if top.value - top.found < step or not small or effort.time_limit_s <= 0:
        return top.open_sites, top.value, "lagrangian"
    alive = top.alive | top.open_sites
    answer, opened = exact.solve(problem, benefits, limits, alive, top.open_sites, time_limit_s=effort.time_limit_s)
    value = 0.0 if opened is None else float(table.best(benefits, opened).sum())
    better = opened is not None and value > top.found
    found = max(value, top.found)
    bound = min(top.value, max(answer.bound, found))
    return (opened if better and opened is not None else top.open_sites), bound, "highs"


def _objective(problem: Problem, method: str, benefit: float) -> float:
    """The bound as the method counts it: elders, or elder-seconds."""
    if method == "mclp":
        return float(np.floor(benefit + 1e-6)) if problem.whole else benefit
    return float(np.sum(problem.weights)) * problem.charge_s() - benefit


def _floored(
    problem: Problem, benefits: table.Table, limits: search.Rules, top: bounds.Ceiling, effort: Effort
) -> Plan:
    assert problem.floor is not None
    bound, at_least = benefits.base + top.value, problem.floor.at_least
    open_sites = floors.search(problem, benefits, limits, top.open_sites)
    everything, proof = limits.openable | limits.closable, "lagrangian"
    if effort.time_limit_s > 0 and exact.size(benefits, everything) <= effort.exact_entries:
        start = top.open_sites if open_sites is None else open_sites
        answer, opened = exact.solve(problem, benefits, limits, everything, start, time_limit_s=effort.time_limit_s)
        if answer.status == "infeasible":
            raise Invalid("siting.floor_impossible", at_least=at_least, add=problem.new_sites)
        bound, proof = min(bound, benefits.base + answer.bound), "highs"
        open_sites = floors.better(problem, benefits, open_sites, opened)
    if open_sites is None:
        raise Invalid("siting.floor_not_found", at_least=at_least, add=problem.new_sites)
    return _plan(problem, "mclp", open_sites, _objective(problem, "mclp", bound), proof)


def _capacitated(problem: Problem, method: str, effort: Effort) -> Plan:
    answer = capacitated.solve(problem, effort)
    bound = _objective(problem, method, answer.bound) if capacitated.whole(problem) else answer.bound
    return _plan(problem, method, answer.open_sites, bound, answer.proof, served=answer.served)


def _fewest(problem: Problem, method: str, effort: Effort) -> Plan:
    answer = cover.fewest(problem, effort)
    return _plan(problem, method, answer.opened, answer.bound, answer.proof)


def _centre(problem: Problem, method: str, effort: Effort) -> Plan:
    answer = cover.centre(problem, effort)
    return _plan(problem, method, answer.opened, answer.bound, answer.proof)


_SOLVERS = {"mclp": _best_of, "p-median": _best_of, "lscp": _fewest, "p-center": _centre}


def _plan(
    problem: Problem, method: str, movable: BoolArray, bound: float, proof: str, *, served: Served | None = None
) -> Plan:
    """The plan of a set of open movable sites, counted."""
    open_sites = movable | (problem.existing & ~problem.closable)
    count = recount(problem, open_sites)
    covered = count.covered if served is None else float(served.people.sum())
    households = count.covered_households if served is None else len(np.unique(served.household))
    totals = {"mclp": covered, "lscp": count.cost, "p-median": count.elder_seconds, "p-center": count.longest_s}
    total = totals[method]
    bound = max(bound, total) if method == "mclp" else min(bound, total)
    miss = abs(bound - total)
    rounding = 1e-8 * max(
        abs(total), float(np.sum(problem.weights)) * problem.charge_s() if method == "p-median" else 1.0
    )
    return Plan(
        method=method,
        sites=_numbers(open_sites),
        opened=_numbers(open_sites & ~problem.existing),
        closed=_numbers(problem.existing & ~open_sites),
        covered=covered,
        covered_households=households,
        demand=float(np.sum(problem.weights)),
        unreachable=count.unreachable,
        total=total,
        bound=bound,
        gap=miss / abs(bound) if bound else (np.inf if miss else 0.0),
        proven=bool(miss <= rounding),
        proof=proof,
        cost=count.cost,
        worst_share=worst_share(problem, open_sites),
        served=served,
    )


def _numbers(sites: BoolArray) -> tuple[int, ...]:
    return tuple(int(site) for site in np.flatnonzero(sites))


def _alternatives(problem: Problem, plan: Plan, effort: Effort) -> tuple[Alternative, ...]:
    """For each opened site the best plan found without it, if it is within reach of the best; closest first."""
    if problem.capacity is not None or problem.floor is not None:
        return ()
    limits, benefits = search.rules(problem), table.build(problem, plan.method)
    start = np.zeros(problem.site_count, dtype=bool)
    start[list(plan.sites)] = True
    start &= limits.openable | limits.closable
    found = [_without(problem, plan, limits, benefits, start, site) for site in plan.opened]
    sign = -1 if plan.method == "mclp" else 1
    near = [one for one in found if sign * (one.total - plan.total) <= effort.within * abs(plan.total)]
    return tuple(sorted(near, key=lambda one: (sign * one.total, one.without))[: effort.alternatives])


def _without(
    problem: Problem, plan: Plan, limits: search.Rules, benefits: table.Table, start: BoolArray, site: int
) -> Alternative:
    openable, begin = limits.openable.copy(), start.copy()
    openable[site] = begin[site] = False
    movable = search.improve(benefits, replace(limits, openable=openable), begin, per_cost=False)
    open_sites = movable | (problem.existing & ~problem.closable)
    count = recount(problem, open_sites)
    total = count.covered if plan.method == "mclp" else count.elder_seconds
    return Alternative(site, _numbers(open_sites & ~problem.existing), _numbers(problem.existing & ~open_sites), total)
