"""Made-up towns in metres. The corner of every town is one fixed place; x runs east and y north of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import pandas as pd

import gis.crs
import gis.walknet
from gis.walknet import WalkNet

SRID = 4547
CORNER = (420_000.0, 2_557_000.0)

Point = tuple[float, float]


@dataclass(frozen=True)
class Town:
    """A network with its households and facilities as frames; `metres` is what the maker knows by hand."""

    net: WalkNet
    households: gpd.GeoDataFrame
    facilities: gpd.GeoDataFrame
    metres: np.ndarray | None = None

    def with_facilities(self, *rows: gpd.GeoDataFrame) -> Town:
        return replace(self, facilities=pd.concat([self.facilities, *rows], ignore_index=True))


def network(nodes: Sequence[Point], edges: Iterable[Sequence], **columns: Sequence) -> WalkNet:
    """Edges (u, v) or (u, v, {column: value}), straight or bent at the points `via`; `metres` is the drawn length
    unless given."""
    x, y = np.array(nodes, float).reshape(-1, 2).T + np.array(CORNER)[:, None]
    edges = [(edge[0], edge[1], dict(edge[2]) if len(edge) > 2 else {}) for edge in edges]
    u, v = np.array([edge[:2] for edge in edges], int).reshape(-1, 2).T
    bends = [np.array(own.pop("via", []), float).reshape(-1, 2) + CORNER for _, _, own in edges]
    lines = [np.vstack([(x[a], y[a]), bend, (x[b], y[b])]) for a, b, bend in zip(u, v, bends, strict=True)]
    given = {
        "metres": [np.hypot(*np.diff(line, axis=0).T).sum() for line in lines], "oneway": 0, "steps": 0, "signals": 0.0,
        "lift": False, "wheelchair": 1, "bridge": False, **columns,
    }  # fmt: skip
    table = {name: np.broadcast_to(np.asarray(values), len(u)).copy() for name, values in given.items()}
    for i, (_, _, own) in enumerate(edges):
        for name, value in own.items():
            table[name][i] = value
    offsets = np.cumsum([0, *map(len, lines)])
    return gis.walknet.from_arrays(
        x, y, u=u, v=v, coords=np.vstack([*lines, np.zeros((0, 2))]), offsets=offsets, srid=SRID, **table
    )


def points(places: Sequence[Point | None]) -> gpd.GeoSeries:
    """Places in metres from the corner as EPSG:4326 points; None stays None."""
    x, y = np.array([place or (0, 0) for place in places], float).reshape(-1, 2).T + np.array(CORNER)[:, None]
    lon, lat = gis.crs.Metric(SRID).inverse(x, y)
    shapes = gpd.GeoSeries(gpd.points_from_xy(lon, lat), crs=4326)
    return shapes.where([place is not None for place in places], None)


def homes(places: Sequence[Point | None], **columns: object) -> gpd.GeoDataFrame:
    """One household of one active elder at each place; any column may be given, once or per household."""
    frame = pd.DataFrame({
        "ref": [f"h{i}" for i in range(len(places))], "elders": 1, "elders_homebound": 0, "elders_80": 0,
        "elders_disabled": 0, "living_alone": False, "age_max": 70, "mobility": "independent", "floor": 1,
        "lift": False, "in_institution": False, "grid_code": "g", "community_code": "c", "street_code": "s",
    }).assign(**columns)  # fmt: skip
    return gpd.GeoDataFrame(frame, geometry=points(places), crs=4326)


def care(places: Sequence[Point | None], kind: str | Sequence[str] = "canteen", **columns: object) -> gpd.GeoDataFrame:
    """An open facility at each place; any column may be given, once or per facility."""
    frame = pd.DataFrame({
        "id": [f"f{i}" for i in range(len(places))], "name": [f"F{i}" for i in range(len(places))], "kind": kind,
        "capacity": None, "delivery_mode": "one_stop", "status": "open", "opens": "00:00-24:00", "street_code": "s",
    }, index=range(len(places))).assign(**columns)  # fmt: skip
    return gpd.GeoDataFrame(frame, geometry=points(places), crs=4326)


def street(*, length_m: float = 1000, every_m: float = 100, block_m: float = 250) -> Town:
    """One straight street with a home every `every_m` and a canteen at its west end, all standing on it."""
    at = np.arange(0, length_m + 1, block_m)
    net = network([(x, 0.0) for x in at], [(i, i + 1) for i in range(len(at) - 1)])
    metres = np.arange(0, length_m + 1, every_m)
    return Town(net, homes([(x, 0.0) for x in metres]), care([(0.0, 0.0)]), metres)


def grid(*, blocks: int = 12, spacing_m: float = 100) -> Town:
    """A square grid of streets, a home at each crossing, a canteen at the middle one; `metres` are |x| + |y|."""
    index = np.arange((blocks + 1) ** 2).reshape(blocks + 1, blocks + 1)
    nodes = [(column * spacing_m, row * spacing_m) for row in range(blocks + 1) for column in range(blocks + 1)]
    across = np.column_stack([index[:, :-1].ravel(), index[:, 1:].ravel()])
    along = np.column_stack([index[:-1].ravel(), index[1:].ravel()])
    middle = blocks // 2 * spacing_m
    metres = np.array([abs(x - middle) + abs(y - middle) for x, y in nodes])
    return Town(network(nodes, [*across, *along]), homes(nodes), care([(middle, middle)]), metres)


def island() -> Town:
    """A street of 400 m, and beyond water 300 m north of it a path of 100 m that nothing joins.

    Homes: on the street; on the island; 100 m off the street; 200 m off it; nowhere known.
    """
    net = network([(0, 0), (400, 0), (0, 300), (100, 300)], [(0, 1), (2, 3)])
    return Town(net, homes([(100, 0), (50, 300), (300, -100), (300, -200), None]), care([(0, 0)]))


def one_way() -> Town:
    """A block 100 m square walked only anticlockwise; two homes and the canteen partway along its south side."""
    corners = [(0, 0), (100, 0), (100, 100), (0, 100)]
    net = network(corners, [(i, (i + 1) % 4, {"oneway": 1}) for i in range(4)])
    return Town(net, homes([(20, 0), (80, 0), (100, 50)]), care([(50, 0)]), np.array([30.0, 370.0, 300.0]))


def stairs() -> Town:
    """Home and canteen 100 m apart over a footbridge of 40 steps with a signal at its foot, 400 m apart on the flat.

    Nodes 0 (home) to 1 (canteen): edge 0 is the bridge; edges 1 and 2 lead round by node 2.
    """
    bridge = {"steps": 40, "bridge": True, "wheelchair": 0, "signals": 1.0}
    net = network([(0, 0), (100, 0), (50, 150)], [(0, 1, bridge), (0, 2, {"metres": 200}), (2, 1, {"metres": 200})])
    return Town(net, homes([(0, 0)]), care([(100, 0)]), np.array([100.0]))


def crossing(seed: int, *, size: int = 7, homes_count: int = 60, facilities_count: int = 5) -> Town:
    """A random little town: a jittered grid with gaps, bends, doubled and one-way streets, steps, and an island."""
    rng = np.random.default_rng(seed)
    nodes = [(c * 90 + rng.uniform(-25, 25), r * 90 + rng.uniform(-25, 25)) for r in range(size) for c in range(size)]
    pairs = [(i, i + 1) for i in range(size * size) if (i + 1) % size] + [
        (i, i + size) for i in range(size * (size - 1))
    ]
    edges = [(*pair, _attributes(rng)) for pair in pairs if rng.random() > 0.15]
    edges += [
        (0, 1, {"via": [(30, -40)]}),
        (1, 2, {"via": [(130, -50)], "metres": 130}),
        (3, 3, {"via": [(280, -70), (310, -60)]}),
    ]
    far = len(nodes)
    net = network([*nodes, (-400, 0), (-300, 20)], [*edges, (far, far + 1)])
    places = lambda count: [tuple(rng.uniform(-60, size * 90, 2)) for _ in range(count)]  # noqa: E731
    people = homes(
        [*places(homes_count - 1), (-350.0, 5.0)], age_max=rng.integers(60, 100, homes_count),
        elders=rng.integers(1, 4, homes_count), floor=rng.integers(1, 9, homes_count),
        lift=rng.random(homes_count) < 0.5,
        mobility=rng.choice(["independent", "cane", "walker", "wheelchair"], homes_count),
    )  # fmt: skip
    kinds = rng.choice(["canteen", "clinic"], facilities_count)
    return Town(net, people, care(places(facilities_count), kinds))


def _attributes(rng: np.random.Generator) -> dict[str, object]:
    return {
        "oneway": rng.choice([0, 0, 0, 0, 1, -1]), "steps": rng.choice([0, 0, 0, 0, 12, -1]),
        "signals": rng.choice([0.0, 0.0, 0.5]), "wheelchair": rng.choice([1, 1, 0, -1]), "metres": rng.uniform(90, 140),
    }  # fmt: skip


def shuffled(frame: gpd.GeoDataFrame, seed: int = 0) -> gpd.GeoDataFrame:
    """The same rows in another order."""
    return frame.sample(frac=1, random_state=seed).reset_index(drop=True)
