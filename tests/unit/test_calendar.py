"""The work calendar of 2025 and 2026, against the State Council's announcements read by hand."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest

import gis.calendar
from gis.errors import Refusal

CHINA = gis.calendar.ZONE
CALENDAR = gis.calendar.statutory()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


def workdays(since: date, until: date) -> list[date]:
    days = (since + timedelta(days=n) for n in range((until - since).days + 1))
    return [day for day in days if gis.calendar.is_workday(CALENDAR, day)]


@pytest.mark.parametrize(
    ("day", "worked"),
    [
        ("2025-01-26", True),  # Sunday, worked for Spring Festival
        ("2025-01-28", False),  # eve, Tuesday
        ("2025-02-04", False),  # Tuesday, last day of the festival
        ("2025-02-05", True),
        ("2025-02-08", True),  # Saturday, worked
        ("2025-09-28", True),  # Sunday, worked for National Day
        ("2025-10-08", False),  # Wednesday, the eighth day off
        ("2025-10-11", True),  # Saturday, worked
        ("2025-10-12", False),  # an ordinary Sunday
        ("2026-02-14", True),  # Saturday, worked
        ("2026-02-16", False),  # Monday, eve
        ("2026-02-23", False),  # Monday, last day
        ("2026-02-28", True),  # Saturday, worked
        ("2026-09-20", True),  # Sunday, worked for National Day
        ("2026-10-07", False),
        ("2026-10-10", True),  # Saturday, worked
    ],
)
def test_festivals_and_the_weekends_worked_for_them(day: str, worked: bool):
    assert gis.calendar.is_workday(CALENDAR, date.fromisoformat(day)) is worked


@pytest.mark.parametrize("year", [2025, 2026])
def test_a_year_has_248_work_days(year: int):
    """365 days, 104 of them Saturdays and Sundays, and since 2025 thirteen statutory holidays: 248."""
    assert len(workdays(date(year, 1, 1), date(year, 12, 31))) == 365 - 104 - 13


def test_october_2025_has_eighteen_work_days():
    """9, 10 and Saturday 11, then three weeks of five: 13-17, 20-24, 27-31."""
    days = [day.day for day in workdays(date(2025, 10, 1), date(2025, 10, 31))]
    assert days == [9, 10, 11, 13, 14, 15, 16, 17, 20, 21, 22, 23, 24, 27, 28, 29, 30, 31]


def test_a_year_that_is_not_published_is_said_and_not_guessed():
    with pytest.raises(Refusal) as refused:
        gis.calendar.is_workday(CALENDAR, date(2100, 3, 1))
    assert refused.value.code == "calendar.unknown_year"
    assert refused.value.facts["year"] == 2100


def test_a_place_can_enter_an_announcement_before_the_library_has_it():
    """Friday 1 January 2100 off, Saturday 2 January worked: both as entered, and 2025 as before."""
    known = gis.calendar.with_year(CALENDAR, 2100, off=[date(2100, 1, 1)], worked=[date(2100, 1, 2)])
    days = [date(2100, 1, n) for n in (1, 2, 3, 4)]
    assert [gis.calendar.is_workday(known, day) for day in days] == [False, True, False, True]
    assert gis.calendar.is_workday(known, date(2025, 10, 11))


def test_a_corrected_announcement_replaces_the_year():
    plain = gis.calendar.with_year(CALENDAR, 2025, off=[], worked=[])
    assert gis.calendar.is_workday(plain, date(2025, 10, 1))
    assert not gis.calendar.is_workday(plain, date(2025, 10, 11))


@pytest.mark.parametrize(
    ("off", "worked", "code"),
    [
        ([date(2026, 1, 1)], [], "calendar.other_year"),
        ([date(2025, 1, 1)], [date(2025, 1, 1)], "calendar.both"),
    ],
)
def test_an_announcement_that_cannot_be_right_is_refused(off, worked, code):
    with pytest.raises(Refusal) as refused:
        gis.calendar.with_year(CALENDAR, 2025, off=off, worked=worked)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "hours", [(), ((time(9), time(9)),), ((time(9), time(12)), (time(11), time(17))), ((time(14), time(9)),)]
)
def test_work_hours_must_be_in_order_and_apart(hours):
    with pytest.raises(Refusal) as refused:
        gis.calendar.statutory(hours)
    assert refused.value.code == "calendar.hours"


@pytest.mark.parametrize(
    ("since", "until", "hours"),
    [
        ("2025-09-30T16:30", "2025-10-09T10:30", 4),  # 16:30-18:30, then 8:30-10:30 after eight days off
        ("2026-02-13T18:30", "2026-02-24T08:30", 8),  # only Saturday 14 February lies between
        ("2026-02-15T00:00", "2026-02-23T23:59", 0),  # nine days of Spring Festival
        ("2025-10-09T11:00", "2025-10-09T15:00", 2),  # an hour each side of noon
        ("2025-10-09T15:00", "2025-10-09T11:00", 0),  # the wrong way round
        ("2026-12-31T08:00", "2026-12-31T23:00", 8),  # the last day needs no next year
    ],
)
def test_work_time_between_two_moments(since: str, until: str, hours: int):
    assert gis.calendar.worked(CALENDAR, at(since), at(until)) == timedelta(hours=hours)


def test_the_day_is_the_one_in_china():
    """17:00 in Greenwich on 9 October is one in the morning of the 10th in Guangzhou."""
    assert gis.calendar.local_day(datetime.fromisoformat("2025-10-09T17:00+00:00")) == date(2025, 10, 10)


def test_a_moment_without_a_zone_is_refused():
    with pytest.raises(Refusal) as refused:
        gis.calendar.local_day(datetime(2025, 10, 9, 17))  # noqa: DTZ001
    assert refused.value.code == "calendar.no_zone"
