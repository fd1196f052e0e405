"""A photo comes, is made fit to be shown, and is compared with the reports that name it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import api.encoding
import data.db
import data.jobs
import data.photofiles
import data.photos
import gis.photos
from api.settings import Settings
from gis.errors import Invalid, TooMany

#: After this time something of the last day may have grown old enough.
AGAIN_AFTER_S = 3600
#: What has been coming for so long will not come any more.
LEFT_OVER_S = 24 * 3600.0


def receive(
    session: data.db.Session, author_id: int, sha256: str, file: data.photofiles.Incoming, *, home: Path, now: datetime
) -> tuple[data.photos.Photo, bool]:
    """Keep what has come whole, and say whether it is new; the same again only mends what was lost."""
    media = gis.photos.media_of(file.head)
    if media is None:
        raise Invalid("photos.format")
    data.photos.lock(session, author_id)
    known = data.photos.find(session, author_id=author_id, sha256=sha256)
    if known is not None:
        if not data.photofiles.original(home, known.id).exists():
            data.photofiles.keep(file.path, home, known.id)
        return known, False
    _within_the_day(session, author_id, file.bytes, now)
    photo_id = str(uuid.uuid4())
    data.photofiles.keep(file.path, home, photo_id)
    data.photos.add(session, photo_id=photo_id, author_id=author_id, sha256=sha256, bytes=file.bytes, media=media)
    return data.photos.get(session, photo_id), True


def _within_the_day(session: data.db.Session, author_id: int, more: int, now: datetime) -> None:
    photos, bytes_ = data.photos.used(session, author_id, since=now - gis.photos.DAY)
    if photos + 1 > gis.photos.DAY_PHOTOS_MOST or bytes_ + more > gis.photos.DAY_BYTES_MOST:
        raise TooMany("photos.too_many", retry_after_s=AGAIN_AFTER_S)


# Jobs -----------------------------------------------------------------------------------------------------------------


def encode(session: data.db.Session, payload: dict[str, Any], *, settings: Settings, **_: object) -> None:
    """Make what is shown out of what was sent; what cannot be decoded stays where it is and is never shown."""
    photo = data.photos.get(session, payload["photo"])
    with data.photofiles.blanks(settings.home) as files:
        found = api.encoding.encode(data.photofiles.original(settings.home, photo.id), files)
        if found.refused is None:
            data.photofiles.publish(settings.home, photo.id, files)
    if found.refused is None:
        data.photos.set_ready(session, photo.id, width=found.width, height=found.height)
        data.photos.compare(session, photo, lon=found.lon, lat=found.lat, taken_at=found.taken_at)
    else:
        data.photos.set_refused(session, photo.id, reason=found.refused)


def compare(session: data.db.Session, payload: dict[str, Any], *, settings: Settings, **_: object) -> None:
    """Compare a picture that came before its report with that report."""
    photo = data.photos.get(session, payload["photo"])
    found = api.encoding.encode(data.photofiles.original(settings.home, photo.id), {})
    data.photos.compare(session, photo, lon=found.lon, lat=found.lat, taken_at=found.taken_at)


# Reconciliation -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Differences:
    """Photos by id whose rows and files do not agree, and files that belong to no row."""

    #: The row says it came, and the bytes are gone: only its author can send it again.
    lost: list[str]
    #: The row says it is ready, and what is shown is gone: it can be encoded again.
    unshown: list[str]
    #: No row knows of these files.
    stray: list[Path]


def check(session: data.db.Session, *, home: Path, now: datetime) -> Differences:
    """Compare rows and files, both ways; a young file without a row may still be on its way to one."""
    states = data.photos.states(session)  # first: a file comes before its row
    originals, served = (data.photofiles.found(home, kind) for kind in ("quarantine", "served"))
    ready = [photo_id for photo_id, state in states.items() if state == "ready"]
    stray = [path for name, path in (originals | served).items() if name.partition(".")[0] not in states]
    before = now.timestamp() - LEFT_OVER_S
    return Differences(
        lost=sorted(states.keys() - originals.keys()),
        unshown=sorted(one for one in ready if not served.keys() >= data.photofiles.names_served(one)),
        stray=data.photofiles.older([*stray, *data.photofiles.found(home, "coming").values()], before=before),
    )


def mend(session: data.db.Session, differences: Differences) -> None:
    """Have what can be shown again encoded anew, and take away what belongs to nothing."""
    for photo_id in differences.unshown:
        data.jobs.put(session, "photo_encode", {"photo": photo_id}, key=f"photo:{photo_id}")
    for path in differences.stray:
        path.unlink(missing_ok=True)
