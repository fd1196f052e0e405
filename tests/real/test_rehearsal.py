"""A whole real country, from its OpenStreetMap extract to coverage: nothing here was made by us but the canteens."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely

import data.ingest.osm
import gis.coverage
import gis.frames
import gis.walknet
import gis.walkways
from gis.coverage import Request
from worlds import agreement, uncut

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def extract(shared_data: Path) -> Path:
    return shared_data / "rehearsal" / "liechtenstein.osm.pbf"


@pytest.fixture(scope="module")
def net(extract: Path) -> gis.walkways.Network:
    return data.ingest.osm.walknet(extract)


@pytest.fixture(scope="module")
def walknet(net: gis.walkways.Network) -> gis.walknet.WalkNet:
    return gis.walknet.from_frames(net.nodes, net.edges, srid=net.srid)


@pytest.fixture(scope="module")
def streets(extract: Path) -> dict:
    return uncut.streets(extract)


@pytest.fixture(scope="module")
def land(extract: Path) -> gpd.GeoDataFrame:
    return data.ingest.osm.boundaries(extract, admin_level=2, level="district", within="Liechtenstein").frame


@pytest.fixture(scope="module")
def homes(extract: Path) -> gpd.GeoDataFrame:
    return data.ingest.osm.buildings(extract).frame


def test_4639_ways_are_walked_besides_seven_platforms(net: gis.walkways.Network, streets: dict) -> None:
    """The folder's README counted ways with a highway tag; platforms at stops and stations are walked as well."""
    platforms = (net.edges["highway"] == "platform").to_numpy()
    assert len(streets) == 4639
    assert set(net.edges["osm_way_id"][~platforms]) == set(streets)
    assert net.edges["osm_way_id"][platforms].nunique() == 7
    assert net.stats["closed"] == {"access_no": 4, "access_private": 11, "foot": 6}


def test_54257_vertices_lie_on_the_walked_ways(net: gis.walkways.Network, streets: dict) -> None:
    """README's count, and every one of them is a vertex of our edges: as many places as theirs, without platforms."""
    assert len({ref for _, path in streets.values() for ref, _, _ in path}) == 54257
    places = {(lon, lat) for _, path in streets.values() for _, lon, lat in path}
    edges = net.edges[net.edges["highway"] != "platform"]
    assert {tuple(place) for place in shapely.get_coordinates(edges.geometry.to_numpy())} == places


def test_each_way_is_as_long_as_on_the_ellipsoid(net: gis.walkways.Network, streets: dict) -> None:
    """README's 1,137 km are those of a sphere; the ellipsoid gives 1,138. UTM draws each way 0.03 to 0.04 % short."""
    ellipsoid, sphere = pyproj.Geod(ellps="WGS84"), pyproj.Geod(a=6371008.8, b=6371008.8)
    km = {way: _km(ellipsoid, path) for way, (_, path) in streets.items()}
    assert sum(_km(sphere, path) for _, path in streets.values()) == pytest.approx(1137, abs=0.5)
    assert sum(km.values()) == pytest.approx(1138.06, abs=0.01)
    drawn = net.edges[: len(net.edges) - net.stats["squares_crossed"]]
    ours = drawn.groupby("osm_way_id")["metres"].sum() / 1000
    assert ours[list(km)].to_numpy() == pytest.approx(np.array([*km.values()]), rel=5e-4, abs=1e-6)


def _km(geod: pyproj.Geod, path: list) -> float:
    return geod.line_length([lon for _, lon, _ in path], [lat for _, _, lat in path]) / 1000


@pytest.fixture(scope="module")
def plain(extract: Path) -> gis.walkways.Network:
    """The network without what the second method does not read: platforms, tags of vertices, walks over squares."""
    drawn, vertices = data.ingest.osm.ways(extract)
    untagged = replace(vertices, tagged=vertices.tagged[:0], tags=vertices.tags[:0])
    highways = replace(drawn, tags=drawn.tags.assign(railway=None, public_transport=None))
    return gis.walkways.build(highways, untagged, over_squares=False)


def test_the_parts_are_those_of_all_vertices(extract: Path, plain: gis.walkways.Network) -> None:
    """networkx over every vertex: as many parts, and the main one holds exactly our nodes of the main one."""
    whole = uncut.graph(extract, plain.srid)
    main = max(nx.connected_components(whole), key=lambda part: whole.subgraph(part).size("metres"))
    assert plain.stats["components"] == nx.number_connected_components(whole)
    assert plain.stats["main_nodes"] == plain.nodes["osm_id"].isin(main).sum()


def test_walks_are_as_long_as_over_all_vertices(extract: Path, plain: gis.walkways.Network) -> None:
    """From every 600th node to all others: the cut network against every vertex of the drawing."""
    sources = plain.nodes["osm_id"].tolist()[::600]
    agreement.distances(plain, uncut.graph(extract, plain.srid), sources=sources)


