"""Reports as they travel."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

import gis.crs
from api.schemas import Asked, Moment
from api.schemas.areas import Answer, Datum, Latitude, Longitude
from gis.reports import PHOTOS_MOST, TEXT_MOST, Place, Proof, Submission

Uuid = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", max_length=36)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", max_length=64)]
Text = Annotated[str, Field(max_length=TEXT_MOST)]
Photos = Annotated[
    list[Sha256], Field(max_length=PHOTOS_MOST, description="sha256 of each photo, sent before or after.")
]
Accuracy = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False, description="Radius in metres.")]
Category = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^\S+$")]
Status = Literal["received", "accepted", "assigned", "resolved", "closed", "rejected", "reopened"]
Move = Literal[
    "accept", "reject", "assign", "return", "resolve", "close", "reopen", "restore", "hold", "resume", "extend",
    "merge", "correct", "note",
]  # fmt: skip


class ReportBody(Asked):
    """A report as somebody filed it."""

    category: Category = Field(description="A code of GET /api/categories.")
    text: Text = ""
    lon: Longitude
    lat: Latitude
    datum: Datum = "wgs84"
    captured_at: Moment = Field(description="By the phone's clock; ours is kept beside it.")
    accuracy_m: Accuracy | None = None
    photos: Photos = Field(default_factory=list)
    mocked: bool = Field(False, description="The phone says that its position is made up.")
    sent_at: Moment | None = Field(None, description="The phone's clock when it sends; not part of the report.")

    def submission(self) -> Submission:
        return Submission(**{**self.model_dump(), "photos": tuple(self.photos)})


class Stood(Asked):
    """Where somebody stood."""

    lon: Longitude
    lat: Latitude
    accuracy_m: Accuracy | None = None
    datum: Datum = "wgs84"

    def place(self) -> Place:
        lon, lat = (float(degrees) for degrees in gis.crs.to_wgs84(self.lon, self.lat, self.datum))
        return Place(lon, lat, self.accuracy_m)


class MoveBody(Asked):
    """One move and its proof; which proof a move needs stands in the `moves` of the report."""

    move: Move
    version: int = Field(ge=1, le=2**31 - 1, description="The version of the report that was seen.")
    reason: Text = ""
    text: Text = ""
    unit: Annotated[str, Field(max_length=64)] = ""
    photos: Photos = Field(default_factory=list)
    place: Stood | None = None
    amount: int = Field(0, ge=0, le=1000, description="How many more units of the limit.")
    merged_into: Uuid | Literal[""] = ""
    category: Category | Literal[""] = ""

    def proof(self) -> Proof:
        place = None if self.place is None else self.place.place()
        photos = tuple(self.photos)
        return Proof(self.reason, self.text, self.unit, photos, place, self.amount, self.merged_into, self.category)


class MergeBody(Asked):
    """Into which report, and why."""

    into: Uuid
    version: int = Field(ge=1, le=2**31 - 1)
    reason: Text = ""


class DecisionBody(Asked):
    """Which of two bodies holds."""

    keep: Literal["first", "other"]
    reason: Annotated[str, Field(min_length=1, max_length=TEXT_MOST)]


class Receipt(Answer):
    """What never changes about a report: every resend of it gets the same answer."""

    id: str
    client_id: str
    category: str
    received_at: datetime
    areas: dict[str, str] = Field(description="Level to code.")
    photos_declared: int
    url: str


class ListedReport(Answer):
    """A report in a list; null is what a key does not name."""

    id: str
    category: str
    status: Status
    version: int
    on_hold: bool
    unit: str | None
    text: str | None
    lon: float | None
    lat: float | None
    captured_at: datetime
    received_at: datetime
    due_at: datetime | None
    overdue: bool | None
    photos_declared: int | None
    street_code: str
    community_code: str
    grid_code: str
    synthetic: bool


class ReportList(Answer):
    """A page of reports, the newest first."""

    reports: list[ListedReport]
    next: str | None


class PhotoCount(Answer):
    """Photo 2 of 3: how many were declared, how many have come, and which have not."""

    declared: int
    here: int
    missing: list[str]


class OpenMove(Answer):
    """A move the caller may make now, and the proof it needs."""

    move: str
    needs: list[str]


class Happened(Answer):
    """One event; null is what the caller may not see."""

    version: int
    move: str
    actor_role: str
    mine: bool
    actor_id: int | None = Field(description="Told to staff of the place alone.")
    at: datetime
    source: str
    target: str
    reason: str | None
    text: str | None
    unit: str | None
    photos: list[str] | None
    amount: int
    merged_into: str
    category: str
    lon: float | None = None
    lat: float | None = None
    accuracy_m: float | None = None
    suspect: list[dict[str, Any]] | None = None


class Report(Answer):
    """A report with its history; null is what no partner may see, or this key does not name."""

    id: str
    client_id: str
    category: str
    status: Status
    version: int
    mine: bool
    text: str | None
    lon: float | None
    lat: float | None
    accuracy_m: float | None
    captured_at: datetime = Field(description="By the phone's clock.")
    sent_at: datetime | None = Field(description="By the phone's clock.")
    received_at: datetime = Field(description="By ours.")
    moved_at: datetime
    on_hold: str = Field(description="The reason, empty when it is not; - for who may not read reasons.")
    unit: str | None
    street_code: str | None
    community_code: str | None
    grid_code: str | None
    due_at: datetime | None = Field(description="The last moment in time; null while it is paused, or not known.")
    warn_at: datetime | None
    due_unknown: str | None = Field(description="Why there is no due_at although one is owed, e.g. an unknown year.")
    overdue: bool | None
    merged_into: str | None
    merged: list[str] = Field(description="Reports that were merged into this one; their authors still see theirs.")
    disputes: int = Field(description="Other bodies under its id that nobody has decided about.")
    routed: dict[str, Any] | None = Field(description="Which unit the rules propose, by which rule, and why.")
    suspect: list[dict[str, Any]] | None = Field(description="What is strange about place and time; never a verdict.")
    photos: PhotoCount | None
    moves: list[OpenMove]
    events: list[Happened]
    synthetic: bool


class Near(Answer):
    """An open report that may be the same thing."""

    id: str
    score: float = Field(description="0 to 1: distance x category x time x text")
    metres: float
    category: str
    status: Status
    text: str | None
    captured_at: datetime


class NearList(Answer):
    """The likeliest first; a person decides."""

    reports: list[Near]


class Dispute(Answer):
    """Another body under the id of a report."""

    id: int
    report_id: str
    body: dict[str, Any]
    received_at: datetime
    kept: Literal["first", "other"] | None
    reason: str
    decided_at: datetime | None
    street_code: str | None
    community_code: str | None
    grid_code: str | None


class DisputeList(Answer):
    """Other bodies nobody has decided about, in the order they came."""

    conflicts: list[Dispute]
    next: str | None


class FiguresRow(Answer):
    """Counts of one group; a rate is null where there is nothing to divide by."""

    group: str
    filed: int
    assigned: int
    resolved: int
    closed: int
    due: int
    closed_on_time: int
    unchecked: int
    overdue: int
    due_open: int
    reworked: int
    extended: int
    on_time_rate: float | None
    rework_rate: float | None
    extension_rate: float | None


class Figures(Answer):
    """The evaluation of a period, of the reports the caller may see."""

    since: datetime
    until: datetime
    as_of: datetime
    by: str
    groups: list[FiguresRow]
