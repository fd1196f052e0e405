"""Coverage as it travels: published figures only, small counts hidden."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pydantic import Field

from api.schemas.areas import Answer


class Run(Answer):
    """A coverage run: what was asked, of which data, and when."""

    run_id: int
    kinds: list[str]
    parameters: dict[str, Any]
    manifest: dict[str, Any] = Field(
        description="sha256 of every input and of the rules; equal manifests, equal results."
    )
    walknet_id: int = Field(description="The version of the walking network it was decided on.")
    as_of: date = Field(description="The day whose areas it counts by.")
    data_date: str | None = Field(description="The day of the oldest input: no part of a figure is older.")
    synthetic: bool
    created_at: datetime


class RunList(Answer):
    """Runs, the newest first."""

    runs: list[Run]
    next: str | None


class AreaFigures(Answer):
    """One area, one kind of facility (or `circle`: all required kinds), one verdict.

    Published figures are estimated from a fixed secret three quarters of the households: the drawn elders, divided by
    0.75, moved by at most 7 and rounded to 5. So they are at most a third and 10 too high, may be too low, and parts
    need not add up to their whole. Null is hidden, never zero: fewer than 11 drawn. A rate is that of the drawn, given
    as the bounds of its class, [rate_low, rate_high), from 20 drawn on.
    """

    code: str
    name: str
    kind: str
    verdict: str
    elders: int | None = Field(description="People aged 60+ who go out and do not live in an institution.")
    covered: int | None
    uncovered: int | None
    unknown: int | None
    rate_low: float | None = Field(description="elder_coverage_rate = covered / (covered + uncovered), lower bound")
    rate_high: float | None


class RunAreas(Answer):
    """The published figures of one run at one level."""

    run_id: int
    level: str
    areas: list[AreaFigures]


class Compared(Answer):
    """One area, kind and verdict in two runs; null is hidden."""

    code: str
    name: str
    kind: str
    verdict: str
    covered_before: int | None
    covered: int | None
    rate_low_before: float | None
    rate_high_before: float | None
    rate_low: float | None
    rate_high: float | None


class RunsCompared(Answer):
    """The published figures of two runs at one level, side by side."""

    before: int
    after: int
    level: str
    areas: list[Compared]
