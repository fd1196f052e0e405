"""Opening hours: a documented part of the OSM notation, with Chinese day names; what it cannot read it does not guess.

    24/7                       always
    11:00-13:00                every day
    Mo-Fr 11:00-13:00,17:00-19:00; Sa 09:00-12:00; Su off
    周一至周五 8:30-17:00；周六 9:00-12:00；周日休息

A rule is days, then times or `off` (休息); rules are parted by `;`. A later rule replaces an earlier one on its days. A
time runs up to but not including its end; one that ends before it begins runs past midnight. Holidays (PH), months,
weeks and sunrise are not read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, time
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

OPEN, CLOSED, UNKNOWN = 1, 0, -1
DAY = 24 * 60

_DAYS = {
    **{name: day for day, name in enumerate(("mo", "tu", "we", "th", "fr", "sa", "su"))},
    **{prefix + name: day for prefix in ("周", "星期") for day, name in enumerate("一二三四五六日")},
    **{prefix + "天": 6 for prefix in ("周", "星期")},
}
_EVERY_DAY = frozenset({"每天", "每日", "全年", ""})
_OFF = frozenset({"off", "closed", "休息", "休", "不开放"})
_ALWAYS = frozenset({"24/7", "24小时", "全天"})
_ALIKE = str.maketrans("：；，、–—－～~至到", ":;,,-------")
_RULE = re.compile(r"^(?P<days>[^\d]*?)\s*(?P<times>\d.*|off|closed|休息|休|不开放)$")
_SPAN = re.compile(r"^(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})$")

_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")

#: Minutes of the week [from, to) in which it is open.
Week = tuple[tuple[int, int], ...]
#: A moment of local time, or a whole day: any time of it.
When: TypeAlias = datetime | date


@lru_cache(maxsize=4096)
def parse(text: str) -> Week | None:
    """The spans of a week in minutes from Monday 00:00, the last up to a day past Sunday; None when unreadable."""
    plain = re.sub(r"\s*([-,;:])\s*", r"\1", text.strip().lower().translate(_ALIKE))
    if plain in _ALWAYS:
        return ((0, 7 * DAY),)
    days: dict[int, list[tuple[int, int]]] = {}
    for rule in filter(None, (part.strip() for part in plain.split(";"))):
        read = _rule(rule)
        if read is None:
            return None
        named, spans = read
        days.update(dict.fromkeys(named, spans))
    if not days:
        return None
    return tuple((day * DAY + a, day * DAY + b) for day, spans in sorted(days.items()) for a, b in spans)


def _rule(rule: str) -> tuple[list[int], list[tuple[int, int]]] | None:
    found = _RULE.match(rule)
    days = _days(found["days"].strip().rstrip(":")) if found else None
    if found is None or days is None:
        return None
    if found["times"] in _OFF:
        return days, []
    spans = [_span(part) for part in found["times"].split(",")]
    return (days, [span for span in spans if span]) if all(spans) else None


def _days(text: str) -> list[int] | None:
    if text in _EVERY_DAY:
        return list(range(7))
    days: list[int] = []
    for part in text.split(","):
        ends = [_DAYS.get(name) for name in part.split("-")]
        if None in ends or len(ends) > 2:
            return None
        first, last = ends[0], ends[-1]
        assert first is not None
        assert last is not None
        days += [day % 7 for day in range(first, last + 1 + (7 if last < first else 0))]
    return days


def _span(text: str) -> tuple[int, int] | None:
    found = _SPAN.match(text)
    if not found:
        return None
    h1, m1, h2, m2 = (int(part) for part in found.groups())
    if m1 > 59 or m2 > 59 or h1 * 60 + m1 >= DAY or h2 * 60 + m2 > DAY:
        return None
    start, end = h1 * 60 + m1, h2 * 60 + m2
    return (start, end if end > start else end + DAY)


def state(opens: Sequence[object] | pd.Series, at: When) -> NDArray[np.int8]:
    """Whether each is open at a moment, or at any time of a day: `OPEN`, `CLOSED` or `UNKNOWN`.

    Parameters
    ----------
    opens : (n,) text or missing; missing and unreadable hours are `UNKNOWN`
    at : local time; its zone, if any, is not looked at
    """
    first = at.weekday() * DAY
    asked = (first, first + DAY)
    if isinstance(at, datetime):
        minute = first + at.hour * 60 + at.minute
        asked = (minute, minute + 1)
    texts = pd.Series(opens, dtype=object)
    by_text = {text: _state(text, asked) for text in texts.dropna().unique()}
    return texts.map(by_text).fillna(UNKNOWN).to_numpy(np.int8)


def _state(text: object, asked: tuple[int, int]) -> int:
    """A span asked for, in minutes of the week; what began on Sunday night lasts into Monday."""
    week = parse(str(text))
    if week is None:
        return UNKNOWN
    first, end = asked
    days = [(a - back, b - back) for a, b in week for back in (0, 7 * DAY)]
    return OPEN if any(a < end and first < b for a, b in days) else CLOSED


def when(text: str) -> When | None:
    """A `--at` text: a moment as "2026-03-02T11:30", "Mo 11:30", "周一 11:30" or "11:30" (a Monday), or a whole day as
    "2026-03-02", "Mo" or "周一"; None when it cannot be read.

    Days without a date fall in the week of Monday 1 January 2024.
    """
    plain = text.strip().lower().replace("：", ":")
    if plain in _DAYS:
        return date(2024, 1, 1 + _DAYS[plain])
    try:
        return date.fromisoformat(plain) if _ISO_DAY.fullmatch(plain) else datetime.fromisoformat(plain.upper())
    except ValueError:
        return _moment(plain)


def _moment(text: str) -> datetime | None:
    found = re.match(r"^(\S*?)\s*(\d{1,2}):(\d{2})$", text)
    day = _DAYS.get(found[1] or "mo") if found else None
    if found is None or day is None or int(found[2]) > 23 or int(found[3]) > 59:
        return None
    return datetime.combine(datetime(2024, 1, 1 + day), time(int(found[2]), int(found[3])))  # noqa: DTZ001
