"""Areas from a map file, or from a table with WKT: one level at a time, each code once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from sqlalchemy import delete

import data.ingest.parsers as parsers
import gis.crs
from data.db import Session
from data.ingest.columns import Column, Door, Rows, words
from data.ingest.files import Table
from data.ingest.places import Frame, polygons
from data.tables import area
from gis.errors import Invalid

_KINDS = {
    "basic": ("basic", "基础网格", "基础", "综合网格", "社区网格"),
    "dedicated": ("dedicated", "专属网格", "专属", "专业网格"),
}
_CODES = (
    "编码", "代码", "编号", "区划代码", "行政区划代码", "网格编码", "网格编号", "社区编码", "社区代码",
    "街道编码", "街道代码", "adcode",
)  # fmt: skip

DOOR = Door(
    "areas",
    (
        Column("code", parsers.code(), _CODES, required=True, filled=True),
        Column("name", parsers.text(longest=200), ("名称", "区划名称", "网格名称", "社区名称", "街道名称"),
               required=True, filled=True),
        Column("parent_code", parsers.code(), ("上级编码", "上级代码", "上级", "所属上级", "parent", "parentcode")),
        Column("grid_kind", parsers.choice(words(_KINDS)), ("网格类型", "网格类别", "类型")),
        Column("outline", parsers.outline(), ("范围", "边界", "wkt", "geometry", "geom", "the_geom"), required=True),
    ),
    key="code",
)  # fmt: skip


def shapes(rows: Rows, table: Table) -> npt.NDArray[np.object_]:
    """(n,) the outlines as sent, sound polygons or None; each unsound one becomes a fault."""
    sent = rows.frame["outline"].to_numpy(dtype=object) if table.shapes is None else table.shapes
    return polygons(rows, sent)


def frame(rows: Rows, sent: npt.NDArray[np.object_], *, level: str, declared: Frame) -> gpd.GeoDataFrame:
    """`gis.frames.AREAS` in WGS84; a grid of no stated kind is a basic one. Faults where a place is impossible."""
    degrees = _bounded(rows, declared.degree_shapes(sent), declared)
    empty = pd.Series("", index=rows.frame.index, dtype="str")
    kind = rows.frame.get("grid_kind", empty).fillna("").replace("", "basic") if level == "grid" else empty
    columns = {
        "code": rows.frame["code"],
        "level": level,
        "name": rows.frame["name"],
        "grid_kind": kind,
        "parent_code": rows.frame.get("parent_code", empty).fillna(""),
    }
    places = gis.crs.shapes_to_wgs84(degrees, declared.datum)
    return gpd.GeoDataFrame(columns, geometry=places, crs="EPSG:4326")


def _bounded(rows: Rows, degrees: npt.NDArray[np.object_], declared: Frame) -> npt.NDArray[np.object_]:
    """Without the shapes that lie beyond the bounds of longitude and latitude, or nowhere."""
    west, south, east, north = shapely.bounds(degrees).T
    there = ~shapely.is_missing(degrees)
    coordinates, owner = shapely.get_coordinates(degrees, return_index=True)
    nowhere = np.isin(np.arange(len(degrees)), owner[~np.isfinite(coordinates).all(axis=1)])
    with np.errstate(invalid="ignore"):
        within = (west >= -180) & (east <= 180) & (south >= -90) & (north <= 90) & ~nowhere
        swapped = there & ~within & (west >= -90) & (east <= 90) & (south >= -180) & (north <= 180)
    rows.blame(swapped, None, "place.swapped")
    rows.blame(there & ~within & ~swapped, None, "place.bounds", crs=declared.name)
    kept = degrees.copy()
    kept[~within] = None
    return kept


def require_level(level: str | None, levels: list[str]) -> str:
    """The level asked for, which must be one that there is."""
    if level not in levels:
        raise Invalid("imports.level", level=level or "–", levels=levels)
    return level


def withdraw(session: Session, codes: Iterable[str], *, day: date) -> None:
    """Take back the versions of these areas that began on that day, as if they had not been."""
    session.execute(delete(area).where(area.c.code.in_(sorted(codes)), area.c.valid_from == day))
