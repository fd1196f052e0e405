"""What is drawn under a map and never counted: water and greens."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

from data.copying import fetch
from data.db import Session, copy
from data.tables import basemap


def frame(session: Session, *, what: str) -> gpd.GeoDataFrame | None:
    """The faces and lines of one sort (`water` or `green`), None where there are none."""
    asked = "SELECT name, ST_AsHEXEWKB(geom) AS geometry FROM basemap WHERE what = %(what)s ORDER BY id"
    table = fetch(session, asked, {"what": what})
    if table.empty:
        return None
    return gpd.GeoDataFrame(table, geometry=shapely.from_wkb(table.pop("geometry").to_numpy(object)), crs=4326)


def add(session: Session, frame: gpd.GeoDataFrame, *, what: str, synthetic: bool, import_id: int | None = None) -> int:
    """Add faces or lines, and say how many."""
    names = frame["name"] if "name" in frame else [None] * len(frame)
    count = len(frame)
    rows = {
        "what": [what] * count,
        "name": names,
        "geom": np.asarray(frame.geometry, dtype=object),
        "synthetic": [synthetic] * count,
        "import_id": [import_id] * count,
    }
    return copy(session, basemap, rows)
