"""Reports: what may be filed, and the one table of moves that are allowed.

The seven steps of Chinese grid management: collect (received) → file (accepted) → dispatch (assigned) → handle and
feed back (resolved) → check on site (closed, or reopened) → evaluate (`gis.evaluation`). A report is changed only by
a move; each makes one event, and the events alone give the report back (`replay`).
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from gis.errors import BadRows, Conflict, Fault, Invalid, NotAllowed

STATES = ("received", "accepted", "assigned", "resolved", "closed", "rejected", "reopened")
#: Still somebody's work; the others end it (`reopen` and `restore` begin it again).
OPEN = frozenset({"received", "accepted", "assigned", "resolved", "reopened"})
#: Of these, where the work itself is still to be done: only they can be overdue.
TO_DO = OPEN - {"resolved"}

STAFF = frozenset({"community", "street"})
FIELD = STAFF | {"inspector"}
#: `system` is our own worker: it files and dispatches by rule.
ROLES = FIELD | {"partner", "citizen", "system"}

#: GeoReport v2 lets a description have as many.
TEXT_MOST = 4000
PHOTOS_MOST = 20

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
#: Control characters other than tab and new line, and halves of surrogate pairs: no database or XML takes them.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")

#: A move that leaves the state as it is.
SAME = ""


@dataclass(frozen=True)
class Rule:
    """One row of the table: from which states to which, who may, and what proof it needs.

    `needs` names fields of `Proof`, or `other_person` (not who resolved it last) and `all_photos` (those declared have
    come). `held`: whether it is for reports on hold (True), for those that are not (False), or for both (None).
    """

    name: str
    sources: frozenset[str]
    target: str
    roles: frozenset[str]
    needs: tuple[str, ...] = ()
    held: bool | None = False


def _rule(name: str, sources: str, target: str, roles: Iterable[str], *needs: str, held: bool | None = False) -> Rule:
    return Rule(name, frozenset(sources.split()), target, frozenset(roles), needs, held)


_ANY = " ".join(STATES)

#: Every legal move, and no other. `merge` ends in rejected, since closed always means: checked on site by another.
MOVES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        _rule("accept", "received", "accepted", STAFF | {"system"}),
        _rule("reject", "received accepted reopened", "rejected", STAFF, "reason"),
        _rule("assign", "accepted reopened", "assigned", STAFF | {"system"}, "unit"),
        _rule("return", "assigned", "accepted", FIELD | {"partner"}, "reason"),
        _rule("resolve", "assigned", "resolved", FIELD | {"partner"}, "text"),
        _rule("close", "resolved", "closed", FIELD, "photos", "place", "other_person", "all_photos"),
        _rule("reopen", "resolved closed", "reopened", FIELD, "reason"),
        _rule("restore", "rejected", "reopened", STAFF, "reason"),
        _rule("hold", "accepted assigned reopened", SAME, STAFF, "reason"),
        _rule("resume", "accepted assigned reopened", SAME, STAFF, held=True),
        _rule("extend", "assigned", SAME, STAFF, "reason", "amount"),
        _rule("merge", "received accepted assigned reopened", "rejected", STAFF, "merged_into", held=None),
        _rule("correct", _ANY, SAME, STAFF, "reason", "category", held=None),
        _rule("note", _ANY, SAME, FIELD | {"partner"}, "text", held=None),
    )
}

#: What the author of a report may do who does not work where it lies: everything else is for those who do.
BY_AUTHOR = frozenset({"note", "reopen"})


@dataclass(frozen=True)
class Actor:
    """Who acts, in which role; `id` is never shown to other people by this room (None: nobody with an account)."""

    id: int | None
    role: str


@dataclass(frozen=True)
class Place:
    """Where somebody stood: EPSG:4326 degrees, and the radius the phone claims (None: not said)."""

    lon: float
    lat: float
    accuracy_m: float | None = None


@dataclass(frozen=True)
class Proof:
    """What comes with a move. `photos` are sha256 of photos; `amount` is in the unit of the limit."""

    reason: str = ""
    text: str = ""
    unit: str = ""
    photos: tuple[str, ...] = ()
    place: Place | None = None
    amount: int = 0
    merged_into: str = ""
    category: str = ""


@dataclass(frozen=True)
class Event:
    """One thing that happened, never changed afterwards. `version` counts from 1, the filing (`receive`, `adopt`)."""

    report_id: str
    version: int
    move: str
    actor: Actor
    at: datetime
    source: str
    target: str
    proof: Proof = field(default_factory=Proof)


@dataclass(frozen=True)
class Report:
    """As it stands after its events. `on_hold` is the reason or "". `photos_missing` counts declared ones not come."""

    id: str
    status: str
    version: int
    moved_at: datetime
    unit: str = ""
    on_hold: str = ""
    merged_into: str = ""
    resolved_by: int | None = None
    photos_missing: int = 0


def receive(report_id: str, actor: Actor, *, at: datetime, photos_declared: int = 0) -> tuple[Report, Event]:
    """A new report and its first event; whoever may file is a matter of rights, any role of ours can."""
    if actor.role not in ROLES:
        raise NotAllowed("reports.role", move="receive", role=actor.role, roles=sorted(ROLES))
    event = Event(report_id, 1, "receive", actor, at, "", "received")
    return Report(report_id, "received", 1, at, photos_missing=photos_declared), event


def adopt(report_id: str, status: str, *, actor: Actor, at: datetime) -> tuple[Report, Event]:
    """A report brought in from elsewhere in the state it had there; what happened before is not known here."""
    if status not in STATES:
        raise Invalid("reports.status", states=list(STATES))
    return Report(report_id, status, 1, at), Event(report_id, 1, "adopt", actor, at, "", status)


def move(
    report: Report, name: str, *, actor: Actor, at: datetime, proof: Proof | None = None, version: int | None = None
) -> tuple[Report, Event]:
    """Carry out a move, or refuse it.

    Parameters
    ----------
    name : str
        A key of `MOVES`.
    at : datetime
        The server's time. Where it lies before the last event (a clock set back) the event takes that one's time, so
        the order of events and of times is one.
    version : int, optional
        The version the actor saw; another one refuses (``reports.version``).

    Returns
    -------
    The report after it, and the event to keep. The report given is not changed.

    Raises
    ------
    Invalid
        ``reports.move_unknown``.
    NotAllowed
        ``reports.role``, ``reports.same_person``.
    Conflict
        ``reports.version``, ``reports.move``, ``reports.on_hold``, ``reports.not_on_hold``, ``reports.proof``,
        ``reports.photos_missing``, ``reports.merged_into_itself``.
    """
    rule = MOVES.get(name)
    if rule is None:
        raise Invalid("reports.move_unknown", move=name, moves=list(MOVES))
    if version is not None and version != report.version:
        raise Conflict("reports.version", seen=version, current=report.version)
    proof = proof or Proof()
    _require_role(rule, actor)
    _require_state(rule, report)
    _require_proof(rule, report, proof=proof, actor=actor)
    event = Event(
        report.id, report.version + 1, name, actor, max(at, report.moved_at), report.status,
        rule.target or report.status, proof,
    )  # fmt: skip
    return _after(report, event), event


def allowed(report: Report, role: str) -> tuple[str, ...]:
    """The moves this role may make now, in the order of the table; what proof they need is in `MOVES`."""
    return tuple(
        rule.name
        for rule in MOVES.values()
        if role in rule.roles and report.status in rule.sources and rule.held in (None, bool(report.on_hold))
    )


def replay(events: Iterable[Event], *, photos_missing: int = 0) -> Report:
    """The report its events make; refuses a history that the table does not allow.

    Photos come on their own, so `photos_missing` is given as it is now and does not judge the past.
    """
    listed = list(events)
    report = _begun(listed)
    for event in listed[1:]:
        report, made = move(
            report, event.move, actor=event.actor, at=event.at, proof=event.proof, version=event.version - 1
        )
        if made != event:
            raise Conflict("reports.history", version=event.version, move=event.move)
    return replace(report, photos_missing=photos_missing)


def _begun(events: list[Event]) -> Report:
    """The report after its first event."""
    first = next(iter(events), None)
    if first is not None and first.move == "adopt":
        report, made = adopt(first.report_id, first.target, actor=first.actor, at=first.at)
    elif first is not None:
        report, made = receive(first.report_id, first.actor, at=first.at)
    if first is None or made != first:
        raise Conflict("reports.history", version=1, move="receive")
    return report


def _require_role(rule: Rule, actor: Actor) -> None:
    if actor.role not in rule.roles:
        raise NotAllowed("reports.role", move=rule.name, role=actor.role, roles=sorted(rule.roles))


def _require_state(rule: Rule, report: Report) -> None:
    if report.status not in rule.sources:
        raise Conflict("reports.move", move=rule.name, status=report.status, sources=sorted(rule.sources))
    if report.on_hold and rule.held is False:
        raise Conflict("reports.on_hold", move=rule.name)
    if not report.on_hold and rule.held:
        raise Conflict("reports.not_on_hold", move=rule.name)


def _require_proof(rule: Rule, report: Report, *, proof: Proof, actor: Actor) -> None:
    missing = [need for need in rule.needs if hasattr(proof, need) and not _given(getattr(proof, need))]
    if missing:
        raise Conflict("reports.proof", move=rule.name, missing=missing)
    if "other_person" in rule.needs and actor.id in (None, report.resolved_by):
        raise NotAllowed("reports.same_person", move=rule.name)
    if "all_photos" in rule.needs and report.photos_missing:
        raise Conflict("reports.photos_missing", missing=report.photos_missing)
    if "merged_into" in rule.needs and proof.merged_into == report.id:
        raise Conflict("reports.merged_into_itself")


def _given(value: object) -> bool:
    """Blank text is no reason, and no days are no extension."""
    if isinstance(value, int):
        return value > 0
    return bool(value.strip() if isinstance(value, str) else value)


def _after(report: Report, event: Event) -> Report:
    later = replace(report, status=event.target, version=event.version, moved_at=event.at)
    proof = event.proof
    match event.move:
        case "assign":
            return replace(later, unit=proof.unit)
        case "return":
            return replace(later, unit="")
        case "resolve":
            return replace(later, resolved_by=event.actor.id)
        case "hold":
            return replace(later, on_hold=proof.reason)
        case "resume":
            return replace(later, on_hold="")
        case "merge":
            return replace(later, merged_into=proof.merged_into, on_hold="")
        case "restore":
            return replace(later, merged_into="")
    return later


@dataclass(frozen=True)
class Submission:
    """A report as sent. Degrees in `datum`; `photos` are the sha256 of those that will come.

    `captured_at` and `sent_at` are the phone's clock when it was taken and when it was sent; `mocked`: the phone itself
    says that its position is made up.
    """

    category: str
    text: str
    lon: float
    lat: float
    captured_at: datetime
    accuracy_m: float | None = None
    photos: tuple[str, ...] = ()
    datum: str = "wgs84"
    mocked: bool = False
    sent_at: datetime | None = None


def check(report_id: str, sent: Submission, *, categories: Collection[str]) -> None:
    """Refuse what cannot be kept, with every fault at once (``reports.refused``); nothing is refused as implausible.

    A wrong clock is no fault: what it says is kept beside ours, and marked (`gis.plausibility`).

    Parameters
    ----------
    report_id : str
        The phone's own id.
    categories : collection of str
        The codes one may report under.
    """
    faults = tuple(_faults(report_id, sent, categories))
    if faults:
        raise BadRows("reports.refused", faults)


def fingerprint(sent: Submission) -> str:
    """The `body_hash` of what is reported; when it was sent is no part of it, since it may be sent twice."""
    body = {name: value for name, value in vars(sent).items() if name != "sent_at"}
    return body_hash(body | {"captured_at": sent.captured_at.astimezone(UTC).isoformat()})


def to_json(sent: Submission) -> dict[str, Any]:
    """As plain JSON, to be kept."""
    times = {name: at and at.isoformat() for name, at in (("captured_at", sent.captured_at), ("sent_at", sent.sent_at))}
    return vars(sent) | {"photos": list(sent.photos)} | times


def from_json(body: Mapping[str, Any]) -> Submission:
    """The opposite of `to_json`."""
    times = {name: body[name] and datetime.fromisoformat(body[name]) for name in ("captured_at", "sent_at")}
    return Submission(**{**body, "photos": tuple(body["photos"]), **times})


def body_hash(body: object) -> str:
    """The sha256 (64 hex digits) of a JSON value, the same for the same value however it was written.

    Keys are sorted and spaces dropped; a member that is null counts as absent; whole numbers are alike however written
    (113, 113.0, 1.13e2; -0 is 0), other numbers as the nearest double. Texts are compared as they are, letter for
    letter. NaN and infinity are no JSON and refused (``reports.not_json``).
    """
    try:
        text = json.dumps(_canonical(body), ensure_ascii=True, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, OverflowError):
        raise Invalid("reports.not_json") from None
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _canonical(value: object) -> object:
    if isinstance(value, dict):
        return {key: _canonical(each) for key, each in value.items() if each is not None}
    if isinstance(value, (list, tuple)):
        return [_canonical(each) for each in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _faults(report_id: str, sent: Submission, categories: Collection[str]) -> Iterator[Fault]:
    if not _UUID.fullmatch(report_id):
        yield Fault(None, "id", None, "reports.id")
    if sent.category not in categories:
        yield Fault(None, "category", None, "reports.category")
    yield from _text_faults(sent)
    if not (_within(sent.lon, 180) and _within(sent.lat, 90)) or (sent.lon == 0 and sent.lat == 0):
        yield Fault(None, "lon", None, "reports.position")
    if sent.accuracy_m is not None and not 0 <= sent.accuracy_m < math.inf:
        yield Fault(None, "accuracy_m", None, "reports.accuracy")
    for name in ("captured_at", "sent_at"):
        if (at := getattr(sent, name)) is not None and at.tzinfo is None:
            yield Fault(None, name, None, "reports.no_zone")
    yield from _photo_faults(sent.photos)


def _text_faults(sent: Submission) -> Iterator[Fault]:
    """A photo may speak for itself."""
    if not sent.text.strip() and not sent.photos:
        yield Fault(None, "text", None, "reports.nothing_said")
    if len(sent.text) > TEXT_MOST:
        yield Fault(None, "text", None, "reports.text_long", {"length": len(sent.text), "most": TEXT_MOST})
    if _UNWRITABLE.search(sent.text):
        yield Fault(None, "text", None, "reports.text_unwritable")


def _photo_faults(photos: tuple[str, ...]) -> Iterator[Fault]:
    if len(photos) > PHOTOS_MOST:
        yield Fault(None, "photos", None, "reports.photos_many", {"count": len(photos), "most": PHOTOS_MOST})
    if len(set(photos)) < len(photos) or not all(_SHA256.fullmatch(each) for each in photos):
        yield Fault(None, "photos", None, "reports.photos_named")


def _within(degrees: float, most: float) -> bool:
    return -most <= degrees <= most
