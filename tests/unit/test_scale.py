"""Tiles on several processes say what one process says, to the last bit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import gis.coverage
import gis.ground
import gis.scale
from gis.coverage import Request
from gis.ground import Ground
from gis.verdicts import Verdicts
from worlds import towns

pytest.importorskip("distributed")

REQUEST = Request(("canteen", "clinic"), minutes=2, metres=120, required=("canteen", "clinic"))


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with gis.scale.connect(workers=2) as made:
        yield made


class AtHome:
    """A client that does the work where it is asked, so that the cut alone can be looked at."""

    def scatter(self, tiles: list, **_options: object) -> list:
        return tiles

    def submit(self, work: Any, tile: object, **_options: object) -> Any:
        return work(tile)

    def gather(self, answers: list) -> list:
        return answers


def ground(seed: int, request: Request = REQUEST, **columns: object) -> Ground:
    town = towns.crossing(seed, size=16, homes_count=300, facilities_count=25)
    sites = town.facilities.assign(**columns)
    return gis.ground.ground(town.net, town.households, facilities=sites, request=request)


def same(one: Verdicts, other: Verdicts) -> None:
    """Every array has the same bytes."""
    assert list(one.rules) == list(other.rules)
    for name, rule in one.rules.items():
        for part in ("letters", "value", "facility"):
            ours, theirs = getattr(rule, part), getattr(other.rules[name], part)
            assert ours.dtype == theirs.dtype
            assert ours.tobytes() == theirs.tobytes(), (name, part)
    for name in ("refs", "profile", "reason", "fragile", "circle_fragile", "through_unknown"):
        assert (getattr(one, name) == getattr(other, name)).all(), name
    assert one.snap_m.tobytes() == other.snap_m.tobytes()
    assert {name: letters.tobytes() for name, letters in one.circle.items()} == {
        name: letters.tobytes() for name, letters in other.circle.items()
    }
    pd.testing.assert_frame_equal(one.facilities, other.facilities)


def test_two_workers_decide_what_one_process_decides(client: Any):
    stand = ground(1)
    same(gis.scale.judge(stand, client=client, tiles=6), gis.coverage.judge(stand))


def test_a_run_is_decided_by_a_scheduler_that_is_already_there(client: Any):
    town = towns.crossing(1, size=16, homes_count=300, facilities_count=25)
    inputs = (town.net, town.households, town.facilities, REQUEST)
    same(gis.scale.decide(*inputs, scheduler=client.scheduler.address), gis.coverage.decide(*inputs))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("tiles", [1, 4, 25])
def test_the_cut_changes_nothing(seed: int, tiles: int):
    """Random towns with one-way streets, steps, an island and doubled edges; rules of policy and delivery included."""
    request = replace(REQUEST, radius_m={"canteen": 200.0})
    stand = ground(seed, request, delivery_mode=["to_home", *["one_stop"] * 24])
    same(gis.scale.judge(stand, client=AtHome(), tiles=tiles), gis.coverage.judge(stand))


def test_slopes_are_cut_with_their_streets():
    town = towns.crossing(1, size=16, homes_count=300, facilities_count=25)
    random, edges = np.random.default_rng(1), len(town.net.u)
    up, down = (random.uniform(0, 5, edges).astype(np.float32) for _ in range(2))
    stand, flat = (
        gis.ground.ground(net, town.households, facilities=town.facilities, request=REQUEST)
        for net in (replace(town.net, up_m=up, down_m=down), town.net)
    )
    same(gis.scale.judge(stand, client=AtHome(), tiles=25), gis.coverage.judge(stand))
    assert not np.array_equal(gis.coverage.judge(stand).seconds, gis.coverage.judge(flat).seconds, equal_nan=True)


def test_a_tile_is_really_a_part():
    """Else the tests above would compare the whole with itself: most tiles of 25 lack some of the streets."""
    stand = ground(1, replace(REQUEST, minutes=0.2, metres=10.0, snap_m=60.0))
    cut = list(gis.scale.split(stand, 25))
    assert sum(len(tile.rows) for tile in cut) == len(stand.profile)
    assert sum(len(tile.net.u) < len(stand.net.u) for tile in cut) > 12
    same(gis.scale.judge(stand, client=AtHome(), tiles=25), gis.coverage.judge(stand))


def test_homes_that_are_nowhere_stay_unknown_in_any_cut():
    town = towns.island()
    stand = gis.ground.ground(town.net, town.households, facilities=town.facilities, request=Request(("canteen",)))
    split = gis.scale.judge(stand, client=AtHome(), tiles=4)
    same(split, gis.coverage.judge(stand))
    assert split.reason.tolist() == ["", "island", "", "off_network", "no_location"]


def test_many_plans_are_counted_alike_by_workers_and_by_one_process(client: Any):
    """And closing everything covers nobody; a plan with everything open covers what `judge` says."""
    stand, random = ground(2), np.random.default_rng(3)
    every = len(stand.facilities)
    plans = [np.zeros(every, bool), np.ones(every, bool), *(random.random((4, every)) < 0.5)]
    weights = random.integers(1, 4, len(stand.profile)).astype(float)
    here = gis.scale.covered(stand, plans, weights=weights)
    city = gis.scale.spread(stand, client=client, tiles=6)
    for _ in range(2):  # the tiles stay where they are
        assert (here == city.covered(plans, weights=weights)).all()
    same(city.judge(), gis.coverage.judge(stand))
    assert (here[0] == 0).all()
    letters = gis.coverage.judge(stand).rules["personal"].letters
    assert (here[1] == weights @ (letters == ord("c"))).all()
    assert here[1].min() > 0


def test_no_households_are_no_tiles():
    stand = ground(1)
    nobody = gis.ground.ground(
        stand.net, towns.homes([]), facilities=towns.care([(0, 0)]), request=Request(("canteen",))
    )
    assert len(gis.scale.judge(nobody, client=AtHome()).refs) == 0


def test_workers_made_here_keep_the_memory_they_work_in(client: Any):
    """Each would else give every array back and have it cleared anew: 300,000 page faults in 20 plans of a city."""
    kept = client.run(_environment, "MALLOC_TRIM_THRESHOLD_")
    assert len(kept) == 2
    assert set(kept.values()) == {str(gis.scale.MEMORY["MALLOC_TRIM_THRESHOLD_"])}
    assert set(client.run(_environment, "OMP_NUM_THREADS").values()) == {"1"}


def _environment(name: str) -> str | None:
    return os.environ.get(name)
