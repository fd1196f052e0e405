"""What a verdict means, on towns that can be checked by hand."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import worlds
from worlds import second_method, towns

import gis.coverage
import gis.ground
import gis.profiles
from gis.coverage import Request
from gis.errors import Invalid

CANTEEN = Request(kinds=("canteen",))
BOTH = Request(kinds=("canteen", "clinic"), required=("canteen", "clinic"))


def decide(town: worlds.Town, request: Request = CANTEEN) -> gis.coverage.Verdicts:
    return gis.coverage.decide(town.net, town.households, town.facilities, request)


def test_metres_along_a_straight_street():
    """1 km, a home every 100 m, the canteen at one end: exactly the homes at 0 to 500 m meet the standard."""
    town = worlds.street()
    verdicts = decide(town)
    assert verdicts.metres[:, 0] == pytest.approx(town.metres, abs=1e-6)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", ["standard", "active", "cane", "walker", "wheelchair"])
def test_costs_equal_networkx_on_really_cut_edges(seed: int, name: str):
    """Random towns with one-way streets, steps, doubled edges and an island: every home, within 1e-3."""
    town = worlds.crossing(seed)
    verdicts = decide(town, Request(kinds=("canteen", "clinic"), profile=name))
    profile = gis.profiles.PROFILES[name]
    homes, cost = gis.ground.places(town.households, towns.SRID), gis.profiles.edge_seconds(town.net, profile)
    for j, kind in enumerate(("canteen", "clinic")):
        sites = gis.ground.places(town.facilities[town.facilities["kind"] == kind], towns.SRID)
        expected = second_method.costs(
            town.net,
            np.column_stack([homes.x, homes.y]),
            np.column_stack([sites.x, sites.y]),
            cost=cost,
            speed=profile.speed_m_s,
        ) + gis.profiles.floor_seconds(town.households, profile)
        near = ~(expected > 1800)
        assert np.allclose(verdicts.seconds[near, j], expected[near], atol=1e-3, equal_nan=True)
        assert np.isinf(verdicts.seconds[~near, j]).all()
