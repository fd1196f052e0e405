"""Every facility each household can walk to, not only the nearest: one small search per facility, no dense matrix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gis.compiled import compiled
from gis.kernel import Graph, Seeds, Words, _plant, _region, _relax, empty, labels
from gis.reach import Reach
from gis.walking import Way, _by_edge, seeds
from gis.walknet import Snaps

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]

#: Facilities searched before their pairs are taken: bounds the memory beside the answer.
CHUNK = 256

_HALF = np.uint64(32)


@dataclass(frozen=True, eq=False)
class Balls:
    """Nodes within the limit of m facilities: those of facility i are `node[start[i]:start[i + 1]]`, in no order."""

    start: Longs
    node: Ints
    cost: Floats


def balls(graph: Graph, sources: Seeds, *, facilities: int, limit: float) -> Balls:
    """All nodes from which each of the facilities 0 to m - 1 is within `limit`, with the cost."""
    field = empty(graph, limit=limit)
    first = np.searchsorted(sources.facility, np.arange(facilities + 1))
    start, node, label = _balls(
        graph.start, graph.arc, graph.width, graph.degree, first, sources.node, sources.facility,
        labels(sources, graph.scale), np.uint64(field.nothing), field.label,
    )  # fmt: skip
    return Balls(start, node, (label >> _HALF) / graph.scale)


@compiled
def _balls(
    start: NDArray[np.uint32], arc: Words, width: int, degree: int, first: Longs, seed_node: Ints, seed_owner: Ints,
    seed_label: Words, nothing: np.uint64, label: Words,
) -> tuple[Longs, Ints, Words]:  # fmt: skip
    near, far = np.empty(4096 + 4 * degree, np.uint64), np.empty(4096 + 4 * degree, np.uint64)
    nodes, costs = np.empty(4096, np.int32), np.empty(4096, np.uint64)
    begin = np.zeros(len(first), np.int64)
    for f in range(len(first) - 1):
        a, b = first[f], first[f + 1]
        pending = _plant(label, seed_node[a:b], seed_label[a:b])
        far[: len(pending)] = pending
        state = np.array([0, len(pending), 0], np.uint64)
        while not _relax(start, arc, label, width, degree, near, far, state):
            near, far = np.append(near, np.empty_like(near)), np.append(far, np.empty_like(far))
        found, own = _region(start, arc, label, seed_node[a:b], seed_owner[a:b], nothing)
        count = begin[f] + len(found)
        while count > len(nodes):
            nodes, costs = np.append(nodes, np.empty_like(nodes)), np.append(costs, np.empty_like(costs))
        nodes[begin[f] : count], costs[begin[f] : count] = found, own
        begin[f + 1] = count
    return begin, nodes[: begin[-1]], costs[: begin[-1]]


def table(way: Way, homes: Snaps, facilities: Snaps, *, limit: float) -> Reach:
    """The cost from every home to every facility within `limit`, sparse, one row a home.

    Parameters
    ----------
    homes, facilities : (n,) and (m,) points on the edges of `way`; those not snapped have no entry
    limit : inclusive; at most what the way was made for

    Notes
    -----
    The least entry of a row is what `gis.walking.to_nearest` gives.
    """
    parts = list(_chunks(way, homes, facilities, limit))
    home, site, cost = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(home, kind="stable")
    indptr = np.searchsorted(home[order], np.arange(len(homes.edge) + 1))
    return Reach(indptr, site[order], cost[order], len(facilities.edge))


def _chunks(way: Way, homes: Snaps, facilities: Snaps, limit: float) -> Iterator[tuple[Ints, Ints, Floats]]:
    """Pairs facility by facility, ascending; at least one chunk, be it empty."""
    net, topology = way.net, way.net.topology
    on_edge = _by_edge(homes.edge, len(net.u))
    for low in range(0, max(1, len(facilities.edge)), CHUNK):
        some = facilities.take(np.arange(low, min(low + CHUNK, len(facilities.edge))))
        ball = balls(way.graph, seeds(way, some), facilities=len(some.edge), limit=limit)
        home, site, cost = _pairs(
            ball.start, ball.node, ball.cost, some.edge, some.share, some.leg_m / way.speed, *on_edge, homes.share,
            homes.leg_m / way.speed, topology.u, topology.v, way.oneway, way.cost, topology.around.start,
            topology.around.edge, float(limit),
        )  # fmt: skip
        yield home, site + np.int32(low), cost


@compiled
def _pairs(
    begin: Longs, node: Ints, ball: Floats, f_edge: Ints, f_share: Floats, f_leg: Floats, first: Ints, following: Ints,
    share: Floats, leg: Floats, u: Ints, v: Ints, oneway: NDArray[np.int8], cost: Floats,
    start: NDArray[np.uint32], incident: Ints, limit: float,
) -> tuple[Ints, Ints, Floats]:  # fmt: skip
    """Homes on the edges around each ball: left by either end, or met on the facility's own edge."""
    at, seen = np.full(len(start) - 1, np.inf), np.full(len(cost), -1, np.int32)
    size, count = 4096, 0
    home, site, value = np.empty(size, np.int32), np.empty(size, np.int32), np.empty(size, np.float64)
    edges = np.empty(len(cost), np.int32)
    for f in range(len(f_edge)):
        if f_edge[f] < 0:
            continue
        touched, edges[0] = 1, f_edge[f]
        seen[f_edge[f]] = f
        for k in range(begin[f], begin[f + 1]):
            at[node[k]] = ball[k]
            for a in range(start[node[k]], start[node[k] + 1]):
                if seen[incident[a]] != f and first[incident[a]] >= 0:
                    edges[touched] = incident[a]
                    touched += 1
                seen[incident[a]] = f
        for k in range(touched):
            e = edges[k]
            w = cost[e]
            i = first[e] if np.isfinite(w) else -1
            while i >= 0:
                best = np.inf
                if oneway[e] <= 0 or share[i] == 0.0:
                    best = at[u[e]] + share[i] * w
                if oneway[e] >= 0 or share[i] == 1.0:
                    best = min(best, at[v[e]] + (1.0 - share[i]) * w)
                if e == f_edge[f]:
                    ahead = f_share[f] - share[i]
                    if ahead == 0.0 or (ahead > 0.0 and oneway[e] >= 0) or (ahead < 0.0 and oneway[e] <= 0):
                        best = min(best, f_leg[f] + abs(ahead) * w)
                best += leg[i]
                if best <= limit:
                    if count == size:
                        home, site = np.append(home, np.empty_like(home)), np.append(site, np.empty_like(site))
                        value = np.append(value, np.empty_like(value))
                        size *= 2
                    home[count], site[count], value[count] = i, f, best
                    count += 1
                i = following[i]
        for k in range(begin[f], begin[f + 1]):
            at[node[k]] = np.inf
    return home[:count], site[:count], value[:count]
