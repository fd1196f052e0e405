"""What of a drawing may be walked, and how it is cut into edges."""

from __future__ import annotations

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import shapely

import gis.walkcourse
import gis.walktags
import gis.walkways
from gis.errors import Invalid
from worlds import drawing

STREET = {"highway": "residential"}
FOOTWAY = {"highway": "footway"}
#: A street of 300 m from west to east with a vertex every 100 m.
LINE = {1: (0.0, 0.0), 2: (100.0, 0.0), 3: (200.0, 0.0), 4: (300.0, 0.0)}
#: The same, crossed at vertex 2 by another from south (5) to north (6).
CROSS = LINE | {5: (100.0, -50.0), 6: (100.0, 70.0)}


def table(*rows: dict[str, str]) -> pd.DataFrame:
    return gis.walktags.plain(pd.DataFrame([*rows], dtype=object), gis.walktags.WAY_KEYS)


def ends(net: gis.walkways.Network) -> list[tuple[int, int]]:
    """The OSM ids at the ends of each edge."""
    ids = net.nodes["osm_id"].to_numpy()
    return [(int(ids[u]), int(ids[v])) for u, v in zip(net.edges["u"], net.edges["v"], strict=True)]


def metres(net: gis.walkways.Network) -> list[float]:
    return np.round(net.edges["metres"].to_numpy(), 6).tolist()


def walk(net: gis.walkways.Network, a: int, b: int, weight: str = "metres") -> float:
    """What the shortest walk between two vertices costs, by networkx; infinite where there is none."""
    graph = nx.MultiGraph()
    graph.add_nodes_from(net.nodes.index)
    for row in net.edges.itertuples():
        graph.add_edge(row.u, row.v, metres=row.metres, signals=float(row.signals), lift=float(row.lift))
    found = [
        sum(min(edge[weight] for edge in graph[u][v].values()) for u, v in nx.utils.pairwise(path))
        for s in net.nodes.index[net.nodes["osm_id"] == a]
        for t in net.nodes.index[net.nodes["osm_id"] == b]
        if nx.has_path(graph, s, t)
        for path in [nx.shortest_path(graph, s, t, weight="metres")]
    ]
    return min(found, default=float("inf"))


@pytest.mark.parametrize(
    ("tags", "rule"),
    [
        ({"highway": "residential"}, ""),
        ({"highway": "Footway "}, ""),
        ({"highway": "trunk"}, ""),
        ({"highway": "cycleway"}, ""),
        ({"highway": "residential", "foot": "no"}, "foot"),
        ({"highway": "residential", "foot": "use_sidepath"}, "foot"),
        ({"highway": "residential", "sidewalk": "separate"}, ""),
        ({"highway": "service", "access": "private"}, "access_private"),
        ({"highway": "service", "access": "private", "foot": "yes"}, ""),
        ({"highway": "service", "access": "private", "foot": "designated"}, ""),
        ({"highway": "service", "access": "no", "foot": "permissive"}, ""),
        ({"highway": "service", "access": "no"}, "access_no"),
        ({"highway": "service", "access": "destination"}, ""),
        ({"highway": "motorway"}, "class"),
        ({"highway": "motorway_link", "foot": "yes"}, ""),
        ({"highway": "trunk_link"}, "class"),
        ({"highway": "trunk_link", "sidewalk": "right"}, ""),
        ({"highway": "primary", "motorroad": "yes"}, "motorroad"),
        ({"highway": "construction", "foot": "yes"}, "lifecycle"),
        ({"highway": "proposed"}, "lifecycle"),
        ({"highway": "razed"}, "lifecycle"),
        ({"route": "ferry", "foot": "yes"}, "ferry"),
        ({"highway": "yes"}, "no_class"),
        ({"highway": "yes", "foot": "yes"}, ""),
        ({"place": "square"}, ""),
        ({"railway": "platform"}, ""),
        ({"public_transport": "platform", "access": "no"}, "access_no"),
        ({"railway": "rail"}, "no_class"),
    ],
)
def test_the_access_table_says_which_rule_closes_a_way(tags: dict[str, str], rule: str) -> None:
    """Design section 5 and the table in `gis.walktags`, row by row."""
    assert gis.walktags.closed(table(tags)).tolist() == [rule]


