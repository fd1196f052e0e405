"""From snapped households to the nearest snapped facility: access legs, parts of edges, and the street between.

Costs are seconds of one profile, or metres. A household leaves its edge by either end it may walk to, or meets a
facility on the same edge without leaving it; both straight legs are walked and counted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

import gis.profiles
from gis.compiled import compiled
from gis.kernel import NONE, Arcs, Field, Graph, Seeds, Words, nearest, weigh
from gis.profiles import Profile
from gis.walknet import Snaps, WalkNet

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

_HALF, _REST = np.uint64(32), np.uint64(NONE)


@dataclass(frozen=True, eq=False)
class Way:
    """The network as one walker knows it: what each edge costs, `speed` on the straight legs, and who may go where.

    `cost` is that of walking an edge from u to v, `back` from v to u: the same array where no slope makes them differ.
    `oneway` as in `WalkNet`, seen by who walks towards the facility; `graph` holds the `arcs` that a search from the
    facilities follows, with their costs.
    """

    net: WalkNet
    cost: Floats
    back: Floats
    speed: float
    oneway: NDArray[np.int8]
    arcs: Arcs
    graph: Graph


def in_seconds(net: WalkNet, profile: Profile, *, limit: float) -> Way:
    """Household to facility, in seconds of a profile; good for searches up to `limit`."""
    cost = back = gis.profiles.edge_seconds(net, profile)
    if net.sloped and profile.slopes:
        back = gis.profiles.edge_seconds(net, profile, backwards=True)
    return _way(net, cost, back, speed=profile.speed_m_s, limit=limit)


def in_metres(net: WalkNet, *, limit: float) -> Way:
    """Household to facility, in metres; every edge may be walked."""
    return _way(net, net.metres, net.metres, speed=1.0, limit=limit)


def _way(net: WalkNet, cost: Floats, back: Floats, *, speed: float, limit: float) -> Way:
    arcs = net.topology.back
    return Way(net, cost, back, speed, net.oneway, arcs, _weighed(net, arcs, cost, back, limit=limit))


def _weighed(net: WalkNet, arcs: Arcs, cost: Floats, back: Floats, *, limit: float) -> Graph:
    """The arcs with what it costs to walk them towards the facility, that is against the search."""
    if cost is back:
        return weigh(arcs, cost, limit=limit)
    own = np.where(arcs.head == net.topology.u[arcs.edge], cost[arcs.edge], back[arcs.edge])
    return weigh(replace(arcs, edge=np.arange(len(own), dtype=np.int32)), own, limit=limit)


def reversed_(way: Way) -> Way:
    """Facility to household: the same costs with every direction turned round."""
    topology = way.net.topology
    arcs = topology.forth if way.arcs is topology.back else topology.back
    same = arcs is way.arcs and way.cost is way.back
    graph = way.graph if same else _weighed(way.net, arcs, way.back, way.cost, limit=way.graph.limit)
    return replace(way, cost=way.back, back=way.cost, oneway=-way.oneway, arcs=arcs, graph=graph)


def without(way: Way, closed: NDArray[np.bool_]) -> Way:
    """The same way with some edges closed, (e,) bool."""
    cost = back = np.where(closed, np.inf, way.cost)
    if way.back is not way.cost:
        back = np.where(closed, np.inf, way.back)
    return replace(way, cost=cost, back=back, graph=_weighed(way.net, way.arcs, cost, back, limit=way.graph.limit))


def seeds(way: Way, facilities: Snaps) -> Seeds:
    """Where a search from these facilities starts; those not snapped or not reachable give none."""
    rows = np.flatnonzero(facilities.ok)
    edge, share = facilities.edge[rows], facilities.share[rows]
    leg, oneway = facilities.leg_m[rows] / way.speed, way.oneway[edge]
    cost, back = way.cost[edge], way.back[edge]
    with np.errstate(invalid="ignore"):
        by_u = np.where(share == 0, 0.0, np.where(oneway >= 0, share * cost, np.inf))
        by_v = np.where(share == 1, 0.0, np.where(oneway <= 0, (1 - share) * back, np.inf))
    node = np.column_stack([way.net.topology.u[edge], way.net.topology.v[edge]]).ravel()
    seconds = np.column_stack([by_u + leg, by_v + leg]).ravel()
    reachable = np.isfinite(seconds) & np.repeat(np.isfinite(cost), 2)
    return Seeds(node[reachable], seconds[reachable], np.repeat(rows, 2)[reachable].astype(np.int32))


def reach(way: Way, facilities: Snaps, *, limit: float, into: Words | None = None) -> Field:
    """Cost from every node to its nearest facility, within `limit`; `into` is memory to use again."""
    return nearest(way.graph, seeds(way, facilities), limit=limit, into=into)


def join(way: Way, homes: Snaps, facilities: Snaps, field: Field, *, limit: float) -> tuple[Floats, Ints]:
    """Cost from every home to its nearest facility and which it is.

    Parameters
    ----------
    homes, facilities : (n,) and (m,) points on the edges of `way`
    field : what `reach` found for the same facilities
    limit : costs beyond it are infinite

    Returns
    -------
    (n,) float, (n,) int
        NaN and -1 for a home that is not snapped; infinite and -1 where nothing is within the limit. Of equally near
        facilities the smaller index is taken.
    """
    topology = way.net.topology
    return _join(
        homes.edge, homes.share, homes.leg_m / way.speed, facilities.edge, facilities.share,
        facilities.leg_m / way.speed, topology.u, topology.v, way.oneway, way.cost, way.back, field.label,
        np.uint64(field.nothing), 1.0 / field.scale, float(limit),
    )  # fmt: skip


def to_nearest(
    way: Way, homes: Snaps, facilities: Snaps, *, limit: float, into: Words | None = None
) -> tuple[Floats, Ints]:
    """`reach`, then `join`."""
    return join(way, homes, facilities, reach(way, facilities, limit=limit, into=into), limit=limit)


@compiled
def _join(
    edge: Ints, share: Floats, leg: Floats, f_edge: Ints, f_share: Floats, f_leg: Floats, u: Ints, v: Ints,
    oneway: NDArray[np.int8], cost: Floats, back: Floats, label: Words, nothing: np.uint64, unit: float, limit: float,
) -> tuple[Floats, Ints]:  # fmt: skip
    first, following = _by_edge(f_edge, len(cost))
    best, which = np.full(len(edge), np.inf), np.full(len(edge), -1, np.int32)
    for i in range(len(edge)):
        e = edge[i]
        if e < 0:
            best[i] = np.nan
            continue
        a, w, w_back, value, owner = share[i], cost[e], back[e], np.inf, NONE
        if not np.isfinite(w):
            continue
        at_u, at_v = label[u[e]], label[v[e]]
        if at_u < nothing and (oneway[e] <= 0 or a == 0.0):
            value, owner = (at_u >> _HALF) * unit + a * w_back, int(at_u & _REST)
        if at_v < nothing and (oneway[e] >= 0 or a == 1.0):
            other = (at_v >> _HALF) * unit + (1.0 - a) * w
            if other < value or (other == value and int(at_v & _REST) < owner):
                value, owner = other, int(at_v & _REST)
        f = first[e]
        while f >= 0:
            ahead = f_share[f] - a
            if ahead == 0.0 or (ahead > 0.0 and oneway[e] >= 0) or (ahead < 0.0 and oneway[e] <= 0):
                other = f_leg[f] + abs(ahead) * (w if ahead > 0.0 else w_back)
                if other < value or (other == value and f < owner):
                    value, owner = other, f
            f = following[f]
        value += leg[i]
        if value <= limit:
            best[i], which[i] = value, owner
    return best, which


@compiled
def _by_edge(edge: Ints, edges: int) -> tuple[Ints, Ints]:
    """The first point on each edge and the one after each point, -1 for none; points of an edge in ascending order."""
    first, following = np.full(edges, -1, np.int32), np.full(len(edge), -1, np.int32)
    for f in range(len(edge) - 1, -1, -1):
        if edge[f] >= 0:
            following[f] = first[edge[f]]
            first[edge[f]] = f
    return first, following
