"""The plain truth: what `gis.kernel` finds, said with scipy in a few lines. Slow beside it, and its fallback."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from gis.kernel import CLOSED, Field, Graph, Seeds, empty, labels


def nearest(graph: Graph, seeds: Seeds, *, limit: float) -> Field:
    """The same field as `gis.kernel.nearest`, bit for bit: whole numbers add exactly in floats too.

    One search per facility from a node of its own, the least label kept. Parallel arcs keep the cheapest one, which
    scipy's own conversion would add up.
    """
    field, nodes = empty(graph, limit=limit), len(graph.start) - 1
    for facility in np.unique(seeds.facility):
        own = seeds.of(int(facility))
        cost = dijkstra(_with_source(graph, own), indices=np.array([nodes]))[0, :nodes] - 1
        near = np.flatnonzero(cost <= np.floor(limit * graph.scale))
        found = (cost[near].astype(np.uint64) << np.uint64(32)) | np.uint64(facility)
        field.label[near] = np.minimum(field.label[near], found)
    return field


def _with_source(graph: Graph, seeds: Seeds) -> Any:
    """The arcs and one more node from which the seeds hang, a unit dearer, since scipy forgets arcs of no cost."""
    nodes = len(graph.start) - 1
    tail = np.repeat(np.arange(nodes), np.diff(graph.start))
    head, cost = (graph.arc & np.uint64(2**32 - 1)).astype(np.int64), (graph.arc >> np.uint64(32)).astype(np.float64)
    offset = (labels(seeds, graph.scale) >> np.uint64(32)).astype(np.float64) + 1
    tail, head = np.append(tail, np.full(len(offset), nodes)), np.append(head, seeds.node)
    cost = np.append(cost, offset)
    order = np.lexsort([cost, head, tail])
    tail, head, cost = tail[order], head[order], cost[order]
    first = np.append(True, (tail[1:] != tail[:-1]) | (head[1:] != head[:-1])) & (cost < CLOSED)
    return csr_array((cost[first], (tail[first], head[first])), shape=(nodes + 1, nodes + 1))
