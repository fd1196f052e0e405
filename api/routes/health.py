"""Is it alive, and can it work?"""

from __future__ import annotations

import hmac
from contextlib import suppress

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

import data.db
import data.jobs
import gis.retries
from api.deps import Session
from gis.errors import Refusal

router = APIRouter(tags=["health"])

LOOPBACK = ("127.0.0.1", "::1")


@router.get("/healthz", summary="The process answers")
async def healthz() -> dict[str, str]:
    """Says nothing about the database: a restart would not help that. Takes no thread, so it answers under any load."""
    return {"status": "ok"}


@router.get("/readyz", summary="The database answers and has the newest schema")
def readyz(session: Session, request: Request) -> dict[str, str]:
    """503 as a problem document while it cannot serve; it still can when jobs pile up, and then `queue` is `stuck`."""
    data.db.check_ready(session)
    with data.db.transaction(request.app.state.door, role=data.db.MEMORY, read_only=True) as memory:
        stuck = data.jobs.state(memory)["overdue_s"] > gis.retries.STUCK_S
    return {"status": "ready", "queue": "stuck" if stuck else "ok"}


@router.get("/metrics", summary="Figures for Prometheus", response_class=PlainTextResponse)
def metrics(request: Request) -> Response:
    """For this machine, or whoever shows the key of WANGGE_METRICS_KEY; for anybody else there is no such page."""
    if not _may_watch(request):
        raise HTTPException(404)
    state = request.app.state
    jobs: dict[str, float] = {}
    with suppress(Refusal), data.db.transaction(state.door, role=data.db.MEMORY, read_only=True) as session:
        jobs = data.jobs.state(session)
    return Response(state.metrics.text(jobs), media_type=CONTENT_TYPE_LATEST)


def _may_watch(request: Request) -> bool:
    """A request that a proxy has passed on comes from wherever the proxy got it."""
    key, shown = request.app.state.settings.metrics_key, request.headers.get("authorization", "")
    if key and hmac.compare_digest(shown.encode(), f"Bearer {key}".encode()):
        return True
    passed_on = {"forwarded", "x-forwarded-for", "x-real-ip"} & set(request.headers)
    return not passed_on and request.client is not None and request.client.host in LOOPBACK
