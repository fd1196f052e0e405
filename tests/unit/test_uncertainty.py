"""A band that is reproducible, wide where people differ, and a table that names what moves the figure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import gis.ground
import gis.uncertainty
import worlds
from gis.coverage import Request
from worlds import towns

CANTEEN = Request(kinds=("canteen",))


def stand(town: worlds.Town) -> gis.ground.Ground:
    return gis.ground.ground(town.net, town.households, facilities=town.facilities, request=CANTEEN)


def test_the_same_seed_gives_the_same_band_and_another_one_another():
    town = stand(worlds.street(every_m=20))
    first, again, other = (gis.uncertainty.band(town, seed=seed, draws=50) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_the_band_holds_the_rate_and_widens_with_its_level():
    """51 homes on 1 km, 34 of them within 660 m: the rate is 34 / 51, the wider band holds the narrower."""
    town = stand(worlds.street(every_m=20))
    narrow, wide = (gis.uncertainty.band(town, seed=1, level=level)[0] for level in (0.5, 0.95))
    assert narrow.rate == pytest.approx(34 / 51)
    assert wide.low < narrow.low < narrow.median < narrow.high < wide.high
    assert wide.low < narrow.rate < wide.high


def test_homes_at_the_door_are_sure_and_homes_far_away_as_well():
    """All at 20 m or all at 1,000 m of the canteen: no draw of speed or place moves them over 600 s."""
    for metres, rate in ((20.0, 1.0), (1000.0, 0.0)):
        town = replace(worlds.street(), households=towns.homes([(metres, 0)] * 40, age_max=80))
        found = gis.uncertainty.band(stand(town), seed=3, draws=50)[0]
        assert (found.rate, found.median) == (rate, rate)


def test_nobody_decided_has_no_band():
    town = worlds.street()
    found = gis.uncertainty.band(stand(replace(town, households=towns.homes([None, None]))), seed=1, draws=5)[0]
    assert np.isnan([found.rate, found.low, found.median, found.high]).all()


def test_speed_moves_a_flat_street_and_stairs_do_not():
    """20 % of speed: 528 and 792 m of 660. No step, signal or storey stands on a flat street at ground level."""
    table = gis.uncertainty.sensitivity(stand(worlds.street(every_m=20))).set_index("factor")
    assert table.index[0] == "speed"
    assert table.loc["speed", ["low", "rate", "high"]].tolist() == pytest.approx([27 / 51, 34 / 51, 40 / 51])
    assert table.loc[["steps", "signals", "floors", "unknown"], "swing"].tolist() == [0, 0, 0, 0]


def test_the_unknown_are_a_factor_of_their_own():
    """Two homes of five are joined in `worlds.island`, both covered: between 2 / 5 and 5 / 5."""
    table = gis.uncertainty.sensitivity(stand(worlds.island())).set_index("factor")
    assert table.loc["unknown", ["rate", "low", "high"]].tolist() == pytest.approx([1, 2 / 5, 1])
