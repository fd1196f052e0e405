"""Accounts, assignments, keys and the log as they travel."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr

from api.schemas import Asked, Day, Moment
from api.schemas.areas import Answer, Code

Role = Literal["street", "community", "inspector", "planner", "partner", "auditor", "admin"]
Login = Annotated[str, Field(min_length=2, max_length=64, pattern=r"^[0-9A-Za-z][0-9A-Za-z._@-]+$")]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Password = Annotated[SecretStr, Field(min_length=10, max_length=128)]
Names = Annotated[list[Annotated[str, Field(min_length=1, max_length=40)]], Field(max_length=20)]


class NewUser(Asked):
    login: Login
    name: Name
    password: Annotated[Password | None, Field(description="Without one she logs in by another provider.")] = None
    area_code: Annotated[Code | None, Field(description="Where she belongs.")] = None


class UserChange(Asked):
    name: Name | None = None
    active: bool | None = None
    password: Password | None = None


class NewAssignment(Asked):
    role: Role
    area_code: Code
    duty: Annotated[str | None, Field(min_length=1, max_length=40, description="网格长、网格员、楼长 …")] = None
    valid_from: Annotated[Day | None, Field(description="Today when unsaid.")] = None


class AssignmentEnd(Asked):
    valid_to: Annotated[Day | None, Field(description="The first day without it; today when unsaid.")] = None


class TwoPersons(Answer):
    """Who gave a right, and who confirmed it; both null where it was the owner of the machine."""

    proposed_by: int | None
    confirmed_by: int | None
    confirmed_at: datetime | None = Field(description="Null while it waits, and counts for nothing.")


class Assignment(TwoPersons):
    id: int
    role: str
    duty: str | None
    area_code: str
    valid_from: date
    valid_to: date | None


class User(Answer):
    id: int
    login: str
    name: str
    active: bool
    synthetic: bool
    street_code: str | None
    community_code: str | None
    grid_code: str | None
    created_at: datetime
    password_by: int | None = Field(description="Who else has set her password, until that is confirmed.")
    password_handed: bool = Field(description="Whether she still uses that password.")
    assignments: list[Assignment] = Field(description="Ended and future ones too.")


class UserList(Answer):
    users: list[User]
    next: str | None = Field(description="The link to the next page; null on the last one.")


class Made(Answer):
    id: int


class Proposed(Made):
    waits: bool = Field(description="True until a second person confirms it.")


class Ended(Answer):
    sessions: int = Field(description="How many were ended.")


class NewKey(Asked):
    user_id: Annotated[int, Field(ge=1, lt=2**63, description="An account with the role partner.")]
    name: Name
    scopes: Annotated[Names, Field(min_length=1)]
    fields: Names = Field(default_factory=list)
    expires_at: Moment


class NewKeyMade(Proposed):
    key: str = Field(description="Shown this once.")


class Key(TwoPersons):
    id: int
    user_id: int
    name: str
    prefix: str
    scopes: list[str]
    fields: list[str]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


class KeyList(Answer):
    keys: list[Key]
    next: str | None


class LogRow(Answer):
    """Who did or read what, when and why; numbers of rows, never a personal value."""

    id: int
    at: datetime
    actor: str = Field(description="Number of the account; `shell` for the owner of the machine.")
    action: str
    subject: str | None
    purpose: str | None
    facts: dict[str, Any]


class Log(Answer):
    rows: list[LogRow]
    next: str | None
