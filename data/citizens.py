"""Reports of people without an account: put in with the rights of nobody, and never read back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert, text
from sqlalchemy.dialects.postgresql import insert as upsert

from data.db import Session
from data.tables import report, report_event
from gis.reports import Event

FILED = text("SELECT * FROM citizen_filed(:client_id, :body_hash)")


def filed(session: Session, client_id: str, body_hash: str) -> dict[str, Any] | None:
    """What was kept under an id, for who knows the body as well; None for everybody else."""
    row = session.execute(FILED, {"client_id": client_id, "body_hash": body_hash}).mappings().one_or_none()
    return None if row is None else dict(row)


def add(session: Session, values: Mapping[str, Any], event: Event, *, lon: float, lat: float) -> bool:
    """Keep a report and its first event; False where there is one under this id. Nothing is returned by the database,
    since nobody may read what she puts in. The feed and the log are told by a trigger."""
    placed = dict(values) | {"geom": f"SRID=4326;POINT({lon!r} {lat!r})"}
    added = upsert(report).inline().on_conflict_do_nothing()
    if session.connection().execute(added, placed).rowcount == 0:
        return False
    happened = {name: getattr(event, name) for name in ("report_id", "version", "move", "at", "source", "target")}
    session.connection().execute(insert(report_event).inline(), happened | {"actor_role": event.actor.role})
    return True
