"""A district at its real size, all of it made up: 22 streets, 201 communities, 2,000 grids, and what happens in them.

Streets are runs of communities, communities runs of grids, grids the squares of a raster read to and fro: so every
area is in one piece, and each level covers the one above it. One street has a fifth of the reports.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from sqlalchemy import text

import data.areas
import data.users
from data.copying import PLAIN_INDEXES
from data.db import Session

DAY = date(2020, 1, 1)
STREETS, COMMUNITIES, GRIDS = 22, 201, 2_000
#: Liwan's bounding box, roughly; squares of 200 m x 330 m.
WEST, SOUTH, COLUMNS, WIDTH, HEIGHT = 113.17, 23.04, 50, 0.002, 0.003
DISTRICT = "440103"
FILL = (Path(__file__).parent / "district.sql").read_text("utf-8")
FILLED = ("household", "facility", "report", "report_event", "report_published", "change")


@dataclass(frozen=True)
class Size:
    """How many of what."""

    reports: int = 1_000_000
    households: int = 200_000
    facilities: int = 504


def cells() -> pd.DataFrame:
    """One row for each grid: the corner of its square and its codes; street 1 is the busy one."""
    n = np.arange(GRIDS)
    row, along = np.divmod(n, COLUMNS)
    column = np.where(row % 2 == 0, along, COLUMNS - 1 - along)
    community = n * COMMUNITIES // GRIDS
    street = community * STREETS // COMMUNITIES
    made = pd.DataFrame({"row": row, "column": column, "n": n, "community": community, "street": street})
    made["street_code"] = DISTRICT + made["street"].add(1).map("{:03d}".format)
    made["community_code"] = made["street_code"] + made["community"].map("{:03d}".format)
    made["grid_code"] = made["community_code"] + made["n"].map("{:04d}".format)
    return made


def areas(made: pd.DataFrame) -> gpd.GeoDataFrame:
    """The areas of every level (gis.frames.AREAS)."""
    sides = [WEST + made["column"] * WIDTH, SOUTH + made["row"] * HEIGHT]
    sides += [WEST + (made["column"] + 1) * WIDTH, SOUTH + (made["row"] + 1) * HEIGHT]
    squares = np.asarray(shapely.box(*sides))
    levels = {"district": DISTRICT, "street": "street_code", "community": "community_code", "grid": "grid_code"}
    rows, above = [], ""
    for level, column in levels.items():
        codes = pd.Series(DISTRICT, made.index) if level == "district" else made[column]
        parent = made.get(above, pd.Series("" if level == "district" else DISTRICT, made.index))
        for code, members in made.groupby(codes).groups.items():
            rows.append((level, code, parent[members[0]], shapely.union_all(squares[members])))
        above = column
    frame = gpd.GeoDataFrame(rows, columns=["level", "code", "parent_code", "geometry"], geometry="geometry", crs=4326)
    kinds = np.where(frame["level"] == "grid", "basic", "")
    return frame.assign(name=frame["code"], grid_kind=kinds)


def staff(made: pd.DataFrame) -> pd.DataFrame:
    """An inspector for every grid, and one person of every role in the busy street; `inspector` has three grids."""
    walkers = pd.DataFrame(
        {"login": made["n"].map("i{:04d}".format), "role": "inspector", "area_code": made["grid_code"]}
    )
    first = made.iloc[0]
    places = {"inspector": list(made["grid_code"][:3]), "community": [first["community_code"]]}
    places |= {role: [first["street_code"]] for role in ("street", "partner")}
    places |= {role: [DISTRICT] for role in ("planner", "auditor", "admin")}
    known = [(role, role, code) for role, codes in places.items() for code in codes]
    everybody = pd.concat([walkers, pd.DataFrame(known, columns=["login", "role", "area_code"])], ignore_index=True)
    return everybody.assign(name="虚构 " + everybody["login"])


def found(session: Session, size: Size) -> None:
    """Fill an empty database; figures of tables and plans are those of a database in use after `VACUUM ANALYZE`."""
    made = cells()
    data.areas.add(session, areas(made), valid_from=DAY, synthetic=True)
    data.areas.check(session)
    data.users.add_frame(session, staff(made), valid_from=DAY, synthetic=True)
    with unindexed(session):
        for statement in filter(str.strip, FILL.split(";\n")):
            asked = text(statement)
            session.execute(asked, {name: vars(size)[name] for name in asked.compile().params})


@contextmanager
def unindexed(session: Session) -> Iterator[None]:
    """Without triggers, foreign keys and plain indexes, which are made again afterwards."""
    session.execute(text("SET LOCAL session_replication_role = replica"))
    known = []
    for table in FILLED:
        known += session.connection().exec_driver_sql(PLAIN_INDEXES, {"table": table}).all()
    for name, _ in known:
        session.execute(text(f"DROP INDEX {name}"))
    yield
    session.execute(text("SET LOCAL maintenance_work_mem = '1GB'"))
    for _, definition in known:
        session.execute(text(definition))
    session.execute(text("SET LOCAL session_replication_role = origin"))
