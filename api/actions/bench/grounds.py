"""The races over places: points to edges, points to areas, and where to open sites."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

import gis.areas
import gis.reach
import gis.siting
import gis.snapping
import gis.walknet
from api.actions.bench.city import City
from api.actions.bench.race import Entrant, Found, Task

#: Points that slow engines are given, of all, and their rounds.
PART, SLOW = 0.1, 3
SNAP_M = 150.0
SITES = 10

Floats = NDArray[np.float64]


def snapping(city: City, *, points: int) -> Task:
    """Points near the streets to the nearest edge of the main network."""
    net, usable = city.net, np.ones(len(city.net.u), bool)
    few, main = max(1, int(points * PART)), net.main(usable)
    lines: Any = shapely.linestrings(net.coords, indices=np.repeat(np.arange(len(net.u)), np.diff(net.offsets)))
    tree = shapely.STRtree(lines[main])
    west, south, east, north = net.x.min(), net.y.min(), net.x.max(), net.y.max()

    def draw(random: np.random.Generator) -> tuple[Floats, Floats]:
        return random.uniform(west, east, points), random.uniform(south, north, points)

    def ours(work: tuple[Floats, Floats]) -> Any:
        return gis.snapping.nearest(net.index, *work, allowed=main, max_m=SNAP_M)

    def whole(work: tuple[Floats, Floats]) -> gis.walknet.Snaps:
        return gis.walknet.snap(net, *work, usable=usable, max_m=SNAP_M)

    def theirs(places: Any) -> Any:
        return tree.query_nearest(places, max_distance=SNAP_M, return_distance=True, all_matches=False)

    return Task(
        "snapping",
        draw,
        [
            Entrant("wangge", ours, _legs, whole=whole),
            Entrant(
                "shapely", theirs, lambda _work, found: Found(found[0][0].astype(np.int64), found[1], few),
                ready=lambda work: shapely.points(work[0][:few], work[1][:few]), part=few / points, rounds=SLOW,
            ),
        ],
        SNAP_M,
    )  # fmt: skip


def _legs(_work: Any, found: Any) -> Found:
    edge, _share, leg, _x, _y = found
    key = np.flatnonzero(edge >= 0)
    return Found(key, leg[key], len(edge))


def locating(areas: gpd.GeoDataFrame, *, points: int) -> Task:
    """Points to the area that holds them."""
    west, south, east, north = areas.total_bounds
    number, few = pd.Index(areas["code"]), max(1, int(points * PART))
    shapes = areas.geometry.to_numpy()
    tree = shapely.STRtree(shapes)

    def draw(random: np.random.Generator) -> tuple[Floats, Floats]:
        return random.uniform(west, east, points), random.uniform(south, north, points)

    def read(_work: Any, codes: NDArray[Any]) -> Found:
        return _held(number.get_indexer(codes), points)

    def theirs(places: Any) -> NDArray[Any]:
        point, shape = tree.query(places, predicate="intersects")
        found = np.full(few, len(shapes))
        np.minimum.at(found, point, shape)
        return np.where(found == len(shapes), -1, found)

    return Task(
        "locating",
        draw,
        [
            Entrant("wangge", lambda work: gis.areas.locate(work[0], work[1], areas), read),
            Entrant(
                "shapely", theirs, lambda _work, found: _held(found, few),
                ready=lambda work: shapely.points(work[0][:few], work[1][:few]), part=few / points, rounds=SLOW,
            ),
        ],
    )  # fmt: skip


def _held(area: NDArray[Any], end: int) -> Found:
    key = np.flatnonzero(area >= 0)
    return Found(key, area[key].astype(float), end)


def siting(*, candidates: int, homes: int, size_m: float = 8000.0, limit_m: float = 500.0) -> Task:
    """Ten sites where they cover most, with a certificate; beside it the plain greedy choice.

    What is compared is not the choice, in which the certificate has the word, but the count: the homes our plan is
    said to cover are counted again from the matrix.
    """

    def draw(random: np.random.Generator) -> tuple[gis.siting.Problem, dict[str, Any]]:
        centres = random.random((60, 2)) * size_m
        place = centres[random.integers(0, 60, homes)] + random.normal(0, 400, (homes, 2))
        site = place[random.integers(0, homes, candidates)] + random.normal(0, 50, (candidates, 2))
        near = cKDTree(place).sparse_distance_matrix(cKDTree(site), limit_m, output_type="coo_matrix")
        reach = gis.reach.from_pairs(near.col, near.row, near.data, households=homes, sites=candidates)
        nobody = np.zeros(candidates, bool)
        return gis.siting.Problem(reach, np.ones(homes), nobody, add=SITES, limit_s=limit_m), {}

    def ours(work: tuple[gis.siting.Problem, dict[str, Any]]) -> gis.siting.Plan:
        plan = gis.siting.solve(work[0], method="mclp", effort=gis.siting.Effort(alternatives=0))
        work[1]["plan"] = plan
        return plan

    def counted(work: tuple[gis.siting.Problem, dict[str, Any]], _chosen: list[int]) -> Found:
        opened = np.asarray(work[1]["plan"].opened, int)
        return _total(float((_matrix(work[0])[:, opened].sum(axis=1) > 0).sum()))

    return Task(
        "siting",
        draw,
        [
            Entrant("wangge", ours, lambda _work, plan: _total(plan.covered), rounds=2, about=_certificate),
            Entrant("greedy", lambda work: _greedy(_matrix(work[0])), counted, rounds=2),
        ],
    )


def _matrix(problem: gis.siting.Problem) -> Any:
    reach = problem.reach
    return csr_array(
        (np.ones(len(reach.sites)), reach.sites, reach.indptr), shape=(reach.household_count, reach.site_count)
    )


def _greedy(reached: Any) -> list[int]:
    """Again and again the site that covers most of those not covered yet."""
    left, chosen, turned = np.ones(reached.shape[0]), [], reached.T.tocsr()
    for _ in range(SITES):
        best = int(np.argmax(turned @ left))
        chosen.append(best)
        left[turned[[best]].indices] = 0
    return chosen


def _total(value: float) -> Found:
    return Found(np.zeros(1, np.int64), np.array([value]), 1)


def _certificate(plan: gis.siting.Plan) -> dict[str, Any]:
    """How many homes a plan covers, at most how many any could, and the gap between."""
    facts = {"covered": plan.covered, "bound": plan.bound, "gap": plan.gap, "proven": plan.proven, "proof": plan.proof}
    return {"certificate": facts}
