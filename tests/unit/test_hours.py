"""Opening hours are read or left unknown, never guessed."""

from __future__ import annotations

from datetime import date, datetime

import pytest

import gis.hours
from gis.hours import CLOSED, OPEN, UNKNOWN

MONDAY_1130 = datetime.fromisoformat("2026-03-02T11:30")


@pytest.mark.parametrize(
    ("text", "day", "clock", "expected"),
    [
        ("11:00-13:00", 2, "11:00", OPEN),  # the first minute counts
        ("11:00-13:00", 2, "13:00", CLOSED),  # the last one does not
        ("Mo-Fr 11:00-13:00,17:00-19:00", 6, "18:00", OPEN),  # Friday evening
        ("Mo-Fr 11:00-13:00,17:00-19:00", 7, "18:00", CLOSED),  # Saturday evening
        ("周一至周五 8:30-17:00；周六 9:00-12:00；周日休息", 7, "09:00", OPEN),
        ("周一至周五 8:30-17:00；周六 9:00-12:00；周日休息", 8, "09:00", CLOSED),
        ("星期一、星期三 08:00－10:00", 4, "09:00", OPEN),
        ("每天 7:00～21:00", 8, "20:59", OPEN),
        ("24/7", 5, "03:00", OPEN),
        ("24小时", 5, "03:00", OPEN),
        ("Sa 22:00-02:00", 8, "01:00", OPEN),  # past midnight into Sunday
        ("Su 22:00-02:00", 2, "01:00", OPEN),  # and into Monday
        ("Fr-Mo 10:00-11:00", 8, "10:30", OPEN),  # a span of days round the weekend
        ("Mo-Su 08:00-20:00; We off", 4, "10:00", CLOSED),  # a later rule replaces an earlier one
        ("11:30-13:00 (公众假期除外)", 2, "12:00", UNKNOWN),
        ("PH off", 2, "12:00", UNKNOWN),
        ("lunch time", 2, "12:00", UNKNOWN),
        ("25:00-26:00", 2, "12:00", UNKNOWN),
        ("11:00-13:60", 2, "12:00", UNKNOWN),
        ("", 2, "12:00", UNKNOWN),
    ],
)
def test_open_closed_or_unknown(text: str, day: int, clock: str, expected: int):
    """Day 2 March 2026 is a Monday, 7 a Saturday, 8 a Sunday."""
    at = datetime.fromisoformat(f"2026-03-{day:02}T{clock}")
    assert gis.hours.state([text], at).tolist() == [expected]


def test_missing_hours_are_unknown():
    assert gis.hours.state([None, float("nan"), "11:00-12:00"], MONDAY_1130).tolist() == [UNKNOWN, UNKNOWN, OPEN]


@pytest.mark.parametrize(
    ("text", "weekday", "clock"),
    [("2026-03-04T11:30", 2, (11, 30)), ("周三 8:05", 2, (8, 5)), ("Su 23:59", 6, (23, 59)), ("11:30", 0, (11, 30))],
)
def test_a_moment_as_people_write_it(text: str, weekday: int, clock: tuple[int, int]):
    at = gis.hours.when(text)
    assert isinstance(at, datetime)
    assert (at.weekday(), (at.hour, at.minute)) == (weekday, clock)


@pytest.mark.parametrize("text", ["noon", "周八 11:00", "24:30", "11:75", ""])
def test_a_moment_that_cannot_be_read_is_none(text: str):
    assert gis.hours.when(text) is None


@pytest.mark.parametrize(("text", "weekday"), [("2026-03-04", 2), ("周三", 2), ("星期天", 6), ("Su", 6), ("mo", 0)])
def test_a_day_as_people_write_it(text: str, weekday: int):
    day = gis.hours.when(text)
    assert type(day) is date
    assert day.weekday() == weekday


@pytest.mark.parametrize(
    ("text", "day", "expected"),
    [
        ("Mo-Fr 11:00-13:00", 2, OPEN),
        ("Mo-Fr 11:00-13:00", 7, CLOSED),
        ("Mo-Su 08:00-20:00; We off", 4, CLOSED),
        ("Su 22:00-02:00", 2, OPEN),  # until two on Monday morning
        ("Sa 22:00-24:00", 8, CLOSED),  # its end is not open any more
        ("lunch time", 2, UNKNOWN),
    ],
)
def test_open_at_any_time_of_a_day(text: str, day: int, expected: int):
    """Day 2 March 2026 is a Monday, 4 a Wednesday, 7 a Saturday, 8 a Sunday."""
    assert gis.hours.state([text], date(2026, 3, day)).tolist() == [expected]
