"""What a route asks for: a session with the rights of the caller, today's date, a page of a list."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Query, Request

import data.db
from api.auth import NOBODY, Caller

#: The district's day, whatever the clock of the machine is set to.
ZONE = ZoneInfo("Asia/Shanghai")


def caller() -> Caller:
    """Whoever sent the request."""
    return NOBODY


Who = Annotated[Caller, Depends(caller)]


def session(request: Request, who: Who) -> Iterator[data.db.Session]:
    """A read-only transaction with the rights of the caller."""
    with data.db.transaction(request.app.state.engine, role=who.db_role, user_id=who.user_id, read_only=True) as opened:
        yield opened


def write_session(request: Request, who: Who) -> Iterator[data.db.Session]:
    """A transaction with the rights of the caller, kept before the answer is sent."""
    with data.db.transaction(request.app.state.engine, role=who.db_role, user_id=who.user_id) as opened:
        yield opened


def today() -> date:
    return datetime.now(ZONE).date()


def now() -> datetime:
    return datetime.now(UTC)


Session = Annotated[data.db.Session, Depends(session)]
#: `function`: the commit comes before the answer, so that what is acknowledged is kept.
WriteSession = Annotated[data.db.Session, Depends(write_session, scope="function")]
Today = Annotated[date, Depends(today)]
Now = Annotated[datetime, Depends(now)]
Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most.")]


def next_link(request: Request, *, rows: int, limit: int, after: str | int | None) -> str | None:
    """The link to the page after `after`, or None when this page was not full."""
    if rows < limit or after is None:
        return None
    return str(request.url.include_query_params(after=after).replace(scheme="", netloc=""))
