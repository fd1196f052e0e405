"""Scenarios: changes kept under a name, to be tried in coverage runs. Never altered, and never about persons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from data.db import Session
from data.tables import scenario
from gis.errors import Conflict, NotFound


def add(session: Session, *, name: str, changes: Sequence[Mapping[str, Any]], walknet_id: int | None = None) -> int:
    """Keep changes (`gis.scenarios.to_dict`) under a name that is not taken; their number.

    `walknet_id` where a change names an edge: its number means something in that network alone.
    """
    values = {"name": name, "changes": [dict(change) for change in changes], "walknet_id": walknet_id}
    asked = insert(scenario).values(values).on_conflict_do_nothing(index_elements=["name"]).returning(scenario.c.id)
    number = session.execute(asked).scalar_one_or_none()
    if number is None:
        raise Conflict("scenario.taken", name=name)
    return int(number)


def get(session: Session, scenario_id: int) -> dict[str, Any]:
    """One scenario: id, name, changes, walknet_id, created_at."""
    row = session.execute(select(scenario).where(scenario.c.id == scenario_id)).mappings().one_or_none()
    if row is None:
        raise NotFound("scenario.absent", scenario_id=scenario_id)
    return dict(row)


def search(session: Session, *, limit: int = 1000) -> list[dict[str, Any]]:
    """Scenarios, the newest first."""
    query = select(scenario).order_by(scenario.c.id.desc()).limit(limit)
    return [dict(row) for row in session.execute(query).mappings()]


def remove(session: Session, scenario_id: int) -> None:
    """Remove a scenario; runs that tried it keep its changes among their parameters."""
    if not session.execute(delete(scenario).where(scenario.c.id == scenario_id).returning(scenario.c.id)).all():
        raise NotFound("scenario.absent", scenario_id=scenario_id)
