"""Vector tiles with the rows of the caller: who works on reports gets those of her areas, others the public ones."""

from __future__ import annotations

import hashlib
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

import data.db
import data.tiles
from api.deps import Session, Who, key_scope
from api.schemas.areas import Level
from api.schemas.ogc import TILE

router = APIRouter(tags=["tiles"], dependencies=[key_scope("features")])

#: Who sees rows of the table of reports itself; the database decides which.
REPORTERS = frozenset({"inspector", "community", "street", "partner"})
Word = Annotated[str, Query(max_length=40, pattern=r"^[a-z_0-9]+$")]


@router.get("/tiles/{layer}/{z}/{x}/{y}.mvt", summary="A tile", response_class=Response)
def tile(
    request: Request,
    session: Session,
    who: Who,
    layer: Annotated[str, Path(description="areas, facilities, coverage or reports")],
    z: int,
    x: int,
    y: int,
    level: Annotated[Level | None, Query(description="Of areas; without it the zoom decides.")] = None,
    kind: Word = "circle",
    verdict: Word = "standard",
) -> Response:
    """MVT; 204 where there is nothing. Too many points are counts on a grid, in the field `points`."""
    choice = data.tiles.Choice(level, kind, verdict)
    role = who.role if layer == "reports" and who.role in REPORTERS else None
    return answer(request, session, layer, (z, x, y), role=role, choice=choice)


def answer(
    request: Request,
    session: data.db.Session,
    layer: str,
    tile: tuple[int, int, int],
    *,
    role: str | None = None,
    choice: data.tiles.Choice | None = None,
) -> Response:
    """A tile as it travels; one that holds rows of a `role` is kept by nobody on the way."""
    body = data.tiles.get(session, layer, tile, role=role, choice=choice)
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {
        "ETag": tag,
        "Cache-Control": "private, no-cache" if role else "public, max-age=60",
        "Vary": "Authorization",
    }
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, 200 if body else 204, headers, TILE)
