"""How often what coverage is computed from has changed: whatever is kept in memory is good for one such number."""

from __future__ import annotations

from sqlalchemy import func, select

from data.db import Session
from data.tables import data_change


def count(session: Session) -> int:
    """The version of the data. Ask before reading them: they may then be newer than the number, never older."""
    return int(session.scalar(select(func.count()).select_from(data_change)) or 0)
