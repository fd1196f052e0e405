"""What waits until a second person has confirmed it; the database decides who that may be (`…_second_person.sql`)."""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy import text

from data.db import Session

What = Literal["assignment", "key"]

WAITING = "SELECT * FROM wangge_private.waiting() ORDER BY what, id LIMIT :limit"
DECIDE = "SELECT wangge_private.decide(:what, :number, :granted)"


def search(session: Session, *, limit: int = 1000) -> list[dict[str, Any]]:
    """What waits within the reach of the caller, by kind and number; `yours` says whether she may confirm it."""
    return [dict(row) for row in session.execute(text(WAITING), {"limit": limit}).mappings()]


def decide(session: Session, what: What, number: int, *, granted: bool) -> None:
    """Confirm one, or refuse it for good; its row in the log is written with it."""
    session.execute(text(DECIDE), {"what": what, "number": number, "granted": granted})
