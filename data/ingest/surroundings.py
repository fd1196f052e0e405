"""What the database knows of the place that a file is about: its areas of today, and the ground for the frame gate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

import data.areas
import data.ingest.stated
import data.walknet
import gis.areas
import gis.datumgate
from data.db import Session
from gis.errors import NotFound


@dataclass(frozen=True, eq=False)
class Surroundings:
    """The areas of today and the lines of the newest walking network, in WGS84."""

    areas: gpd.GeoDataFrame
    lines: npt.NDArray[np.object_]

    @cached_property
    def outline(self) -> Any:
        """Everything that the topmost areas cover; None where there are none."""
        top = self.areas[self.areas["parent_code"] == ""]
        return shapely.union_all(top.geometry.to_numpy()) if len(top) else None

    @cached_property
    def ground(self) -> gis.datumgate.Ground | None:
        return gis.datumgate.ground(outline=self.outline, lines=self.lines)

    def held(self, lon: npt.ArrayLike, lat: npt.ArrayLike) -> npt.NDArray[np.object_]:
        """(n,) the code of the smallest area that holds each point, dedicated grids apart; "" where none does."""
        found = np.full(np.shape(lon), "", dtype=object)
        for level in data.ingest.stated.LEVELS:
            of = self.areas[(self.areas["level"] == level) & (self.areas["grid_kind"] != "dedicated")]
            lost = found == ""
            if len(of) and lost.any():
                found[lost] = gis.areas.locate(np.asarray(lon)[lost], np.asarray(lat)[lost], of)
        return found


def of(session: Session) -> Surroundings:
    """The surroundings as they are kept today."""
    return Surroundings(data.areas.frame(session), _lines(session))


def _lines(session: Session) -> npt.NDArray[np.object_]:
    try:
        newest = data.walknet.describe(session)["id"]
    except NotFound:
        return np.empty(0, dtype=object)
    return np.asarray(data.walknet.lines(session, newest).geometry, dtype=object)
