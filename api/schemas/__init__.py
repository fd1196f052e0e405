"""What travels: the shapes of requests and answers.

A request body is an `Asked`: unknown fields are refused and nothing is converted, so `"113.2"` is no number and `true`
is not 1. What JSON cannot say by itself (times, days, UUIDs) is text in one exact form.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, TypeVar
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, NaiveDatetime, Strict
from pydantic_core import PydanticCustomError

Time = TypeVar("Time", date, datetime)

LONGEST_TEXT = 10_000
ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}([Tt ].*)?", re.ASCII)
#: PostgreSQL keeps times that Python cannot read back; nobody reports from outside these years.
FIRST_YEAR, LAST_YEAR = 1970, 2200


class Asked(BaseModel):
    """Somebody's request: the declared fields, each of its own type, and nothing else."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, str_max_length=LONGEST_TEXT)


def _written_as_day(value: object) -> object:
    """Text only: a number would be taken for seconds since 1970."""
    if isinstance(value, str) and not ISO_DAY.fullmatch(value):
        raise PydanticCustomError("iso_day", "write it as 2026-01-31")
    return _written(value)


def _written(value: object) -> object:
    if not isinstance(value, str):
        raise PydanticCustomError("text", "write it as text")
    return value


def _moment_or_day(value: object) -> object:
    text = str(_written_as_day(value))
    try:
        read = date.fromisoformat(text) if len(text) == len("2026-01-31") else datetime.fromisoformat(text)
    except ValueError:
        raise PydanticCustomError("iso_day", "write it as 2026-01-31 or 2026-01-31T11:30") from None
    if isinstance(read, datetime) and read.tzinfo is not None:
        raise PydanticCustomError("local_time", "write it without a zone")
    return read


def _in_our_time(value: Time) -> Time:
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise PydanticCustomError("year", "the year is out of range")
    return value


#: An ISO 8601 time with its zone.
Moment = Annotated[AwareDatetime, Strict(False), AfterValidator(_in_our_time), BeforeValidator(_written_as_day)]
#: An ISO 8601 time of the district's own clocks, without a zone.
LocalTime = Annotated[NaiveDatetime, Strict(False), AfterValidator(_in_our_time), BeforeValidator(_written_as_day)]
#: A moment as above, or a whole day.
When = Annotated[datetime | date, BeforeValidator(_moment_or_day), AfterValidator(_in_our_time)]
#: An ISO 8601 day.
Day = Annotated[date, Strict(False), AfterValidator(_in_our_time), BeforeValidator(_written_as_day)]
#: A UUID as text.
Uuid = Annotated[UUID, Strict(False), BeforeValidator(_written)]
