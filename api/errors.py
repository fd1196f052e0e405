"""From a refusal to `application/problem+json` (RFC 9457): the one table of classes and statuses.

An answer never repeats what was sent: it carries a stable code, a sentence in the reader's language and, for a
malformed request, the place of each fault in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

import gis.errors
import maps.texts

#: Statuses with which a body is left unread, so that nothing else can come over the same connection.
UNREAD = (408, 413, 415)
MOST_FAULTS = 100
MEDIA = "application/problem+json"
OUR_NAMES = re.compile(r"[A-Za-z][A-Za-z_]{0,39}", re.ASCII)

STATUS: dict[type[gis.errors.Refusal], int] = {
    gis.errors.NotFound: 404,
    gis.errors.Invalid: 422,
    gis.errors.Conflict: 409,
    gis.errors.NotKnown: 401,
    gis.errors.NotAllowed: 403,
    gis.errors.OutsideArea: 422,
    gis.errors.WrongDatum: 422,
    gis.errors.Busy: 503,
    gis.errors.TooMany: 429,
    gis.errors.TooLarge: 413,
    gis.errors.NoRoom: 507,
    gis.errors.MissingPart: 503,
    gis.errors.BadRows: 422,
}


class Fault(BaseModel):
    """Where in a request something is wrong, and which rule it breaks."""

    at: str
    rule: str


class Problem(BaseModel):
    """Why something was not done (RFC 9457); never what was sent."""

    type: str = Field(examples=["urn:wangge:problem:http.404"])
    title: str = Field(description="A sentence in the language asked for.")
    status: int
    code: str = Field(description="The same for the same reason, to act on.")
    faults: list[Fault] | None = None


#: What every route may answer besides what it says itself.
RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"description": "A problem document", "content": {MEDIA: {"schema": Problem.model_json_schema()}}}
    for status in ("4XX", "5XX")
}


def language(request: Request) -> str:
    """zh unless the reader's first choice is English."""
    first = request.headers.get("accept-language", "zh").split(",")[0].strip().lower()
    return "en" if first.startswith("en") else "zh"


def problem(request: Request, status: int, code: str, **more: object) -> JSONResponse:
    """One problem document; `Retry-After` goes with what may succeed later."""
    lang = language(request)
    title = maps.texts.say(f"http.{status}", lang)
    body = {"type": f"urn:wangge:problem:{code}", "title": title, "status": status, "code": code, **more}
    headers = {"Content-Language": lang, "Vary": "Accept-Language"} | ({"Retry-After": "2"} if status == 503 else {})
    headers |= {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return JSONResponse(body, status, headers, MEDIA)


class Turned(HTTPException):
    """Turned away before anything was asked of a route; `rule` says which rule of the door was broken."""

    def __init__(self, status: int, *, rule: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, headers=headers)
        self.rule = rule


def turned_away(request: Request, error: HTTPException) -> JSONResponse:
    """What the door, the router or FastAPI itself says no to."""
    status = error.status_code if maps.texts.has(f"http.{error.status_code}") else 500
    rule = error.rule if isinstance(error, Turned) else ""
    answer = problem(request, status, f"http.{status}", **({"faults": [{"at": "body", "rule": rule}]} if rule else {}))
    answer.headers.update(error.headers or {})
    if status in UNREAD:
        answer.headers["Connection"] = "close"
    return answer


def install(app: FastAPI) -> None:
    """Answer every kind of refusal with a problem document; what nobody expected is answered by the door."""

    @app.exception_handler(gis.errors.Refusal)
    async def refused(request: Request, refusal: gis.errors.Refusal) -> JSONResponse:
        answer = problem(request, STATUS[type(refusal)], refusal.code)
        if isinstance(refusal, gis.errors.TooMany):
            answer.headers["Retry-After"] = str(refusal.facts["retry_after_s"])
        return answer

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> JSONResponse:
        faults = [{"at": ".".join(map(_shown, fault["loc"])), "rule": fault["type"]} for fault in error.errors()]
        return problem(request, 422, "http.malformed", faults=faults[:MOST_FAULTS])

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> JSONResponse:
        return turned_away(request, error)


def _shown(part: str | int) -> str:
    """One step of the way to a fault; a name that none of our fields could have may be somebody's own words."""
    return str(part) if isinstance(part, int) or OUR_NAMES.fullmatch(part) else "?"
