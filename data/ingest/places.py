"""Where the rows of a table lie: the datum declared for them, the pair as sent, and the place in WGS84.

A file that states its own CRS must agree with what is declared; one that states none must be declared. GCJ-02 and BD-09
have no EPSG code, so they may stand behind a geographic CRS, never behind a projected one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
import shapely

import gis.crs
from data.ingest.columns import Rows
from data.ingest.files import Table
from gis.errors import Invalid

Floats = npt.NDArray[np.float64]

#: A point farther than this from the district's box is a slip, not a place outside it.
FAR_KM = 50.0
#: How sure PROJ must be (of 100) that a CRS written out is the one of a code.
_SURE = 20


@dataclass(frozen=True)
class Frame:
    """What coordinates are in: a datum of ours in degrees, or any other CRS by its EPSG code."""

    datum: str
    crs: pyproj.CRS | None = None

    @property
    def name(self) -> str:
        """As it is kept beside the pair as sent: "gcj02", "epsg:4547"."""
        if self.crs is None:
            return self.datum
        code = self.crs.to_epsg(min_confidence=_SURE)
        return f"epsg:{code}" if code else self.crs.name

    @cached_property
    def _transformer(self) -> pyproj.Transformer:
        """To degrees of the CRS's own datum where that is WGS84 or CGCS2000, else to WGS84; never a rough way."""
        assert self.crs is not None
        own = self.crs.geodetic_crs
        target = own if own is not None and _datum_of(own) else pyproj.CRS.from_epsg(4326)
        try:
            return pyproj.Transformer.from_crs(self.crs, target, always_xy=True, allow_ballpark=False)
        except pyproj.exceptions.ProjError as error:
            raise Invalid("places.no_way", crs=self.name) from error

    def degrees(self, x: Floats, y: Floats) -> gis.crs.Pair:
        """Degrees in `datum` of coordinates as sent; NaN where there are none."""
        if self.crs is None:
            return x, y
        lon, lat = self._transformer.transform(x, y)
        out = ~(np.isfinite(lon) & np.isfinite(lat))
        return np.where(out, np.nan, lon), np.where(out, np.nan, lat)

    def degree_shapes(self, shapes: npt.NDArray[np.object_]) -> Any:
        """Shapes as sent, in degrees in `datum`."""
        return shapely.transform(shapes, lambda xy: np.column_stack(self.degrees(xy[:, 0], xy[:, 1])))

    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north that coordinates as sent may have."""
        if self.crs is None:
            return (-180.0, -90.0, 180.0, 90.0)
        area = self.crs.area_of_use
        if area is None:
            return (-np.inf, -np.inf, np.inf, np.inf)
        back = pyproj.Transformer.from_crs("EPSG:4326", self.crs, always_xy=True)
        west, south, east, north = back.transform_bounds(area.west - 2, area.south - 1, area.east + 2, area.north + 1)
        return (west, south, east, north)


def frame(table: Table, *, datum: str | None = None, epsg: int | None = None) -> Frame:
    """What the coordinates of a file are in, from what is declared and what the file says."""
    if datum is not None and epsg is not None:
        raise Invalid("places.declared_twice")
    if datum is not None and datum not in gis.crs.DATUMS:
        raise Invalid("crs.datum", datum=datum, known=list(gis.crs.DATUMS))
    declared = None if epsg is None else _named(_crs(epsg))
    own = None if table.crs is None else _named(table.crs)
    if own is None:
        return declared or _bare(table, datum)
    if declared is not None and declared != own:
        raise Invalid("places.disagrees", file=table.name, declared=declared.name, found=own.name)
    return own if datum is None else _agreed(table, own, datum)


def _bare(table: Table, datum: str | None) -> Frame:
    if datum is None:
        raise Invalid("places.undeclared", file=table.name, datums=list(gis.crs.DATUMS))
    return Frame(datum)


def _agreed(table: Table, own: Frame, datum: str) -> Frame:
    """A datum declared for a file with a CRS of its own."""
    if own.crs is None:
        return Frame(datum)
    shifted = datum in ("gcj02", "bd09")
    geodetic = own.crs.geodetic_crs
    if shifted or geodetic is None or _datum_of(geodetic) is None:
        raise Invalid("places.disagrees", file=table.name, declared=datum, found=own.name)
    return own


def _crs(epsg: int) -> pyproj.CRS:
    try:
        return pyproj.CRS.from_epsg(epsg)
    except pyproj.exceptions.CRSError as error:
        raise Invalid("crs.epsg", epsg=epsg) from error


def _named(crs: pyproj.CRS) -> Frame:
    """Plain degrees of WGS84 or CGCS2000 go by their name, everything else by its code."""
    plain = crs.to_2d()
    datum = _datum_of(plain) if plain.is_geographic else None
    return Frame(datum) if datum else Frame("wgs84", plain)


def _datum_of(crs: pyproj.CRS) -> str | None:
    code = crs.to_epsg(min_confidence=_SURE)
    if code in (4326, 4490):
        return "wgs84" if code == 4326 else "cgcs2000"
    name = "" if crs.datum is None else crs.datum.name.upper().replace(" ", "").replace("_", "")
    if "WORLDGEODETICSYSTEM1984" in name or name == "WGS1984" or "DWGS1984" in name:
        return "wgs84"
    return "cgcs2000" if "2000" in name and "CHINA" in name else None


# Points ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Points:
    """(n,) each: the pair as sent, in degrees of its datum, and in WGS84; NaN where a row has no place."""

    frame: Frame
    x: Floats
    y: Floats
    degrees: gis.crs.Pair
    lon: Floats
    lat: Floats

    def shapes(self) -> npt.NDArray[np.object_]:
        """(n,) shapely points in WGS84, None where there is no place."""
        return _only(np.asarray(shapely.points(self.lon, self.lat), dtype=object), ~np.isnan(self.lon))

    def sent(self) -> dict[str, Any]:
        """The columns that keep the pair as it was sent."""
        named = np.full(len(self.x), self.frame.name, dtype=object)
        named[np.isnan(self.x)] = None
        return {"lon_sent": self.x, "lat_sent": self.y, "datum_sent": named}

    def only(self, mask: npt.NDArray[np.bool_]) -> Points:
        """These rows alone."""
        lon, lat = self.degrees
        pairs = self.x[mask], self.y[mask], (lon[mask], lat[mask]), self.lon[mask], self.lat[mask]
        return Points(self.frame, *pairs)


def points(rows: Rows, table: Table, *, declared: Frame, home: Any = None, required: bool = True) -> Points:
    """The places of the rows; what cannot be a place becomes a fault.

    `home` is the district in WGS84 or None: places far from it are slips. A place may be missing unless `required`.
    """
    x, y = _shape_pairs(rows, table.shapes) if table.shapes is not None else _column_pairs(rows)
    if required:
        rows.blame(np.isnan(x) & np.isnan(y) & rows.good(), "lon", "place.missing")
    lone = np.isnan(x) != np.isnan(y)
    rows.blame(lone & rows.good(), "lon", "place.half")
    x, y = np.where(lone, np.nan, x), np.where(lone, np.nan, y)
    lon, lat = _degrees(rows, declared, x, y)
    there = gis.crs.to_wgs84(lon, lat, declared.datum)
    _near_home(rows, declared, (x, y), there, home)
    return Points(declared, x, y, (lon, lat), *there)


def _column_pairs(rows: Rows) -> gis.crs.Pair:
    nowhere = np.full(len(rows.frame), np.nan)
    return tuple(rows.frame[name].to_numpy() if name in rows.frame else nowhere for name in ("lon", "lat"))  # type: ignore[return-value]


def _shape_pairs(rows: Rows, shapes: npt.NDArray[np.object_]) -> gis.crs.Pair:
    """A point, or a multipoint of one; heights are dropped and counted."""
    shapes = _only(shapes, ~shapely.is_empty(shapes))
    kinds, parts = shapely.get_type_id(shapes), shapely.get_num_geometries(shapes)
    single = (kinds == shapely.GeometryType.POINT) | ((kinds == shapely.GeometryType.MULTIPOINT) & (parts == 1))
    rows.blame((kinds == shapely.GeometryType.MULTIPOINT) & (parts > 1), None, "shape.many_points")
    _wrong_kind(rows, shapes, (kinds >= 0) & (kinds != shapely.GeometryType.MULTIPOINT) & ~single, "Point")
    _count_heights(rows, shapes)
    points = _only(np.asarray(shapely.get_geometry(shapes, 0), dtype=object), single)
    x, y = shapely.get_x(points), shapely.get_y(points)
    rows.blame(single & ~(np.isfinite(x) & np.isfinite(y)), None, "cell.not_finite")
    finite = np.isfinite(x) & np.isfinite(y)
    return np.where(finite, x, np.nan), np.where(finite, y, np.nan)


def _wrong_kind(rows: Rows, shapes: npt.NDArray[np.object_], wrong: npt.NDArray[np.bool_], wanted: str) -> None:
    kinds = shapely.get_type_id(shapes)
    for kind in np.unique(kinds[wrong]):
        rows.blame(wrong & (kinds == kind), None, "shape.kind", found=_KINDS[int(kind)], wanted=wanted)


_KINDS = (
    "Point", "LineString", "LinearRing", "Polygon",
    "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection",
)  # fmt: skip


def _only(shapes: npt.NDArray[np.object_], kept: npt.NDArray[np.bool_]) -> npt.NDArray[np.object_]:
    """The shapes of these rows, None for the others."""
    shapes = shapes.copy()
    shapes[~kept] = None
    return shapes


def _count_heights(rows: Rows, shapes: npt.NDArray[np.object_]) -> None:
    if heights := int(shapely.has_z(shapes).sum()):
        rows.notes["heights_dropped"] = heights


def _degrees(rows: Rows, declared: Frame, x: Floats, y: Floats) -> gis.crs.Pair:
    """Degrees of what lies within the bounds of its CRS; the rest becomes faults, swapped pairs by that name."""
    west, south, east, north = declared.bounds()
    placed = ~np.isnan(x)
    within = (x >= west) & (x <= east) & (y >= south) & (y <= north)
    swapped = placed & ~within & (y >= west) & (y <= east) & (x >= south) & (x <= north)
    rows.blame(swapped, "lat", "place.swapped")
    rows.blame(placed & ~within & ~swapped, "lon", "place.bounds", crs=declared.name)
    zero = within & (x == 0) & (y == 0)
    rows.blame(zero, "lon", "place.zero")
    good = within & ~zero
    return declared.degrees(np.where(good, x, np.nan), np.where(good, y, np.nan))


def _near_home(rows: Rows, declared: Frame, sent: gis.crs.Pair, there: gis.crs.Pair, home: Any) -> None:
    if home is None:
        return
    box = _wider(home.bounds)
    placed = ~np.isnan(there[0])
    far = placed & ~_within(there, box)
    if not far.any():
        return
    other = gis.crs.to_wgs84(*declared.degrees(sent[1][far], sent[0][far]), declared.datum)
    swapped = far.copy()
    swapped[far] = _within(other, box)
    rows.blame(swapped, "lat", "place.swapped")
    rows.blame(far & ~swapped, "lon", "place.far", km=int(FAR_KM))


def _wider(bounds: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    west, south, east, north = bounds
    up = FAR_KM / 111.0
    side = up / max(np.cos(np.radians(max(abs(south), abs(north)))), 0.05)
    return (west - side, south - up, east + side, north + up)


def _within(pair: gis.crs.Pair, box: tuple[float, float, float, float]) -> npt.NDArray[np.bool_]:
    return (pair[0] >= box[0]) & (pair[0] <= box[2]) & (pair[1] >= box[1]) & (pair[1] <= box[3])


# Polygons and lines ---------------------------------------------------------------------------------------------------


def polygons(rows: Rows, shapes: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """(n,) the same shapes in two dimensions, None where one is no sound polygon; each such row becomes a fault."""
    kinds = shapely.get_type_id(shapes)
    missing = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    rows.blame(missing & rows.good(), None, "shape.missing")
    polygonal = np.isin(kinds, (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON))
    _wrong_kind(rows, shapes, ~missing & ~polygonal, "Polygon")
    _count_heights(rows, shapes)
    flat = np.asarray(shapely.force_2d(_only(shapes, polygonal & ~missing)), dtype=object)
    finite = _finite(flat)
    rows.blame(polygonal & ~missing & ~finite, None, "shape.not_finite")
    _unsound(rows, flat, polygonal & ~missing & finite)
    return _only(flat, finite & shapely.is_valid(flat))


def _finite(shapes: npt.NDArray[np.object_]) -> npt.NDArray[np.bool_]:
    coordinates, owner = shapely.get_coordinates(shapes, return_index=True)
    finite = np.ones(len(shapes), dtype=bool)
    finite[owner[~np.isfinite(coordinates).all(axis=1)]] = False
    return finite


def _unsound(rows: Rows, shapes: npt.NDArray[np.object_], asked: npt.NDArray[np.bool_]) -> None:
    """A bow-tie and its like, each with the place that GEOS names."""
    broken = asked & ~shapely.is_valid(shapes)
    for at in np.flatnonzero(broken):
        one = np.zeros(len(shapes), dtype=bool)
        one[at] = True
        reason, _, place = str(shapely.is_valid_reason(shapes[at])).partition("[")
        rows.blame(one, None, "shape.broken", reason=reason.strip(), place=place.rstrip("]"))
