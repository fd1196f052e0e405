"""Inspection reports as they came in; what happens to them afterwards is another story."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
from sqlalchemy import delete, select

import data.places
import gis.frames
from data.copying import fetch
from data.db import Session, copy
from data.tables import report
from gis.errors import NotFound


def frame(session: Session, *, status: str | None = None) -> gpd.GeoDataFrame:
    """Reports, the oldest first (gis.frames.REPORTS); each keeps the areas of its day."""
    asked = """
        SELECT id::text AS id, client_id, category, captured_at, text, status, accuracy_m, ST_X(geom) AS lon,
               ST_Y(geom) AS lat, coalesce(street_code, '') AS street_code,
               coalesce(community_code, '') AS community_code, coalesce(grid_code, '') AS grid_code, synthetic
        FROM report
        WHERE %(status)s IS NULL OR status = %(status)s
        ORDER BY captured_at, id"""
    return data.places.located(fetch(session, asked, {"status": status}))


def get(session: Session, report_id: str) -> dict[str, Any]:
    """One report."""
    columns = [column for column in report.c if column is not report.c.geom]
    row = session.execute(select(*columns).where(report.c.id == report_id)).mappings().one_or_none()
    if row is None:
        raise NotFound("reports.absent", report_id=report_id)
    return dict(row)


def add(session: Session, frame: gpd.GeoDataFrame, *, import_id: int | None = None) -> int:
    """Add reports and say how many; the sender's `id` is kept as client_id, unique for each author."""
    gis.frames.require(frame, gis.frames.REPORTS)
    rows = data.places.rows(frame, report, import_id=import_id)
    return copy(session, report, rows | {"client_id": rows.pop("id")})


def remove(session: Session, *, import_id: int) -> int:
    """Take back an import."""
    return len(session.execute(delete(report).where(report.c.import_id == import_id).returning(report.c.id)).all())
