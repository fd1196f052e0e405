"""What is asked of the database while a block runs, whichever way it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

import data.cases
import data.db
import data.door


@contextmanager
def heard(engine: data.db.Engine) -> Iterator[list[tuple[str, Any]]]:
    """Every statement and its values: those that SQLAlchemy passes on, and those that go to the driver directly."""
    said: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, _many: bool) -> None:
        said.append((statement, values))

    def ask(session: data.db.Session, statement: str, values: Any) -> tuple[Any, ...]:
        said.append((statement, values))
        return data.db.ask(session, statement, values)

    event.listen(engine, "before_cursor_execute", note)
    with pytest.MonkeyPatch.context() as patch:
        for module in (data.door, data.cases):
            patch.setattr(module, "ask", ask)
        yield said
    event.remove(engine, "before_cursor_execute", note)
