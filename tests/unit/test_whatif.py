"""Trying changes: the quick way says what deciding everything anew says, and leaves nothing behind."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

import gis.aggregates
import gis.coverage
import gis.crs
import gis.ground
import gis.whatif
import worlds
from gis import scenarios
from gis.coverage import Request
from gis.errors import Invalid, NotFound
from gis.scenarios import Add, Change, Close, ClosePath, Hours, Move, OpenPath, Resize, Speed
from worlds import towns

BOTH = Request(
    kinds=("canteen", "clinic"), required=("canteen", "clinic"), radius_m={"canteen": 150.0, "clinic": 250.0}
)


def degrees(east: float, north: float) -> tuple[float, float]:
    lon, lat = gis.crs.Metric(towns.SRID).inverse([towns.CORNER[0] + east], [towns.CORNER[1] + north])
    return float(lon[0]), float(lat[0])


def board(town: worlds.Town, request: Request = BOTH) -> gis.whatif.Board:
    stand = gis.ground.ground(town.net, town.households, facilities=town.facilities, request=request)
    rolled = gis.aggregates.roll(town.households, {"grid": None, "district": "d"})
    return gis.whatif.Board(stand, gis.coverage.judge(stand), rolled)


def changes(rng: np.random.Generator, town: worlds.Town) -> list[Change]:
    """One to three random changes to different facilities."""
    ids = rng.permutation(town.facilities["id"].to_numpy())
    every: list[Change] = [
        Add("new", str(rng.choice(["canteen", "clinic"])), *degrees(*rng.uniform(0, 600, 2))),
        Close(str(ids[0])),
        Move(str(ids[1]), *degrees(*rng.uniform(0, 600, 2))),
    ]
    return [change for change in every if rng.random() < 0.7]


@pytest.mark.parametrize("seed", range(12))
def test_a_preview_equals_deciding_everything_anew(seed: int):
    """Random towns, several rounds on one board: letters, and gains and losses by area, are those of two full runs."""
    town, rng = worlds.crossing(seed), np.random.default_rng(seed)
    codes = rng.integers(0, 6, len(town.households)).astype(str)
    town = replace(town, households=town.households.assign(grid_code=codes))
    tried = board(town)
    for _ in range(5):
        wanted = changes(rng, town)
        found = gis.whatif.preview(tried, wanted)
        after = gis.coverage.decide(town.net, town.households, scenarios.facilities(town.facilities, wanted), BOTH)
        assert found.letters.keys() == {"standard", "personal", "policy"}
        for rule, letters in found.letters.items():
            assert (letters == after.rules[rule].letters).all()
        expected = gis.whatif.compare(tried.verdicts, after, tried.rolled)
        columns = ["level", "kind", "verdict", "code"]
        pd.testing.assert_frame_equal(
            *(frame.sort_values(columns, ignore_index=True) for frame in (found.areas, expected)), check_dtype=False
        )


def test_only_what_comes_goes_or_moves_and_is_walked_to_is_tried_quickly():
    """Speeds, paths, sizes and hours change more than a search; so does what comes to the home, or may be shut."""
    town = worlds.crossing(3)
    tried, first = board(town), str(town.facilities["id"].iloc[0])
    here = degrees(0, 0)
    assert gis.whatif.quick(tried, [Add("a", "canteen", *here), Close(first)])
    assert gis.whatif.quick(tried, [Move(first, *here)])
    slow: list[Change] = [
        Speed("walker", 0.5), ClosePath(0), OpenPath(*here, *here), Resize(first, 3), Hours(first, "24/7"),
        Close("nowhere"), Add("a", "canteen", *here, delivery_mode="to_home"), Add("a", "canteen", *here, opens="24/7"),
    ]  # fmt: skip
    assert not any(gis.whatif.quick(tried, [change]) for change in slow)
    unread = replace(town, facilities=town.facilities.assign(opens="whenever"))
    at_noon = replace(BOTH, at=datetime(2026, 1, 5, 12, tzinfo=UTC))
    assert not gis.whatif.quick(board(unread, at_noon), [Add("a", "canteen", *here)])


def test_a_preview_leaves_the_board_as_it_was():
    """The kept labels have the same bits before and after, whatever was tried."""
    town, rng = worlds.crossing(2), np.random.default_rng(2)
    tried = board(town)
    gis.whatif.preview(tried, [Add("a", "canteen", *degrees(0, 0)), Add("b", "clinic", *degrees(0, 0))])
    before = {key: kept.field.label.copy() for key, kept in tried._standing.items()}
    for _ in range(20):
        gis.whatif.preview(tried, changes(rng, town))
    assert before.keys() == tried._standing.keys()
    assert all((before[key] == kept.field.label).all() for key, kept in tried._standing.items())


def test_one_more_canteen_on_a_street_by_hand():
    """Homes each 100 m of 1 km, the canteen at 0 reaches 500 m; one more at 1000 m gains the other five, loses none."""
    found = gis.whatif.preview(
        board(worlds.street(), Request(kinds=("canteen",))), [Add("n", "canteen", *degrees(1000, 0))]
    )
    row = found.areas.query("level == 'district' and verdict == 'standard'").iloc[0]
    assert row[["covered", "covered_before", "gained", "lost"]].tolist() == [11, 6, 5, 0]


def test_changes_are_values_that_can_be_stored():
    every: list[Change] = [
        Add("x", "canteen", 113.2, 23.1, 40), Close("a"), Move("a", 113.0, 23.0), Resize("a", 12), Hours("a", "24/7"),
        ClosePath(3), OpenPath(113.0, 23.0, 113.1, 23.0), Speed("cane", 0.5),
    ]  # fmt: skip
    assert [scenarios.from_dict(scenarios.to_dict(change)) for change in every] == every


def test_a_canteen_as_a_shell_writes_it():
    assert scenarios.parse_add("canteen@113.24,23.12:60", "n1") == Add("n1", "canteen", 113.24, 23.12, 60)
    for text in ("canteen", "canteen@113.24", "canteen@200,23", "canteen@a,b", "canteen@1..2,3"):
        with pytest.raises(Invalid, match=r"scenarios\.change"):
            scenarios.parse_add(text, "n1")


def test_facilities_change_in_a_copy():
    town = worlds.street()
    before = town.facilities.copy()
    after = scenarios.facilities(town.facilities, [Resize("f0", 9), Hours("f0", "24/7"), Close("f0")])
    assert after.iloc[0][["capacity", "opens", "status"]].tolist() == [9, "24/7", "closed"]
    pd.testing.assert_frame_equal(town.facilities, before)


@pytest.mark.parametrize("change", [Close("nobody"), Move("nobody", 113.0, 23.0), Resize("nobody", 3)])
def test_what_is_not_there_cannot_change(change: Change):
    with pytest.raises(NotFound, match=r"scenarios\.facility"):
        scenarios.facilities(worlds.street().facilities, [change])


def test_a_new_path_shortens_the_walk_and_a_closed_one_lengthens_it():
    """Round the block 400 m; a path straight across, from the home's corner to the canteen's, is 100 m."""
    town = worlds.stairs()
    people = town.households.assign(mobility="walker")
    opened = scenarios.network(town.net, [OpenPath(*degrees(0, 0), *degrees(100, 0))])
    closed = scenarios.network(town.net, [ClosePath(0)])
    metres = [
        gis.coverage.decide(net, people, town.facilities, Request(kinds=("canteen",))).seconds[0, 0] * 0.45
        for net in (town.net, opened, closed)
    ]
    assert metres == pytest.approx([400, 100, 400], abs=1e-3)
    standard = gis.coverage.decide(closed, people, town.facilities, Request(kinds=("canteen",))).metres
    assert standard[0, 0] == pytest.approx(400, abs=1e-3)
    with pytest.raises(NotFound, match=r"scenarios\.edge"):
        scenarios.network(town.net, [ClosePath(99)])


def test_a_path_partway_along_two_streets_joins_them_there():
    """Parallel streets 100 m apart, joined at the west end only; a path at 400 m makes 100 m of 900 m."""
    net = towns.network([(0, 0), (500, 0), (0, 100), (500, 100)], [(0, 1), (2, 3), (0, 2)])
    town = worlds.Town(net, towns.homes([(400, 0)]), towns.care([(400, 100)]))
    request = Request(kinds=("canteen",))
    opened = scenarios.network(net, [OpenPath(*degrees(400, 0), *degrees(400, 100))])
    found = [gis.coverage.decide(n, town.households, town.facilities, request).metres[0, 0] for n in (net, opened)]
    assert found == pytest.approx([900, 100], abs=1e-3)


def test_a_speed_is_a_change_of_the_request():
    assert scenarios.request(BOTH, [Speed("cane", 0.5)]).walker("cane").speed_m_s == 0.5
    assert scenarios.request(BOTH, []) == BOTH