@pytest.mark.parametrize(
    ("tags", "direction"),
    [
        ({"highway": "residential", "oneway": "yes"}, 0),
        ({"highway": "residential", "oneway": "yes", "oneway:foot": "yes"}, 1),
        ({"highway": "path", "oneway:foot": "-1"}, -1),
        ({"highway": "path", "foot:backward": "no"}, 1),
        ({"highway": "path", "foot:forward": "no"}, -1),
        ({"highway": "footway", "oneway": "yes"}, 1),
        ({"highway": "footway", "oneway": "yes", "oneway:foot": "no"}, 0),
        ({"highway": "footway", "oneway": "yes", "bicycle": "yes"}, 0),
        ({"highway": "steps", "conveying": "backward"}, -1),
        ({"highway": "steps", "conveying": "yes"}, 0),
        ({"highway": "pedestrian", "oneway": "yes"}, 0),
    ],
)
def test_a_walk_is_two_way_unless_a_tag_speaks_to_walkers(tags: dict[str, str], direction: int) -> None:
    """A one-way street is one-way for wheels; cycle tracks on a footway do not bind walkers either."""
    assert gis.walktags.oneway(table(tags)).tolist() == [direction]


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({"highway": "footway"}, "unknown"),
        ({"highway": "footway", "wheelchair": "limited"}, "unknown"),
        ({"highway": "footway", "wheelchair": "yes"}, "yes"),
        ({"highway": "steps"}, "no"),
        ({"highway": "steps", "ramp:wheelchair": "yes"}, "yes"),
        ({"highway": "steps", "ramp:wheelchair": "yes", "wheelchair": "no"}, "no"),
        ({"highway": "elevator"}, "unknown"),
    ],
)
def test_what_nobody_mapped_for_wheelchairs_is_unknown_not_passable(tags: dict[str, str], said: str) -> None:
    """Three values; openrouteservice #694 took unknown kerbs for passable."""
    assert gis.walktags.wheelchair(table(tags)).tolist() == [said]


def test_a_tag_that_is_missing_in_any_way_is_no_tag() -> None:
    """None, NaN, pandas' NA and "" read alike; a column that is not there is untagged."""
    tags = pd.DataFrame({"highway": ["path", None, float("nan"), pd.NA, ""]}, dtype=object)
    plain = gis.walktags.plain(tags, ("highway", "foot"))
    assert plain["highway"].tolist() == ["path", "", "", "", ""]
    assert plain["foot"].tolist() == [""] * 5


def test_streets_are_cut_where_they_share_a_vertex() -> None:
    """The cross street meets the line at vertex 2: 100 + 200 m one way, 50 + 70 m the other; vertex 3 is no node."""
    net = drawing.network(CROSS, [(7, [1, 2, 3, 4], STREET), (8, [5, 2, 6], STREET)])
    assert ends(net) == [(1, 2), (2, 4), (5, 2), (2, 6)]
    assert metres(net) == [100, 200, 50, 70]
    assert net.edges["osm_way_id"].tolist() == [7, 7, 8, 8]
    assert shapely.get_num_coordinates(net.edges.geometry.to_numpy()).tolist() == [2, 3, 2, 2]


def test_streets_that_cross_on_paper_only_are_not_joined() -> None:
    """The cross street passes over at (100, 0) without sharing vertex 2: a bridge."""
    net = drawing.network(CROSS, [(7, [1, 2, 3, 4], STREET), (8, [5, 6], {**STREET, "bridge": "yes"})])
    assert metres(net) == [300, 120]
    assert net.edges["bridge"].tolist() == [False, True]
    assert net.stats["components"] == 2
    assert net.stats["main_nodes"] == 2
    assert net.stats["main_metres"] == pytest.approx(300)


def test_an_edge_runs_from_u_to_v_along_what_was_drawn() -> None:
    """A corner of 100 m east and 40 m north is 140 m long, not the 107.7 m between its ends."""
    net = drawing.network({1: (0, 0), 2: (100, 0), 3: (100, 40)}, [(1, [1, 2, 3], STREET)])
    assert metres(net) == [140]
    line = net.edges.geometry[0]
    assert line.coords[0] == (net.nodes["lon"][0], net.nodes["lat"][0])
    assert line.coords[-1] == (net.nodes["lon"][1], net.nodes["lat"][1])


