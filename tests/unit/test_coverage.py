"""What a verdict means, on towns that can be checked by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import gis.aggregates
import gis.coverage
import gis.ground
import gis.profiles
import worlds
from gis.coverage import Request
from gis.errors import Invalid
from gis.verdicts import COVERED, NOT_APPLICABLE, UNCOVERED, UNKNOWN
from worlds import second_method, towns

CANTEEN = Request(kinds=("canteen",))
BOTH = Request(kinds=("canteen", "clinic"), required=("canteen", "clinic"))
LEVELS = {"grid": None, "community": None, "street": None, "district": "d"}
NO_AREAS = gpd.GeoDataFrame(columns=["code", "level", "name", "grid_kind", "parent_code", "geometry"])


def decide(town: worlds.Town, request: Request = CANTEEN) -> gis.coverage.Verdicts:
    return gis.coverage.decide(town.net, town.households, town.facilities, request)


def letters(verdicts: gis.coverage.Verdicts, rule: str) -> str:
    """Of the first kind, one letter a household."""
    return "".join(text[0] for text in verdicts.rules[rule].text())


def with_homes(town: worlds.Town, **columns: object) -> worlds.Town:
    return replace(town, households=town.households.assign(**columns))


# Distance and time ----------------------------------------------------------------------------------------------------


def test_metres_along_a_straight_street():
    """1 km, a home every 100 m, the canteen at one end: 500 m is still in, 600 m is out."""
    town = worlds.street()
    verdicts = decide(town)
    assert verdicts.metres[:, 0] == pytest.approx(town.metres, abs=1e-4)
    assert letters(verdicts, "standard") == "cccccc" + "uuuuu"


def test_the_limit_counts_as_within():
    """Homes at 499.999, 500 and 500.001 m, and for the active at 659.999, 660 and 660.001 m: 600 s at 1.10 m/s."""
    town = worlds.street()
    for metres, rule in ((500, "standard"), (660, "personal")):
        people = towns.homes([(metres - 0.001, 0), (metres, 0), (metres + 0.001, 0)])
        assert letters(decide(replace(town, households=people)), rule) == "ccu"


def test_ten_minutes_at_each_pace():
    """600 s reach 660 m at 1.10 m/s, 540 at 0.90, 420 at 0.70, 360 at 0.60, 270 at 0.45: the last home within."""
    town = worlds.street(every_m=10)
    for columns, reach in (
        ({"age_max": 74}, 660), ({"age_max": 75}, 540), ({"age_max": 85}, 420), ({"mobility": "cane"}, 360),
        ({"mobility": "walker"}, 270), ({"mobility": "wheelchair"}, 360), ({"mobility": "wheelchair_escorted"}, 480),
        ({"age_max": None}, 540),
    ):  # fmt: skip
        verdicts = decide(with_homes(town, **columns))
        assert town.metres[verdicts.rules["personal"].letters[:, 0] == COVERED].max() == reach


def test_both_straight_legs_are_walked():
    """Home 60 m south of the street at 200 m, canteen 40 m north of it at 0: 60 + 200 + 40 m."""
    town = worlds.street()
    town = replace(town, households=towns.homes([(200, -60)]), facilities=towns.care([(0, 40)]))
    assert decide(town).metres[0, 0] == pytest.approx(300, abs=1e-4)


def test_two_points_on_one_edge_meet_along_it():
    """Both on the block from 0 to 250 m, at 100 and 160 m, 10 m off: 60 m and two legs, not round by a crossing."""
    town = worlds.street()
    town = replace(town, households=towns.homes([(100, 10)]), facilities=towns.care([(160, -10)]))
    assert decide(town).metres[0, 0] == pytest.approx(80, abs=1e-4)


def test_a_one_way_street_is_walked_one_way_towards_the_facility():
    """Anticlockwise only, canteen 50 m along the south side: 30 m from 20 m, all the way round from 80 m."""
    town = worlds.one_way()
    assert decide(town).metres[:, 0] == pytest.approx(town.metres, abs=1e-4)


def test_home_delivery_walks_the_other_way_round():
    """The provider starts at the canteen: 370 m to the home at 20 m, 30 m to the one at 80 m, 100 m to the corner's."""
    town = worlds.one_way()
    town = replace(town, facilities=town.facilities.assign(delivery_mode="to_home"))
    verdicts = decide(town)
    assert verdicts.rules["to_home"].value[:, 0] * 1.20 == pytest.approx([370, 30, 100], abs=1e-3)
    assert letters(verdicts, "to_home") == "ccc"
    assert letters(verdicts, "personal") == "uuu"


