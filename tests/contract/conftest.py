"""The real application on a small town: two streets, one straight lane, one canteen, eighty elders."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from sqlalchemy import text
from starlette.testclient import TestClient

import api.actions.coverage
import data.db
import data.facilities
import data.imports
import data.population
import data.walknet
import gis.crs
from api.app import create_app
from api.settings import Settings
from contract.people import as_, client, people, town
from worlds import drawn, squares

__all__ = ["as_", "client", "people", "town"]  # fixtures of everybody's

TODAY = date(2026, 1, 1)
#: Hundredths of a degree along the lane that runs east through the southern grids of both streets.
LANE_Y = 0.25
CANTEEN_X, NEAR_X, FAR_X = 0.5, 0.4, 1.8


def place(x: float) -> shapely.Point:
    return shapely.Point(squares.WEST + x / 100, squares.SOUTH + LANE_Y / 100)


def lane() -> tuple[pd.DataFrame, gpd.GeoDataFrame]:
    """One edge from the western to the eastern border, 2.05 km."""
    ends = [place(0.0), place(2.0)]
    line = shapely.LineString(ends)
    metres = gis.crs.Metric(4547).forward_shapes(np.array([line]))[0].length
    nodes = pd.DataFrame({"lon": [end.x for end in ends], "lat": [end.y for end in ends]})
    columns = {"u": [0], "v": [1], "metres": [metres], "oneway": [0], "steps": [0], "signals": [0.0], "lift": [False],
               "bridge": [False], "tunnel": [False], "wheelchair": ["yes"], "highway": ["footway"], "name": [None],
               "osm_way_id": [None]}  # fmt: skip
    return nodes, gpd.GeoDataFrame(columns, geometry=[line], crs=4326)


def homes() -> gpd.GeoDataFrame:
    """Forty homes of one elder 100 m from the canteen in street A, forty 1.3 km from it in street B."""
    west = pd.DataFrame({"ref": [f"near-{n}" for n in range(40)], "grid_code": "A00", "community_code": "A0",
                         "street_code": "A"})  # fmt: skip
    east = pd.DataFrame({"ref": [f"far-{n}" for n in range(40)], "grid_code": "B00", "community_code": "B0",
                         "street_code": "B"})  # fmt: skip
    both = pd.concat([west, east], ignore_index=True).assign(
        elders=1, elders_homebound=0, elders_80=0, elders_disabled=0, age_max=70, living_alone=False,
        mobility="independent", in_institution=False, floor=1, lift=False, consent=True, address=None, synthetic=True,
    )  # fmt: skip
    return gpd.GeoDataFrame(both, geometry=[place(NEAR_X)] * 40 + [place(FAR_X)] * 40, crs=4326)


def canteen() -> gpd.GeoDataFrame:
    columns = {"id": ["F-1"], "name": ["饭堂"], "kind": ["canteen"], "capacity": [60], "delivery_mode": ["one_stop"],
               "status": ["open"], "street_code": ["A"], "community_code": ["A0"], "grid_code": ["A00"],
               "synthetic": [True]}  # fmt: skip
    return gpd.GeoDataFrame(columns, geometry=[place(CANTEEN_X)], crs=4326)


def settle(session: data.db.Session) -> int:
    """The town and one run over it; the number of the run."""
    squares.found(session)
    return furnish(session)


def furnish(session: data.db.Session, living: gpd.GeoDataFrame | None = None) -> int:
    """A lane, a canteen, homes and one run over them, in a town that has areas; the number of the run."""
    living = homes() if living is None else living
    batch = data.imports.add(session, what="households", file_name="town", sha256="", datum="wgs84",
                             rows_kept=len(living),
                             synthetic=True, attribution="© 合成小镇", facts={"data_date": "2025-12-31"})  # fmt: skip
    nodes, edges = lane()
    data.walknet.add(session, nodes, edges, srid=4547, sha256="", synthetic=True, stats={}, import_id=batch)
    data.facilities.add(session, canteen(), import_id=batch)
    data.population.add(session, living, import_id=batch)
    session.execute(text("UPDATE wangge_private.disclosure_draw SET secret = :known"), {"known": drawn.SECRET})
    return api.actions.coverage.run(session, api.actions.coverage.Question(("canteen",)), today=TODAY)["run_id"]


@pytest.fixture(scope="module")
def planned(town: data.db.Engine) -> int:
    """The town of people with the lane, the canteen and the homes; the number of the run."""
    with data.db.transaction(town) as session:
        return furnish(session)


@pytest.fixture(scope="module")
def run_id(database_url: str) -> int:
    engine = data.db.engine(database_url)
    with data.db.transaction(engine) as session:
        made = settle(session)
    engine.dispose()
    return made


@pytest.fixture(scope="module")
def server(database_url: str, run_id: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    home: Path = tmp_path_factory.mktemp("home")
    with TestClient(create_app(Settings(home=home, database_url=database_url)), raise_server_exceptions=False) as made:
        yield made
