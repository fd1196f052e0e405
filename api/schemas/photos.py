"""A photo as it travels: what became of it, never where it was taken."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Photo(BaseModel):
    """What became of a photo; `reason` says why it was refused, and `href` where it is shown once it is ready."""

    model_config = ConfigDict(extra="forbid")

    id: str
    sha256: str
    state: Literal["received", "ready", "refused"]
    reason: str | None
    bytes: int
    width: int | None
    height: int | None
    href: str
