"""Changes as they travel."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict


class Change(BaseModel):
    """One thing that happened to one report or photo, with the codes of its place and nothing about a person."""

    model_config = ConfigDict(extra="forbid")

    seq: int
    at: datetime
    what: str
    subject: str
    action: str
    facts: dict[str, Any]
    street_code: str | None
    community_code: str | None
    grid_code: str | None


class Changes(BaseModel):
    """A page of the feed. Ask again with `since` = `next`; when `more` is false there is nothing newer for now."""

    model_config = ConfigDict(extra="forbid")

    changes: list[Change]
    next: int
    more: bool
