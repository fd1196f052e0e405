"""Bounded shortest paths over the walking network, compiled.

A search starts at the facilities and runs against the direction of walking, so that what it finds at a node is the time
*from* that node *to* the nearest facility. A facility partway along an edge is two seeds, one at each end it can be
reached from, each with its offset.

A label is (seconds, facility); smaller seconds win, of equal seconds the smaller facility. Adding a float is monotone,
so the least labels are unique: whatever order the queue works in, the answer has the same bits. `gis.plain` says the
same thing with scipy and is the truth these loops are tested against.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gis.compiled import compiled

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]

#: No facility: larger than any index, so that it loses every comparison.
NONE = np.int32(2**31 - 1)

BUCKETS_AT_MOST = 4096


@dataclass(frozen=True, eq=False)
class Arcs:
    """Arcs out of node i are `head[start[i]:start[i + 1]]`; each belongs to edge `edge`."""

    start: Ints
    head: Ints
    edge: Ints


@dataclass(frozen=True, eq=False)
class Topology:
    """`back` leads from a node to where one may have come from, `forth` to where one may go."""

    back: Arcs
    forth: Arcs


@dataclass(frozen=True, eq=False)
class Graph:
    """A topology with seconds on its arcs: what one profile needs."""

    start: Ints
    head: Ints
    seconds: Floats
    width: float


@dataclass(frozen=True, eq=False)
class Seeds:
    """Where searches start: `node`, `seconds` from there to the facility, `facility` index; (s,) each.

    Seeds of one facility stand together and facilities are in ascending order.
    """

    node: Ints
    seconds: Floats
    facility: Ints


@dataclass(frozen=True, eq=False)
class Field:
    """What a search found: seconds to the nearest facility (infinite beyond the limit) and which it is (`NONE`)."""

    seconds: Floats
    facility: Ints


def topology(u: Ints, v: Ints, oneway: NDArray[np.int8], *, nodes: int) -> Topology:
    """Arcs of the edges u to v, both ways unless `oneway` is 1 (only u to v) or -1 (only v to u)."""
    forth = Arcs(*_arcs(u, v, oneway, nodes))
    return Topology(back=Arcs(*_arcs(v, u, oneway, nodes)) if oneway.any() else forth, forth=forth)


@compiled
def _arcs(tail: Ints, head: Ints, oneway: NDArray[np.int8], nodes: int) -> tuple[Ints, Ints, Ints]:
    """Counting sort of the arcs by their tail; within a node in order of the edges."""
    start = np.zeros(nodes + 2, np.int32)
    for e in range(len(tail)):
        start[tail[e] + 2] += oneway[e] >= 0
        start[head[e] + 2] += oneway[e] <= 0
    start = np.cumsum(start).astype(np.int32)
    target, edge = np.empty(start[-1], np.int32), np.empty(start[-1], np.int32)
    for e in range(len(tail)):
        if oneway[e] >= 0:
            target[start[tail[e] + 1]], edge[start[tail[e] + 1]] = head[e], e
            start[tail[e] + 1] += 1
        if oneway[e] <= 0:
            target[start[head[e] + 1]], edge[start[head[e] + 1]] = tail[e], e
            start[head[e] + 1] += 1
    return start[:-1].copy(), target, edge


def weigh(arcs: Arcs, edge_seconds: Floats) -> Graph:
    """Arcs with the seconds of their edges, which may be infinite; the bucket width follows the mean edge."""
    finite = edge_seconds[np.isfinite(edge_seconds)]
    width = float(finite.mean()) / 2 if len(finite) and finite.mean() > 0 else 1.0
    return Graph(arcs.start, arcs.head, edge_seconds[arcs.edge], width)


def nearest(graph: Graph, seeds: Seeds, *, limit: float) -> Field:
    """The nearest facility of every node within `limit` seconds (inclusive), one search from all seeds at once."""
    nodes = len(graph.start) - 1
    field = Field(np.full(nodes, np.inf), np.full(nodes, NONE, np.int32))
    _spread(graph.start, graph.head, graph.seconds, seeds.node, seeds.seconds, seeds.facility,
            float(limit), _width(graph, limit), field.seconds, field.facility)  # fmt: skip
    return field


def _width(graph: Graph, limit: float) -> float:
    if not np.isfinite(limit):
        raise ValueError("a search needs a finite limit")
    return max(graph.width, float(limit) / BUCKETS_AT_MOST)


@compiled
def _spread(
    start: Ints, head: Ints, weight: Floats, seed_node: Ints, seed_seconds: Floats, seed_facility: Ints,
    limit: float, width: float, seconds: Floats, facility: Ints,
) -> int:  # fmt: skip
    """Labels out from the seeds into `seconds` and `facility`, in buckets of `width`; returns how many were settled.

    A bucket is a linked list of entries (node, seconds); an entry whose node has improved since is stale and skipped.
    Freed entries are used again, so the pool stays as small as the frontier and warm in the cache.
    """
    buckets = np.full(int(limit / width) + 2, -1, np.int32)
    size = len(seed_node) + 1024
    entry_node, entry_next = np.empty(size, np.int32), np.empty(size, np.int32)
    entry_seconds = np.empty(size, np.float64)
    used, free, settled = 0, -1, 0
    scale = 1.0 / width
    for s in range(len(seed_node)):
        q, d = seed_node[s], seed_seconds[s]
        if d > limit or d > seconds[q] or (d == seconds[q] and seed_facility[s] >= facility[q]):
            continue
        seconds[q], facility[q] = d, seed_facility[s]
        b = int(d * scale)
        entry_node[used], entry_seconds[used], entry_next[used] = q, d, buckets[b]
        buckets[b] = used
        used += 1
    for b in range(len(buckets)):
        while buckets[b] >= 0:
            at = buckets[b]
            buckets[b] = entry_next[at]
            p, d = entry_node[at], entry_seconds[at]
            entry_next[at] = free
            free = at
            if d != seconds[p]:
                continue
            settled += 1
            owner = facility[p]
            for k in range(start[p], start[p + 1]):
                q, t = head[k], d + weight[k]
                if t > limit or t > seconds[q] or (t == seconds[q] and owner >= facility[q]):
                    continue
                seconds[q], facility[q] = t, owner
                c = int(t * scale)
                if free >= 0:
                    at = free
                    free = entry_next[at]
                else:
                    if used == size:
                        entry_node = np.append(entry_node, np.empty(size, np.int32))
                        entry_next = np.append(entry_next, np.empty(size, np.int32))
                        entry_seconds = np.append(entry_seconds, np.empty(size, np.float64))
                        size *= 2
                    at = used
                    used += 1
                entry_node[at], entry_seconds[at], entry_next[at] = q, t, buckets[c]
                buckets[c] = at
    return settled
