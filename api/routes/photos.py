"""Photos: sent by their content's digest, shown by their id with the rights of their report."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import FileResponse
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

import api.actions.photos
import data.db
import data.photofiles
import data.photos
from api.auth import Caller
from api.deps import Now, Session, Who, WriteSession, allow, key_scope, let_in
from api.errors import Turned
from api.schemas.photos import Photo
from gis.errors import Conflict, NotFound

router = APIRouter(prefix="/api/photos", tags=["photos"])

SENDERS = ("inspector", "community", "street", "partner")
#: So many bytes go to the disk at a time.
PART_BYTES = 1 << 20
#: A picture of ours is shown within a page, runs nothing, and is asked for again each time, since rights may end.
SHOWN = {
    "Content-Disposition": "inline",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, no-cache",
    "Cross-Origin-Resource-Policy": "same-origin",
}

Sha256 = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="SHA-256 of the bytes, in small hex digits.")]


async def upload(request: Request, sha256: Sha256) -> AsyncIterator[data.photofiles.Incoming]:
    """The body, on the disk and of the digest it is called by; no connection to the database is held meanwhile."""
    await run_in_threadpool(_let_in, request)
    with data.photofiles.incoming(request.app.state.settings.home) as file:
        await _receive(request, file)
        await run_in_threadpool(file.finish, sha256)
        yield file


Upload = Annotated[data.photofiles.Incoming, Depends(upload)]


def _let_in(request: Request) -> None:
    """Refuse whoever may not send one, before a byte of it is taken."""
    with data.db.undecided(request.app.state.door) as session:
        _need(let_in(request, session, read_only=True))


def _need(who: Caller) -> int:
    who.need(*SENDERS)
    who.need_scope("reports:write")
    assert who.user_id is not None
    return who.user_id


async def _receive(request: Request, file: data.photofiles.Incoming) -> None:
    """Take the body as it comes, a part at a time; the door sees to it that it is neither too slow nor too much."""
    waiting = bytearray()
    try:
        async for part in request.stream():
            waiting += part
            if len(waiting) >= PART_BYTES:
                await run_in_threadpool(file.write, bytes(waiting))
                waiting.clear()
    except ClientDisconnect:
        raise Turned(400, rule="cut_off") from None
    await run_in_threadpool(file.write, bytes(waiting))


@router.put(
    "/{sha256}",
    status_code=201,
    summary="Send a photo: before or after its report, any number of times",
    responses={200: {"model": Photo, "description": "It had come before."}},
    openapi_extra={"requestBody": {"required": True, "content": {
        media: {"schema": {"type": "string", "format": "binary"}} for media in ("image/jpeg", "image/png", "image/webp")
    }}},
)  # fmt: skip
def put(
    upload: Upload, who: Who, session: WriteSession, sha256: Sha256, now: Now, request: Request, response: Response
) -> Photo:
    home = request.app.state.settings.home
    photo, new = api.actions.photos.receive(session, _need(who), sha256, upload, home=home, now=now)
    response.status_code = 201 if new else 200
    return _document(photo)


@router.get(
    "/{photo_id}",
    summary="The picture, as it may be shown",
    response_class=FileResponse,
    responses={200: {"content": {"image/jpeg": {}}}, 304: {"description": "It is the one you have."}},
    dependencies=[allow(*SENDERS), key_scope("reports:read")],
)
def get(
    session: Session, request: Request, photo_id: UUID, size: Annotated[Literal["large", "small"], Query()] = "large"
) -> Response:
    photo = data.photos.get(session, str(photo_id))
    if photo.state != "ready":
        raise Conflict(f"photos.{photo.state}")
    headers = SHOWN | {"ETag": f'"{photo.id}-{size}"'}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    path = data.photofiles.served(request.app.state.settings.home, photo.id, size)
    if not path.exists():
        raise NotFound("photos.absent")
    return FileResponse(path, media_type="image/jpeg", headers=headers)


def _document(photo: data.photos.Photo) -> Photo:
    told = {name: getattr(photo, name) for name in Photo.model_fields if name != "href"}
    return Photo(**told, href=f"/api/photos/{photo.id}")
