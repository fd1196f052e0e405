"""Lists of reports: by the order in which they came, through the index that the reader's rights begin with."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import geopandas as gpd
import pandas as pd
from sqlalchemy import text

import data.areas
import data.places
import gis.frames
from data.copying import fetch
from data.db import Session, copy
from data.places import CODES
from data.tables import report
from gis.errors import Invalid

#: The column that the policy of a role compares with the areas it is assigned to; a partner's are of any level.
SEATS = {
    "inspector": ("grid_code",), "community": ("community_code",), "street": ("street_code",),
    "partner": ("street_code", "community_code", "grid_code"),
}  # fmt: skip
LEVELS = {"street": "street_code", "community": "community_code", "grid": "grid_code"}
#: What figures may be counted by, as it is said of each report.
GROUPS = {
    "street_code": "coalesce(street_code, '')", "community_code": "coalesce(community_code, '')",
    "grid_code": "coalesce(grid_code, '')", "unit": "coalesce(unit, '')", "category": "category",
    "author_id": "author_id",
}  # fmt: skip
TOUCHED = "(moved_at >= %(since)s OR (due_at >= %(since)s AND due_at < %(until)s))"
STILL_OPEN = "status IN ('received', 'accepted', 'assigned', 'resolved', 'reopened')"
LATE = "due_at < %(now)s AND status IN ('received', 'accepted', 'assigned', 'reopened')"
LISTED = """id::text AS id, category, status, version, on_hold <> '' AS on_hold, {unit} AS unit, text,
    ST_X(geom) AS lon, ST_Y(geom) AS lat, captured_at, received_at, due_at, {late} AS overdue,
    cardinality(photos) AS photos_declared, coalesce(street_code, '') AS street_code,
    coalesce(community_code, '') AS community_code, coalesce(grid_code, '') AS grid_code, synthetic"""
IN_BOX = "lon BETWEEN %(west)s AND %(east)s AND lat BETWEEN %(south)s AND %(north)s"
#: A partner's questions are answered from what it may see, or many narrow ones would tell what it may not: a box holds
#: what the public sees in it, and late is what its key shows to be late.
IN_BOX_SEEN = """id IN (SELECT id FROM public_report
    WHERE geom && ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, 4326))"""
LATE_SEEN = "id IN (SELECT wangge_private.partner_late(%(now)s))"
#: One file holds no more.
EXPORT_MOST = 100_000


@dataclass(frozen=True)
class Wanted:
    """Which reports; what is not said does not matter. `bbox` is west, south, east, north in WGS84."""

    statuses: Collection[str] = ()
    category: str | None = None
    area: str | None = None
    bbox: Sequence[float] | None = None
    since: datetime | None = None
    overdue: bool = False
    only_open: bool = False


@dataclass(frozen=True)
class Place:
    """Where a page ended: the time and number of its last report."""

    received_at: datetime
    id: str


def search(
    session: Session, wanted: Wanted, *, role: str | None, now: datetime, after: Place | None = None, limit: int = 100
) -> list[dict[str, Any]]:
    """A page of the reports that the reader may see, the newest first; without a role, of all there are."""
    asked = f"""
        SELECT {_listed(role)} FROM {_of(session, wanted, role)}
        ORDER BY report.received_at DESC, report.id DESC"""  # noqa: S608
    values = _values(wanted) | {"now": now, "limit": limit, "at": after and after.received_at, "id": after and after.id}
    rows = session.connection().exec_driver_sql(asked, values).mappings()
    return [dict(row) for row in rows]


def table(session: Session, wanted: Wanted, *, role: str | None, now: datetime) -> gpd.GeoDataFrame:
    """The same as one table for a file, with points."""
    asked = f"""
        SELECT {_listed(role)} FROM {_of(session, wanted, role)}
        ORDER BY report.received_at, report.id"""  # noqa: S608
    values = _values(wanted) | {"now": now, "limit": EXPORT_MOST + 1, "at": None, "id": None}
    found = data.places.located(fetch(session, asked, values))
    if len(found) > EXPORT_MOST:
        raise Invalid("export.too_many_rows", rows=len(found), most=EXPORT_MOST)
    return found


def near(session: Session, *, role: str | None, bbox: Sequence[float], limit: int = 500) -> gpd.GeoDataFrame:
    """Open reports in a box that the reader may see, the newest (gis.frames.REPORTS)."""
    wanted = Wanted(bbox=bbox, only_open=True)
    asked = f"""
        SELECT id::text AS id, category, captured_at, text, status, ST_X(geom) AS lon, ST_Y(geom) AS lat
        FROM {_of(session, wanted, role)}"""  # noqa: S608
    values = _values(wanted) | {"limit": limit, "at": None, "id": None, "now": None}
    return data.places.located(fetch(session, asked, values))


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


def history(
    session: Session, *, role: str | None, since: datetime, until: datetime, by: Sequence[str] = ()
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What the figures of a period need: its cases (gis.evaluation.CASES) and all their events (EVENTS), numbered.

    `by` are the columns of `GROUPS` that are wanted of each case. All in one statement: to ask for the events of
    thousands of cases by their ids would take longer than to answer.
    """
    named = "".join(f", {GROUPS[name]} AS {name}" for name in by)
    asked = f"""
        WITH touched AS ({_touched(role, f"id, due_at{named}")}),
        cases AS MATERIALIZED (SELECT row_number() OVER () AS number, touched.* FROM touched)
        SELECT number, due_at, version, move, source, at{"".join(f", {name}" for name in by)}
        FROM cases LEFT JOIN (
            SELECT report_id, version, move, source, at FROM report_event
        ) AS happened ON report_id = id"""  # noqa: S608
    rows = fetch(session, asked, {"since": since, "until": until})
    cases = rows[["number", "due_at", *by]].drop_duplicates("number").rename(columns={"number": "id"})
    events = rows.loc[rows["version"].notna(), ["number", "version", "move", "source", "at"]]
    return cases.reset_index(drop=True), events.rename(columns={"number": "report_id"})


