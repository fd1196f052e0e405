"""The log, for auditors: who did or read what, when and why."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

import data.audit
from api.deps import Limit, Session, allow, next_link
from api.routes.people import After
from api.schemas.people import Log, LogRow

router = APIRouter(prefix="/api/audit", tags=["people"], dependencies=[allow("auditor")])


@router.get("", summary="The log in its order")
def search(
    request: Request,
    session: Session,
    actor: Annotated[str | None, Query(max_length=40, pattern=r"^[0-9a-z]+$")] = None,
    after: After = 0,
    limit: Limit = 100,
) -> Log:
    rows = [LogRow(**row) for row in data.audit.search(session, after=after, actor=actor, limit=limit)]
    last = rows[-1].id if rows else None
    return Log(rows=rows, next=next_link(request, rows=len(rows), limit=limit, after=last))
