"""Is it alive, and can it work?"""

from __future__ import annotations

from fastapi import APIRouter

import data.db
from api.deps import Session

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="The process answers")
def healthz() -> dict[str, str]:
    """Says nothing about the database: a restart would not help that."""
    return {"status": "ok"}


@router.get("/readyz", summary="The database answers and has the newest schema")
def readyz(session: Session) -> dict[str, str]:
    """503 as a problem document while it cannot serve."""
    data.db.check_ready(session)
    return {"status": "ready"}
