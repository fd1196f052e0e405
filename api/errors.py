"""From a refusal to `application/problem+json` (RFC 9457): the one table of classes and statuses.

An answer never repeats what was sent: it carries a stable code, a sentence in the reader's language and, for a
malformed request, the place of each fault in it.
"""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

import gis.errors
import maps.texts

log = logging.getLogger(__name__)

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
    gis.errors.MissingPart: 503,
    gis.errors.BadRows: 422,
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
    return JSONResponse(body, status, headers, "application/problem+json")


def install(app: FastAPI) -> None:
    """Answer every kind of failure with a problem document."""

    @app.exception_handler(gis.errors.Refusal)
    def refused(request: Request, refusal: gis.errors.Refusal) -> JSONResponse:
        answer = problem(request, STATUS[type(refusal)], refusal.code)
        if isinstance(refusal, gis.errors.TooMany):
            answer.headers["Retry-After"] = str(refusal.facts["retry_after_s"])
        return answer

    @app.exception_handler(RequestValidationError)
    def malformed(request: Request, error: RequestValidationError) -> JSONResponse:
        faults = [{"at": ".".join(map(str, fault["loc"])), "rule": fault["type"]} for fault in error.errors()]
        return problem(request, 422, "http.malformed", faults=faults)

    @app.exception_handler(HTTPException)
    def plain(request: Request, error: HTTPException) -> JSONResponse:
        status = error.status_code if maps.texts.has(f"http.{error.status_code}") else 500
        return problem(request, status, f"http.{status}")

    @app.exception_handler(Exception)
    def broken(request: Request, error: Exception) -> JSONResponse:
        log.error("unexpected %s on %s", type(error).__name__, request.scope.get("route", "an unknown route"))
        return problem(request, 500, "http.500")
