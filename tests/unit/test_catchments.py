"""Catchments on streets whose reach is known, and on a real country."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import shapely

import gis.catchments as catchments
import gis.walking
import gis.walknet
from gis.errors import Invalid
from worlds.towns import CORNER, network


def place(net: gis.walknet.WalkNet, x: float, y: float) -> gis.walknet.Snaps:
    at = np.array([[x + CORNER[0]], [y + CORNER[1]]])
    return gis.walknet.snap(net, *at, usable=np.ones(len(net.u), bool), max_m=200.0)


def lattice(side: int = 21, spacing: float = 100.0) -> gis.walknet.WalkNet:
    """Streets every 100 m both ways; the middle node lies at (1000, 1000)."""
    nodes = [(spacing * (n % side), spacing * (n // side)) for n in range(side * side)]
    east = [(n, n + 1) for n in range(side * side) if n % side < side - 1]
    return network(nodes, east + [(n, n + side) for n in range(side * (side - 1))])


def drawn(net: gis.walknet.WalkNet, x: float, y: float, limit: float, **asked: object) -> shapely.MultiPolygon:
    ground = catchments.raster(net, np.ones(len(net.u), bool), **asked)
    return catchments.draw(gis.walking.in_metres(net, limit=limit + 50), ground, place(net, x, y), limit=limit)


@pytest.fixture(scope="module")
def town() -> gis.walknet.WalkNet:
    return lattice()


def inside(polygon: shapely.MultiPolygon, *places: tuple[float, float]) -> list[bool]:
    return [bool(shapely.contains_xy(polygon, x + CORNER[0], y + CORNER[1])) for x, y in places]


def test_a_street_is_drawn_as_far_as_it_can_be_walked():
    """1 km straight, facility at 500 m, 300 m: from 200 to 800, and 300 - leg to the sides of the middle."""
    net = network([(0, 0), (1000, 0)], [(0, 1)])
    polygon = drawn(net, 500, 0, 300.0)
    west, _, east, _ = polygon.bounds
    assert (west - CORNER[0], east - CORNER[0]) == pytest.approx((200, 800), abs=5)
    assert inside(polygon, (500, 100), (700, 90), (700, 110), (850, 0)) == [True, True, False, False]


def test_the_limit_on_a_grid_of_streets_is_a_diamond(town: gis.walknet.WalkNet):
    """500 m on streets of 100 m: 2 x 500^2 = 500,000 m2 less what the legs take and plus what lies between streets.

    From the middle of a block the leg is at most 50 m, so the area lies between the diamonds of 450 and 550 m. A circle
    of 500 m (785,398 m2) would overstate it by half.
    """
    polygon = drawn(town, 1000, 1000, 500.0)
    assert 2 * 450**2 < polygon.area < 2 * 550**2
    assert inside(polygon, (1490, 1000), (1240, 1240), (1300, 1300), (1510, 1000)) == [True, True, False, False]


def test_what_is_far_by_street_though_near_by_air_is_a_hole():
    """A square ring of streets of 400 m around nothing: its middle is 200 m from any street and stays a hole."""
    net = network([(0, 0), (400, 0), (400, 400), (0, 400)], [(0, 1), (1, 2), (2, 3), (3, 0)])
    polygon = drawn(net, 200, 0, 2000.0)
    assert len(polygon.geoms) == 1
    assert len(polygon.geoms[0].interiors) == 1
    assert inside(polygon, (200, 10), (200, 200)) == [True, False]


def test_a_river_between_two_banks_is_not_crossed():
    """Two streets 60 m apart, joined only 1 km away: the other bank is not drawn, though 60 m off."""
    net = network([(0, 0), (1000, 0), (1000, 60), (0, 60)], [(0, 1), (1, 2), (2, 3)])
    polygon = drawn(net, 0, 0, 300.0)
    assert inside(polygon, (100, 0), (100, 25), (100, 35), (100, 60)) == [True, True, False, False]


def test_one_way_counts_towards_the_facility():
    """The street may only be walked eastwards; the facility in its middle is reached from the west alone."""
    net = network([(0, 0), (500, 0), (1000, 0)], [(0, 1), (1, 2)], oneway=[1, 1])
    assert inside(drawn(net, 500, 0, 300.0), (400, 0), (600, 0)) == [True, False]


def test_water_is_cut_out_and_walls_stop_the_last_leg():
    net = network([(0, 0), (1000, 0)], [(0, 1)])
    pond = shapely.box(*(np.array([480, 20, 520, 60]) + np.tile(CORNER, 2)))
    wall = shapely.linestrings(np.array([(300, -30), (700, -30)]) + CORNER)
    polygon = drawn(net, 500, 0, 300.0, water=[pond], walls=[wall])
    assert polygon.intersection(pond).area == pytest.approx(0, abs=1e-6)
    assert inside(polygon, (500, 40), (540, 40), (500, -20), (500, -60)) == [False, True, True, False]


def test_a_facility_off_the_network_has_an_empty_catchment(town: gis.walknet.WalkNet):
    polygon = drawn(town, 90_000, 0, 500.0)
    assert polygon.is_empty
    assert catchments.measure(polygon, np.zeros(2), np.zeros(2), np.zeros(2, bool)).f1 == 1.0


def test_more_time_never_draws_less(town: gis.walknet.WalkNet):
    areas = [drawn(town, 1000, 1000, limit) for limit in (100.0, 300.0, 500.0)]
    assert all(small.difference(large).area < 1e-6 for small, large in pairwise(areas))


def test_false_in_and_false_out_are_shares_of_the_drawn_and_of_the_reached():
    """A square holds 3 of 5 homes, 2 of them reached; 4 are reached in all: a third false in, half false out."""
    square = shapely.MultiPolygon([shapely.box(0, 0, 10, 10)])
    x = np.array([1.0, 2, 3, 20, 21])
    found = catchments.measure(square, x, np.full(5, 5.0), np.array([True, True, False, True, True]))
    assert (found.drawn, found.reached, found.households) == (3, 4, 5)
    assert (found.false_in, found.false_out) == pytest.approx((1 / 3, 1 / 2))
    assert found.f1 == pytest.approx(2 * 2 / (3 + 4))


@pytest.mark.parametrize(
    ("code", "asked"),
    [("catchments.cell", {"cell_m": 0.0}), ("catchments.too_large", {"cell_m": 0.01})],
)
def test_a_raster_that_cannot_be_is_refused(town: gis.walknet.WalkNet, code: str, asked: dict):
    with pytest.raises(Invalid) as refusal:
        catchments.raster(town, np.ones(len(town.u), bool), **asked)
    assert refusal.value.code == code


@pytest.mark.real
def test_on_a_real_country_the_drawing_agrees_with_the_households(shared_data: Path):
    """Buildings stand in for households and 20 of them for facilities: F1 over all is at least 0.985."""
    import data.ingest.osm
    import gis.crs

    extract = shared_data / "rehearsal" / "liechtenstein.osm.pbf"
    found = data.ingest.osm.walknet(extract)
    net = gis.walknet.from_frames(found.nodes, found.edges, srid=found.srid)
    shapes = data.ingest.osm.buildings(extract).frame.geometry
    x, y = gis.crs.Metric(net.srid).forward(shapes.x.to_numpy(), shapes.y.to_numpy())
    usable = np.ones(len(net.u), bool)
    homes = catchments.Households(x, y, gis.walknet.snap(net, x, y, usable=usable))
    ground, way = catchments.raster(net, usable), gis.walking.in_metres(net, limit=560)
    chosen = np.random.default_rng(7).choice(np.flatnonzero(homes.snaps.ok), 20, replace=False)
    worth = [
        catchments.catchment(way, ground, homes.snaps.take(np.array([home])), homes, limit=500.0).quality
        for home in chosen
    ]
    both = sum(round((1 - one.false_in) * one.drawn) for one in worth)
    assert 2 * both / sum(one.drawn + one.reached for one in worth) >= 0.985
