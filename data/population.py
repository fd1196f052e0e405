"""Households with elders. Personal: read under row security, never logged, never sent on as they are."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date
from typing import Any

import geopandas as gpd
from sqlalchemy import delete, func, select

import data.areas
import data.places
import gis.frames
from data.copying import fetch
from data.db import Session, copy
from data.tables import household
from gis.errors import NotFound

#: What whoever may see a household sees of it.
SHOWN = (
    "id", "ref", "address", "floor", "lift", "elders", "elders_homebound", "elders_80", "elders_disabled", "age_max",
    "living_alone", "mobility", "in_institution", "consent", "street_code", "community_code", "grid_code", "synthetic",
    "updated_at",
)  # fmt: skip
COLUMNS = (*(household.c[name] for name in SHOWN), household.c.geom.ST_X().label("lon"),
           household.c.geom.ST_Y().label("lat"))  # fmt: skip


def frame(session: Session, *, area: str | None = None, as_of: date | None = None) -> gpd.GeoDataFrame:
    """Households without their addresses, of one area of any level or of all, in the order of their ids."""
    here = f"(street_code IN (SELECT code FROM here) OR community_code IN (SELECT code FROM here) OR grid_code IN (SELECT code FROM here))"  # noqa: E501,F541
    asked = f"""
        WITH here AS ({data.areas.SUBTREE})
        SELECT id, ref, ST_X(geom) AS lon, ST_Y(geom) AS lat, elders, elders_homebound, elders_80, elders_disabled,
               age_max, living_alone, mobility, in_institution, floor, lift, consent, synthetic,
               coalesce(street_code, '') AS street_code, coalesce(community_code, '') AS community_code,
               coalesce(grid_code, '') AS grid_code
        FROM household
        WHERE %(within)s IS NULL OR {here}
        ORDER BY id"""  # noqa: S608
    table = fetch(session, asked, {"within": area, "day": as_of or data.areas.today(session)})
    return data.places.located(table)


def get(session: Session, household_id: int) -> dict[str, Any]:
    """One household that the caller may see."""
    row = session.execute(select(*COLUMNS).where(household.c.id == household_id)).mappings().one_or_none()
    if row is None:
        raise NotFound("households.absent")
    return dict(row)


def search(
    session: Session, *, within: str | None = None, after: int | None = None, limit: int = 100
) -> list[dict[str, Any]]:
    """A page of the households that the caller may see, in the order of their numbers, after the number `after`."""
    query = select(*COLUMNS).order_by(household.c.id).limit(limit)
    if after is not None:
        query = query.where(household.c.id > after)
    if within is not None:
        query = query.where(data.places.lies_within(session, household, within))
    return [dict(row) for row in session.execute(query).mappings()]


def named(session: Session, ids: Collection[int], *, limit: int) -> dict[int, str]:
    """The refs of those of the households that the caller may see, of the first `limit` of them."""
    asked = select(household.c.id, household.c.ref).where(household.c.id.in_(ids)).order_by(household.c.id)
    return {row.id: row.ref for row in session.execute(asked.limit(limit))}


def numbers(session: Session) -> dict[str, int]:
    """The number of every household by its ref."""
    return dict(session.execute(select(household.c.ref, household.c.id)).all())


def add(session: Session, frame: gpd.GeoDataFrame, *, import_id: int | None = None) -> int:
    """Add households and say how many; coordinates as sent travel as lon_sent, lat_sent and datum_sent."""
    gis.frames.require(frame, gis.frames.HOUSEHOLDS)
    return copy(session, household, data.places.rows(frame, household, import_id=import_id))


def count(session: Session) -> dict[str, int]:
    """How many households and elders there are that the caller may see."""
    row = session.execute(
        select(func.count().label("households"), func.coalesce(func.sum(household.c.elders), 0).label("elders"))
    )
    return {name: int(value) for name, value in row.mappings().one().items()}


def remove(session: Session, *, import_id: int) -> int:
    """Take back an import."""
    return len(
        session.execute(delete(household).where(household.c.import_id == import_id).returning(household.c.id)).all()
    )


def relink(session: Session, *, within: Iterable[str] | None = None, as_of: date | None = None) -> int:
    """Name their areas again for households under one of the codes, or for all; says how many changed."""
    return data.places.relink(session, household, within=within, as_of=as_of)
