"""Time limits of reports: hours or work days, pause, extension, pre-warning, overdue; exact, without a float.

Three units, as Chinese catalogues have them (紧急工作时, 工作时, 工作日). The text of GB/T 30428.8 has not been read
here, so what each means is said below and is ours until somebody has checked the clause:

* `urgent_hours` run day and night, every day;
* `work_hours` run only in the work hours of work days;
* `work_days`: the day it starts does not count; a work day counts at its closing hour, when the clock runs then;
  the limit ends with the closing hour of the last (after 民法典 201 and 203, from memory, unchecked).

The limit itself is still on time: late is *after* the due moment. A report has one clock (`of_events`): it runs while
it is assigned and not on hold, stands still while it waits for the check, and begins anew only for another unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Literal

import gis.calendar
from gis.calendar import Calendar, Span
from gis.errors import Conflict, Invalid, MissingPart
from gis.reports import OPEN, Event

UNITS = ("urgent_hours", "work_hours", "work_days")
Phase = Literal["running", "warning", "overdue", "paused", "on_time", "late"]


@dataclass(frozen=True)
class Limit:
    """So many of one unit; `warn_before` of the same unit before the end it is time to warn (0: no warning)."""

    amount: int
    unit: str
    warn_before: int = 0

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise Invalid("deadlines.unit", unit=self.unit, units=UNITS)
        if self.amount < 1 or not 0 <= self.warn_before < self.amount:
            raise Invalid("deadlines.amount", amount=self.amount, warn_before=self.warn_before)


@dataclass(frozen=True)
class Pause:
    """From `since` the clock stands still until `until` (None: it still does)."""

    since: datetime
    until: datetime | None
    reason: str


@dataclass(frozen=True)
class Extension:
    """More time, in the unit of the limit."""

    at: datetime
    amount: int
    reason: str


@dataclass(frozen=True)
class Clock:
    """One running of a limit. `pauses` are in order and apart; `stopped_at` is when the work was done, else None."""

    started_at: datetime
    limit: Limit
    pauses: tuple[Pause, ...] = ()
    extensions: tuple[Extension, ...] = ()
    stopped_at: datetime | None = None


@dataclass(frozen=True)
class Due:
    """By when a report is to be dealt with, and when to warn; `unknown` is the code of the reason why that cannot be
    said although a clock runs ("" otherwise)."""

    due_at: datetime | None = None
    warn_at: datetime | None = None
    unknown: str = ""


@dataclass(frozen=True)
class Standing:
    """How a clock stands. `due_at` is None while a pause leaves it open; `warn_at` None when there is no warning."""

    phase: Phase
    due_at: datetime | None
    warn_at: datetime | None


def pause(clock: Clock, at: datetime, *, reason: str) -> Clock:
    """The clock stands still from `at`; refuses without a reason, when it stands already, and before what is past."""
    _require_reason(reason)
    if _paused(clock):
        raise Conflict("deadlines.paused_already", since=clock.pauses[-1].since.isoformat())
    _require_order(clock, at)
    return replace(clock, pauses=(*clock.pauses, Pause(at, None, reason)))


def resume(clock: Clock, at: datetime) -> Clock:
    """The clock runs again from `at`; refuses when it runs."""
    if not _paused(clock):
        raise Conflict("deadlines.not_paused")
    _require_order(clock, at)
    return replace(clock, pauses=(*clock.pauses[:-1], replace(clock.pauses[-1], until=at)))


def extend(clock: Clock, at: datetime, *, amount: int, reason: str, calendar: Calendar) -> Clock:
    """More time in the unit of the limit; refuses without a reason, and once it is overdue (``deadlines.too_late``)."""
    _require_reason(reason)
    if amount < 1:
        raise Invalid("deadlines.amount", amount=amount, warn_before=0)
    due = due_at(clock, calendar)
    if due is not None and at > due:
        raise Conflict("deadlines.too_late", due_at=due.isoformat())
    return replace(clock, extensions=(*clock.extensions, Extension(at, amount, reason)))


def stop(clock: Clock, at: datetime) -> Clock:
    """The work is done; an open pause ends with it."""
    running = resume(clock, at) if _paused(clock) else clock
    return replace(running, stopped_at=at)


def of_events(events: Iterable[Event], limit: Limit) -> Clock | None:
    """The clock of a report from its legal history (`gis.reports.replay`); None while it was never dispatched.

    A report sent back to the same unit has what was left of its limit; another unit has the whole. Rejected or merged
    into another it has none.
    """
    clock, unit = None, ""
    for event in events:
        if event.move == "assign" and (clock is None or event.proof.unit != unit):
            clock, unit = Clock(event.at, limit), event.proof.unit
        elif clock is not None:
            clock = _after(clock, event)
    return clock


def promised(events: Sequence[Event], limit: Limit) -> Clock | None:
    """The clock of a report, or before it is dispatched one that runs from its filing: whoever reports may expect so.

    None where there is nothing left to expect, and for a report that was adopted, whose filing is not known.
    """
    first, last = events[0], events[-1]
    running = of_events(events, limit)
    if running is not None or first.move != "receive" or last.target not in OPEN:
        return running
    clock = Clock(first.at, limit)
    for event in events:
        if event.move == "hold":
            clock = pause(clock, event.at, reason=event.proof.reason)
        elif _paused(clock) and event.move in ("resume", "merge"):
            clock = resume(clock, event.at)
    return clock


def due(events: Sequence[Event], limit: Limit, *, calendar: Calendar) -> Due:
    """By when, as the events up to now have it; a year the calendar does not know is said, never refused."""
    clock = promised(events, limit)
    if clock is None:
        return Due()
    try:
        return Due(due_at(clock, calendar), warn_at(clock, calendar))
    except MissingPart as refusal:
        return Due(unknown=refusal.code)


def _after(clock: Clock, event: Event) -> Clock | None:
    match event.move, event.source:
        case ("assign", _) | ("resume", "assigned"):
            return resume(clock, event.at)
        case ("return", _) | ("hold", "assigned"):
            return pause(clock, event.at, reason=event.proof.reason)
        case "resolve", _:
            return stop(clock, event.at)
        case "reopen", _:
            waited = Pause(clock.stopped_at or event.at, None, "check")
            return replace(clock, stopped_at=None, pauses=(*clock.pauses, waited))
        case "extend", _:
            given = Extension(event.at, event.proof.amount, event.proof.reason)
            return replace(clock, extensions=(*clock.extensions, given))
        case (("merge" | "reject"), _):
            return None
    return clock


def due_at(clock: Clock, calendar: Calendar) -> datetime | None:
    """The last moment that is on time, in UTC.

    None while an open pause keeps it open. Where a year of the work calendar is not known, raises
    ``calendar.unknown_year``: the report stands, its limit is not known yet; `urgent_hours` never ask the calendar.
    """
    return _reached(clock, _amount(clock), calendar)


def warn_at(clock: Clock, calendar: Calendar) -> datetime | None:
    """When to warn: `warn_before` units before the end, by the same arithmetic. None without one, or while paused."""
    if not clock.limit.warn_before:
        return None
    return _reached(clock, _amount(clock) - clock.limit.warn_before, calendar)


def standing(clock: Clock, now: datetime, *, calendar: Calendar) -> Standing:
    """How it stands at `now`; a stopped clock is judged at the moment it stopped, whatever `now` is."""
    due, warn = due_at(clock, calendar), warn_at(clock, calendar)
    late = due is not None and (clock.stopped_at or now) > due
    return Standing(_phase(clock, now, late=late, warned=warn is not None and now >= warn), due, warn)


def _phase(clock: Clock, now: datetime, *, late: bool, warned: bool) -> Phase:
    if clock.stopped_at is not None:
        return "late" if late else "on_time"
    if late:
        return "overdue"
    if any(each.since <= now and (each.until is None or now < each.until) for each in clock.pauses):
        return "paused"
    return "warning" if warned else "running"


def _amount(clock: Clock) -> int:
    return clock.limit.amount + sum(each.amount for each in clock.extensions)


def _reached(clock: Clock, amount: int, calendar: Calendar) -> datetime | None:
    """When so much of the unit has run; None when an open pause comes before."""
    if clock.limit.unit == "work_days":
        return _nth_closing(clock, amount, calendar)
    if clock.limit.unit == "work_hours":
        spans = gis.calendar.spans_from(calendar, clock.started_at)
    else:
        spans = iter([(clock.started_at, _end_of_time(clock.started_at))])
    return _used_up(_running(spans, clock.pauses), timedelta(hours=amount))


def _nth_closing(clock: Clock, count: int, calendar: Calendar) -> datetime | None:
    first = gis.calendar.local_day(clock.started_at) + timedelta(days=1)
    for day in gis.calendar.workdays_from(calendar, first):
        closing = gis.calendar.closing(calendar, day)
        if any(each.since < closing and each.until is None for each in clock.pauses):
            return None
        count -= not any(each.since < closing <= (each.until or closing) for each in clock.pauses)
        if count == 0:
            return closing
    raise AssertionError("work days never end")


def _running(spans: Iterable[Span], pauses: tuple[Pause, ...]) -> Iterator[Span]:
    """The spans without what is paused; they end where an open pause begins."""
    for start, end in spans:
        for each in pauses:
            if each.since < end and (each.until is None or each.until > start):
                if each.since > start:
                    yield start, each.since
                if each.until is None:
                    return
                start = each.until
        if start < end:
            yield start, end


def _used_up(spans: Iterator[Span], left: timedelta) -> datetime | None:
    for start, end in spans:
        if end - start >= left:
            return start + left
        left -= end - start
    return None


def _end_of_time(at: datetime) -> datetime:
    return datetime.max.replace(tzinfo=at.tzinfo)


def _paused(clock: Clock) -> bool:
    return bool(clock.pauses) and clock.pauses[-1].until is None


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise Invalid("deadlines.no_reason")


def _require_order(clock: Clock, at: datetime) -> None:
    """A pause lies within the running, after the one before it."""
    past = chain([clock.started_at], *([each.since, each.until or each.since] for each in clock.pauses))
    latest = max(past)
    if at < latest:
        raise Conflict("deadlines.order", at=at.isoformat(), latest=latest.isoformat())
