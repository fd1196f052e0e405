"""Categories, units and routing rules as they travel."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from api.schemas import Asked
from api.schemas.areas import Answer, Code


class Reasoned(Asked):
    """A change of what everybody works by."""

    reason: Annotated[str, Field(min_length=1, max_length=500, description="Why; kept in the log.")]


class CategoryBody(Reasoned):
    """A category and its time limit."""

    family: Literal["component", "event", "local"]
    name_zh: Annotated[str, Field(min_length=1, max_length=100)]
    name_en: Annotated[str, Field(min_length=1, max_length=100)]
    amount: int = Field(ge=1, le=10_000)
    unit: Literal["urgent_hours", "work_hours", "work_days"]
    warn_before: int = Field(0, ge=0, le=10_000)
    near_m: float = Field(50, gt=0, le=10_000, allow_inf_nan=False)
    near_days: float = Field(30, gt=0, le=3650, allow_inf_nan=False)
    source: Annotated[str, Field(max_length=500)] = ""
    active: bool = True


class CategoryAnswer(Answer):
    """One class of reports and its time limit."""

    code: str
    family: str
    name_zh: str
    name_en: str
    amount: int
    unit: str
    warn_before: int
    near_m: float
    near_days: float
    source: str
    active: bool
    example: bool = Field(description="The limit is an example of ours, not taken from any standard.")


class CategoryList(Answer):
    """The catalogue, by code."""

    categories: list[CategoryAnswer]


class UnitBody(Reasoned):
    """A unit that handles reports."""

    name_zh: Annotated[str, Field(min_length=1, max_length=100)]
    name_en: Annotated[str, Field(max_length=100)] = ""
    active: bool = True


class UnitAnswer(Answer):
    """A unit that handles reports."""

    code: str
    name_zh: str
    name_en: str
    active: bool


class UnitList(Answer):
    """All units, by code."""

    units: list[UnitAnswer]


class RuleBody(Reasoned):
    """Reports of a category (or family, or any: empty) in an area (or any: empty) go to a unit."""

    category: Annotated[str, Field(max_length=64)] = ""
    area: Code | Literal[""] = ""
    unit: Annotated[str, Field(min_length=1, max_length=64)]
    active: bool = True


class RuleAnswer(Answer):
    """A routing rule."""

    id: str
    category: str
    area: str
    unit: str
    active: bool


class Clash(Answer):
    """Two rules in each other's way."""

    sort: Literal["equal", "crossed"]
    rules: tuple[str, str]
    units: tuple[str, str]


class RuleList(Answer):
    """All rules, and which are in each other's way."""

    rules: list[RuleAnswer]
    clashes: list[Clash]
