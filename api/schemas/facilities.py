"""Care facilities as they travel."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from api.schemas import Asked
from api.schemas.areas import Answer, Datum, Latitude, Longitude
from api.schemas.scenarios import Capacity, DeliveryMode, Kind, Name, Opens

FacilityId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\w.:-]+$")]
Operator = Annotated[str, Field(max_length=120)]
MedicalLink = Literal["internal", "contract", "none"]
Status = Literal["open", "closed", "planned"]


class Facility(Answer):
    """One facility; places are WGS84."""

    id: str
    name: str
    kind: str
    lon: float
    lat: float
    capacity: int | None
    opens: str | None
    medical_link: MedicalLink | None
    operator: str | None
    delivery_mode: DeliveryMode
    status: Status
    street_code: str | None
    community_code: str | None
    grid_code: str | None
    synthetic: bool
    version: int = Field(description="Goes up with every change; send it in `If-Match` to change it again.")
    updated_at: datetime


class FacilityList(Answer):
    """A page of facilities in the order of their ids."""

    facilities: list[Facility]
    next: str | None


class FacilityAsked(Asked):
    """A facility to be kept."""

    id: FacilityId
    name: Name
    kind: Kind
    lon: Longitude
    lat: Latitude
    datum: Datum
    capacity: Capacity | None = None
    opens: Opens | None = None
    medical_link: MedicalLink | None = None
    operator: Operator | None = None
    delivery_mode: DeliveryMode = "one_stop"
    status: Status = "open"


class FacilityChange(Asked):
    """What shall be otherwise; what is not said stays. A place needs lon, lat and datum together."""

    name: Name | None = None
    kind: Kind | None = None
    lon: Longitude | None = None
    lat: Latitude | None = None
    datum: Datum | None = None
    capacity: Capacity | None = None
    opens: Opens | None = None
    medical_link: MedicalLink | None = None
    operator: Operator | None = None
    delivery_mode: DeliveryMode | None = None
    status: Status | None = None

    @model_validator(mode="after")
    def _sound(self) -> Self:
        said = {name: getattr(self, name) for name in self.model_fields_set}
        if not said:
            raise ValueError("nothing to change")
        if any(said.get(name, "") is None for name in ("name", "kind", "delivery_mode", "status")):
            raise ValueError("a field that must hold something")
        place = [said[name] for name in ("lon", "lat", "datum") if name in said]
        if place and (len(place) < 3 or None in place):
            raise ValueError("lon, lat and datum go together")
        return self
