"""Laws of siting, and every answer against trying everything."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gis.reach
from gis.errors import Invalid
from gis.siting import Effort, Floor, Problem, solve, verify
from worlds import sites

QUIET = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
#: Without HiGHS: what search and bound alone come to.
ROUGH = Effort(time_limit_s=0.0, rounds=20)


@st.composite
def towns(draw: st.DrawFn) -> np.ndarray:
    """Up to 8 households and 6 sites, walks of whole hundreds of seconds, about a third impossible."""
    homes, count = draw(st.integers(0, 8)), draw(st.integers(1, 6))
    walk = st.sampled_from([0.0, 100.0, 200.0, 300.0, 400.0, 500.0, sites.NEVER, sites.NEVER])
    return np.array(draw(st.lists(walk, min_size=homes * count, max_size=homes * count))).reshape(homes, count)


@st.composite
def questions(draw: st.DrawFn, *, kind: str = "plain") -> tuple[Problem, np.ndarray]:
    seconds = draw(towns())
    homes, count = seconds.shape
    scale = draw(st.sampled_from([1.0, 0.37]))
    weights = scale * np.array(draw(st.lists(st.integers(0, 4), min_size=homes, max_size=homes)), dtype=float)
    existing = draw(st.lists(st.sampled_from([False, False, True]), min_size=count, max_size=count))
    asked = sites.problem(seconds, weights, existing=existing, add=draw(st.integers(0, 3)), limit_s=300.0)
    if kind in ("money", "places") and draw(st.booleans()):
        asked = replace(asked, closures=draw(st.integers(0, 2)))
    if kind == "money":
        costs = np.array(draw(st.lists(st.integers(0, 5), min_size=count, max_size=count)), dtype=float)
        asked = replace(
            asked, costs=costs, budget=float(draw(st.integers(0, 10))), add=draw(st.sampled_from([None, 2]))
        )
    if kind == "places":
        places = draw(st.lists(st.integers(0, 6), min_size=count, max_size=count))
        asked = replace(asked, capacity=np.array(places, dtype=float))
    if kind == "floor":
        areas = np.array(draw(st.lists(st.integers(0, 2), min_size=homes, max_size=homes)), dtype=int)
        share, least = draw(st.sampled_from([0.1, 0.3, 1.0])), draw(st.sampled_from([0.0, 0.3, 0.6, 1.0]))
        asked = replace(asked, floor=Floor(areas, least, share))
    return asked, seconds


def agrees(asked: Problem, seconds: np.ndarray, method: str) -> None:
    """With HiGHS the plan is the best of all; without, the bound holds and a claimed proof is true."""
    best = sites.best(asked, seconds, method)
    sign = 1 if method == "mclp" else -1
    for effort in (Effort(), ROUGH):
        plan = solve(asked, method=method, effort=effort)
        assert best is not None
        assert verify(asked, plan) == ()
        assert sign * plan.total <= sign * best + 1e-6
        assert sign * plan.bound >= sign * best - 1e-6
        if effort is not ROUGH:
            assert plan.proven
        if plan.proven:
            assert plan.total == pytest.approx(best, abs=1e-6)


@QUIET
@given(questions(), st.sampled_from(["mclp", "p-median", "lscp"]))
def test_every_method_finds_what_trying_everything_finds(question: tuple, method: str):
    agrees(*question, method)


@QUIET
@given(questions(kind="money"), st.sampled_from(["mclp", "p-median"]))
def test_a_budget_and_closures_change_nothing_about_that(question: tuple, method: str):
    agrees(*question, method)


@QUIET
@given(questions(kind="places"))
def test_with_places_as_many_are_served_as_a_dense_linear_program_serves_over_all_sets(question: tuple):
    agrees(*question, "mclp")


@QUIET
@given(questions())
def test_the_longest_walk_is_the_shortest_possible_or_refused_with_reason(question: tuple):
    asked, seconds = question
    best = sites.best(asked, seconds, "p-center")
    if best is None:
        with pytest.raises(Invalid, match=r"siting\.centre_too_few"):
            solve(asked, method="p-center")
    else:
        agrees(asked, seconds, "p-center")


@QUIET
@given(questions(kind="floor"))
def test_a_floor_is_kept_at_the_least_price_or_proven_impossible(question: tuple):
    asked, seconds = question
    best = sites.best(asked, seconds, "mclp")
    if best is None:
        with pytest.raises(Invalid, match=r"siting\.floor_impossible"):
            solve(asked)
    else:
        plan = solve(asked)
        assert plan.proven
        assert plan.total == pytest.approx(best, abs=1e-6)


@QUIET
@given(questions())
def test_one_more_site_never_covers_less(question: tuple):
    asked, _ = question
    covered = [solve(replace(asked, add=add)).covered for add in range(4)]
    assert all(after >= before - 1e-9 for before, after in pairwise(covered))


@QUIET
@given(questions(kind="money"))
def test_more_money_never_covers_less(question: tuple):
    asked, _ = question
    covered = [solve(replace(asked, budget=budget)).covered for budget in (0.0, 3.0, 6.0, 30.0)]
    assert all(after >= before - 1e-9 for before, after in pairwise(covered))


@QUIET
@given(questions(), st.randoms(use_true_random=False), st.sampled_from(["mclp", "p-median", "lscp"]))
def test_the_order_of_households_and_sites_changes_no_total(question: tuple, random: object, method: str):
    asked, seconds = question
    homes, order = list(range(seconds.shape[0])), list(range(seconds.shape[1]))
    random.shuffle(homes)
    random.shuffle(order)
    turned = sites.problem(
        seconds[np.ix_(homes, order)],
        asked.weights[homes],
        existing=asked.existing[order],
        add=asked.add,
        limit_s=300.0,
    )
    one, other = solve(asked, method=method), solve(turned, method=method)
    assert one.total == pytest.approx(other.total)
    assert (one.covered if method == "mclp" else 0) == pytest.approx(other.covered if method == "mclp" else 0)


@QUIET
@given(questions())
def test_splitting_a_household_in_two_changes_nothing(question: tuple):
    """Everyone twice with half the elders each."""
    asked, seconds = question
    doubled = sites.problem(
        np.vstack([seconds, seconds]),
        np.tile(asked.weights / 2, 2),
        existing=asked.existing,
        add=asked.add,
        limit_s=300.0,
    )
    assert solve(doubled).covered == pytest.approx(solve(asked).covered)


@QUIET
@given(questions(), st.sampled_from([0.5, 3.0]))
def test_slower_walkers_with_more_time_are_covered_alike(question: tuple, factor: float):
    asked, seconds = question
    stretched = replace(asked, reach=gis.reach.from_matrix(seconds * factor), limit_s=asked.limit_s * factor)
    assert solve(stretched).opened == solve(asked).opened
