"""The feed of changes: numbered without gaps, in an order that never turns back.

Writers only add; readers number what has been kept since the last reading (`wangge_private.change_number`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import func, select, text

from data.db import Session
from data.tables import change

RECORD = text("""
    SELECT wangge_private.change_record(
        :what, :subject, :action, CAST(:facts AS jsonb), :street_code, :community_code, :grid_code)""")
NOWHERE = {"street_code": None, "community_code": None, "grid_code": None}
SHOWN = [column for column in change.c if column.name != "id"]


def record(
    session: Session,
    what: str,
    subject: str,
    action: str,
    facts: Mapping[str, Any],
    *,
    codes: Mapping[str, str | None] = NOWHERE,
) -> None:
    """Say that `action` happened to the `what` with the id `subject` in the place of `codes` (street, community, grid).

    Partners read it, so `facts` hold states, categories and numbers, never a name, a text or a position.
    """
    values = {"what": what, "subject": subject, "action": action, "facts": json.dumps(facts)}
    session.execute(RECORD, values | {name: codes.get(name) for name in NOWHERE})


def newest(session: Session) -> int:
    """Number what has been kept since the last time, and say the newest number there is."""
    return int(session.scalar(text("SELECT wangge_private.change_number()")) or 0)


def numbered(session: Session) -> int:
    """The newest number that has been given, for who must not hold the lock of numbering."""
    return session.scalar(select(func.max(change.c.seq))) or 0


def search(session: Session, *, since: int, until: int, limit: int, what: Collection[str] = ()) -> list[dict[str, Any]]:
    """Changes with since < seq <= until that the caller may see, in their order; only of the kinds `what`, if any.

    Take `until` from `newest` before: what is numbered between the two would otherwise be passed over.
    """
    query = select(*SHOWN).where(change.c.seq > since, change.c.seq <= until).order_by(change.c.seq).limit(limit)
    if what:
        query = query.where(change.c.what.in_(what))
    return [dict(row) for row in session.execute(query).mappings()]
