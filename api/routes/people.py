"""Accounts and assignments, for administrators; who gives rights never gives them to herself."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

import data.users
from api.actions import people
from api.deps import Limit, Session, Today, Who, WriteSession, allow, next_link
from api.schemas.people import AssignmentEnd, Ended, Made, NewAssignment, NewUser, Proposed, User, UserChange, UserList

router = APIRouter(prefix="/api/users", tags=["people"], dependencies=[allow("admin")])

Number = Annotated[int, Path(ge=1, lt=2**63)]
After = Annotated[int, Query(ge=0, lt=2**63, description="From the `next` link.")]


@router.get("", summary="All accounts with what they are assigned to")
def search(request: Request, session: Session, after: After = 0, limit: Limit = 100) -> UserList:
    rows = data.users.search(session, after=after, limit=limit)
    held = data.users.history(session, [row["id"] for row in rows])
    users = [User.model_validate(row | {"assignments": held[row["id"]]}) for row in rows]
    last = users[-1].id if users else None
    return UserList(users=users, next=next_link(request, rows=len(users), limit=limit, after=last))


@router.post("", summary="Open an account", status_code=201)
def add(session: WriteSession, who: Who, today: Today, body: NewUser) -> Made:
    password = body.password.get_secret_value() if body.password else None
    account = people.Account(body.login, body.name, password, body.area_code)
    return Made(id=people.add(session, who, account, today=today))


@router.patch("/{user_id}", summary="Rename, close or open an account, or set a password", status_code=204)
def change(session: WriteSession, who: Who, user_id: Number, body: UserChange) -> None:
    """A new password, or closing the account, logs her out everywhere with the next request.

    With a password from you, or opened again by you, the account sees no person until a second one has confirmed its
    assignments. One's own password is changed by `POST /api/token/password`.
    """
    password = body.password.get_secret_value() if body.password else None
    people.change(session, who, user_id, name=body.name, active=body.active, password=password)


@router.post("/{user_id}/assignments", summary="Give a role in an area", status_code=201)
def assign(session: WriteSession, who: Who, today: Today, user_id: Number, body: NewAssignment) -> Proposed:
    """Any role but planner and auditor has no effect until a second person confirms it (`/api/confirmations`)."""
    duty = people.Duty(body.role, body.area_code, body.valid_from or today, body.duty)
    made = people.assign(session, who, user_id, duty)
    return Proposed(id=made.id, waits=made.waits)


@router.patch("/{user_id}/assignments/{assignment_id}", summary="End an assignment", status_code=204)
def release(
    session: WriteSession, who: Who, today: Today, user_id: Number, assignment_id: Number, body: AssignmentEnd
) -> None:
    people.release(session, who, assignment_id, user_id=user_id, valid_to=body.valid_to or today)


@router.delete("/{user_id}/sessions", summary="A device is lost: log her out everywhere")
def end_sessions(session: WriteSession, who: Who, user_id: Number) -> Ended:
    return Ended(sessions=people.end_sessions(session, who, user_id, lost=True))


@router.delete("/{user_id}/second-factor", summary="A second factor is lost: take it away", status_code=204)
def end_factor(session: WriteSession, who: Who, user_id: Number) -> None:
    """What lets her see persons waits for a second person again. One's own is replaced with a recovery code."""
    people.end_factor(session, who, user_id)
