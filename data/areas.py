"""Areas: one row per area and validity period. The guard over them stands in the database and speaks at commit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from sqlalchemy import delete, func, select, text, update

import gis.areas
import gis.crs
import gis.frames
import gis.partition
from data.copying import fetch
from data.db import Session, copy, refusals
from data.tables import area, area_level, area_scheme
from gis.errors import Conflict, NotFound

#: Everything below an area on a day, itself included.
SUBTREE = """
    WITH RECURSIVE subtree AS (
        SELECT code FROM area WHERE code = %(within)s AND valid @> %(day)s
        UNION SELECT area.code FROM area JOIN subtree ON area.parent_code = subtree.code WHERE area.valid @> %(day)s
    ) SELECT code FROM subtree"""
WORLD = (-180.0, -90.0, 180.0, 90.0)
FIELDS = "code, level, name, grid_kind, parent_code, area_m2, valid_from, valid_to, synthetic"


# Reading --------------------------------------------------------------------------------------------------------------


def frame(
    session: Session, *, level: str | None = None, within: str | None = None, as_of: date | None = None
) -> gpd.GeoDataFrame:
    """The areas of a day (today unless said) with their outlines, in the order of their codes."""
    asked = f"""
        SELECT {FIELDS}, ST_AsHEXEWKB(geom) AS geometry FROM area
        WHERE valid @> %(day)s AND (%(level)s IS NULL OR level = %(level)s)
          AND (%(within)s IS NULL OR code IN ({SUBTREE}))
        ORDER BY code COLLATE "C" """  # noqa: S608
    table = fetch(session, asked, {"day": as_of or today(session), "level": level, "within": within})
    return gpd.GeoDataFrame(table, geometry=shapely.from_wkb(table.pop("geometry").to_numpy(object)), crs=4326)


def search(
    session: Session,
    *,
    level: str | None = None,
    within: str | None = None,
    bbox: Sequence[float] | None = None,
    as_of: date | None = None,
    after: str | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """A page of areas without their outlines, in the order of their codes, after the code `after`."""
    asked = f"""
        SELECT {FIELDS} FROM area
        WHERE valid @> %(day)s AND (%(level)s IS NULL OR level = %(level)s)
          AND (%(within)s IS NULL OR code IN ({SUBTREE}))
          AND geom && ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, 4326)
          AND (%(after)s IS NULL OR code COLLATE "C" > %(after)s)
        ORDER BY code COLLATE "C" LIMIT %(limit)s"""  # noqa: S608
    box = dict(zip(("west", "south", "east", "north"), bbox or WORLD, strict=True))
    values = {"day": as_of or today(session), "level": level, "within": within, "after": after, "limit": limit}
    return _rows(session, asked, values | box)


def get(session: Session, code: str, *, as_of: date | None = None) -> dict[str, Any]:
    """One area of a day, with its outline as GeoJSON."""
    asked = (
        f"SELECT {FIELDS}, ST_AsGeoJSON(geom, 7)::json AS geometry FROM area WHERE code = %(code)s AND valid @> %(day)s"  # noqa: S608
    )
    rows = _rows(session, asked, {"code": code, "day": as_of or today(session)})
    if not rows:
        raise NotFound("areas.absent", code=code)
    return rows[0]


def history(session: Session, code: str) -> list[dict[str, Any]]:
    """All versions of an area, the oldest first."""
    return _rows(session, f"SELECT {FIELDS} FROM area WHERE code = %(code)s ORDER BY valid_from", {"code": code})  # noqa: S608


def holding(session: Session, lon: float, lat: float, *, as_of: date | None = None) -> dict[str, str]:
    """The code of the area that holds a place, by level; a level without an area there is absent."""
    asked = "SELECT level, code FROM area_holding(ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), :day)"
    rows = session.execute(text(asked), {"lon": lon, "lat": lat, "day": as_of or today(session)})
    return dict(rows.all())


def is_mine(session: Session, lon: float, lat: float, *, role: str, as_of: date) -> bool:
    """Whether a place lies in an area that the reader is assigned to in her role."""
    asked = text("""
        SELECT coalesce(bool_or(code = ANY (wangge_private.my_codes(:role))), false)
        FROM area_holding(ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), :day)""")
    return bool(session.scalar(asked, {"role": role, "lon": lon, "lat": lat, "day": as_of}))


def lineage(session: Session, *, as_of: date | None = None) -> pd.DataFrame:
    """One row per area of a day: its street, community and grid, itself included ("" where it has none)."""
    day = as_of or today(session)
    return gis.areas.lineage(
        fetch(session, "SELECT code, level, parent_code FROM area WHERE valid @> %(day)s", {"day": day})
    )


def parents(session: Session) -> dict[str, str]:
    """Code of each area of today -> code of the area above it, "" for the topmost."""
    above = select(area.c.code, area.c.parent_code).where(area.c.valid.contains(func.current_date()))
    return dict(session.execute(above).all())


def levels(session: Session) -> pd.DataFrame:
    """The levels there are, from the top down: level, rank, name_zh, name_en, fills."""
    return pd.DataFrame(
        [dict(row) for row in session.execute(select(area_level).order_by(area_level.c.rank)).mappings()]
    )


def schemes(session: Session) -> dict[str, dict[str, int]]:
    """For each code scheme how long a code is down to each level."""
    return dict(session.execute(select(area_scheme.c.code, area_scheme.c.digits)).all())


def scheme(session: Session, code: str) -> str | None:
    """The scheme that the newest version of an area is coded in."""
    newest = select(area.c.scheme).where(area.c.code == code).order_by(area.c.valid_from.desc()).limit(1)
    return session.scalar(newest)


def used_codes(session: Session, parent: str) -> list[str]:
    """Every code that an area under the parent has or ever had."""
    return list(session.scalars(select(area.c.code).where(area.c.parent_code == parent).distinct()))


def today(session: Session) -> date:
    """The database's day."""
    day: date = session.execute(text("SELECT current_date")).scalar_one()
    return day


