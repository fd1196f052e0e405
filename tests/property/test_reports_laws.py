"""Laws of reports that hold for any order of moves, any pause and any limit."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gis.calendar
import gis.deadlines
import gis.reports
from gis.deadlines import Clock, Limit
from gis.errors import Refusal
from gis.reports import Actor, Event, Place, Proof, Report

CALENDAR = gis.calendar.statutory()
START = datetime(2025, 1, 1, tzinfo=UTC)
PLACE = Place(113.24, 23.12)

laws = settings(max_examples=150, deadline=None)

#: Up to a year and a half, so that each limit below ends before the published years do.
MINUTES = st.integers(0, 500 * 24 * 60)
LIMITS = st.builds(Limit, st.integers(1, 30), st.sampled_from(gis.deadlines.UNITS))
PROOFS = st.builds(
    Proof,
    reason=st.sampled_from(["", "because"]),
    text=st.sampled_from(["", "done"]),
    unit=st.sampled_from(["", "A", "B"]),
    photos=st.sampled_from([(), ("a" * 64,)]),
    place=st.sampled_from([None, PLACE]),
    amount=st.integers(0, 2),
    merged_into=st.sampled_from(["", "r1", "r2"]),
)
#: Mostly with every proof, by those who may, so that histories grow long; sometimes anything.
WHOLE = st.builds(lambda unit: Proof("because", "done", unit, ("a" * 64,), PLACE, 1, "r2"), st.sampled_from("AB"))
STEPS = st.lists(
    st.tuples(
        st.sampled_from([*gis.reports.MOVES, "assign", "resolve", "close", "accept", "reopen", "restore"]),
        st.sampled_from([*["street"] * 5, "inspector", "system", "partner", "auditor"]),
        st.integers(1, 3),
        st.one_of(WHOLE, WHOLE, PROOFS),
        st.integers(-60, 3 * 24 * 60),
    ),
    max_size=40,
)


def played(steps) -> tuple[Report, list[Event]]:
    """Every step tried in turn; what is refused changes nothing."""
    report, event = gis.reports.receive("r1", Actor(1, "inspector"), at=START)
    events, at = [event], START
    for name, role, person, proof, minutes in steps:
        at += timedelta(minutes=minutes)
        before = report
        try:
            report, event = gis.reports.move(report, name, actor=Actor(person, role), at=at, proof=proof)
        except Refusal:
            assert report == before
            continue
        events.append(event)
    return report, events


@laws
@given(STEPS)
def test_any_order_of_moves_leaves_a_legal_history(steps):
    report, events = played(steps)
    assert gis.reports.replay(events) == report
    assert [event.version for event in events] == list(range(1, len(events) + 1))
    assert all(one.target == two.source and one.at <= two.at for one, two in pairwise(events))


@laws
@given(STEPS)
def test_closed_always_means_checked_on_site_by_another(steps):
    _, events = played(steps)
    for position, event in enumerate(events):
        if event.target == "closed" and event.source != "closed":
            fixer = next(each for each in reversed(events[:position]) if each.move == "resolve").actor.id
            assert event.move == "close"
            assert event.proof.photos
            assert event.proof.place
            assert event.actor.id != fixer


@laws
@given(STEPS, st.integers(0, 39), st.integers(0, 39))
def test_a_history_with_a_piece_taken_out_or_turned_round_is_refused(steps, one, other):
    _, events = played(steps)
    one, other = one % len(events), other % len(events)
    turned = list(events)
    turned[one], turned[other] = turned[other], turned[one]
    if turned != events:
        with pytest.raises(Refusal):
            gis.reports.replay(turned)
    if one < len(events) - 1:
        with pytest.raises(Refusal):
            gis.reports.replay(events[:one] + events[one + 1 :])


@laws
@given(STEPS, st.sampled_from(gis.deadlines.UNITS))
def test_every_legal_history_has_a_clock_that_can_be_read(steps, unit):
    report, events = played(steps)
    clock = gis.deadlines.of_events(events, Limit(2, unit, 1))
    if report.status in ("assigned", "resolved", "closed"):
        assert clock is not None
        assert (clock.stopped_at is None) == (report.status == "assigned")
    if clock is not None:
        gis.deadlines.standing(clock, report.moved_at, calendar=CALENDAR)
        bounds = [moment for each in clock.pauses for moment in (each.since, each.until or each.since)]
        assert bounds == sorted(bounds)


def clock_of(limit: Limit, begin: int, gaps: list[tuple[int, int]]) -> Clock:
    """A clock with pauses: (minutes until it stands still, minutes it does)."""
    at = START + timedelta(minutes=begin)
    clock = Clock(at, limit)
    for before, during in gaps:
        since = at + timedelta(minutes=before)
        at = since + timedelta(minutes=during)
        clock = gis.deadlines.resume(gis.deadlines.pause(clock, since, reason="law"), at)
    return clock


def due(clock: Clock) -> datetime:
    end = gis.deadlines.due_at(clock, CALENDAR)
    assert end is not None
    return end


GAPS = st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 5000)), max_size=4)


@laws
@given(LIMITS, MINUTES, GAPS, st.integers(0, 5000))
def test_a_pause_never_shortens_and_a_longer_one_not_either(limit, begin, gaps, more):
    plain, paused = clock_of(limit, begin, []), clock_of(limit, begin, gaps)
    assert due(paused) >= due(plain)
    if gaps:
        before, during = gaps[-1]
        assert due(clock_of(limit, begin, [*gaps[:-1], (before, during + more)])) >= due(paused)


@laws
@given(LIMITS, MINUTES, GAPS, st.integers(0, 5000), st.integers(1, 9))
def test_deadlines_grow_with_the_start_and_with_the_limit(limit, begin, gaps, later, more):
    clock = clock_of(limit, begin, gaps)
    assert due(clock_of(limit, begin + later, [])) >= due(clock_of(limit, begin, []))
    longer = clock_of(Limit(limit.amount + more, limit.unit), begin, gaps)
    assert due(longer) > due(clock)
    warned = Limit(limit.amount + more, limit.unit, warn_before=more)
    assert gis.deadlines.warn_at(clock_of(warned, begin, gaps), CALENDAR) == due(clock)


@laws
@given(st.integers(1, 60), MINUTES, GAPS)
def test_work_time_from_start_to_end_without_the_pauses_is_the_limit(hours, begin, gaps):
    """A second method: the calendar counts what lies between, the deadline only where it ends."""
    clock = clock_of(Limit(hours, "work_hours"), begin, gaps)
    end = due(clock)
    stood = (gis.calendar.worked(CALENDAR, min(each.since, end), min(each.until, end)) for each in clock.pauses)
    run = gis.calendar.worked(CALENDAR, clock.started_at, end) - sum(stood, timedelta())
    assert run == timedelta(hours=hours)


@laws
@given(st.integers(1, 40), MINUTES)
def test_work_days_after_the_day_it_starts_are_the_limit(count, begin):
    """A second method: every day between counted one by one."""
    clock = clock_of(Limit(count, "work_days"), begin, [])
    first, last = (gis.calendar.local_day(at) for at in (clock.started_at, due(clock)))
    days = (first + timedelta(days=n) for n in range(1, (last - first).days + 1))
    assert sum(gis.calendar.is_workday(CALENDAR, day) for day in days) == count
    assert gis.calendar.is_workday(CALENDAR, last)


JSON = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@laws
@given(JSON)
def test_a_body_hash_does_not_depend_on_order_or_spelling(value):
    def respelled(each):
        if isinstance(each, dict):
            return {key: respelled(each[key]) for key in reversed(each)} | {"\x00 none": None}
        if isinstance(each, list):
            return [respelled(one) for one in each]
        whole = isinstance(each, int) and not isinstance(each, bool) and abs(each) < 2**53
        return math.copysign(float(each), each) if whole else each

    assert gis.reports.body_hash(respelled(value)) == gis.reports.body_hash(value)