def test_a_vertex_said_twice_is_passed_once() -> None:
    """1 2 2 4 and 1 3 4 with 3 drawn on top of 1: no edge without length, and both leave from one node."""
    places = {1: (0.0, 0.0), 2: (60.0, 0.0), 3: (0.0, 0.0), 4: (60.0, 80.0)}
    net = drawing.network(places, [(1, [1, 2, 2, 4], STREET), (2, [1, 3, 4], STREET), (3, [3, 2], STREET)])
    assert metres(net) == [60, 80, 100, 60]
    assert ends(net) == [(1, 2), (2, 4), (1, 4), (1, 2)]


def test_a_way_without_length_is_lost_and_counted() -> None:
    """Two ways of one vertex and of one place."""
    net = drawing.network(
        {1: (0, 0), 2: (0, 0), 3: (9, 0)}, [(1, [1], STREET), (2, [1, 2], STREET), (3, [2, 3], STREET)]
    )
    assert metres(net) == [9]
    assert net.stats["ways_lost"] == 2


def test_loops_and_parallel_ways_are_kept() -> None:
    """A ring of 4 x 10 m on its own is one loop; two ways between the same nodes are two edges."""
    places = {1: (0, 0), 2: (10, 0), 3: (10, 10), 4: (0, 10), 5: (0, 50), 6: (30, 50), 7: (15, 70)}
    net = drawing.network(places, [(1, [1, 2, 3, 4, 1], STREET), (2, [5, 6], STREET), (3, [5, 7, 6], FOOTWAY)])
    assert metres(net) == [40, 30, 50]
    assert ends(net) == [(1, 1), (5, 6), (5, 6)]
    assert net.stats["loops"] == 1


def test_a_way_is_broken_where_the_extract_lacks_a_vertex() -> None:
    """Vertex 99 has no position: 1-2 and 3-4 stay, and nothing leaps from 2 to 3."""
    net = drawing.network(LINE, [(1, [1, 2, 99, 3, 4], STREET), (2, [98, 1], STREET)])
    assert metres(net) == [100, 100]
    assert walk(net, 2, 3) == float("inf")
    assert (net.stats["ways_broken"], net.stats["ways_lost"]) == (2, 1)


def test_the_clip_keeps_edges_that_cross_its_border_whole() -> None:
    """The line is clipped to its first 150 m, with a side street at 200 m: 1-3 stays whole, what lies beyond goes."""
    places = LINE | {5: (200.0, 90.0)}
    west, south = drawing.lonlat([-10], [-10])
    east, north = drawing.lonlat([150], [10])
    clip = shapely.box(west[0], south[0], east[0], north[0])
    net = drawing.network(places, [(1, [1, 2, 3, 4], STREET), (2, [3, 5], STREET)], clip=clip)
    assert metres(net) == [200]
    assert net.nodes["osm_id"].tolist() == [1, 3]


PLAZA = {1: (0, 0), 2: (100, 0), 3: (100, 60), 4: (0, 60), 5: (-50, 0), 6: (150, 60)}
SQUARE = {"highway": "pedestrian", "area": "yes"}
PLAZA_WAYS = [(1, [1, 2, 3, 4, 1], SQUARE), (2, [5, 1], STREET), (3, [3, 6], STREET)]


def test_a_square_is_crossed_straight_between_its_entrances() -> None:
    """100 x 60 m with streets at opposite corners: 116.62 m over it, not the kilometres of valhalla #3736."""
    net = drawing.network(PLAZA, PLAZA_WAYS)
    assert walk(net, 5, 6) == pytest.approx(50 + np.hypot(100, 60) + 50)
    assert (net.stats["squares"], net.stats["squares_crossed"]) == (1, 1)


def test_a_square_may_be_kept_to_its_rim() -> None:
    """160 m either way round."""
    made = gis.walkways.build(drawing.ways(PLAZA_WAYS), drawing.vertices(PLAZA), srid=drawing.SRID, over_squares=False)
    assert walk(made, 5, 6) == pytest.approx(50 + 160 + 50)


