"""Laws of coordinates that hold for every point."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import gis.crs

# The box of the formula is 72.004 to 137.8347 by 0.8293 to 55.8271; its edge, where half a kilometre leads out of the
# box or into it, is left out.
LON, LAT = st.floats(72.1, 137.7), st.floats(0.9, 55.7)
DATUMS = st.sampled_from(gis.crs.DATUMS)


@given(lon=LON, lat=LAT, datum=DATUMS)
def test_to_a_datum_and_back_is_nothing(lon: float, lat: float, datum: str):
    back = gis.crs.to_wgs84(*gis.crs.from_wgs84(lon, lat, datum), datum)
    assert np.abs(np.array(back) - [lon, lat]).max() < 1e-9


@given(lon=LON, lat=LAT, datum=DATUMS)
def test_back_from_a_datum_and_there_again_is_nothing(lon: float, lat: float, datum: str):
    there = gis.crs.from_wgs84(*gis.crs.to_wgs84(lon, lat, datum), datum)
    assert np.abs(np.array(there) - [lon, lat]).max() < 1e-9


@given(lon=LON, lat=LAT)
def test_the_shift_is_never_small_and_never_beyond_two_kilometres(lon: float, lat: float):
    east, north = np.array(gis.crs.from_wgs84(lon, lat, "gcj02")) - [lon, lat]
    metres = np.hypot(east * 111.32e3 * np.cos(np.radians(lat)), north * 110.75e3)
    assert 10 < metres < 2000


@given(points=st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), max_size=20), datum=DATUMS)
def test_many_points_move_as_each_does_alone(points: list[tuple[float, float]], datum: str):
    pairs = np.array(points, dtype=float).reshape(-1, 2)
    together = np.column_stack(gis.crs.to_wgs84(*pairs.T, datum))
    alone = [gis.crs.to_wgs84(lon, lat, datum) for lon, lat in pairs]
    assert np.array_equal(together, np.array(alone, dtype=float).reshape(-1, 2))


@given(lon=st.floats(-179.9, 179.9), lat=st.floats(-79.9, 83.9))
def test_metres_lead_back_to_the_place_everywhere(lon: float, lat: float):
    metric = gis.crs.metric(lon, lat)
    back = metric.inverse(*metric.forward(lon, lat))
    assert np.abs(np.array(back) - [lon, lat]).max() < 1e-9