def add(session: Session, frame: gpd.GeoDataFrame, *, import_id: int | None = None) -> int:
    """Add reports from elsewhere and say how many; the sender's `id` is kept as client_id, unique for each author."""
    gis.frames.require(frame, gis.frames.REPORTS)
    rows = data.places.rows(frame, report, import_id=import_id)
    added = copy(session, report, rows | {"client_id": rows.pop("id")})
    adopt(session)
    return added


def adopt(session: Session) -> int:
    """Give every report without a history its first event, as `gis.reports.adopt` makes it; says how many."""
    adopted = text("""
        INSERT INTO report_event (report_id, version, move, actor_role, at, source, target)
        SELECT id, 1, 'adopt', 'system', moved_at, '', status FROM report
        WHERE NOT EXISTS (SELECT FROM report_event WHERE report_id = report.id)""")
    return int(session.execute(adopted).rowcount)  # type: ignore[attr-defined]


def _touched(role: str | None, columns: str) -> str:
    """The reports that count in the figures of a period: of the reader's seats, and what she has filed elsewhere."""
    asked = f"SELECT {columns} FROM report WHERE {TOUCHED}"  # noqa: S608
    if role is None:
        return asked
    (seat,) = SEATS[role]
    here = f"{seat} = ANY ((SELECT wangge_private.my_codes('{role}'))::text[])"
    own = "author_id = (SELECT wangge_private.my_id())"
    return f"{asked} AND {here} UNION ALL {asked} AND {own} AND {here} IS NOT TRUE"


def _listed(role: str | None) -> str:
    """What is told of each; to a partner null where its key does not name it: `overdue` too, where no time is known."""
    if role == "partner":
        return LISTED.format(unit="unit", late=LATE)
    return LISTED.format(unit="coalesce(unit, '')", late=f"coalesce({LATE}, false)")


def _of(session: Session, wanted: Wanted, role: str | None) -> str:
    """The reports of a page, as `report`; a partner reads them as far as its key says."""
    picked = _picked(session, wanted, role)
    if role == "partner":
        return f"wangge_private.partner_reports(ARRAY({picked})) AS report"
    return f"report JOIN ({picked}) AS picked USING (id)"


# The page, by index ---------------------------------------------------------------------------------------------------


def _picked(session: Session, wanted: Wanted, role: str | None) -> str:
    """The ids of a page, each seat of the reader read along its own index and only as far as the page goes."""
    # The policy names the code that a seat names again, so a page is taken to be few rows, to be collected and sorted.
    session.connection().exec_driver_sql("SET LOCAL enable_bitmapscan = off")
    conditions, columns, codes = (
        _conditions(wanted, role),
        SEATS.get(role or "", ()),
        f"wangge_private.my_codes('{role}')",
    )
    within = None if wanted.area is None else _level(session, wanted.area)
    wider = bool(columns) and within is not None and CODES.index(within) < min(map(CODES.index, columns))
    if wider:
        conditions += f" AND {within} = %(area)s"
    elif within is not None:
        columns, codes = (within,), "ARRAY[%(area)s]"
    page = f"SELECT id, received_at FROM report WHERE {{scope}} {conditions} {_PAGE}"  # noqa: S608
    if not columns:
        return f"SELECT id FROM ({page.format(scope='true')}) AS page"  # noqa: S608
    pages = [
        f"SELECT page.* FROM (SELECT DISTINCT unnest({codes}) AS code) AS seat,"  # noqa: S608
        f" LATERAL ({page.format(scope=f'{column} = seat.code')}) AS page"
        for column in columns
    ]
    if wider or within is None:
        pages.append(f"({page.format(scope='author_id = (SELECT wangge_private.my_id())')})")
    return f"SELECT id FROM ({' UNION '.join(pages)}) AS pages {_ORDER}"  # noqa: S608


_ORDER = "ORDER BY received_at DESC, id DESC LIMIT %(limit)s"
_PAGE = f"AND (%(at)s IS NULL OR (received_at, id) < (%(at)s::timestamptz, %(id)s::uuid)) {_ORDER}"


def _level(session: Session, area: str) -> str:
    """The column that holds codes of the level of an area."""
    level = session.execute(text("SELECT level FROM area WHERE code = :code LIMIT 1"), {"code": area}).scalar()
    if level not in LEVELS:
        raise Invalid("reports.area", levels=list(LEVELS))
    return LEVELS[level]


def _conditions(wanted: Wanted, role: str | None) -> str:
    partner = role == "partner"
    told = {
        "status = ANY (%(statuses)s)": wanted.statuses, "category = %(category)s": wanted.category,
        "received_at >= %(since)s": wanted.since, LATE_SEEN if partner else LATE: wanted.overdue,
        STILL_OPEN: wanted.only_open, IN_BOX_SEEN if partner else IN_BOX: wanted.bbox,
    }  # fmt: skip
    return "".join(f" AND {condition}" for condition, asked in told.items() if asked)


def _values(wanted: Wanted) -> dict[str, Any]:
    box = dict(zip(("west", "south", "east", "north"), wanted.bbox or (), strict=False))
    return box | {
        "statuses": list(wanted.statuses), "category": wanted.category, "area": wanted.area, "since": wanted.since
    }  # fmt: skip
