"""Reports as cases: what must be known before one is kept, how it stands, and everything that happened to it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

import data.categories
import data.places
from data.db import Session, ask
from data.tables import report, report_conflict, report_event
from gis.categories import Category
from gis.errors import Conflict, NotFound
from gis.plausibility import Fix, Reason
from gis.reports import Actor, Event, Place, Proof, Report
from gis.routing import Rule

CASE = (Path(__file__).parent / "sql" / "reports_case.sql").read_text("utf-8")
PLACE = "ST_SetSRID(ST_MakePoint(%(lon)s, %(lat)s), 4326)"
ABOUT = f"""SELECT wangge_private.report_about(
    %(client_id)s, %(user_id)s, %(role)s, %(category)s, {PLACE}, %(day)s)"""
FILE = f"SELECT wangge_private.report_file(%(filed)s, {PLACE}, %(happened)s, %(told)s)"
#: What there is to say of a first event; the rest of its columns have nothing to say yet.
FIRST = ("version", "move", "actor_id", "actor_role", "at", "source", "target")
SEATED = "SELECT wangge_private.my_codes(:role) && CAST(:codes AS text[])"
#: What a partner may read of a report, and of what happened to it; what its key does not name is null.
PARTNER = (
    "id", "author_id", "client_id", "category", "status", "version", "moved_at", "on_hold", "unit", "merged_into",
    "captured_at", "received_at", "text", "photos", "due_at", "warn_at", "due_unknown", "street_code", "community_code",
    "grid_code", "synthetic",
)  # fmt: skip
PARTNER_EVENT = (
    "report_id", "version", "move", "actor_role", "at", "source", "target", "reason", "text", "unit", "photos",
    "amount", "merged_into", "category",
)  # fmt: skip
#: Stands for the unit of a report whose reader may not see it: only a move that changes it is written.
UNSEEN = "-"
HIDDEN = ("geom", "lon", "lat", "import_id", "household_id", "facility_id", "warned_at", "overdue_at")


# Before it is kept ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class About:
    """What is known about a report before it is kept.

    `areas`: code by level of whatever holds the place. `home`: the place its author is assigned to. `last`: her last
    fix. `beyond_m`: how far the place is from the grids of an inspector (None inside, and for everybody else). `known`:
    the report she has sent under this id before.
    """

    areas: dict[str, str]
    home: dict[str, str | None] | None
    last: Fix | None
    category: Category | None
    rules: tuple[Rule, ...]
    beyond_m: float | None
    known: dict[str, Any] | None


@dataclass(frozen=True)
class Author:
    """Who reports; `user_id` is None for the system itself."""

    user_id: int | None
    role: str


def about(
    session: Session, author: Author, *, client_id: str, category: str, lon: float, lat: float, day: date
) -> About:
    """Everything at once, in one statement."""
    values = {"client_id": client_id, "category": category, "lon": lon, "lat": lat, "day": day}
    (row,) = ask(session, ABOUT, values | vars(author))
    last = row["last"] and Fix(row["last"][0], row["last"][1], datetime.fromisoformat(row["last"][2]), row["last"][3])
    return About(
        row["areas"], row["home"], last, row["category"] and data.categories.category(row["category"]),
        tuple(Rule(*rule) for rule in row["rules"]), row["beyond_m"], row["known"],
    )  # fmt: skip


def file(
    session: Session, values: Mapping[str, Any], event: Event, told: Mapping[str, Any], *, lon: float, lat: float
) -> bool:
    """Keep a report with its first event, and tell the feed (`told`) and the log of it, in one statement.

    False, and nothing kept, where its author has sent one under this id in the same moment.
    """
    happened = {name: value for name, value in _event_values(event).items() if name in FIRST}
    kept = {"filed": _json(values), "happened": _json(happened), "told": _json(told), "lon": lon, "lat": lat}
    (new,) = ask(session, FILE, kept)
    return bool(new)


def _json(values: Mapping[str, Any]) -> str:
    return json.dumps(dict(values), ensure_ascii=False, default=datetime.isoformat)


def add_event(session: Session, event: Event, *, suspect: Sequence[Reason] = ()) -> None:
    """Keep what happened."""
    session.execute(insert(report_event), _event_values(event) | {"suspect": reasons(suspect)})


def reasons(found: Sequence[Reason]) -> list[dict[str, Any]]:
    """Marks as they are kept."""
    return [{"code": reason.code, "facts": reason.facts} for reason in found]


def _event_values(event: Event) -> dict[str, Any]:
    proof, place = event.proof, event.proof.place
    return {
        "report_id": event.report_id, "version": event.version, "move": event.move, "actor_id": event.actor.id,
        "actor_role": event.actor.role, "at": event.at, "source": event.source, "target": event.target,
        "reason": proof.reason, "text": proof.text, "unit": proof.unit, "photos": list(proof.photos),
        "lon": place and place.lon, "lat": place and place.lat, "accuracy_m": place and place.accuracy_m,
        "amount": proof.amount, "merged_into": proof.merged_into, "category": proof.category,
    }  # fmt: skip


# As it stands ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A report as it stands, the columns of it that its reader may see, and its whole history.

    `photos_here`: sha256 of those that have come. `merged`: reports that were merged into this one. `disputes`: other
    bodies nobody has decided about.
    """

    report: Report
    columns: dict[str, Any]
    category: Category | None
    history: tuple[dict[str, Any], ...]
    photos_here: frozenset[str]
    merged: tuple[str, ...]
    disputes: int

    @property
    def events(self) -> list[Event]:
        """The history as `gis.reports` knows it."""
        return [event(row) for row in self.history]

    @property
    def codes(self) -> dict[str, str | None]:
        """Where it lies."""
        return {name: self.columns[name] for name in ("street_code", "community_code", "grid_code")}

    @property
    def photos(self) -> list[str]:
        """Every photo that was ever declared, with the report or with a move."""
        return _declared(self.columns, self.history)


