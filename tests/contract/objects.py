"""Makers of one object in one place of the town, for the matrix of route rights; each part appends its own.

`make_<noun>(session, place)` works as the owner of the database. The place is `own` (grid A00), `neighbour` (A01),
`community` (A10), `street` (B00) or `deleted` (was in A00). It returns the object's id, or a dictionary with `id` and
whatever else a request about it says.
"""

from __future__ import annotations

from uuid import UUID, uuid4

from sqlalchemy import text

import data.reports
from data.db import Session

#: Where an object of each place lies.
GRIDS = {"own": "A00", "neighbour": "A01", "community": "A10", "street": "B00", "deleted": "A00"}


def make_report(session: Session, place: str) -> dict[str, object]:
    """A report of somebody who has left, and another one beside it; a report is never deleted, so `deleted` is none."""
    made, beside = (_report(session, GRIDS[place]) for _ in range(2))
    return {"id": UUID(int=made.int ^ 1) if place == "deleted" else made, "into": str(beside)}


def make_dispute(session: Session, place: str) -> dict[str, object]:
    """Another body under the id of a report."""
    report = _report(session, GRIDS[place])
    number = session.scalar(
        text("INSERT INTO report_conflict (report_id, body_hash, body) VALUES (:report, 'x', '{}') RETURNING id"),
        {"report": str(report)},
    )
    return {"id": number + 10**9 if place == "deleted" else number, "report_id": str(report)}


def _report(session: Session, grid: str) -> UUID:
    """A report that nobody in the town has written, with its first event."""
    made = uuid4()
    values = {"id": str(made), "street": grid[0], "community": grid[:2], "grid": grid}
    session.execute(
        text("""INSERT INTO report (id, client_id, category, captured_at, text, synthetic, street_code, community_code,
                    grid_code) VALUES (:id, :id, 'handrail', now(), '', true, :street, :community, :grid)"""),
        values,
    )
    data.reports.adopt(session)
    return made
