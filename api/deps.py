"""What a route asks for: a session with the rights of the caller, today's date, a page of a list."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

from anyio import CancelScope
from fastapi import Depends, Query, Request
from fastapi.concurrency import run_in_threadpool

import api.auth
import data.db
from api.auth import Caller

#: The district's day, whatever the clock of the machine is set to.
ZONE = ZoneInfo("Asia/Shanghai")
READING = ("GET", "HEAD")
Done = TypeVar("Done")


@dataclass
class Opened:
    """The one transaction of a request, and whoever was let into it."""

    session: data.db.Session
    who: Caller
    #: Whether the route asks to keep what it does.
    writing: bool = False

    def end(self, *, well: bool) -> None:
        """Keep what is to be kept where the route ended well, undo the rest, give the connection back."""
        with self.session:
            if self.writing and well:
                self.session.commit()


async def opened(request: Request) -> AsyncIterator[Opened]:
    """Let in whoever sent the request; GET may only read, and what nobody asked to keep is undone.

    Two turns of a thread, one before the route and one after it, and the last even when the request is given up.
    """
    made, well = await run_in_threadpool(_opened, request), False
    with data.db.refusals():
        try:
            yield made
            well = True
        finally:
            with CancelScope(shield=True):
                await run_in_threadpool(made.end, well=well)


async def in_one_turn(request: Request, act: Callable[[Opened], Done]) -> Done:
    """Let in whoever sent the request, act and keep it in one turn of a thread: for what phones send by the hundred.

    The body is looked at before its sender is: what no phone could have meant is 422 for everybody.
    """

    def turn() -> Done:
        made, well = _opened(request), False
        made.writing = True
        with data.db.refusals():
            try:
                done = act(made)
                well = True
                return done
            finally:
                made.end(well=well)

    return await run_in_threadpool(turn)


def _opened(request: Request) -> Opened:
    session = data.db.Session(request.app.state.door, autoflush=False)
    try:
        with data.db.refusals():
            who = let_in(request, session, read_only=request.method in READING)
    except BaseException:
        session.close()
        raise
    request.state.user_id = who.user_id  # for the log of requests
    return Opened(session, who)


def let_in(request: Request, session: data.db.Session, *, read_only: bool) -> Caller:
    """Give a transaction the rights of whoever sent the request."""
    state, shown = request.app.state, request.headers.get("authorization")
    return api.auth.enter(session, shown, state.keyring, read_only=read_only, provider=state.provider)


#: `function`: the commit comes before the answer, so that what is acknowledged is kept.
In = Annotated[Opened, Depends(opened, scope="function")]


# FastAPI goes through what a dependency depends on each time it is named, so none of these lies deeper than one step.


async def caller(opened: In) -> Caller:
    """Whoever sent the request."""
    return opened.who


async def session(opened: In) -> data.db.Session:
    """The transaction, with the rights of the caller; whatever is done in it is undone."""
    return opened.session


async def write_session(opened: In) -> data.db.Session:
    """The transaction, with the rights of the caller, kept before the answer is sent."""
    opened.writing = True
    return opened.session


Who = Annotated[Caller, Depends(caller)]


def allow(*roles: str) -> Any:
    """Let pass only who acts in one of the roles: 401 for nobody, 403 for anybody else."""

    async def allowed(opened: In) -> None:
        opened.who.need(*roles)

    return Depends(allowed)


def key_scope(scope: str) -> Any:
    """Let a key pass only if it was made for this; a person passes."""

    async def allowed(opened: In) -> None:
        opened.who.need_scope(scope)

    return Depends(allowed)


def today() -> date:
    return datetime.now(ZONE).date()


def now() -> datetime:
    return datetime.now(UTC)


async def _today() -> date:
    """Without a turn of a thread, which a plain function would be given."""
    return today()


async def _now() -> datetime:
    return now()


Session = Annotated[data.db.Session, Depends(session)]
WriteSession = Annotated[data.db.Session, Depends(write_session)]
Today = Annotated[date, Depends(_today)]
Now = Annotated[datetime, Depends(_now)]
Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most.")]


def next_link(request: Request, *, rows: int, limit: int, after: str | int | None) -> str | None:
    """The link to the page after `after`, or None when this page was not full."""
    if rows < limit or after is None:
        return None
    return str(request.url.include_query_params(after=after).replace(scheme="", netloc=""))
