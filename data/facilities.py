"""Care facilities and the catalogue of their kinds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely
from sqlalchemy import delete, func, select, update

import data.places
import gis.frames
from data.copying import fetch
from data.db import Session, copy
from data.tables import facility, facility_kind
from gis.errors import NotFound


def kinds(session: Session) -> pd.DataFrame:
    """The catalogue in its order: code, position, name_zh, name_en, required, policy_radius_m, policy_source."""
    return pd.DataFrame(
        session.execute(select(facility_kind).order_by(facility_kind.c.position)).all(),
        columns=[column.name for column in facility_kind.c],
    )


def frame(session: Session, *, status: str | None = "open", kinds: Iterable[str] | None = None) -> gpd.GeoDataFrame:
    """Facilities in the order of their ids (gis.frames.FACILITIES); `status` None asks for all of them."""
    asked = """
        SELECT id, name, kind, ST_X(geom) AS lon, ST_Y(geom) AS lat, capacity, opens, medical_link, operator,
               delivery_mode, status, coalesce(street_code, '') AS street_code,
               coalesce(community_code, '') AS community_code, coalesce(grid_code, '') AS grid_code, synthetic
        FROM facility
        WHERE (%(status)s IS NULL OR status = %(status)s) AND (%(kinds)s::text[] IS NULL OR kind = ANY (%(kinds)s))
        ORDER BY id COLLATE "C" """
    table = fetch(session, asked, {"status": status, "kinds": None if kinds is None else list(kinds)})
    return data.places.located(table)


def changed_at(session: Session) -> datetime | None:
    """When a facility was last added or changed."""
    newest: datetime | None = session.scalar(select(func.max(facility.c.updated_at)))
    return newest


def get(session: Session, facility_id: str) -> dict[str, Any]:
    """One facility."""
    columns = [column for column in facility.c if column.name not in ("geom", "geom_3857")]
    place = (facility.c.geom.ST_X().label("lon"), facility.c.geom.ST_Y().label("lat"))
    row = session.execute(select(*columns, *place).where(facility.c.id == facility_id)).mappings().one_or_none()
    if row is None:
        raise NotFound("facilities.absent", facility_id=facility_id)
    return dict(row)


def add(session: Session, frame: gpd.GeoDataFrame, *, import_id: int | None = None) -> int:
    """Add facilities and say how many; coordinates as sent travel as lon_sent, lat_sent and datum_sent."""
    gis.frames.require(frame, gis.frames.FACILITIES)
    return copy(session, facility, data.places.rows(frame, facility, import_id=import_id))


def set(session: Session, facility_id: str, **values: Any) -> None:
    """Change columns of one facility."""
    if "geometry" in values:
        values["geom"] = f"SRID=4326;{shapely.to_wkt(values.pop('geometry'), rounding_precision=-1)}"
    changed = session.execute(update(facility).where(facility.c.id == facility_id).values(values))
    if not changed.rowcount:  # type: ignore[attr-defined]
        raise NotFound("facilities.absent", facility_id=facility_id)


def remove(session: Session, *, import_id: int) -> int:
    """Take back an import."""
    return len(
        session.execute(delete(facility).where(facility.c.import_id == import_id).returning(facility.c.id)).all()
    )


def relink(session: Session, *, within: Iterable[str] | None = None, as_of: date | None = None) -> int:
    """Name their areas again for facilities under one of the codes, or for all; says how many changed."""
    return data.places.relink(session, facility, within=within, as_of=as_of)
