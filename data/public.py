"""What anybody may read: four collections over public views, in which there is no person.

A page is asked for by the last id of the one before it (keyset), so that it stays right and fast however far one reads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Date,
    Float,
    Integer,
    MetaData,
    Select,
    Table,
    Text,
    func,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import UUID

import data.filters
from data.db import Session
from data.filters import Frame
from gis.errors import Invalid, NotFound

#: Not those of `data.tables`: a view is made by its migration alone.
VIEWS = MetaData()
SHAPES = ("geom", "geom_3857")
#: A side of a box in metres becomes a curve in degrees; so many points follow it well.
SIDES = 32
DEGREES = Frame()
#: So many features of a query are counted; counting all of a million for each page would take longer than the page.
COUNTED = 10_000


def _view(name: str, *columns: Column[Any]) -> Table:
    shapes = (Column(shape, Geometry(srid=4326 if shape == "geom" else 3857)) for shape in SHAPES)
    return Table(f"public_{name}", VIEWS, *columns, *shapes)


def _texts(names: str) -> list[Column[Any]]:
    return [Column(name, Text) for name in names.split()]


def _whole(names: str) -> list[Column[Any]]:
    return [Column(name, Integer) for name in names.split()]


AREA = _view(
    "area", *_texts("id level name grid_kind parent_code"), Column("area_m2", Float), Column("valid_from", Date),
    Column("synthetic", Boolean),
)  # fmt: skip
FACILITY = _view(
    "facility", *_texts("id name kind"), *_whole("capacity"),
    *_texts("opens medical_link operator delivery_mode status street_code community_code grid_code"),
    Column("synthetic", Boolean),
)  # fmt: skip
COVERAGE = _view(
    "coverage", *_texts("id code name level kind verdict"), *_whole("run_id elders covered uncovered unknown"),
    Column("rate_low", Float), Column("rate_high", Float), Column("as_of", Date), *_texts("data_date"),
    Column("synthetic", Boolean),
)  # fmt: skip
REPORT = _view(
    "report", Column("id", UUID(as_uuid=False)), *_texts("category status"), Column("reported_on", Date),
    Column("changed_on", Date), *_texts("street_code community_code grid_code"), Column("synthetic", Boolean),
)  # fmt: skip


@dataclass(frozen=True)
class Collection:
    """Features of one kind; `when` is the column that a time asked for is compared with ("" where none is)."""

    view: Table
    when: str = ""
    #: Whether a feature holds from `when` on until today, or only on that day.
    lasting: bool = False
    #: Whether they are points by the million, whose extent is looked up at its edges.
    many: bool = False

    @property
    def properties(self) -> dict[str, Column[Any]]:
        """What a feature says beside its id and its place."""
        return {column.name: column for column in self.view.c if column.name not in ("id", *SHAPES)}

    @property
    def queryables(self) -> dict[str, Column[Any]]:
        """What may stand in a filter."""
        return self.properties | {"geom": self.view.c.geom}


COLLECTIONS = {
    "areas": Collection(AREA, "valid_from", lasting=True),
    "facilities": Collection(FACILITY),
    "coverage": Collection(COVERAGE, "as_of"),
    "reports": Collection(REPORT, "reported_on", many=True),
}


@dataclass(frozen=True)
class Wanted:
    """Which features: those that meet everything said here."""

    limit: int = 100
    after: str | None = None
    #: (west, south, east, north) in `boxes_in`, easting first; features that touch any of them.
    boxes: Sequence[tuple[float, float, float, float]] = ()
    boxes_in: Frame = DEGREES
    since: date | None = None
    until: date | None = None
    equal: Mapping[str, Any] = field(default_factory=dict)
    condition: ColumnElement[bool] | None = None


@dataclass(frozen=True)
class Page:
    """Features as GeoJSON text, the id of the last one, and how many are on all pages together: None is very many."""

    features: list[str]
    last: str | None
    matched: int | None


def get(session: Session, name: str, feature_id: str, *, frame: Frame) -> dict[str, Any]:
    """One GeoJSON feature, its geometry in `frame`."""
    collection = COLLECTIONS[name]
    asked = _features(select(collection.view).where(collection.view.c.id == feature_id), collection, frame)
    try:
        with data.filters.sense():
            row = session.execute(asked).first()
    except Invalid:  # not even of the form that its ids have
        row = None
    if row is None:
        raise NotFound("ogc.feature")
    return dict(json.loads(row.feature))


def search(session: Session, name: str, wanted: Wanted, *, frame: Frame) -> Page:
    """A page of features in the order of their ids."""
    collection = COLLECTIONS[name]
    view, met = collection.view, list(_conditions(collection, wanted))
    page = select(view).where(*met).order_by(view.c.id).limit(wanted.limit)
    if wanted.after is not None:
        page = page.where(view.c.id > wanted.after)
    with data.filters.sense():
        some = select(view.c.id).where(*met).limit(COUNTED + 1).subquery()
        matched = session.execute(select(func.count()).select_from(some)).scalar_one()
        rows = session.execute(_features(page, collection, frame)).all()
    last = str(rows[-1].id) if rows else None
    return Page([row.feature for row in rows], last, matched if matched <= COUNTED else None)


def extent(session: Session, name: str) -> dict[str, Any]:
    """Where and when its features are: `bbox` (None without any) and `interval` of days (None where it has no time)."""
    collection = COLLECTIONS[name]
    sides = _edges(collection.view) if collection.many else _sides(collection.view)
    bbox = session.execute(sides).one()
    days = collection.view.c.get(collection.when)
    if days is None:
        return {"bbox": _box_of(bbox), "interval": None}
    first, last = session.execute(select(func.min(days), func.max(days))).one()
    interval = None if first is None else [first, None if collection.lasting else last]
    return {"bbox": _box_of(bbox), "interval": interval}


def _box_of(sides: Sequence[float | None]) -> list[float | None] | None:
    return None if sides[0] is None else list(sides)


def _sides(view: Table) -> Select[Any]:
    box = func.ST_Extent(view.c.geom)
    return select(func.ST_XMin(box), func.ST_YMin(box), func.ST_XMax(box), func.ST_YMax(box))


def _edges(view: Table) -> Select[Any]:
    """The box around points: each side that of the point nearest to an edge of the world, which the index knows."""

    def nearest(coordinate: Any, *line: float) -> Any:
        edge = func.ST_SetSRID(func.ST_MakeLine(func.ST_MakePoint(*line[:2]), func.ST_MakePoint(*line[2:])), 4326)
        first = select(coordinate(view.c.geom)).where(view.c.geom.is_not(None))
        return first.order_by(view.c.geom.op("<#>")(edge)).limit(1).scalar_subquery()

    return select(
        nearest(func.ST_X, -180, -90, -180, 90), nearest(func.ST_Y, -180, -90, 180, -90),
        nearest(func.ST_X, 180, -90, 180, 90), nearest(func.ST_Y, -180, 90, 180, 90),
    )  # fmt: skip


def _features(rows: Select[Any], collection: Collection, frame: Frame) -> Select[Any]:
    """The rows as GeoJSON: written by the database, which takes a fraction of the time that objects for each would."""
    page = rows.subquery("page")
    told = select(*(page.c[name] for name in collection.properties)).correlate(page).lateral("told")
    digits = 7 if frame.srid in (4326, 4490) else 3
    moved = page.c.geom if frame.srid == 4326 else func.ST_Transform(page.c.geom, frame.srid)
    shape = func.ST_FlipCoordinates(moved) if frame.north_first else moved
    parts = (
        # Options 0: no `crs` member, which RFC 7946 does not know; the answer says its CRS in a header.
        '{"type":"Feature","id":', func.to_json(page.c.id.cast(Text)), ',"geometry":',
        func.coalesce(func.ST_AsGeoJSON(shape, digits, 0), "null"), ',"properties":',
        func.row_to_json(literal_column("told")), "}",
    )  # fmt: skip
    return (
        select(page.c.id, func.concat(*parts).label("feature")).select_from(page.join(told, true())).order_by(page.c.id)
    )


def _conditions(collection: Collection, wanted: Wanted) -> Any:
    view = collection.view
    if wanted.boxes:
        yield or_(*(func.ST_Intersects(view.c.geom, _box(box, wanted.boxes_in)) for box in wanted.boxes))
    days = view.c.get(collection.when)
    if days is not None and wanted.until is not None:
        yield days <= wanted.until
    if days is not None and wanted.since is not None and not collection.lasting:
        yield days >= wanted.since
    yield from (collection.properties[name] == value for name, value in wanted.equal.items())
    if wanted.condition is not None:
        yield wanted.condition


def _box(box: tuple[float, float, float, float], frame: Frame) -> Any:
    west, south, east, north = box
    drawn = func.ST_MakeEnvelope(west, south, east, north, frame.srid)
    if frame.srid == 4326:
        return drawn
    step = max(east - west, north - south) / SIDES or 1.0
    return func.ST_Transform(func.ST_Segmentize(drawn, step), 4326)
