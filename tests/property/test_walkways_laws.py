"""Laws of the walking network, for any drawing."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gis.walktags
import gis.walkways
from worlds import drawing

SIDE = 4
#: A lattice of 4 x 4 vertices, 37 m and 53 m apart, and one more on top of vertex 1; vertex 99 has no position.
PLACES = {1 + i: (37.0 * (i % SIDE), 53.0 * (i // SIDE)) for i in range(SIDE * SIDE)} | {50: (0.0, 0.0)}
TAGS = [
    {"highway": "residential"},
    {"highway": "footway"},
    {"highway": "steps", "step_count": "7"},
    {"highway": "service", "access": "private"},
    {"highway": "motorway"},
]
NODE_TAGS = [
    {"highway": "crossing", "crossing": "traffic_signals"},
    {"highway": "elevator"},
    {"kerb": "raised"},
    {"barrier": "gate"},
]
paths = st.lists(st.sampled_from([*PLACES, 99]), min_size=1, max_size=7)
drawings = st.lists(st.tuples(paths, st.sampled_from(TAGS)), min_size=1, max_size=8).map(
    lambda drawn: [(i + 1, path, tags) for i, (path, tags) in enumerate(drawn)]
)
marks = st.dictionaries(st.sampled_from([*PLACES]), st.sampled_from(NODE_TAGS), max_size=5)


def open_ways(drawn: list[drawing.Way]) -> list[drawing.Way]:
    return [way for way in drawn if way[2] not in (TAGS[3], TAGS[4])]


def uncut(drawn: list[drawing.Way]) -> nx.Graph:
    """The second method: every vertex a node, every leg an edge, vertex 50 taken for 1 where they follow each other."""
    graph = nx.Graph()
    for _, path, _ in open_ways(drawn):
        for a, b in nx.utils.pairwise(path):
            if a != b and 99 not in (a, b):
                graph.add_edge(a, b, metres=float(np.hypot(*np.subtract(PLACES[a], PLACES[b]))))
    return graph


def cut(net: gis.walkways.Network) -> nx.Graph:
    graph = nx.Graph()
    ids = net.nodes["osm_id"].to_numpy()
    for row in net.edges.itertuples():
        a, b = int(ids[row.u]), int(ids[row.v])
        known = graph.get_edge_data(a, b, {"metres": np.inf})["metres"]
        graph.add_edge(a, b, metres=min(row.metres, known))
    return graph


def table(net: gis.walkways.Network) -> Any:
    edges = net.edges.assign(wkb=net.edges.geometry.to_wkb()).drop(columns="geometry")
    return net.nodes.to_dict("list"), edges.to_dict("list")


@settings(deadline=None, max_examples=60)
@given(drawings, marks)
def test_every_distance_is_that_of_the_uncut_drawing(drawn: list[drawing.Way], tagged: dict) -> None:
    """Between any two nodes of the network the shortest way is as long as over all vertices by networkx."""
    net = drawing.network(PLACES, drawn, tagged)
    whole, pieces = uncut(drawn), cut(net)
    stands_for = {50: 1} if whole.has_edge(1, 50) else {}
    whole = nx.relabel_nodes(whole, stands_for)
    assert set(pieces) <= set(whole)
    for a, found in nx.all_pairs_dijkstra_path_length(pieces, weight="metres"):
        truth = nx.single_source_dijkstra_path_length(whole, a, weight="metres")
        assert found == pytest.approx({b: truth[b] for b in pieces if b in truth}, abs=1e-6)


@settings(deadline=None, max_examples=60)
@given(drawings, marks)
def test_cutting_keeps_every_metre(drawn: list[drawing.Way], tagged: dict) -> None:
    """The sum over all legs of all open ways, one by one."""
    legs = [
        np.hypot(*np.subtract(PLACES[a], PLACES[b]))
        for _, path, _ in open_ways(drawn)
        for a, b in nx.utils.pairwise(path)
        if 99 not in (a, b)
    ]
    assert drawing.network(PLACES, drawn, tagged).stats["metres"] == pytest.approx(sum(legs), abs=1e-6)


@settings(deadline=None, max_examples=60)
@given(drawings, marks, st.randoms(use_true_random=False))
def test_the_order_of_the_file_changes_nothing(drawn: list[drawing.Way], tagged: dict, chance: Any) -> None:
    """Ways shuffled: the same nodes and edges to the last bit, under the same numbers."""
    shuffled = chance.sample(drawn, len(drawn))
    assert table(drawing.network(PLACES, shuffled, tagged)) == table(drawing.network(PLACES, drawn, tagged))


@settings(deadline=None, max_examples=60)
@given(drawings)
def test_nothing_closed_is_walked_and_nothing_open_is_lost(drawn: list[drawing.Way]) -> None:
    """Read = walked + closed + lost, and every edge lies on an open way."""
    net = drawing.network(PLACES, drawn)
    stats = net.stats
    assert stats["ways_read"] == stats["ways_walked"] + sum(stats["closed"].values()) + stats["ways_lost"]
    assert set(net.edges["osm_way_id"]) <= {id_ for id_, _, _ in open_ways(drawn)}


@settings(deadline=None, max_examples=60)
@given(drawings, marks)
def test_no_edge_is_without_length_and_steps_add_up(drawn: list[drawing.Way], tagged: dict) -> None:
    """Each flight of the drawing was tagged with 7 steps; its pieces have 7 together."""
    edges = drawing.network(PLACES, drawn, tagged).edges
    assert (edges["metres"] > 0).all()
    flights = edges[edges["highway"] == "steps"].groupby("osm_way_id")["steps"].sum()
    assert (flights == 7).all()


@settings(deadline=None, max_examples=60)
@given(drawings, st.sampled_from([*PLACES]))
def test_shutting_a_gate_never_makes_a_walk_shorter(drawn: list[drawing.Way], where: int) -> None:
    """Distances between nodes other than the gate itself."""
    shut = cut_apart(drawing.network(PLACES, drawn, {where: {"barrier": "wall"}}))
    open_ = dict(nx.all_pairs_dijkstra_path_length(uncut(drawn), weight="metres"))
    for a, found in nx.all_pairs_dijkstra_path_length(shut, weight="metres"):
        for b, length in found.items():
            if where not in (a[0], b[0]) and 50 not in (a[0], b[0]):
                assert length >= open_[a[0]][b[0]] - 1e-6


def cut_apart(net: gis.walkways.Network) -> nx.Graph:
    """The network with its nodes as (OSM id, number), so that those on a gate stay apart."""
    graph = nx.Graph()
    ids = net.nodes["osm_id"].tolist()
    for row in net.edges.itertuples():
        a, b = (ids[row.u], row.u), (ids[row.v], row.v)
        known = graph.get_edge_data(a, b, {"metres": np.inf})["metres"]
        graph.add_edge(a, b, metres=min(row.metres, known))
    return graph


@settings(deadline=None, max_examples=60)
@given(drawings, st.permutations([*PLACES][:5]))
def test_a_walk_over_a_square_is_between_the_straight_line_and_the_rim(
    drawn: list[drawing.Way], corners: list[int]
) -> None:
    """Any ring of five places, crossing itself or not, laid over any drawing."""
    square = (100, [*corners, corners[0]], {"highway": "pedestrian", "area": "yes"})
    ways, vertices = drawing.ways([*drawn, square]), drawing.vertices(PLACES)
    over, rim = (cut(gis.walkways.build(ways, vertices, srid=drawing.SRID, over_squares=yes)) for yes in (True, False))
    along = dict(nx.all_pairs_dijkstra_path_length(rim, weight="metres"))
    for a, found in nx.all_pairs_dijkstra_path_length(over, weight="metres"):
        assert found.keys() == along[a].keys()
        for b, metres in found.items():
            assert np.hypot(*np.subtract(PLACES[a], PLACES[b])) - 1e-6 <= metres <= along[a][b] + 1e-6
