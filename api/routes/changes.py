"""The feed of changes, for whoever keeps a copy of their own."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

import data.changes
import data.db
from api.deps import Limit, Session, allow, key_scope
from api.schemas.changes import Change, Changes

router = APIRouter(prefix="/api/changes", tags=["changes"])


def newest(request: Request) -> int:
    """The newest number there is, in a transaction of its own that has ended before the caller's begins."""
    with data.db.transaction(request.app.state.door, role=data.db.MEMORY) as session:
        return data.changes.newest(session)


Newest = Annotated[int, Depends(newest)]


@router.get(
    "",
    summary="What happened since, in order and without gaps",
    # The numbers first, so that no request holds one connection of the pool while it waits for another.
    dependencies=[
        Depends(newest),
        allow("inspector", "community", "street", "partner", "admin"),
        key_scope("reports:read"),
    ],
)
def search(
    newest: Newest,
    session: Session,
    since: Annotated[int, Query(ge=0, le=2**63 - 1, description="The `next` of the page before; 0 at first.")] = 0,
    limit: Limit = 100,
) -> Changes:
    """Numbers rise by one and are never given anew. Whoever may not see a change finds its number missing; `next`
    passes over those, so that it always leads on."""
    found = data.changes.search(session, since=since, until=newest, limit=limit)
    more = len(found) == limit
    return Changes(
        changes=[Change(**row) for row in found], next=found[-1]["seq"] if more else max(since, newest), more=more
    )