def find(session: Session, report_id: str, *, partner: bool = False) -> Case | None:
    """A report that the reader may see, with its history; a partner sees fewer columns of both."""
    row = session.execute(_CASE[partner], {"id": report_id}).mappings().one_or_none()
    return None if row is None else _case(dict(row), partner=partner)


def get(session: Session, report_id: str, *, partner: bool = False) -> Case:
    """The same, or a refusal: absent and not yours are alike."""
    found = find(session, report_id, partner=partner)
    if found is None:
        raise NotFound("reports.absent")
    return found


def seated(session: Session, case: Case, *, role: str) -> bool:
    """Whether the reader is assigned to where a report lies."""
    codes = [code for code in case.codes.values() if code]
    return bool(session.scalar(text(SEATED), {"role": role, "codes": codes}))


def event(row: Mapping[str, Any]) -> Event:
    """A row of the history as `gis.reports` knows it."""
    place = None if row.get("lon") is None else Place(row["lon"], row["lat"], row["accuracy_m"])
    proof = Proof(
        row["reason"] or "", row["text"] or "", row["unit"] or "", tuple(row["photos"] or ()), place, row["amount"],
        row["merged_into"], row["category"],
    )  # fmt: skip
    actor = Actor(row.get("actor_id"), row["actor_role"])
    at = datetime.fromisoformat(row["at"])
    return Event(row["report_id"], row["version"], row["move"], actor, at, row["source"], row["target"], proof)


def set(
    session: Session, case: Case, after: Report, *, due: Mapping[str, Any], content: Mapping[str, Any] | None = None
) -> bool:
    """Let the report stand as it does after a move; False where somebody else has moved it in the meantime.

    `content`: columns of what it says, where that is put right.
    """
    before = case.report
    changed = {name: value for name, value in _state(after).items() if value != _state(before)[name]}
    said = {name: value for name, value in due.items() if value != case.columns[name]}
    again = {"warned_at": None, "overdue_at": None} if "due_at" in said else {}
    stated = (
        update(report)
        .where(report.c.id == before.id, report.c.version == before.version)
        .values(changed | said | again | dict(content or {}))
        .returning(report.c.id)
    )
    return session.execute(stated).first() is not None


def _state(standing: Report) -> dict[str, Any]:
    return {
        "status": standing.status, "version": standing.version, "moved_at": standing.moved_at,
        "on_hold": standing.on_hold, "unit": standing.unit or None, "merged_into": standing.merged_into or None,
        "resolved_by": standing.resolved_by,
    }  # fmt: skip


