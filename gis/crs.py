"""Coordinates: the Chinese datums turned into WGS84 and back, and a metric projection for any place.

Everything inside is WGS84 (lon, lat). GCJ-02 (AMap, Tencent, WeChat maps) and BD-09 (Baidu) are shifted against it by
about 620 m and 1.3 km in Guangzhou; they are turned back at the door and never stored. CGCS2000 differs from WGS84 by
centimetres and is taken as equal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
import shapely

from gis.errors import Invalid

Floats = npt.NDArray[np.float64]
Pair = tuple[Floats, Floats]

DATUMS = ("wgs84", "cgcs2000", "gcj02", "bd09")

# Constants of the public GCJ-02 formula: Krasovsky 1940 ellipsoid and the box outside which nothing is shifted.
_A = 6378245.0
_E2 = 0.00669342162296594323
_WEST, _EAST, _SOUTH, _NORTH = 72.004, 137.8347, 0.8293, 55.8271
# BD-09 adds this offset (degrees) and a ripple of this wave number (1/degree) to GCJ-02.
_BD_LON, _BD_LAT = 0.0065, 0.006
_BD_WAVE = np.pi * 3000.0 / 180.0
# Each round of the inverse leaves under 2 % of the error before it: seven leave far less than 1e-12 degrees.
_ROUNDS = 7

# CGCS2000 3-degree Gauss-Krueger by central meridian: EPSG:4534 at 75E to EPSG:4554 at 135E, used within this box.
_GK_FIRST, _GK_MERIDIAN = 4534, 75
_GK_WEST, _GK_EAST, _GK_SOUTH, _GK_NORTH = 73.5, 136.5, 3.0, 54.0


def to_wgs84(lon: npt.ArrayLike, lat: npt.ArrayLike, datum: str) -> Pair:
    """Turn coordinates of a named datum into WGS84.

    Parameters
    ----------
    lon, lat : (n,) float or scalar
        Degrees in `datum`. NaN and inf stay what they are, as does any pair outside the box around China,
        where the Chinese datums shift nothing.
    datum : one of `DATUMS`

    Returns
    -------
    lon, lat : (n,) float
        Degrees, WGS84; exact to better than 1e-9 degrees against `from_wgs84`.

    Raises
    ------
    Invalid
        `crs.datum`: the datum is not one of `DATUMS`.

    Notes
    -----
    The usual public formula, inverted by fixed-point iteration; there is no published authoritative inverse.
    """
    return _inverse(*_floats(lon, lat), _shift_of(datum))


def from_wgs84(lon: npt.ArrayLike, lat: npt.ArrayLike, datum: str) -> Pair:
    """Turn WGS84 coordinates into a named datum: opposite of `to_wgs84`, with the same rules for NaN and borders."""
    return _inside(*_floats(lon, lat), _shift_of(datum))


def shapes_to_wgs84(shapes: npt.ArrayLike, datum: str) -> Any:
    """Turn shapely geometries, one or an (n,) array, of a named datum into WGS84; None stays None, Z is dropped."""
    return _moved(shapes, lambda lon, lat: to_wgs84(lon, lat, datum))


def shapes_from_wgs84(shapes: npt.ArrayLike, datum: str) -> Any:
    """Turn WGS84 shapely geometries into a named datum; the opposite of `shapes_to_wgs84`."""
    return _moved(shapes, lambda lon, lat: from_wgs84(lon, lat, datum))


def metric_srid(lon: npt.ArrayLike, lat: npt.ArrayLike) -> int:
    """EPSG code of the projection in metres for a place.

    Parameters
    ----------
    lon, lat : float or (n,) float
        WGS84. For several points the middle of their box decides; those not finite are passed over.

    Returns
    -------
    int
        In and around China the CGCS2000 3-degree Gauss-Krueger zone (EPSG:4534 to 4554; 4547 in Guangzhou),
        elsewhere the WGS84 UTM zone (EPSG:326xx, 327xx).

    Raises
    ------
    Invalid
        `crs.nowhere`: no finite point, or one beyond the bounds of longitude and latitude.
    """
    east, north = _middle(lon), _middle(lat)
    if not (-180 <= east <= 180 and -90 <= north <= 90):
        raise Invalid("crs.nowhere", lon=float(east), lat=float(north))
    if _GK_WEST <= east < _GK_EAST and _GK_SOUTH <= north <= _GK_NORTH:
        return _GK_FIRST + int((east - _GK_WEST) // 3)
    return (32600 if north >= 0 else 32700) + min(int((east + 180) // 6) + 1, 60)


@dataclass(frozen=True)
class Metric:
    """The projection of one EPSG code; `x` is easting and `y` northing, in metres, whatever the code's own axis order.

    WGS84 degrees are taken as degrees of the code's own datum: CGCS2000 and WGS84 are equal here.
    """

    srid: int

    def forward(self, lon: npt.ArrayLike, lat: npt.ArrayLike) -> Pair:
        """(n,) degrees to (n,) metres; NaN where a coordinate is not finite."""
        return _projected(_transformer(self.srid), lon, lat, "FORWARD")

    def inverse(self, x: npt.ArrayLike, y: npt.ArrayLike) -> Pair:
        """(n,) metres to (n,) degrees; NaN where a coordinate is not finite."""
        return _projected(_transformer(self.srid), x, y, "INVERSE")

    def forward_shapes(self, shapes: npt.ArrayLike) -> Any:
        """Shapely geometries, one or an array, from degrees to metres; Z is dropped."""
        return _moved(shapes, self.forward)

    def inverse_shapes(self, shapes: npt.ArrayLike) -> Any:
        """Shapely geometries, one or an array, from metres to degrees; Z is dropped."""
        return _moved(shapes, self.inverse)


def metric(lon: npt.ArrayLike, lat: npt.ArrayLike) -> Metric:
    """The projection in metres for a place: `Metric(metric_srid(lon, lat))`."""
    return Metric(metric_srid(lon, lat))


def _floats(lon: npt.ArrayLike, lat: npt.ArrayLike) -> Pair:
    return np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)


def _moved(shapes: npt.ArrayLike, move: Callable[[Floats, Floats], Pair]) -> Any:
    return shapely.transform(shapely.force_2d(shapes), lambda xy: np.column_stack(move(xy[:, 0], xy[:, 1])))  # type: ignore[arg-type]


def _middle(values: npt.ArrayLike) -> float:
    array = np.asarray(values, dtype=np.float64)
    finite = array[np.isfinite(array)]
    return float((finite.min() + finite.max()) / 2) if finite.size else float("nan")


# The datums -----------------------------------------------------------------------------------------------------------


def _shift_of(datum: str) -> Callable[[Floats, Floats], Pair]:
    """The formula that takes WGS84 inside the box to the datum."""
    shifts = {"wgs84": _same, "cgcs2000": _same, "gcj02": _gcj02, "bd09": _bd09}
    if datum not in shifts:
        raise Invalid("crs.datum", datum=datum, known=list(DATUMS))
    return shifts[datum]


def _same(lon: Floats, lat: Floats) -> Pair:
    return lon, lat


def _gcj02(lon: Floats, lat: Floats) -> Pair:
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    ripple = 20.0 * np.sin(6.0 * np.pi * x) + 20.0 * np.sin(2.0 * np.pi * x)
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north += (ripple + _waves(y, (20.0, 40.0, 160.0, 320.0), (1, 1 / 3, 1 / 12, 1 / 30))) * 2 / 3
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east += (ripple + _waves(x, (20.0, 40.0, 150.0, 300.0), (1, 1 / 3, 1 / 12, 1 / 30))) * 2 / 3
    radians = np.radians(lat)
    squeeze = 1 - _E2 * np.sin(radians) ** 2
    meridian = _A * (1 - _E2) / squeeze**1.5
    parallel = _A / np.sqrt(squeeze) * np.cos(radians)
    return lon + np.degrees(east / parallel), lat + np.degrees(north / meridian)


def _waves(along: Floats, heights: tuple[float, ...], waves: tuple[float, ...]) -> Floats:
    return np.sum([height * np.sin(np.pi * wave * along) for height, wave in zip(heights, waves, strict=True)], axis=0)


def _bd09(lon: Floats, lat: Floats) -> Pair:
    x, y = _gcj02(lon, lat)
    radius = np.hypot(x, y) + 0.00002 * np.sin(y * _BD_WAVE)
    angle = np.arctan2(y, x) + 0.000003 * np.cos(x * _BD_WAVE)
    return radius * np.cos(angle) + _BD_LON, radius * np.sin(angle) + _BD_LAT


def _inside(lon: Floats, lat: Floats, shift: Callable[[Floats, Floats], Pair]) -> Pair:
    """Apply a formula where the pair lies in the box around China; the rest, NaN and inf among it, stays."""
    inside = (lon >= _WEST) & (lon <= _EAST) & (lat >= _SOUTH) & (lat <= _NORTH)
    moved_lon, moved_lat = np.array(lon), np.array(lat)
    moved_lon[inside], moved_lat[inside] = shift(lon[inside], lat[inside])
    return moved_lon, moved_lat


def _inverse(lon: Floats, lat: Floats, shift: Callable[[Floats, Floats], Pair]) -> Pair:
    if shift is _same:
        return lon, lat
    guess_lon, guess_lat = lon, lat
    for _ in range(_ROUNDS):
        there_lon, there_lat = _inside(guess_lon, guess_lat, shift)
        with np.errstate(invalid="ignore"):  # inf - inf is NaN and is put back below
            guess_lon, guess_lat = guess_lon + (lon - there_lon), guess_lat + (lat - there_lat)
    finite = np.isfinite(lon) & np.isfinite(lat)
    return np.where(finite, guess_lon, lon), np.where(finite, guess_lat, lat)


# The projections ------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _transformer(srid: int) -> pyproj.Transformer:
    try:
        crs = pyproj.CRS.from_epsg(srid)
    except pyproj.exceptions.CRSError as error:
        raise Invalid("crs.epsg", epsg=srid) from error
    if not crs.is_projected or crs.geodetic_crs is None:
        raise Invalid("crs.not_metric", epsg=srid)
    return pyproj.Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)


def _projected(transformer: pyproj.Transformer, a: npt.ArrayLike, b: npt.ArrayLike, direction: str) -> Pair:
    out_a, out_b = transformer.transform(*_floats(a, b), direction=direction)
    finite = np.isfinite(out_a) & np.isfinite(out_b)
    return np.where(finite, out_a, np.nan), np.where(finite, out_b, np.nan)
