"""A network laid out for the race: as our search wants it, and as arcs that anybody can read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

import gis.kernel
import gis.walking
from gis.walknet import Snaps, WalkNet

#: Ten minutes at 0.9 m/s.
LIMIT_M = 540.0
FACILITIES = 500

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class City:
    """A network by name; nodes are numbered as `WalkNet.topology` has them."""

    name: str
    net: WalkNet

    @cached_property
    def way(self) -> gis.walking.Way:
        return gis.walking.in_metres(self.net, limit=LIMIT_M)

    @cached_property
    def reverse(self) -> gis.kernel.Graph:
        return gis.walking.reversed_(self.way).graph

    @property
    def nodes(self) -> int:
        return len(self.net.x)

    @cached_property
    def arcs(self) -> tuple[Ints, Ints, Floats]:
        """Tail, head and metres, the way the search goes; of parallel arcs the shortest, and none is free."""
        arcs = self.way.arcs
        tail, head = np.repeat(np.arange(self.nodes), np.diff(arcs.start)), arcs.head.astype(np.int64)
        cost = np.maximum(self.way.cost[arcs.edge], 1 / gis.kernel.FINEST)
        order = np.lexsort([cost, head, tail])
        tail, head, cost = tail[order], head[order], cost[order]
        first = np.append(True, (tail[1:] != tail[:-1]) | (head[1:] != head[:-1])) & (tail != head)
        return tail[first], head[first], cost[first]

    @cached_property
    def matrix(self) -> Any:
        """The arcs for scipy, with the short indices that it would turn others into at every call."""
        tail, head, cost = self.arcs
        return csr_array((cost, (tail.astype(np.int32), head.astype(np.int32))), shape=(self.nodes, self.nodes))

    def places(self, random: np.random.Generator) -> Ints:
        """Nodes of facilities, drawn anew."""
        return random.choice(self.nodes, min(FACILITIES, self.nodes // 4), replace=False).astype(np.int64)

    def points(self, random: np.random.Generator, count: int, *, leg_m: float = 30.0) -> Snaps:
        """Points anywhere along the edges, with a straight leg to the door."""
        edge = random.integers(0, len(self.net.u), count).astype(np.int32)
        share, leg = random.random(count), random.uniform(0, leg_m, count)
        nowhere = np.full(count, np.nan)
        return Snaps(edge, share * self.net.metres[edge], leg, nowhere, nowhere, np.full(count, ""), share)


def seeds(nodes: Ints) -> gis.kernel.Seeds:
    """Facilities that stand on nodes."""
    count = len(nodes)
    return gis.kernel.Seeds(nodes.astype(np.int32), np.zeros(count), np.arange(count, dtype=np.int32))
