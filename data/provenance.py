"""What the figures were made from: whose data, of which day, and whether they are synthetic."""

from __future__ import annotations

from sqlalchemy import text

from data.db import Session

#: The newest batch of each sort of input, and the day its data are of (the day of import where the file said none).
NEWEST = """
    SELECT DISTINCT ON (what) what, synthetic, attribution,
           coalesce(facts ->> 'data_date', to_char(imported_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD')) AS data_date
    FROM import_batch WHERE what IN ('areas', 'walknet', 'facilities', 'households') ORDER BY what, id DESC"""


def data_date(session: Session) -> str | None:
    """The day of the oldest input: no part of a figure is older than that."""
    asked = f"SELECT min(left(data_date, 10)) FROM ({NEWEST}) newest WHERE what <> 'areas'"  # noqa: S608
    day: str | None = session.scalar(text(asked))
    return day


def synthetic(session: Session) -> bool:
    """Whether any input was generated: one synthetic part makes the whole figure so."""
    return bool(session.scalar(text(f"SELECT bool_or(synthetic) FROM ({NEWEST}) newest")))  # noqa: S608


def attributions(session: Session) -> list[str]:
    """The notices that must stand beside what is drawn from the data."""
    asked = "SELECT attribution FROM import_batch WHERE attribution <> '' GROUP BY attribution ORDER BY min(id)"
    return list(session.scalars(text(asked)))