# Changing -------------------------------------------------------------------------------------------------------------


def add(
    session: Session,
    frame: gpd.GeoDataFrame,
    *,
    valid_from: date,
    synthetic: bool,
    scheme: str | None = None,
    import_id: int | None = None,
) -> int:
    """Add areas, each in force from its own `valid_from` or else from the one given, and say how many."""
    gis.frames.require(frame, gis.frames.AREAS)
    gis.partition.require_sound(frame)
    shapes = np.asarray(frame.geometry, dtype=object)
    rows = {
        "code": frame["code"], "level": frame["level"], "grid_kind": frame["grid_kind"], "name": frame["name"],
        "parent_code": frame["parent_code"], "scheme": [scheme] * len(frame), "geom": gis.areas.multi(shapes),
        "area_m2": frame["area_m2"] if "area_m2" in frame else gis.areas.square_metres(shapes),
        "valid_from": frame["valid_from"] if "valid_from" in frame else [valid_from] * len(frame),
        "synthetic": [synthetic] * len(frame), "import_id": [import_id] * len(frame),
    }  # fmt: skip
    return copy(session, area, rows)


def set(
    session: Session, frame: gpd.GeoDataFrame, *, valid_from: date, synthetic: bool, import_id: int | None = None
) -> int:
    """New versions of areas: the row in force on the day before is closed, and the new one begins."""
    schemes = end(session, frame["code"], valid_to=valid_from)
    return add(
        session, frame, valid_from=valid_from, synthetic=synthetic, import_id=import_id,
        scheme=next(iter(schemes)) if len(schemes) == 1 else None,
    )  # fmt: skip


def end(session: Session, codes: Iterable[str], *, valid_to: date) -> frozenset[str | None]:
    """Let areas hold no longer from that day on; says the schemes they were coded in."""
    wanted = sorted({str(code) for code in codes})
    closed = (
        update(area)
        .where(area.c.code.in_(wanted), area.c.valid_from < valid_to)
        .where((area.c.valid_to.is_(None)) | (area.c.valid_to > valid_to))
        .values(valid_to=valid_to)
        .returning(area.c.code, area.c.scheme)
    )
    rows = session.execute(closed).all()
    missing = sorted(frozenset(wanted) - {code for code, _ in rows})
    if missing:
        raise Conflict("areas.not_in_force", codes=missing, day=valid_to.isoformat())
    return frozenset(scheme for _, scheme in rows)


def remove(session: Session, *, import_id: int) -> int:
    """Take back an import as if it had not been; the guard refuses while others build on it."""
    return len(session.execute(delete(area).where(area.c.import_id == import_id).returning(area.c.id)).all())


def check(session: Session) -> None:
    """Let the guard speak now rather than at commit."""
    with refusals():
        session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        session.execute(text("SET CONSTRAINTS ALL DEFERRED"))


def _rows(session: Session, asked: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in session.connection().exec_driver_sql(asked, values).mappings()]
