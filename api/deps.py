"""What a route asks for: a session with the rights of the caller, today's date, a page of a list."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Query, Request

import data.db

#: The district's day, whatever the clock of the machine is set to.
ZONE = ZoneInfo("Asia/Shanghai")


def session(request: Request) -> Iterator[data.db.Session]:
    """A read-only transaction with the rights of nobody: what may be seen without a name."""
    with data.db.transaction(request.app.state.engine, role="wangge_public", read_only=True) as opened:
        yield opened


def today() -> date:
    return datetime.now(ZONE).date()


Session = Annotated[data.db.Session, Depends(session)]
Today = Annotated[date, Depends(today)]
Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most.")]


def next_link(request: Request, *, rows: int, limit: int, after: str | int | None) -> str | None:
    """The link to the page after `after`, or None when this page was not full."""
    if rows < limit or after is None:
        return None
    return str(request.url.include_query_params(after=after).replace(scheme="", netloc=""))
