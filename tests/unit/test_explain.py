"""Why a verdict is as it is: the walk can be followed on the map and added up by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import gis.coverage
import gis.crs
import gis.ground
import worlds
from gis.coverage import Request
from gis.errors import Invalid, NotFound
from gis.explain import explain
from worlds import towns


def stand(town: worlds.Town, **request: object) -> gis.ground.Ground:
    return gis.ground.ground(
        town.net, town.households, facilities=town.facilities, request=Request(kinds=("canteen", "clinic"), **request)
    )


def with_homes(town: worlds.Town, **columns: object) -> worlds.Town:
    return replace(town, households=town.households.assign(**columns))


def test_the_parts_of_a_walk_over_a_footbridge_add_up():
    """100 m at 1.10 m/s is 90.9 s, 40 steps at 0.5 s are 20 s, one signal 33.75 s: 144.7 s beat 364 s round."""
    found = explain(stand(worlds.stairs()), "h0", "canteen")
    walk = found.walks[0]
    assert walk.seconds["walking"] == pytest.approx(100 / 1.10)
    assert (walk.seconds["steps"], walk.seconds["signals"]) == pytest.approx((20, 33.75))
    assert walk.total_s == pytest.approx(sum(walk.seconds.values()), abs=1e-3)
    assert walk.total_s == pytest.approx(100 / 1.10 + 20 + 33.75, abs=1e-3)
    assert found.margin_s == pytest.approx(600 - walk.total_s)
    assert found.cause == ""


def test_a_walker_goes_round_the_footbridge():
    """400 m at 0.45 m/s: 888.9 s, too late by far, and no single part is to blame."""
    town = worlds.stairs()
    found = explain(
        stand(worlds.Town(town.net, town.households.assign(mobility="walker"), town.facilities)), "h0", "canteen"
    )
    assert found.walks[0].total_s == pytest.approx(400 / 0.45, abs=1e-3)
    assert found.cause == "too_far"


def test_five_floors_without_a_lift_are_the_cause():
    """450 m at 0.90 m/s is 500 s; five storeys at 25 s make 625 s: without them it would do."""
    town = with_homes(worlds.street(length_m=500, every_m=450), age_max=80, floor=6, lift=False)
    found = explain(stand(town), "h1", "canteen")
    assert found.walks[0].seconds["floors"] == 125
    assert found.walks[0].total_s == pytest.approx(625, abs=1e-3)
    assert found.cause == "floors"


def test_a_wheelchair_upstairs_without_a_lift_goes_nowhere():
    found = explain(stand(with_homes(worlds.street(), mobility="wheelchair", floor=2, lift=False)), "h0", "canteen")
    assert (found.cause, found.walks) == ("stairs_at_home", ())


@pytest.mark.parametrize("seed", range(8))
def test_every_walk_costs_what_was_decided_and_leads_to_the_facility(seed: int):
    """Random towns: time by parts equals the verdict's time, the line starts at home and ends at the facility."""
    town = worlds.crossing(seed)
    ground = stand(town)
    verdicts = gis.coverage.judge(ground)
    metric = gis.crs.Metric(towns.SRID)
    for row, ref in enumerate(verdicts.refs):
        for j, kind in enumerate(verdicts.kinds):
            found = explain(ground, ref, kind)
            assert bool(found.walks) == bool(np.isfinite(verdicts.seconds[row, j]))
            if not found.walks:
                continue
            walk = found.walks[0]
            assert walk.facility_id == verdicts.facility_ids[row, j]
            assert walk.total_s == pytest.approx(verdicts.seconds[row, j], abs=1e-3)
            assert sum(walk.seconds.values()) == pytest.approx(walk.total_s, abs=1e-3)
            ends = np.array([walk.line.coords[0], walk.line.coords[-1]])
            x, y = metric.forward(ends[:, 0], ends[:, 1])
            site = ground.facilities.index[ground.facilities["id"] == walk.facility_id][0]
            assert np.allclose(x, [ground.homes.x[row], ground.sites.x[site]], atol=1e-5)
            assert np.allclose(y, [ground.homes.y[row], ground.sites.y[site]], atol=1e-5)
            assert [other.total_s for other in found.walks] == sorted(other.total_s for other in found.walks)


def test_who_is_not_there_or_walks_nowhere_is_refused():
    town = worlds.street()
    ground = stand(town)
    with pytest.raises(NotFound, match=r"coverage\.household"):
        explain(ground, "nobody", "canteen")
    with pytest.raises(Invalid, match=r"coverage\.kind"):
        explain(ground, "h0", "swimming")
    home = stand(
        worlds.Town(town.net, town.households.assign(mobility="homebound", elders_homebound=1), town.facilities)
    )
    with pytest.raises(Invalid, match=r"coverage\.profile"):
        explain(home, "h0", "canteen")
