"""Every facility each household can walk to, not only the nearest: one small search per facility, no dense matrix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gis.compiled import compiled, prefetch
from gis.kernel import NONE, Graph, Seeds, Words, _plant, _relax, begun, empty, labels
from gis.reach import Reach
from gis.walking import Way, seeds
from gis.walknet import Snaps

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]

#: Pairs there is room for at first; what is not written to takes no memory.
ROOM = 2**20

#: Pairs ahead of which the memory they go to is asked for.
_SOON, _LATER = 16, 32

#: Facilities searched before their pairs are taken: bounds the memory beside the answer.
CHUNK = 256

_HALF, _REST = np.uint64(32), np.uint64(NONE)


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
    start, node, cost = _balls(
        graph.start, graph.arc, graph.width, graph.degree, first, sources.node, labels(sources, graph.scale),
        np.uint64(field.nothing), field.label, 1.0 / graph.scale,
    )  # fmt: skip
    return Balls(start, node, cost)


@compiled
def _balls(
    start: NDArray[np.uint32], arc: Words, width: int, degree: int, first: Longs, seed_node: Ints,
    seed_label: Words, nothing: np.uint64, label: Words, unit: float,
) -> tuple[Longs, Ints, Floats]:  # fmt: skip
    near, far = np.zeros(4096 + 4 * degree, np.uint64), np.empty(4096 + 4 * degree, np.uint64)
    nodes, costs = np.empty(ROOM, np.int32), np.empty(ROOM, np.float64)
    begin = np.zeros(len(first), np.int64)
    for f in range(len(first) - 1):
        a, b = first[f], first[f + 1]
        pending = _plant(label, seed_node[a:b], seed_label[a:b])
        far[: len(pending)] = pending
        state = begun(len(pending))
        while not _relax(start, arc, label, width, degree, near, far, state, True):
            near, far = np.append(near, np.zeros_like(near)), np.append(far, np.empty_like(far))
        trail = near[: state[1]]
        while begin[f] + len(trail) > len(nodes):
            nodes, costs = _doubled(nodes), _doubled(costs)
        begin[f + 1] = begin[f] + _gather(trail, label, nothing, unit, nodes[begin[f] :], costs[begin[f] :])
    return begin, nodes[: begin[-1]], costs[: begin[-1]]


@compiled
def _doubled(column: NDArray) -> NDArray:
    """The same with as much room again."""
    wider = np.empty(2 * len(column), column.dtype)
    wider[: len(column)] = column
    return wider


@compiled
def _gather(trail: Words, label: Words, nothing: np.uint64, unit: float, nodes: Ints, costs: Floats) -> int:
    """The nodes that a search has reached, with their costs; their labels are wiped. How many."""
    count = 0
    for entry in trail:
        p = entry & _REST
        nodes[count], costs[count] = p, np.float64(label[p] >> _HALF) * unit
        count += label[p] != nothing
        label[p] = nothing
    return count


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
    return Reach(*_by_home(home, site, cost, len(homes.edge)), len(facilities.edge))


@compiled
def _by_home(home: Ints, site: Ints, cost: Floats, homes: int) -> tuple[Longs, Ints, Floats]:
    """Counting sort of the pairs by home; sites stay ascending."""
    start = np.zeros(homes + 2, np.int64)
    for k in range(len(home)):
        start[home[k] + 2] += 1
    start = np.cumsum(start)
    sites, costs, last = np.empty(len(site), np.int32), np.empty(len(cost), np.float64), len(home) - 1
    for k in range(len(home)):
        soon, later = start[home[min(k + _SOON, last)] + 1], home[min(k + _LATER, last)] + 1
        prefetch(sites, soon)
        prefetch(costs, soon)
        prefetch(start, later)
        at = start[home[k] + 1]
        sites[at], costs[at] = site[k], cost[k]
        start[home[k] + 1] += 1
    return start[:-1].copy(), sites, costs


@dataclass(frozen=True, eq=False)
class _Homes:
    """Homes in the order of their edges, so that those of one edge lie together: `first[e]` to `first[e + 1]`."""

    row: Ints
    first: Longs
    share: Floats
    leg: Floats


def _sorted(way: Way, homes: Snaps) -> _Homes:
    row, first = _by_edge(homes.edge, len(way.net.u))
    return _Homes(row, first, homes.share[row], homes.leg_m[row] / way.speed)


@compiled
def _by_edge(edge: Ints, edges: int) -> tuple[Ints, Longs]:
    """Counting sort of the homes by edge; those without one are left out."""
    first = np.zeros(edges + 2, np.int64)
    for i in range(len(edge)):
        if edge[i] >= 0:
            first[edge[i] + 2] += 1
    first = np.cumsum(first)
    row = np.empty(first[-1], np.int32)
    for i in range(len(edge)):
        if edge[i] >= 0:
            row[first[edge[i] + 1]] = i
            first[edge[i] + 1] += 1
    return row, first[:-1].copy()


def _chunks(way: Way, homes: Snaps, facilities: Snaps, limit: float) -> Iterator[tuple[Ints, Ints, Floats]]:
    """Pairs facility by facility, ascending; at least one chunk, be it empty."""
    topology, by_edge = way.net.topology, _sorted(way, homes)
    for low in range(0, max(1, len(facilities.edge)), CHUNK):
        some = facilities.take(np.arange(low, min(low + CHUNK, len(facilities.edge))))
        ball = balls(way.graph, seeds(way, some), facilities=len(some.edge), limit=limit)
        home, site, cost = _pairs(
            ball.start, ball.node, ball.cost, some.edge, some.share, some.leg_m / way.speed, by_edge.row, by_edge.first,
            by_edge.share, by_edge.leg, topology.u, topology.v, way.oneway, way.cost, way.back,
            topology.around.start, topology.around.edge, float(limit),
        )  # fmt: skip
        yield home, site + np.int32(low), cost


@compiled
def _pairs(
    begin: Longs, node: Ints, ball: Floats, f_edge: Ints, f_share: Floats, f_leg: Floats, row: Ints, first: Longs,
    share: Floats, leg: Floats, u: Ints, v: Ints, oneway: NDArray[np.int8], cost: Floats,
    back: Floats, start: NDArray[np.uint32], incident: Ints, limit: float,
) -> tuple[Ints, Ints, Floats]:  # fmt: skip
    """Homes on the edges around each ball: left by either end, or met on the facility's own edge."""
    at, seen = np.full(len(start) - 1, np.inf), np.full(len(cost), -1, np.int32)
    edges, count = np.empty(len(cost), np.int32), 0
    home, site, value = np.empty(ROOM, np.int32), np.empty(ROOM, np.int32), np.empty(ROOM, np.float64)
    for f in range(len(f_edge)):
        if f_edge[f] < 0:
            continue
        touched, homes = 1, first[f_edge[f] + 1] - first[f_edge[f]]
        edges[0], seen[f_edge[f]] = f_edge[f], f
        for k in range(begin[f], begin[f + 1]):
            at[node[k]] = ball[k]
            for a in range(start[node[k]], start[node[k] + 1]):
                e = incident[a]
                if seen[e] != f and first[e] < first[e + 1]:
                    edges[touched] = e
                    touched += 1
                    homes += first[e + 1] - first[e]
                seen[e] = f
        while count + homes >= len(home):
            home, site, value = _doubled(home), _doubled(site), _doubled(value)
        count = _emit(edges[:touched], at, f, f_edge[f], f_share[f], f_leg[f], row, first, share, leg, u, v, oneway,
                      cost, back, limit, home, site, value, count)  # fmt: skip
        for k in range(begin[f], begin[f + 1]):
            at[node[k]] = np.inf
    return home[:count], site[:count], value[:count]


