"""Slopes: what a climb costs, in which direction, and where it is known from. Speeds and ratios worked by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import gis.coverage
import gis.explain
import gis.ground
import gis.netedits
import gis.profiles
import gis.slopes
import gis.walking
import gis.walknet
import gis.walkways
import worlds
from worlds import towns

ACTIVE = gis.profiles.PROFILES["active"]
#: exp(3.5 x 0.05), exp(3.5 x 0.10): Tobler's speed on the flat over that at 5 % and 10 % uphill.
AT_5, AT_10 = 1.191246, 1.419068


def ramp(**columns: object) -> gis.walknet.WalkNet:
    """600 m in two edges, the first flat, the second 300 m and 15 m up, that is 5 %."""
    return towns.network([(0, 0), (300, 0), (600, 0)], [(0, 1), (1, 2)], **{"up_m": [0, 15], "down_m": 0, **columns})


def seconds(net: gis.walknet.WalkNet, home_m: float, site_m: float, profile: str = "active") -> float:
    """From one place of the street to another."""
    x = np.array([home_m, site_m]) + towns.CORNER[0]
    at = gis.walknet.snap(net, x, np.full(2, towns.CORNER[1]), usable=np.ones(len(net.u), bool))
    way = gis.walking.in_seconds(net, gis.profiles.PROFILES[profile], limit=3000)
    return float(gis.walking.to_nearest(way, at.take([0]), at.take([1]), limit=3000)[0][0])


def test_five_per_cent_uphill_takes_a_fifth_longer_and_downhill_no_less_than_on_the_flat():
    """Tobler's ratios of `facts`: +5 % 0.840, +10 % 0.705 of the flat speed; -5 % would be 1.191 and is taken as 1.
    At -20 % it is exp(3.5 x (0.15 - 0.05)): as slow as at +10 %."""
    assert gis.slopes.pace([0, 0.05, 0.10]).tolist() == pytest.approx([1, AT_5, AT_10], rel=1e-6)
    assert (1 / gis.slopes.pace([0.05, 0.08, 0.10])).tolist() == pytest.approx([0.840, 0.756, 0.705], abs=1e-3)
    assert gis.slopes.pace([-0.05, -0.10, -0.20]).tolist() == pytest.approx([1, 1, AT_10])


def test_up_a_ramp_is_slower_than_down_it():
    """From 0 to 600: 300 / 1.1 flat and 300 / 1.1 x 1.191 up. Back: 600 / 1.1. On one edge, 330 to 570 and back."""
    up, flat = 300 / 1.1 * AT_5, 300 / 1.1
    assert seconds(ramp(), 0, 600) == pytest.approx(flat + up, abs=1e-3)
    assert seconds(ramp(), 600, 0) == pytest.approx(2 * flat, abs=1e-3)
    assert seconds(ramp(), 330, 570) == pytest.approx(0.8 * up, abs=1e-3)
    assert seconds(ramp(), 570, 330) == pytest.approx(0.8 * flat, abs=1e-3)
    assert seconds(ramp(), 150, 450) == pytest.approx(0.5 * (flat + up), abs=1e-3)


def test_an_edge_drawn_downhill_is_climbed_against_its_direction():
    """The same ramp with its second edge drawn from the top: what it descends is climbed the other way."""
    turned = towns.network([(0, 0), (300, 0), (600, 0)], [(0, 1), (2, 1)], up_m=0, down_m=[0, 15])
    for pair in ((0, 600), (600, 0), (330, 570), (570, 330), (150, 450)):
        assert seconds(turned, *pair) == pytest.approx(seconds(ramp(), *pair), abs=1e-5)


def test_up_and_down_on_one_edge_is_half_of_each():
    """200 m over a hump of 10 m: 100 m at +10 % and 100 m at -10 %, which is as fast as flat."""
    hump = towns.network([(0, 0), (200, 0)], [(0, 1)], up_m=10, down_m=10)
    assert seconds(hump, 0, 200) == pytest.approx((100 * AT_10 + 100) / 1.1, abs=1e-3)


def test_the_standard_verdict_knows_metres_only_and_steps_and_lifts_are_not_climbed_twice():
    assert seconds(ramp(), 0, 600, "standard") == pytest.approx(720, abs=1e-3)
    for mark in ({"steps": [0, 10]}, {"lift": [False, True]}):
        parts = gis.profiles.edge_parts(ramp(**mark), ACTIVE)
        assert parts["slopes"].tolist() == [0, 0]


def test_a_flat_network_is_the_same_to_the_bit_with_and_without_heights():
    """Digest, costs, and every verdict of a town with one-way streets."""
    town = worlds.crossing(3)
    net = town.net
    columns = {
        name: getattr(net, name) for name in ("u", "v", *gis.walknet.EDGE_FIELDS) if name not in gis.walknet.CLIMBS
    }
    bare = gis.walknet.from_arrays(net.x, net.y, srid=net.srid, coords=net.coords, offsets=net.offsets, **columns)
    assert bare.sha256 == net.sha256
    assert not bare.sloped
    way = gis.walking.in_seconds(bare, ACTIVE, limit=1800)
    assert way.back is way.cost
    assert "slopes" not in gis.profiles.edge_parts(bare, ACTIVE)


def test_a_network_of_equal_climbs_both_ways_agrees_with_one_of_longer_edges():
    """Second method: as much up as down on every edge makes each take the same longer time in both directions, so
    adding that many metres to a flat network gives the same seconds."""
    town = worlds.crossing(5)
    height = np.full(len(town.net.u), 2.0, np.float32)
    hilly = replace(town.net, up_m=height, down_m=height)
    metres = town.net.metres + np.where(
        (town.net.steps != 0) | town.net.lift, 0.0, gis.slopes.longer(town.net.metres, height, height)
    )
    request = gis.coverage.Request(("canteen",), profile="active", metres=500)
    found = [
        gis.coverage.decide(net, town.households, town.facilities, request).seconds
        for net in (hilly, replace(town.net, metres=metres))
    ]
    near = np.isfinite(found[0]) & np.isfinite(found[1])
    assert near.any()
    assert np.allclose(found[0][near], found[1][near], atol=1e-3)


def test_a_cut_edge_shares_its_climb_out_by_length():
    at = gis.walknet.snap(ramp(), np.array([towns.CORNER[0] + 400.0]), np.array([towns.CORNER[1]]),
                          usable=np.ones(2, bool))  # fmt: skip
    net, _ = gis.netedits.cut(ramp(), at)
    assert net.up_m.tolist() == pytest.approx([0, 5, 10])
    assert seconds(net, 0, 600) == pytest.approx(seconds(ramp(), 0, 600), abs=1e-3)


def test_the_explanation_names_the_seconds_lost_to_slopes():
    """Home at 0, canteen at 600: 52.2 s of the walk are the ramp; the other way round there are none."""
    for home, site, lost in ((0, 600, 300 / 1.1 * (AT_5 - 1)), (600, 0, 0)):
        people = towns.homes([(home, 0)])
        request = gis.coverage.Request(("canteen",), minutes=15)
        stand = gis.ground.ground(ramp(), people, facilities=towns.care([(site, 0)]), request=request)
        told = gis.explain.explain(stand, "h0", "canteen")
        assert told.walks[0].seconds["slopes"] == pytest.approx(lost, abs=1e-3)
        assert sum(told.walks[0].seconds.values()) == pytest.approx(told.walks[0].total_s, abs=1e-3)


def test_inclines_are_read_as_openstreetmap_writes_them():
    """10 degrees are tan 10 = 17.6 %; `up`, nothing and words say no number."""
    said = pd.Series(["5%", "-3 %", "4.5", "10°", "up", "", None])
    assert gis.slopes.tagged(said)[:4].tolist() == pytest.approx([0.05, -0.03, 0.045, 0.176327])
    assert np.isnan(gis.slopes.tagged(said)[4:]).all()


def test_a_stated_incline_goes_before_heights_and_what_no_street_is_counts_as_the_steepest():
    """100 m: 5 % up; 20 m up by its ends; one end known only is flat; 80 m up in 100 are taken as 35."""
    heights = np.array([[0, 20], [0, 20], [np.nan, 20], [80, 0]])
    up, down = gis.slopes.climbs(np.full(4, 100.0), np.array([0.05, np.nan, np.nan, np.nan]), heights)
    assert up.tolist() == [5, 20, 0, 0]
    assert down.tolist() == [0, 0, 0, 35]


def test_ways_with_inclines_and_vertices_with_heights_become_edges_that_climb():
    """Two ways of one degree's thousandth, about 111 m, due north: one states -10 %, the other ends at 4 m and 10 m."""
    vertices = gis.walkways.Vertices(
        np.array([1, 2, 3]), np.full(3, 113.2), np.array([23.1, 23.101, 23.102]), np.array([2, 3]),
        pd.DataFrame({"ele": ["4", "10"]}),
    )  # fmt: skip
    ways = gis.walkways.Ways(np.array([7, 8]), pd.DataFrame({"highway": ["footway"] * 2, "incline": ["-10%", None]}),
                             np.array([1, 2, 2, 3]), np.array([0, 2, 4]))  # fmt: skip
    made = gis.walkways.build(ways, vertices).edges
    assert made["up_m"].tolist() == pytest.approx([0, 6])
    assert made["down_m"].tolist() == pytest.approx([made["metres"][0] / 10, 0], rel=1e-6)


def test_an_edge_without_length_climbs_nothing():
    assert gis.slopes.longer(np.array([0.0, 10.0]), [5, 0], [0, 0]).tolist() == [0, 0]
