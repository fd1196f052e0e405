"""Changes to facilities, paths and speeds as they travel, and scenarios made of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

import gis.crs
import gis.profiles
import gis.scenarios
from api.schemas import Asked
from api.schemas.areas import Answer, Datum, Latitude, Longitude

FacilityId = Annotated[str, Field(min_length=1, max_length=64)]
Kind = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[\w-]+$", examples=["canteen"])]
Opens = Annotated[str, Field(max_length=200, examples=["Mo-Fr 11:00-13:00"])]
Capacity = Annotated[int, Field(ge=0, le=100_000)]
DeliveryMode = Literal["one_stop", "multi_point", "to_home"]
Name = Annotated[str, Field(min_length=1, max_length=120)]


class Placed(Asked):
    """Something at a place."""

    lon: Longitude
    lat: Latitude
    datum: Datum = "wgs84"

    @property
    def place(self) -> tuple[float, float]:
        """Degrees of WGS84."""
        return _wgs84(self.lon, self.lat, self.datum)


def _wgs84(lon: float, lat: float, datum: str) -> tuple[float, float]:
    x, y = gis.crs.to_wgs84(lon, lat, datum)
    return float(x), float(y)


class Add(Placed):
    """A facility that does not exist yet."""

    do: Literal["add"]
    kind: Kind
    capacity: Capacity | None = None
    opens: Opens | None = None
    delivery_mode: DeliveryMode = "one_stop"

    def change(self, number: int) -> gis.scenarios.Change:
        return gis.scenarios.Add(f"new-{number}", self.kind, *self.place, self.capacity, self.opens, self.delivery_mode)


class Close(Asked):
    """A facility that shuts."""

    do: Literal["close"]
    id: FacilityId

    def change(self, _number: int) -> gis.scenarios.Change:
        return gis.scenarios.Close(self.id)


class Move(Placed):
    """A facility that moves."""

    do: Literal["move"]
    id: FacilityId

    def change(self, _number: int) -> gis.scenarios.Change:
        return gis.scenarios.Move(self.id, *self.place)


class Resize(Asked):
    """A facility with another capacity; no coverage figure changes by it."""

    do: Literal["resize"]
    id: FacilityId
    capacity: Capacity

    def change(self, _number: int) -> gis.scenarios.Change:
        return gis.scenarios.Resize(self.id, self.capacity)


class Hours(Asked):
    """A facility with other opening hours."""

    do: Literal["hours"]
    id: FacilityId
    opens: Opens

    def change(self, _number: int) -> gis.scenarios.Change:
        return gis.scenarios.Hours(self.id, self.opens)


class OpenPath(Placed):
    """A new straight path between two places."""

    do: Literal["open_path"]
    to_lon: Longitude
    to_lat: Latitude
    steps: Annotated[int, Field(ge=0, le=1000)] = 0
    wheelchair: Literal["yes", "no", "unknown"] = "yes"

    def change(self, _number: int) -> gis.scenarios.Change:
        end = _wgs84(self.to_lon, self.to_lat, self.datum)
        return gis.scenarios.OpenPath(*self.place, *end, self.steps, self.wheelchair)


class ClosePath(Asked):
    """An edge of the newest walking network that may not be walked, by its number."""

    do: Literal["close_path"]
    edge: Annotated[int, Field(ge=0, lt=2**31)]

    def change(self, _number: int) -> gis.scenarios.Change:
        return gis.scenarios.ClosePath(self.edge)


class Speed(Asked):
    """A profile at another speed."""

    do: Literal["speed"]
    profile: Literal[tuple(sorted(gis.profiles.PROFILES))]  # type: ignore[valid-type]
    m_s: Annotated[float, Field(gt=0, lt=10, multiple_of=0.05, allow_inf_nan=False)]

    def change(self, _number: int) -> gis.scenarios.Change:
        return gis.scenarios.Speed(self.profile, self.m_s)


Change = Annotated[Add | Close | Move | Resize | Hours | OpenPath | ClosePath | Speed, Field(discriminator="do")]
Changes = Annotated[list[Change], Field(min_length=1, max_length=50, description="Made one after the other.")]


def changes(asked: list[Change]) -> list[gis.scenarios.Change]:
    """As `gis.scenarios` knows them; what is new is named by its place in the list."""
    return [change.change(number) for number, change in enumerate(asked, 1)]


class ScenarioAsked(Asked):
    """Changes to be kept under a name."""

    name: Name
    changes: Changes


class Scenario(Answer):
    """Changes kept under a name; never altered. Places are WGS84."""

    id: int
    name: str
    changes: list[dict[str, Any]]
    walknet_id: int | None = Field(description="The network that a closed path belongs to.")
    created_at: datetime


class ScenarioList(Answer):
    """Scenarios, the newest first."""

    scenarios: list[Scenario]