def test_steps_cost_seconds_and_stop_wheels():
    """Over the bridge 100 m + 40 steps + a signal; a wheelchair goes 400 m round at 0.60 m/s; metres ask neither."""
    town = worlds.stairs()
    assert decide(town).seconds[0, 0] == pytest.approx(100 / 1.1 + 40 * 0.5 + 33.75, abs=1e-3)
    chair = decide(with_homes(town, mobility="wheelchair"))
    assert chair.seconds[0, 0] == pytest.approx(400 / 0.6, abs=1e-3)
    assert chair.metres[0, 0] == pytest.approx(100, abs=1e-4)


def test_floors_without_a_lift_are_seconds_before_the_street():
    """Three storeys at 20 s; with a lift none, with the lift not recorded none."""
    town = worlds.street(length_m=250, every_m=250)
    for lift, seconds in ((False, 60), (True, 0), (None, 0)):
        verdicts = decide(with_homes(town, floor=4, lift=lift))
        assert verdicts.seconds[0, 0] == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize(("east_m", "limit_m", "crossings", "street_m"),
                         [(0, 500, 61, 10_000), (0, 550, 61, 12_200), (30, 500, 50, 10_000)])  # fmt: skip
def test_streets_of_a_square_grid_within_reach(east_m: float, limit_m: float, crossings: int, street_m: float):
    """100 m squares. From a crossing n = 5 blocks reach 2n(n + 1) + 1 = 61 crossings and 4n^2 blocks of street; at
    550 m the 44 streets that lead on from the rim add 50 m each. From 30 m along a block (470 m left at one end, 430 at
    the other) the rows |y| = 0 to 4 hold 10, 8, 6, 4, 2 crossings: 10 + 2 * 20 = 50.
    """
    town = worlds.grid(blocks=14)
    town = replace(town, facilities=towns.care([(700 + east_m, 700)]))
    verdicts = decide(town, Request(kinds=("canteen",), metres=limit_m))
    assert (verdicts.rules["standard"].letters == COVERED).sum() == crossings
    left = np.maximum(0, limit_m - verdicts.metres[:, 0])
    assert np.minimum(100, left[town.net.u] + left[town.net.v]).sum() == pytest.approx(street_m, abs=1e-3)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", ["standard", "active", "cane", "walker", "wheelchair"])
def test_costs_equal_networkx_on_really_cut_edges(seed: int, name: str):
    """Random towns with one-way streets, steps, doubled edges, a loop and an island: every home, within 1e-3."""
    town = worlds.crossing(seed)
    verdicts = decide(town, Request(kinds=("canteen", "clinic"), profile=name))
    profile = gis.profiles.PROFILES[name]
    cost = gis.profiles.edge_seconds(town.net, profile)
    floors = gis.profiles.floor_seconds(town.households, profile)
    for j, kind in enumerate(("canteen", "clinic")):
        sites = town.facilities[town.facilities["kind"] == kind]
        ends = xy(town.households), xy(sites)
        expected = second_method.costs(town.net, *ends, cost=cost, speed=profile.speed_m_s) + floors
        near = ~(expected > 1800)
        assert np.allclose(verdicts.seconds[near, j], expected[near], atol=1e-3, equal_nan=True)
        assert np.isinf(verdicts.seconds[~near, j]).all()


@pytest.mark.parametrize("seed", range(3))
def test_metres_equal_networkx_on_really_cut_edges(seed: int):
    town = worlds.crossing(seed)
    expected = second_method.costs(
        town.net, xy(town.households), xy(town.facilities), cost=town.net.metres, speed=1.0, max_m=150
    )
    town = replace(town, facilities=town.facilities.assign(kind="canteen"))
    found, near = decide(town, Request(kinds=("canteen",), metres=2000)).metres[:, 0], ~(expected > 6000)
    assert np.allclose(found[near], expected[near], atol=1e-3, equal_nan=True)
    assert np.isinf(found[~near]).all()


