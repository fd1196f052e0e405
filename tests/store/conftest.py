"""A migrated database, and one transaction of it that is undone after each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import data.db


@pytest.fixture(scope="module")
def engine(database_url: str) -> Iterator[data.db.Engine]:
    made = data.db.engine(database_url)
    yield made
    made.dispose()


@pytest.fixture
def session(engine: data.db.Engine) -> Iterator[data.db.Session]:
    """What happens here is undone; errors of the database come as refusals."""
    with data.db.refusals(), data.db.Session(engine) as opened:
        yield opened
        opened.rollback()
