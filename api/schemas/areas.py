"""Areas as they travel."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Code = Annotated[str, Field(min_length=1, max_length=32, pattern=r"^[0-9A-Za-z._:-]+$")]
Level = Annotated[str, Field(max_length=20, pattern=r"^[a-z_]+$", examples=["street", "community", "grid"])]
Datum = Literal["wgs84", "cgcs2000", "gcj02", "bd09"]


class Answer(BaseModel):
    """Answers hold what is declared and nothing else."""

    model_config = ConfigDict(extra="forbid")


class Area(Answer):
    """One area as it stood at the date asked for."""

    code: str
    level: str
    name: str
    grid_kind: Literal["", "basic", "dedicated"] = Field(description="Empty unless the level is grid.")
    parent_code: str = Field(description="Empty for the topmost area.")
    area_m2: float
    valid_from: date
    valid_to: date | None = Field(description="The first day on which it no longer holds; null while it does.")
    synthetic: bool = Field(description="True where the outline was generated, not surveyed.")


class AreaFeature(Answer):
    """A GeoJSON feature (RFC 7946) of one area."""

    type: Literal["Feature"] = "Feature"
    id: str
    geometry: dict[str, Any]
    properties: Area


class AreaList(Answer):
    """A page of areas in the order of their codes."""

    areas: list[Area]
    next: str | None = Field(description="The link to the next page; null on the last one.")


class PlaceCodes(Answer):
    """The area that holds a place, at each level there is."""

    lon: float = Field(description="WGS84")
    lat: float = Field(description="WGS84")
    as_of: date
    areas: dict[str, str] = Field(description="Level to code; a level without an area there is absent.")
