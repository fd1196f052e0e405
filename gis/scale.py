"""Beyond one process: the ground cut into tiles, each with all that can be walked from it, and Dask to carry them.

    with gis.scale.connect("tcp://planner:8786") as client:
        city = gis.scale.spread(stand, client=client)
        verdicts, counts = city.judge(), city.covered(plans, weights=elders)

Every tile holds its own households, all facilities, and the edges within a halo as wide as anybody can walk within the
horizon; so a tile's answer is bit for bit that of the whole (tested). Snapping, which must know what is an island, is
done before the cut. One process is the default and the faster way up to about a million nodes: tiles pay where a job
lasts seconds, such as many plans over one large city. Needs `distributed`, which is not installed with the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from functools import partial
from importlib import import_module
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import gis.coverage
import gis.ground
import gis.profiles
import gis.walking
from gis.errors import MissingPart
from gis.ground import Ground
from gis.profiles import Profile
from gis.verdicts import COVERED, HORIZON, Decision, Request, Verdicts
from gis.walknet import EDGE_FIELDS, Snaps, WalkNet

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Flags = NDArray[np.bool_]
T = TypeVar("T")

TILES = 16


@contextmanager
def connect(address: str | None = None, *, workers: int = 2) -> Iterator[Any]:
    """A client of the scheduler at an address, or of one made here with so many processes of one thread.

    Raises
    ------
    MissingPart
        `scale.missing`: `distributed` is not installed.
    """
    try:
        distributed: Any = import_module("distributed")
    except ImportError:
        raise MissingPart("scale.missing") from None
    if address is not None:
        with distributed.Client(address) as client:
            yield client
        return
    with _keeping_memory():
        made = distributed.LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None)
    with made as cluster, distributed.Client(cluster) as client:
        yield client


#: Dask has its workers give every freed block back to the system at once, which then has to clear it for the next
#: search: a third of the time went there. So a worker keeps 256 MB; blocks of 32 MB and more are still given back.
MEMORY = {"MALLOC_TRIM_THRESHOLD_": 2**28, "MALLOC_MMAP_THRESHOLD_": 2**25, "MALLOC_ARENA_MAX": 1}


def _keeping_memory() -> Any:
    """Workers started within this context keep what they have been given, and compute with one thread."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), 1)
    config: Any = import_module("dask.config")
    return config.set({"distributed.nanny.pre-spawn-environ": {**MEMORY, **threads}})


@dataclass(frozen=True, eq=False)
class Tile(Ground):
    """A part of a ground that is a ground itself: `rows` are its households, snapped before the cut."""

    rows: Longs = field(default_factory=lambda: np.zeros(0, np.int64))
    snapped: dict[tuple[str, bool], tuple[Snaps, Snaps]] = field(default_factory=dict)

    def snaps(self, profile: Profile) -> tuple[Snaps, Snaps]:
        """Homes and sites as they were snapped on the whole network; sites beyond the halo are on no edge."""
        return self.snapped[(profile.steps, profile.wheels)]


@dataclass(frozen=True, eq=False)
class Spread:
    """A ground whose tiles stay on the workers of a Dask client, with all that they have worked out, between questions.

    Only a question travels to them, and only its answer back.
    """

    stand: Ground
    client: Any
    rows: Sequence[Longs]
    held: Sequence[Any]

    def judge(self) -> Verdicts:
        """What `gis.coverage.judge` says, decided tile by tile."""
        return _whole(self.stand, self.rows, self._ask(gis.coverage.judge))

    def covered(self, plans: Sequence[Flags], *, weights: Floats) -> Floats:
        """`covered`, counted tile by tile."""
        none = np.zeros((len(plans), len(self.stand.request.kinds)))
        return sum(self._ask(partial(_covered, plans=plans), [weights[rows] for rows in self.rows]), start=none)

    def nodes(self) -> list[int]:
        """Crossings of every tile, those of its halo included."""
        return self._ask(_nodes)

    def _ask(self, work: Callable[..., T], *columns: Sequence[Any]) -> list[T]:
        """Every tile answers where it lies, given its own part of each column."""
        asked = [self.client.submit(work, *given, pure=False) for given in zip(self.held, *columns, strict=True)]
        answers: list[T] = self.client.gather(asked)
        return answers


