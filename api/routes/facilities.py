"""Care facilities: read by everybody, kept by the staff of the area they stand in."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Header, Path, Query, Request, Response

import api.actions.facilities
import data.facilities
from api.deps import Limit, Session, Today, Who, WriteSession, allow, next_link
from api.routes.areas import BBOX
from api.schemas.areas import Code
from api.schemas.facilities import Facility, FacilityAsked, FacilityChange, FacilityId, FacilityList, Status
from api.schemas.scenarios import Kind

router = APIRouter(prefix="/api/facilities", tags=["facilities"])
STAFF = allow("community", "street")

Id = Annotated[FacilityId, Path()]
Version = Annotated[str, Header(alias="If-Match", pattern=r'^"\d{1,9}"$', description="The ETag of the facility.")]


def _shown(row: dict[str, object], response: Response) -> Facility:
    shown = Facility.model_validate({name: row[name] for name in Facility.model_fields})
    response.headers["ETag"] = f'"{shown.version}"'
    return shown


@router.get("", summary="The facilities, by kind, state and place")
def search(
    request: Request,
    session: Session,
    kind: Kind | None = None,
    status: Status | None = None,
    within: Annotated[Code | None, Query(description="Only those in this area.")] = None,
    bbox: Annotated[
        str | None, Query(pattern=BBOX, max_length=120, description="west,south,east,north (WGS84)")
    ] = None,
    after: Annotated[FacilityId | None, Query(description="From the `next` link.")] = None,
    limit: Limit = 100,
) -> FacilityList:
    """In the order of their ids; closed ones too, unless `status` says otherwise."""
    box = None if bbox is None else tuple(map(float, bbox.split(",")))
    rows = data.facilities.search(session, kind=kind, status=status, within=within, bbox=box, after=after, limit=limit)
    found = [Facility(**{name: row[name] for name in Facility.model_fields}) for row in rows]
    last = found[-1].id if found else None
    return FacilityList(facilities=found, next=next_link(request, rows=len(found), limit=limit, after=last))


@router.get("/{facility_id}", summary="One facility")
def get(session: Session, facility_id: Id, response: Response) -> Facility:
    """Its version is the ETag."""
    return _shown(data.facilities.get(session, facility_id), response)


@router.post("", summary="Keep a new facility", status_code=201, dependencies=[STAFF])
def add(
    session: WriteSession, who: Who, today: Today, asked: FacilityAsked, request: Request, response: Response
) -> Facility:
    """In one's own area; its place says which area that is."""
    made = api.actions.facilities.add(session, who, asked.model_dump(), today=today)
    response.headers["Location"] = f"{request.url.path}/{quote(asked.id, safe='')}"
    return _shown(made, response)


@router.patch("/{facility_id}", summary="Change or close a facility", dependencies=[STAFF])
def change(
    session: WriteSession, who: Who, today: Today, facility_id: Id, asked: FacilityChange, version: Version,
    response: Response,
) -> Facility:  # fmt: skip
    """409 when somebody has changed it since that version. A closed one (`status`) keeps its row."""
    values = asked.model_dump(exclude_unset=True)
    made = api.actions.facilities.change(
        session, who, facility_id, values, version=int(version.strip('"')), today=today
    )
    return _shown(made, response)
