"""Households with elders as they travel: to the staff of their own area alone."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from api.schemas.areas import Answer


class Household(Answer):
    """One household; who lives there and how to reach them is revealed on purpose only."""

    id: int
    ref: str
    lon: float | None
    lat: float | None
    address: str | None
    floor: int | None
    lift: bool | None
    elders: int
    elders_homebound: int
    elders_80: int | None
    elders_disabled: int | None
    age_max: int | None
    living_alone: bool | None
    mobility: str
    in_institution: bool
    consent: bool | None
    street_code: str | None
    community_code: str | None
    grid_code: str | None
    synthetic: bool
    updated_at: datetime


class HouseholdList(Answer):
    """A page of households in the order of their numbers."""

    households: list[Household]
    next: str | None


class Walk(Answer):
    """One way to a facility, by its parts."""

    facility_id: str
    facility: str
    total_s: float
    metres: float
    seconds: dict[str, float]


class WalkFeature(Answer):
    """A walk as a line on the map (GeoJSON, WGS84)."""

    type: Literal["Feature"] = "Feature"
    geometry: dict[str, Any]
    properties: dict[str, Any]


class Explanation(Answer):
    """Why a household has its verdict for a kind, in the profile of its least mobile member who goes out."""

    household_id: int
    ref: str
    kind: str
    verdicts: dict[str, str]
    limit_s: float
    standard_m: float | None
    standard_limit_m: float
    snap_m: float | None
    reason: str
    cause: str | None
    margin_s: float | None
    fragile: bool
    profile: dict[str, Any]
    walks: list[Walk]
    lines: list[WalkFeature] = Field(description="The same walks as lines, in the same order.")
    synthetic: bool
