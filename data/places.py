"""What households, facilities and reports have in common: a point, the pair as sent, and the codes of its areas."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from sqlalchemy import ColumnElement, Table, or_

import data.areas
from data.db import Session

CODES = ("street_code", "community_code", "grid_code")
RELINK = (Path(__file__).parent / "sql" / "places_relink.sql").read_text("utf-8")


def located(table: pd.DataFrame) -> gpd.GeoDataFrame:
    """A table with lon and lat as a frame of points; without coordinates the point is None."""
    lon, lat = (table.pop(name).to_numpy(float, na_value=np.nan) for name in ("lon", "lat"))
    points = np.asarray(shapely.points(lon, lat), dtype=object)
    points[np.isnan(lon)] = None
    return gpd.GeoDataFrame(table, geometry=points, crs=4326)


def rows(frame: gpd.GeoDataFrame, table: Table, *, import_id: int | None) -> dict[str, Any]:
    """The columns of the frame that the table has, as it names them; "" in a code means none."""
    known = {column.name for column in table.c if column.identity is None}
    made: dict[str, Any] = {name: frame[name] for name in frame.columns if name in known}
    made |= {name: frame[name].replace("", None) for name in CODES if name in frame}
    made |= {"geom": np.asarray(frame.geometry, dtype=object)}
    return made if import_id is None else made | {"import_id": np.full(len(frame), import_id)}


def lies_within(session: Session, table: Table, code: str) -> ColumnElement[bool]:
    """Whether a row lies in an area of any level, as it holds today."""
    values = {"within": code, "day": data.areas.today(session)}
    here = session.connection().exec_driver_sql(data.areas.SUBTREE, values).scalars().all()
    return or_(*(table.c[name].in_(here) for name in CODES))


def relink(session: Session, table: Table, *, within: Iterable[str] | None = None, as_of: date | None = None) -> int:
    """Ask again which areas hold each point; says how many rows changed. Reports keep the areas of their day."""
    codes = None if within is None else sorted(within)
    values = {"day": as_of or data.areas.today(session), "codes": codes}
    changed = session.connection().exec_driver_sql(RELINK.replace("{table}", table.name), values)
    return changed.rowcount
