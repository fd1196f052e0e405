"""Coverage runs: kept for ever, never changed. Exact counts and households are personal; published figures are not."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import delete, insert, select, text

import data.areas
from data.copying import fetch, lay, put
from data.db import Session
from data.tables import area_level, coverage_area, coverage_household, coverage_published, coverage_run
from gis.errors import NotFound

#: What everybody may know about a run; `totals` and `seconds` are for those entitled to exact counts.
PUBLIC = ("kinds", "parameters", "manifest", "walknet_id", "as_of", "data_date", "synthetic", "created_at")
FIGURES = "elders, covered, uncovered, unknown, rate_low, rate_high"


def add(
    session: Session,
    run: Mapping[str, Any],
    *,
    areas: pd.DataFrame,
    published: pd.DataFrame,
    households: pd.DataFrame | Mapping[str, Any],
) -> int:
    """Keep a run and say its number. `run` has the columns of table coverage_run; the frames those of their tables.

    Arrays by kind in `households` (seconds, metres, facilities) are (n, kinds) arrays in the order of `run["kinds"]`;
    `facilities` are positions in `run["facility_ids"]` from 1 on, 0 where there is none.
    """
    run_id = int(session.execute(insert(coverage_run).values(dict(run)).returning(coverage_run.c.id)).scalar_one())
    lineage = data.areas.lineage(session, as_of=run["as_of"]).reindex(areas["code"]).fillna("")
    codes = {str(name): lineage[name].replace("", None) for name in lineage}
    rows = {
        coverage_area: _of(run_id, areas, coverage_area) | codes,
        coverage_published: _of(run_id, published, coverage_published),
        coverage_household: _of(run_id, households, coverage_household),
    }
    with ThreadPoolExecutor(1) as ahead:  # the server takes one table in while the next is laid out
        for load in ahead.map(lay, rows, rows.values()):
            put(session, load)
    return run_id


def _of(run_id: int, rows: pd.DataFrame | Mapping[str, Any], table: Any) -> dict[str, Any]:
    given = {str(name): values for name, values in rows.items() if name in table.c}
    for name in given.keys() & {"street_code", "community_code", "grid_code"}:
        given[name] = pd.Series(given[name], dtype=object).replace("", None)
    return {"run_id": np.full(len(next(iter(given.values()))), run_id)} | given


def get(session: Session, run_id: int, *, tried: bool | None = None) -> dict[str, Any]:
    """What everybody may know about one run; see `search` for `tried`."""
    found = search(session, run_id=run_id, tried=tried)
    if not found:
        raise NotFound("coverage.absent", run_id=run_id)
    return found[0]


def exact(session: Session, run_id: int) -> dict[str, Any]:
    """All that is kept about a run, exact totals included."""
    row = session.execute(select(coverage_run).where(coverage_run.c.id == run_id)).mappings().one_or_none()
    if row is None:
        raise NotFound("coverage.absent", run_id=run_id)
    return dict(row)


def search(
    session: Session,
    *,
    run_id: int | None = None,
    before: int | None = None,
    inputs_sha256: str | None = None,
    tried: bool | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Runs, the newest first; those before a run, or those of equal inputs.

    `tried`: only those that tried a scenario, or (False) only those of things as they are.
    """
    columns = [coverage_run.c[name] for name in PUBLIC]
    query = select(coverage_run.c.id.label("run_id"), *columns).order_by(coverage_run.c.id.desc()).limit(limit)
    for wanted in (
        None if run_id is None else coverage_run.c.id == run_id,
        None if before is None else coverage_run.c.id < before,
        None if inputs_sha256 is None else coverage_run.c.inputs_sha256 == inputs_sha256,
        None if tried is None else coverage_run.c.parameters.has_key("scenario") == tried,
    ):
        query = query if wanted is None else query.where(wanted)
    return [dict(row) for row in session.execute(query).mappings()]


def levels(session: Session, run_id: int) -> list[str]:
    """The levels a run was counted at, from the top down."""
    held = select(coverage_published.c.level).where(coverage_published.c.run_id == run_id).distinct()
    known = select(area_level.c.level).where(area_level.c.level.in_(held)).order_by(area_level.c.rank)
    return list(session.scalars(known))


