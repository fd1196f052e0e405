"""The compiled search says what scipy says, to the last bit, and undoes what it did."""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np
import pytest

import gis.compiled
import gis.kernel
import gis.pairs
import gis.plain
from gis.kernel import Graph, Seeds


def city(seed: int, *, nodes: int = 400, one_way: bool = True) -> tuple[Graph, Graph]:
    """A random network with doubled and one-way arcs, loops and a few closed ones: against, and along, the walk."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, 2000, (2, nodes))
    u = rng.integers(0, nodes, 3 * nodes).astype(np.int32)
    v = np.where(rng.random(len(u)) < 0.02, u, (u + rng.integers(1, 12, len(u))) % nodes).astype(np.int32)
    oneway = (rng.choice([0, 0, 0, 1, -1], len(u)) if one_way else np.zeros(len(u))).astype(np.int8)
    cost = np.where(rng.random(len(u)) < 0.05, np.inf, rng.choice([0.0, 10.0, 25.5, 40.0], len(u)) + rng.random(len(u)))
    topology = gis.kernel.topology(u, v, oneway, x=x, y=y)
    back, forth = (gis.kernel.weigh(arcs, cost, limit=1800) for arcs in (topology.back, topology.forth))
    return back, forth


def seeds(rng: np.random.Generator, count: int, *, nodes: int = 400) -> Seeds:
    """Two seeds a facility, as one partway along an edge has."""
    facility = np.repeat(np.arange(count, dtype=np.int32), 2)
    return Seeds(rng.integers(0, nodes, 2 * count).astype(np.int32), rng.integers(0, 60, 2 * count) * 1.0, facility)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("limit", [0, 90, 600, 1800])
def test_a_search_equals_scipy_to_the_last_bit(seed: int, limit: float):
    graph, sources = city(seed)[0], seeds(np.random.default_rng(seed), 12)
    ours, plain = gis.kernel.nearest(graph, sources, limit=limit), gis.plain.nearest(graph, sources, limit=limit)
    assert (ours.label == plain.label).all()
    assert np.isfinite(ours.cost).any() == (sources.cost <= limit).any()


def test_equal_times_go_to_the_smaller_facility_whatever_the_order():
    """Nodes 0 - 1 - 2, a facility at either end, 100 apart: the middle belongs to facility 0 both ways round."""
    topology = gis.kernel.topology(
        np.array([0, 1], np.int32),
        np.array([1, 2], np.int32),
        np.zeros(2, np.int8),
        x=np.arange(3) * 100.0,
        y=np.zeros(3),
    )
    graph = gis.kernel.weigh(topology.back, np.array([100.0, 100.0]), limit=1000)
    for at, expected in (([0, 2], [0, 0, 1]), ([2, 0], [1, 0, 0])):
        sources = Seeds(topology.rank[at], np.zeros(2), np.arange(2, dtype=np.int32))
        field = gis.kernel.nearest(graph, sources, limit=1000)
        assert field.facility[topology.rank].tolist() == expected
        assert field.cost[topology.rank[1]] == 100


def test_of_parallel_arcs_the_shorter_one_is_walked():
    """Two edges between the same nodes, 90 and 30: 30, where adding them up would give 120."""
    topology = gis.kernel.topology(
        np.zeros(2, np.int32), np.ones(2, np.int32), np.zeros(2, np.int8), x=np.arange(2.0), y=np.zeros(2)
    )
    graph = gis.kernel.weigh(topology.back, np.array([90.0, 30.0]), limit=600)
    sources = Seeds(topology.rank[:1], np.zeros(1), np.zeros(1, np.int32))
    assert gis.kernel.nearest(graph, sources, limit=600).cost[topology.rank[1]] == 30
    assert gis.plain.nearest(graph, sources, limit=600).cost[topology.rank[1]] == 30


def test_the_limit_itself_is_reached_and_nothing_beyond():
    """One arc of 500: found within 500, not within 499.999."""
    topology = gis.kernel.topology(
        np.zeros(1, np.int32), np.ones(1, np.int32), np.zeros(1, np.int8), x=np.arange(2.0), y=np.zeros(2)
    )
    graph, end = gis.kernel.weigh(topology.back, np.array([500.0]), limit=600), topology.rank[1]
    sources = Seeds(topology.rank[:1], np.zeros(1), np.zeros(1, np.int32))
    assert gis.kernel.nearest(graph, sources, limit=500).cost[end] == 500
    assert gis.kernel.nearest(graph, sources, limit=499.999).cost[end] == np.inf
    with pytest.raises(ValueError, match="measures up to 600"):
        gis.kernel.nearest(graph, sources, limit=601)


def test_no_facility_reaches_nobody():
    field = gis.kernel.nearest(city(0)[0], seeds(np.random.default_rng(0), 0), limit=600)
    assert np.isinf(field.cost).all()
    assert (field.facility == -1).all()


@pytest.mark.parametrize("one_way", [False, True])
def test_a_thousand_edits_equal_a_full_search_and_undo_to_the_last_bit(one_way: bool):
    """Facilities come and go at random; after each step the field is the one a fresh search gives."""
    rng = np.random.default_rng(7)
    graph, reverse = city(7, one_way=one_way)
    every = seeds(rng, 30)
    here = set(range(15))
    field = gis.kernel.nearest(graph, only(every, here), limit=600)
    for _ in range(500):
        before, number = field.label.copy(), int(rng.integers(30))
        for _ in range(2):  # the step, then its undoing
            if number in here:
                here.remove(number)
                others = only(every, here)
                gis.kernel.remove(graph, field, every.of(number), others=others, reverse=reverse)
            else:
                here.add(number)
                gis.kernel.add(graph, field, every.of(number))
            assert (field.label == gis.kernel.nearest(graph, only(every, here), limit=600).label).all()
        assert (field.label == before).all()
        here ^= {number}
        field = gis.kernel.nearest(graph, only(every, here), limit=600)


def only(every: Seeds, here: set[int]) -> Seeds:
    kept = np.isin(every.facility, sorted(here))
    return Seeds(every.node[kept], every.cost[kept], every.facility[kept])


def test_a_queue_that_overflows_loses_nothing(monkeypatch: pytest.MonkeyPatch):
    """With room for next to nothing the search grows its queue again and again, and ends the same."""
    graph, sources = city(3)[0], seeds(np.random.default_rng(3), 12)
    whole = gis.kernel.nearest(graph, sources, limit=1800).label
    monkeypatch.setattr(gis.kernel, "ROOM", 1)
    assert (gis.kernel.nearest(graph, sources, limit=1800).label == whole).all()


@pytest.mark.parametrize("seed", range(5))
def test_the_balls_of_all_facilities_together_are_the_nearest_search(seed: int):
    """The least cost over all balls at a node is what the one search from all seeds finds."""
    graph, sources = city(seed)[0], seeds(np.random.default_rng(seed), 12)
    balls = gis.pairs.balls(graph, sources, facilities=12, limit=400)
    least = np.full(len(graph.start) - 1, np.inf)
    np.minimum.at(least, balls.node, balls.cost)
    assert (least == gis.kernel.nearest(graph, sources, limit=400).cost).all()
    for i in range(12):
        alone = gis.kernel.nearest(graph, sources.of(i), limit=400).cost
        mine = slice(balls.start[i], balls.start[i + 1])
        assert (alone[balls.node[mine]] == balls.cost[mine]).all()
        assert np.isfinite(alone).sum() == balls.start[i + 1] - balls.start[i]


def test_where_nothing_can_be_kept_code_is_compiled_anew(monkeypatch: pytest.MonkeyPatch):
    """As in a read-only install without a home: numba refuses to cache, the loop still compiles and runs."""
    plain = numba.njit

    def njit(**options: object) -> Callable:
        def refuse(function: Callable) -> Callable:
            raise RuntimeError("cannot cache function: no locator available")

        return refuse if options.pop("cache", False) else plain(**options)

    monkeypatch.setattr(numba, "njit", njit)

    def double(x: int) -> int:
        return 2 * x

    assert gis.compiled.compiled(double)(21) == 42


def test_edges_all_longer_than_the_limit_take_no_longer_than_others():
    """Two nodes 3,000 s apart and a limit of 600 s: nothing is passable, so no cost says how wide a step should be.
    The bound must still reach the limit in at most `MOST_STEPS` steps, and only the seed itself is found, at 5 s."""
    ends = np.array([0, 1], np.int32)
    topology = gis.kernel.topology(ends[:1], ends[1:], np.zeros(1, np.int8), x=np.array([0.0, 3000]), y=np.zeros(2))
    graph = gis.kernel.weigh(topology.back, np.array([3000.0]), limit=600)
    assert graph.width * gis.kernel.MOST_STEPS >= 600 * graph.scale
    source = Seeds(ends[:1], np.array([5.0]), np.zeros(1, np.int32))
    found = gis.kernel.nearest(graph, source, limit=600)
    assert found.cost.tolist() == [5.0, np.inf]
    assert gis.plain.nearest(graph, source, limit=600).cost.tolist() == [5.0, np.inf]
