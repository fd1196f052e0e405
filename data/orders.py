"""Orders: coverage runs and sitings that somebody asked for and a worker carries out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from data.db import Session
from data.tables import coverage_order
from gis.errors import NotFound

#: What who ordered it may read; not the digest, which says nothing.
SHOWN = [column for column in coverage_order.c if column.name not in ("digest", "user_id")]
WAITING = coverage_order.c.state.in_(("queued", "running"))


def add(session: Session, *, user_id: int, what: str, parameters: Mapping[str, Any]) -> tuple[int, bool]:
    """Keep an order and say its number; the same one, and False, while an equal one of the same person waits."""
    said = json.dumps({"what": what, "parameters": parameters}, sort_keys=True, ensure_ascii=False)
    digest = hashlib.sha256(said.encode()).hexdigest()
    values = {"user_id": user_id, "what": what, "parameters": dict(parameters), "digest": digest}
    asked = insert(coverage_order).values(values).on_conflict_do_nothing().returning(coverage_order.c.id)
    added = session.execute(asked).scalar_one_or_none()
    if added is not None:
        return int(added), True
    equal = select(coverage_order.c.id).where(coverage_order.c.user_id == user_id, coverage_order.c.digest == digest)
    return int(session.execute(equal.where(WAITING)).scalar_one()), False


def get(session: Session, order_id: int) -> dict[str, Any]:
    """One order, as far as the caller may see it."""
    row = session.execute(select(*SHOWN).where(coverage_order.c.id == order_id)).mappings().one_or_none()
    if row is None:
        raise NotFound("orders.absent", order_id=order_id)
    return dict(row)


def waiting(session: Session, *, user_id: int) -> int:
    """How many orders of somebody are not done yet; two requests of one person at once count one after the other."""
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('wangge.orders', :who))"), {"who": user_id})
    asked = select(func.count()).select_from(coverage_order).where(coverage_order.c.user_id == user_id, WAITING)
    return int(session.scalar(asked) or 0)


def set(session: Session, order_id: int, **values: Any) -> None:
    """Say how far an order is. The worker's; times are the database's."""
    stamps = {
        "running": {"started_at": func.now()},
        "done": {"ended_at": func.now()},
        "failed": {"ended_at": func.now()},
    }
    stamped = values | stamps.get(str(values.get("state", "")), {})
    session.execute(update(coverage_order).where(coverage_order.c.id == order_id).values(stamped))
