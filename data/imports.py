"""Import batches: which file, of which datum, brought what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert, select

from data.db import Session
from data.tables import import_batch
from gis.errors import NotFound


def add(
    session: Session,
    *,
    what: str,
    file_name: str,
    sha256: str,
    datum: str,
    rows_kept: int,
    synthetic: bool,
    datum_accepted: bool = False,
    rows_skipped: int = 0,
    attribution: str = "",
    facts: Mapping[str, Any] | None = None,
) -> int:
    """Keep what is known about one import; its number goes onto every row that it brings."""
    row = {
        "what": what, "file_name": file_name, "sha256": sha256, "datum": datum, "datum_accepted": datum_accepted,
        "rows_kept": rows_kept, "rows_skipped": rows_skipped, "synthetic": synthetic, "attribution": attribution,
        "facts": dict(facts or {}),
    }  # fmt: skip
    return int(session.execute(insert(import_batch).values(row).returning(import_batch.c.id)).scalar_one())


def get(session: Session, import_id: int) -> dict[str, Any]:
    """One batch."""
    row = session.execute(select(import_batch).where(import_batch.c.id == import_id)).mappings().one_or_none()
    if row is None:
        raise NotFound("imports.absent", import_id=import_id)
    return dict(row)


def search(session: Session, *, what: str | None = None, limit: int = 100) -> list[dict[str, Any]]:
    """Batches, the newest first."""
    query = select(import_batch).order_by(import_batch.c.id.desc()).limit(limit)
    if what is not None:
        query = query.where(import_batch.c.what == what)
    return [dict(row) for row in session.execute(query).mappings()]
