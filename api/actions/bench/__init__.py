"""How fast this machine answers, beside the libraries one would otherwise use, on the same fresh work.

    report = api.actions.bench.run(Plan(cities=(50_000,)), session=None)

Ratios are those of the medians over rounds that both ran in turn, by processor time; agreement is checked in the same
rounds. Everything drawn here is synthetic but a network that is given. What we promise stands in `lines`.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import api.actions.bench.grounds
import api.actions.bench.lines
import api.actions.bench.previews
import api.actions.bench.scaling
import api.actions.bench.searches
import data.ingest.osm
import data.pgrouting
import data.samples.lattice
import data.samples.liwan
import data.walknet
import gis.kernel
import gis.walknet
from api.actions.bench.city import LIMIT_M, City, seeds
from api.actions.bench.lines import SAMPLE
from api.actions.bench.race import Task, race, timed
from api.actions.bench.searches import BOUNDS
from gis.errors import NotFound

if TYPE_CHECKING:
    import data.db

#: Engines that join in where they are installed, and what else the figures depend on.
LIBRARIES = ("numpy", "numba", "scipy", "shapely", "networkx", "igraph", "distributed")
PEERS = ("networkx", "igraph", "pgrouting", "distributed")

#: Peers add in floats of their own and may be off by as much, in metres.
TOLERANCE = 1e-3
LATTICE = "lattice"

#: What can be measured: on each network of streets, and without one.
STREET_TASKS = ("nearest_1", "nearest_6", "balls", "table", "whatif_add", "whatif_remove", "snapping")
TASKS = (*STREET_TASKS, "preview", "locating", "siting", "scenarios")

Show = Callable[[str], AbstractContextManager[object]]
Sampled = tuple[data.samples.liwan.Sample, gis.walknet.WalkNet]


@dataclass(frozen=True)
class Plan:
    """What is measured: tasks (none named: all), how much of the Liwan sample (1 all, 0 none of it), synthetic cities
    of so many nodes, sizes of the other tasks, rounds, and the seed of it all."""

    tasks: tuple[str, ...] = ()
    sample: float = 0.0
    cities: tuple[int, ...] = (50_000, 500_000)
    rounds: int = 7
    seed: int = 1
    points_to_snap: int = 100_000
    points_to_locate: int = 1_000_000
    areas: int = 2_000
    candidates: int = 2_000
    demand: int = 100_000
    homes: int = 100_000
    scenarios: int = 20
    workers: int = 2
    extract: Path | None = None

    def wants(self, task: str) -> bool:
        return not self.tasks or task in self.tasks


def run(
    plan: Plan,
    *,
    session: data.db.Session | None,
    show: Show = lambda _name: nullcontext(),
    tell: Callable[[dict[str, Any]], None] = lambda _row: None,
) -> dict[str, Any]:
    """Every race of a plan, what the machine is, and what a search costs by size; `tell` hears each row at once."""
    before, results, laws = machine(), [], []
    missing = {peer for peer in PEERS if peer != "pgrouting" and not find_spec(peer)}
    sample = _sample(plan, show)

    def keep(task: Task, where: str) -> None:
        for row in race(task, rounds=plan.rounds, seed=plan.seed):
            results.append({"task": task.name, "city": where, **row, "agrees": _agrees(row)})
            tell(results[-1])

    if session is not None:
        data.pgrouting.be_patient(session)
    for city in _cities(plan, sample, session):
        with show(city.name), _peers(city, session) as peers:
            missing |= {"pgrouting"} - set(peers) if city.nodes <= BOUNDS["pgrouting"] else set()
            for task in _streets(city, plan, peers):
                keep(task, city.name)
            laws.append(_law(city, plan.seed))
    for where, task in _others(plan, sample, missing):
        with show(task.name):
            keep(task, where)
    return {
        "synthetic": all(law["city"].startswith((LATTICE, SAMPLE)) for law in laws), "seed": plan.seed,
        "limit_m": LIMIT_M, "bounds": BOUNDS,
        "machine": before, "load": [before["load"], os.getloadavg()[0]], "missing": sorted(missing),
        "tolerance": TOLERANCE, "agreed": all(row["agrees"] for row in results), "results": results, "laws": laws,
        "lines": list(api.actions.bench.lines.judged(results)),
    }  # fmt: skip


def _agrees(row: dict[str, Any]) -> bool:
    return row["difference"] <= TOLERANCE and not row["mismatches"]


def _sample(plan: Plan, show: Show) -> Sampled | None:
    if not plan.sample or not any(map(plan.wants, (*STREET_TASKS, "preview"))):
        return None
    with show(SAMPLE):
        built = data.samples.liwan.build(plan.seed, scale=plan.sample)
        return built, gis.walknet.from_frames(built.walk_nodes, built.walk_edges, srid=built.srid)


def _streets(city: City, plan: Plan, peers: dict[str, Any]) -> Iterator[Task]:
    makers = api.actions.bench.searches.tasks(city, plan.rounds, peers, homes=plan.homes)
    makers["snapping"] = lambda: api.actions.bench.grounds.snapping(city, points=plan.points_to_snap)
    yield from (make() for name, make in makers.items() if plan.wants(name))


def _cities(plan: Plan, sample: Sampled | None, session: data.db.Session | None) -> Iterator[City]:
    """The sample, cities from the smallest on; then the network of the database and that of an extract, if any."""
    if not any(map(plan.wants, STREET_TASKS)):
        return
    if sample is not None:
        yield City(SAMPLE, sample[1])
    for nodes in sorted(plan.cities):
        yield City(f"{LATTICE} {nodes:,}", data.samples.lattice.streets(plan.seed, nodes=nodes))
    if session is not None and (net := _kept(session)) is not None:
        yield City("database", net)
    if plan.extract is not None:
        read = data.ingest.osm.walknet(plan.extract)
        yield City(plan.extract.name, gis.walknet.from_frames(read.nodes, read.edges, srid=read.srid))


def _kept(session: data.db.Session) -> gis.walknet.WalkNet | None:
    try:
        return data.walknet.get(session)
    except NotFound:
        return None


def _others(plan: Plan, sample: Sampled | None, missing: set[str]) -> Iterator[tuple[str, Task]]:
    """Tasks that are not for every street network, with their sizes."""
    if plan.wants("preview") and sample is not None:
        yield SAMPLE, api.actions.bench.previews.preview(*sample)
    if plan.wants("locating"):
        areas = data.samples.lattice.areas(plan.seed, count=plan.areas)
        sizes = f"{plan.points_to_locate:,} -> {len(areas):,}"
        yield sizes, api.actions.bench.grounds.locating(areas, points=plan.points_to_locate)
    if plan.wants("siting"):
        sizes = f"{plan.candidates:,} x {plan.demand:,}"
        yield sizes, api.actions.bench.grounds.siting(candidates=plan.candidates, homes=plan.demand)
    if plan.wants("scenarios") and plan.scenarios and plan.cities and "distributed" not in missing:
        nodes, asked = max(plan.cities), {"homes": plan.homes, "plans": plan.scenarios, "workers": plan.workers}
        with api.actions.bench.scaling.scenarios(nodes, **asked) as task:
            yield f"{LATTICE} {nodes:,}, {plan.scenarios} x {plan.homes:,}, {plan.workers}", task


@contextmanager
def _peers(city: City, session: data.db.Session | None) -> Iterator[dict[str, Any]]:
    """The city as other engines have it; those for whom it is too large are left out."""
    make = {"networkx": _networkx, "igraph": _igraph}
    peers = {name: graph(city) for name, graph in make.items() if find_spec(name) and city.nodes <= BOUNDS[name]}
    if session is None or city.nodes > BOUNDS["pgrouting"]:
        yield peers
        return

    with data.pgrouting.borrowed(session, *city.arcs) as there:
        yield {**peers, "pgrouting": session} if there else peers


def _networkx(city: City) -> Any:
    import networkx

    graph: Any = networkx.DiGraph()
    graph.add_nodes_from(range(city.nodes))
    graph.add_weighted_edges_from(zip(*(column.tolist() for column in city.arcs), strict=True))
    return graph


def _igraph(city: City) -> Any:
    import igraph

    tail, head, cost = city.arcs
    return igraph.Graph(city.nodes, np.column_stack([tail, head]), directed=True, edge_attrs={"cost": cost})


def _law(city: City, seed: int) -> dict[str, Any]:
    """What one search touches, and what it costs in time and memory: the figures by which a larger city is guessed."""
    graph, sources = city.way.graph, seeds(city.places(np.random.default_rng(seed)))
    spent, field = timed(lambda: gis.kernel.nearest(graph, sources, limit=LIMIT_M))
    settled = int(np.isfinite(field.cost).sum())
    held = graph.start.nbytes + graph.arc.nbytes + field.label.nbytes
    return {
        "city": city.name, "nodes": city.nodes, "arcs": len(graph.arc), "settled": settled, "cpu_ms": spent.cpu,
        "ns_per_settled": spent.cpu * 1e6 / max(settled, 1), "bytes_per_node": held / city.nodes,
    }  # fmt: skip


def machine() -> dict[str, Any]:
    """What the figures are measured on, and how busy it is already."""
    versions = {name: importlib.metadata.version(name) for name in LIBRARIES if find_spec(name)}
    return {
        "cores": os.cpu_count(), "cpu": _cpu_model(), "system": platform.system(), "kernel": platform.release(),
        "python": platform.python_version(), "versions": versions, "load": os.getloadavg()[0],
    }  # fmt: skip


def _cpu_model() -> str:
    """As the kernel names it; elsewhere only the architecture is known."""
    about = Path("/proc/cpuinfo")
    lines = about.read_text(encoding="utf-8").splitlines() if about.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
