"""The walking network as compact arrays, and where a point joins it.

All positions are metres in the projected CRS `srid`. An edge is a polyline from node `u` to node `v`; what lies partway
along it is measured in its own `metres` from `u`, in proportion to the drawn length.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

import gis.crs
from gis.errors import Invalid
from gis.kernel import Topology, topology
from gis.snapping import Index, build, nearest

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Flags = NDArray[np.bool_]

#: How far from the network a household or facility may lie and still be decided (design section 5).
SNAP_M = 150.0

WHEELCHAIR = {"yes": 1, "unknown": 0, "no": -1}

#: Metres climbed and descended from u to v; zero, which may be left out, is flat or not known.
CLIMBS = ("up_m", "down_m")

#: Field, type: the order is that of the digest.
EDGE_FIELDS = {
    "metres": np.float64,
    "oneway": np.int8,
    "steps": np.int16,
    "signals": np.float32,
    "lift": np.bool_,
    "wheelchair": np.int8,
    "bridge": np.bool_,
    **dict.fromkeys(CLIMBS, np.float32),
}


@dataclass(frozen=True, eq=False)
class WalkNet:
    """A walking network of n nodes and e edges.

    `oneway`: 0 both ways, 1 only u to v, -1 only v to u. `steps`: number of steps, 0 none, -1 some but not counted.
    `signals`: share of one wait at a traffic signal that the edge carries. `wheelchair`: 1 yes, 0 unknown, -1 no.
    `up_m`, `down_m`: metres climbed and descended from u to v.
    `coords` and `offsets`: vertices of edge i are `coords[offsets[i]:offsets[i + 1]]`, at least two.
    """

    srid: int
    x: Floats
    y: Floats
    u: Ints
    v: Ints
    metres: Floats
    oneway: NDArray[np.int8]
    steps: NDArray[np.int16]
    signals: NDArray[np.float32]
    lift: Flags
    wheelchair: NDArray[np.int8]
    bridge: Flags
    up_m: NDArray[np.float32]
    down_m: NDArray[np.float32]
    coords: Floats
    offsets: NDArray[np.int64]
    sha256: str

    @cached_property
    def sloped(self) -> bool:
        """Whether any height is known."""
        return bool(self.up_m.any() or self.down_m.any())

    @cached_property
    def index(self) -> Index:
        """The uniform grid over all drawn segments, made on first use."""
        return build(self.coords, self.offsets)

    @cached_property
    def topology(self) -> Topology:
        """Who is joined to whom, in an order fit for searching, made on first use; costs come from a profile."""
        return topology(self.u, self.v, self.oneway, x=self.x, y=self.y)

    def main(self, usable: Flags) -> Flags:
        """The usable edges of the main network, (e,) bool; kept for masks asked about before."""
        key = np.packbits(usable).tobytes()
        if key not in self._mains:
            self._mains[key] = usable & (components(self, usable)[self.u] == 0)
        return self._mains[key]

    @cached_property
    def _mains(self) -> dict[bytes, Flags]:
        return {}


@dataclass(frozen=True, eq=False)
class Snaps:
    """Where n points join the network.

    `edge` -1, `along_m`, `leg_m`, `x`, `y` NaN where a point does not join it; `reason` then says why:
    `off_network`, `island` or `no_location`, and is "" elsewhere. `leg_m` is the straight leg to the edge; `share` is
    how far along it the point lies, from exactly 0 at u to exactly 1 at v.
    """

    edge: Ints
    along_m: Floats
    leg_m: Floats
    x: Floats
    y: Floats
    reason: NDArray[np.str_]
    share: Floats

    @property
    def ok(self) -> Flags:
        return self.edge >= 0

    def take(self, rows: NDArray) -> Snaps:
        """The snaps of some of the points, by position or mask."""
        return Snaps(*(column[rows] for column in vars(self).values()))


def from_frames(nodes: pd.DataFrame, edges: pd.DataFrame, *, srid: int) -> WalkNet:
    """A network from its two tables.

    Parameters
    ----------
    nodes : columns lon, lat (EPSG:4326), index 0..n-1
    edges : columns of table `walk_edge`; geometry is a LineString from u to v in EPSG:4326
    srid : projected CRS in metres

    Raises
    ------
    Invalid
        `walknet.nodes` or `walknet.edges`: a node or edge that cannot be right; the facts name the first ones.
    """
    metric = gis.crs.Metric(srid)
    x, y = metric.forward(nodes["lon"].to_numpy(float), nodes["lat"].to_numpy(float))
    coords, which = shapely.get_coordinates(np.asarray(edges["geometry"], dtype=object), return_index=True)
    easting, northing = metric.forward(coords[:, 0], coords[:, 1])
    columns = {name: edges[name] for name in ("u", "v", *EDGE_FIELDS) if name in edges and name != "wheelchair"}
    columns["wheelchair"] = edges["wheelchair"].map(WHEELCHAIR)
    offsets = np.searchsorted(which, np.arange(len(edges) + 1))
    return from_arrays(x, y, coords=np.column_stack([easting, northing]), offsets=offsets, srid=srid, **columns)


def from_arrays(
    x: ArrayLike, y: ArrayLike, *, srid: int, coords: ArrayLike, offsets: ArrayLike, **columns: ArrayLike
) -> WalkNet:
    """A network from metric arrays; `columns` are u, v and the edge fields of `WalkNet`, of any number type."""
    columns = {name: np.zeros(len(np.asarray(columns["u"]))) for name in CLIMBS} | columns
    arrays: dict[str, Any] = {
        "x": np.ascontiguousarray(x, np.float64),
        "y": np.ascontiguousarray(y, np.float64),
        "u": np.ascontiguousarray(columns["u"], np.int32),
        "v": np.ascontiguousarray(columns["v"], np.int32),
        # Writable, though nobody writes: loops would be compiled once more for arrays that cannot be.
        **{name: np.require(columns[name], kind, ("C", "W")) for name, kind in EDGE_FIELDS.items()},
        "coords": np.ascontiguousarray(coords, np.float64).reshape(-1, 2),
        "offsets": np.ascontiguousarray(offsets, np.int64),
    }
    _check(arrays)
    return WalkNet(srid=srid, **arrays, sha256=_digest(srid, arrays))


def _check(arrays: dict[str, Any]) -> None:
    finite = np.isfinite(arrays["x"]) & np.isfinite(arrays["y"])
    if not finite.all():
        raise Invalid("walknet.nodes", nodes=np.flatnonzero(~finite)[:10].tolist())
    nodes, metres, offsets = len(finite), arrays["metres"], arrays["offsets"]
    good = np.isfinite(metres) & (metres >= 0) & (np.diff(offsets) >= 2)
    for end in ("u", "v"):
        good &= (arrays[end] >= 0) & (arrays[end] < nodes)
    if not good.all() or not np.isfinite(arrays["coords"]).all():
        raise Invalid("walknet.edges", edges=np.flatnonzero(~good)[:10].tolist())


def _digest(srid: int, arrays: dict[str, Any]) -> str:
    digest = hashlib.sha256(f"walknet:{srid}".encode())
    for name, array in arrays.items():
        if name in CLIMBS and not array.any():
            continue  # a flat network is the same with and without the columns
        digest.update(f"|{name}:{array.dtype.str}:{array.shape}|".encode())
        digest.update(array.data)
    return digest.hexdigest()


def components(net: WalkNet, usable: Flags) -> Ints:
    """Which connected part each node lies in, over the `usable` edges, directions ignored.

    Parts are numbered by their total length, so 0 is the main network; of two equally long ones the part with the
    smaller node index comes first. A node without a usable edge is a part of its own.
    """
    u, v = net.u[usable], net.v[usable]
    joined = coo_array((np.ones(len(u), np.int8), (u, v)), shape=(len(net.x), len(net.x)))
    count, labels = connected_components(joined, directed=False)
    length = np.bincount(labels[u], weights=net.metres[usable], minlength=count)
    rank = np.empty(count, np.int32)
    rank[np.argsort(-length, kind="stable")] = np.arange(count, dtype=np.int32)
    return rank[labels]


def snap(net: WalkNet, x: ArrayLike, y: ArrayLike, *, usable: Flags, max_m: float = SNAP_M) -> Snaps:
    """The nearest point on an edge of the main network, for each point.

    Parameters
    ----------
    x, y : (n,) metres in `net.srid`; NaN or infinite means the place is not known
    usable : (e,) bool, the edges that may be walked
    max_m : longest straight leg to the network

    Notes
    -----
    Only edges of the main part (see `components`) are joined, even where an island edge lies nearer; a point with
    nothing but island edges within `max_m` is an `island`. Of equally near points the one with the smaller x, then
    y, then edge index is taken, so the answer hardly depends on the order of the edges.
    """
    px, py = np.ascontiguousarray(x, np.float64), np.ascontiguousarray(y, np.float64)
    edge, share, leg, sx, sy = nearest(net.index, px, py, allowed=net.main(usable), max_m=max_m)
    reason = np.full(len(px), "", dtype="<U11")
    lost = np.flatnonzero(edge < 0)
    if len(lost):
        any_edge = nearest(net.index, px[lost], py[lost], allowed=usable, max_m=max_m)[0]
        reason[lost] = np.where(any_edge >= 0, "island", "off_network")
        reason[~(np.isfinite(px) & np.isfinite(py))] = "no_location"
    along = share * net.metres[edge] if len(net.u) else share
    return Snaps(edge, along, leg, sx, sy, reason, share)
