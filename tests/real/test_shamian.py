"""The real streets of Shamian island, as OpenStreetMap has them."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely

import data.ingest.osm
import gis.walknet
import gis.walkways
from gis.coverage import Request
from worlds import agreement, uncut

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def extract(shared_data: Path) -> Path:
    return shared_data / "shamian.osm.pbf"


@pytest.fixture(scope="module")
def net(extract: Path) -> gis.walkways.Network:
    return data.ingest.osm.walknet(extract)


def test_73_of_75_ways_are_walked(net: gis.walkways.Network) -> None:
    """The folder's README counted them: two have foot=no."""
    assert net.stats["ways_read"] == 75
    assert net.stats["ways_walked"] == 73
    assert net.stats["closed"] == {"foot": 2}
    assert net.srid == 4547


def test_the_main_part_has_344_of_363_vertices(extract: Path, net: gis.walkways.Network) -> None:
    """README's count over all vertices, by networkx; ours keeps of them the junctions and ends, in as many parts."""
    whole = uncut.graph(extract, net.srid)
    parts = sorted(map(len, nx.connected_components(whole)), reverse=True)
    assert (len(whole), parts[0]) == (363, 344)
    assert net.stats["components"] == len(parts)
    main = max(nx.connected_components(whole), key=len)
    assert net.stats["main_nodes"] == len(main & set(net.nodes["osm_id"]))


def test_the_length_is_that_of_all_legs_drawn(extract: Path, net: gis.walkways.Network) -> None:
    """By geodesics, way by way: the projection is within 0.02 % here. README's 10.9 km count a leg of two ways once."""
    geod = pyproj.Geod(ellps="WGS84")
    metres = sum(
        geod.line_length([lon for _, lon, _ in path], [lat for _, _, lat in path])
        for _, path in uncut.streets(extract).values()
    )
    drawn = len(net.edges) - net.stats["squares_crossed"]
    assert net.edges["metres"][:drawn].sum() == pytest.approx(metres, rel=2e-4)


def test_every_walk_is_as_long_as_over_all_vertices(extract: Path, net: gis.walkways.Network) -> None:
    """All pairs of nodes, networkx on the cut network against networkx on the uncut one, squares along their rim."""
    along = gis.walkways.build(*data.ingest.osm.ways(extract), over_squares=False)
    agreement.distances(along, uncut.graph(extract, net.srid), sources=net.nodes["osm_id"].tolist())


def test_the_pedestrian_street_is_crossed_where_two_streets_see_each_other(net: gis.walkways.Network) -> None:
    """Its west end, way 527296485, is drawn as an area with four entrances: its two diagonals, 118 and 95 m."""
    over = net.edges.tail(net.stats["squares_crossed"])
    assert over["osm_way_id"].tolist() == [527296485, 527296485]
    assert over["metres"].tolist() == pytest.approx([118.5, 95.4], abs=0.1)


def test_the_same_streets_as_lines_give_the_same_network(shared_data: Path, net: gis.walkways.Network) -> None:
    """shamian_roads.geojson holds the same ways: node numbers differ, edges do not."""
    lines = gpd.read_file(shared_data / "shamian_roads.geojson")
    other = gis.walkways.from_lines(lines)
    kept = [name for name in gis.walkways.EDGE_COLUMNS if name not in ("u", "v", "geometry")]
    pd.testing.assert_frame_equal(pd.DataFrame(other.edges[kept]), pd.DataFrame(net.edges[kept]))
    assert shapely.equals(other.edges.geometry.to_numpy(), net.edges.geometry.to_numpy()).all()
    assert {name: other.stats[name] for name in net.stats} == net.stats


def test_it_lies_on_the_island_and_not_in_the_river(net: gis.walkways.Network) -> None:
    """Shamian Main Street runs at about 23.1097 N, 113.2353 to 113.2439 E (README)."""
    street = net.edges[net.edges["name"] == "沙面大街"]
    west, south, east, north = street.total_bounds
    assert (west, east) == pytest.approx((113.2353, 113.2439), abs=2e-4)
    assert (south + north) / 2 == pytest.approx(23.1097, abs=6e-4)


def test_coverage_on_shamian_equals_networkx(net: gis.walkways.Network) -> None:
    """Made homes every 40 m over the island and beyond, three made canteens: every metre and second."""
    west, south, east, north = net.edges.total_bounds
    lon, lat = (a.ravel() for a in np.meshgrid(np.arange(west, east, 4e-4), np.arange(south, north, 4e-4)))
    points = gpd.points_from_xy(lon, lat, crs=4326)
    homes = gpd.GeoDataFrame(
        {"ref": [str(i) for i in range(len(points))], "elders": 1, "elders_homebound": 0, "mobility": "cane",
         "in_institution": False, "grid_code": ""}, geometry=points,
    )  # fmt: skip
    canteens = gpd.GeoDataFrame(
        {"id": ["a", "b", "c"], "name": "", "kind": "canteen", "capacity": 1, "delivery_mode": "one_stop",
         "status": "open"}, geometry=points[[3, len(points) // 2, len(points) - 5]],
    )  # fmt: skip
    walknet = gis.walknet.from_frames(net.nodes, net.edges, srid=net.srid)
    assert agreement.coverage(walknet, homes, canteens, Request(kinds=("canteen",), profile="cane")) > 100
