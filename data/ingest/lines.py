"""A walking network from lines in a map file, whose columns are tags as OpenStreetMap spells them.

Lines join where they share a vertex, as OpenStreetMap's ways do: vertices within a centimetre are one. A line without
`highway` is taken for a footway; a file without that column is one of footways.
"""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

import gis.crs
import gis.walktags
import gis.walkways
from data.ingest.columns import Rows
from data.ingest.files import Table
from data.ingest.places import Frame
from gis.errors import BadRows, Invalid

_IDS = ("osm_way_id", "osm_id", "way_id")
_LINES = (shapely.GeometryType.LINESTRING, shapely.GeometryType.MULTILINESTRING)


def network(table: Table, *, declared: Frame, clip: Any = None) -> gis.walkways.Network:
    """The network of the lines; a row that is no line refuses the file, naming every such row."""
    shapes, owner = _lines(table, declared)
    tags = _tags(table.texts).assign(osm_way_id=_ids(table.texts)).iloc[owner]
    net = gis.walkways.from_lines(gpd.GeoDataFrame(tags, geometry=shapes, crs=4326), clip=clip)
    if len(net.edges) == 0:
        raise Invalid("imports.no_ways", file=table.name, lines=len(shapes))
    return net


def _lines(table: Table, declared: Frame) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.intp]]:
    """Single lines in WGS84, and the row of each."""
    if table.shapes is None:
        raise Invalid("imports.no_lines", file=table.name)
    rows = Rows(pd.DataFrame(index=table.texts.index), table.rows, {}, frozenset(), (), table.texts)
    kinds = shapely.get_type_id(table.shapes)
    rows.blame(~np.isin(kinds, _LINES), None, "shape.not_line")
    finite = np.isfinite(shapely.get_coordinates(table.shapes)).all(axis=1)
    if not finite.all():
        owner = shapely.get_coordinates(table.shapes, return_index=True)[1]
        rows.blame(np.isin(np.arange(len(kinds)), owner[~finite]), None, "shape.not_finite")
    if rows.faults:
        raise BadRows("imports.bad_rows", rows.faults, file=table.name, rows=len(kinds))
    parts, owner = shapely.get_parts(shapely.force_2d(table.shapes), return_index=True)
    return gis.crs.shapes_to_wgs84(declared.degree_shapes(parts), declared.datum), owner


def _tags(texts: pd.DataFrame) -> pd.DataFrame:
    tags = pd.DataFrame({key: texts[key].astype(object) for key in gis.walktags.WAY_KEYS if key in texts})
    tags = tags.where(tags.notna(), None)
    highway = tags["highway"] if "highway" in tags else pd.Series(None, index=texts.index, dtype=object)
    other = tags[[key for key in ("place", "route", "railway", "public_transport") if key in tags]].notna().any(axis=1)
    return tags.assign(highway=highway.mask(highway.isna() & ~other, "footway"))


def _ids(texts: pd.DataFrame) -> npt.NDArray[np.int64]:
    """The ways' own numbers where a column has them all, else the number of the row."""
    for name in _IDS:
        if name in texts:
            numbers = pd.to_numeric(texts[name], errors="coerce")
            if numbers.notna().all():
                return numbers.to_numpy(dtype=np.int64)
    return np.arange(1, len(texts) + 1, dtype=np.int64)