def test_a_walk_over_a_square_does_not_leave_it() -> None:
    """An L: entrances at the tips (100, 0) and (0, 100) do not see each other past the inner corner (40, 40)."""
    places = {1: (0, 0), 2: (100, 0), 3: (100, 40), 4: (40, 40), 5: (40, 100), 6: (0, 100), 7: (150, 0), 8: (0, 150)}
    drawn = [(1, [1, 2, 3, 4, 5, 6, 1], SQUARE), (2, [2, 7], STREET), (3, [6, 8], STREET)]
    net = drawing.network(places, drawn)
    assert net.stats["squares_crossed"] == 0
    assert walk(net, 7, 8) == pytest.approx(50 + 200 + 50)


def test_entrances_on_one_side_are_joined_by_the_rim_alone() -> None:
    """Three entrances along the south side: each sees the others along the rim; nothing is added."""
    places = {1: (0, 0), 2: (30, 0), 3: (60, 0), 4: (60, 40), 5: (0, 40), 6: (0, -9), 7: (30, -9), 8: (60, -9)}
    streets = [(2, [6, 1], STREET), (3, [7, 2], STREET), (4, [8, 3], STREET)]
    assert drawing.network(places, [(1, [1, 2, 3, 4, 5, 1], SQUARE), *streets]).stats["squares_crossed"] == 0


def test_a_ring_that_is_no_square_is_not_crossed() -> None:
    """A roundabout."""
    assert drawing.network(PLAZA, [(1, [1, 2, 3, 4, 1], STREET), *PLAZA_WAYS[1:]]).stats["squares_crossed"] == 0


@pytest.mark.parametrize(("rim", "crossed"), [([1, 2, 3, 4, 5, 1], 1), ([1, 2, 3, 4, 5, 99, 1], 0)])
def test_a_square_broken_at_the_edge_of_the_extract_is_not_crossed(rim: list[int], crossed: int) -> None:
    """Entrances 2 and 4 see each other; vertex 99 of the rim has no position, so what lies inside is not known."""
    places = {1: (0, 0), 2: (100, 0), 3: (100, 60), 4: (50, 90), 5: (0, 60), 6: (150, 0), 7: (50, 150)}
    net = drawing.network(places, [(1, rim, SQUARE), (2, [2, 6], STREET), (3, [4, 7], STREET)])
    assert net.stats["squares_crossed"] == crossed


def test_steps_of_a_cut_flight_are_shared_by_length_and_add_up() -> None:
    """10 steps over 30 m, cut after 10 and 20 m: 3.33 and 6.67 round to 3, then 7 - 3 = 4, then 3."""
    places = {1: (0, 0), 2: (10, 0), 3: (20, 0), 4: (30, 0), 5: (10, 9), 6: (20, 9)}
    flight = {"highway": "steps", "step_count": "10"}
    net = drawing.network(places, [(1, [1, 2, 3, 4], flight), (2, [2, 5], FOOTWAY), (3, [3, 6], FOOTWAY)])
    assert net.edges["steps"].tolist() == [3, 4, 3, 0, 0]


@pytest.mark.parametrize("count", ["", "many", "-3", "0", "99999"])
def test_steps_that_nobody_counted_are_unknown(count: str) -> None:
    """-1 on every piece, never a guess; the report says how many flights are uncounted."""
    drawn = [(1, [1, 2, 3], {"highway": "steps", "step_count": count, "handrail": "yes"}), (2, [2, 6], FOOTWAY)]
    net = drawing.network(CROSS, drawn)
    assert net.edges["steps"].tolist() == [-1, -1, 0]
    assert net.stats["flights"] == {"ways": 1, "counted": 0, "uncounted": 1, "handrail": 1, "ramp": 0}


SIGNALS = {"highway": "crossing", "crossing": "traffic_signals"}


def test_crossing_at_lights_waits_once_and_walking_along_the_road_does_not() -> None:
    """The footway 5-6 crosses the road at 2: half a wait on either side; 1 to 4 along the road waits nowhere."""
    drawn = [(1, [1, 2, 3, 4], STREET), (2, [5, 2, 6], {"highway": "footway", "footway": "crossing"})]
    net = drawing.network(CROSS, drawn, {2: SIGNALS})
    assert walk(net, 5, 6, "signals") == 1
    assert walk(net, 1, 4, "signals") == 0
    assert net.stats["lights"] == 1


