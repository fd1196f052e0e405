"""The front door: what every request passes before a route sees it, and every answer on its way out.

Pure ASGI: Starlette's own base class for middleware would cost more than all that is done here. What is turned away
is turned away before a thread or a connection of the database is spent on it.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import api.errors
import data.db
from api.door import bodies
from api.door.rates import Rates
from api.errors import Turned
from api.metrics import Metrics
from api.settings import Settings

log = logging.getLogger(__name__)
requests = logging.getLogger("api.requests")

#: Pages bring every script, style and picture themselves; folium writes into the page, hence 'unsafe-inline'.
CONTENT_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; font-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "script-src 'self' 'unsafe-inline'; frame-ancestors 'self'; base-uri 'none'; form-action 'self'"
)
#: An answer that says one of these itself keeps its own.
HEADERS = [
    (b"content-security-policy", CONTENT_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"geolocation=(self), camera=(self)"),
]
#: Answers to programs may hold persons: no cache keeps them unless the route says otherwise.
UNCACHED = ("/api/", "/open311/", "/metrics")
NO_STORE = (b"cache-control", b"no-store")

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
LONGEST_PATH, LONGEST_QUERY, LONGEST_HEADERS, MOST_HEADERS = 2_000, 8_000, 16_000, 100
#: At 200 answers a second those who wait outside are answered within a second.
MOST_WAITING = 200
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)
#: Scheme and host of an address, and all slashes after them: two would lead elsewhere again.
ELSEWHERE = re.compile(rb"\A(?:https?:)?//[^/?#]*/*")
#: Asked by whoever watches over the server: these answer when everything else is refused.
WATCHED = ("/healthz", "/readyz", "/metrics")


@dataclass
class Lane:
    """Requests that wait for each other and for nobody else: so many are inside at once, and so many wait outside."""

    places: asyncio.Semaphore
    waiting: int = 0

    async def enter(self, answer: Answer) -> None:
        """Wait for a place inside; where too many wait already, come again later."""
        if self.waiting >= MOST_WAITING:
            raise Turned(503)
        self.waiting += 1
        try:
            await self.places.acquire()
        finally:
            self.waiting -= 1
        answer.held = self.places


class Lanes:
    """Together as many places as there are connections, so that nobody inside ever waits for one.

    Few file at once, because more would only wait for the one processor that Python uses: six are answered sooner than
    forty. Whoever sends a photo over a bad line holds a place for minutes and needs a connection for two moments of it,
    so there are many of these. A report never waits for a photo, a map or a table.
    """

    def __init__(self) -> None:
        self._filing, self._photos = Lane(asyncio.Semaphore(6)), Lane(asyncio.Semaphore(20))
        self._others = Lane(asyncio.Semaphore(data.db.POOL - 26))

    def of(self, scope: Scope) -> Lane:
        """The lane of a request."""
        if scope["method"] != "PUT":
            return self._others
        if scope["path"].startswith("/api/reports/"):
            return self._filing
        return self._photos if scope["path"].startswith("/api/photos/") else self._others


class Door:
    """The one middleware of the application."""

    def __init__(self, app: ASGIApp, *, settings: Settings, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics
        self.rates = Rates(settings)
        self.lanes = Lanes()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        began = time.perf_counter()
        request = _marked(scope)
        answer = Answer(request, send, bare=scope["method"] == "HEAD")
        try:
            await self._let_in(request, receive, answer)
        except Turned as turned:
            await api.errors.turned_away(request, turned)(scope, receive, answer)
        except Exception as error:
            log.exception("unexpected %s", type(error).__name__)
            if answer.status:
                raise  # half an answer must not look like a whole one
            await api.errors.problem(request, 500, "http.500")(scope, receive, answer)
        finally:
            self._note(request, scope["method"], answer.status, time.perf_counter() - began)

    async def _let_in(self, request: Request, receive: Receive, answer: Answer) -> None:
        _check_head(request)
        if request.scope["path"] in WATCHED:
            return await self.app(request.scope, receive, answer)
        self.rates.check(request)
        received = await bodies.checked(request, receive)
        await self.lanes.of(request.scope).enter(answer)
        try:
            await self.app(request.scope, received, answer)
        finally:
            answer.leave()
            if answer.status < 500 and getattr(request.state, "user_id", None) is None:
                self.rates.unknown(request)

    def _note(self, request: Request, method: str, status: int, seconds: float) -> None:
        """One line and one count for each request: its route, never its address."""
        method, route = method if method in METHODS else "other", route_of(request.scope)
        self.metrics.answered(method, route, status, seconds)
        facts = {
            "method": method,
            "route": route,
            "status": status,
            "seconds": round(seconds, 4),
            "request_id": request.state.request_id,
            "user_id": getattr(request.state, "user_id", None),
        }
        requests.info("request", extra={"facts": facts})


class Answer:
    """Passes an answer on with our headers, and knows what became of it."""

    def __init__(self, request: Request, send: Send, *, bare: bool) -> None:
        self.status = 0
        self.held: asyncio.Semaphore | None = None
        self._send, self._bare = send, bare
        self._headers = [*HEADERS, (b"x-request-id", request.state.request_id.encode())]
        self._headers += [NO_STORE] if request.scope["path"].startswith(UNCACHED) else []

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.leave()  # sending takes no thread and no connection: whoever reads slowly holds nobody up
            said = {name for name, _ in message["headers"]}
            ours = [each for each in self._headers if each[0] not in said]
            message = {**message, "headers": [*map(_at_home, message["headers"]), *ours]}
        elif self._bare and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self._send(message)

    def leave(self) -> None:
        """Give up the place inside, once."""
        if self.held:
            self.held.release()
        self.held = None


def _at_home(header: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    """A redirect stays here, whatever host the request said it was asking."""
    name, value = header
    return (name, ELSEWHERE.sub(b"/", value)) if name == b"location" else header


def route_of(scope: Scope) -> str:
    """The template of the route that answered, such as `/api/areas/{code}`; static files together are one."""
    if scope["path"].startswith("/static/"):
        return "/static"
    return getattr(scope.get("route"), "path", "none")


def _marked(scope: Scope) -> Request:
    """The request with a number of its own, or the sane one its sender gave; HEAD is answered as GET without a body."""
    shown = Headers(scope=scope).get("x-request-id", "")
    number = shown if REQUEST_ID.fullmatch(shown) else secrets.token_hex(8)
    method = "GET" if scope["method"] == "HEAD" else scope["method"]
    return Request({**scope, "method": method, "state": {**scope.get("state", {}), "request_id": number}})


def _check_head(request: Request) -> None:
    """Refuse methods nobody serves, and addresses and headers that are too long or hold what PostgreSQL cannot keep."""
    scope = request.scope
    if scope["method"] not in METHODS:
        raise Turned(405, headers={"Allow": ", ".join(METHODS)})
    if len(scope["path"]) > LONGEST_PATH or len(scope["query_string"]) > LONGEST_QUERY:
        raise Turned(414)
    if "\0" in scope["path"] or b"%00" in scope["query_string"]:
        raise Turned(400, rule="nul")
    headers = scope["headers"]
    if len(headers) > MOST_HEADERS or sum(len(name) + len(value) for name, value in headers) > LONGEST_HEADERS:
        raise Turned(431)
