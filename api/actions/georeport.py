"""A request for a service, filed as a report."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from uuid import NAMESPACE_URL, uuid5

import api.actions.photos
import api.actions.reports
import data.photofiles
import data.requests
from gis.errors import Conflict, Invalid
from gis.reports import Submission

if TYPE_CHECKING:
    from api.auth import Caller
    from api.schemas.georeport import Filing
    from data.db import Session

NAMESPACE = uuid5(NAMESPACE_URL, "urn:wangge:georeport")
MINUTE = timedelta(minutes=1)
#: So many bytes of a picture go to the disk at a time.
PART_BYTES = 1 << 20


def file(session: Session, who: Caller, filing: Filing, *, key: str, now: datetime) -> str:
    """File a request and say its number; sent again, it gets the same number.

    Open311 knows no id of the sender's own. So two requests are one when they carry the same `key` (the header
    Idempotency-Key), or without a key when all they say is the same and they come in the same minute or the next.
    """
    assert who.user_id is not None
    services = {row["code"]: row["name_zh"] for row in data.requests.services(session)}
    if filing.service_code not in services:
        raise Invalid("georeport.service_code")
    names = _names(filing, key, now)
    known = data.requests.filed(session, who.user_id, names)
    client_id, captured_at = known or (names[0], now.replace(microsecond=0))
    # Open311 can do without a description, a report cannot.
    words = filing.description or services[filing.service_code]
    body = Submission(filing.service_code, words, filing.lon, filing.lat, captured_at, photos=filing.photos)
    status, document = api.actions.reports.receive(session, who, client_id, body, now=now)
    if status == 409:
        raise Conflict("georeport.key_reused")
    return str(document["id"])


def with_media(
    session: Session, who: Caller, filing: Filing, media: Sequence[BinaryIO], *, home: Path, now: datetime
) -> Filing:
    """The same with the pictures that came in the form, kept as if each had been sent by PUT /api/photos before."""
    assert who.user_id is not None
    return replace(filing, photos=(*filing.photos, *(_kept(session, who.user_id, each, home, now) for each in media)))


def _kept(session: Session, author_id: int, media: BinaryIO, home: Path, now: datetime) -> str:
    with data.photofiles.incoming(home) as file:
        for part in iter(partial(media.read, PART_BYTES), b""):
            file.write(part)
        file.finish(file.sha256)
        api.actions.photos.receive(session, author_id, file.sha256, file, home=home, now=now)
        return file.sha256


def _names(filing: Filing, key: str, now: datetime) -> Sequence[str]:
    if key:
        return [str(uuid5(NAMESPACE, f"key {key}"))]
    said = hashlib.sha256(repr(filing).encode("utf-8", "replace")).hexdigest()
    return [str(uuid5(NAMESPACE, f"{said} {at:%Y-%m-%dT%H:%M}")) for at in (now, now - MINUTE)]
