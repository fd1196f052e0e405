"""GeoReport v2 (Open311) as it travels: what a form asks, and the same answers as XML or JSON."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

from data.requests import Wanted
from gis.categories import FAMILIES
from gis.errors import Invalid
from gis.reports import OPEN, STATES, TEXT_MOST

#: "May not span more than 90 days", and without any date the last 90; at most a thousand at a time.
SPAN = timedelta(days=90)
#: Days from which a span can be counted both ways.
FIRST, LAST = date.min + SPAN, date.max - SPAN
PAGE_MOST = 1000
STATUSES = {"open": frozenset(OPEN), "closed": frozenset(STATES) - OPEN}
XML, JSON = "text/xml; charset=utf-8", "application/json; charset=utf-8"
SPECIFICATION = "http://wiki.open311.org/GeoReport_v2"
#: A photo that came by PUT /api/photos/{sha256}, by that address or by its digest alone.
PHOTO = re.compile(r"(?:.*/api/photos/)?([0-9a-f]{64})")
#: What one element of a list is called.
SINGULAR = {"services": "service", "service_requests": "request", "errors": "error", "attributes": "attribute",
            "endpoints": "endpoint", "formats": "format"}  # fmt: skip


@dataclass(frozen=True)
class Filing:
    """A request as somebody posted it. `photos` are digests; `unfetched`: a link was given, which nobody follows."""

    service_code: str
    lon: float
    lat: float
    description: str
    photos: tuple[str, ...] = ()
    unfetched: bool = False


# What is asked --------------------------------------------------------------------------------------------------------

Form = Mapping[str, str]


def filing(form: Form) -> Filing:
    """A posted form; names and phones that come with it are read by nobody."""
    if not form.get("service_code"):
        raise Invalid("georeport.service_code_missing")
    if "lat" not in form or "long" not in form:
        known = form.get("address_string") or form.get("address_id")
        raise Invalid("georeport.address_alone" if known else "georeport.place_missing")
    description, link = form.get("description", ""), form.get("media_url", "")
    if len(description) > TEXT_MOST:
        raise Invalid("georeport.description", most=TEXT_MOST)
    photo = PHOTO.fullmatch(link)
    return Filing(
        form["service_code"], _degrees(form["long"], 180), _degrees(form["lat"], 90), description,
        (photo[1],) if photo else (), bool(link) and photo is None,
    )  # fmt: skip


def _degrees(said: str, most: float) -> float:
    try:
        degrees = float(said)
    except ValueError:
        degrees = math.nan
    if not abs(degrees) <= most:
        raise Invalid("georeport.place")
    return degrees


def wanted(query: Form, *, now: datetime, zone: ZoneInfo) -> Wanted:
    """Which requests a query asks for; days are those of `zone`."""
    since, until = _period(query, now, zone)
    limit = _count(query, "page_size", PAGE_MOST)
    statuses = None if "status" not in query else [state for one in _list(query["status"]) for state in _states(one)]
    return Wanted(
        since, until,
        ids=_list(query["service_request_id"]) if query.get("service_request_id") else None,
        categories=_list(query["service_code"]) if query.get("service_code") else None,
        statuses=statuses, limit=limit, skip=(_count(query, "page", 10_000, 1) - 1) * limit,
    )  # fmt: skip


def _list(said: str) -> list[str]:
    return [one.strip() for one in said.split(",")][:PAGE_MOST]


def _states(status: str) -> frozenset[str]:
    if status not in STATUSES:
        raise Invalid("georeport.status")
    return STATUSES[status]


def _count(query: Form, name: str, most: int, otherwise: int | None = None) -> int:
    said = query.get(name, str(most if otherwise is None else otherwise))
    if not (said.isascii() and said.isdigit() and 1 <= int(said) <= most):
        raise Invalid("georeport.page", most=PAGE_MOST)
    return int(said)


def _period(query: Form, now: datetime, zone: ZoneInfo) -> tuple[date, date]:
    start, end = (_day(query.get(name), zone) for name in ("start_date", "end_date"))
    until = end or (start + SPAN if start else now.astimezone(zone).date())
    since = start or until - SPAN
    if not timedelta() <= until - since <= SPAN:
        raise Invalid("georeport.period", days=SPAN.days)
    return since, until


def _day(said: str | None, zone: ZoneInfo) -> date | None:
    if not said:
        return None
    try:
        moment = datetime.fromisoformat(said)
        day = (moment if moment.tzinfo is None else moment.astimezone(zone)).date()
    except (ValueError, OverflowError):
        raise Invalid("georeport.date") from None
    if not FIRST <= day <= LAST:
        raise Invalid("georeport.date")
    return day


# What is answered -----------------------------------------------------------------------------------------------------


def service(row: Mapping[str, Any], lang: str) -> dict[str, Any]:
    group = FAMILIES[row["family"]] if lang == "zh" else row["family"]
    return {
        "service_code": row["code"], "service_name": row[f"name_{lang}"], "description": row[f"name_{lang}"],
        "metadata": False, "type": "realtime", "keywords": row["family"], "group": group,
    }  # fmt: skip


def request(row: Mapping[str, Any], names: Mapping[str, str], zone: ZoneInfo, *, extended: bool) -> dict[str, Any]:
    """One request; who may only know the public status of it gets days for times, and no description."""
    told = {
        "service_request_id": row["id"], "status": "open" if row["status"] in OPEN else "closed",
        "status_notes": row["status"], "service_name": names.get(row["category"], row["category"]),
        "service_code": row["category"], "description": row.get("text"), "agency_responsible": row.get("unit"),
        "service_notice": None, "requested_datetime": _time(row.get("received_at") or row["reported_on"], zone),
        "updated_datetime": _time(row.get("moved_at") or row["changed_on"], zone),
        "expected_datetime": _time(row.get("due_at"), zone), "address": None, "address_id": None, "zipcode": None,
        "lat": row["lat"], "long": row["lon"], "media_url": row.get("media_url"),
    }  # fmt: skip
    more = {"detailed_status": row["status"], "area_code": row["grid_code"], "synthetic": row["synthetic"]}
    return told | ({"extended_attributes": more} if extended else {})


def _time(moment: datetime | date | None, zone: ZoneInfo) -> str | None:
    """ISO 8601 with an offset; a day is its first second."""
    if moment is None:
        return None
    at = moment if isinstance(moment, datetime) else datetime.combine(moment, time(), zone)
    return at.astimezone(zone).isoformat(timespec="seconds")


def discovery(base: str, changed: str, contact: str) -> dict[str, Any]:
    """Where the service is (Open311 Service Discovery)."""
    endpoint = {"specification": SPECIFICATION, "url": base, "changeset": changed, "type": "production",
                "formats": ["text/xml", "application/json"]}  # fmt: skip
    return {"changeset": changed, "contact": contact, "key_service": contact, "endpoints": [endpoint]}


def xml(root: str, value: Any) -> bytes:
    """A document of elements only, as the examples of the specification write them."""
    return bytes(ElementTree.tostring(_element(root, value), encoding="utf-8", xml_declaration=True))


def _element(name: str, value: Any) -> ElementTree.Element:
    made = ElementTree.Element(name)
    if isinstance(value, dict):
        made.extend(_element(key, held) for key, held in value.items())
    elif isinstance(value, list):
        made.extend(_element(SINGULAR[name], held) for held in value)
    elif isinstance(value, bool):
        made.text = str(value).lower()
    elif value is not None:
        made.text = str(value)
    return made
