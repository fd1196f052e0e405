"""Candidate places for siting from a table or a map file: id, name and a point, and where known what opening one costs
and how many places it would have; read by the same engine as imports."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

import data.ingest.columns
import data.ingest.files
import data.ingest.parsers as parsers
import data.ingest.places
from data.ingest.columns import Column, Door
from gis.errors import BadRows

DOOR = Door(
    "candidates",
    (
        Column("id", parsers.code(), ("编号", "编码", "序号"), required=True, filled=True),
        Column("name", parsers.text(longest=200), ("名称", "地点", "房屋"), required=True, filled=True),
        Column("lon", parsers.degrees(), ("经度", "lng", "long", "longitude", "x", "东经"), required=True),
        Column("lat", parsers.degrees(), ("纬度", "latitude", "y", "北纬"), required=True),
        Column("cost", parsers.number(least=0, most=1e12, units="元"), ("费用", "造价", "投入")),
        Column("capacity", parsers.whole(least=0, most=1_000_000, units="人|床|张|位|座|个"), ("容量", "名额", "座位")),
    ),
    key="id",
)


def read(path: Path, *, datum: str | None = None, epsg: int | None = None) -> gpd.GeoDataFrame:
    """Columns id, name, cost, capacity (NaN where nothing is said) and geometry (EPSG:4326).

    Every bad row is named, and then none is taken.
    """
    table = data.ingest.files.read(path, known=DOOR.known)
    rows = data.ingest.columns.read(table, DOOR)
    declared = data.ingest.places.frame(table, datum=datum, epsg=epsg)
    points = data.ingest.places.points(rows, table, declared=declared)
    if rows.faults:
        raise BadRows("imports.bad_rows", rows.faults, file=table.name, rows=rows.total())
    names = {column: data.ingest.columns.texts(rows.frame, column) for column in ("id", "name")}
    empty = pd.Series(np.nan, index=rows.frame.index)
    numbers = {name: rows.frame.get(name, empty).to_numpy(float, na_value=np.nan) for name in ("cost", "capacity")}
    return gpd.GeoDataFrame({**names, **numbers}, geometry=points.shapes(), crs=4326)
