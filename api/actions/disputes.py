"""Two bodies under one id: staff decide which holds, and the other one is kept all the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import api.actions.reports
import data.areas
import data.cases
import gis.calendar
import gis.crs
import gis.reports
from api.actions.reports import Answer
from data.cases import Case
from gis.errors import Invalid, NotFound
from gis.reports import Proof, Submission

if TYPE_CHECKING:
    from api.auth import Caller
    from data.db import Session


def decide(
    session: Session, who: Caller, report_id: str, conflict_id: int, *, keep: str, reason: str, now: datetime
) -> Answer:
    """Decide which of two bodies holds; the one that does not is kept all the same.

    `keep`: "first" leaves the report as it is; "other" puts the other body in its place, by a move of its own.
    """
    if not reason.strip():
        raise Invalid("reports.conflict_reason")
    case = data.cases.get(session, report_id)
    dispute = _undecided(session, report_id, conflict_id)
    decided = {"kept": keep, "reason": reason, "decided_by": who.user_id, "decided_at": now}
    if keep == "first":
        data.cases.set_conflict(session, conflict_id, **decided)
        api.actions.reports.audit(session, who, "report.decide", report_id, {"conflict": conflict_id, "keep": keep})
        return 200, api.actions.reports.document(replace(case, disputes=case.disputes - 1), who, now=now)
    other, first = gis.reports.from_json(dispute["body"]), _first(case)
    data.cases.set_conflict(
        session, conflict_id, **decided, body=gis.reports.to_json(first), body_hash=case.columns["body_hash"]
    )
    return _put_right(session, who, case, other, reason=reason, now=now)


def _undecided(session: Session, report_id: str, conflict_id: int) -> dict[str, Any]:
    listed = data.cases.conflicts(session, report_id=report_id, limit=1000)
    dispute = next((row for row in listed if row["id"] == conflict_id), None)
    if dispute is None:
        raise NotFound("reports.conflict_absent")
    return dispute


def _first(case: Case) -> Submission:
    """The body that holds now, out of the columns that repeat it."""
    columns = case.columns
    return Submission(
        columns["category"], columns["text"], columns["lon_sent"], columns["lat_sent"], columns["captured_at"],
        columns["accuracy_m"], tuple(columns["photos"]), columns["datum_sent"], columns["mocked"], columns["sent_at"],
    )  # fmt: skip


def _put_right(session: Session, who: Caller, case: Case, body: Submission, *, reason: str, now: datetime) -> Answer:
    """Let the report say what another body says; its place codes follow the new place."""
    proof = Proof(reason=reason, category=body.category)
    after, event = gis.reports.move(case.report, "correct", actor=api.actions.reports.actor(who), at=now, proof=proof)
    lon, lat = (float(degrees) for degrees in gis.crs.to_wgs84(body.lon, body.lat, body.datum))
    held = data.areas.holding(session, lon, lat, as_of=gis.calendar.local_day(case.columns["received_at"]))
    codes = {name: held.get(level) for level, name in api.actions.reports.CODES.items()} if held else case.codes
    content = api.actions.reports.said(body) | codes | {"geom": f"SRID=4326;POINT({lon!r} {lat!r})"}
    category = api.actions.reports.category_after(session, case, proof)
    return api.actions.reports.carry_out(session, who, case, after, event, category=category, content=content)