def test_lights_of_the_road_count_where_a_footway_meets_them() -> None:
    """highway=traffic_signals on the shared vertex, nothing said about a crossing."""
    net = drawing.network(CROSS, [(1, [1, 2, 4], STREET), (2, [5, 2, 6], FOOTWAY)], {2: {"highway": "traffic_signals"}})
    assert walk(net, 5, 6, "signals") == 1


def test_lights_on_a_road_nobody_crosses_on_foot_change_nothing() -> None:
    """Vertex 2 is not even a node."""
    net = drawing.network(LINE, [(1, [1, 2, 3, 4], STREET)], {2: {"highway": "traffic_signals"}})
    assert net.edges["signals"].tolist() == [0]
    assert net.stats["lights"] == 0


def test_lights_tagged_on_the_line_of_a_crossing_are_one_wait_over_its_length() -> None:
    """5-6 is 120 m, cut at 2 after 50 m: 50/120 and 70/120 of a wait."""
    crossing = {"highway": "footway", "footway": "crossing", "crossing": "traffic_signals"}
    net = drawing.network(CROSS, [(1, [1, 2, 4], STREET), (2, [5, 2, 6], crossing)])
    assert net.edges["signals"].to_numpy() == pytest.approx([0, 0, 50 / 120, 70 / 120])


def test_lights_tagged_on_the_line_and_on_its_vertex_are_one_wait() -> None:
    """Mappers say it twice; who crosses waits once all the same."""
    crossing = {"highway": "footway", "footway": "crossing", "crossing": "traffic_signals"}
    net = drawing.network(CROSS, [(1, [1, 2, 4], STREET), (2, [5, 2, 6], crossing)], {2: SIGNALS})
    assert walk(net, 5, 6, "signals") == 1


def test_a_lift_drawn_as_a_vertex_is_ridden_once() -> None:
    """Footways of 50 m and 70 m meet at lift 2, with steps beside it: only the shorter footway carries the ride."""
    drawn = [(1, [5, 2], FOOTWAY), (2, [2, 6], FOOTWAY), (3, [1, 2], {"highway": "steps"})]
    net = drawing.network(CROSS, drawn, {2: {"highway": "elevator"}})
    assert net.edges["lift"].tolist() == [True, False, False]
    assert walk(net, 5, 6, "lift") == 1


def test_a_lift_drawn_as_a_way_is_a_lift() -> None:
    net = drawing.network(LINE, [(1, [1, 2], {"highway": "elevator"}), (2, [2, 3], FOOTWAY)])
    assert net.edges["lift"].tolist() == [True, False]


@pytest.mark.parametrize(
    ("barrier", "passes"),
    [
        ({"barrier": "gate"}, True),
        ({"barrier": "gate", "access": "private"}, False),
        ({"barrier": "gate", "access": "private", "foot": "yes"}, True),
        ({"barrier": "gate", "access": "no"}, False),
        ({"barrier": "gate", "locked": "yes"}, False),
        ({"barrier": "bollard"}, True),
        ({"barrier": "bollard", "foot": "no"}, False),
        ({"barrier": "wall"}, False),
        ({"barrier": "fence"}, False),
        ({"barrier": "fence", "foot": "permissive"}, True),
        ({"barrier": "lift_gate", "access": "customers"}, True),
        ({"access": "private"}, True),
    ],
)
def test_a_shut_barrier_cuts_the_way_it_stands_on(barrier: dict[str, str], passes: bool) -> None:
    """At vertex 2 of a line of 300 m; both sides can still be walked up to it."""
    net = drawing.network(LINE, [(1, [1, 2, 3, 4], STREET)], {2: barrier})
    assert walk(net, 1, 4) == pytest.approx(300 if passes else float("inf"))
    assert net.stats["metres"] == pytest.approx(300)
    assert net.stats["barriers_shut"] == (0 if passes else 1)


