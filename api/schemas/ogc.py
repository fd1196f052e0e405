"""OGC API – Features (17-069r4, 18-058r1, 19-079r2) as it travels: what a query asks, and the documents in answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import data.filters
import data.public
from data.filters import Frame
from data.public import COLLECTIONS, Wanted
from gis.errors import Invalid, NotFound
from maps.texts import say

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
#: The frames we speak, each with the order of axes that its authority gives it.
FRAMES = {
    CRS84: Frame(4326),
    f"{EPSG}4326": Frame(4326, north_first=True),
    f"{EPSG}4490": Frame(4490, north_first=True),
    f"{EPSG}3857": Frame(3857),
    f"{EPSG}4547": Frame(4547, north_first=True),
}
DEGREES = (4326, 4490)
LIMIT, LIMIT_MOST = 100, 1000

#: Only what `tests/contract/test_ogc.py` and `test_tiles.py` prove.
CONFORMANCE = [
    *(f"http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/{name}" for name in ("core", "geojson")),
    "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs",
    *(
        f"http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/{name}"
        for name in ("queryables", "queryables-query-parameters", "filter", "features-filter")
    ),
    *(
        f"http://www.opengis.net/spec/cql2/1.0/conf/{name}"
        for name in (
            "cql2-text",
            "cql2-json",
            "basic-cql2",
            "advanced-comparison-operators",
            "basic-spatial-functions",
        )
    ),
    *(
        f"http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/{name}"
        for name in ("core", "tileset", "tilesets-list", "geodata-tilesets", "mvt")
    ),
]

_CRS_SCHEMA = {"type": "string", "format": "uri", "enum": list(FRAMES), "default": CRS84}
#: Every parameter of `items` but the properties themselves, as OpenAPI describes it.
PARAMETERS: dict[str, dict[str, Any]] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": LIMIT_MOST, "default": LIMIT},
    "after": {"type": "string", "description": "From the `next` link."},
    "bbox": {"type": "string", "description": "Four or six numbers; west greater than east crosses the antimeridian."},
    "bbox-crs": _CRS_SCHEMA,
    "datetime": {"type": "string", "description": "An instant, or an interval with `/`, open at an end with `..`."},
    "crs": _CRS_SCHEMA,
    "filter": {"type": "string", "maxLength": data.filters.LONGEST, "description": "CQL2"},
    "filter-lang": {"type": "string", "enum": ["cql2-text", "cql2-json"], "default": "cql2-text"},
    "filter-crs": _CRS_SCHEMA,
    "f": {"type": "string", "enum": ["json"]},
}


def openapi_of(*names: str) -> dict[str, Any]:
    """The parameters of a route that reads its query itself."""
    listed = [{"name": name, "in": "query", "required": False, "schema": PARAMETERS[name]} for name in names]
    return {"parameters": listed}


# What is asked --------------------------------------------------------------------------------------------------------

Query = Mapping[str, str]


def collection_of(name: str) -> data.public.Collection:
    """The collection of that name."""
    found = COLLECTIONS.get(name)
    if found is None:
        raise NotFound("ogc.collection")
    return found


def require_known(query: Query, *names: str) -> None:
    """Refuse a parameter we do not know (17-069r4, /req/core/query-param-unknown)."""
    if set(query) - set(names) or query.get("f", "json") != "json":
        raise Invalid("ogc.parameter", known=sorted(names))


def frame_of(query: Query, name: str) -> Frame:
    """The frame that a parameter names; degrees, east first, where it is absent."""
    found = FRAMES.get(query.get(name, CRS84).strip("<>"))
    if found is None:
        raise Invalid("ogc.crs", parameter=name, known=list(FRAMES))
    return found


def wanted(name: str, query: Query, zone: ZoneInfo) -> Wanted:
    """Which features a query of `items` asks for; a day is one of `zone`."""
    collection = collection_of(name)
    require_known(query, *PARAMETERS, *collection.properties)
    since, until = _period(query.get("datetime"), zone)
    boxes_in = frame_of(query, "bbox-crs")
    return Wanted(
        limit=_limit(query.get("limit")),
        after=query.get("after"),
        boxes=_boxes(query.get("bbox"), boxes_in),
        boxes_in=boxes_in,
        since=since,
        until=until,
        equal={key: _value(query[key], column) for key, column in collection.properties.items() if key in query},
        condition=_condition(collection, query),
    )


def _limit(said: str | None) -> int:
    """More than the most is answered with the most, as the standard has it."""
    if said is None:
        return LIMIT
    if not (said.isascii() and said.isdigit() and int(said) > 0):
        raise Invalid("ogc.limit", most=LIMIT_MOST)
    return min(int(said), LIMIT_MOST)


def _boxes(said: str | None, frame: Frame) -> list[tuple[float, float, float, float]]:
    if said is None:
        return []
    numbers = _numbers(said)
    if len(numbers) not in (4, 6):
        raise Invalid("ogc.bbox")
    half = len(numbers) // 2
    (x0, y0), (x1, y1) = numbers[:2], numbers[half : half + 2]
    west, south, east, north = (y0, x0, y1, x1) if frame.north_first else (x0, y0, x1, y1)
    if south > north or (frame.srid in DEGREES and not _on_earth(west, south, east, north)):
        raise Invalid("ogc.bbox")
    if west <= east:
        return [(west, south, east, north)]
    if frame.srid not in DEGREES:
        raise Invalid("ogc.bbox")
    return [(west, south, 180.0, north), (-180.0, south, east, north)]


def _numbers(said: str) -> list[float]:
    try:
        numbers = [float(part) for part in said.split(",")]
    except ValueError:
        raise Invalid("ogc.bbox") from None
    if not all(map(math.isfinite, numbers)):
        raise Invalid("ogc.bbox")
    return numbers


def _on_earth(west: float, south: float, east: float, north: float) -> bool:
    return max(abs(west), abs(east)) <= 180 and south >= -90 and north <= 90


def _period(said: str | None, zone: ZoneInfo) -> tuple[date | None, date | None]:
    if said is None:
        return None, None
    start, separator, end = said.partition("/")
    first, last = _day(start, zone), _day(end if separator else start, zone)
    if (first is None and last is None and not separator) or (first and last and first > last):
        raise Invalid("ogc.datetime")
    return first, last


def _day(said: str, zone: ZoneInfo) -> date | None:
    if said in ("", ".."):
        return None
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        raise Invalid("ogc.datetime") from None
    if moment.tzinfo is None and "T" in said.upper():
        raise Invalid("ogc.datetime")
    return (moment if moment.tzinfo is None else moment.astimezone(zone)).date()


_READ: dict[type, Callable[[str], Any]] = {
    str: str,
    int: int,
    float: float,
    date: date.fromisoformat,
    bool: {"true": True, "false": False}.__getitem__,
}


def _value(said: str, column: Any) -> Any:
    try:
        return _READ[column.type.python_type](said)
    except (ValueError, KeyError):
        raise Invalid("ogc.value", parameter=column.name) from None


def _condition(collection: data.public.Collection, query: Query) -> Any:
    language = query.get("filter-lang", "cql2-text")
    if language not in PARAMETERS["filter-lang"]["enum"]:
        raise Invalid("ogc.filter_language")
    frame = frame_of(query, "filter-crs")
    if "filter" not in query:
        return None
    return data.filters.condition(query["filter"], language, columns=collection.queryables, frame=frame)


# Documents ------------------------------------------------------------------------------------------------------------

JSON = "application/json"
GEOJSON = "application/geo+json"
SCHEMA = "application/schema+json"
TILE = "application/vnd.mapbox-vector-tile"
REL = "http://www.opengis.net/def/rel/ogc/1.0/"


def link(href: str, rel: str, media: str = JSON, **more: Any) -> dict[str, Any]:
    return {"href": href, "rel": rel, "type": media, **more}


@dataclass(frozen=True)
class Writer:
    """Writes documents for one request: links begin with its `base` (…/ogc), words are in its language."""

    base: str
    lang: str

    def at(self, *parts: str) -> str:
        return "/".join((self.base, *parts))

    def landing(self) -> dict[str, Any]:
        root = self.base.removesuffix("/ogc")
        return {
            "title": say("ogc.title", self.lang),
            "description": say("ogc.about", self.lang),
            "links": [
                link(self.base, "self"),
                link(f"{root}/openapi.json", "service-desc", "application/vnd.oai.openapi+json;version=3.1"),
                link(f"{root}/docs", "service-doc", "text/html"),
                link(self.at("conformance"), "conformance"),
                link(self.at("collections"), "data"),
                link(self.at("tileMatrixSets"), f"{REL}tiling-schemes"),
            ],
        }

    def collections(self, extents: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
        listed = [self.collection(name, extent) for name, extent in extents.items()]
        return {"links": [link(self.at("collections"), "self")], "crs": list(FRAMES), "collections": listed}

    def collection(self, name: str, extent: Mapping[str, Any]) -> dict[str, Any]:
        here = self.at("collections", name)
        return {
            "id": name,
            "title": say(f"ogc.{name}.title", self.lang),
            "description": say(f"ogc.{name}.about", self.lang),
            "itemType": "feature",
            "crs": list(FRAMES),
            "storageCrs": CRS84,
            "extent": _extent(extent),
            "links": [
                link(here, "self"),
                link(f"{here}/items", "items", GEOJSON),
                link(f"{here}/queryables", f"{REL}queryables", SCHEMA),
                link(f"{here}/tiles", f"{REL}tilesets-vector"),
            ],
        }

    def queryables(self, name: str) -> dict[str, Any]:
        properties = {key: _schema(column) for key, column in collection_of(name).properties.items()}
        shape = {"format": "geometry-any", "x-ogc-role": "primary-geometry"}
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": self.at("collections", name, "queryables"),
            "title": say(f"ogc.{name}.title", self.lang),
            "type": "object",
            "properties": properties | {"geom": shape},
            "additionalProperties": False,
        }

    def feature(self, name: str, feature: Mapping[str, Any]) -> dict[str, Any]:
        here = self.at("collections", name)
        links = [link(f"{here}/items/{feature['id']}", "self", GEOJSON), link(here, "collection")]
        return {**feature, "links": links}


def features(page: data.public.Page, *, links: list[dict[str, Any]], now: datetime) -> dict[str, Any]:
    """All that is said of a page but the features; where nobody has counted all, it does not say how many they are."""
    counted = {} if page.matched is None else {"numberMatched": page.matched}
    return {
        "type": "FeatureCollection",
        "timeStamp": now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        **counted,
        "numberReturned": len(page.features),
        "links": links,
    }


def _extent(extent: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if extent["bbox"] is not None:
        made["spatial"] = {"bbox": [extent["bbox"]], "crs": CRS84}
    if extent["interval"] is not None:
        ends = [None if day is None else f"{datetime.combine(day, time()).isoformat()}Z" for day in extent["interval"]]
        made["temporal"] = {
            "interval": [ends],
            "trs": "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian",
        }
    return made


_SCHEMAS = {str: "string", int: "integer", float: "number", bool: "boolean"}


def _schema(column: Any) -> dict[str, str]:
    kind = column.type.python_type
    return {"type": "string", "format": "date"} if kind is date else {"type": _SCHEMAS[kind]}
