"""The race of one process against several: many plans over one large city."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def scenarios(nodes: int, *, homes: int, plans: int, workers: int) -> Iterator[Task]:
    """Which share of the sites is open is drawn anew each round; the workers are there before the first."""
    stand = ground(nodes, homes=homes)
    weights = np.ones(homes)
    with gis.scale.connect(workers=workers) as client:
        city = gis.scale.spread(stand, client=client, tiles=workers)

        def draw(random: np.random.Generator) -> list[Any]:
            return [random.random(len(stand.facilities)) < 0.8 for _ in range(plans)]

        def tiled(work: list[Any]) -> Any:
            return city.covered(work, weights=weights)

        tiled(draw(np.random.default_rng(0)))
        yield Task(
            "scenarios",
            draw,
            [
                Entrant("wangge", lambda work: gis.scale.covered(stand, work, weights=weights), _counts, rounds=2),
                Entrant("workers", tiled, _counts, rounds=2, outside=True),
            ],
        )


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
