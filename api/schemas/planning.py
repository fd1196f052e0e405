"""Orders, previews and sitings as they travel."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

import gis.siting
from api.schemas import Asked, When
from api.schemas.areas import Answer, Code
from api.schemas.scenarios import Changes, Kind, Placed

Kinds = Annotated[list[Kind], Field(min_length=1, max_length=20, description="Null: every kind of the catalogue.")]
#: In steps: two limits a metre apart would tell who lives on that metre.
Minutes = Annotated[float, Field(ge=1, le=180, multiple_of=1, allow_inf_nan=False)]
Metres = Annotated[float, Field(ge=50, le=20_000, multiple_of=50, allow_inf_nan=False)]
Profile = Annotated[str, Field(max_length=40, pattern=r"^\w+$", description="Let everybody walk as this one.")]


class Question(Asked):
    """What both a run and a preview are asked."""

    kinds: Kinds | None = None
    minutes: Minutes = 10
    metres: Metres = 500
    profile: Profile | None = None
    at: When | None = Field(
        None, description="Only facilities open then: a moment without a zone, or any time of a day."
    )


class RunAsked(Question):
    """A coverage run to be computed."""

    area: Code | None = Field(None, description="Only the households of this area.")
    facilities: Literal["all", "own"] = "all"
    scenario: Annotated[int, Field(ge=1, le=2**53)] | None = None


class Trouble(Answer):
    """Why an order was not carried out."""

    code: str
    title: str


class Order(Answer):
    """Work that a planner ordered, and how far it is."""

    order_id: int
    what: Literal["run", "siting"]
    parameters: dict[str, Any]
    state: Literal["queued", "running", "done", "failed"]
    step: str | None = Field(description="What is being done.")
    progress: float = Field(ge=0, le=1)
    tries: int = Field(description="How often it has been begun; more than once where the work was interrupted.")
    error: Trouble | None
    run_id: int | None
    run: str | None = Field(description="Where the figures are, once it is done.")
    answer: dict[str, Any] | None = Field(description="What a siting found.")
    ordered_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class PreviewAsked(Question):
    """Changes to be tried; nothing of them is kept."""

    changes: Changes


class Difference(Answer):
    """Elders covered after the changes and before, gained and lost, in one area; null is hidden, never zero.

    Estimated from the drawn three quarters of all households and rounded to 5.
    """

    level: str
    code: str
    name: str
    kind: str
    verdict: str
    covered: int | None
    covered_before: int | None
    gained: int | None
    lost: int | None


class Household(Answer):
    """A household of the caller's own area that comes to be covered by a kind, or no longer is."""

    id: int
    ref: str
    kind: str
    verdict: str
    change: Literal["gained", "lost"]


class Preview(Answer):
    """What changes would do."""

    changes: list[dict[str, Any]] = Field(description="As they were tried, WGS84; see `moved_to_lattice`.")
    moved_to_lattice: bool = Field(description="To a lattice of 100 m: a planner's, and staff's elsewhere.")
    off_network: list[str] = Field(description="What would come where nobody can walk to, and so changes nothing.")
    walknet_id: int
    synthetic: bool
    areas: list[Difference]
    households: list[Household] | None = Field(description="For staff alone, of their own area; null for others.")


class Candidate(Placed):
    """A room that could be had."""

    id: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\w.:-]+$")]
    name: Annotated[str, Field(max_length=120)] = ""
    cost: Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)] = 1.0


class SitingAsked(Asked):
    """Where to open more of a kind."""

    kind: Kind
    sites: Annotated[int, Field(ge=0, le=500, description="How many more at most.")] = 1
    method: Literal[gis.siting.METHODS] = "mclp"  # type: ignore[valid-type]
    minutes: Minutes = 10
    candidates: Annotated[list[Candidate], Field(min_length=1, max_length=5000)] | None = Field(
        None, description="Null: places on the network near the people, one in each 150 m."
    )
    budget: Annotated[float, Field(ge=0, le=1e15, allow_inf_nan=False)] | None = Field(
        None, description="What the opened sites may cost together; mclp only."
    )

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        ids = [room.id for room in self.candidates or ()]
        if len(set(ids)) < len(ids):
            raise ValueError("two candidates of one id")
        return self


class Opened(Answer):
    """A site of the plan."""

    id: str
    name: str
    lon: float
    lat: float


class Alternative(Answer):
    """A plan nearly as good that does without one of the sites."""

    without: str
    opened: list[str]
    covered: int | None


class StreetChange(Answer):
    """Elders of a street who would come to be covered, or no longer be."""

    code: str
    name: str
    gained: int | None
    lost: int | None


class Siting(Answer):
    """A plan, verified by a second count. Figures of elders are estimated from the drawn three quarters."""

    kind: str
    method: str
    sites: int
    elders: int | None
    covered_before: int | None
    covered: int | None
    gap: float | None = Field(description="By how much any plan could be better at most, as a share of the bound.")
    proven: bool = Field(description="Whether no plan can be better.")
    proof: str
    candidates: int
    opened: list[Opened]
    alternatives: list[Alternative]
    streets: list[StreetChange]
    moved_to_lattice: bool
    synthetic: bool
