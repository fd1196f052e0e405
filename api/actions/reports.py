"""What may be done with a report: file it, move it on, say that it is late."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import data.audit
import data.cases
import data.categories
import data.changes
import data.photos
import gis.calendar
import gis.categories
import gis.crs
import gis.deadlines
import gis.plausibility
import gis.reports
import gis.routing
from data.cases import About, Author, Case
from gis.categories import Category
from gis.errors import Conflict, NotAllowed, NotFound
from gis.plausibility import Context, Fix, Reason
from gis.reports import Actor, Event, Proof, Report, Submission

if TYPE_CHECKING:
    from api.auth import Caller
    from data.db import Session

#: A status as HTTP has it, and the document that goes with it.
Answer = tuple[int, dict[str, Any]]

CODES = {"street": "street_code", "community": "community_code", "grid": "grid_code"}
#: Moves after which it is told how far from the place of the report somebody stood.
ON_SITE = ("resolve", "close")


# Filing ---------------------------------------------------------------------------------------------------------------


def receive(session: Session, who: Caller, uuid: str, body: Submission, *, now: datetime) -> Answer:
    """Keep a report under the phone's own id: 201 the first time, 200 and the same answer ever after.

    Another body under the same id is 409: it is kept beside the first one, for staff to decide which holds.
    """
    lon, lat = (float(degrees) for degrees in gis.crs.to_wgs84(body.lon, body.lat, body.datum))

    def about() -> About:
        day = gis.calendar.local_day(now)
        author = Author(who.user_id, who.role)
        return data.cases.about(session, author, client_id=uuid, category=body.category, lon=lon, lat=lat, day=day)

    known = about()
    gis.reports.check(uuid, body, categories=() if known.category is None else (body.category,))
    if known.known is None:
        row = _kept(session, who, uuid, body, known, (lon, lat), now)
        if row is not None:
            return 201, receipt(row)
        known = about()  # the same report came twice at once, and the other one was first
    return _again(session, who, body, known.known or {})


def receipt(row: dict[str, Any]) -> dict[str, Any]:
    """What a phone is told: facts that never change, so that every resend gets the same answer."""
    at = row["received_at"]
    return {
        "id": str(row["id"]), "client_id": row["client_id"], "category": row["category"],
        "received_at": (datetime.fromisoformat(at) if isinstance(at, str) else at).astimezone(UTC),
        "areas": {level: row[name] for level, name in CODES.items() if row[name]},
        "photos_declared": len(row["photos"]), "url": f"/api/reports/{row['id']}",
    }  # fmt: skip


def _kept(
    session: Session, who: Caller, uuid: str, body: Submission, about: About, place: tuple[float, float], now: datetime
) -> dict[str, Any] | None:
    """The row of a new report, or None where another one was quicker."""
    assert about.category is not None
    filed, event = gis.reports.receive(str(uuid4()), actor(who), at=now, photos_declared=len(body.photos))
    suspect = _suspect(body, about, place, now)
    row = {
        "id": filed.id, "author_id": who.user_id, "client_id": uuid, "category": body.category,
        "status": filed.status, "version": filed.version, "moved_at": now, "received_at": now,
        "suspect": data.cases.reasons(suspect), "routed": _routed(about, about.category), "synthetic": False,
        **said(body), **_codes(about), **due([event], about.category),
    }  # fmt: skip
    if not data.cases.file(session, row, event, _facts(event, body.category), lon=place[0], lat=place[1]):
        return None
    data.photos.attach(session, filed.id, who.user_id, body.photos, _codes(about))
    return row


def said(body: Submission) -> dict[str, Any]:
    """The columns that repeat what was sent."""
    return {
        "category": body.category, "text": body.text, "lon_sent": body.lon, "lat_sent": body.lat,
        "datum_sent": body.datum, "accuracy_m": body.accuracy_m, "captured_at": body.captured_at,
        "sent_at": body.sent_at, "photos": list(body.photos), "mocked": body.mocked,
        "body_hash": gis.reports.fingerprint(body),
    }  # fmt: skip


def _again(session: Session, who: Caller, body: Submission, known: dict[str, Any]) -> Answer:
    """A report that is there already: the same body or another one."""
    sha256 = gis.reports.fingerprint(body)
    if known["body_hash"] == sha256:
        return 200, receipt(known)
    number, fresh = data.cases.add_conflict(session, known["id"], body_hash=sha256, body=gis.reports.to_json(body))
    if fresh:
        codes = {name: known[name] for name in CODES.values()}
        data.changes.record(session, "report", known["id"], "disputed", {"conflict": number}, codes=codes)
        audit(session, who, "report.disputed", known["id"], {"conflict": number})
    return 409, {"report": f"/api/reports/{known['id']}", "conflict": number}


def _codes(about: About) -> dict[str, str | None]:
    """Where a report lies; outside of all areas it is handled where its author works, so that somebody sees it."""
    held = about.areas if any(level in about.areas for level in CODES) else about.home or {}
    return {name: held.get(level) for level, name in CODES.items()}


def _suspect(body: Submission, about: About, place: tuple[float, float], now: datetime) -> tuple[Reason, ...]:
    fix = Fix(*place, body.captured_at, body.accuracy_m, body.mocked)
    return gis.plausibility.reasons(
        fix, Context(now, body.sent_at, about.beyond_m, last=about.last, outside=not about.areas)
    )


def _routed(about: About, category: Category) -> dict[str, Any]:
    """Which unit the rules propose and why; where they contradict each other, which ones."""
    areas = list(about.areas.values())
    try:
        return vars(gis.routing.route(about.rules, category=category.code, family=category.family, areas=areas))
    except Conflict as clash:
        return {"unit": "", "clash": clash.facts["rules"]}


# Moving on ------------------------------------------------------------------------------------------------------------


def move(
    session: Session, who: Caller, report_id: str, name: str, proof: Proof, *, version: int, now: datetime
) -> Answer:
    """Move a report on: 200 and how it stands; 409 and the same where it no longer is what the caller saw."""
    case = data.cases.get(session, report_id, partner=who.role == "partner")
    if version != case.report.version:
        return 409, document(case, who, now=now)
    _require_seat(session, who, case, name)
    if name == "merge":
        _require_target(session, proof.merged_into)
    category = category_after(session, case, proof)
    standing = replace(case.report, photos_missing=case.report.photos_missing + _not_come(session, who, case, proof))
    after, event = gis.reports.move(standing, name, actor=actor(who), at=now, proof=proof)
    content = {"category": proof.category} if name == "correct" else None
    return carry_out(session, who, case, after, event, category=category, content=content)


def carry_out(
    session: Session, who: Caller, case: Case, after: Report, event: Event, *, category: Category | None,
    content: dict[str, Any] | None,
) -> Answer:  # fmt: skip
    """Keep a move that is allowed, unless somebody else was quicker."""
    by = due([*case.events, event], category)
    if who.role == "partner" and by == due(case.events, case.category):
        by = {}  # its key may not name deadlines, so they must not look new for being unseen before
    moved = data.cases.set(session, case, after, due=by, content=content)
    if moved:
        codes = case.codes | {name: code for name, code in (content or {}).items() if name in case.codes}
        data.photos.attach(session, case.report.id, who.user_id, event.proof.photos, codes)
        _told(
            session,
            who,
            event,
            category=None if category is None else category.code,
            codes=codes,
            suspect=_astray(case, event),
        )
    now_standing = data.cases.get(session, case.report.id, partner=who.role == "partner")
    return 200 if moved else 409, document(now_standing, who, now=event.at)


def _require_target(session: Session, report_id: str) -> None:
    """Merging goes to one that stands, and never in a circle."""
    target = data.cases.find(session, report_id)
    if target is None:
        raise NotFound("reports.absent")
    if target.report.status == "rejected":
        raise Conflict("reports.merge_target")


def _require_seat(session: Session, who: Caller, case: Case, name: str) -> None:
    """Whoever wrote a report but does not work where it lies does not decide about it."""
    wrote = who.user_id is not None and case.columns["author_id"] == who.user_id
    if wrote and name not in gis.reports.BY_AUTHOR and not data.cases.seated(session, case, role=who.role):
        raise NotAllowed("reports.elsewhere", move=name)


def _not_come(session: Session, who: Caller, case: Case, proof: Proof) -> int:
    """How many photos of a proof the caller has not sent herself, beside those that are known to be missing."""
    if who.user_id is None or not proof.photos:
        return 0
    sent = data.photos.sent(session, who.user_id, proof.photos)
    return len({*proof.photos} - sent - ({*case.photos} - case.photos_here))


def category_after(session: Session, case: Case, proof: Proof) -> Category | None:
    """The category whose limit counts from now on."""
    if not proof.category:
        return case.category
    return gis.categories.find(data.categories.catalogue(session), proof.category)


def _astray(case: Case, event: Event) -> tuple[Reason, ...]:
    """Whether who was on site stood where the report is."""
    place, lon, lat = event.proof.place, case.columns["lon"], case.columns["lat"]
    if event.move not in ON_SITE or place is None or lon is None:
        return ()
    fix = Fix(place.lon, place.lat, event.at, place.accuracy_m)
    away = gis.plausibility.metres(Fix(lon, lat, event.at), fix)
    return gis.plausibility.reasons(fix, Context(event.at, away_m=away))


def due(events: list[Event], category: Category | None) -> dict[str, Any]:
    """By when it is to be dealt with, as columns."""
    if category is None:
        return {"due_at": None, "warn_at": None, "due_unknown": None}
    found = gis.deadlines.due(events, category.limit, calendar=gis.calendar.statutory())
    return {"due_at": found.due_at, "warn_at": found.warn_at, "due_unknown": found.unknown or None}


def actor(who: Caller) -> Actor:
    """The caller as the rules know her."""
    return Actor(who.user_id, "citizen" if who.role == "public" else who.role)


def _told(
    session: Session, who: Caller, event: Event, *, category: str | None, codes: dict[str, str | None],
    suspect: tuple[Reason, ...] = (),
) -> None:  # fmt: skip
    """Keep the event, and tell the feed and the log."""
    data.cases.add_event(session, event, suspect=suspect)
    facts = _facts(event, category)
    data.changes.record(session, "report", event.report_id, event.move, facts, codes=codes)
    audit(session, who, f"report.{event.move}", event.report_id, {"version": event.version})


def _facts(event: Event, category: str | None) -> dict[str, Any]:
    """What the feed is told of an event."""
    return {"status": event.target, "version": event.version, "category": category}


def audit(session: Session, who: Caller, action: str, subject: str, facts: dict[str, Any]) -> None:
    data.audit.record(session, actor=who.actor or "system", action=action, subject=subject, facts=facts)


# Telling --------------------------------------------------------------------------------------------------------------


def document(case: Case, who: Caller, *, now: datetime) -> dict[str, Any]:
    """A report with all that happened to it, what the caller may do next, why it goes where it goes, and by when."""
    columns, report = case.columns, case.report
    shown = {
        name: columns.get(name)
        for name in (
            "id", "client_id", "category", "status", "version", "text", "lon", "lat", "accuracy_m", "captured_at",
            "sent_at", "received_at", "moved_at", "on_hold", "unit", "street_code", "community_code", "grid_code",
            "due_at", "warn_at", "due_unknown", "merged_into", "synthetic", "routed", "suspect",
        )
    }  # fmt: skip
    return shown | {
        "mine": columns["author_id"] is not None and columns["author_id"] == who.user_id,
        "overdue": _overdue(case, who, now),
        "photos": None if columns["photos"] is None else _photos(case),
        "events": [_event(row, who) for row in case.history],
        "moves": [_open_move(name) for name in gis.reports.allowed(report, actor(who).role)],
        "merged": list(case.merged), "disputes": case.disputes,
    }  # fmt: skip


def _overdue(case: Case, who: Caller, now: datetime) -> bool | None:
    at = case.columns["due_at"]
    if at is None and who.role == "partner":
        return None  # not owed, or not for its key to know
    return bool(at and at < now and case.report.status in gis.reports.TO_DO)


def _photos(case: Case) -> dict[str, Any]:
    """Photo 2 of 3."""
    named = case.photos
    return {"declared": len(named), "here": len(case.photos_here & {*named}),
            "missing": [sha256 for sha256 in named if sha256 not in case.photos_here]}  # fmt: skip


def _event(row: dict[str, Any], who: Caller) -> dict[str, Any]:
    """One event; who did it is told to staff alone, everybody else learns whether it was she herself."""
    person = row.get("actor_id")
    return {name: value for name, value in row.items() if name not in ("report_id", "actor_id")} | {
        "mine": person is not None and person == who.user_id,
        "actor_id": person if who.role in gis.reports.STAFF else None,
    }


def _open_move(name: str) -> dict[str, Any]:
    return {"move": name, "needs": list(gis.reports.MOVES[name].needs)}


# Being late -----------------------------------------------------------------------------------------------------------


def remind(session: Session, *, now: datetime | None = None) -> int:
    """Put into the feed, once each, which reports will soon be late and which are; nothing else happens by itself."""
    told = 0
    for what in ("warned", "overdue"):
        for row in data.cases.mark(session, what, now=now):
            facts = {"status": row["status"], "category": row["category"], "due_at": row["due_at"].isoformat()}
            data.changes.record(session, "report", row["id"], what, facts, codes=row)
            told += 1
    return told
