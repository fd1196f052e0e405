"""Bounded shortest paths over the walking network, compiled.

A search starts at the facilities and runs against the direction of walking, so that what it finds at a node is the cost
*from* that node *to* the nearest facility, in seconds or metres. A facility partway along an edge is two seeds, one at
each end it can be reached from, each with its offset.

Costs are whole numbers of a small unit, rounded down: 2^-20 of a second (or metre) up to a limit of 2,047, coarser
beyond. A label is cost x 2^32 + facility in one 64-bit word, so one comparison asks for the smaller cost and, of equal
costs, the smaller facility. Whole numbers add exactly, so the least labels are unique: whatever order the queue works
in, whatever was added or removed before, the same network gives the same bits. `gis.plain` says the same with scipy
and is the truth these loops are tested against.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, log2

import numpy as np
from numpy.typing import NDArray

from gis.compiled import compiled, prefetch

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Words = NDArray[np.uint64]

#: Facility of a label that has none: larger than any.
NONE = 2**32 - 1

#: Cost of a closed arc; no label reaches it.
CLOSED = 2**31 - 1

FINEST = 2.0**20

#: Entries a queue begins with; it grows when full.
ROOM = 2**15

#: How many entries ahead labels and arcs, and before them where the arcs are, are asked for.
_SOON, _LATER = np.uint64(8), np.uint64(16)

_ONE, _HALF, _COST, _REST = np.uint64(1), np.uint64(32), np.uint64(0xFFFFFFFF00000000), np.uint64(0xFFFFFFFF)


@dataclass(frozen=True, eq=False)
class Arcs:
    """Arcs out of node i are `head[start[i]:start[i + 1]]`; each belongs to edge `edge`."""

    start: NDArray[np.uint32]
    head: Ints
    edge: Ints


@dataclass(frozen=True, eq=False)
class Topology:
    """Who is joined to whom, nodes numbered anew along a Z-curve so that neighbours lie close in memory.

    `u`, `v` the ends of each edge and `rank` the new number of each node. `back` leads from a node to where one may
    have come from, `forth` to where one may go (the same object where no edge is one-way), `around` along every edge
    whatever its direction.
    """

    u: Ints
    v: Ints
    rank: Ints
    back: Arcs
    forth: Arcs
    around: Arcs


#: In how many steps at most the bound of a search moves to the limit, however short the arcs, or if none is passable.
MOST_STEPS = 2.0**16


@dataclass(frozen=True, eq=False)
class Graph:
    """Arcs with their costs: `arc` is cost x 2^32 + head, in units of 1 / `scale`; `limit` is what it can measure."""

    start: NDArray[np.uint32]
    arc: Words
    scale: float
    limit: float
    width: int
    degree: int


@dataclass(frozen=True, eq=False)
class Seeds:
    """Where searches start: `node`, `cost` from there to the facility, `facility`; (s,) each, facilities ascending."""

    node: Ints
    cost: Floats
    facility: Ints

    def of(self, facility: int) -> Seeds:
        """The seeds of one facility."""
        one = slice(*np.searchsorted(self.facility, (facility, facility + 1)))
        return Seeds(self.node[one], self.cost[one], self.facility[one])

    def among(self, nodes: Ints) -> Seeds:
        """The seeds at some nodes, and perhaps others: all whose number lies between theirs."""
        near = (self.node >= nodes.min(initial=CLOSED)) & (self.node <= nodes.max(initial=-1))
        return Seeds(self.node[near], self.cost[near], self.facility[near])


@dataclass(frozen=True, eq=False)
class Field:
    """What a search found: a label a node, in units of 1 / `scale`; `nothing` where none is within the limit."""

    label: Words
    scale: float
    nothing: int

    @property
    def cost(self) -> Floats:
        """Cost to the nearest facility, infinite where there is none."""
        return np.where(self.label < self.nothing, (self.label >> _HALF) / self.scale, np.inf)

    @property
    def facility(self) -> Ints:
        """The nearest facility, -1 where there is none."""
        return (self.label & _REST).astype(np.uint32).astype(np.int32)


def topology(u: Ints, v: Ints, oneway: NDArray[np.int8], *, x: Floats, y: Floats) -> Topology:
    """Arcs of the edges u to v, both ways unless `oneway` is 1 (only u to v) or -1 (only v to u); x, y in metres."""
    rank = np.empty(len(x), np.int32)
    rank[np.argsort(_along_curve(x, y), kind="stable")] = np.arange(len(x), dtype=np.int32)
    u, v = rank[u], rank[v]
    around = Arcs(*_arcs(u, v, np.zeros(len(u), np.int8), len(x)))
    if not oneway.any():
        return Topology(u, v, rank, back=around, forth=around, around=around)
    back, forth = Arcs(*_arcs(v, u, oneway, len(x))), Arcs(*_arcs(u, v, oneway, len(x)))
    return Topology(u, v, rank, back=back, forth=forth, around=around)


def _along_curve(x: Floats, y: Floats) -> Words:
    """Position on a Z-curve of 20 m cells: the bits of column and row interleaved."""
    return _spaced(x) | (_spaced(y) << _ONE)


def _spaced(metres: Floats) -> Words:
    low = metres.min() if len(metres) else 0.0
    bits = ((metres - low) / 20.0).astype(np.uint32).astype(np.uint64)
    for shift, mask in ((16, 0x0000FFFF0000FFFF), (8, 0x00FF00FF00FF00FF), (4, 0x0F0F0F0F0F0F0F0F),
                        (2, 0x3333333333333333), (1, 0x5555555555555555)):  # fmt: skip
        bits = (bits | (bits << np.uint64(shift))) & np.uint64(mask)
    return bits


@compiled
def _arcs(tail: Ints, head: Ints, oneway: NDArray[np.int8], nodes: int) -> tuple[NDArray[np.uint32], Ints, Ints]:
    """Counting sort of the arcs by their tail; within a node in order of the edges."""
    start = np.zeros(nodes + 2, np.int64)
    for e in range(len(tail)):
        start[tail[e] + 2] += oneway[e] >= 0
        start[head[e] + 2] += oneway[e] <= 0
    start = np.cumsum(start)
    target, edge = np.empty(start[-1], np.int32), np.empty(start[-1], np.int32)
    for e in range(len(tail)):
        if oneway[e] >= 0:
            target[start[tail[e] + 1]], edge[start[tail[e] + 1]] = head[e], e
            start[tail[e] + 1] += 1
        if oneway[e] <= 0:
            target[start[head[e] + 1]], edge[start[head[e] + 1]] = tail[e], e
            start[head[e] + 1] += 1
    return start[:-1].astype(np.uint32), target, edge


def weigh(arcs: Arcs, cost: Floats, *, limit: float) -> Graph:
    """Arcs with the costs of their edges, (e,), infinite where closed; good for searches up to `limit`.

    No arc is free: each costs a unit at least, so that a way back down the labels never turns in a circle.
    """
    scale = min(FINEST, 2.0 ** floor(log2((CLOSED - 1) / limit)))
    units = np.where(cost * scale < CLOSED, np.maximum(cost * scale, 1), CLOSED).astype(np.uint64)
    passable = units[units < CLOSED]
    usual, least = 1.5 * passable.mean() if len(passable) else 0.0, limit * scale / MOST_STEPS
    width = max(1, int(max(usual, least)))
    arc = (units[arcs.edge] << _HALF) | arcs.head.astype(np.uint64)
    return Graph(arcs.start, arc, scale, limit, width, int(np.diff(arcs.start).max(initial=0)))


def empty(graph: Graph, *, limit: float, into: Words | None = None) -> Field:
    """A field in which nothing has been found yet, in fresh memory or in `into`, which it overwrites."""
    if not 0 <= limit <= graph.limit:
        raise ValueError(f"this graph measures up to {graph.limit}, not {limit}")
    nothing = (int(limit * graph.scale) << 32) | NONE
    label = np.empty(len(graph.start) - 1, np.uint64) if into is None else into
    label.fill(np.uint64(nothing))
    return Field(label, graph.scale, nothing)


def nearest(graph: Graph, seeds: Seeds, *, limit: float, into: Words | None = None) -> Field:
    """The nearest facility of every node within `limit` (inclusive, to a unit): one search from all seeds at once."""
    field = empty(graph, limit=limit, into=into)
    spread(graph, field, seeds)
    return field


def labels(seeds: Seeds, scale: float) -> Words:
    """The label each seed would set at its node."""
    units = np.minimum(seeds.cost * scale, CLOSED).astype(np.uint64)
    return (units << _HALF) | seeds.facility.astype(np.uint64)


def spread(graph: Graph, field: Field, seeds: Seeds) -> None:
    """Let seeds improve a field in place, and whatever follows from them."""
    _settle(graph, field, _plant(field.label, seeds.node, labels(seeds, field.scale)))


def _settle(graph: Graph, field: Field, pending: Words) -> None:
    room = max(ROOM, 2 * len(pending) + graph.degree)
    near, far = np.zeros(room, np.uint64), np.empty(room, np.uint64)
    far[: len(pending)] = pending
    state = begun(len(pending))
    while not _relax(graph.start, graph.arc, field.label, graph.width, graph.degree, near, far, state, False):
        near, far = (np.append(queue, np.zeros_like(queue)) for queue in (near, far))


@compiled
def begun(pending: int) -> Words:
    """Where a search stands before it begins, with so many entries in `far`: see `_relax`."""
    state = np.zeros(4, np.uint64)
    state[2] = pending
    return state


@compiled
def _plant(label: Words, node: Ints, seed: Words) -> Words:
    """Seeds that improve their node, as queue entries: cost x 2^32 + node."""
    pending, count = np.empty(len(node), np.uint64), 0
    for s in range(len(node)):
        if seed[s] < label[node[s]]:
            label[node[s]] = seed[s]
            pending[count] = (seed[s] & _COST) | np.uint64(node[s])
            count += 1
    return pending[:count]


@compiled
def _relax(
    start: NDArray[np.uint32], arc: Words, label: Words, width: int, degree: int, near: Words, far: Words,
    state: Words, trail: bool,
) -> bool:  # fmt: skip
    """Settle all entries of the queue; False when it is full, to be called again with more room and the same `state`.

    `near` holds entries below the present bound, first in first out, `far` the rest in any order; when `near` is done
    the bound moves on by `width` and `far` is sorted through. With `trail`, `near` is not emptied then: it keeps all
    entries it ever had. An entry whose node has improved since finds nothing more to improve: cheaper than a branch to
    skip it, which nobody can predict. For the same reason appends write always and count only where they should. What
    later entries need is asked for ahead (behind the end of `near` there are old entries or zeros, which do no harm).
    `state`: first and end of `near`, end of `far`, bound.
    """
    if not len(arc):
        return True
    first, i, j, bound = state[0], state[1], state[2], state[3]
    step, room = np.uint64(width) << _HALF, np.uint64(len(near)) - np.uint64(degree) - _LATER
    while first < i or j > 0:
        if first == i:
            if not trail:
                first, i = np.uint64(0), np.uint64(0)
            if i + j > room:
                state[0], state[1], state[2], state[3] = first, i, j, bound
                return False
            bound, count, j = bound + step, j, np.uint64(0)
            for k in range(count):
                entry = far[k]
                close = np.uint64(entry < bound)
                near[i], far[j] = entry, entry
                i += close
                j += _ONE - close
        while first < i:
            if i > room or j > room:
                state[0], state[1], state[2], state[3] = first, i, j, bound
                return False
            p, soon, later = near[first] & _REST, near[first + _SOON] & _REST, near[first + _LATER] & _REST
            prefetch(label, soon)
            prefetch(arc, np.uint64(start[soon]))
            prefetch(start, later)
            first += _ONE
            reached = label[p]
            for k in range(np.uint64(start[p]), np.uint64(start[p + _ONE])):
                q, found = arc[k] & _REST, reached + (arc[k] & _COST)
                old = label[q]
                label[q] = min(found, old)
                near[i] = far[j] = (found & _COST) | q
                better = np.uint64(found < old)
                close = better & np.uint64(found < bound)
                i += close
                j += better - close
    state[1] = i
    return True


def add(graph: Graph, field: Field, seeds: Seeds) -> Ints:
    """Add one facility to a field in place; the nodes that became its own.

    Equal to a search from all facilities together, and `remove` with the same seeds takes it back to the last bit.
    """
    spread(graph, field, seeds)
    nodes, own = _wiped(graph, field, seeds)
    field.label[nodes] = own
    return nodes


def remove(graph: Graph, field: Field, seeds: Seeds, *, others: Seeds, reverse: Graph) -> Ints:
    """Take one facility out of a field in place; the nodes that were its own.

    Parameters
    ----------
    seeds, others : of the facility, and of all that remain
    reverse : the same costs over the arcs in the other direction
    """
    nodes, _ = _wiped(graph, field, seeds)
    rim, inside = _refill(reverse.start, reverse.arc, field.label, nodes), others.among(nodes)
    _settle(graph, field, np.append(rim, _plant(field.label, inside.node, labels(inside, field.scale))))
    return nodes


def _wiped(graph: Graph, field: Field, seeds: Seeds) -> tuple[Ints, Words]:
    """The nodes of one facility and the labels they had; they have none now."""
    nodes, own = np.empty(len(field.label), np.int32), np.empty(len(field.label), np.uint64)
    nothing = np.uint64(field.nothing)
    count = _region(graph.start, graph.arc, field.label, seeds.node, seeds.facility, nothing, nodes, own)
    return nodes[:count].copy(), own[:count].copy()


@compiled
def _region(
    start: NDArray[np.uint32], arc: Words, label: Words, roots: Ints, owner: Ints, nothing: np.uint64, nodes: Ints,
    own: Words,
) -> int:  # fmt: skip
    """All nodes of one facility, found from its seeds, and their labels, which are wiped; how many.

    They are written to `nodes` and `own`, which have room for every node: growing them here would cost more than the
    search.
    """
    count, done = 0, 0
    for r in range(len(roots)):
        p = roots[r]
        if label[p] != nothing and (label[p] & _REST) == np.uint64(owner[r]):
            nodes[count], own[count] = p, label[p]
            label[p] = nothing
            count += 1
    while done < count:
        p, facility = np.uint64(nodes[done]), own[done] & _REST
        done += 1
        for k in range(np.uint64(start[p]), np.uint64(start[p + _ONE])):
            q = arc[k] & _REST
            found = label[q]
            if found != nothing and (found & _REST) == facility:
                nodes[count], own[count] = q, found
                label[q] = nothing
                count += 1
    return count


@compiled
def _refill(start: NDArray[np.uint32], arc: Words, label: Words, nodes: Ints) -> Words:
    """Labels of wiped nodes from the rim around them, as queue entries."""
    pending, count = np.empty(len(nodes), np.uint64), 0
    for k in range(len(nodes)):
        q = np.uint64(nodes[k])
        best = label[q]
        for a in range(np.uint64(start[q]), np.uint64(start[q + _ONE])):
            best = min(best, label[arc[a] & _REST] + (arc[a] & _COST))
        if best < label[q]:
            label[q] = best
            pending[count] = (best & _COST) | q
            count += 1
    return pending[:count]
