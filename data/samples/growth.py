"""Growing contiguous regions over neighbouring cells, until each has about its due."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heapify, heappop, heappush

import numpy as np
import numpy.typing as npt

from data.samples.blocks import Floats, Ints


@dataclass(frozen=True)
class Neighbours:
    """Pairs of neighbouring cells, with the cost of passing from one to the other; n cells."""

    n: int
    a: Ints
    b: Ints
    cost: Floats

    def among(self, keep: np.ndarray) -> Neighbours:
        return Neighbours(self.n, self.a[keep], self.b[keep], self.cost[keep])

    def lists(self) -> list[list[tuple[int, float]]]:
        around: list[list[tuple[int, float]]] = [[] for _ in range(self.n)]
        for a, b, cost in zip(self.a.tolist(), self.b.tolist(), self.cost.tolist(), strict=True):
            around[a].append((b, cost))
            around[b].append((a, cost))
        return around


def balanced(
    cells: Neighbours,
    seeds: Ints,
    labels: Ints,
    *,
    weight: Floats,
    due: Floats,
    least: npt.ArrayLike = 1,
    middles: Floats | None = None,
    rounds: int = 24,
) -> Ints:
    """The label of every cell. Regions reach out from their seeds, faster while they weigh less than their due.

    Where `middles` of the cells are given, the one seed of each label follows the middle of its region for the first
    rounds, which makes regions compact; otherwise seeds stay, and a label may have several. Every region is connected,
    since a cell takes the label of the one it is reached from, and has at least `least` cells.
    """
    around, pace = cells.lists(), np.ones(len(due))
    best, slightest = np.empty(0, np.int64), np.inf
    for turn in range(rounds):
        region = _spread(around, seeds, labels, pace)
        load = np.bincount(region, weight, len(due))
        uneven = float(np.abs(load - due).sum())
        enough = np.bincount(region, minlength=len(due)) >= np.asarray(least)
        if uneven < slightest and enough.all():
            best, slightest = region, uneven
        pace = np.clip(pace * (due / np.maximum(load, due * 0.05)) ** 0.3 * np.where(enough, 1, 1.25), 0.15, 8.0)
        if middles is not None and turn < rounds // 2:
            seeds = _middlemost(region, middles, weight, labels)
    if not len(best):
        raise ArithmeticError("a region of the sample has too few cells")
    return best


def _spread(around: list[list[tuple[int, float]]], seeds: Ints, labels: Ints, pace: Floats) -> Ints:
    slow = (1 / pace).tolist()
    region = np.full(len(around), -1)
    queue = [(0.0, seed, label) for seed, label in zip(seeds.tolist(), labels.tolist(), strict=True)]
    heapify(queue)
    while queue:
        reached, cell, label = heappop(queue)
        if region[cell] >= 0:
            continue
        region[cell] = label
        for other, cost in around[cell]:
            if region[other] < 0:
                heappush(queue, (reached + cost * slow[label], other, label))
    return region


def _middlemost(region: Ints, middles: Floats, weight: Floats, labels: Ints) -> Ints:
    """For each label the cell of its region nearest to the region's weighted middle."""
    count = int(labels.max()) + 1
    total = np.maximum(np.bincount(region, weight, count), 1e-9)
    centre = np.column_stack([np.bincount(region, weight * axis, count) / total for axis in middles.T])
    away = np.hypot(*(middles - centre[region]).T)
    order = np.lexsort((away, region))
    first = np.searchsorted(region[order], labels)
    return order[first]


def spread_seeds(cells: Ints, middles: Floats, weight: Floats, count: int) -> Ints:
    """`count` of the given cells, far from one another: each next one is the farthest by weight and distance."""
    chosen = [int(cells[np.argmax(weight[cells])])]
    away = np.hypot(*(middles[cells] - middles[chosen[0]]).T)
    while len(chosen) < count:
        chosen.append(int(cells[np.argmax(away * np.sqrt(weight[cells] + 1e-9))]))
        away = np.minimum(away, np.hypot(*(middles[cells] - middles[chosen[-1]]).T))
    return np.array(chosen)
