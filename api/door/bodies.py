"""What a body may be: of a type that is read here, small enough, sent fast enough, and as JSON without surprises."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.types import Message, Receive

import api.door.strict
from api.errors import Turned

#: Longest silence of a sender; longest time for a whole body.
SILENCE_S = 15.0
MEGABYTE = 1_000_000
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
PHOTOS = ("image/jpeg", "image/png", "image/webp", "image/heic", "image/heif", "application/octet-stream")


@dataclass(frozen=True)
class Class:
    """What the routes below one address take besides JSON, how much of it, and for how long."""

    below: str
    types: tuple[str, ...] = ()
    most_bytes: int = MEGABYTE
    most_s: float = 60.0


#: The first that fits; everything else takes JSON alone.
CLASSES = (
    Class("/api/photos", PHOTOS, 20 * MEGABYTE, 600.0),
    Class("/api/token", FORMS),
    Class("/open311/", FORMS, 21 * MEGABYTE, 600.0),
)
PLAIN = Class("")


async def checked(request: Request, receive: Receive) -> Receive:
    """The body to be read by a route: JSON already read and found sound, anything else counted while it is read."""
    headers = request.headers
    if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
        return receive
    kind = next((one for one in CLASSES if request.scope["path"].startswith(one.below)), PLAIN)
    is_json = _is_json(headers.get("content-type", ""), kind)
    if headers.get("content-encoding", "identity") != "identity":
        raise Turned(415)
    most = MEGABYTE if is_json else kind.most_bytes
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise Turned(400, rule="content_length")
    if int(length) > most:
        raise Turned(413)
    watched = _watched(receive, most, kind.most_s)
    return await _sound(watched) if is_json else watched


def _is_json(content_type: str, kind: Class) -> bool:
    """Whether it is JSON; refused when it is neither that nor anything else these routes take."""
    essence = content_type.split(";")[0].strip().lower()
    if essence == "application/json" or (essence.startswith("application/") and essence.endswith("+json")):
        return True
    if essence not in kind.types:
        raise Turned(415)
    return False


def _watched(receive: Receive, most_bytes: int, most_s: float) -> Callable[[], Awaitable[Message]]:
    """`receive` that refuses a body when it grows too large or comes too slowly."""
    loop = asyncio.get_running_loop()
    end, got, whole = loop.time() + most_s, 0, False

    async def watched() -> Message:
        nonlocal got, whole
        if whole:  # from here on only the end of the connection is waited for
            return await receive()
        try:
            async with asyncio.timeout_at(min(loop.time() + SILENCE_S, end)):
                message = await receive()
        except TimeoutError:
            raise Turned(408) from None
        got += len(message.get("body", b""))
        whole = not message.get("more_body", False)
        if got > most_bytes:
            raise Turned(413)
        return message

    return watched


async def _sound(receive: Receive) -> Receive:
    """Read the whole body, look whether it is sound JSON, and hand it on in one piece."""
    pieces = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Turned(400, rule="cut_off")
        pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            break
    body = b"".join(pieces)
    api.door.strict.check(body)
    handed = False

    async def again() -> Message:
        nonlocal handed
        if handed:
            return await receive()
        handed = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
