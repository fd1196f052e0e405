"""Siting on towns small enough to see the answer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import gis.reach
from gis.errors import Invalid
from gis.siting import Effort, Floor, Plan, Problem, by_area, front, recount, solve, verify
from worlds import sites

NEVER = sites.NEVER


def street(homes: int = 11, every_s: float = 100.0) -> np.ndarray:
    """Homes along a street, `every_s` apart; a site may open at each of them."""
    place = every_s * np.arange(homes)
    return np.abs(place[:, None] - place[None, :])


def test_an_empty_plan_covers_exactly_nothing():
    plan = solve(sites.problem(street(), add=0))
    assert (plan.covered, plan.covered_households, plan.total, plan.gap, plan.proven) == (0.0, 0, 0.0, 0.0, True)
    assert plan.opened == ()


def test_no_households_and_no_candidates_are_answers_too():
    assert solve(sites.problem(np.zeros((0, 3)), add=2)).covered == 0
    assert solve(sites.problem(np.zeros((4, 0)), add=2)).unreachable == 4


def test_one_site_on_a_street_stands_where_it_reaches_both_ways():
    """11 homes 100 s apart, 300 s: 7 homes from any of the sites 3 to 7; the smallest number of these is 3."""
    plan = solve(sites.problem(street(), add=1, limit_s=300.0))
    assert plan.opened == (3,)
    assert plan.covered == 7
    assert plan.proven


def test_the_limit_itself_is_within_reach():
    """499.999 and 500 count at a limit of 500, 500.001 does not."""
    plan = solve(sites.problem([[499.999], [500.0], [500.001]], add=1, limit_s=500.0))
    assert plan.covered == 2


def test_people_and_households_are_counted_apart():
    """Households of 1, 5 and 2 elders, the site reaches the first two: 6 of 8 elders, 2 of 3 households."""
    plan = solve(sites.problem([[100.0], [100.0], [900.0]], [1, 5, 2], add=1))
    assert (plan.covered, plan.demand, plan.covered_households) == (6.0, 8.0, 2)


def test_greedy_alone_would_fall_into_this_trap():
    """Site 0 covers 4 of 6; sites 1 and 2 cover 3 each and together all. Greedy takes 0 and ends at 5."""
    covered = np.array([[1, 1, 0], [1, 1, 0], [0, 1, 0], [1, 0, 1], [1, 0, 1], [0, 0, 1]], dtype=bool)
    plan = solve(sites.problem(np.where(covered, 100.0, NEVER), add=2), effort=Effort(time_limit_s=0.0))
    assert plan.opened == (1, 2)
    assert plan.covered == 6


def test_existing_sites_stay_and_what_they_cover_is_not_gained_twice():
    """The site at 3 covers homes 0 to 6; of one more, 7 is the smallest that covers all four others, 7 to 10."""
    existing = np.zeros(11, bool)
    existing[3] = True
    plan = solve(sites.problem(street(), existing=existing, add=1, limit_s=300.0))
    assert plan.sites == (3, 7)
    assert plan.opened == (7,)
    assert plan.covered == 11


def test_a_closure_moves_a_badly_placed_site():
    """Open at the end of the street (4 homes); moving it to 3 covers 7, and no further site is allowed."""
    existing = np.zeros(11, bool)
    existing[0] = True
    fixed = sites.problem(street(), existing=existing, add=0, limit_s=300.0)
    moved = solve(replace(fixed, closures=1))
    assert solve(fixed).covered == 4
    assert (moved.closed, moved.covered, len(moved.opened)) == ((0,), 7, 1)


def test_money_buys_two_cheap_sites_rather_than_one_dear():
    """Budget 4: site 0 costs 4 and covers 3; sites 1 and 2 cost 2 each and cover 2 each."""
    covered = np.array([[1, 0, 0]] * 3 + [[0, 1, 0]] * 2 + [[0, 0, 1]] * 2, dtype=bool)
    asked = sites.problem(np.where(covered, 60.0, NEVER), costs=np.array([4.0, 2.0, 2.0]), budget=4.0)
    plan = solve(asked)
    assert (plan.opened, plan.covered, plan.cost) == ((1, 2), 4.0, 4.0)


def test_lscp_needs_two_sites_for_a_street_of_eleven():
    """300 s to each side: 7 homes a site, so 11 homes need 2; the lonely home is named unreachable, not demanded."""
    seconds = np.vstack([street(), np.full((1, 11), NEVER)])
    plan = solve(sites.problem(seconds, limit_s=300.0), method="lscp")
    assert (plan.total, plan.bound, plan.proven) == (2.0, 2.0, True)
    assert (plan.covered, plan.unreachable) == (11.0, 1.0)


def test_the_median_of_a_street_is_its_middle():
    """From the middle of 11 homes the walks are 0, 2 x 100, ... 2 x 500: 3,000 elder-seconds."""
    plan = solve(sites.problem(street(), add=1), method="p-median")
    assert (plan.opened, plan.total) == ((5,), 3000.0)


def test_a_median_without_a_site_charges_everybody_the_longest_walk():
    assert solve(sites.problem(street(), add=0), method="p-median").total == 11 * 1000.0


def test_two_centres_of_a_street_leave_a_walk_of_three_hundred_seconds():
    """11 homes in two groups of 6 and 5: the longest walk in a group of 6 homes is 3 steps."""
    plan = solve(sites.problem(street(), add=2), method="p-center")
    assert (plan.total, plan.bound, plan.proven) == (300.0, 300.0, True)


def test_a_centre_that_cannot_reach_everyone_says_how_many_it_would_take():
    apart = np.where(np.eye(3, dtype=bool), 60.0, NEVER)
    with pytest.raises(Invalid) as refusal:
        solve(sites.problem(apart, add=2), method="p-center")
    assert refusal.value.facts == {"add": 2, "needed": 3}


def test_places_run_out_and_elders_are_moved_on_to_make_room():
    """Site 0 (2 places) is reached by homes 0 and 1, site 1 (2 places) by homes 1 and 2, two elders each.

    Home 1 can go either way; 4 of 6 are served whatever it does.
    """
    seconds = np.array([[60.0, NEVER], [60.0, 60.0], [NEVER, 60.0]])
    plan = solve(sites.problem(seconds, [2, 2, 2], add=2, capacity=np.array([2.0, 2.0])))
    assert (plan.covered, plan.proven) == (4.0, True)
    assert plan.served is not None
    assert np.bincount(plan.served.site, plan.served.people).tolist() == [2.0, 2.0]


def test_a_floor_sends_the_second_site_to_the_small_poor_area():
    """Area 0 has 10 homes, 6 in reach of site 0 and 4 of site 1; area 1 has 2 homes, in reach of site 2.

    Free, the sites 0 and 1 cover 10 and area 1 nothing. If the worst tenth (1.2 of 12 people) must be covered to half,
    site 2 must open, and beside it 0 (rates 0.6 and 1) and not 1 (0.4): 8 people. 0.7 cannot be held with two sites.
    """
    areas = np.repeat([0, 1], [10, 2])
    site = np.repeat([0, 1, 2], [6, 4, 2])
    free = sites.problem(np.where(site[:, None] == np.arange(3), 60.0, NEVER), add=2)
    held = solve(replace(free, floor=Floor(areas, 0.5)))
    assert solve(free).opened == (0, 1)
    assert (held.opened, held.covered, held.proven) == ((0, 2), 8.0, True)
    assert held.worst_share == pytest.approx(0.6)
    with pytest.raises(Invalid, match=r"siting\.floor_impossible"):
        solve(replace(free, floor=Floor(areas, 0.7)))


def test_a_plan_names_its_winners_and_losers():
    """Moving the site from 0 to 3 (see above): area "a" (homes 0 to 3) keeps 4, "b" (4 to 10) gains 3."""
    existing = np.zeros(11, bool)
    existing[0] = True
    asked = sites.problem(street(), existing=existing, add=0, closures=1, limit_s=200.0)
    plan = solve(asked)
    table = by_area(asked, plan, np.array(["a"] * 4 + ["b"] * 7))
    truth = recount(asked, np.isin(np.arange(11), plan.sites))
    assert table["after"].sum() == truth.covered == plan.covered == 5
    assert table["before"].sum() == 3
    assert (table["before"] + table["gained"] - table["lost"]).tolist() == table["after"].tolist()
    assert table["elders"].tolist() == [4, 7]


def test_alternatives_do_without_one_site_and_stay_within_a_hundredth():
    """Any of the sites 3 to 7 covers 7 homes, so leaving out 3 costs nothing."""
    plan = solve(sites.problem(street(), add=1, limit_s=300.0))
    assert [(one.without, one.opened, one.total) for one in plan.alternatives] == [(3, (4,), 7.0)]


def test_the_front_has_no_plan_that_another_beats():
    """One site covers 7 of 11, two cover all; a third buys nothing and is left out."""
    plans = front(sites.problem(street(), limit_s=300.0), [0, 1, 2, 3])
    assert [(plan.cost, plan.covered) for plan in plans] == [(0.0, 0.0), (1.0, 7.0), (2.0, 11.0)]


@pytest.fixture
def standing() -> tuple[Problem, Plan]:
    asked = sites.problem(street(), add=2, limit_s=300.0)
    return asked, solve(asked)


@pytest.mark.parametrize(
    ("fault", "change"),
    [
        ("total", {"total": 99.0}),
        ("covered", {"covered": 3.0}),
        ("households", {"covered_households": 1}),
        ("bound", {"bound": 5.0}),
        ("cost", {"cost": 7.0}),
        ("opened", {"opened": (1,)}),
        ("count", {"sites": (0, 3, 7), "opened": (0, 3, 7)}),
        ("unreachable", {"unreachable": 2.0}),
    ],
)
def test_the_verifier_finds_a_false_plan(standing: tuple, fault: str, change: dict):
    asked, plan = standing
    assert verify(asked, plan) == ()
    assert fault in verify(asked, replace(plan, **change))


@pytest.mark.parametrize(
    ("code", "method", "change"),
    [
        ("siting.method", "best", {}),
        ("siting.no_limit", "mclp", {"add": None}),
        ("siting.length", "mclp", {"weights": np.ones(3)}),
        ("siting.number", "mclp", {"weights": np.full(11, np.nan)}),
        ("siting.negative", "mclp", {"add": -1}),
        ("siting.only_mclp", "p-median", {"capacity": np.ones(11)}),
        ("siting.only_opening", "lscp", {"closures": 1}),
        ("siting.floor_and_capacity", "mclp", {"capacity": np.ones(11), "floor": Floor(np.zeros(11, int), 0.5)}),
        ("siting.beyond", "p-median", {"beyond_s": 10.0}),
    ],
)
def test_a_question_without_meaning_is_refused_by_name(code: str, method: str, change: dict):
    with pytest.raises(Invalid) as refusal:
        solve(replace(sites.problem(street(), add=1), **change), method=method)
    assert refusal.value.code == code


def test_a_certificate_closes_three_hundred_sites_to_the_optimum():
    """300 candidates and 3,000 homes at random in 8 km, 10 sites: proven, and again the same."""
    random = np.random.default_rng(4)
    homes, places = random.random((3000, 2)) * 8000, random.random((300, 2)) * 8000
    walk = np.hypot(*(homes[:, None] - places[None]).transpose(2, 0, 1))
    asked = sites.problem(np.where(walk <= 500, walk, NEVER), add=10, limit_s=500.0)
    plan = solve(asked)
    assert plan.proven
    assert solve(asked) == plan


def test_pairs_in_any_order_make_the_same_table_and_the_shortest_of_a_repeated_pair_counts():
    table = gis.reach.from_pairs([1, 0, 1, 1], [0, 0, 0, 2], [50.0, 70.0, 40.0, np.inf], households=3, sites=2)
    assert table.indptr.tolist() == [0, 2, 2, 2]
    assert (table.sites.tolist(), table.seconds.tolist()) == ([0, 1], [70.0, 40.0])
    assert table.nearest_s().tolist() == [40.0, np.inf, np.inf]


@pytest.mark.parametrize(
    ("code", "pairs"),
    [
        ("reach.lengths", ([0], [0, 1], [1.0, 2.0])),
        ("reach.out_of_range", ([5], [0], [1.0])),
        ("reach.seconds", ([0], [0], [-1.0])),
        ("reach.seconds", ([0], [0], [np.nan])),
    ],
)
def test_a_table_of_wrong_pairs_is_refused(code: str, pairs: tuple):
    with pytest.raises(Invalid) as refusal:
        gis.reach.from_pairs(*pairs, households=2, sites=2)
    assert refusal.value.code == code
