"""Time limits over National Day 2025 and Spring Festival 2026, each worked by hand.

Hours are 8:30-12:00 and 14:00-18:30. National Day: off 1-8 October 2025, Saturday 11 worked. Spring Festival: off 15-23
February 2026, Saturdays 14 and 28 worked.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

import gis.calendar
import gis.deadlines
import gis.reports
from gis.deadlines import Clock, Limit
from gis.errors import Refusal
from gis.reports import Actor, Event, Proof

CALENDAR = gis.calendar.statutory()
START = datetime.fromisoformat("2026-03-02T09:00+08:00")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=gis.calendar.ZONE)


def due(clock: Clock) -> datetime | None:
    return gis.deadlines.due_at(clock, CALENDAR)


def code_of(call, *arguments, **named) -> str:
    with pytest.raises(Refusal) as refused:
        call(*arguments, **named)
    return refused.value.code


@pytest.mark.parametrize(
    ("start", "amount", "unit", "end"),
    [
        ("2025-09-30T16:00", 1, "work_days", "2025-10-09T18:30"),  # Tuesday before the holiday: first day after it
        ("2025-09-30T16:00", 3, "work_days", "2025-10-11T18:30"),  # 9, 10 and the Saturday that is worked
        ("2025-09-30T16:00", 4, "work_days", "2025-10-13T18:30"),  # Sunday 12 is free
        ("2025-10-03T10:00", 1, "work_days", "2025-10-09T18:30"),  # begun in the holiday
        ("2026-02-13T09:00", 1, "work_days", "2026-02-14T18:30"),  # Friday to the worked Saturday
        ("2026-02-13T09:00", 2, "work_days", "2026-02-24T18:30"),  # then nine days off
        ("2026-02-26T09:00", 2, "work_days", "2026-02-28T18:30"),  # the other worked Saturday
        ("2025-09-30T16:30", 4, "work_hours", "2025-10-09T10:30"),  # two hours, eight days, two hours
        ("2026-02-13T17:30", 8, "work_hours", "2026-02-14T17:30"),  # 1 h; 3.5 h and 3.5 h of Saturday
        ("2026-02-13T17:30", 9, "work_hours", "2026-02-14T18:30"),  # ends with the day, not next morning
        ("2026-02-13T17:30", 10, "work_hours", "2026-02-24T09:30"),
        ("2025-10-09T12:30", 1, "work_hours", "2025-10-09T15:00"),  # begun at lunch
        ("2026-02-14T18:00", 24, "urgent_hours", "2026-02-15T18:00"),  # no holiday for what is urgent
    ],
)
def test_the_last_moment_in_time(start: str, amount: int, unit: str, end: str):
    assert due(Clock(at(start), Limit(amount, unit))) == at(end)


def test_a_limit_begun_at_night_in_greenwich_belongs_to_the_next_day_in_china():
    """Tuesday 23 September 17:00 UTC is Wednesday 1:00 in China, so Thursday is the first day that counts."""
    clock = Clock(datetime.fromisoformat("2025-09-23T17:00+00:00"), Limit(1, "work_days"))
    assert due(clock) == at("2025-09-25T18:30")


def test_an_urgent_limit_needs_no_calendar_and_others_say_which_year_they_lack():
    """The calendar of 2100 is not published; a day of 24 hours still has 24 hours."""
    start = at("2100-03-01T09:00")
    assert due(Clock(start, Limit(24, "urgent_hours"))) == start + timedelta(hours=24)
    for unit in ("work_hours", "work_days"):
        assert code_of(due, Clock(start, Limit(1, unit))) == "calendar.unknown_year"


@pytest.mark.parametrize(
    ("amount", "unit", "warn_before", "warned"),
    [
        (4, "work_hours", 1, "2025-10-09T09:30"),  # due 10:30
        (4, "work_hours", 3, "2025-09-30T17:30"),  # due 10:30 on the 9th, 3 work hours before lies before the holiday
        (3, "work_days", 1, "2025-10-10T18:30"),  # due Saturday 11: warned when the last day is all that is left
        (24, "urgent_hours", 4, "2025-10-01T12:30"),
    ],
)
def test_warned_by_the_same_arithmetic(amount, unit, warn_before, warned):
    clock = Clock(at("2025-09-30T16:30"), Limit(amount, unit, warn_before))
    assert gis.deadlines.warn_at(clock, CALENDAR) == at(warned)


def paused(clock: Clock, since: str, until: str | None) -> Clock:
    still = gis.deadlines.pause(clock, at(since), reason="waiting for the owner")
    return still if until is None else gis.deadlines.resume(still, at(until))


@pytest.mark.parametrize(
    ("unit", "amount", "since", "until", "end"),
    [
        # from Monday 29 September 9:00. Without a pause: days 30, 9, 10 end on Friday 10; 12 h are 3 + 4.5 on Monday,
        # 3.5 + 1 on Tuesday, until 15:00; 24 h end on Tuesday 9:00
        ("work_days", 3, "2025-10-09T10:00", "2025-10-10T11:00", "2025-10-11T18:30"),  # the 9th closes in the pause
        ("work_days", 3, "2025-10-09T10:00", "2025-10-09T11:00", "2025-10-10T18:30"),  # no closing lies in it
        ("work_days", 3, "2025-10-09T10:00", "2025-10-09T18:30", "2025-10-11T18:30"),  # not running when the 9th closes
        ("work_days", 3, "2025-10-09T18:30", "2025-10-10T08:00", "2025-10-10T18:30"),  # only the night
        ("work_days", 3, "2025-10-01T00:00", "2025-10-08T23:00", "2025-10-10T18:30"),  # only the holiday
        ("work_hours", 12, "2025-09-29T10:00", "2025-09-29T14:30", "2025-09-30T17:30"),  # 2 h + 0.5 h of work time
        ("work_hours", 12, "2025-09-29T12:00", "2025-09-29T14:00", "2025-09-30T15:00"),  # only lunch
        ("urgent_hours", 24, "2025-09-29T12:00", "2025-09-29T15:00", "2025-09-30T12:00"),  # three hours later
        ("urgent_hours", 24, "2025-09-30T09:00", "2025-09-30T15:00", "2025-09-30T09:00"),  # begun as it ended
    ],
)
def test_a_pause_moves_the_end_by_what_it_took(unit, amount, since, until, end):
    clock = Clock(at("2025-09-29T09:00"), Limit(amount, unit))
    assert due(paused(clock, since, until)) == at(end)


@pytest.mark.parametrize("unit", gis.deadlines.UNITS)
def test_while_it_stands_still_there_is_no_last_moment(unit: str):
    clock = paused(Clock(at("2025-09-29T09:00"), Limit(8, unit, 1)), "2025-09-29T10:00", None)
    standing = gis.deadlines.standing(clock, at("2026-06-01T09:00"), calendar=CALENDAR)
    assert (standing.phase, standing.due_at, standing.warn_at) == ("paused", None, None)


def test_a_pause_begun_too_late_does_not_heal():
    """Due Monday 13:00; paused on Tuesday: overdue all the same."""
    clock = paused(Clock(at("2025-09-29T09:00"), Limit(4, "urgent_hours")), "2025-09-30T10:00", None)
    assert gis.deadlines.standing(clock, at("2025-10-01T09:00"), calendar=CALENDAR).phase == "overdue"


@pytest.mark.parametrize(
    ("now", "phase"),
    [
        ("2025-10-09T09:29", "running"),
        ("2025-10-09T09:30", "warning"),
        ("2025-10-09T10:30", "warning"),  # the last moment is in time
        ("2025-10-09T10:31", "overdue"),
    ],
)
def test_warned_then_overdue(now: str, phase: str):
    clock = Clock(at("2025-09-30T16:30"), Limit(4, "work_hours", 1))
    assert gis.deadlines.standing(clock, at(now), calendar=CALENDAR).phase == phase


@pytest.mark.parametrize(("done", "phase"), [("2025-10-09T10:30", "on_time"), ("2025-10-09T10:31", "late")])
def test_what_is_done_is_judged_at_the_moment_it_was_done(done: str, phase: str):
    clock = gis.deadlines.stop(Clock(at("2025-09-30T16:30"), Limit(4, "work_hours")), at(done))
    assert gis.deadlines.standing(clock, at("2026-01-05T09:00"), calendar=CALENDAR).phase == phase


def test_an_extension_adds_to_the_limit_and_has_a_reason():
    """One day from 30 September is Thursday the 9th; two more are Friday and the worked Saturday."""
    clock = Clock(at("2025-09-30T16:00"), Limit(1, "work_days"))
    longer = gis.deadlines.extend(clock, at("2025-10-09T18:30"), amount=2, reason="parts", calendar=CALENDAR)
    assert due(longer) == at("2025-10-11T18:30")
    assert due(clock) == at("2025-10-09T18:30")


def test_refusals_name_what_is_wrong():
    clock = Clock(at("2025-09-30T16:00"), Limit(1, "work_days"))
    late, when = at("2025-10-09T18:31"), at("2025-09-30T17:00")
    extend, pause, resume = gis.deadlines.extend, gis.deadlines.pause, gis.deadlines.resume
    assert code_of(extend, clock, late, amount=1, reason="parts", calendar=CALENDAR) == "deadlines.too_late"
    assert code_of(extend, clock, when, amount=1, reason=" ", calendar=CALENDAR) == "deadlines.no_reason"
    assert code_of(extend, clock, when, amount=0, reason="x", calendar=CALENDAR) == "deadlines.amount"
    assert code_of(pause, clock, when, reason="") == "deadlines.no_reason"
    assert code_of(pause, clock, at("2025-09-30T15:00"), reason="x") == "deadlines.order"
    assert code_of(pause, pause(clock, when, reason="x"), late, reason="x") == "deadlines.paused_already"
    assert code_of(resume, clock, when) == "deadlines.not_paused"
    assert code_of(Limit, 1, "days") == "deadlines.unit"
    assert code_of(Limit, 0, "work_days") == "deadlines.amount"
    assert code_of(Limit, 2, "work_days", 2) == "deadlines.amount"


def history(*steps: tuple[str, str, str, str]) -> list[Event]:
    """(move, time, state before, unit or reason); enough of an event for a clock."""
    return [
        Event("r", number, move, Actor(1, "street"), at(when), source, "", Proof(reason=said, unit=said, amount=2))
        for number, (move, when, source, said) in enumerate(steps, start=1)
    ]


def test_the_clock_waits_for_the_check_and_goes_on_when_it_comes_back():
    """4 work hours from Thursday 9:00: one used by 10:00, sent back, assigned on Friday 9:00: three left.

    9:00-12:00 are three hours, so it is due at 12:00 on Friday 10 October.
    """
    events = history(
        ("assign", "2025-10-09T09:00", "accepted", "lamps"),
        ("resolve", "2025-10-09T10:00", "assigned", ""),
        ("reopen", "2025-10-09T16:00", "resolved", "still dark"),
        ("assign", "2025-10-10T09:00", "reopened", "lamps"),
    )
    clock = gis.deadlines.of_events(events, Limit(4, "work_hours"))
    assert clock is not None
    assert due(clock) == at("2025-10-10T12:00")


def test_another_unit_has_the_whole_limit():
    """Returned as not theirs; the next unit begins on Friday at 9:00: 3 h until noon, 1 h from 14:00."""
    events = history(
        ("assign", "2025-10-09T09:00", "accepted", "lamps"),
        ("return", "2025-10-09T11:00", "assigned", "not ours"),
        ("assign", "2025-10-10T09:00", "accepted", "power"),
    )
    clock = gis.deadlines.of_events(events, Limit(4, "work_hours"))
    assert clock is not None
    assert due(clock) == at("2025-10-10T15:00")


def test_on_hold_the_clock_stands_and_an_extension_counts():
    """2 + 2 work hours from 9:00; on hold 10:00-11:00: 1 h, then 11:00-12:00, then 14:00-16:00."""
    events = history(
        ("assign", "2025-10-09T09:00", "accepted", "lamps"),
        ("hold", "2025-10-09T10:00", "assigned", "no access"),
        ("resume", "2025-10-09T11:00", "assigned", ""),
        ("extend", "2025-10-09T11:30", "assigned", "parts"),
    )
    clock = gis.deadlines.of_events(events, Limit(2, "work_hours"))
    assert clock is not None
    assert due(clock) == at("2025-10-09T16:00")


def test_a_report_never_dispatched_or_merged_has_no_clock():
    assigned = ("assign", "2025-10-09T09:00", "accepted", "lamps")
    merged = ("merge", "2025-10-09T10:00", "assigned", "")
    assert gis.deadlines.of_events(history(), Limit(2, "work_days")) is None
    assert gis.deadlines.of_events(history(assigned, merged), Limit(2, "work_days")) is None


def test_before_it_is_dispatched_a_report_is_owed_from_its_filing_and_waits_while_on_hold():
    """24 urgent hours; on hold no moment is owed; after an hour of hold it is 25; rejected, nothing at all."""
    filed, event = gis.reports.receive("r1", Actor(1, "inspector"), at=START)
    events, hour = [event], timedelta(hours=1)

    def owed(report, name: str):
        at = START + len(events) * hour
        after, made = gis.reports.move(report, name, actor=Actor(2, "street"), at=at, proof=Proof(reason="因"))
        events.append(made)
        return after, gis.deadlines.due(events, Limit(24, "urgent_hours"), calendar=CALENDAR).due_at

    accepted, moment = owed(filed, "accept")
    assert moment == START + 24 * hour
    held, moment = owed(accepted, "hold")
    assert moment is None
    resumed, moment = owed(held, "resume")
    assert moment == START + 25 * hour
    assert owed(resumed, "reject")[1] is None


def test_a_year_that_is_not_known_is_said_and_refuses_nothing():
    _, event = gis.reports.receive("r1", Actor(1, "inspector"), at=START.replace(year=2190))
    assert gis.deadlines.due([event], Limit(3, "work_days"), calendar=CALENDAR) == gis.deadlines.Due(
        unknown="calendar.unknown_year"
    )
