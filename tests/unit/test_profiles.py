"""Who walks how fast, over what, and what stairs and signals cost them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import gis.profiles
from gis.errors import Invalid
from gis.profiles import PROFILES
from worlds import towns


def test_every_profile_names_its_source_and_says_how_sure_it_is():
    assert {"standard", "active", "age75", "age85", "cane", "walker", "wheelchair", "wheelchair_escorted"} <= set(
        PROFILES
    )
    for name, profile in PROFILES.items():
        assert profile.name == name
        assert profile.source
        assert profile.label_zh
        assert profile.confidence in {"high", "to be calibrated"}


def test_the_standard_is_500_metres_in_600_seconds():
    assert PROFILES["standard"].speed_m_s * 600 == pytest.approx(500)


@pytest.mark.parametrize(
    ("mobility", "age", "expected"),
    [("independent", 60, "active"), ("independent", 74, "active"), ("independent", 75, "age75"),
     ("independent", 84, "age75"), ("independent", 85, "age85"), ("independent", None, "age75"), ("cane", 62, "cane"),
     ("walker", 90, "walker"), ("wheelchair", 70, "wheelchair"), ("wheelchair_escorted", 70, "wheelchair_escorted")],
)  # fmt: skip
def test_a_household_walks_as_its_least_mobile_member_who_goes_out(mobility: str, age: int | None, expected: str):
    people = towns.homes([(0, 0)], mobility=mobility, age_max=pd.array([age], dtype="Int64"))
    assert gis.profiles.of_households(people).tolist() == [expected]


def test_age_may_be_missing_altogether():
    people = towns.homes([(0, 0)]).drop(columns="age_max")
    assert gis.profiles.of_households(people).tolist() == ["age75"]


def test_edges_by_profile():
    """Five edges of 90 m: plain; 10 steps; uncounted steps; closed to wheels; steps with a lift.

    At 0.90 m/s each takes 100 s; 10 steps at 0.7 s add 7 s; 90 m at 0.30 m a step are 300 steps, 210 s; a lift 30 s.
    """
    x = np.arange(6) * 90.0
    special = [{}, {"steps": 10}, {"steps": -1}, {"wheelchair": -1}, {"steps": 30, "lift": True, "wheelchair": 0}]
    net = towns.network([(east, 0) for east in x], [(i, i + 1, own) for i, own in enumerate(special)], wheelchair=0)
    seconds = {name: gis.profiles.edge_seconds(net, PROFILES[name]) for name in PROFILES}
    assert seconds["age75"] == pytest.approx([100, 107, 310, 100, 130])
    assert np.isfinite(seconds["walker"]).tolist() == [True, False, False, True, True]
    assert np.isfinite(seconds["wheelchair"]).tolist() == [True, False, False, False, True]
    assert seconds["standard"] == pytest.approx(np.full(5, 108))


def test_a_signal_costs_its_share_of_a_wait():
    """(120 - 30)^2 / (2 * 120) = 33.75 s; an edge that carries half a crossing costs half of it."""
    net = towns.network([(0, 0), (90, 0)], [(0, 1, {"signals": 0.5})])
    assert gis.profiles.edge_seconds(net, PROFILES["age75"]) == pytest.approx([100 + 33.75 / 2])


@pytest.mark.parametrize(
    ("floor", "lift", "seconds"),
    [(1, False, 0), (8, False, 175), (8, True, 0), (8, None, 0), (None, False, 0), (-1, False, 25)],
)
def test_storeys_are_counted_from_the_ground_floor(floor: int | None, lift: bool | None, seconds: float):
    """25 s a storey at 75-84: the eighth floor is seven storeys up, -1 is one storey down."""
    people = towns.homes([(0, 0)], floor=pd.array([floor], "Int64"), lift=pd.array([lift], "boolean"))
    assert gis.profiles.floor_seconds(people, PROFILES["age75"]).tolist() == [seconds]


def test_stairs_at_home_stop_a_wheelchair_only_above_ground():
    people = towns.homes([(0, 0), (0, 0)], floor=[1, 2])
    assert gis.profiles.floor_seconds(people, PROFILES["wheelchair"]).tolist() == [0, np.inf]


def test_an_unknown_profile_is_refused_with_those_there_are():
    with pytest.raises(Invalid, match=r"coverage\.profile.*cane"):
        gis.profiles.find("runner")
