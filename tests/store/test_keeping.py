"""What is added is what is read: networks, runs, staff and whatever stands on the map."""

from __future__ import annotations

from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from sqlalchemy import text

import data.areas
import data.coverage
import data.facilities
import data.imports
import data.population
import data.users
import data.walknet
import gis.walknet
from gis.errors import NotFound
from worlds.squares import DAY, SOUTH, WEST, box, found

pytestmark = pytest.mark.database


def batch(session, what: str = "households") -> int:
    return data.imports.add(
        session, what=what, file_name="户.csv", sha256="0" * 64, datum="gcj02", rows_kept=2, synthetic=True
    )


def homes(**more: object) -> gpd.GeoDataFrame:
    """Two households, one of them without a place."""
    columns = {"ref": ["甲", "乙"], "elders": [1, 2], "elders_homebound": [0, 2], "mobility": ["cane", "homebound"],
               "in_institution": [False, True], "grid_code": ["A00", ""], "synthetic": True, **more}  # fmt: skip
    return gpd.GeoDataFrame(columns, geometry=[shapely.Point(WEST + 0.002, SOUTH + 0.001), None], crs=4326)


def test_households_come_back_with_what_is_missing_still_missing(session):
    given = homes(floor=pd.array([3, None], dtype="Int64"), lift=pd.array([None, True], dtype="boolean"),
                  living_alone=[True, None], community_code=["A0", ""], lon_sent=[113.2, np.nan])  # fmt: skip
    import_id = batch(session)
    assert data.population.add(session, given, import_id=import_id) == 2
    kept = data.population.frame(session)
    for name in ("ref", "elders", "elders_homebound", "mobility", "in_institution", "grid_code", "community_code"):
        assert kept[name].tolist() == given[name].tolist()
    assert kept["floor"].tolist() == [3, pd.NA]
    assert kept["lift"].tolist() == [pd.NA, True]
    assert kept["age_max"].isna().all()
    assert kept.geometry.iloc[0].equals(given.geometry.iloc[0])
    assert kept.geometry.iloc[1] is None
    assert data.population.count(session) == {"households": 2, "elders": 3}
    assert data.population.remove(session, import_id=import_id) == 2


@pytest.mark.parametrize(
    ("area", "refs"), [("A", ["甲"]), ("A0", ["甲"]), ("A00", ["甲"]), ("D", ["甲"]), ("B", []), ("A01", [])]
)
def test_the_households_of_an_area_are_those_of_all_areas_below_it(session, area, refs):
    found(session)
    data.population.add(session, homes())
    assert data.population.frame(session, area=area)["ref"].tolist() == refs


def test_facilities_are_found_by_state_and_kind(session):
    rows = {"id": ["c", "b", "a"], "name": "", "kind": ["clinic", "canteen", "canteen"], "capacity": [None, 30, None],
            "delivery_mode": "one_stop", "status": ["open", "open", "planned"], "synthetic": True}  # fmt: skip
    places = [shapely.Point(WEST + at / 1000, SOUTH) for at in range(3)]
    data.facilities.add(session, gpd.GeoDataFrame(rows, geometry=places, crs=4326))
    assert data.facilities.frame(session)["id"].tolist() == ["b", "c"]
    assert data.facilities.frame(session, status=None, kinds=["canteen"])["id"].tolist() == ["a", "b"]
    assert data.facilities.frame(session)["capacity"].tolist() == [30, pd.NA]
    data.facilities.set(session, "b", version=1, status="closed", geometry=shapely.Point(WEST, SOUTH + 0.1))
    moved = data.facilities.get(session, "b")
    assert (moved["status"], moved["lon"], moved["lat"]) == ("closed", WEST, SOUTH + 0.1)
    with pytest.raises(NotFound, match=r"facilities\.absent"):
        data.facilities.get(session, "nobody")


def test_the_circle_asks_for_what_elders_walk_to_themselves(session):
    kinds = data.facilities.kinds(session).set_index("code")["required"]
    assert kinds[kinds].index.tolist() == ["canteen", "day_care", "clinic", "activity"]
    assert kinds[~kinds].index.tolist() == ["family_centre", "care_home"]