def test_a_gate_beside_a_street_shuts_the_compound_and_not_the_street() -> None:
    """The gate stands on vertex 2 of the through street; the lanes 5-2 and 2-6 that end there are cut off."""
    drawn = [(1, [1, 2, 3, 4], STREET), (2, [5, 2], FOOTWAY), (3, [2, 6], FOOTWAY)]
    net = drawing.network(CROSS, drawn, {2: {"barrier": "gate", "access": "private"}})
    assert walk(net, 1, 4) == pytest.approx(300)
    assert walk(net, 1, 5) == walk(net, 5, 6) == float("inf")
    assert net.nodes["osm_id"].tolist().count(2) == 3


def test_ways_that_all_end_at_a_shut_gate_are_kept_apart() -> None:
    """Two ways drawn up to the gate from either side."""
    net = drawing.network(LINE, [(1, [1, 2], STREET), (2, [2, 3], STREET)], {2: {"barrier": "wall"}})
    assert walk(net, 1, 3) == float("inf")
    assert net.stats["components"] == 2


def test_a_raised_kerb_stops_wheels_on_the_crossing_only() -> None:
    """Kerb 2 joins the pavement 1-2 and the crossing 2-3: wheels are stopped on the crossing, not on the pavement."""
    drawn = [(1, [1, 2], FOOTWAY), (2, [2, 3], {"highway": "footway", "footway": "crossing"}), (3, [3, 4], STREET)]
    net = drawing.network(LINE, drawn, {2: {"kerb": "raised"}, 3: {"kerb": "lowered"}})
    assert net.edges["wheelchair"].tolist() == ["unknown", "no", "unknown"]


def test_a_stile_stops_wheels_on_any_way() -> None:
    """On a track, which is no way for walkers alone."""
    net = drawing.network(LINE, [(1, [1, 2, 3], {"highway": "track"})], {2: {"barrier": "stile"}})
    assert net.edges["wheelchair"].tolist() == ["no", "no"]
    assert walk(net, 1, 3) == pytest.approx(200)


def test_every_closed_way_is_counted_under_its_rule() -> None:
    drawn = [
        (1, [1, 2], STREET),
        (2, [2, 3], {"highway": "service", "access": "private"}),
        (3, [3, 4], {"highway": "motorway"}),
        (4, [1, 3], {"highway": "service", "access": "private"}),
        (5, [1, 4], {"highway": "path", "foot:conditional": "no @ (22:00-06:00)"}),
    ]
    stats = drawing.network(LINE, drawn).stats
    assert stats["ways_read"] == 5
    assert stats["ways_walked"] == 2
    assert stats["closed"] == {"access_private": 2, "class": 1}
    assert stats["conditional"] == 1


def test_where_nothing_may_be_walked_the_network_is_empty() -> None:
    net = drawing.network(LINE, [(1, [1, 2], {"highway": "motorway"})])
    assert len(net.nodes) == len(net.edges) == 0
    assert net.edges.columns.tolist() == list(gis.walkways.EDGE_COLUMNS)
    assert net.stats["components"] == 0


def test_edges_hold_what_the_store_expects_of_them() -> None:
    """Types of the table `walk_edge`: no missing value anywhere."""
    net = drawing.network(CROSS, [(7, [1, 2, 3, 4], {**STREET, "name": "沙面大街"}), (8, [5, 2, 6], FOOTWAY)])
    assert net.edges.notna().all(axis=None)
    assert net.edges["name"].tolist() == ["沙面大街", "沙面大街", "", ""]
    assert net.edges.crs == "EPSG:4326"
    kinds = net.edges.dtypes.astype(str)
    assert [kinds[name] for name in ("u", "v", "metres", "oneway", "steps", "signals", "lift", "osm_way_id")] == [
        "int32", "int32", "float64", "int8", "int16", "float32", "bool", "int64",
    ]  # fmt: skip


def line(*points: tuple[float, float]) -> shapely.LineString:
    return shapely.LineString(np.column_stack(drawing.lonlat(*zip(*points, strict=True))))


def frame(shapes: list, **columns: list) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:4326")


