"""What waits for a second person, as it travels."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from api.schemas.areas import Answer

What = Literal["assignment", "key"]


class Confirmation(Answer):
    """A right that somebody is to get, and that does not count yet."""

    what: What
    id: int = Field(description="Number of the assignment or key.")
    user_id: int = Field(description="Who gains by it.")
    login: str
    name: str
    role: str
    area_codes: list[str] = Field(description="Where it would count.")
    fields: list[str] = Field(description="What a key names of a report.")
    proposed_by: int | None
    ready: bool = Field(description="False while she still uses a password that somebody else has given her.")
    yours: bool = Field(description="Whether you may confirm it; whoever sees it may refuse it.")


class ConfirmationList(Answer):
    confirmations: list[Confirmation] = Field(description="At most a thousand, by kind and number.")
