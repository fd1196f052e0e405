"""The persons of a household as they travel."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from api.schemas import Asked
from api.schemas.areas import Answer

Purpose = Literal["visit", "call", "emergency", "complaint", "correction"]


class Elder(Answer):
    """One person, masked."""

    id: int
    name: str = Field(examples=["张**"])
    phone: str | None = Field(examples=["138****1234"])
    consent: bool | None
    legal_basis: str
    synthetic: bool = Field(description="True where the person was made up.")


class ElderList(Answer):
    elders: list[Elder]


class Reveal(Asked):
    """Why somebody must be known by name; it is kept in the log."""

    purpose: Purpose


class Person(Answer):
    """One person as she is."""

    id: int
    name: str
    phone: str | None
    id_card: str | None
    health: str | None


class Revealed(Answer):
    elders: list[Person]
