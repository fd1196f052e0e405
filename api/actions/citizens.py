"""Reports of people without an account, where the installation lets them: filed, counted, and handled by staff.

They carry words and a place. Photos are for people with an account; who somebody is, or how to reach her, is not kept.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4, uuid5

import api.actions.georeport
import api.actions.reports
import data.areas
import data.cases
import data.categories
import data.citizens
import data.requests
import gis.calendar
import gis.crs
import gis.plausibility
import gis.reports
from api.actions.reports import Answer
from data.cases import About
from gis.errors import Conflict, Invalid, OutsideArea
from gis.plausibility import Context, Fix
from gis.reports import Actor, Event, Submission

if TYPE_CHECKING:
    from api.schemas.georeport import Filing
    from data.db import Session

CITIZEN = Actor(None, "citizen")
MINUTE = timedelta(minutes=1)


def receive(session: Session, uuid: str, body: Submission, *, now: datetime) -> Answer:
    """Keep a report under the sender's own id: 201 the first time, 200 and the same answer for the same body.

    Another body under the same id is 409 and nothing else: who sent the first one, what and where, is not told.
    """
    return _receive(session, uuid, body, gis.reports.fingerprint(body), now=now)


def file(session: Session, filing: Filing, *, key: str, now: datetime) -> str:
    """File a request and say its number. The same words and place are one request: under the same `key` for ever,
    without one when they come in the same minute or the next."""
    services = {row["code"]: row["name_zh"] for row in data.requests.services(session)}
    if filing.service_code not in services:
        raise Invalid("georeport.service_code")
    said = hashlib.sha256(repr((key, filing)).encode("utf-8", "replace")).hexdigest()
    names = [said] if key else [f"{said} {at:%Y-%m-%dT%H:%M}" for at in (now, now - MINUTE)]
    ids = [str(uuid5(api.actions.georeport.NAMESPACE, f"citizen {name}")) for name in names]
    for each in ids:
        if (known := data.citizens.filed(session, each, said)) is not None:
            return str(known["id"])
    words = filing.description or services[filing.service_code]
    body = Submission(filing.service_code, words, filing.lon, filing.lat, now, photos=filing.photos)
    status, document = _receive(session, ids[0], body, said, now=now)
    if status == 409:
        raise Conflict("georeport.key_reused")
    return str(document["id"])


def _receive(session: Session, uuid: str, body: Submission, body_hash: str, *, now: datetime) -> Answer:
    if body.photos:
        raise Invalid("citizens.photos")
    gis.reports.check(uuid, body, categories=[row["code"] for row in data.requests.services(session)])
    known = data.citizens.filed(session, uuid, body_hash)
    if known is None:
        row, event, place = _made(session, uuid, body, body_hash, now)
        if data.citizens.add(session, row, event, lon=place[0], lat=place[1]):
            return 201, _receipt(row)
        known = data.citizens.filed(session, uuid, body_hash)  # the same came twice at once
    return (409, {}) if known is None else (200, _receipt(known))


def _made(
    session: Session, uuid: str, body: Submission, body_hash: str, now: datetime
) -> tuple[dict[str, Any], Event, tuple[float, float]]:
    """The row of a new report, its first event, and its place."""
    lon, lat = (float(degrees) for degrees in gis.crs.to_wgs84(body.lon, body.lat, body.datum))
    areas = data.areas.holding(session, lon, lat, as_of=gis.calendar.local_day(now))
    if "street" not in areas:
        raise OutsideArea("citizens.outside")  # nobody here would see it
    category = data.categories.catalogue(session)[body.category]
    about = About(areas, None, None, category, tuple(data.categories.rules(session)), None, None)
    filed, event = gis.reports.receive(str(uuid4()), CITIZEN, at=now)
    fix = Fix(lon, lat, body.captured_at, body.accuracy_m, body.mocked)
    suspect = gis.plausibility.reasons(fix, Context(now, body.sent_at, None, last=None, outside=False))
    row = {
        "id": filed.id, "client_id": uuid, "category": body.category, "status": filed.status, "version": filed.version,
        "moved_at": now, "received_at": now, "suspect": data.cases.reasons(suspect), "synthetic": False,
        "routed": api.actions.reports._routed(about, category),
        **api.actions.reports.said(body), "body_hash": body_hash,
        **{name: areas.get(level) for level, name in api.actions.reports.CODES.items()},
        **api.actions.reports.due([event], category),
    }  # fmt: skip
    return row, event, (lon, lat)


def _receipt(row: dict[str, Any]) -> dict[str, Any]:
    """What a citizen is told: where the public status is, since nothing else of it is hers to read."""
    return api.actions.reports.receipt(row) | {"url": f"/open311/v2/requests/{row['id']}.json"}
