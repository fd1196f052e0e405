"""What anybody may read: four collections over public views, in which there is no person.

A page is asked for by the last id of the one before it (keyset), so that it stays right and fast however far one reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import (
    JSON,
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
    or_,
    select,
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
    "reports": Collection(REPORT, "reported_on"),
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


def get(session: Session, name: str, feature_id: str, *, frame: Frame) -> dict[str, Any]:
    """One feature: its id, its properties, and `geometry` as GeoJSON in `frame`."""
    collection = COLLECTIONS[name]
    asked = _rows(collection, frame).where(collection.view.c.id == feature_id)
    try:
        with data.filters.sense():
            row = session.execute(asked).mappings().first()
    except Invalid:  # not even of the form that its ids have
        row = None
    if row is None:
        raise NotFound("ogc.feature")
    return dict(row)


def search(session: Session, name: str, wanted: Wanted, *, frame: Frame) -> tuple[list[dict[str, Any]], int | None]:
    """A page of features in the order of their ids, and how many there are on all pages together: None is very many."""
    collection = COLLECTIONS[name]
    view, met = collection.view, list(_conditions(collection, wanted))
    page = _rows(collection, frame).where(*met).order_by(view.c.id).limit(wanted.limit)
    if wanted.after is not None:
        page = page.where(view.c.id > wanted.after)
    with data.filters.sense():
        some = select(view.c.id).where(*met).limit(COUNTED + 1).subquery()
        matched = session.execute(select(func.count()).select_from(some)).scalar_one()
        rows = [dict(row) for row in session.execute(page).mappings()]
    return rows, matched if matched <= COUNTED else None


def extent(session: Session, name: str) -> dict[str, Any]:
    """Where and when its features are: `bbox` (None without any) and `interval` of days (None where it has no time)."""
    collection = COLLECTIONS[name]
    box = func.ST_Extent(collection.view.c.geom)
    sides = (func.ST_XMin(box), func.ST_YMin(box), func.ST_XMax(box), func.ST_YMax(box))
    days = collection.view.c.get(collection.when)
    times = () if days is None else (func.min(days), func.max(days))
    row = session.execute(select(*sides, *times).select_from(collection.view)).one()
    interval = None if days is None or row[4] is None else [row[4], None if collection.lasting else row[5]]
    return {"bbox": None if row[0] is None else list(row[:4]), "interval": interval}


def _rows(collection: Collection, frame: Frame) -> Select[Any]:
    digits = 7 if frame.srid in (4326, 4490) else 3
    moved = collection.view.c.geom if frame.srid == 4326 else func.ST_Transform(collection.view.c.geom, frame.srid)
    shape = func.ST_FlipCoordinates(moved) if frame.north_first else moved
    # Options 0: no `crs` member, which RFC 7946 does not know; the answer says its CRS in a header.
    json = func.ST_AsGeoJSON(shape, digits, 0).cast(JSON)
    return select(collection.view.c.id, *collection.properties.values(), json.label("geometry"))


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