def areas(session: Session, run_id: int, *, level: str | None = None, kind: str | None = None) -> pd.DataFrame:
    """Exact counts by area, kind and verdict, with the area's name: the columns of table coverage_area."""
    counts = ", ".join(f"counted.{column.name}" for column in coverage_area.c if column.name not in ("run_id", "code"))
    return _figures(session, "coverage_area", counts, run_id, level, kind)


def published(session: Session, run_id: int, *, level: str | None = None, kind: str | None = None) -> pd.DataFrame:
    """The figures everybody may see, with the area's name; missing is hidden, never zero."""
    columns = "counted.kind, counted.verdict, " + ", ".join(f"counted.{name}" for name in FIGURES.split(", "))
    return _figures(session, "coverage_published", columns, run_id, level, kind)


def _figures(
    session: Session, table: str, columns: str, run_id: int, level: str | None, kind: str | None
) -> pd.DataFrame:
    asked = f"""
        SELECT counted.code, coalesce(area.name, counted.code) AS name, {columns}
        FROM {table} AS counted JOIN coverage_run AS run ON run.id = counted.run_id
        LEFT JOIN area ON area.code = counted.code AND area.valid @> run.as_of
        WHERE counted.run_id = %(run_id)s AND (%(level)s IS NULL OR counted.level = %(level)s)
          AND (%(kind)s IS NULL OR counted.kind = %(kind)s)
        ORDER BY counted.code COLLATE "C", counted.kind, counted.verdict"""  # noqa: S608
    return fetch(session, asked, {"run_id": run_id, "level": level, "kind": kind})


def households(session: Session, run_id: int) -> pd.DataFrame:
    """One row per household and kind: seconds, metres, facility and the letters of its verdicts."""
    asked = """
        SELECT one.household_id, household.ref, run.kinds[at.kind] AS kind, one.profile,
               one.seconds[at.kind] AS seconds, one.metres[at.kind] AS metres,
               run.facility_ids[one.facilities[at.kind]] AS facility_id,
               substr(one.verdict_standard, at.kind, 1) AS verdict_standard,
               substr(one.verdict_personal, at.kind, 1) AS verdict_personal,
               substr(one.verdict_policy, at.kind, 1) AS verdict_policy,
               substr(one.verdict_to_home, at.kind, 1) AS verdict_to_home,
               one.snap_m, one.reason, coalesce(one.street_code, '') AS street_code,
               coalesce(one.community_code, '') AS community_code, coalesce(one.grid_code, '') AS grid_code
        FROM coverage_household AS one
        JOIN coverage_run AS run ON run.id = one.run_id
        CROSS JOIN LATERAL generate_subscripts(run.kinds, 1) AS at (kind)
        LEFT JOIN household ON household.id = one.household_id
        WHERE one.run_id = %(run_id)s
        ORDER BY one.household_id, at.kind"""
    return fetch(session, asked, {"run_id": run_id})


def letters(session: Session, run_id: int) -> pd.DataFrame:
    """One row per household of a run, in the order of their ids: id, its areas then, and its letters by rule."""
    asked = """
        SELECT household_id, verdict_standard, verdict_personal, verdict_policy, verdict_to_home,
               coalesce(street_code, '') AS street_code, coalesce(community_code, '') AS community_code,
               coalesce(grid_code, '') AS grid_code
        FROM coverage_household WHERE run_id = %(run_id)s ORDER BY household_id"""
    return fetch(session, asked, {"run_id": run_id})


def draw_secret(session: Session) -> bytes:
    """What decides which households count in published figures (`gis.disclosure.drawn`); only the owner may read it."""
    return bytes(session.execute(text("SELECT secret FROM wangge_private.disclosure_draw")).scalar_one())


def remove(session: Session, run_id: int) -> None:
    """Remove a run with all its rows, which no foreign key ties to it: see the tables."""
    if not session.execute(delete(coverage_run).where(coverage_run.c.id == run_id).returning(coverage_run.c.id)).all():
        raise NotFound("coverage.absent", run_id=run_id)
    for table in (coverage_area, coverage_published, coverage_household):
        session.execute(delete(table).where(table.c.run_id == run_id))