@compiled
def _emit(
    edges: Ints, at: Floats, f: int, f_edge: int, f_share: float, f_leg: float, row: Ints, first: Longs, share: Floats,
    leg: Floats, u: Ints, v: Ints, oneway: NDArray[np.int8], cost: Floats, back: Floats, limit: float, home: Ints,
    site: Ints, value: Floats, count: int,
) -> int:  # fmt: skip
    """The pairs of one facility with the homes on these edges, written from `count` on."""
    last = len(edges) - 1
    for k in range(len(edges)):
        e, soon = edges[k], edges[min(k + _SOON, last)]
        prefetch(cost, soon)
        prefetch(u, soon)
        prefetch(v, soon)
        prefetch(share, first[soon])
        prefetch(leg, first[soon])
        prefetch(row, first[soon])
        w, w_back, by_u, by_v = cost[e], back[e], at[u[e]], at[v[e]]
        if not np.isfinite(w):
            continue
        for i in range(first[e], first[e + 1]):
            best = np.inf
            if oneway[e] <= 0 or share[i] == 0.0:
                best = by_u + share[i] * w_back
            if oneway[e] >= 0 or share[i] == 1.0:
                best = min(best, by_v + (1.0 - share[i]) * w)
            if e == f_edge:
                ahead = f_share - share[i]
                if ahead == 0.0 or (ahead > 0.0 and oneway[e] >= 0) or (ahead < 0.0 and oneway[e] <= 0):
                    best = min(best, f_leg + abs(ahead) * (w if ahead > 0.0 else w_back))
            best += leg[i]
            home[count], site[count], value[count] = row[i], f, best
            count += best <= limit
    return count
