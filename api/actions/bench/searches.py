"""The races over streets: nearest facilities, balls, tables, and what one facility more or less would change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse.csgraph import dijkstra

import data.pgrouting
import gis.kernel
import gis.pairs
import gis.walking
from api.actions.bench.city import FACILITIES, LIMIT_M, City, seeds
from api.actions.bench.race import Entrant, Found, Task

#: Up to so many nodes a peer joins in: beyond, it would need minutes to read the network or to search it.
BOUNDS = {"networkx": 100_000, "pgrouting": 100_000, "igraph": 1_000_000}
#: Rounds of whoever is slow.
SLOW = 3
#: Rows of a dense matrix at a time, and facilities that a slow engine is given.
CHUNK, FEW = 50, 50

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def tasks(city: City, rounds: int, peers: dict[str, Any], *, homes: int) -> dict[str, Callable[[], Task]]:
    """All races over one network by name, to be made when wanted; `peers`: the network as other engines have it."""
    return {
        "nearest_1": lambda: nearest(city, "nearest_1", kinds=1, peers=peers),
        "nearest_6": lambda: nearest(city, "nearest_6", kinds=6, peers=peers),
        "balls": lambda: balls(city, peers),
        "table": lambda: table(city, rounds, homes=homes),
        "whatif_add": lambda: whatif(city, "whatif_add"),
        "whatif_remove": lambda: whatif(city, "whatif_remove"),
    }


# Nearest --------------------------------------------------------------------------------------------------------------


def nearest(city: City, name: str, *, kinds: int, peers: dict[str, Any]) -> Task:
    """The nearest facility of every node, for so many kinds one after the other."""
    memory = [np.empty(city.nodes, np.uint64) for _ in range(kinds)]

    def ours(work: list[gis.kernel.Seeds]) -> list[gis.kernel.Field]:
        return [
            gis.kernel.nearest(city.way.graph, sources, limit=LIMIT_M, into=into)
            for sources, into in zip(work, memory, strict=True)
        ]

    def whole(work: list[Ints]) -> list[tuple[Floats, NDArray[np.int32]]]:
        fields = [gis.kernel.nearest(city.way.graph, seeds(nodes), limit=LIMIT_M) for nodes in work]
        return [(field.cost, field.facility) for field in fields]

    def read(_work: list[Ints], fields: list[gis.kernel.Field]) -> Found:
        return _stacked([field.cost for field in fields])

    def scipy(work: list[Ints]) -> list[Floats]:
        return [dijkstra(city.matrix, indices=nodes, min_only=True, limit=LIMIT_M) for nodes in work]

    entrants = [
        Entrant("wangge", ours, read, ready=lambda work: [seeds(nodes) for nodes in work], whole=whole),
        Entrant("scipy", scipy, lambda _work, costs: _stacked(costs)),
    ]
    if "networkx" in peers:
        entrants.append(_networkx_nearest(city, peers["networkx"]))
    if "igraph" in peers:
        entrants.append(_igraph_nearest(peers["igraph"]))
    if "pgrouting" in peers:
        entrants.append(_pgrouting_nearest(city, peers["pgrouting"]))
    return Task(name, lambda random: [city.places(random) for _ in range(kinds)], entrants, LIMIT_M)


def _networkx_nearest(city: City, graph: Any) -> Entrant:
    import networkx

    def run(work: list[set[int]]) -> list[dict[int, float]]:
        find = networkx.multi_source_dijkstra_path_length
        return [find(graph, nodes, cutoff=LIMIT_M) for nodes in work]

    def read(_work: list[Ints], found: list[dict[int, float]]) -> Found:
        return _stacked([_dense(one, city.nodes) for one in found])

    return Entrant("networkx", run, read, ready=lambda work: [set(nodes.tolist()) for nodes in work], rounds=SLOW)


def _igraph_nearest(graph: Any) -> Entrant:
    """One more node for each kind, joined to its facilities at no cost; igraph knows no limit."""

    def ready(work: list[Ints]) -> tuple[Any, int]:
        joined, nodes = graph.copy(), graph.vcount()
        joined.add_vertices(len(work))
        arcs = [(nodes + kind, int(node)) for kind, places in enumerate(work) for node in places]
        joined.add_edges(arcs, attributes={"cost": [0.0] * len(arcs)})
        return joined, nodes

    def run(given: tuple[Any, int]) -> list[list[float]]:
        joined, nodes = given
        rows: list[list[float]] = joined.distances(source=list(range(nodes, joined.vcount())), weights="cost")
        return rows

    def read(work: list[Ints], rows: list[list[float]]) -> Found:
        return _stacked([np.array(row[: -len(work)]) for row in rows])

    return Entrant("igraph", run, read, ready=ready, rounds=SLOW)


def _pgrouting_nearest(city: City, session: Any) -> Entrant:
    def run(work: list[Ints]) -> list[pd.DataFrame]:
        return [data.pgrouting.nearest(session, nodes, limit=LIMIT_M) for nodes in work]

    def read(_work: list[Ints], frames: list[pd.DataFrame]) -> Found:
        return _stacked([_dense(dict(zip(one["node"], one["cost"], strict=True)), city.nodes) for one in frames])

    return Entrant("pgrouting", run, read, rounds=SLOW, outside=True)


def _dense(found: dict[int, float], nodes: int) -> Floats:
    cost = np.full(nodes, np.inf)
    cost[np.fromiter(found, np.int64, len(found))] = np.fromiter(found.values(), float, len(found))
    return cost


def _stacked(costs: list[Floats]) -> Found:
    """Costs of every node, kind after kind; what lies beyond the limit is not found."""
    whole = np.concatenate(costs)
    key = np.flatnonzero(whole <= LIMIT_M)
    return Found(key, whole[key], len(whole))


# Balls ----------------------------------------------------------------------------------------------------------------


def balls(city: City, peers: dict[str, Any]) -> Task:
    """All nodes around each facility, as pairs."""

    def ours(sources: gis.kernel.Seeds) -> gis.pairs.Balls:
        return gis.pairs.balls(city.way.graph, sources, facilities=len(sources.node), limit=LIMIT_M)

    def read(places: Ints, ball: gis.pairs.Balls) -> Found:
        site = np.repeat(np.arange(len(places)), np.diff(ball.start))
        return _pairs(site, ball.node, ball.cost, many=city.nodes, sites=len(places))

    def scipy(places: Ints) -> tuple[Ints, Ints, Floats]:
        parts = []
        for low in range(0, len(places), CHUNK):
            cost = dijkstra(city.matrix, indices=places[low : low + CHUNK], limit=LIMIT_M)
            site, node = np.nonzero(np.isfinite(cost))
            parts.append((site + low, node, cost[site, node]))
        site, node, value = (np.concatenate(column) for column in zip(*parts, strict=True))
        return site, node, value

    def theirs(places: Ints, found: tuple[Ints, Ints, Floats]) -> Found:
        return _pairs(*found, many=city.nodes, sites=len(places))

    entrants = [Entrant("wangge", ours, read, ready=seeds), Entrant("scipy", scipy, theirs, rounds=SLOW)]
    if "networkx" in peers:
        entrants.append(_networkx_balls(city, peers["networkx"]))
    if "pgrouting" in peers:
        entrants.append(_pgrouting_balls(city, peers["pgrouting"]))
    return Task("balls", city.places, entrants, LIMIT_M)


def _networkx_balls(city: City, graph: Any) -> Entrant:
    import networkx

    def run(places: Ints) -> list[dict[int, float]]:
        find = networkx.single_source_dijkstra_path_length
        return [find(graph, int(node), cutoff=LIMIT_M) for node in places[:FEW]]

    def read(_places: Ints, found: list[dict[int, float]]) -> Found:
        site = np.repeat(np.arange(len(found)), [len(one) for one in found])
        node, cost = (np.concatenate([list(column(one)) for one in found]) for column in (dict.keys, dict.values))
        return _pairs(site, node, cost, many=city.nodes, sites=len(found))

    sites = min(FACILITIES, city.nodes // 4)
    return Entrant("networkx", run, read, part=min(1.0, FEW / sites), rounds=SLOW)


def _pgrouting_balls(city: City, session: Any) -> Entrant:
    def run(places: Ints) -> pd.DataFrame:
        return data.pgrouting.balls(session, places, limit=LIMIT_M)

    def read(places: Ints, found: pd.DataFrame) -> Found:
        site = pd.Index(places).get_indexer(pd.Index(found["start"]))
        return _pairs(site, found["node"].to_numpy(), found["cost"].to_numpy(), many=city.nodes, sites=len(places))

    return Entrant("pgrouting", run, read, rounds=SLOW, outside=True)


def _pairs(site: NDArray[Any], other: NDArray[Any], value: Floats, *, many: int, sites: int) -> Found:
    """Pairs in the order of their sites, then of the others."""
    key = site.astype(np.int64) * many + other
    order = np.argsort(key, kind="stable")
    return Found(key[order], np.asarray(value, float)[order], sites * many)


# Tables ---------------------------------------------------------------------------------------------------------------


def table(city: City, rounds: int, *, homes: int) -> Task:
    """Every facility that each home can walk to; homes and facilities anywhere along the edges."""
    people = city.points(np.random.default_rng(0), homes)
    count = min(FACILITIES, city.nodes // 4)
    few = min(FEW, count)

    def read(_work: Any, reach: Any) -> Found:
        return _pairs(reach.sites, reach.households, reach.seconds, many=len(people.edge), sites=count)

    def scipy(sites: Any) -> Floats:
        return np.vstack([_to_site(city, people, sites.take(np.array([site]))) for site in range(few)])

    def theirs(_work: Any, metres: Floats) -> Found:
        site, home = np.nonzero(metres <= LIMIT_M)
        return _pairs(site, home, metres[site, home], many=len(people.edge), sites=few)

    return Task(
        "table",
        lambda random: city.points(random, count),
        [
            Entrant("wangge", lambda sites: gis.pairs.table(city.way, people, sites, limit=LIMIT_M), read),
            Entrant("scipy", scipy, theirs, part=few / count, rounds=min(rounds, 2)),
        ],
        LIMIT_M,
    )


def _to_site(city: City, homes: Any, site: Any) -> Floats:
    """Metres from every home to one facility, both partway along an edge: by an end of each, or along a shared one."""
    topology, metres, edge = city.net.topology, city.way.cost, homes.edge
    start = gis.walking.seeds(city.way, site)
    cost = np.full(city.nodes, np.inf)
    for node, offset in zip(start.node, start.cost, strict=True):
        cost = np.minimum(cost, offset + dijkstra(city.matrix, indices=node, limit=LIMIT_M))
    oneway, share, long = city.way.oneway[edge], homes.share, metres[edge]
    by_u = np.where((oneway <= 0) | (share == 0), cost[topology.u[edge]] + share * long, np.inf)
    by_v = np.where((oneway >= 0) | (share == 1), cost[topology.v[edge]] + (1 - share) * long, np.inf)
    ahead = site.share[0] - share
    may = (edge == site.edge[0]) & (ahead * oneway >= 0)
    direct = np.where(may, site.leg_m[0] + np.abs(ahead) * long, np.inf)
    found: Floats = np.minimum(np.minimum(by_u, by_v), direct) + homes.leg_m
    return found


# What if --------------------------------------------------------------------------------------------------------------


def whatif(city: City, name: str) -> Task:
    """One facility more, or less, on a search that is kept; beside it the whole search again."""
    adding = name == "whatif_add"

    def ready(places: Ints) -> tuple[gis.kernel.Seeds, gis.kernel.Seeds, gis.kernel.Field]:
        before = seeds(places[:-1] if adding else places)
        field = gis.kernel.nearest(city.way.graph, before, limit=LIMIT_M)
        return seeds(places).of(len(places) - 1), seeds(places[:-1]), field

    def ours(given: tuple[gis.kernel.Seeds, gis.kernel.Seeds, gis.kernel.Field]) -> gis.kernel.Field:
        last, others, field = given
        if adding:
            gis.kernel.add(city.way.graph, field, last)
        else:
            gis.kernel.remove(city.way.graph, field, last, others=others, reverse=city.reverse)
        return field

    def after(places: Ints) -> Ints:
        return places if adding else places[:-1]

    entrants = [
        Entrant("wangge", ours, lambda _work, field: _stacked([field.cost]), ready=ready),
        Entrant(
            "recompute",
            lambda sources: gis.kernel.nearest(city.way.graph, sources, limit=LIMIT_M),
            lambda _work, field: _stacked([field.cost]),
            ready=lambda places: seeds(after(places)),
        ),
        Entrant(
            "scipy",
            lambda places: dijkstra(city.matrix, indices=places, min_only=True, limit=LIMIT_M),
            lambda _work, cost: _stacked([cost]),
            ready=after,
        ),
    ]
    return Task(name, city.places, entrants, LIMIT_M)
