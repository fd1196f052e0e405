"""Coverage runs with their published figures, orders for new ones, and what a change would do: aggregates only."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi import Path as InPath
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

import api.actions.catchments
import api.actions.coverage
import api.actions.exports
import api.actions.orders
import api.actions.preview
import api.errors
import data.coverage
import gis.frames
from api.deps import Limit, Session, Today, Who, WriteSession, allow, next_link
from api.routes.orders import shown
from api.schemas.areas import Level
from api.schemas.coverage import AreaFigures, Compared, Run, RunAreas, RunList, RunsCompared
from api.schemas.planning import Order, Preview, PreviewAsked, Question, RunAsked
from api.schemas.scenarios import Kind, changes

router = APIRouter(prefix="/api/coverage", tags=["coverage"])

RunId = Annotated[int, InPath(ge=1, le=2**53)]
Format = Literal["csv", "xlsx", "gpkg", "geojson", "parquet"]


@router.get("/runs", summary="The runs, the newest first")
def search(
    request: Request,
    session: Session,
    after: Annotated[int | None, Query(ge=1, le=2**53, description="From the `next` link.")] = None,
    limit: Limit = 20,
) -> RunList:
    """A run is kept for ever and never changes. Those that tried a scenario are seen by planners alone."""
    runs = [Run(**row) for row in data.coverage.search(session, before=after, limit=limit)]
    last = runs[-1].run_id if runs else None
    return RunList(runs=runs, next=next_link(request, rows=len(runs), limit=limit, after=last))


@router.post("/runs", summary="Order a run", status_code=202, dependencies=[allow("planner")])
def order(request: Request, session: WriteSession, who: Who, asked: RunAsked, response: Response) -> Order:
    """Carried out in the background. The same order again, while it waits, is the same order."""
    kept = api.actions.orders.order(session, who, "run", asked.model_dump(mode="json"))
    made = shown(kept, api.errors.language(request))
    response.headers["Location"] = f"/api/coverage/orders/{made.order_id}"
    return made


@router.get("/runs/{run_id}", summary="One run")
def get(session: Session, run_id: RunId) -> Run:
    """What was asked, of which data."""
    return Run(**data.coverage.get(session, run_id))


@router.get("/runs/{run_id}/areas", summary="The figures of every area of a level")
def areas(session: Session, run_id: RunId, level: Level = "street", kind: Kind | None = None) -> RunAreas:
    """Without `kind` every kind and the circle."""
    data.coverage.get(session, run_id)
    frame = data.coverage.published(session, run_id, level=level, kind=kind)
    rows = gis.frames.records(frame)
    return RunAreas(run_id=run_id, level=level, areas=[AreaFigures(**row) for row in rows])


@router.get("/runs/{run_id}/compare/{other_id}", summary="The published figures of two runs side by side")
def compare(
    session: Session, run_id: RunId, other_id: RunId, level: Level = "street", kind: Kind | None = None
) -> RunsCompared:
    """Nothing that either run does not say by itself. Areas and kinds that both know."""
    rows = api.actions.coverage.side_by_side(session, run_id, other_id, level=level, kind=kind)
    return RunsCompared(before=run_id, after=other_id, level=level, areas=[Compared(**row) for row in rows])


@router.get(
    "/runs/{run_id}/catchments",
    summary="The ground within reach of each facility, for drawing only",
    response_class=FileResponse,
    responses={200: {"content": {"application/geo+json": {}}, "description": "A GeoJSON FeatureCollection."}},
)
def catchments(request: Request, session: Session, run_id: RunId) -> FileResponse:
    """Never counted. Beside each outline: the shares of households drawn but not reached, and reached but not drawn.

    409 when the run's facilities, households or network are no longer there as they were.
    """
    run, state = data.coverage.get(session, run_id), request.app.state
    path = api.actions.catchments.kept(state.door, state.kept, run, state.settings.home / "pages")
    return FileResponse(path, media_type="application/geo+json")


@router.get(
    "/runs/{run_id}/export",
    summary="The published figures as a file",
    response_class=FileResponse,
    responses={200: {"content": {"application/octet-stream": {}}, "description": "The file, whole."}},
)
def export(session: Session, run_id: RunId, what: Literal["areas"] = "areas", format: Format = "csv") -> FileResponse:
    """Every level with outlines (csv and xlsx have none). No cell is carried out as a formula."""
    run = data.coverage.get(session, run_id)
    folder = Path(tempfile.mkdtemp(prefix="wangge-export-"))
    path = folder / f"coverage-{run_id}-{what}.{format}"
    try:
        api.actions.exports.published(session, run, path)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    done = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
    return FileResponse(path, filename=path.name, background=done)


@router.post("/preview", summary="What changes would do", dependencies=[allow("planner", "community", "street")])
def preview(request: Request, session: Session, who: Who, today: Today, asked: PreviewAsked) -> Preview:
    """Fast enough to ask while a pin is dragged; nothing is kept. 503 with `Retry-After` while it is made ready."""
    found = api.actions.preview.preview(
        session, request.app.state.kept, who, question(asked), changes(asked.changes), today=today
    )
    return Preview(**found)


def question(asked: Question) -> api.actions.coverage.Question:
    """What was asked, as the actions know it."""
    return api.actions.coverage.Question(
        tuple(asked.kinds) if asked.kinds else None,
        minutes=float(asked.minutes),
        metres=float(asked.metres),
        profile=asked.profile,
        at=asked.at,
    )
