"""Squares of land small enough to check by hand: one degree hundredth is about 1 km here."""

from __future__ import annotations

from datetime import date

import geopandas as gpd
import shapely

import data.areas
from data.db import Session

DAY = date(2020, 1, 1)
#: The corner of the town, in Liwan.
WEST, SOUTH = 113.20, 23.10
RANKS = {"district": 10, "street": 20, "community": 30, "section": 35, "grid": 40, "building": 50}


def box(x0: float, y0: float, x1: float, y1: float) -> shapely.Polygon:
    """A rectangle in hundredths of a degree from the corner of the town."""
    return shapely.box(WEST + x0 / 100, SOUTH + y0 / 100, WEST + x1 / 100, SOUTH + y1 / 100)


def areas(*rows: tuple[str, str, str, object], kind: str = "basic") -> gpd.GeoDataFrame:
    """Areas from (code, level, parent code, shape); grids are of the `kind`."""
    code, level, parent, shapes = ([row[at] for row in rows] for at in range(4))
    kinds = [kind if one == "grid" else "" for one in level]
    columns = {"code": code, "level": level, "name": code, "grid_kind": kinds, "parent_code": parent}
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=4326)


#: District D of two streets, each 1 x 2; each street has two communities, each of those two grids of 1 x 0.5.
STREETS = (("A", 0), ("B", 1))


def town() -> gpd.GeoDataFrame:
    rows = [("D", "district", "", box(0, 0, 2, 2))]
    for street, x in STREETS:
        rows.append((street, "street", "D", box(x, 0, x + 1, 2)))
        for community in range(2):
            rows.append((f"{street}{community}", "community", street, box(x, community, x + 1, community + 1)))
            for grid in range(2):
                low = community + grid / 2
                rows.append(
                    (f"{street}{community}{grid}", "grid", f"{street}{community}", box(x, low, x + 1, low + 0.5))
                )
    return areas(*rows)


def found(session: Session) -> None:
    """The whole town, in force from DAY."""
    data.areas.add(session, town(), valid_from=DAY, synthetic=True)
    data.areas.check(session)
