"""A million households from one csv: read, checked, put into 2,000 grids and kept. Budget: 60 s, 4 GB.

    python tests/bench/import_households.py [--rows 1000000] [--grids 2000] [--again]

The grids are uneven polygons of about 40 vertices that tile a district exactly; the households are synthetic. The
database is a private one that is thrown away. `--again` imports the same file a second time, as an update.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import shapely

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT)]

import api.actions.imports  # noqa: E402
import data.areas  # noqa: E402
import data.cluster  # noqa: E402
import data.db  # noqa: E402
from api.actions.intake import Asked  # noqa: E402

BUDGET_S, BUDGET_GB = 60.0, 4.0
WEST, SOUTH, EAST, NORTH = 113.17, 23.04, 113.27, 23.16
BENDS = 10


def tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


@contextmanager
def step(name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    tell(f"  {name:<28}{time.perf_counter() - start:8.2f} s   peak {peak_gb():5.2f} GB")


def peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def watch(key: str, **_facts: object):
    return step(key)


def tiles(across: int, along: int, *, seed: int = 1) -> np.ndarray:
    """(across, along) polygons that share bent edges exactly."""
    rng = np.random.default_rng(seed)
    x, y = np.linspace(WEST, EAST, across + 1), np.linspace(SOUTH, NORTH, along + 1)
    bend_x, bend_y = (x[1] - x[0]) * 0.05, (y[1] - y[0]) * 0.05
    steps = np.linspace(0, 1, BENDS + 1)[:-1]
    rows = [_bent(x, y[at], steps, bend_y * (0 < at < along), rng) for at in range(along + 1)]
    columns = [_bent(y, x[at], steps, bend_x * (0 < at < across), rng) for at in range(across + 1)]
    made = np.empty((across, along), dtype=object)
    for i in range(across):
        for j in range(along):
            south, north = (rows[k][i * BENDS : (i + 1) * BENDS + 1] for k in (j, j + 1))
            west, east = (columns[k][j * BENDS : (j + 1) * BENDS + 1, ::-1] for k in (i, i + 1))
            made[i, j] = shapely.Polygon(np.concatenate([south[:-1], east[:-1], north[::-1][:-1], west[::-1]]))
    return made


def _bent(along: np.ndarray, at: float, steps: np.ndarray, bend: float, rng: np.random.Generator) -> np.ndarray:
    """A line across the district, straight at the corners of the tiles and bent between them."""
    places = np.append((along[:-1, None] + steps * np.diff(along)[:, None]).ravel(), along[-1])
    offsets = rng.uniform(-bend, bend, len(places))
    offsets[::BENDS] = 0
    return np.column_stack([places, at + offsets])


def areas(grids: int) -> gpd.GeoDataFrame:
    """District, 20 streets, 200 communities and about `grids` grids."""
    per = max(round(grids / 200 / 2), 1)
    grid = tiles(20 * per, 20, seed=1)
    blocks = grid.reshape(20, per, 10, 2)
    communities = [(i, j, shapely.union_all(blocks[i, :, j].ravel())) for i in range(20) for j in range(10)]
    streets = [(i, shapely.union_all([shape for k, _, shape in communities if k == i])) for i in range(20)]
    rows = [("440103", "district", "", "", shapely.union_all([shape for _, shape in streets]))]
    rows += [(f"440103{i + 1:03}", "street", "", "440103", shape) for i, shape in streets]
    rows += [
        (f"440103{i + 1:03}{j + 1:03}", "community", "", f"440103{i + 1:03}", shape) for i, j, shape in communities
    ]
    rows += [
        (f"440103{i + 1:03}{j + 1:03}{k + 1:03}", "grid", "basic", f"440103{i + 1:03}{j + 1:03}", shape)
        for i in range(20)
        for j in range(10)
        for k, shape in enumerate(blocks[i, :, j].ravel())
    ]
    frame = pd.DataFrame(rows, columns=["code", "level", "grid_kind", "parent_code", "geometry"])
    return gpd.GeoDataFrame(frame.assign(name=frame["code"]), geometry="geometry", crs="EPSG:4326")


def write_households(path: Path, rows: int) -> None:
    """A list as an office has it, headers and words in Chinese."""
    rng = np.random.default_rng(2)
    elders = rng.integers(1, 4, rows)
    words = {
        "户号": np.char.add("LW", np.char.zfill(np.arange(rows).astype(str), 8)),
        "经度": np.round(rng.uniform(WEST, EAST, rows), 7),
        "纬度": np.round(rng.uniform(SOUTH, NORTH, rows), 7),
        "地址": np.char.add("合成路", rng.integers(1, 2000, rows).astype(str)),
        "楼层": rng.integers(1, 30, rows),
        "电梯": rng.choice(["是", "否", ""], rows),
        "老人数": elders,
        "最大年龄": rng.integers(60, 100, rows),
        "独居": np.where(elders == 1, rng.choice(["是", "否"], rows), "否"),
        "行动能力": rng.choice(["自理", "拐杖", "轮椅", "不出门"], rows, p=[0.8, 0.1, 0.05, 0.05]),
    }
    pa.csv.write_csv(pa.table(words), path)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--grids", type=int, default=2_000)
    parser.add_argument("--again", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wangge-bench-") as folder:
        Path(folder).chmod(0o711)
        return run(Path(folder), asked)


def run(folder: Path, asked: argparse.Namespace) -> int:
    file = folder / "households.csv"
    write_households(file, asked.rows)
    tell(f"{asked.rows:,} households, {file.stat().st_size / 1e6:.0f} MB, {asked.grids:,} grids, all synthetic")
    with data.cluster.running(folder / "home") as cluster:
        data.db.migrate(cluster.url)
        engine = data.db.engine(cluster.url)
        with step("areas (not counted)"), data.db.transaction(engine) as session:
            data.areas.add(session, areas(asked.grids), valid_from=date(2025, 1, 1), synthetic=True, scheme="cn-stat")
        seconds = [timed(engine, file) for _ in range(2 if asked.again else 1)]
        engine.dispose()
    good = seconds[0] <= BUDGET_S and peak_gb() <= BUDGET_GB
    verdict = "kept" if good else "MISSED"
    tell(f"{seconds[0]:.1f} s of {BUDGET_S:.0f} s, peak {peak_gb():.2f} GB of {BUDGET_GB:.0f} GB: {verdict}")
    return 0 if good else 1


def timed(engine: data.db.Engine, file: Path) -> float:
    start, cpu = time.perf_counter(), time.process_time()
    with step("all, durable"), data.db.transaction(engine) as session:
        done = api.actions.imports.households(session, Asked(file, datum="wgs84", synthetic=True), watch=watch)
    seconds = time.perf_counter() - start
    tell(f"  {done.counts}, {seconds:.1f} s, of which this process computed {time.process_time() - cpu:.1f} s")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
