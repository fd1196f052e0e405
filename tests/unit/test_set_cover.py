"""Covering all rows with the fewest sites: what is thrown away beforehand is never missed, and no bound lies."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

import gis.reach
from gis.siting import Effort, Problem, cover, row_weights, solve, table


def questions(seed: int, *, sites: int = 9, homes: int = 14, chance: float = 0.3) -> Problem:
    """A random table; every home is within reach of at least one site."""
    random = np.random.default_rng(seed)
    near = random.random((homes, sites)) < chance
    near[np.arange(homes), random.integers(0, sites, homes)] = True
    home, site = np.nonzero(near)
    reach = gis.reach.from_pairs(site, home, np.ones(len(home)), households=homes, sites=sites)
    return Problem(reach, np.ones(homes), np.zeros(sites, bool), add=None, limit_s=1.0)


def least(asked: Problem) -> float:
    """By trying every choice of sites."""
    near = np.zeros((asked.reach.household_count, asked.site_count), bool)
    near[asked.reach.households, asked.reach.sites] = True
    choices = (list(one) for n in range(asked.site_count + 1) for one in combinations(range(asked.site_count), n))
    return min(float(asked.site_costs[one].sum()) for one in choices if near[:, one].any(axis=1).all())


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("dear", [False, True])
def test_every_step_keeps_to_what_trying_everything_finds(seed: int, dear: bool):
    """The core has the same least cost, its relaxation is not above it, and the plan is the best there is."""
    asked = questions(seed)
    if dear:
        asked = replace(asked, costs=np.random.default_rng(seed).integers(1, 6, asked.site_count).astype(float))
    best, costs = least(asked), asked.site_costs
    core = cover._core(table.build(asked, "mclp"), costs)
    every = np.ones(asked.site_count, bool)
    assert cover._exact(core.rows, costs, cover.Cover(every, float(costs.sum()), 0.0, ""), True, Effort()).cost == best
    if core.row_count:
        relaxed = cover._relaxed(core, costs, cover.Cover(every, float(costs.sum()), 0.0, ""), True, Effort())
        assert 1 <= relaxed.bound <= best
    plan = solve(asked, method="lscp")
    assert (plan.total, plan.proven) == (best, True)


@pytest.mark.parametrize("seed", range(5))
def test_weighted_rows_find_a_cover_as_small_as_there_is(seed: int):
    asked = questions(seed, sites=12, homes=25, chance=0.2)
    benefits = table.build(asked, "mclp")
    found = row_weights.fewer(benefits, np.ones(12, bool), least=0, steps=2000)
    reached = np.zeros(benefits.row_count, bool)
    reached[benefits.rows.households[found[benefits.rows.sites]]] = True
    assert reached.all()
    assert found.sum() == least(asked)
    again = row_weights.fewer(benefits, np.ones(12, bool), least=0, steps=2000)
    assert np.array_equal(found, again)


def test_weighted_rows_stop_where_nothing_less_is_possible():
    benefits = table.build(questions(1), "mclp")
    every = np.ones(9, bool)
    assert row_weights.fewer(benefits, every, least=9, steps=1000).sum() == 9


def test_a_site_within_another_is_never_needed_unless_it_is_cheaper():
    """Site 0 reaches homes 0, 1, 2; site 1 homes 0, 1; site 2 homes 2, 3; site 3, alike to site 2, homes 2, 3."""
    home, site = [0, 1, 2, 0, 1, 2, 3, 2, 3], [0, 0, 0, 1, 1, 2, 2, 3, 3]
    reach = gis.reach.from_pairs(np.array(site), np.array(home), np.ones(9), households=4, sites=4)
    asked = Problem(reach, np.ones(4), np.zeros(4, bool), add=None, limit_s=1.0)
    rows = table.build(asked, "mclp").rows
    columns = gis.reach.by_site(rows)
    given = columns.indptr, columns.households, rows.indptr, rows.sites
    assert cover._idle(*given, np.ones(4)).tolist() == [False, True, False, True]
    assert cover._idle(*given, np.array([2.0, 1.0, 2.0, 1.0])).tolist() == [False, False, True, False]
