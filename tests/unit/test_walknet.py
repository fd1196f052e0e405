"""The network's arrays: read from tables, told apart by digest, split into parts, cut and joined."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import gis.crs
import gis.netedits
import gis.walknet
import worlds
from worlds import towns


def tables() -> tuple[pd.DataFrame, gpd.GeoDataFrame]:
    """Three crossings 100 m apart, two edges, the second of uncounted steps with an unknown surface."""
    lon, lat = gis.crs.Metric(4547).inverse([420000, 420100, 420200], [2557000, 2557000, 2557000])
    nodes = pd.DataFrame({"lon": lon, "lat": lat})
    lines = [shapely.LineString(list(zip(lon[i : i + 2], lat[i : i + 2], strict=True))) for i in range(2)]
    edges = pd.DataFrame({
        "u": [0, 1], "v": [1, 2], "metres": [100.0, 100.0], "oneway": [0, 1], "steps": [0, -1], "signals": [0.5, 0.0],
        "lift": [False, False], "bridge": [False, True], "tunnel": [False, False], "wheelchair": ["yes", "unknown"],
        "highway": ["footway", "steps"], "name": [None, None],
    })  # fmt: skip
    return nodes, gpd.GeoDataFrame(edges, geometry=lines, crs=4326)


def test_tables_become_arrays():
    net = gis.walknet.from_frames(*tables(), srid=4547)
    assert net.x == pytest.approx([420000, 420100, 420200], abs=1e-6)
    assert (net.wheelchair.tolist(), net.steps.tolist(), net.oneway.tolist()) == ([1, 0], [0, -1], [0, 1])
    assert net.offsets.tolist() == [0, 2, 4]
    assert net.coords[3] == pytest.approx([420200, 2557000], abs=1e-6)


def test_the_digest_tells_networks_apart():
    nodes, edges = tables()
    first, again = (gis.walknet.from_frames(nodes, edges, srid=4547).sha256 for _ in range(2))
    other = gis.walknet.from_frames(nodes, edges.assign(steps=[0, 20]), srid=4547).sha256
    assert first == again != other


def test_parts_are_numbered_by_their_length():
    """500 m of street, 300 m elsewhere, and a node with no edge: parts 0, 1 and 2."""
    net = towns.network([(0, 0), (300, 0), (0, 900), (500, 900), (9, 9)], [(0, 1), (2, 3)])
    assert gis.walknet.components(net, np.ones(2, bool)).tolist() == [1, 1, 0, 0, 2]
    assert gis.walknet.components(net, np.array([True, False])).tolist()[:2] == [0, 0]


def test_a_cut_edge_keeps_length_signals_and_steps():
    """One edge of 100 m cut at 20 and 70 m: three edges of 20, 50 and 30 m; its 12 steps lie in one of them."""
    net = towns.network([(0, 0), (100, 0)], [(0, 1, {"steps": 12, "signals": 1.0})])
    x, y = np.array([(70, 0), (20, 0)]).T + np.array(towns.CORNER)[:, None]
    cut, nodes = gis.netedits.cut(net, gis.walknet.snap(net, x, y, usable=np.ones(1, bool)))
    assert sorted(cut.metres) == pytest.approx([20, 30, 50])
    assert cut.steps.sum() == 12
    assert cut.signals.sum() == pytest.approx(1)
    assert cut.x[nodes] == pytest.approx(x)


def test_a_cut_at_an_end_is_that_end():
    net = towns.network([(0, 0), (100, 0)], [(0, 1)])
    x, y = np.array([(-5, 0), (105, 0)]).T + np.array(towns.CORNER)[:, None]
    cut, nodes = gis.netedits.cut(net, gis.walknet.snap(net, x, y, usable=np.ones(1, bool)))
    assert (len(cut.u), nodes.tolist()) == (1, [0, 1])


def test_edges_left_out_close_up():
    town = worlds.grid(blocks=2)
    kept = np.arange(len(town.net.u)) % 2 == 0
    net = gis.netedits.only(town.net, kept)
    assert (net.u == town.net.u[kept]).all()
    line = net.coords[net.offsets[1] : net.offsets[2]]
    assert (line == town.net.coords[town.net.offsets[2] : town.net.offsets[3]]).all()
    assert replace(net).sha256 != town.net.sha256