def network() -> tuple[pd.DataFrame, gpd.GeoDataFrame]:
    """Three corners; one way with a bend, one with steps."""
    nodes = pd.DataFrame({"lon": [WEST, WEST + 0.001, WEST + 0.002], "lat": [SOUTH, SOUTH, SOUTH + 0.001]})
    bend = shapely.LineString([(WEST, SOUTH), (WEST + 0.0005, SOUTH + 0.0003), (WEST + 0.001, SOUTH)])
    stair = shapely.LineString([(WEST + 0.001, SOUTH), (WEST + 0.002, SOUTH + 0.001)])
    edges = {
        "u": [0, 1], "v": [1, 2], "metres": [121.5, 150.25], "oneway": [0, 1], "steps": [0, -1], "signals": [0.5, 0],
        "lift": [False, True], "bridge": [True, False], "tunnel": False, "wheelchair": ["yes", "unknown"],
        "highway": ["footway", "steps"], "name": ["恩宁路", None], "osm_way_id": [7, None],
    }  # fmt: skip
    return nodes, gpd.GeoDataFrame(edges, geometry=[bend, stair], crs=4326)


def kept_network(session) -> int:
    nodes, edges = network()
    return data.walknet.add(session, nodes, edges, srid=4547, sha256="x", synthetic=True, stats={"ways": 2})


def test_a_walking_network_comes_back_to_the_last_bit(session):
    """Its digest covers every array of it."""
    walknet_id = kept_network(session)
    nodes, edges = network()
    given = gis.walknet.from_frames(nodes, edges, srid=4547)
    kept = data.walknet.get(session, walknet_id)
    assert kept.sha256 == given.sha256
    about = data.walknet.describe(session)
    assert (about["id"], about["nodes"], about["edges"], about["metres"]) == (walknet_id, 3, 2, 271.75)
    assert data.walknet.lines(session, walknet_id)["name"].isna().tolist() == [False, True]


def test_the_newest_network_is_the_one_that_is_used(session):
    kept_network(session)
    newer = kept_network(session)
    assert data.walknet.describe(session)["id"] == newer


def test_a_run_is_kept_with_its_three_tables_and_found_again(session):
    found(session)
    data.population.add(session, homes())
    home = data.population.frame(session)["id"].iloc[0]
    run = {"kinds": ["canteen", "clinic"], "facility_ids": ["a", "c"], "parameters": {"minutes": 10},
           "manifest": {"walknet": "x"}, "inputs_sha256": "y", "seconds": {}, "totals": {},
           "walknet_id": kept_network(session), "as_of": date(2026, 1, 1), "data_date": None,
           "synthetic": True}  # fmt: skip
    about = {
        "kind": "clinic",
        "verdict": "standard",
        "households": 1,
        "covered": 1,
        "uncovered": 0,
        "unknown": 0,
        "elders": 1,
    }
    areas = pd.DataFrame([{"level": "grid", "code": "A00", **about}, {"level": "street", "code": "A", **about}])
    published = pd.DataFrame({"level": ["street"], "kind": "clinic", "verdict": "standard", "code": "A",
                              "elders": pd.array([60]), "covered": pd.array([None], dtype="Int64"),
                              "rate_low": 0.8, "rate_high": 1.0})  # fmt: skip
    verdicts = {"household_id": [home], "profile": ["standard"], "snap_m": [3.5], "reason": [""],
                "seconds": np.array([[100.0, np.inf]]), "metres": np.array([[90.0, np.inf]]),
                "facilities": np.array([[2, 0]]), "verdict_standard": ["cu"], "verdict_personal": ["cu"],
                "grid_code": ["A00"], "community_code": ["A0"], "street_code": [""]}  # fmt: skip
    run_id = data.coverage.add(session, run, areas=areas, published=published, households=verdicts)
    assert data.coverage.search(session)[0]["run_id"] == run_id
    assert data.coverage.get(session, run_id)["parameters"] == {"minutes": 10}
    exact = data.coverage.areas(session, run_id, level="grid")
    assert exact[["code", "street_code", "community_code", "grid_code"]].to_numpy().tolist() == [
        ["A00", "A", "A0", "A00"]
    ]
    shown = data.coverage.published(session, run_id).iloc[0]
    assert (shown["name"], shown["elders"], shown["covered"], shown["rate_low"]) == ("A", 60, pd.NA, pytest.approx(0.8))
    rows = data.coverage.households(session, run_id)
    assert rows[["ref", "kind", "verdict_standard"]].to_numpy().tolist() == [
        ["甲", "canteen", "c"],
        ["甲", "clinic", "u"],
    ]
    assert rows["seconds"].tolist() == [100.0, np.inf]
    assert rows["facility_id"].fillna("").tolist() == ["c", ""]
    kept = data.coverage.add(session, run, areas=areas, published=published, households=verdicts)
    data.coverage.remove(session, run_id)
    for table in ("coverage_area", "coverage_published", "coverage_household"):
        assert session.scalars(text(f"SELECT DISTINCT run_id FROM {table}")).all() == [kept]
    with pytest.raises(NotFound, match=r"coverage\.absent"):
        data.coverage.get(session, run_id)


