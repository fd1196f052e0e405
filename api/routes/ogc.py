"""OGC API – Features and Tiles over the public collections: the same for everybody, whoever asks."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

import api.links
import api.routes.tiles
import api.schemas.ogc
import api.schemas.tilesets
import data.public
import maps.texts
from api.deps import ZONE, Now, Session, key_scope
from api.errors import language, problem
from api.schemas.ogc import CONFORMANCE, FRAMES, GEOJSON, JSON, PARAMETERS, SCHEMA, Writer, link, openapi_of
from gis.errors import Invalid

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class BadRequest(APIRoute):
    """Whatever is wrong with a query is status 400 here, as Part 1 wants it, and not 422."""

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError:
                return problem(request, 400, "http.400")
            except Invalid as refusal:
                said = maps.texts.say(refusal.code, language(request), **refusal.facts)
                return problem(request, 400, refusal.code, detail=said)

        return answered


router = APIRouter(prefix="/ogc", tags=["OGC API"], route_class=BadRequest, dependencies=[key_scope("features")])


def writer(request: Request) -> Writer:
    return Writer(f"{api.links.base(request)}/ogc", language(request))


Write = Annotated[Writer, Depends(writer)]
Name = Annotated[str, Path(max_length=40)]
Id = Annotated[str, Path(max_length=120)]


def said(body: Any, media: str = JSON, features: Sequence[str] | None = None, **headers: str) -> Response:
    """A document; its words depend on the reader's language, its days are written as ISO 8601 has them.

    `features` are written already, and become its last member.
    """
    text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=str)
    if features is not None:
        text = f'{text[:-1]},"features":[{",".join(features)}]}}'
    return Response(text, 200, {"Vary": "Accept-Language"} | headers, media)


@router.get("", summary="Landing page", openapi_extra=openapi_of("f"))
def landing(request: Request, write: Write) -> Response:
    """Where everything is."""
    api.schemas.ogc.require_known(request.query_params, "f")
    return said(write.landing())


@router.get("/conformance", summary="What of the standards is kept", openapi_extra=openapi_of("f"))
def conformance(request: Request) -> Response:
    """Only the classes that our tests prove."""
    api.schemas.ogc.require_known(request.query_params, "f")
    return said({"conformsTo": CONFORMANCE})


@router.get("/collections", summary="The collections", openapi_extra=openapi_of("f"))
def collections(request: Request, session: Session, write: Write) -> Response:
    """Areas, facilities, coverage, reports."""
    api.schemas.ogc.require_known(request.query_params, "f")
    return said(write.collections({name: data.public.extent(session, name) for name in data.public.COLLECTIONS}))


@router.get("/collections/{name}", summary="One collection", openapi_extra=openapi_of("f"))
def collection(request: Request, session: Session, write: Write, name: Name) -> Response:
    """Where and when its features are."""
    api.schemas.ogc.require_known(request.query_params, "f")
    api.schemas.ogc.collection_of(name)
    return said(write.collection(name, data.public.extent(session, name)))


@router.get("/collections/{name}/queryables", summary="What may stand in a filter", openapi_extra=openapi_of("f"))
def queryables(request: Request, write: Write, name: Name) -> Response:
    """A JSON Schema."""
    api.schemas.ogc.require_known(request.query_params, "f")
    return said(write.queryables(name), SCHEMA)


@router.get("/collections/{name}/items", summary="Features", openapi_extra=openapi_of(*PARAMETERS))
def items(request: Request, session: Session, now: Now, write: Write, name: Name) -> Response:
    """A page in the order of their ids. Any property is a parameter as well: `kind=canteen`."""
    query = request.query_params
    wanted = api.schemas.ogc.wanted(name, query, ZONE)
    frame = api.schemas.ogc.frame_of(query, "crs")
    page = data.public.search(session, name, wanted, frame=frame)
    links = [link(api.links.here(request), "self", GEOJSON), link(write.at("collections", name), "collection")]
    if page.last is not None and len(page.features) == wanted.limit:
        links.append(link(api.links.here(request, after=page.last), "next", GEOJSON))
    body = api.schemas.ogc.features(page, links=links, now=now)
    return said(body, GEOJSON, page.features, **_in_frame(query))


@router.get("/collections/{name}/items/{feature_id}", summary="One feature", openapi_extra=openapi_of("crs", "f"))
def item(request: Request, session: Session, write: Write, name: Name, feature_id: Id) -> Response:
    """With its outline or place."""
    query = request.query_params
    api.schemas.ogc.collection_of(name)
    api.schemas.ogc.require_known(query, "crs", "f")
    found = data.public.get(session, name, feature_id, frame=api.schemas.ogc.frame_of(query, "crs"))
    return said(write.feature(name, found), GEOJSON, **_in_frame(query))


def _in_frame(query: Any) -> dict[str, str]:
    asked = query.get("crs", "").strip("<>") or next(iter(FRAMES))
    return {"Content-Crs": f"<{asked}>"}


# Tiles ----------------------------------------------------------------------------------------------------------------


@router.get("/tileMatrixSets", summary="The tilings", openapi_extra=openapi_of("f"))
def tilings(request: Request, write: Write) -> Response:
    """One: WebMercatorQuad."""
    api.schemas.ogc.require_known(request.query_params, "f")
    return said(api.schemas.tilesets.tilings(write))


@router.get("/tileMatrixSets/WebMercatorQuad", summary="The tiling", openapi_extra=openapi_of("f"))
def tiling(request: Request) -> Response:
    """Its zoom levels, after OGC 17-083r4."""
    api.schemas.ogc.require_known(request.query_params, "f")
    return said(api.schemas.tilesets.tiling())


@router.get("/collections/{name}/tiles", summary="The tilesets of a collection", openapi_extra=openapi_of("f"))
def tilesets(request: Request, write: Write, name: Name) -> Response:
    """One for each tiling."""
    api.schemas.ogc.collection_of(name)
    api.schemas.ogc.require_known(request.query_params, "f")
    return said(api.schemas.tilesets.tilesets(write, name))


@router.get("/collections/{name}/tiles/WebMercatorQuad", summary="A tileset", openapi_extra=openapi_of("f"))
def tileset(request: Request, session: Session, write: Write, name: Name) -> Response:
    """How its tiles are asked for."""
    api.schemas.ogc.collection_of(name)
    api.schemas.ogc.require_known(request.query_params, "f")
    return said(api.schemas.tilesets.tileset(write, name, data.public.extent(session, name)["bbox"]))


@router.get("/collections/{name}/tiles/WebMercatorQuad/{z}/{row}/{column}", summary="A tile")
def tile(request: Request, session: Session, name: Name, z: int, row: int, column: int) -> Response:
    """Row before column, as the standard has it; 204 where there is nothing."""
    api.schemas.ogc.collection_of(name)
    api.schemas.ogc.require_known(request.query_params)
    return api.routes.tiles.answer(request, session, name, (z, column, row))
