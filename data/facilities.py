"""Care facilities and the catalogue of their kinds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely
from sqlalchemy import delete, func, insert, select, update

import data.places
import gis.frames
from data.copying import fetch
from data.db import Session, copy
from data.tables import facility, facility_kind
from gis.errors import Conflict, NotAllowed, NotFound

COLUMNS = [column for column in facility.c if column.name not in ("geom", "geom_3857")]
PLACE = (facility.c.geom.ST_X().label("lon"), facility.c.geom.ST_Y().label("lat"))


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
    row = session.execute(select(*COLUMNS, *PLACE).where(facility.c.id == facility_id)).mappings().one_or_none()
    if row is None:
        raise NotFound("facilities.absent", facility_id=facility_id)
    return dict(row)


def search(
    session: Session,
    *,
    kind: str | None = None,
    status: str | None = None,
    within: str | None = None,
    bbox: Sequence[float] | None = None,
    after: str | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """A page of facilities in the order of their ids, after the id `after`; `within` an area of any level."""
    order = facility.c.id.collate("C")
    query = select(*COLUMNS, *PLACE).order_by(order).limit(limit)
    for wanted in (
        None if kind is None else facility.c.kind == kind,
        None if status is None else facility.c.status == status,
        None if bbox is None else facility.c.geom.intersects(func.ST_MakeEnvelope(*bbox, 4326)),
        None if within is None else data.places.lies_within(session, facility, within),
        None if after is None else order > after,
    ):
        query = query if wanted is None else query.where(wanted)
    return [dict(row) for row in session.execute(query).mappings()]


def add(session: Session, frame: gpd.GeoDataFrame, *, import_id: int | None = None) -> int:
    """Add facilities and say how many; coordinates as sent travel as lon_sent, lat_sent and datum_sent."""
    gis.frames.require(frame, gis.frames.FACILITIES)
    return copy(session, facility, data.places.rows(frame, facility, import_id=import_id))


def add_one(session: Session, values: Mapping[str, Any]) -> None:
    """Add one facility, `geometry` its point."""
    session.execute(insert(facility).values(_stored(values)))


def set(session: Session, facility_id: str, *, version: int, **values: Any) -> None:
    """Change columns of one facility, as it stood at `version`; whoever changed it in between is not overwritten."""
    asked = update(facility).where(facility.c.id == facility_id, facility.c.version == version)
    changed = session.execute(asked.values(_stored(values)))
    if changed.rowcount:  # type: ignore[attr-defined]
        return
    newest = get(session, facility_id)["version"]
    if newest != version:
        raise Conflict("facilities.changed", facility_id=facility_id, version=newest)
    raise NotAllowed("facilities.not_yours", facility_id=facility_id)


def _stored(values: Mapping[str, Any]) -> dict[str, Any]:
    """A point as the database takes it."""
    plain = {name: value for name, value in values.items() if name != "geometry"}
    if "geometry" in values:
        plain["geom"] = f"SRID=4326;{shapely.to_wkt(values['geometry'], rounding_precision=-1)}"
    return plain


def set_policy(session: Session, kind: str, *, radius_m: float | None, source: str | None) -> None:
    """Quote the straight radius that a clause states for a kind, or take it back with None for both."""
    values = {"policy_radius_m": radius_m, "policy_source": source}
    changed = session.execute(update(facility_kind).where(facility_kind.c.code == kind).values(values))
    if not changed.rowcount:  # type: ignore[attr-defined]
        raise NotFound("facilities.kind_absent", kind=kind)


def remove(session: Session, *, import_id: int) -> int:
    """Take back an import."""
    return len(
        session.execute(delete(facility).where(facility.c.import_id == import_id).returning(facility.c.id)).all()
    )


def relink(session: Session, *, within: Iterable[str] | None = None, as_of: date | None = None) -> int:
    """Name their areas again for facilities under one of the codes, or for all; says how many changed."""
    return data.places.relink(session, facility, within=within, as_of=as_of)
