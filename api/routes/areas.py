"""Areas: which there are, their outlines, and which one holds a place."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request

import data.areas
import gis.crs
from api.deps import Limit, Session, Today, next_link
from api.schemas.areas import Area, AreaFeature, AreaList, Code, Datum, Latitude, Level, Longitude, PlaceCodes

router = APIRouter(prefix="/api/areas", tags=["areas"])

BBOX = r"^-?\d+(\.\d+)?(,-?\d+(\.\d+)?){3}$"


@router.get("", summary="The areas, by level, place and date")
def search(
    request: Request,
    session: Session,
    today: Today,
    level: Annotated[Level | None, Query()] = None,
    within: Annotated[Code | None, Query(description="Only areas below this one.")] = None,
    bbox: Annotated[
        str | None, Query(pattern=BBOX, max_length=120, description="west,south,east,north (WGS84)")
    ] = None,
    as_of: date | None = None,
    after: Annotated[Code | None, Query(description="From the `next` link.")] = None,
    limit: Limit = 100,
) -> AreaList:
    """Without outlines; `GET /api/areas/{code}` has those."""
    box = None if bbox is None else tuple(map(float, bbox.split(",")))
    rows = data.areas.search(
        session, level=level, within=within, bbox=box, as_of=as_of or today, after=after, limit=limit
    )
    areas = [Area(**row) for row in rows]
    last = areas[-1].code if areas else None
    return AreaList(areas=areas, next=next_link(request, rows=len(areas), limit=limit, after=last))


@router.get("/at", summary="Which areas hold a place")
def at(
    session: Session,
    today: Today,
    lon: Longitude,
    lat: Latitude,
    datum: Datum = "wgs84",
    as_of: date | None = None,
) -> PlaceCodes:
    """A place on a shared edge belongs to exactly one grid, always the same one."""
    wgs_lon, wgs_lat = (float(value) for value in gis.crs.to_wgs84(lon, lat, datum))
    day = as_of or today
    codes = data.areas.holding(session, wgs_lon, wgs_lat, as_of=day)
    return PlaceCodes(lon=wgs_lon, lat=wgs_lat, as_of=day, areas=codes)


@router.get("/{code}", summary="One area with its outline")
def get(session: Session, today: Today, code: Code, as_of: date | None = None) -> AreaFeature:
    """A GeoJSON feature, EPSG:4326."""
    row = data.areas.get(session, code, as_of=as_of or today)
    return AreaFeature(id=code, geometry=row.pop("geometry"), properties=Area(**row))
