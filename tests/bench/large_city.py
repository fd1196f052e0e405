"""A whole run over a large city, from arrays to stored rows: seconds, processor and memory of each step.

    python tests/bench/large_city.py [--nodes 2000000] [--homes 2000000] [--no-store]

Streets, homes and facilities are synthetic; half of the homes walk slower than the standard, in four profiles. Rows are
kept in a private PostGIS of its own, which is thrown away. The server's memory is not counted, its processor time is.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from sqlalchemy import text

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT)]

import api.actions.coverage  # noqa: E402
import data.cluster  # noqa: E402
import data.coverage  # noqa: E402
import data.db  # noqa: E402
import data.samples.lattice  # noqa: E402
import gis.aggregates  # noqa: E402
import gis.coverage  # noqa: E402
import gis.crs  # noqa: E402
from gis.walknet import WalkNet  # noqa: E402

KINDS = ("canteen", "clinic", "activity", "day_care", "home_care", "station")
MOBILITY = ("independent", "cane", "walker", "wheelchair")
SIDE = 45  # grids along a side


@contextmanager
def step(name: str) -> Iterator[None]:
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    took = f"{time.perf_counter() - wall:7.1f} s wall {time.process_time() - cpu:7.1f} s cpu"
    sys.stdout.write(f"{name:<10}{took} {peak:6.2f} GB peak, load {os.getloadavg()[0]:.1f}\n")
    sys.stdout.flush()


def city(nodes: int, homes: int, seed: int = 1) -> tuple[WalkNet, gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """A lattice with homes beside its crossings, in 2,025 grids of 45 communities of 9 streets; 500 sites a kind."""
    random, net = np.random.default_rng(seed), data.samples.lattice.streets(seed, nodes=nodes)

    def beside(count: int) -> tuple[np.ndarray, np.ndarray]:
        at = random.integers(0, len(net.x), count)
        return tuple(column[at] + random.normal(0, 20, count) for column in (net.x, net.y))

    def points(x: np.ndarray, y: np.ndarray) -> gpd.GeoSeries:
        return gpd.GeoSeries(gpd.points_from_xy(*gis.crs.Metric(net.srid).inverse(x, y)), crs=4326)

    x, y = beside(homes)
    grid = _grid(x, y)
    names = {"grid": 1, "community": SIDE, "street": SIDE * 5}
    codes = {f"{level}_code": _names(level[0], grid // size) for level, size in names.items()}
    people = pd.DataFrame({
        "id": np.arange(homes), "ref": _names("h", np.arange(homes)), "elders": random.integers(1, 4, homes),
        "elders_homebound": 0, "elders_80": 0, "elders_disabled": 0, "living_alone": False,
        "age_max": random.integers(60, 100, homes), "mobility": random.choice(MOBILITY, homes), "floor": 1,
        "lift": True, "in_institution": False, **codes,
    })  # fmt: skip
    count = 500 * len(KINDS)
    sites = pd.DataFrame({
        "id": _names("f", np.arange(count)), "name": "", "kind": [KINDS[i % len(KINDS)] for i in range(count)],
        "capacity": None, "delivery_mode": "one_stop", "status": "open", "opens": "", "street_code": "s0",
    })  # fmt: skip
    return (net, gpd.GeoDataFrame(people, geometry=points(x, y)),
            gpd.GeoDataFrame(sites, geometry=points(*beside(count))))  # fmt: skip


def _grid(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Number of the square each point lies in."""
    column, row = (np.clip((v - v.min()) / (np.ptp(v) + 1) * SIDE, 0, SIDE - 1).astype(int) for v in (x, y))
    return row * SIDE + column


def _names(letter: str, numbers: np.ndarray) -> pd.Series:
    return letter + pd.Series(numbers).astype(str)


def decided(
    net: WalkNet, homes: gpd.GeoDataFrame, sites: gpd.GeoDataFrame
) -> tuple[gis.coverage.Verdicts, gis.aggregates.Roll, pd.DataFrame]:
    with step("decide"):
        verdicts = gis.coverage.decide(net, homes, sites, gis.coverage.Request(KINDS, required=KINDS))
    with step("count"):
        rolled = gis.aggregates.roll(homes, dict.fromkeys(("grid", "community", "street")))
        counted = gis.aggregates.count(verdicts, rolled)
    return verdicts, rolled, counted


def stored(session: data.db.Session, homes: gpd.GeoDataFrame, answer: tuple[Any, Any, pd.DataFrame]) -> int:
    """The run with its rows; what would say where the data came from is made up."""
    verdicts, rolled, counted = answer
    with step("publish"):
        published = api.actions.coverage.publish(session, verdicts, rolled, homes)
    network = text("""INSERT INTO walknet (sha256, srid, nodes, edges, metres, stats, synthetic)
                      VALUES ('', 4547, 0, 0, 0, '{}', true) RETURNING id""")
    facts = {
        "kinds": list(KINDS), "facility_ids": verdicts.facilities["id"].tolist(), "parameters": {}, "manifest": {},
        "inputs_sha256": "", "seconds": {}, "totals": {}, "walknet_id": session.scalar(network),
        "as_of": date(2026, 1, 1), "data_date": None, "synthetic": True,
    }  # fmt: skip
    with step("keep"):
        rows = api.actions.coverage._household_rows(verdicts, homes)
        run_id = data.coverage.add(session, facts, areas=counted, published=published, households=rows)
    with step("commit"):
        session.commit()
    return run_id


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--nodes", type=int, default=2_000_000)
    asked.add_argument("--homes", type=int, default=2_000_000)
    asked.add_argument("--store", action=argparse.BooleanOptionalAction, default=True)
    given = asked.parse_args()
    with step("draw"):
        net, homes, sites = city(given.nodes, given.homes)
    if not given.store:
        decided(net, homes, sites)
        return
    with tempfile.TemporaryDirectory(prefix="wangge-") as folder:
        os.chmod(folder, 0o711)
        cluster = data.cluster.Cluster(Path(folder) / "home")
        with cluster.lease():
            data.db.migrate(cluster.url)
            with data.db.Session(data.db.engine(cluster.url)) as session:
                with step("run"):
                    stored(session, homes, decided(net, homes, sites))
                sys.stdout.write(_size(session))


def _size(session: data.db.Session) -> str:
    asked = "SELECT pg_size_pretty(pg_total_relation_size('coverage_household')), count(*) FROM coverage_household"
    size, rows = session.execute(text(asked)).one()
    return f"{rows:,} rows of households, {size} on disk\n"


if __name__ == "__main__":
    main()
