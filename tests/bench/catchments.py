"""How long a catchment takes to draw and how far it lies from the households' own walks.

    python tests/bench/catchments.py [EXTRACT] [--facilities 60] [--minutes 10]

EXTRACT is an .osm.pbf; by default the rehearsal country in the folder of real input. Buildings stand in for households,
facilities are a seeded choice of them. Beside ours: the hulls and buffers that are usually drawn, judged on the same
households in the same rounds.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import shapely

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT)]

import data.ingest.osm  # noqa: E402
import gis.catchments as catchments  # noqa: E402
import gis.crs  # noqa: E402
import gis.kernel  # noqa: E402
import gis.walking  # noqa: E402
import gis.walknet  # noqa: E402

EXTRACT = ROOT.parent / "shared" / "data" / "rehearsal" / "liechtenstein.osm.pbf"
SPEED = 0.9
#: Farthest a household may live from the network in the hulls' favour: beyond it no hull of streets can hold it.
LEG_M = 150.0


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


def timed(work: Callable[[], object]) -> tuple[float, object]:
    begin = time.perf_counter()
    answer = work()
    return time.perf_counter() - begin, answer


def hull(way: gis.walking.Way, place: gis.walknet.Snaps, limit: float, ratio: float) -> shapely.Geometry:
    """The concave (or, with ratio 1, convex) hull of the nodes in reach."""
    cost = gis.walking.reach(way, place, limit=limit).cost
    inside = cost[way.net.topology.rank] if len(cost) else cost
    near = np.isfinite(inside)
    return shapely.concave_hull(shapely.multipoints(np.column_stack([way.net.x[near], way.net.y[near]])), ratio=ratio)


def buffered(way: gis.walking.Way, place: gis.walknet.Snaps, limit: float, width_m: float) -> shapely.Geometry:
    """The streets in reach, widened: whole edges with both ends in reach."""
    net = way.net
    cost = gis.walking.reach(way, place, limit=limit).cost[net.topology.rank]
    inside = np.flatnonzero(np.isfinite(cost[net.u]) & np.isfinite(cost[net.v]))
    sizes = np.diff(net.offsets)[inside]
    rows = np.repeat(np.arange(len(inside)), sizes)
    at = np.repeat(net.offsets[inside] - np.concatenate([[0], np.cumsum(sizes)[:-1]]), sizes) + np.arange(sizes.sum())
    return shapely.multilinestrings(shapely.linestrings(net.coords[at], indices=rows)).buffer(width_m)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("extract", nargs="?", type=Path, default=EXTRACT)
    parser.add_argument("--facilities", type=int, default=60)
    parser.add_argument("--minutes", type=float, default=10.0)
    asked = parser.parse_args()
    if not asked.extract.exists():
        sys.exit(f"no extract {asked.extract}")
    found = data.ingest.osm.walknet(asked.extract)
    net = gis.walknet.from_frames(found.nodes, found.edges, srid=found.srid)
    shapes = data.ingest.osm.buildings(asked.extract).frame.geometry
    x, y = gis.crs.Metric(net.srid).forward(shapes.x.to_numpy(), shapes.y.to_numpy())
    usable, limit = np.ones(len(net.u), bool), 60 * asked.minutes
    snaps = gis.walknet.snap(net, x, y, usable=usable, max_m=LEG_M)
    homes = catchments.Households(x, y, snaps)
    way = walker(net, limit)
    chosen = np.random.default_rng(1).choice(np.flatnonzero(snaps.ok), asked.facilities, replace=False)
    say(
        f"{len(net.x)} nodes, {len(net.u)} edges, {len(x)} households, "
        f"{asked.facilities} facilities, {asked.minutes:g} min"
    )
    grounds = {}
    for cell_m in (10.0, 5.0):
        took, grounds[cell_m] = timed(lambda cell_m=cell_m: catchments.raster(net, usable, cell_m=cell_m))
        say(f"raster {cell_m:g} m, once: {took:.2f} s, {grounds[cell_m].edge.shape}")
    compare(way, grounds, homes, chosen, limit)


def walker(net: gis.walknet.WalkNet, limit: float) -> gis.walking.Way:
    """Everybody at one speed, steps as slow as the street, so that all methods judge the same walk."""
    cost = net.metres / SPEED
    arcs = net.topology.back
    return gis.walking.Way(net, cost, cost, SPEED, net.oneway, arcs, gis.kernel.weigh(arcs, cost, limit=limit + 60))


def compare(
    way: gis.walking.Way, grounds: dict, homes: catchments.Households, chosen: np.ndarray, limit: float
) -> None:
    makers: dict[str, Callable] = {
        "ours, raster 10 m": lambda place: catchments.draw(way, grounds[10.0], place, limit=limit),
        "ours, raster 5 m": lambda place: catchments.draw(way, grounds[5.0], place, limit=limit),
        "streets, 25 m buffer": lambda place: buffered(way, place, limit, 25.0),
        "concave hull 0.2": lambda place: hull(way, place, limit, 0.2),
        "convex hull": lambda place: hull(way, place, limit, 1.0),
    }
    known = homes.snaps.ok
    spent, sums = {name: [] for name in makers}, {name: np.zeros(3) for name in makers}
    for home in chosen:
        place = homes.snaps.take(np.array([home]))
        walked, _ = gis.walking.to_nearest(way, homes.snaps.take(known), place, limit=limit)
        for name, make in makers.items():
            took, polygon = timed(lambda make=make, place=place: make(place))
            quality = catchments.measure(polygon, homes.x[known], homes.y[known], walked <= limit)
            both = round((1 - quality.false_in) * quality.drawn)
            spent[name].append(took)
            sums[name] += both, quality.drawn, quality.reached
    say(f"{'method':<22}{'median ms':>10}{'worst ms':>10}{'precision':>11}{'recall':>8}{'F1':>8}")
    for name, (both, drawn, reached) in sums.items():
        middle, worst = np.median(spent[name]) * 1e3, np.max(spent[name]) * 1e3
        say(
            f"{name:<22}{middle:>10.2f}{worst:>10.2f}{both / drawn:>11.4f}"
            f"{both / reached:>8.4f}{2 * both / (drawn + reached):>8.4f}"
        )


if __name__ == "__main__":
    main()
