"""Facilities that come and go in a large city, each step compared with a search that starts afresh."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

import gis.kernel
import gis.walking
from gis.kernel import Field, Graph, Seeds
from gis.walknet import Snaps, WalkNet

LIMIT_M = 540.0


@dataclass(frozen=True)
class Edit:
    """What one step did: `cpu_ms` the step alone, `changed` nodes in which it differs from the one before."""

    adding: bool
    cpu_ms: float
    changed: int


@dataclass(frozen=True, eq=False)
class Game:
    """A city in which any of `every` facilities may be open; `field` is changed in place."""

    graph: Graph
    reverse: Graph
    every: Seeds
    open: NDArray[np.bool_]
    field: Field

    def toggle(self, number: int) -> None:
        """Open what is closed, close what is open."""
        self.open[number] = not self.open[number]
        if self.open[number]:
            gis.kernel.add(self.graph, self.field, self.every.of(number))
        else:
            others = self.seeds()
            gis.kernel.remove(self.graph, self.field, self.every.of(number), others=others, reverse=self.reverse)

    def seeds(self) -> Seeds:
        """Where a search from all open facilities starts."""
        kept = self.open[self.every.facility]
        return Seeds(self.every.node[kept], self.every.cost[kept], self.every.facility[kept])

    def afresh(self) -> Field:
        return gis.kernel.nearest(self.graph, self.seeds(), limit=LIMIT_M)


def edits(net: WalkNet, *, count: int, facilities: int = 500, seed: int = 1) -> Iterator[Edit]:
    """Random edits, each undone and then done for good; fails where a single label differs from what it must be.

    Every state is compared whole: after the edit with a search from all that is open, after its undo with the state
    before. Half of the places are open at first; all lie anywhere along the streets.
    """
    random = np.random.default_rng(seed)
    game = _game(net, random, facilities)
    for _ in range(count):
        number, before = int(random.integers(2 * facilities)), game.field.label.copy()
        cpu_ms = _timed(partial(game.toggle, number))
        afresh = game.afresh().label
        assert (game.field.label == afresh).all(), f"edit of {number} differs from a new search"
        game.toggle(number)
        assert (game.field.label == before).all(), f"undo of {number} differs from the state before"
        game.toggle(number)
        yield Edit(bool(game.open[number]), cpu_ms, int((afresh != before).sum()))
    assert (game.field.label == game.afresh().label).all()


def _game(net: WalkNet, random: np.random.Generator, facilities: int) -> Game:
    way = gis.walking.in_metres(net, limit=LIMIT_M)
    every, opened = gis.walking.seeds(way, _places(net, random, 2 * facilities)), np.arange(2 * facilities) < facilities
    game = Game(way.graph, gis.walking.reversed_(way).graph, every, opened, gis.kernel.empty(way.graph, limit=LIMIT_M))
    gis.kernel.spread(game.graph, game.field, game.seeds())
    return game


def _places(net: WalkNet, random: np.random.Generator, count: int) -> Snaps:
    edge, share = random.integers(0, len(net.u), count).astype(np.int32), random.random(count)
    nowhere = np.full(count, np.nan)
    return Snaps(edge, share * net.metres[edge], random.uniform(0, 30, count), nowhere, nowhere, np.full(count, ""),
                 share)  # fmt: skip


def _timed(work: Callable[[], None]) -> float:
    begun = time.process_time()
    work()
    return (time.process_time() - begun) * 1e3
