"""Reports: filing them, finding them, moving them on."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse

import api.actions.citizens
import api.actions.disputes
import api.actions.figures
import api.actions.reports
import api.errors
import data.cases
import data.reports
import gis.frames
from api.auth import Caller
from api.deps import Limit, Now, Opened, Session, Who, WriteSession, allow, in_one_turn, key_scope, next_link
from api.routes.areas import BBOX
from api.schemas.areas import Code, Datum, Latitude, Longitude
from api.schemas.reports import (
    Category,
    DecisionBody,
    Dispute,
    DisputeList,
    Figures,
    FiguresRow,
    ListedReport,
    MergeBody,
    MoveBody,
    Near,
    NearList,
    Receipt,
    Report,
    ReportBody,
    ReportList,
    Status,
    Uuid,
)
from data.db import Session as DbSession
from data.reports import Wanted
from gis.errors import Invalid
from gis.reports import Proof

router = APIRouter(prefix="/api/reports", tags=["reports"])

FILERS = ("inspector", "community", "street", "partner")
SEERS = allow(*FILERS)
STAFF = allow("community", "street")


def _may_file(request: Request, who: Caller) -> None:
    """Let pass who may file: those with an account, and where citizens may, anybody."""
    if who.user_id is None:
        request.app.state.citizens.let_in(request)
    else:
        who.need(*FILERS)
    who.need_scope("reports:write")


READS, WRITES = key_scope("reports:read"), key_scope("reports:write")

ReportId = Annotated[Uuid, Path(description="The id of the receipt.")]
Box = Annotated[str | None, Query(pattern=BBOX, max_length=120, description="west,south,east,north (WGS84)")]


@router.put(
    "/{uuid}", response_model=Receipt, summary="File a report",
    responses={201: {"model": Receipt}, 409: {"description": "Another body under this id; both are kept."}},
)  # fmt: skip
async def receive(
    uuid: Annotated[Uuid, Path(description="The phone's own UUID; sending it again is safe.")],
    body: ReportBody, request: Request, now: Now,
) -> Response:  # fmt: skip
    """201 the first time, 200 with the same answer for the same body, 409 for another one, which is kept as well.

    Where citizens may file, it needs no token: then no photos, and another body under an id is 409 and not kept.
    """

    def file(opened: Opened) -> Response:
        _may_file(request, opened.who)
        if opened.who.user_id is None:
            return _from_a_citizen(uuid, body, request, opened.session, now)
        status, told = api.actions.reports.receive(opened.session, opened.who, uuid, body.submission(), now=now)
        if status == 409:
            return api.errors.problem(request, 409, "reports.other_body", **told)
        return _json(status, Receipt(**told))

    return await in_one_turn(request, file)


def _from_a_citizen(uuid: str, body: ReportBody, request: Request, session: DbSession, now: datetime) -> Response:
    status, told = api.actions.citizens.receive(session, uuid, body.submission(), now=now)
    if status == 409:
        return api.errors.problem(request, 409, "citizens.other_body")
    return _json(status, Receipt(**told))


@router.get("", dependencies=[SEERS, READS], summary="The reports the caller may see, the newest first")
def search(
    request: Request, session: Session, who: Who, now: Now,
    status: Annotated[list[Status] | None, Query(description="May be given several times.")] = None,
    category: Annotated[Category | None, Query()] = None,
    area: Annotated[Code | None, Query(description="A street, community or grid.")] = None,
    bbox: Box = None,
    since: Annotated[datetime | None, Query(description="Received from then on.")] = None,
    overdue: Annotated[bool, Query(description="Only those whose time has run out.")] = False,
    after: Annotated[str | None, Query(max_length=80, description="From the `next` link.")] = None,
    limit: Limit = 100,
) -> ReportList:  # fmt: skip
    """In the order in which they came to us."""
    wanted = _wanted(status, category, area, bbox, since, overdue)
    rows = data.reports.search(session, wanted, role=who.role, now=now, after=_place(after), limit=limit)
    last = f"{rows[-1]['received_at'].isoformat()}_{rows[-1]['id']}" if rows else None
    listed = [ListedReport(**row) for row in rows]
    return ReportList(reports=listed, next=next_link(request, rows=len(rows), limit=limit, after=last))


@router.get("/near", dependencies=[SEERS, READS], summary="Open reports that may be the same thing")
def near(
    session: Session, who: Who, now: Now, lon: Longitude, lat: Latitude, category: Annotated[Category, Query()],
    text: Annotated[str, Query(max_length=200)] = "", datum: Datum = "wgs84",
) -> NearList:  # fmt: skip
    """To be asked before filing; a person decides."""
    found = api.actions.figures.near(
        session, role=who.role, category=category, place=(lon, lat, datum), text=text, now=now
    )
    return NearList(reports=[Near(**row) for row in gis.frames.records(found)])


@router.get("/figures", dependencies=[allow("inspector", "community", "street")], summary="The evaluation of a period")
def figures(
    session: Session, who: Who, now: Now, since: datetime, until: datetime,
    by: api.actions.figures.By = "community",
) -> Figures:  # fmt: skip
    """Of the reports the caller may see; planners, partners and the public get no counts at all."""
    rows = api.actions.figures.of_period(session, role=who.role, since=since, until=until, by=by, now=now)
    return Figures(since=since, until=until, as_of=now, by=by, groups=[FiguresRow(**row) for row in rows])


@router.get("/export", dependencies=[SEERS, READS], summary="The same list as a file", response_class=Response)
def export(
    session: Session, who: Who, now: Now, form: Annotated[api.actions.figures.Form, Query(alias="format")] = "csv",
    status: Annotated[list[Status] | None, Query()] = None,
    category: Annotated[Category | None, Query()] = None, area: Annotated[Code | None, Query()] = None,
    bbox: Box = None, since: datetime | None = None, overdue: bool = False,
) -> Response:  # fmt: skip
    """At most 100,000 rows; no cell is taken for a formula."""
    wanted = _wanted(status, category, area, bbox, since, overdue)
    content = api.actions.figures.exported(session, wanted, role=who.role, form=form, now=now)
    headers = {"Content-Disposition": f'attachment; filename="reports.{form}"'}
    return Response(content, media_type=api.actions.figures.MEDIA[form], headers=headers)


@router.get("/conflicts", dependencies=[STAFF], summary="Other bodies that wait for a decision")
def conflicts(
    request: Request, session: Session, after: Annotated[int, Query(ge=0, le=2**53)] = 0, limit: Limit = 100
) -> DisputeList:
    """Two different bodies came under one id: somebody must say which holds."""
    rows = data.cases.conflicts(session, after=after, limit=limit)
    last = rows[-1]["id"] if rows else None
    listed = [Dispute(**row) for row in rows]
    return DisputeList(conflicts=listed, next=next_link(request, rows=len(rows), limit=limit, after=last))


@router.get("/{report_id}", dependencies=[SEERS, READS], summary="One report with all that happened to it")
def get(report_id: ReportId, session: Session, who: Who, now: Now) -> Report:
    """With the moves the caller may make, why it goes to its unit, and by when it is due."""
    case = data.cases.get(session, report_id, partner=who.role == "partner")
    return Report(**api.actions.reports.document(case, who, now=now))


@router.post(
    "/{report_id}/moves", dependencies=[SEERS, WRITES], response_model=Report, summary="Move a report on",
    responses={409: {"description": "Not as it stands; where it has moved, the answer holds `present`."}},
)  # fmt: skip
def move(report_id: ReportId, body: MoveBody, request: Request, session: WriteSession, who: Who, now: Now) -> Response:
    """Every legal move, with its proof; history is added to, never changed."""
    answer = api.actions.reports.move(session, who, report_id, body.move, body.proof(), version=body.version, now=now)
    return _moved(request, answer)


@router.post(
    "/{report_id}/merge", dependencies=[STAFF], response_model=Report, summary="Merge a report into another",
    responses={409: {"description": "Not as it stands."}},
)  # fmt: skip
def merge(
    report_id: ReportId, body: MergeBody, request: Request, session: WriteSession, who: Who, now: Now
) -> Response:
    """Both authors keep theirs; the merged one points to the other."""
    proof = Proof(reason=body.reason, merged_into=body.into)
    return _moved(
        request, api.actions.reports.move(session, who, report_id, "merge", proof, version=body.version, now=now)
    )


@router.post(
    "/{report_id}/conflicts/{conflict_id}", dependencies=[STAFF], response_model=Report,
    summary="Decide which of two bodies holds", responses={409: {"description": "Decided already."}},
)  # fmt: skip
def decide(
    report_id: ReportId, conflict_id: Annotated[int, Path(ge=1, le=2**53)], body: DecisionBody, request: Request,
    session: WriteSession, who: Who, now: Now,
) -> Response:  # fmt: skip
    """The one that does not hold is kept all the same."""
    answer = api.actions.disputes.decide(
        session, who, report_id, conflict_id, keep=body.keep, reason=body.reason, now=now
    )
    return _moved(request, answer)


def _moved(request: Request, answer: api.actions.reports.Answer) -> Response:
    status, told = answer
    if status == 409:
        return api.errors.problem(request, 409, "reports.version", present=jsonable_encoder(told))
    return _json(status, Report(**told))


def _json(status: int, told: Any) -> Response:
    return Response(told.model_dump_json(), status, media_type=JSONResponse.media_type)


def _wanted(
    status: list[Status] | None, category: str | None, area: str | None, bbox: str | None, since: datetime | None,
    overdue: bool,
) -> Wanted:  # fmt: skip
    box = None if bbox is None else tuple(map(float, bbox.split(",")))
    return Wanted(status or (), category, area, box, since, overdue)


def _place(after: str | None) -> data.reports.Place | None:
    """Where the page before ended."""
    if after is None:
        return None
    at, _, report_id = after.partition("_")
    try:
        return data.reports.Place(datetime.fromisoformat(at), str(UUID(report_id)))
    except ValueError:
        raise Invalid("reports.cursor") from None
