"""What an administrator has given and a second person must confirm before it counts."""

from __future__ import annotations

from fastapi import APIRouter

import data.confirmations
from api.deps import Session, WriteSession, allow
from api.routes.people import Number
from api.schemas.confirmations import Confirmation, ConfirmationList, What

router = APIRouter(
    prefix="/api/confirmations", tags=["people"], dependencies=[allow("admin", "street", "community")]
)  # fmt: skip


@router.get("", summary="What waits for a second person")
def search(session: Session) -> ConfirmationList:
    """To administrators everything, to a street what lies in it, to a community the inspectors of its grids."""
    return ConfirmationList(confirmations=[Confirmation(**row) for row in data.confirmations.search(session)])


@router.post("/{what}/{number}/confirm", summary="Confirm as the second person", status_code=204)
def confirm(session: WriteSession, what: What, number: Number) -> None:
    """403 for whoever has proposed it, gains by it or gave the password; 409 while a given password is still in use."""
    data.confirmations.decide(session, what, number, granted=True)


@router.post("/{what}/{number}/refuse", summary="Refuse it, or withdraw it; it is over then", status_code=204)
def refuse(session: WriteSession, what: What, number: Number) -> None:
    data.confirmations.decide(session, what, number, granted=False)