def xy(frame: gpd.GeoDataFrame) -> np.ndarray:
    where = gis.ground.places(frame, towns.SRID)
    return np.column_stack([where.x, where.y])


# Unknown, and not asked -----------------------------------------------------------------------------------------------


def test_what_cannot_be_joined_is_unknown_with_its_reason():
    """See `worlds.island`: on the street, on the island, 100 m off, 200 m off, nowhere known."""
    verdicts = decide(worlds.island())
    assert letters(verdicts, "personal") == "ckckk"
    assert verdicts.reason.tolist() == ["", "island", "", "off_network", "no_location"]
    assert np.isnan(verdicts.metres[[1, 3, 4], 0]).all()
    assert verdicts.snap_m[2] == pytest.approx(100, abs=1e-6)


def test_coordinates_that_are_no_degrees_are_a_bad_datum():
    """Metres given for degrees, as a file in the wrong projection has them."""
    town = worlds.street(length_m=250, every_m=250)
    shapes = [town.households.geometry.iloc[0], shapely.Point(420000, 2557000)]
    verdicts = decide(replace(town, households=town.households.set_geometry(gpd.GeoSeries(shapes, crs=4326))))
    assert verdicts.reason.tolist() == ["", "bad_datum"]


def test_without_a_facility_everyone_is_uncovered_and_nobody_unknown():
    town = worlds.street()
    verdicts = decide(replace(town, facilities=town.facilities.iloc[:0]))
    assert letters(verdicts, "standard") == letters(verdicts, "personal") == "u" * 11
    assert np.isinf(verdicts.seconds).all()
    assert verdicts.facility_ids[:, 0].tolist() == [None] * 11
    counted = gis.coverage.aggregate(verdicts, town.households, LEVELS)
    assert counted["covered"].sum() == 0
    assert (counted["elder_coverage_rate"] == 0).all()


def test_without_a_household_the_answer_is_empty_and_the_areas_stand():
    """Asked for areas g1 and g2: two rows a kind and rule at that level, with nobody in them and no rate."""
    town = worlds.street()
    nobody = town.households.iloc[:0]
    verdicts = decide(replace(town, households=nobody))
    counted = gis.coverage.aggregate(verdicts, nobody, {"grid": None}, codes={"grid": ["g1", "g2"]})
    assert counted["code"].tolist() == ["g1", "g2"] * 2
    assert (counted["elders"] == 0).all()
    assert counted["elder_coverage_rate"].isna().all()


def test_closed_planned_and_unsnapped_facilities_cover_nobody():
    """One closed, one planned, one 300 m off the street: the last is listed with its reason."""
    town = worlds.street()
    sites = towns.care([(0, 0), (100, 0), (500, 300)], status=["closed", "planned", "open"])
    verdicts = decide(replace(town, facilities=sites))
    assert letters(verdicts, "standard") == "u" * 11
    assert verdicts.unsnapped.to_dict("records") == [{"id": "f2", "kind": "canteen", "reason": "off_network"}]


def test_who_does_not_go_out_is_not_asked_but_may_be_served():
    """A homebound household and a resident of an institution: no walking verdict; delivery is asked of the first."""
    town = with_homes(
        worlds.street(length_m=250, every_m=250), mobility=["homebound", "independent"], elders_homebound=[1, 0],
        in_institution=[False, True],
    )  # fmt: skip
    verdicts = decide(town.with_facilities(towns.care([(50, 0)], delivery_mode="to_home").assign(id="van")))
    assert letters(verdicts, "standard") == letters(verdicts, "personal") == "--"
    assert letters(verdicts, "to_home") == "c-"
    assert verdicts.profile.tolist() == ["-", "-"]


# Policy, circle, hours ------------------------------------------------------------------------------------------------


def test_a_policy_radius_is_straight():
    """Over the bridge it is 100 m straight: inside 100 m, outside 99 m; no radius, no verdict."""
    town = worlds.stairs()
    for radius, letter in ((100, "c"), (99, "u")):
        verdicts = decide(town, Request(kinds=("canteen",), radius_m={"canteen": radius}))
        assert letters(verdicts, "policy") == letter
    assert "policy" not in decide(town).rules