def spread(stand: Ground, *, client: Any, tiles: int = TILES) -> Spread:
    """Cut a ground into about so many tiles and send each to a worker of a `distributed.Client`.

    As many tiles as workers have the least halo between them; a few more even out what is uneven.
    """
    cut = list(split(stand, tiles))
    held = client.scatter(cut, hash=False)
    if cut:
        client.gather([client.submit(_ready, tile, pure=False) for tile in held])
    return Spread(stand, client, [tile.rows for tile in cut], held)


def _ready(tile: Tile) -> None:
    """Lay out the streets for searching."""
    for profile, _ in tile.walkers:
        tile.way(profile)


def _nodes(tile: Tile) -> int:
    return len(tile.net.x)


def judge(stand: Ground, *, client: Any, tiles: int = TILES) -> Verdicts:
    """What `gis.coverage.judge` says, decided tile by tile on the workers of a client."""
    return spread(stand, client=client, tiles=tiles).judge()


def decide(
    net: WalkNet, households: pd.DataFrame, facilities: pd.DataFrame, request: Request, *, scheduler: str,
    tiles: int = TILES,
) -> Verdicts:  # fmt: skip
    """What `gis.coverage.decide` says, decided by the workers of the Dask scheduler at an address."""
    stand = gis.ground.ground(net, households, facilities=facilities, request=request)
    with connect(scheduler) as client:
        return judge(stand, client=client, tiles=tiles)


def covered(stand: Ground, plans: Sequence[Flags], *, weights: Floats) -> Floats:
    """How much weight every plan covers, by kind: many plans over one ground.

    Parameters
    ----------
    plans : which facilities of `stand.facilities` are open, (m,) bool each
    weights : (n,) of the households, such as their elders

    Returns
    -------
    (p, k) float, by rule `personal`; whole weights are added exactly, so it does not matter where.

    Notes
    -----
    What is weighed and snapped once serves all plans: a closed facility is one of no kind.
    """
    kind = stand.facilities["kind"].to_numpy(object)
    grounds = [replace(stand, facilities=stand.facilities.assign(kind=np.where(plan, kind, ""))) for plan in plans]
    return np.array([weights @ (gis.coverage.in_own_profile(ground).letters == COVERED) for ground in grounds])


def _covered(tile: Tile, weights: Floats, *, plans: Sequence[Flags]) -> Floats:
    return covered(tile, plans, weights=weights)


# Cutting --------------------------------------------------------------------------------------------------------------


def split(stand: Ground, tiles: int) -> Iterator[Tile]:
    """A ground in about so many tiles of equally many households, with their halos."""
    profiles = {(one.steps, one.wheels): one for one in _walking(stand)}
    snapped = {access: stand.snaps(profile) for access, profile in profiles.items()}
    wide, boxes = halo_m(stand), _edge_boxes(stand.net)
    people = stand.households.drop(columns="geometry")
    for rows in _equal_parts(stand.homes.x, stand.homes.y, tiles):
        near = _around(stand.homes.x[rows], stand.homes.y[rows], boxes, wide)
        number = np.full(len(near), -1, np.int32)
        number[near] = np.arange(near.sum(), dtype=np.int32)
        yield Tile(
            net=_part(stand.net, near), request=stand.request, households=people.iloc[rows],
            facilities=stand.facilities, homes=stand.homes.take(rows), sites=stand.sites, profile=stand.profile[rows],
            rows=rows,
            snapped={
                access: (_moved(homes.take(rows), number), _moved(sites, number))
                for access, (homes, sites) in snapped.items()
            },
        )  # fmt: skip


def _walking(stand: Ground) -> list[Profile]:
    """Every profile that some rule asks the ground about."""
    provider = [stand.request.walker(stand.request.provider)] if stand.facilities["delivers"].any() else []
    return [gis.profiles.find("standard"), *(profile for profile, _ in stand.walkers), *provider]


def halo_m(stand: Ground) -> float:
    """How far from home anything can lie that is known within the horizon, in straight metres.

    That is the horizon times the fastest that any edge carries anybody: drawn metres by its cost. An edge that costs
    nothing makes it infinite and every tile the whole city, which is slow but right.
    """
    net, reach = stand.net, [stand.request.snap_m]
    drawn = _drawn(net)
    for way, limit in _ways(stand):
        with np.errstate(divide="ignore", invalid="ignore"):
            pace = np.where(drawn > 0, drawn / np.minimum(way.cost, way.back), 0.0)
        reach.append(limit * HORIZON * max(way.speed, float(pace.max(initial=0.0))))
    return max(reach)


