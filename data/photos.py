"""Photos as rows: whose they are, what became of them, which reports name them. The bytes: `data.photofiles`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, text, update

import data.changes
import data.jobs
from data.db import Session
from data.tables import photo
from gis.errors import NotFound


@dataclass(frozen=True)
class Photo:
    """One picture of one author; `state` is received, ready or refused, the last with a `reason`."""

    id: str
    author_id: int
    sha256: str
    bytes: int
    media: str
    state: str
    reason: str | None
    width: int | None
    height: int | None


COLUMNS = [photo.c[name] for name in Photo.__dataclass_fields__]
#: Photos of an author and the reports that name them must see each other, whichever comes first.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('wangge.photo', :author))"
USED = """
    SELECT count(*) AS photos, coalesce(sum(bytes), 0) AS bytes FROM photo
    WHERE author_id = :author AND received_at > :since"""
OF_REPORT = """
    SELECT link.sha256, photo.id, photo.state, photo.reason, link.metres, link.seconds
    FROM report_photo AS link LEFT JOIN photo USING (author_id, sha256)
    WHERE link.report_id = :report ORDER BY link.added_at, link.sha256"""
LINKS = """
    SELECT report_id::text, street_code, community_code, grid_code FROM report_photo
    WHERE author_id = :author AND sha256 = :sha256"""
ATTACH = """
    SELECT wangge_private.photos_attach(
        CAST(:report AS uuid), :author, :hashes, :street_code, :community_code, :grid_code)"""
#: The fix of a phone is WGS 84, and so is what cameras write.
COMPARE = """
    UPDATE report_photo AS link
    SET metres = ST_Distance(report.geom::geography, ST_SetSRID(ST_MakePoint(:lon, :lat), 4326)::geography),
        seconds = extract(epoch FROM CAST(:taken_at AS timestamptz) - report.captured_at)
    FROM report
    WHERE report.id = link.report_id AND link.author_id = :author AND link.sha256 = :sha256"""


def lock(session: Session, author_id: int) -> None:
    """Let nobody else add to the photos of this author, or name them, before this transaction ends."""
    session.execute(text(LOCK), {"author": author_id})


def get(session: Session, photo_id: str) -> Photo:
    """One photo that the caller may see."""
    row = session.execute(select(*COLUMNS).where(photo.c.id == photo_id)).mappings().one_or_none()
    if row is None:
        raise NotFound("photos.absent")
    return Photo(**row)


def find(session: Session, *, author_id: int, sha256: str) -> Photo | None:
    """The photo with these bytes that this author has sent."""
    same = (photo.c.author_id == author_id) & (photo.c.sha256 == sha256)
    row = session.execute(select(*COLUMNS).where(same)).mappings().one_or_none()
    return None if row is None else Photo(**row)


def sent(session: Session, author_id: int, hashes: Collection[str]) -> set[str]:
    """Which of these photos have come from an author, without those that cannot be read."""
    come = (photo.c.author_id == author_id) & photo.c.sha256.in_(hashes) & (photo.c.state != "refused")
    return {*session.scalars(select(photo.c.sha256).where(come))}


def states(session: Session) -> dict[str, str]:
    """The state of every photo, by id."""
    return {row.id: row.state for row in session.execute(select(photo.c.id, photo.c.state))}


def used(session: Session, author_id: int, *, since: datetime) -> tuple[int, int]:
    """How many photos, and how many bytes, came from an author since then."""
    row = session.execute(text(USED), {"author": author_id, "since": since}).one()
    return int(row.photos), int(row.bytes)


def add(session: Session, *, photo_id: str, author_id: int, sha256: str, bytes: int, media: str) -> None:
    """Say that the bytes are on the disk, and have them encoded."""
    values = {"id": photo_id, "author_id": author_id, "sha256": sha256, "bytes": bytes, "media": media}
    session.execute(insert(photo).values(values))
    data.jobs.put(session, "photo_encode", {"photo": photo_id}, key=f"photo:{photo_id}")
    announce(session, get(session, photo_id))


def attach(
    session: Session, report_id: str, author_id: int | None, hashes: Collection[str], codes: Mapping[str, str | None]
) -> None:
    """Let a report in the place of `codes` name photos of its author, come or not; again does no harm."""
    if hashes and author_id is not None:
        values = {"report": report_id, "author": author_id, "hashes": list(hashes)}
        session.execute(text(ATTACH), values | {name: codes.get(name) for name in data.changes.NOWHERE})


def of_report(session: Session, report_id: str) -> list[dict[str, Any]]:
    """The photos that a report names: sha256, and id, state and reason of those that have come, else None."""
    return [dict(row) for row in session.execute(text(OF_REPORT), {"report": report_id}).mappings()]


def set_ready(session: Session, photo_id: str, *, width: int, height: int) -> None:
    """Say that it can be shown."""
    _set(session, photo_id, state="ready", reason=None, width=width, height=height)


def set_refused(session: Session, photo_id: str, *, reason: str) -> None:
    """Say why it never will be shown."""
    _set(session, photo_id, state="refused", reason=reason, width=None, height=None)


def compare(session: Session, one: Photo, *, lon: float | None, lat: float | None, taken_at: datetime | None) -> None:
    """Keep how far place and time written in the picture are from those of the reports that name it, and only that."""
    values = {"lon": lon, "lat": lat, "taken_at": taken_at, "author": one.author_id, "sha256": one.sha256}
    session.execute(text(COMPARE), values)


def announce(session: Session, one: Photo) -> None:
    """Put what became of it into the feed, in the place of each report that names it."""
    for link in session.execute(text(LINKS), {"author": one.author_id, "sha256": one.sha256}).mappings().all():
        data.changes.record(session, "photo", one.id, one.state, {"report_id": link["report_id"]}, codes=dict(link))


def _set(session: Session, photo_id: str, **values: object) -> None:
    session.execute(update(photo).where(photo.c.id == photo_id).values(values))
    announce(session, get(session, photo_id))