def test_lines_from_a_file_are_joined_where_they_share_a_vertex() -> None:
    """The cross of the first test, drawn as lines without any tag: all are roads."""
    lines = frame([line((0, 0), (100, 0), (300, 0)), line((100, -50), (100, 0), (100, 70))])
    net = gis.walkways.from_lines(lines)
    assert metres(net) == [100, 200, 50, 70]
    assert net.edges["highway"].unique().tolist() == ["road"]
    assert net.edges["osm_way_id"].tolist() == [0, 0, 0, 0]
    assert net.stats["loose_ends"] == 0


@pytest.mark.parametrize(("gap_m", "joined"), [(0.009, True), (0.011, False)])
def test_vertices_within_the_tolerance_are_one(gap_m: float, joined: bool) -> None:
    """Two lines that miss each other by 9 mm are joined at 1 cm, by 11 mm they are not and are counted as loose."""
    net = gis.walkways.from_lines(frame([line((0, 0), (100, 0)), line((100 + gap_m, 0), (200, 0))]))
    assert net.stats["components"] == (1 if joined else 2)
    assert net.stats["loose_ends"] == (0 if joined else 2)


def test_a_line_that_ends_on_another_without_a_vertex_is_called_loose() -> None:
    """A T drawn without a vertex at its joint: not joined, but said."""
    net = gis.walkways.from_lines(frame([line((0, 0), (100, 0)), line((50, 0), (50, 80))]))
    assert net.stats["components"] == 2
    assert net.stats["loose_ends"] == 1


def test_polygons_are_walked_along_all_their_rims_and_multilines_in_parts() -> None:
    """A square of 40 x 40 m with a hole of 10 x 10 m: 160 + 40 m; a multi-line of 30 and 20 m."""
    outer, hole = [(0, 0), (40, 0), (40, 40), (0, 40)], [(10, 10), (20, 10), (20, 20), (10, 20)]
    square = shapely.Polygon(line(*outer).coords, [line(*hole).coords])
    parts = shapely.MultiLineString([line((100, 0), (130, 0)), line((200, 0), (220, 0))])
    net = gis.walkways.from_lines(frame([square, parts], highway=["pedestrian", "footway"]))
    assert sorted(metres(net)) == [20, 30, 40, 160]
    assert net.stats["squares"] == 2


@pytest.mark.parametrize(("hole", "crossed"), [(False, 1), (True, 0)])
def test_a_square_with_a_hole_is_not_crossed(hole: bool, crossed: int) -> None:
    """The fountain might stand in the way: rim only."""
    rim = line((0, 0), (100, 0), (100, 60), (0, 60)).coords
    fountain = [line((40, 20), (60, 20), (60, 40), (40, 40)).coords] if hole else []
    shapes = [shapely.Polygon(rim, fountain), line((-50, 0), (0, 0)), line((100, 60), (150, 60))]
    assert gis.walkways.from_lines(frame(shapes)).stats["squares_crossed"] == crossed


def test_tags_of_lines_are_read_as_openstreetmap_means_them() -> None:
    """A private drive is closed; the way id is kept."""
    shapes = [line((0, 0), (100, 0)), line((100, 0), (150, 0))]
    net = gis.walkways.from_lines(
        frame(shapes, osm_way_id=[11, 12], highway=["service", "steps"], access=["private", None])
    )
    assert net.edges["osm_way_id"].tolist() == [12]
    assert net.edges["steps"].tolist() == [-1]


@pytest.mark.parametrize(
    "wrong",
    [None, shapely.Point(113.2, 23.1), shapely.LineString(), shapely.LineString([(421000, 2556000), (421100, 0)])],
)
def test_rows_that_are_no_lines_on_earth_are_refused_by_number(wrong: object) -> None:
    """The second of three rows: missing, a point, empty, or in metres."""
    good = line((0, 0), (100, 0))
    with pytest.raises(Invalid) as refusal:
        gis.walkways.from_lines(frame([good, wrong, good]))
    assert refusal.value.code == "walkways.lines"
    assert refusal.value.facts == {"rows": [2], "count": 1}


def test_spans_run_one_after_the_other() -> None:
    """From 3 two numbers, from 9 none, from 0 three."""
    assert gis.walkcourse.spans(np.array([3, 9, 0]), np.array([2, 0, 3])).tolist() == [3, 4, 0, 1, 2]
