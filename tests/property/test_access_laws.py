"""What the floating catchment family conserves, on any town, symmetric or not; and limits of assignment."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import gis.access
import gis.assignment
import gis.reach
from gis.access import Decay

DECAYS = [
    Decay("step", 500.0),
    Decay("linear", 501.0),
    Decay("exponential", 500.0, scale_s=200.0),
    Decay("gaussian", 501.0),
    Decay("zones", 500.0, edges_s=(200.0, 500.0), weights=(1.0, 0.4)),
]


@st.composite
def towns(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Seconds from homes to sites (never symmetric by rule), people and places."""
    homes, sites = draw(st.integers(1, 7)), draw(st.integers(1, 5))
    walk = st.sampled_from([0.0, 100.0, 250.0, 400.0, 500.0, 700.0, np.inf])
    seconds = np.array(draw(st.lists(walk, min_size=homes * sites, max_size=homes * sites))).reshape(homes, sites)
    people = np.array(draw(st.lists(st.integers(0, 9), min_size=homes, max_size=homes)), dtype=float)
    return seconds, people, np.array(draw(st.lists(st.integers(0, 9), min_size=sites, max_size=sites)), dtype=float)


@given(towns(), st.sampled_from(DECAYS), st.sampled_from(["2sfca", "e2sfca", "balanced"]))
def test_people_times_score_is_the_supply_that_somebody_reaches(town: tuple, decay: Decay, method: str):
    seconds, people, supply = town
    found = gis.access.score(gis.reach.from_matrix(seconds), people, supply, decay=decay, method=method)
    assert people @ found.score + found.idle.sum() == pytest.approx(supply.sum())


@given(towns(), st.sampled_from(DECAYS), st.sampled_from(["balanced", "bfca"]))
def test_a_balanced_form_lets_each_elder_in_reach_claim_once(town: tuple, decay: Decay, method: str):
    seconds, people, supply = town
    found = gis.access.score(gis.reach.from_matrix(seconds), people, supply, decay=decay, method=method)
    served = (decay(seconds) > 0).any(axis=1)
    assert found.demand.sum() == pytest.approx(people[served].sum())


@given(towns(), st.sampled_from(DECAYS))
def test_the_published_balance_conserves_the_level_of_service(town: tuple, decay: Decay):
    seconds, people, supply = town
    found = gis.access.score(gis.reach.from_matrix(seconds), people, supply, decay=decay, method="bfca")
    assert found.score.sum() == pytest.approx(np.nansum(found.level))


@given(towns(), st.sampled_from(DECAYS), st.sampled_from(gis.access.METHODS))
def test_a_sparse_table_gives_what_dense_loops_give(town: tuple, decay: Decay, method: str):
    """The formulas as the papers print them, with loops over a full matrix, home to site in both steps."""
    seconds, people, supply = town
    weight = (seconds <= decay.limit_s).astype(float) if method == "2sfca" else decay(seconds)
    rows, columns = weight.sum(axis=1, keepdims=True), weight.sum(axis=0, keepdims=True)
    by_row = np.divide(weight, rows, out=np.zeros_like(weight), where=rows > 0)
    by_column = np.divide(weight, columns, out=np.zeros_like(weight), where=columns > 0)
    claim, share = {"balanced": (by_row, by_row), "bfca": (by_row, by_column)}.get(method, (weight, weight))
    expected = np.zeros(len(people))
    for site, places in enumerate(supply):
        demand = sum(people[home] * claim[home, site] for home in range(len(people)))
        for home in range(len(people)):
            expected[home] += share[home, site] * places / demand if demand > 0 else 0.0
    found = gis.access.score(gis.reach.from_matrix(seconds), people, supply, decay=decay, method=method)
    assert found.score == pytest.approx(expected)


@settings(deadline=None)
@given(towns())
def test_no_assignment_serves_more_or_walks_less_than_the_best(town: tuple):
    """The best by two dense linear programs: most served, then least walking among those."""
    seconds, people, places = town
    limit = 500.0
    near = gis.reach.from_matrix(seconds)
    best = gis.assignment.optimal(near, people, places, limit_s=limit)
    first = gis.assignment.nearest_first(near, people, places, limit_s=limit)
    pairs = np.argwhere(seconds <= limit)
    served, walked = 0.0, 0.0
    if len(pairs):
        rows = np.zeros((len(people) + len(places), len(pairs)))
        rows[pairs[:, 0], np.arange(len(pairs))] = rows[len(people) + pairs[:, 1], np.arange(len(pairs))] = 1.0
        room = np.concatenate([people, places])
        served = -linprog(-np.ones(len(pairs)), A_ub=rows, b_ub=room).fun
        cost = seconds[pairs[:, 0], pairs[:, 1]]
        walked = linprog(cost, A_ub=rows, b_ub=room, A_eq=np.ones((1, len(pairs))), b_eq=[served]).fun
    assert best.load.sum() == pytest.approx(served)
    assert best.elder_seconds == pytest.approx(walked, abs=1e-5)
    assert first.load.sum() <= served + 1e-9
    assert 2 * first.load.sum() >= served - 1e-9  # a maximal assignment is never below half of the best
    for one in (best, first):
        assert np.all(one.load <= places + 1e-9)
        assert one.load.sum() + one.unserved.sum() == pytest.approx(people.sum())
