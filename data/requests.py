"""Reports as requests for a service: what everybody may know of them, and more about those the reader may see."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import text

from data.db import Session

#: One row is a request. What only its readers know is null here.
PUBLIC = """
    SELECT shown.id::text AS id, shown.category, shown.status, shown.reported_on, shown.changed_on, shown.grid_code,
           ST_X(shown.geom) AS lon, ST_Y(shown.geom) AS lat, shown.synthetic
    FROM public_report AS shown
    WHERE (:ids)::text[] IS NULL AND shown.reported_on BETWEEN :since AND :until
          AND ((:categories)::text[] IS NULL OR shown.category = ANY (:categories))
          AND ((:statuses)::text[] IS NULL OR shown.status = ANY (:statuses))
       OR shown.id::text = ANY (:ids)
    ORDER BY shown.reported_on DESC, shown.id LIMIT :limit OFFSET :skip"""
#: Row security leaves those that the reader may see, and a partner's key what it names of them.
OWN = """
    SELECT id::text AS id, text, ST_X(geom) AS lon, ST_Y(geom) AS lat, received_at, moved_at, due_at,
           coalesce(unit, '') AS unit
    FROM {reports} AS report WHERE id = ANY (CAST(:ids AS uuid[]))"""
OF_PARTNER = "wangge_private.partner_reports(CAST(:ids AS uuid[]))"
FILED = """
    SELECT client_id, captured_at FROM report
    WHERE author_id = :author AND client_id = ANY (:client_ids) ORDER BY received_at LIMIT 1"""


@dataclass(frozen=True)
class Wanted:
    """Which requests: those of `ids`, or else those that meet everything else said here."""

    since: date
    until: date
    ids: Sequence[str] | None = None
    categories: Collection[str] | None = None
    statuses: Collection[str] | None = None
    limit: int = 1000
    skip: int = 0


def search(session: Session, wanted: Wanted, *, role: str | None) -> list[dict[str, Any]]:
    """Requests, the newest first; with a `role`, all that it may see of each, else what the public sees."""
    values = vars(wanted) | {"categories": _listed(wanted.categories), "statuses": _listed(wanted.statuses)}
    rows = [dict(row) for row in session.execute(text(PUBLIC), values).mappings()]
    if not (role and rows):
        return rows
    asked = text(OWN.format(reports=OF_PARTNER if role == "partner" else "report"))
    more = session.execute(asked, {"ids": [row["id"] for row in rows]}).mappings()
    seen = {row["id"]: dict(row) for row in more}
    return [row | seen.get(row["id"], {}) for row in rows]


def filed(session: Session, author_id: int, client_ids: Sequence[str]) -> tuple[str, datetime] | None:
    """The first report that somebody has filed under one of these ids: under which, and when it was taken."""
    row = session.execute(text(FILED), {"author": author_id, "client_ids": list(client_ids)}).one_or_none()
    return None if row is None else (row[0], row[1])


def services(session: Session) -> list[dict[str, Any]]:
    """What may be requested: the categories in use whose reports are public."""
    asked = """
        SELECT code, family, name_zh, name_en FROM category
        WHERE active AND code NOT IN (SELECT category FROM category_unpublished) ORDER BY code"""
    return [dict(row) for row in session.execute(text(asked)).mappings()]


def jurisdiction(session: Session) -> str:
    """The code of the district: of the one area that has no parent."""
    asked = "SELECT coalesce(min(id), '') FROM public_area WHERE parent_code = ''"
    return str(session.execute(text(asked)).scalar_one())


def _listed(chosen: Collection[str] | None) -> list[str] | None:
    return None if chosen is None else sorted(chosen)
