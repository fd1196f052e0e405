"""Walking costs worked out another way: shapely snaps, networkx searches, and edges are really cut where points join.

Nothing of `gis.snapping`, `gis.kernel` or `gis.walking` is used; slow, and meant to be.
"""

from __future__ import annotations

from collections import defaultdict

import networkx as nx
import numpy as np
import shapely

from gis.walknet import WalkNet


def costs(
    net: WalkNet, homes: np.ndarray, facilities: np.ndarray, *, cost: np.ndarray, speed: float, max_m: float = 150.0
) -> np.ndarray:
    """Cost from each home to its nearest facility, (n,): NaN where not snapped, infinite where there is no way.

    Parameters
    ----------
    homes, facilities : (n, 2) and (m, 2) metres in `net.srid`; NaN for an unknown place
    cost : (e,) cost of each edge from end to end, infinite where closed
    speed : metres per unit of cost on the straight legs
    """
    lines = _main_lines(net, np.isfinite(cost))
    home_at, facility_at = (_snap(net, lines, points, max_m) for points in (homes, facilities))
    graph = _cut(net, cost, [*home_at, *facility_at])
    for name, snaps in (("home", home_at), ("facility", facility_at)):
        for i, at in enumerate(snaps):
            if at is not None:
                edge, share, leg = at
                ends = (name, i), (edge, share)
                graph.add_edge(*(ends if name == "home" else ends[::-1]), weight=leg / speed)
    sources = {("facility", i) for i, at in enumerate(facility_at) if at is not None}
    found = nx.multi_source_dijkstra_path_length(graph.reverse(copy=False), sources) if sources else {}
    return np.array([np.nan if at is None else found.get(("home", i), np.inf) for i, at in enumerate(home_at)])


def _main_lines(net: WalkNet, usable: np.ndarray) -> dict[int, shapely.LineString]:
    """Usable edges of the longest connected part."""
    graph = nx.Graph()
    graph.add_edges_from((int(net.u[e]), int(net.v[e])) for e in np.flatnonzero(usable))
    part = {node: i for i, nodes in enumerate(nx.connected_components(graph)) for node in nodes}
    length: dict[int, float] = defaultdict(float)
    for e in np.flatnonzero(usable):
        length[part[int(net.u[e])]] += net.metres[e]
    main = max(length, key=lambda i: length[i])
    return {
        int(e): shapely.LineString(net.coords[net.offsets[e] : net.offsets[e + 1]])
        for e in np.flatnonzero(usable)
        if part[int(net.u[e])] == main
    }


def _snap(net: WalkNet, lines: dict, points: np.ndarray, max_m: float) -> list[tuple[int, float, float] | None]:
    edges, tree = list(lines), shapely.STRtree(list(lines.values()))
    snaps: list[tuple[int, float, float] | None] = []
    for x, y in points:
        point = shapely.Point(x, y)
        at = tree.query_nearest(point, max_distance=max_m, all_matches=False) if np.isfinite(x) else []
        if not len(at):
            snaps.append(None)
            continue
        line = lines[edges[at[0]]]
        snaps.append((edges[at[0]], line.project(point, normalized=True), line.distance(point)))
    return snaps


def _cut(net: WalkNet, cost: np.ndarray, snaps: list) -> nx.MultiDiGraph:
    """The directed network with a node at every point that joins an edge; a point at an end is that end."""
    at: dict[int, set[float]] = defaultdict(set)
    for snap in snaps:
        if snap is not None:
            at[snap[0]].add(snap[1])
    graph = nx.MultiDiGraph()
    for e in np.flatnonzero(np.isfinite(cost)):
        u, v, shares = int(net.u[e]), int(net.v[e]), sorted({0.0, 1.0} | at[e])
        names = [u if share == 0 else v if share == 1 else (e, share) for share in shares]
        for share in shares:
            if share in (0.0, 1.0):
                graph.add_edge((e, share), u if share == 0 else v, weight=0.0)
                graph.add_edge(u if share == 0 else v, (e, share), weight=0.0)
        for a, b, length in zip(names, names[1:], np.diff(shares), strict=False):
            if net.oneway[e] >= 0:
                graph.add_edge(a, b, weight=length * cost[e])
            if net.oneway[e] <= 0:
                graph.add_edge(b, a, weight=length * cost[e])
    return graph
