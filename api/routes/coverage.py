"""Coverage runs and their published figures: aggregates only, small counts hidden."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

import data.coverage
import gis.frames
from api.deps import Limit, Session, next_link
from api.schemas.areas import Level
from api.schemas.coverage import AreaFigures, Run, RunAreas, RunList

router = APIRouter(prefix="/api/coverage/runs", tags=["coverage"])

RunId = Annotated[int, Query(ge=1, le=2**53)]


@router.get("", summary="The runs, the newest first")
def search(request: Request, session: Session, after: RunId | None = None, limit: Limit = 20) -> RunList:
    """A run is kept for ever and never changes. Runs that tried a scenario are not for the public."""
    runs = [Run(**row) for row in data.coverage.search(session, before=after, tried=False, limit=limit)]
    last = runs[-1].run_id if runs else None
    return RunList(runs=runs, next=next_link(request, rows=len(runs), limit=limit, after=last))


@router.get("/{run_id}", summary="One run")
def get(session: Session, run_id: int) -> Run:
    """What was asked, of which data."""
    return Run(**data.coverage.get(session, run_id, tried=False))


@router.get("/{run_id}/areas", summary="The figures of every area of a level")
def areas(session: Session, run_id: int, level: Level = "street", kind: str | None = None) -> RunAreas:
    """Without `kind` every kind and the circle."""
    data.coverage.get(session, run_id, tried=False)
    frame = data.coverage.published(session, run_id, level=level, kind=kind)
    rows = gis.frames.records(frame)
    return RunAreas(run_id=run_id, level=level, areas=[AreaFigures(**row) for row in rows])