def test_the_circle_needs_every_required_kind():
    """Canteen at 0, clinic at 1000 m of the street, 500 m each: only the home in the middle has both."""
    town = worlds.street().with_facilities(towns.care([(1000, 0)], "clinic").assign(id="k"))
    circle = decide(town, BOTH).circle["standard"]
    assert [chr(letter) for letter in circle] == ["u"] * 5 + ["c"] + ["u"] * 5
    assert decide(town, replace(BOTH, kinds=("canteen",))).circle == {}


def test_a_circle_is_uncovered_before_it_is_unknown():
    request = Request(kinds=("a", "b"), required=("a", "b"))
    pairs = [(COVERED, UNKNOWN), (UNCOVERED, UNKNOWN), (COVERED, COVERED), (NOT_APPLICABLE, NOT_APPLICABLE)]
    found = gis.coverage.circle(request, np.array(pairs, np.uint8))
    assert [chr(letter) for letter in found] == ["k", "u", "c", "-"]


def test_at_a_time_only_what_is_open_counts_and_unread_hours_are_unknown():
    """Monday 12:00: the canteen at 0 is open, that at 1000 m has unreadable hours, a closed one covers nobody."""
    town = replace(
        worlds.street(),
        facilities=towns.care([(0, 0), (1000, 0), (600, 0)], opens=["Mo-Fr 11:00-13:00", "noon-ish", "17:00-19:00"]),
    )
    verdicts = decide(town, Request(kinds=("canteen",), at=datetime.fromisoformat("2026-03-02T12:00")))
    assert letters(verdicts, "standard") == "cccccc" + "kkkkk"
    assert verdicts.hours_unknown == ("f1",)
    assert verdicts.reason.tolist() == [""] * 6 + ["hours_unknown"] * 5
    assert letters(decide(town), "standard") == "c" * 11


def test_on_a_day_counts_what_is_open_at_any_time_of_it():
    """On a Monday both canteens are open at some time, on a Sunday neither."""
    town = replace(
        worlds.street(), facilities=towns.care([(0, 0), (600, 0)], opens=["Mo-Fr 11:00-13:00", "Mo-Sa 17:00-19:00"])
    )
    monday = decide(town, Request(kinds=("canteen",), at=date(2026, 3, 2)))
    assert letters(monday, "standard") == letters(decide(town), "standard")
    assert letters(decide(town, Request(kinds=("canteen",), at=date(2026, 3, 8))), "standard") == "u" * 11


def test_fragile_is_who_flips_with_a_tenth_of_speed():
    """At 1.10 m/s 660 m; a tenth slower 594 m, a tenth faster 726 m: homes from 600 to 720 m are fragile."""
    town = worlds.street(every_m=20)
    verdicts = decide(town)
    assert town.metres[verdicts.fragile[:, 0]].tolist() == [600, 620, 640, 660, 680, 700, 720]


def test_covered_only_over_streets_nobody_has_checked_for_wheels():
    """A street of unrecorded passability: covered on wheels, and marked; on foot nothing is marked."""
    town = worlds.street(length_m=250, every_m=250)
    net = towns.network([(0, 0), (250, 0)], [(0, 1)], wheelchair=0)
    for mobility, marked in (("wheelchair", [True, True]), ("independent", [False, False])):
        verdicts = decide(with_homes(replace(town, net=net), mobility=mobility))
        assert letters(verdicts, "personal") == "cc"
        assert verdicts.through_unknown[:, 0].tolist() == marked


def test_everyone_may_be_asked_to_walk_as_one_profile_or_at_another_speed():
    town = with_homes(worlds.street(every_m=10), mobility="walker")
    for request, reach in (
        (Request(kinds=("canteen",), profile="cane"), 360),
        (Request(kinds=("canteen",), speeds={"walker": 0.30}), 180),
        (Request(kinds=("canteen",), minutes=5), 135),
    ):
        covered = decide(town, request).rules["personal"].letters[:, 0] == COVERED
        assert town.metres[covered].max() == reach // 10 * 10


