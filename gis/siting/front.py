"""What more money, or more sites, would buy: the plans that nothing else beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gis.errors import Invalid
from gis.siting.plans import solve
from gis.siting.problem import Effort, Floor, Plan, Problem


def front(
    problem: Problem, steps: Sequence[float], *, floors: Sequence[float] = (), effort: Effort | None = None
) -> tuple[Plan, ...]:
    """Covered elders against cost, and against the worst-off share when floors are given.

    `steps` are budgets when the problem has costs, else numbers of sites to add; `floors` are values of
    `problem.floor.at_least` to try at each step, those that cannot be held being left out. Every point is a plan of
    its own, with its own bound, that `solve` gives again. Plans beaten in cost and coverage (and worst share) by
    another are left out; the rest stand in order of cost.
    """
    questions = [_at(problem, step, floor) for step in steps for floor in (None, *floors)]
    plans = [plan for plan in (_solved(question, effort) for question in questions) if plan is not None]
    ordered = sorted(plans, key=lambda plan: (plan.cost, -plan.covered, -(plan.worst_share or 0.0), plan.sites))
    kept: list[Plan] = []
    for plan in ordered:
        if not any(_beats(other, plan) for other in kept):
            kept.append(plan)
    return tuple(kept)


def _at(problem: Problem, step: float, floor: float | None) -> Problem:
    limited = replace(problem, add=int(step)) if problem.costs is None else replace(problem, budget=float(step))
    if problem.floor is None:
        return limited
    return replace(limited, floor=Floor(problem.floor.areas, floor or 0.0, problem.floor.share))


def _solved(problem: Problem, effort: Effort | None) -> Plan | None:
    try:
        return solve(problem, method="mclp", effort=effort)
    except Invalid as refusal:
        if refusal.code in ("siting.floor_impossible", "siting.floor_not_found"):
            return None
        raise


def _beats(other: Plan, plan: Plan) -> bool:
    """Whether `other` is nowhere worse; of two equal plans the first stays."""
    worst = (other.worst_share or 0.0) >= (plan.worst_share or 0.0) - 1e-12
    return worst and other.cost <= plan.cost + 1e-9 and other.covered >= plan.covered - 1e-9
