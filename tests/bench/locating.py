"""How long many points take to find their grid, beside PostGIS, and whether both name the same one for every point.

    python tests/bench/locating.py [--points 1000000] [--grids 2000] [--rounds 3]

Grids are the cells of a seeded Voronoi diagram with crooked borders that neighbours share, some fifty vertices each.
Each round draws new points for both, one in a hundred of them on a border; walls of both, since PostGIS works in a
process of its own. It is asked as the rule is said: the smallest code, byte by byte, of the grids that touch a point.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
from geoalchemy2 import Geometry
from sqlalchemy import BigInteger, Column, MetaData, Table, Text, text

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT)]

import data.cluster  # noqa: E402
import data.db  # noqa: E402
import gis.areas  # noqa: E402
from data.copying import copy, fetch  # noqa: E402

CORNER, SIDE = np.array([113.20, 23.08]), 0.08

POINT = Table("point", MetaData(), Column("id", BigInteger), Column("geom", Geometry("POINT", srid=4326)))

#: One row is one point; unfound is "".
ASKED = """
    SELECT coalesce(min(grid.code COLLATE "C"), '') AS code
    FROM point LEFT JOIN grid ON ST_Intersects(grid.geom, point.geom)
    GROUP BY point.id ORDER BY point.id"""


def grids(count: int, seed: int = 1) -> gpd.GeoDataFrame:
    """Cells whose borders are broken and pushed aside, a shared one alike for both neighbours."""
    random = np.random.default_rng(seed)
    seeds = shapely.multipoints(random.random((count, 2)) * SIDE + CORNER)
    square = shapely.box(*CORNER, *(CORNER + SIDE))
    borders = shapely.voronoi_polygons(seeds, extend_to=square, only_edges=True)
    crooked = shapely.segmentize(shapely.node(shapely.intersection(borders, square)), SIDE / count**0.5 / 12)
    pieces = shapely.union_all([_crooked(part, random) for part in shapely.get_parts(crooked)] + [square.boundary])
    shapes = shapely.get_parts(shapely.polygonize([pieces]))
    codes = [f"g{number:05}" for number in range(len(shapes))]
    return gpd.GeoDataFrame({"code": codes}, geometry=shapes, crs=4326)


def _crooked(line: shapely.LineString, random: np.random.Generator) -> shapely.LineString:
    """The same line between the same ends, its other vertices moved by a few metres."""
    points = shapely.get_coordinates(line)
    points[1:-1] += random.normal(0, 3e-5, points[1:-1].shape)
    return shapely.linestrings(points)


def drawn(random: np.random.Generator, areas: gpd.GeoDataFrame, count: int) -> np.ndarray:
    """Points around the square; one in a hundred is a vertex of a border."""
    points = random.uniform(-0.001, SIDE + 0.001, (count, 2)) + CORNER
    vertices = shapely.get_coordinates(areas.geometry.to_numpy())
    on = random.random(count) < 0.01
    points[on] = vertices[random.integers(0, len(vertices), int(on.sum()))]
    return points


def by_postgis(session: data.db.Session, points: np.ndarray) -> tuple[float, np.ndarray]:
    """Seconds of the question alone, tables and index being there, and its answer."""
    session.execute(text("CREATE TABLE point (id bigint, geom geometry(Point, 4326))"))
    copy(session, POINT, {"id": np.arange(len(points)), "geom": points})
    session.execute(text("ANALYZE point"))
    begin = time.perf_counter()
    found = fetch(session, ASKED)["code"].fillna("").to_numpy(object)
    took = time.perf_counter() - begin
    session.execute(text("DROP TABLE point"))
    return took, found


def stored(session: data.db.Session, areas: gpd.GeoDataFrame) -> None:
    session.execute(text("CREATE TABLE grid (code text, geom geometry(Polygon, 4326))"))
    grid = Table("grid", MetaData(), Column("code", Text), Column("geom", Geometry("POLYGON", srid=4326)))
    copy(session, grid, {"code": areas["code"], "geom": areas.geometry.to_numpy()})
    session.execute(text("CREATE INDEX ON grid USING gist (geom)"))
    session.execute(text("ANALYZE grid"))


def race(session: data.db.Session, areas: gpd.GeoDataFrame, *, points: int, rounds: int) -> None:
    """Rounds of both in turn; the first of ours, which loads what is compiled, is not counted."""
    random, spent = np.random.default_rng(2), {"ours": [], "PostGIS": []}
    gis.areas.locate(*drawn(random, areas, points).T, areas)
    for number in range(rounds):
        asked = drawn(random, areas, points)
        begin = time.perf_counter()
        ours = gis.areas.locate(*asked.T, areas)
        spent["ours"].append(time.perf_counter() - begin)
        took, theirs = by_postgis(session, asked)
        spent["PostGIS"].append(took)
        say(f"round {number + 1}: ours {spent['ours'][-1]:.3f} s, PostGIS {took:.2f} s, "
            f"{int((ours != theirs).sum())} mismatches, {int((theirs == '').sum())} points in no grid")  # fmt: skip
    middle = {name: statistics.median(took) for name, took in spent.items()}
    say(f"median: ours {middle['ours']:.3f} s, PostGIS {middle['PostGIS']:.2f} s, "
        f"{middle['PostGIS'] / middle['ours']:.0f} times as long")  # fmt: skip


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--grids", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    areas = grids(asked.grids)
    size = np.median(shapely.get_num_coordinates(areas.geometry.to_numpy()))
    say(f"{len(areas):,} grids of {size:.0f} vertices, {asked.points:,} points, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(prefix="wangge-") as folder:
        os.chmod(folder, 0o711)
        with data.cluster.Cluster(Path(folder) / "home").lease() as cluster:
            data.db.migrate(cluster.url)
            with data.db.Session(data.db.engine(cluster.url)) as session:
                stored(session, areas)
                race(session, areas, points=asked.points, rounds=asked.rounds)


if __name__ == "__main__":
    main()