def test_platforms_and_two_shut_gates_are_all_that_differs(
    net: gis.walkways.Network, plain: gis.walkways.Network
) -> None:
    """The same ways otherwise, edge by edge in length."""
    assert net.stats["barriers_shut"] == 2
    drawn = net.edges[: len(net.edges) - net.stats["squares_crossed"]]
    kept = drawn[drawn["highway"] != "platform"]
    both = (frame.groupby("osm_way_id")["metres"].sum() for frame in (kept, plain.edges))
    pd.testing.assert_series_equal(*both, rtol=1e-12)


def test_the_header_dates_the_data(extract: Path) -> None:
    assert data.ingest.osm.data_date(extract) == datetime(2015, 7, 27, 21, 14, 1, tzinfo=UTC)


def test_eleven_municipalities_fill_the_country(extract: Path, land: gpd.GeoDataFrame) -> None:
    """No overlap, no gap, exclaves included; the eleven pieces of Austria and Switzerland are named as cut."""
    found = data.ingest.osm.boundaries(extract, admin_level=8, level="street", within="Liechtenstein", above=land)
    shapes = found.frame.geometry.to_numpy()
    assert len(shapes) == 11
    assert land["code"].tolist() == ["LI"]
    assert (found.frame["parent_code"] == "LI").all()
    assert shapely.union_all(shapes).symmetric_difference(land.geometry[0]).area < 1e-12
    assert shapely.area(shapes).sum() == pytest.approx(land.geometry[0].area, rel=1e-9)
    assert dict(zip(found.frame["name"], shapely.get_num_geometries(shapes), strict=True))["Vaduz"] == 7
    assert (found.left_out["reason"] == "incomplete").all()
    assert {"Feldkirch", "Sargans"} < set(found.left_out["name"])


def test_constituencies_stand_between_the_country_and_its_municipalities(extract: Path, land: gpd.GeoDataFrame) -> None:
    """Level 6: Unterland has five municipalities, Oberland six."""
    upper = data.ingest.osm.boundaries(extract, admin_level=6, level="district", within="1155955").frame
    lower = data.ingest.osm.boundaries(extract, admin_level=8, level="street", within="r1155955", above=upper).frame
    names = dict(zip(upper["code"], upper["name"], strict=True))
    counts = lower["parent_code"].map(names).value_counts().to_dict()
    assert counts == {"Wahlkreis Oberland": 6, "Wahlkreis Unterland": 5}


def test_homes_are_buildings_and_say_so(homes: gpd.GeoDataFrame) -> None:
    """Of 8,992 buildings some 8,000 may be homes; each is labelled synthetic and stands for one household."""
    gis.frames.require(homes, gis.frames.HOUSEHOLDS)
    assert 7500 < len(homes) < 8992
    assert homes["synthetic"].all()
    assert homes["ref"].is_unique
    assert (homes["elders"] == 1).all()


def test_the_one_hospital_is_found(extract: Path) -> None:
    """README: 1 hospital and 3 pharmacies; a pharmacy is none of our kinds."""
    found = data.ingest.osm.care(extract).frame
    assert found[["id", "name", "kind"]].to_numpy().tolist() == [
        ["osm:node/326058662", "Liechtensteinisches Landesspital", "clinic"]
    ]


@pytest.fixture(scope="module")
def facilities(extract: Path, homes: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The hospital, and a made canteen at every 300th building, so that there is something to compare."""
    real = data.ingest.osm.care(extract).frame
    spots = homes.geometry[::300]
    made = {"id": [f"made-{i}" for i in range(len(spots))], "name": "made", "kind": "canteen", "capacity": 40,
            "delivery_mode": "one_stop", "status": "open", "synthetic": True}  # fmt: skip
    canteens = gpd.GeoDataFrame(made, geometry=spots.to_numpy(), crs=4326)
    columns = list(gis.frames.FACILITIES.required)
    return gpd.GeoDataFrame(pd.concat([real[columns], canteens[columns]], ignore_index=True), crs=4326)


@pytest.mark.parametrize("profile", ["cane", "wheelchair"])
def test_coverage_of_every_home_equals_networkx(
    walknet: gis.walknet.WalkNet, homes: gpd.GeoDataFrame, facilities: gpd.GeoDataFrame, profile: str
) -> None:
    """Metres and seconds of each of some 8,000 homes to canteen and clinic, snapped partway along edges, to 1e-3."""
    request = Request(kinds=("canteen", "clinic"), profile=profile)
    assert agreement.coverage(walknet, homes, facilities, request) > 5000


def test_what_cannot_be_decided_is_unknown_with_its_reason(
    walknet: gis.walknet.WalkNet, homes: gpd.GeoDataFrame, facilities: gpd.GeoDataFrame
) -> None:
    """Alpine huts lie farther than 150 m from any path drawn; every home is covered, uncovered or unknown."""
    verdicts = gis.coverage.decide(walknet, homes, facilities, Request(kinds=("clinic",)))
    letters = verdicts.rules["standard"].letters[:, 0]
    unknown = letters == ord("k")
    assert set(np.unique(letters)) <= {ord("c"), ord("u"), ord("k")}
    assert ((verdicts.reason != "") == unknown).all()
    assert 0 < unknown.sum() < 0.05 * len(homes)