def _declared(columns: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> list[str]:
    named = [sha256 for row in (columns, *history) for sha256 in row["photos"] or ()]
    return list(dict.fromkeys(named))


def _case(row: dict[str, Any], *, partner: bool) -> Case:
    history = tuple(row.pop("events") or ())
    category, merged, disputes = row.pop("category_row"), tuple(row.pop("merged")), row.pop("disputes")
    here = frozenset(row.pop("photos_here"))
    missing = len({*_declared(row, history)} - here)
    row["unit"] = row["unit"] if partner else row["unit"] or ""
    unit = UNSEEN if row["unit"] is None else row["unit"]
    standing = Report(
        row["id"], row["status"], row["version"], row["moved_at"], unit, row["on_hold"],
        row["merged_into"] or "", row.get("resolved_by"), missing,
    )  # fmt: skip
    known = None if category is None else data.categories.category(category)
    return Case(standing, row, known, history, here, merged, disputes)


def _case_query(partner: bool) -> str:
    seen = [
        f"{column.name}::text" if column.name in ("id", "merged_into") else column.name
        for column in report.c
        if column.name not in HIDDEN and (not partner or column.name in PARTNER)
    ]
    told = [column.name for column in report_event.c if column.name not in data.places.CODES]
    told = [name for name in told if name != "author_id" and (not partner or name in PARTNER_EVENT)]
    reports = "wangge_private.partner_reports(ARRAY[CAST(:id AS uuid)])" if partner else "report"
    events = "wangge_private.partner_events(report.id)" if partner else "report_event"
    return CASE.format(columns=", ".join(seen), event_columns=", ".join(told), reports=reports, events=events)


def mark(session: Session, what: str, *, now: datetime | None = None) -> list[dict[str, Any]]:
    """Note once that it is time to warn about a report (`warned`) or that it is `overdue`; says which ones."""
    moment = {"warned": "warn_at", "overdue": "due_at"}[what]
    query = f"""
        UPDATE report SET {what}_at = coalesce(:now, now())
        WHERE {moment} < coalesce(:now, now()) AND {what}_at IS NULL
          AND status IN ('received', 'accepted', 'assigned', 'reopened')
        RETURNING id::text AS id, category, status, due_at, street_code, community_code, grid_code"""  # noqa: S608
    return [dict(row) for row in session.execute(text(query), {"now": now}).mappings()]


# Other bodies ---------------------------------------------------------------------------------------------------------


def add_conflict(session: Session, report_id: str, *, body_hash: str, body: Mapping[str, Any]) -> tuple[int, bool]:
    """Keep another body that came under the id of a report; its number, and whether it is a new one."""
    row = {"report_id": report_id, "body_hash": body_hash, "body": dict(body)}
    keys = ["report_id", "body_hash"]
    added = session.execute(
        upsert(report_conflict).values(row).on_conflict_do_nothing(index_elements=keys).returning(report_conflict.c.id)
    ).scalar()
    if added is not None:
        return int(added), True
    same = select(report_conflict.c.id).where(
        report_conflict.c.report_id == report_id, report_conflict.c.body_hash == body_hash
    )
    return int(session.execute(same).scalar_one()), False


def conflicts(session: Session, *, report_id: str | None = None, after: int = 0, limit: int) -> list[dict[str, Any]]:
    """Other bodies that nobody has decided about, or all of those of one report, in the order they came."""
    query = select(*_DISPUTE).where(report_conflict.c.id > after).order_by(report_conflict.c.id).limit(limit)
    if report_id is None:
        query = query.where(report_conflict.c.kept.is_(None))
    else:
        query = query.where(report_conflict.c.report_id == report_id)
    return [dict(row) for row in session.execute(query).mappings()]


def set_conflict(session: Session, conflict_id: int, **values: Any) -> None:
    """Keep what was decided about another body; refused where somebody has decided already."""
    undecided = update(report_conflict).where(report_conflict.c.id == conflict_id, report_conflict.c.kept.is_(None))
    if not session.execute(undecided.values(values)).rowcount:  # type: ignore[attr-defined]
        raise Conflict("reports.conflict_decided")


_DISPUTE = [column for column in report_conflict.c if column.name not in ("author_id", "decided_by", "body_hash")]
_CASE = {partner: text(_case_query(partner)) for partner in (False, True)}
