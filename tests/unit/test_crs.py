"""The Chinese datums and the projections: figures worked by hand, or by real outlines that somebody else converted."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import shapely

import gis.crs
from gis.errors import Invalid


def test_shamian_moves_by_what_was_measured():
    """The README of the real input: at 113.2385E 23.1075N GCJ-02 lies +0.005324 degrees east, -0.002687 north."""
    lon, lat = gis.crs.from_wgs84(113.2385, 23.1075, "gcj02")
    assert float(lon) - 113.2385 == pytest.approx(0.005324, abs=5e-7)
    assert float(lat) - 23.1075 == pytest.approx(-0.002687, abs=5e-7)


def test_liwan_moves_by_about_622_metres():
    """The shift east is 0.005324 x 111.32 km x cos 23.1, south 0.002687 x 110.75 km: sqrt(545^2 + 298^2) = 621.3 m."""
    lon, lat = np.meshgrid(np.linspace(113.18, 113.26, 20), np.linspace(23.04, 23.15, 20))
    metres = _metres(lon, lat, *gis.crs.from_wgs84(lon, lat, "gcj02"))
    assert math.hypot(0.005324 * 111.32e3 * math.cos(math.radians(23.1)), 0.002687 * 110.75e3) == pytest.approx(
        621, abs=1
    )
    assert metres.mean() == pytest.approx(621.5, abs=1)
    assert (metres > 619).all()
    assert (metres < 626).all()


def test_baidu_adds_its_own_offset_to_gcj02():
    """BD-09 is GCJ-02 plus (0.0065, 0.006) degrees, up to a ripple of 0.00002 degrees and a turn of 3e-6."""
    east, north = (b - g for b, g in zip(_at("bd09"), _at("gcj02"), strict=True))
    assert east == pytest.approx(0.0065, abs=0.0005)
    assert north == pytest.approx(0.0060, abs=0.0005)


@pytest.mark.real
def test_the_published_outline_of_liwan_comes_home(shared_data: Path):
    """The same outline as published (GCJ-02) and as converted by others, rounded to 7 decimals: half a unit is 5e-8."""
    published, converted = (_outline(shared_data / f"liwan_district{name}.geojson") for name in ("_gcj02", ""))
    lon, lat = gis.crs.to_wgs84(*published.T, "gcj02")
    assert np.abs(np.column_stack([lon, lat]) - converted).max() <= 5e-8


@pytest.mark.real
def test_the_published_outline_is_half_a_kilometre_off_when_taken_as_it_is(shared_data: Path):
    published, converted = (_outline(shared_data / f"liwan_district{name}.geojson") for name in ("_gcj02", ""))
    metres = _metres(*published.T, *converted.T)
    assert metres.mean() == pytest.approx(621.6, abs=0.5)


@pytest.mark.parametrize("datum", gis.crs.DATUMS)
def test_abroad_nothing_moves(datum: str):
    """Vaduz, Honolulu and the poles lie outside the box of the formula."""
    lon, lat = np.array([9.52, -157.8, 0.0, 0.0]), np.array([47.14, 21.3, 90.0, -90.0])
    for move in (gis.crs.to_wgs84, gis.crs.from_wgs84):
        assert [column.tolist() for column in move(lon, lat, datum)] == [lon.tolist(), lat.tolist()]


def test_cgcs2000_is_wgs84_here():
    assert _at("cgcs2000") == (113.24, 23.11)


def test_what_is_not_a_number_stays_what_it_is():
    lon, lat = gis.crs.to_wgs84([np.nan, np.inf, 113.0, 113.24], [23.0, 23.0, np.nan, 23.11], "gcj02")
    assert np.isnan(lon[0])
    assert np.isinf(lon[1])
    assert np.isnan(lat[2])
    assert np.isfinite([lon[3], lat[3]]).all()


def test_no_point_is_no_trouble():
    lon, lat = gis.crs.to_wgs84([], [], "bd09")
    assert lon.shape == lat.shape == (0,)


def test_arguments_are_not_changed():
    lon, lat = np.array([113.24]), np.array([23.11])
    gis.crs.to_wgs84(lon, lat, "gcj02")
    gis.crs.from_wgs84(lon, lat, "gcj02")
    assert (lon[0], lat[0]) == (113.24, 23.11)


def test_an_unknown_datum_is_refused_with_the_known_ones():
    with pytest.raises(Invalid) as refused:
        gis.crs.to_wgs84(113.24, 23.11, "wgs72")
    assert refused.value.code == "crs.datum"
    assert refused.value.facts == {"datum": "wgs72", "known": ["wgs84", "cgcs2000", "gcj02", "bd09"]}


def test_shapes_move_as_their_points_do_and_lose_their_height():
    shapes = np.array([shapely.Point(113.24, 23.11, 8.0), None, shapely.LineString([(113.24, 23.11), (113.25, 23.1)])])
    moved = gis.crs.shapes_from_wgs84(shapes, "gcj02")
    assert moved[1] is None
    assert not shapely.has_z(moved[0])
    assert moved[0].coords[0] == moved[2].coords[0] == _at("gcj02")


@pytest.mark.parametrize(
    ("lon", "lat", "srid"),
    [
        (113.24, 23.11, 4547),  # Guangzhou: meridian 114, zone 112.5 to 115.5
        (112.49, 23.0, 4546),  # just west of that zone: meridian 111
        (112.5, 23.0, 4547),
        (116.4, 39.9, 4548),  # Beijing: meridian 117
        (87.6, 43.8, 4538),  # Urumqi: meridian 87, EPSG:4534 + (87 - 75) / 3
        (75.0, 39.0, 4534),
        (135.0, 48.0, 4554),
        (9.52, 47.14, 32632),  # Vaduz: UTM 32 north
        (-58.4, -34.6, 32721),  # Buenos Aires: UTM 21 south
        (180.0, 10.0, 32660),  # the antimeridian belongs to the last zone
    ],
)
def test_a_place_has_its_projection(lon: float, lat: float, srid: int):
    assert gis.crs.metric_srid(lon, lat) == srid


def test_the_middle_of_several_places_decides():
    """112.4 alone lies in the zone of 111, the middle of 112.4 and 113.4 (112.9) in that of 114; NaN is passed over."""
    assert gis.crs.metric_srid([112.4, 113.4, np.nan], [23.0, 23.0, 23.0]) == 4547


@pytest.mark.parametrize(("lon", "lat"), [(np.nan, 23.0), (200.0, 23.0), ([], [])])
def test_nowhere_has_no_projection(lon: object, lat: object):
    with pytest.raises(Invalid) as refused:
        gis.crs.metric_srid(lon, lat)  # type: ignore[arg-type]
    assert refused.value.code == "crs.nowhere"


def test_metres_are_metres():
    """A thousandth of a degree of latitude at 23.11N is 110.75 m (series for the meridian arc: 111132.954
    - 559.822 cos 2f + 1.175 cos 4f per degree = 110745); of longitude 111319.49 cos f sqrt-term: 102.4 m."""
    metric = gis.crs.Metric(4547)
    x, y = metric.forward([113.24, 113.24, 113.241], [23.11, 23.111, 23.11])
    latitude = math.radians(23.11)
    north = (111132.954 - 559.822 * math.cos(2 * latitude) + 1.175 * math.cos(4 * latitude)) / 1000
    east = 111319.491 * math.cos(latitude) / math.sqrt(1 - 0.00669438 * math.sin(latitude) ** 2) / 1000
    assert math.hypot(x[1] - x[0], y[1] - y[0]) == pytest.approx(north, rel=2e-4)
    assert math.hypot(x[2] - x[0], y[2] - y[0]) == pytest.approx(east, rel=2e-4)


def test_x_is_east_whatever_the_axis_order_of_the_code():
    """EPSG:4547 says north first; Guangzhou lies west of its meridian (500 km) and 2550 km north of the equator."""
    x, y = gis.crs.Metric(4547).forward(113.24, 23.11)
    assert 400e3 < x < 500e3
    assert 2.5e6 < y < 2.6e6


def test_there_and_back_is_where_one_was():
    lon, lat = gis.crs.Metric(4547).inverse(*gis.crs.Metric(4547).forward([113.24, np.nan], [23.11, 23.0]))
    assert (lon[0], lat[0]) == pytest.approx((113.24, 23.11), abs=1e-11)
    assert np.isnan([lon[1], lat[1]]).all()


@pytest.mark.parametrize(("srid", "code"), [(4326, "crs.not_metric"), (1, "crs.epsg")])
def test_a_code_that_has_no_metres_is_refused(srid: int, code: str):
    with pytest.raises(Invalid) as refused:
        gis.crs.Metric(srid).forward(113.24, 23.11)
    assert refused.value.code == code


def _at(datum: str) -> tuple[float, float]:
    lon, lat = gis.crs.from_wgs84(113.24, 23.11, datum)
    return float(lon), float(lat)


def _outline(path: Path) -> np.ndarray:
    shapes = [feature["geometry"] for feature in json.loads(path.read_text(encoding="utf-8"))["features"]]
    return shapely.get_coordinates([shapely.from_geojson(json.dumps(shape)) for shape in shapes])


def _metres(lon: np.ndarray, lat: np.ndarray, other_lon: np.ndarray, other_lat: np.ndarray) -> np.ndarray:
    """On a plain of 110.75 km and 111.32 km x cos: true to 0.1 % over a kilometre."""
    east = (other_lon - lon) * 111.32e3 * np.cos(np.radians(lat))
    return np.hypot(east, (other_lat - lat) * 110.75e3)
