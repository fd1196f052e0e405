"""The Chinese work calendar: weekends, statutory holidays, and the weekend days worked in return (调休).

Which days are off is announced each year by the State Council; nobody can compute it. The published years come from
the library `chinesecalendar`; a year it does not know is refused, never guessed, and can be given as data
(`with_year`) before the library has it. An announcement for New Year may still change the last days of December; the
deadlines of those days are then worked out anew. Days are days of `ZONE`; moments are aware.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import chinese_calendar  # type: ignore[import-untyped]

from gis.errors import Invalid, MissingPart

#: All of China keeps one time; it has had no summer time since 1992.
ZONE = ZoneInfo("Asia/Shanghai")

Hours = tuple[tuple[time, time], ...]
Span = tuple[datetime, datetime]

#: An example, eight hours; offices differ, and some differ between summer and winter: give the place's own.
OFFICE_HOURS: Hours = ((time(8, 30), time(12)), (time(14), time(18, 30)))


@dataclass(frozen=True)
class Calendar:
    """Which days are worked, and at which hours.

    `years` are those whose announcement is known; within them a day is worked when it stands in `worked` (调休), or
    is Monday to Friday and not in `off`. `hours` are local, in order and apart, the same on every work day.
    """

    years: frozenset[int]
    off: frozenset[date]
    worked: frozenset[date]
    hours: Hours = OFFICE_HOURS

    def __post_init__(self) -> None:
        bounds = [bound for span in self.hours for bound in span]
        if not bounds or any(later <= earlier for earlier, later in pairwise(bounds)):
            raise Invalid("calendar.hours", hours=[f"{a:%H:%M}-{b:%H:%M}" for a, b in self.hours])
        both = sorted(self.off & self.worked)
        if both:
            raise Invalid("calendar.both", days=[day.isoformat() for day in both])


@cache
def statutory(hours: Hours = OFFICE_HOURS) -> Calendar:
    """The years that are published, with the work hours given."""
    off, worked = (frozenset(days) for days in (chinese_calendar.holidays, chinese_calendar.workdays))
    return Calendar(years=frozenset(day.year for day in off), off=off, worked=worked, hours=hours)


def with_year(calendar: Calendar, year: int, *, off: Iterable[date], worked: Iterable[date]) -> Calendar:
    """The calendar with the announcement for one year put in, or put in place of what it knew.

    Parameters
    ----------
    off, worked : dates
        Holidays, and weekend days worked in return, all within `year`.

    Raises
    ------
    Invalid
        ``calendar.other_year`` when a day lies in another year, ``calendar.both`` when a day is off and worked.
    """
    off, worked = frozenset(off), frozenset(worked)
    strange = sorted(day for day in off | worked if day.year != year)
    if strange:
        raise Invalid("calendar.other_year", year=year, days=[day.isoformat() for day in strange])
    return replace(
        calendar,
        years=calendar.years | {year},
        off=_without(calendar.off, year) | off,
        worked=_without(calendar.worked, year) | worked,
    )


def _without(days: frozenset[date], year: int) -> frozenset[date]:
    return frozenset(day for day in days if day.year != year)


def is_workday(calendar: Calendar, day: date) -> bool:
    """Whether offices are open on that day; refuses a year that is not known (``calendar.unknown_year``)."""
    if day.year not in calendar.years:
        known = sorted(calendar.years)
        raise MissingPart("calendar.unknown_year", year=day.year, first=known[0], last=known[-1])
    return day in calendar.worked or (day.weekday() < 5 and day not in calendar.off)


def workdays_from(calendar: Calendar, day: date) -> Iterator[date]:
    """Work days from `day` on, itself included when it is one; refuses on reaching a year that is not known."""
    while True:
        if is_workday(calendar, day):
            yield day
        day += timedelta(days=1)


def closing(calendar: Calendar, day: date) -> datetime:
    """The end of work on a day, in UTC."""
    return _moment(day, calendar.hours[-1][1])


def spans_from(calendar: Calendar, at: datetime) -> Iterator[Span]:
    """Work time from a moment on, span by span, in UTC; the first may begin at the moment itself."""
    for day in workdays_from(calendar, local_day(at)):
        for start, end in _spans(calendar, day):
            if end > at:
                yield max(start, at), end


def worked(calendar: Calendar, since: datetime, until: datetime) -> timedelta:
    """Work time between two moments; zero when they are the wrong way round."""
    total, day, last = timedelta(), local_day(since), local_day(until)
    while day <= last:
        if is_workday(calendar, day):
            inside = (min(end, until) - max(start, since) for start, end in _spans(calendar, day))
            total += sum((each for each in inside if each > timedelta()), timedelta())
        day += timedelta(days=1)
    return total


def _spans(calendar: Calendar, day: date) -> list[Span]:
    return [(_moment(day, opens), _moment(day, closes)) for opens, closes in calendar.hours]


def local_day(at: datetime) -> date:
    """The day it is in China at a moment; a moment without a zone is refused."""
    if at.tzinfo is None:
        raise Invalid("calendar.no_zone", at=at.isoformat())
    return at.astimezone(ZONE).date()


def _moment(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, ZONE).astimezone(UTC)