def test_areas_are_searched_by_level_place_and_what_is_above_them_page_by_page(session):
    found(session)
    codes = [row["code"] for row in data.areas.search(session, within="A", level="grid", limit=2)]
    assert codes == ["A00", "A01"]
    assert [row["code"] for row in data.areas.search(session, within="A", level="grid", after="A01")] == ["A10", "A11"]
    west = (WEST + 0.001, SOUTH + 0.001, WEST + 0.002, SOUTH + 0.002)
    assert [row["code"] for row in data.areas.search(session, bbox=west)] == ["A", "A0", "A00", "D"]
    assert data.areas.search(session, as_of=date(2019, 12, 31)) == []
    outline = shapely.geometry.shape(data.areas.get(session, "A00")["geometry"])
    assert shapely.hausdorff_distance(outline, box(0, 0, 1, 0.5)) < 1e-7
    with pytest.raises(NotFound, match=r"areas\.absent"):
        data.areas.get(session, "A00", as_of=date(2019, 12, 31))


def test_a_place_on_the_corner_of_four_grids_is_held_by_the_smallest_code_and_what_is_above_it(session):
    """A01, A10, B01 and B10 meet at (1, 1); A01 lies in A0 and A."""
    found(session)
    assert data.areas.holding(session, WEST + 0.01, SOUTH + 0.01) == {
        "grid": "A01", "community": "A0", "street": "A", "district": "D",
    }  # fmt: skip
    assert data.areas.holding(session, WEST - 0.01, SOUTH) == {}


def test_staff_are_added_with_their_places_and_found_by_their_days(session):
    found(session)
    columns = ["login", "name", "role", "area_code", "duty"]
    rows = [
        ("x", "王", "street", "A", "网格长"),
        ("x", "王", "community", "B1", None),
        ("y", "李", "inspector", "A01", None),
    ]
    staff = pd.DataFrame(rows, columns=columns)
    assert data.users.add_frame(session, staff, valid_from=DAY, synthetic=True) == 3
    user = data.users.find(session, "x")
    assert (user["name"], user["street_code"], "password_hash" in user) == ("王", "A", False)
    held = data.users.assignments(session, user_id=user["id"], as_of=DAY)
    assert held[["role", "area_code"]].to_numpy().tolist() == [["street", "A"], ["community", "B1"]]
    data.users.release(session, int(held["id"].iloc[0]), valid_to=date(2021, 1, 1))
    assert data.users.roles(session, user["id"], as_of=date(2020, 12, 31)) == ["community", "street"]
    assert data.users.roles(session, user["id"], as_of=date(2021, 1, 1)) == ["community"]
    assert data.users.find(session, "nobody") is None
