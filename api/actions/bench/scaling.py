"""The race of one process against several: many plans over one large city."""

from __future__ import annotations

import re
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

import data.samples.lattice
import gis.coverage
import gis.crs
import gis.ground
import gis.scale
from api.actions.bench.race import Entrant, Found, Task

KINDS = ("canteen", "clinic", "activity")
SITES = 600
#: Rounds of both: walls need more of them than processor times.
ROUNDS = 5


@contextmanager
def scenarios(nodes: int, *, homes: int, plans: int, workers: int) -> Iterator[Task]:
    """Which share of the sites is open is drawn anew each round; the workers are there before the first."""
    stand = ground(nodes, homes=homes)
    weights = np.ones(homes)
    with gis.scale.connect(workers=workers) as client:
        empty = _used(client)
        city = gis.scale.spread(stand, client=client, tiles=workers)

        def draw(random: np.random.Generator) -> list[Any]:
            return [random.random(len(stand.facilities)) < 0.8 for _ in range(plans)]

        def tiled(work: list[Any]) -> Any:
            return city.covered(work, weights=weights)

        tiled(draw(np.random.default_rng(0)))
        meter = _Meter(client, city, empty=empty, plans=plans)
        yield Task(
            "scenarios",
            draw,
            [
                Entrant("wangge", lambda work: gis.scale.covered(stand, work, weights=weights), _counts, rounds=ROUNDS),
                Entrant("workers", tiled, _counts, rounds=ROUNDS, outside=True, about=meter.read),
            ],
        )


class _Meter:
    """What the workers have used since it was last read, and the law that follows from it for other cities."""

    def __init__(self, client: Any, city: gis.scale.Spread, *, empty: _Usage, plans: int) -> None:
        self.client, self.empty, self.plans, self.last = client, empty, plans, _used(client)
        self.nodes, self.homes = city.nodes(), [len(rows) for rows in city.rows]
        self.whole = len(city.stand.net.x)

    def read(self, _answer: Any) -> dict[str, Any]:
        now, before = _used(self.client), self.last
        self.last = now
        cpu = [now[name][0] - before[name][0] for name in now]
        grown = sum(now[name][1] - self.empty[name][1] for name in now)
        work = sum(self.homes) * self.plans / 1e6
        facts = {
            "nodes": self.nodes, "households": self.homes, "cpu_s": cpu, "peak_mb": [peak for _, peak in now.values()],
            "halo": sum(self.nodes) / self.whole - 1, "cpu_s_per_million": sum(cpu) / work,
            "kb_per_place": grown * 1e3 / (sum(self.nodes) + sum(self.homes)),
        }  # fmt: skip
        return {"tiles": facts}


#: Of each worker by address: seconds of processor, system's included, and the most memory it ever had, in MB.
_Usage = dict[str, tuple[float, float]]


def _used(client: Any) -> _Usage:
    usage: _Usage = client.run(_own_use)
    return usage


def _own_use() -> tuple[float, float]:
    """The kernel's own mark of memory where it keeps one: `ru_maxrss` begins with that of whoever started us."""
    used, about = resource.getrusage(resource.RUSAGE_SELF), Path("/proc/self/status")
    marks = re.findall(r"VmHWM:\s+(\d+)", about.read_text(encoding="utf-8")) if about.exists() else []
    return used.ru_utime + used.ru_stime, int(marks[0] if marks else used.ru_maxrss) / 1024


def ground(nodes: int, *, homes: int, seed: int = 1) -> gis.ground.Ground:
    """A lattice city with households and facilities beside its crossings."""
    random, net = np.random.default_rng(seed), data.samples.lattice.streets(seed, nodes=nodes)

    def points(count: int) -> gpd.GeoSeries:
        at = random.integers(0, len(net.x), count)
        x, y = (column[at] + random.normal(0, 20, count) for column in (net.x, net.y))
        return gpd.GeoSeries(gpd.points_from_xy(*gis.crs.Metric(net.srid).inverse(x, y)), crs=4326)

    people = pd.DataFrame({
        "ref": [f"h{i}" for i in range(homes)], "elders": 1, "elders_homebound": 0, "elders_80": 0,
        "elders_disabled": 0, "living_alone": False, "age_max": random.integers(60, 100, homes),
        "mobility": random.choice(["independent", "cane", "wheelchair"], homes), "floor": 1, "lift": True,
        "in_institution": False, "grid_code": "", "community_code": "", "street_code": "",
    })  # fmt: skip
    count = min(SITES, nodes // 4)
    sites = pd.DataFrame({
        "id": [f"f{i:04}" for i in range(count)], "name": "", "kind": [KINDS[i % len(KINDS)] for i in range(count)],
        "capacity": None, "delivery_mode": "one_stop", "status": "open", "opens": "", "street_code": "",
    })  # fmt: skip
    return gis.ground.ground(
        net, gpd.GeoDataFrame(people, geometry=points(homes)),
        facilities=gpd.GeoDataFrame(sites, geometry=points(count)), request=gis.coverage.Request(KINDS),
    )  # fmt: skip


def _counts(_work: Any, counted: Any) -> Found:
    return Found(np.arange(counted.size), counted.ravel().astype(float), counted.size)