def _ways(stand: Ground) -> Iterator[tuple[gis.walking.Way, float]]:
    yield gis.walking.in_metres(stand.net, limit=stand.request.metres * HORIZON), stand.request.metres
    for profile in _walking(stand):
        yield stand.way(profile), stand.request.seconds


def _drawn(net: WalkNet) -> Floats:
    """Drawn length of every edge."""
    steps = np.append(np.hypot(*np.diff(net.coords, axis=0).T), 0.0)
    steps[net.offsets[1:] - 1] = 0.0
    return np.add.reduceat(steps, net.offsets[:-1]) if len(net.u) else np.zeros(0)


def _edge_boxes(net: WalkNet) -> tuple[Floats, Floats]:
    """The least and the greatest corner of every edge, (e, 2) each."""
    if not len(net.u):
        return np.zeros((0, 2)), np.zeros((0, 2))
    return np.minimum.reduceat(net.coords, net.offsets[:-1]), np.maximum.reduceat(net.coords, net.offsets[:-1])


def _equal_parts(x: Floats, y: Floats, tiles: int) -> Iterator[Longs]:
    """Rows in columns from west to east, each cut from south to north; those placed nowhere come last."""
    across = max(1, round(tiles**0.5))
    for column in np.array_split(np.argsort(x, kind="stable"), across):
        for part in np.array_split(column[np.argsort(y[column], kind="stable")], max(1, round(tiles / across))):
            if len(part):
                yield np.sort(part)


def _around(x: Floats, y: Floats, boxes: tuple[Floats, Floats], wide: float) -> Flags:
    """Edges whose box comes within `wide` of the box of some points."""
    placed = np.isfinite(x) & np.isfinite(y)
    if not placed.any():
        return np.zeros(len(boxes[0]), bool)
    places = np.column_stack([x[placed], y[placed]])
    low, high = places.min(axis=0) - wide, places.max(axis=0) + wide
    return ((boxes[0] <= high) & (boxes[1] >= low)).all(axis=1)


def _part(net: WalkNet, edges: Flags) -> WalkNet:
    """Some edges of a network with their nodes, without how they are drawn: enough to search, not to snap."""
    nodes, ends = np.unique(np.concatenate([net.u[edges], net.v[edges]]), return_inverse=True)
    u, v = np.split(ends.astype(np.int32), 2)
    kept = {name: getattr(net, name)[edges] for name in EDGE_FIELDS}
    return replace(
        net, x=net.x[nodes], y=net.y[nodes], u=u, v=v, coords=np.zeros((0, 2)), offsets=np.zeros(1, np.int64),
        sha256="", **kept,
    )  # fmt: skip


def _moved(snaps: Snaps, number: NDArray[np.int32]) -> Snaps:
    """The same snaps on the edges of a tile."""
    return replace(snaps, edge=np.where(snaps.edge >= 0, number[snaps.edge], np.int32(-1)))


# Putting together -----------------------------------------------------------------------------------------------------


def _whole(stand: Ground, rows: Sequence[Longs], parts: Sequence[Verdicts]) -> Verdicts:
    """The verdicts of all tiles in the order of the households."""
    if not parts:
        return gis.coverage.judge(stand)
    order = np.argsort(np.concatenate(rows))
    _, sites = stand.snaps(gis.profiles.find("standard"))
    columns: dict[str, Any] = {
        name: _joined([getattr(part, name) for part in parts], order)
        for name in ("snap_m", "reason", "fragile", "circle_fragile", "through_unknown")
    }
    return replace(
        parts[0],
        refs=stand.households["ref"].to_numpy(object),
        profile=stand.profile,
        rules={name: _decision([part.rules[name] for part in parts], order) for name in parts[0].rules},
        circle={name: _joined([part.circle[name] for part in parts], order) for name in parts[0].circle},
        facilities=parts[0].facilities.assign(snapped=sites.ok, reason=sites.reason),
        **columns,
    )


def _decision(parts: Sequence[Decision], order: Longs) -> Decision:
    return Decision(*(_joined([getattr(part, each.name) for part in parts], order) for each in fields(Decision)))


def _joined(parts: Sequence[NDArray], order: Longs) -> NDArray:
    """In columns, as `gis.coverage` makes them."""
    return np.asfortranarray(np.concatenate(parts)[order])
