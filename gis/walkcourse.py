"""The course of all walked ways laid end to end, and where it is cut into edges: topology only, no tags.

One row per vertex passed, runs one after the other, so that every step is a whole-column operation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse
import shapely
from scipy.sparse.csgraph import connected_components

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Course:
    """(c,) vertices passed, in order."""

    node: Ints
    """Row in the table of vertices."""
    way: Ints
    """Row in the table of ways."""
    starts: Bools
    """True where a run begins; a way has several where it is broken."""

    @property
    def ends(self) -> Bools:
        """True where a run ends."""
        return np.append(self.starts[1:], True)[: len(self.starts)]

    def keep(self, kept: Bools) -> Course:
        """The course without some vertices; a run whose first vertex goes begins at the next."""
        runs = np.cumsum(self.starts)[kept]
        return Course(self.node[kept], self.way[kept], np.diff(runs, prepend=0) > 0)


@dataclass(frozen=True)
class Pieces:
    """(e,) stretches of a course between two cuts, both ends included."""

    first: Ints
    last: Ints
    u: Ints
    v: Ints
    """Nodes: rows of `node_row`."""
    node_row: Ints
    """(n,) the vertex each node stands on; several nodes stand on a shut barrier."""


def spans(first: Ints, count: Ints) -> Ints:
    """The numbers first[i], first[i] + 1, … count[i] of them, for every i, one after the other."""
    before = np.cumsum(count) - count
    return np.repeat(first - before, count) + np.arange(int(count.sum()))


def lay(ways: Ints, refs: Ints, offsets: Ints, ids: Ints) -> tuple[Course, Bools]:
    """Lay the ways at the rows `ways` end to end; breaks them at refs that are not among `ids` (sorted).

    Returns the course and (w,) True where a way lacked a vertex.
    """
    count = offsets[ways + 1] - offsets[ways]
    way, ref = np.repeat(ways, count), refs[spans(offsets[ways], count)]
    row = np.minimum(np.searchsorted(ids, ref), max(len(ids) - 1, 0))
    missing = ids[row] != ref if len(ids) else np.ones(len(ref), dtype=bool)
    new_way = np.diff(way, prepend=-1) != 0
    broken = np.zeros(len(offsets) - 1, dtype=bool)
    broken[way[missing]] = True
    return Course(row, way, new_way | missing).keep(~missing), broken


def one_place_one_vertex(course: Course, lon: Floats, lat: Floats) -> tuple[Course, Ints]:
    """Take vertices that follow each other at one place for one, and pass each but once.

    Returns the course and (n,) the vertex each vertex is taken for.
    """
    a, b = course.node[:-1], course.node[1:]
    same = ~course.starts[1:] & (lon[a] == lon[b]) & (lat[a] == lat[b])
    stands_for = _smallest(np.column_stack([a[same], b[same]]), len(lon))
    node = stands_for[course.node]
    again = np.append(False, (node[1:] == node[:-1]) & ~course.starts[1:])[: len(node)]
    once = Course(node, course.way, course.starts).keep(~again)
    return once.keep(~(once.starts & once.ends)), stands_for


def cut(course: Course, marked: Bools, shut: Bools) -> Pieces:
    """Cut a course where vertices are shared, where runs end, and at the vertices `marked`.

    `shut` vertices, some of the marked ones, keep apart what meets there: see `_apart`.
    """
    passed = np.bincount(course.node, minlength=len(marked))
    at_cut = course.starts | course.ends | ((passed >= 2) | marked)[course.node]
    position = np.flatnonzero(at_cut)
    leads_on = ~course.ends[position]
    first, last = position[leads_on], np.append(position[1:], 0)[: len(position)][leads_on]
    copy = _apart(course, np.concatenate([first, last]), shut, passed)
    key = course.node[np.concatenate([first, last])] * (int(copy.max(initial=0)) + 1) + copy
    keys, node = np.unique(key, return_inverse=True)
    return Pieces(first, last, node[: len(first)], node[len(first) :], keys // (int(copy.max(initial=0)) + 1))


def metres(course: Course, pieces: Pieces, x: Floats, y: Floats) -> Floats:
    """(e,) length of each piece, from the metric positions of the vertices."""
    if len(pieces.first) == 0:
        return np.zeros(0)
    legs = np.hypot(np.diff(x[course.node], append=0.0), np.diff(y[course.node], append=0.0))
    return np.add.reduceat(legs, np.column_stack([pieces.first, pieces.last]).ravel())[::2]


def lines(course: Course, pieces: Pieces, lon: Floats, lat: Floats) -> npt.NDArray[Any]:
    """(e,) LineString of each piece, from u to v."""
    count = pieces.last - pieces.first + 1
    node = course.node[spans(pieces.first, count)]
    which = np.repeat(np.arange(len(count)), count)
    return np.asarray(shapely.linestrings(np.column_stack([lon[node], lat[node]]), indices=which), dtype=object)


def components(u: Ints, v: Ints, nodes: int) -> Ints:
    """(n,) the component each node belongs to, walked in either direction."""
    graph = scipy.sparse.coo_array((np.ones(len(u), dtype=np.int8), (u, v)), shape=(nodes, nodes))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def _apart(course: Course, end: Ints, shut: Bools, passed: Ints) -> Ints:
    """(2e,) 0 for ends that meet at their vertex, 1, 2 … for those a barrier keeps apart.

    A barrier that one way alone passes stops it. Where others end at it, those that pass stay joined: the gate then
    stands beside the street, at the mouth of what ends there.
    """
    node = course.node[end]
    runs_out = (course.starts | course.ends)[end]
    alone = shut[node] & (runs_out | (passed[node] == 1))
    where = np.flatnonzero(alone)
    where = where[np.argsort(node[where], kind="stable")]
    group = np.flatnonzero(np.diff(node[where], prepend=-1))
    rank = np.arange(len(where)) - np.repeat(group, np.diff(group, append=len(where)))
    copy = np.zeros(len(end), dtype=np.int64)
    copy[where] = rank + 1
    return copy


def _smallest(pairs: Ints, n: int) -> Ints:
    """(n,) the smallest number each number is paired with, directly or through others; itself if with none."""
    if len(pairs) == 0:
        return np.arange(n)
    label = components(pairs[:, 0], pairs[:, 1], n)
    return np.unique(label, return_index=True)[1][label]
