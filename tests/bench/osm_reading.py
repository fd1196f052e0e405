"""How long an extract takes to become a network, beside pyosmium with networkx doing the same plainly.

    python tests/bench/osm_reading.py [EXTRACT] [--vertices 1000000] [--rounds 3]

Without an extract a synthetic town is written to a temporary file: a lattice of streets with a vertex every 20 m.
Rounds are interleaved and the best of each is kept; `ratio` is how many times faster ours is.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import osmium

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import data.ingest.osm  # noqa: E402
import gis.walkways  # noqa: E402
from worlds import uncut  # noqa: E402

#: Vertices of a block's side, and the degrees between two of them (20 m).
BLOCK, STEP = 5, 0.0002


def town(path: Path, vertices: int) -> None:
    """Streets west to east and south to north, `BLOCK` vertices apart, each way one block long."""
    side = int((vertices / (2 * (BLOCK + 1))) ** 0.5)
    writer = osmium.SimpleWriter(str(path))
    span = side * BLOCK + 1

    def ref(x: int, y: int) -> int:
        return 1 + x + y * span

    for y in range(span):
        for x in range(span):
            if x % BLOCK == 0 or y % BLOCK == 0:
                place = (113.0 + x * STEP, 23.0 + y * STEP)
                writer.add_node(osmium.osm.mutable.Node(id=ref(x, y), location=place, version=1))
    made = 0
    for along in range(side + 1):
        for block in range(side):
            for turned in (False, True):
                run = [(block * BLOCK + i, along * BLOCK) for i in range(BLOCK + 1)]
                nodes = [ref(y, x) if turned else ref(x, y) for x, y in run]
                made += 1
                tags = {"highway": "residential", "name": f"Street {along}", "surface": "asphalt"}
                writer.add_way(osmium.osm.mutable.Way(id=made, nodes=nodes, tags=tags, version=1))
    writer.close()


def seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def measure(path: Path, rounds: int) -> dict[str, float]:
    """Best seconds of each part, interleaved."""
    drawn = data.ingest.osm.ways(path)
    parts: dict[str, Callable[[], object]] = {
        "read": lambda: data.ingest.osm.ways(path),
        "cut": lambda: gis.walkways.build(*drawn),
        "both": lambda: data.ingest.osm.walknet(path),
        "pyosmium + networkx": lambda: uncut.graph(path, 4547),
    }
    times: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(rounds):
        for name, work in parts.items():
            times[name].append(seconds(work))
    return {name: min(taken) for name, taken in times.items()}


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("extract", nargs="?", type=Path)
    asked.add_argument("--vertices", type=int, default=1_000_000)
    asked.add_argument("--rounds", type=int, default=3)
    options = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = options.extract or Path(folder) / "town.osm.pbf"
        if options.extract is None:
            town(path, options.vertices)
        net = data.ingest.osm.walknet(path)
        best = measure(path, options.rounds)
    lines = [f"{path.name}: {net.stats['ways_walked']} ways, {net.stats['nodes']} nodes, {net.stats['edges']} edges"]
    plain = best["pyosmium + networkx"]
    lines += [f"{name:22}{taken:8.2f} s   ratio {plain / taken:6.1f}" for name, taken in best.items()]
    sys.stdout.write("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