@pytest.mark.parametrize(
    ("request_", "code"),
    [({"kinds": ()}, "coverage.kinds"), ({"kinds": ("a", "a")}, "coverage.kinds"), ({"minutes": 0}, "coverage.limit"),
     ({"metres": float("nan")}, "coverage.limit"), ({"profile": "runner"}, "coverage.profile"),
     ({"speeds": {"cane": 0.0}}, "coverage.limit")],
)  # fmt: skip
def test_a_request_that_cannot_be_meant_is_refused(request_: dict, code: str):
    with pytest.raises(Invalid, match=code):
        Request(**{"kinds": ("canteen",), **request_})


def test_an_unknown_mobility_is_refused_by_name():
    with pytest.raises(Invalid, match=r"coverage\.mobility.*skates"):
        decide(with_homes(worlds.street(), mobility="skates"))


# Counting -------------------------------------------------------------------------------------------------------------


def counted_town() -> worlds.Town:
    """Six homes of a street in two grids; two elders each; one homebound among them, one institution, one off."""
    town = worlds.street(length_m=1000, every_m=200)
    places = [(0, 0), (200, 0), (400, 0), (800, 0), (1000, 0), (500, 400)]
    people = towns.homes(
        places, ref=list("abcdef"), elders=2, elders_homebound=[0, 1, 0, 0, 0, 0], elders_80=[1, 1, None, 0, 2, 0],
        grid_code=["g1", "g1", "g1", "g2", "g2", "g2"], in_institution=[False] * 4 + [True, False],
    )  # fmt: skip
    return replace(town, households=people)


def test_counts_by_hand():
    """g1: 2 + 1 + 2 elders within 500 m, one stays at home. g2: 2 too far, 2 unknown, 2 in an institution."""
    town = counted_town()
    rows = (
        gis.coverage.aggregate(decide(town), town.households, LEVELS).query("verdict == 'standard'").set_index("code")
    )
    columns = ["households", "elders", "covered", "uncovered", "unknown", "homebound", "institution"]
    assert rows.loc["g1", columns].tolist() == [3, 5, 5, 0, 0, 1, 0]
    assert rows.loc["g2", columns].tolist() == [2, 4, 0, 2, 2, 0, 2]
    assert rows.loc["d", columns].tolist() == [5, 9, 5, 2, 2, 1, 2]
    assert rows.loc["d", ["elder_coverage_rate", "low", "high"]].tolist() == pytest.approx([5 / 7, 5 / 9, 7 / 9])
    assert rows.loc["d", ["elders_80", "covered_80", "unknown_80"]].tolist() == [2, 2, 0]
    assert rows.loc["g1", ["street_code", "community_code", "grid_code"]].tolist() == ["s", "c", "g1"]


