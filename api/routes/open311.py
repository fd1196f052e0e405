"""Open311 GeoReport v2: services, requests and tokens, as XML or JSON, with the errors that it describes."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import Annotated, Any, BinaryIO
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.datastructures import UploadFile

import api.actions.citizens
import api.actions.georeport
import api.links
import api.schemas.georeport
import data.photos
import data.requests
import maps.texts
from api.auth import Caller
from api.deps import ZONE, Now, Session, Who, WriteSession, key_scope
from api.errors import STATUS, language
from api.routes.tiles import REPORTERS
from api.schemas.georeport import JSON, XML
from gis.errors import BadRows, Invalid, NotFound, Refusal, TooMany
from gis.reports import PHOTOS_MOST

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
SUFFIXES = (".xml", ".json")
FIELDS_MOST = 100
#: When what we say of ourselves in `discovery` last changed.
CHANGED = "2026-11-23T00:00:00+08:00"


class GeoReport(APIRoute):
    """Takes the key where this standard has it, among the parameters, and says errors as it has them."""

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                await _bring_key(request)
                return await handle(request)
            except (Refusal, RequestValidationError) as error:
                return _refused(request, error)
            finally:
                await request.close()  # the files of a form

        return answered


async def _bring_key(request: Request) -> None:
    """Move `api_key` into the header that all our routes read it from, and out of the address, which may be logged."""
    asked = dict(parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True))
    key = asked.pop("api_key", "")
    request.scope["query_string"] = urlencode(asked).encode("ascii")
    if request.method == "POST":
        key = (await sent(request)).get("api_key", key)
    if key and "authorization" not in request.headers:
        request.scope["headers"].append((b"authorization", f"Bearer {key}".encode("latin-1", "replace")))


async def sent(request: Request) -> dict[str, str]:
    """The fields of a form that are text."""
    form = await request.form(max_files=PHOTOS_MOST, max_fields=FIELDS_MOST)
    return {name: value for name, value in form.items() if isinstance(value, str)}


async def media(request: Request) -> list[BinaryIO]:
    """The pictures of a form, each in a field called `media`; a field that was left empty is none."""
    form = await request.form()
    return [each.file for each in form.getlist("media") if isinstance(each, UploadFile) and each.size]


def _refused(request: Request, error: Refusal | RequestValidationError) -> Response:
    status = _status(error)
    listed = [{"code": status, "description": words} for words in _words(error, language(request))]
    answer = said(request, "errors", listed, status)
    if isinstance(error, TooMany):
        answer.headers["Retry-After"] = str(error.facts["retry_after_s"])
    return answer


def _words(error: Refusal | RequestValidationError, lang: str) -> list[str]:
    """A sentence for each thing that is wrong."""
    if isinstance(error, RequestValidationError):
        return [maps.texts.say("http.400", lang)]
    faults = error.faults if isinstance(error, BadRows) else [error]
    return [maps.texts.say(fault.code, lang, **fault.facts) for fault in faults]


def _status(error: Refusal | RequestValidationError) -> int:
    """As the standard has it: 403 for a key that is missing or wrong, 400 for whatever is wrong with the rest."""
    if isinstance(error, RequestValidationError):
        return 400
    status = STATUS[type(error)]
    return {401: 403, 422: 400}.get(status, status)


def said(request: Request, root: str, body: Any, status: int = 200) -> Response:
    """XML, which every client knows, unless the address or `Accept` asks for JSON."""
    path, accepted = request.url.path, request.headers.get("accept", "")
    headers = {"Vary": "Accept, Accept-Language, Authorization", "Cache-Control": "private, no-cache"}
    if path.endswith(".json") or (not path.endswith(".xml") and "json" in accepted):
        return JSONResponse(body, status, headers, JSON)
    return Response(api.schemas.georeport.xml(root, body), status, headers, XML)


def bare(name: str) -> str:
    """A name without the format that is written after it."""
    return next((name.removesuffix(suffix) for suffix in SUFFIXES if name.endswith(suffix)), name)


def in_district(request: Request, session: Session) -> None:
    """There is one jurisdiction, the district, and it need not be named; another one is not found."""
    named = request.query_params.get("jurisdiction_id")
    if named and named != data.requests.jurisdiction(session):
        raise NotFound("georeport.jurisdiction")


router = APIRouter(
    prefix="/open311/v2",
    tags=["Open311"],
    route_class=GeoReport,
    dependencies=[key_scope("open311"), Depends(in_district)],
)
Form = Annotated[dict[str, str], Depends(sent)]
Media = Annotated[list[BinaryIO], Depends(media)]


def documented(*names: str) -> dict[str, Any]:
    """Parameters that a handler reads itself."""
    return {"parameters": [{"name": n, "in": "query", "required": False, "schema": {"type": "string"}} for n in names]}


@router.get("/discovery", summary="Where the service is")
@router.get("/discovery.{form}", summary="Where the service is")
def discovery(request: Request) -> Response:
    base = f"{api.links.base(request)}/open311/v2"
    contact = maps.texts.say("georeport.contact", language(request))
    return said(request, "discovery", api.schemas.georeport.discovery(base, CHANGED, contact))


@router.get("/services", summary="What may be requested")
@router.get("/services.{form}", summary="What may be requested")
def services(request: Request, session: Session) -> Response:
    lang = language(request)
    listed = [api.schemas.georeport.service(row, lang) for row in data.requests.services(session)]
    return said(request, "services", listed)


@router.get("/services/{code}", summary="What a service asks besides: nothing")
def definition(request: Request, session: Session, code: str) -> Response:
    name = bare(code)
    if name not in {row["code"] for row in data.requests.services(session)}:
        raise NotFound("georeport.service_code")
    return said(request, "service_definition", {"service_code": name, "attributes": []})


FILTERS = documented("service_request_id", "service_code", "start_date", "end_date", "status", "page", "page_size",
                     "extensions", "jurisdiction_id", "api_key")  # fmt: skip


@router.get("/requests", summary="Requests of up to 90 days, the newest first", openapi_extra=FILTERS)
@router.get("/requests.{form}", summary="Requests of up to 90 days, the newest first", openapi_extra=FILTERS)
def requests(request: Request, session: Session, who: Who, now: Now) -> Response:
    wanted = api.schemas.georeport.wanted(request.query_params, now=now, zone=ZONE)
    rows = data.requests.search(session, wanted, role=_reads_as(who))
    return said(request, "service_requests", _written(request, session, rows))


@router.get("/requests/{request_id}", summary="One request")
def get(request: Request, session: Session, who: Who, now: Now, request_id: str) -> Response:
    return said(request, "service_requests", _written(request, session, _one(session, who, now, bare(request_id))))


def _reads_as(who: Caller) -> str | None:
    return who.role if who.role in REPORTERS else None


def _one(session: Session, who: Who, now: Now, request_id: str) -> list[dict[str, Any]]:
    wanted = data.requests.Wanted(now.date(), now.date(), ids=[request_id])
    rows = data.requests.search(session, wanted, role=_reads_as(who))
    if not rows:
        raise NotFound("georeport.request")
    if "text" in rows[0]:
        rows[0]["media_url"] = _photo(session, request_id)
    return rows


def _photo(session: Session, report_id: str) -> str | None:
    """The first of its photos that has come."""
    come = [photo["id"] for photo in data.photos.of_report(session, report_id) if photo["id"]]
    return f"/api/photos/{come[0]}" if come else None


def _written(request: Request, session: Session, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    lang, base = language(request), api.links.base(request)
    names = {row["code"]: row[f"name_{lang}"] for row in data.requests.services(session)}
    extended = request.query_params.get("extensions") == "true"
    placed = ({**row, "media_url": base + row["media_url"]} if row.get("media_url") else row for row in rows)
    return [api.schemas.georeport.request(row, names, ZONE, extended=extended) for row in placed]


FIELDS = ("service_code", "lat", "long", "description", "media_url", "address_string", "api_key", "jurisdiction_id")
TEXTS: dict[str, Any] = {name: {"type": "string"} for name in FIELDS}
PICTURES = {"type": "array", "maxItems": PHOTOS_MOST, "items": {"type": "string", "format": "binary"}}
POSTED = {"requestBody": {"required": True, "content": {
    "application/x-www-form-urlencoded": {"schema": {"type": "object", "properties": TEXTS}},
    "multipart/form-data": {"schema": {"type": "object", "properties": TEXTS | {"media": PICTURES}}},
}}}  # fmt: skip


@router.post("/requests", summary="Request a service", openapi_extra=POSTED)
@router.post("/requests.{form}", summary="Request a service", openapi_extra=POSTED)
def post(
    request: Request,
    session: WriteSession,
    who: Who,
    now: Now,
    fields: Form,
    media: Media,
    key: Annotated[str, Header(alias="Idempotency-Key", max_length=255)] = "",
) -> Response:
    """The answer has the number at once, so there is never a token to wait for.

    Photos may come with the form, in fields called `media`, or before it by PUT /api/photos; a link in `media_url` to
    elsewhere is not followed. It needs a key, unless citizens may file here: then words and a place are kept, and no
    photo. Who somebody is (`email`, `phone`, `first_name`, `last_name`, `device_id`) is read by nobody, key or not.
    """
    citizen = who.user_id is None
    if citizen:
        request.app.state.citizens.let_in(request)
    else:
        who.need(*REPORTERS)
    if fields.get("jurisdiction_id", "") not in ("", data.requests.jurisdiction(session)):
        raise NotFound("georeport.jurisdiction")
    filing = api.schemas.georeport.filing(fields)
    home = request.app.state.settings.home
    if citizen:
        if media:
            raise Invalid("citizens.photos")
        number = api.actions.citizens.file(session, filing, key=key, now=now)
    else:
        filing = api.actions.georeport.with_media(session, who, filing, media, home=home, now=now)
        number = api.actions.georeport.file(session, who, filing, key=key, now=now)
    notices = ["citizens.notice"] * citizen + ["georeport.unfetched"] * filing.unfetched
    notice = " ".join(maps.texts.say(each, language(request)) for each in notices) or None
    return said(
        request, "service_requests", [{"service_request_id": number, "service_notice": notice, "account_id": None}]
    )


@router.get("/tokens/{token}", summary="The number of a request: its token is the same")
def token(request: Request, session: Session, who: Who, now: Now, token: str) -> Response:
    number = _one(session, who, now, bare(token))[0]["id"]
    return said(request, "service_requests", [{"service_request_id": number, "token": number}])