@pytest.mark.parametrize("seed", range(4))
def test_children_add_up_to_parents_to_the_last_elder(seed: int):
    """Random people in random grids of random communities: every count of every level sums to the district's."""
    town, rng = worlds.crossing(seed), np.random.default_rng(seed)
    grids = rng.integers(0, 30, len(town.households))
    town = with_homes(
        town, grid_code=grids.astype(str), community_code=(grids // 5).astype(str),
        street_code=(grids // 15).astype(str), elders_80=rng.integers(0, 3, len(grids)),
        living_alone=rng.random(len(grids)) < 0.3,
    )  # fmt: skip
    rows = gis.coverage.aggregate(decide(town, BOTH), town.households, LEVELS)
    names = [name for name in rows.columns if name.startswith(("elders", "covered", "uncovered", "unknown"))]
    names += ["households", "homebound", "institution"]
    sums = rows.groupby(["level", "kind", "verdict"])[names].sum()
    for level in ("grid", "community", "street"):
        pd.testing.assert_frame_equal(sums.loc[level], sums.loc["district"])
    everybody = rows[rows["level"] == "district"]
    total = everybody["elders"] + everybody["homebound"] + everybody["institution"]
    assert (total == town.households["elders"].sum()).all()


@pytest.mark.parametrize("seed", range(3))
def test_counting_only_the_chosen_is_counting_a_town_in_which_only_they_live(seed: int):
    """Second method: the others are left out before anything is decided. `letters` are columns of `count`."""
    town, rng = worlds.crossing(seed), np.random.default_rng(seed)
    town = with_homes(town, grid_code=rng.integers(0, 9, len(town.households)).astype(str))
    chosen = rng.random(len(town.households)) < 0.6
    rolled = gis.aggregates.roll(town.households, {"grid": None, "district": "d"})
    found = gis.aggregates.letters(decide(town, BOTH), gis.aggregates.among(rolled, chosen))
    alone = town.households[chosen].reset_index(drop=True)
    rolled = gis.aggregates.roll(alone, {"grid": None, "district": "d"}, codes=rolled.codes)
    counted = gis.aggregates.count(decide(replace(town, households=alone), BOTH), rolled)
    pd.testing.assert_frame_equal(found, counted[list(found)], check_dtype=False)


def test_a_group_nobody_recorded_is_missing_and_not_nought():
    town = counted_town()
    people = town.households.drop(columns="living_alone").assign(elders_80=[1, 1, 0, None, None, None])
    rows = gis.coverage.aggregate(decide(replace(town, households=people)), people, LEVELS).set_index("code")
    assert rows["elders_alone"].isna().all()
    assert rows.loc["g2", "elders_80"].isna().all()
    assert (rows.loc["g1", "elders_80"] == 2).all()


def test_a_facility_lies_outside_where_that_is_said_whatever_its_street():
    """It stands in the district but in no street: own, and nobody depends on a neighbour."""
    site = towns.care([(1000, 0)]).assign(id="x", street_code="", outside=False)
    town = replace(worlds.street(), facilities=site)
    rows = gis.coverage.aggregate(decide(town), town.households, LEVELS).query("level == 'district'")
    assert rows["outside"].tolist() == [0, 0]


def test_elders_who_depend_on_a_facility_outside_are_counted():
    """The canteen at 1000 m lies in no street of ours: the homes nearest to it depend on it, where covered."""
    town = worlds.street().with_facilities(towns.care([(1000, 0)]).assign(id="x", street_code=None))
    rows = gis.coverage.aggregate(decide(town), town.households, LEVELS).query("level == 'district'")
    assert rows.set_index("verdict")["outside"].to_dict() == {"standard": 5, "personal": 5}


# Manifest -------------------------------------------------------------------------------------------------------------


def test_the_same_inputs_in_another_order_give_the_same_manifest_and_results():
    """Rows of households and facilities shuffled, columns turned round: equal digests, equal verdicts by ref."""
    town = worlds.crossing(5)
    other = replace(town, households=worlds.shuffled(town.households), facilities=worlds.shuffled(town.facilities))
    other = replace(other, households=other.households[other.households.columns[::-1]])
    one, two = (gis.coverage.manifest(t.net, t.facilities, t.households, NO_AREAS, request=BOTH) for t in (town, other))
    assert one == two
    first, second = (decide(t, BOTH).frame().sort_values(["ref", "kind"], ignore_index=True) for t in (town, other))
    pd.testing.assert_frame_equal(first, second)


def test_every_input_shows_in_the_manifest():
    """One household's floor, one facility's place, the limit, the network: each changes its own digest and the sum."""
    town = worlds.crossing(5)

    def digest(town: worlds.Town, request: Request = BOTH) -> dict:
        return gis.coverage.manifest(town.net, town.facilities, town.households, NO_AREAS, request=request)

    floors = town.households["floor"].to_numpy() + np.eye(len(town.households), dtype=int)[0]
    changed = {
        "households": digest(with_homes(town, floor=floors)),
        "facilities": digest(replace(town, facilities=town.facilities.assign(status="closed"))),
        "network": digest(replace(town, net=worlds.crossing(6).net)),
        "parameters": digest(town, replace(BOTH, minutes=15)),
    }
    for name, other in changed.items():
        differing = {key for key in other if other[key] != digest(town)[key]}
        assert differing == {name, "inputs_sha256"}


def test_a_manifest_asks_for_values_and_not_for_types():
    """Counts as Int64, float or object, a flag as bool or boolean: the same digest."""
    town = worlds.crossing(5)
    typed = town.households.astype({"age_max": "Int64", "lift": "boolean", "floor": "float64"})
    one, two = (
        gis.coverage.manifest(town.net, town.facilities, people, NO_AREAS, request=BOTH)
        for people in (town.households, typed)
    )
    assert one == two
