"""Why a household has the verdict it has: the walk itself, its seconds by part, and who would be next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.ops import substring

import gis.crs
import gis.profiles
import gis.walking
from gis.errors import Invalid, NotFound
from gis.ground import Ground
from gis.kernel import Field
from gis.profiles import NOBODY, Profile
from gis.verdicts import HORIZON, SLACK
from gis.walking import Way
from gis.walknet import Snaps, WalkNet

Floats = NDArray[np.float64]

#: Facilities named beside the nearest one.
OTHERS = 2


@dataclass(frozen=True)
class Walk:
    """The way to one facility.

    `seconds` by part: floors, leg, walking, steps, signals, lifts, leg_at_facility; they add up to `total_s`.
    `metres` along the network with both legs. `line` in EPSG:4326, from the home to the facility.
    """

    facility_id: str
    total_s: float
    metres: float
    seconds: dict[str, float]
    line: shapely.LineString


@dataclass(frozen=True)
class Explanation:
    """Why one household is covered, uncovered or unknown by one kind, in its own profile.

    `reason` is not "" where it cannot be joined to the network, and `walks` is then empty. `walks`: the nearest
    facility first, then the next best. `margin_s`: seconds to spare, negative where too late, NaN without a walk.
    `cause`: "" covered, else `stairs_at_home` (on wheels above ground without a lift), `none_near` (no facility within
    three times the limit), `too_far` (it would be too late at any signal), or the part that makes it too late:
    `floors`, `steps`, `signals`, `lifts`.
    """

    ref: str
    kind: str
    profile: str
    limit_s: float
    snap_m: float
    reason: str
    cause: str
    margin_s: float
    walks: tuple[Walk, ...]


def explain(stand: Ground, ref: str, kind: str) -> Explanation:
    """Explain the personal verdict of a household for a kind.

    Raises
    ------
    NotFound
        `coverage.household`: no household of that ref.
    Invalid
        `coverage.kind`: a kind the run did not ask for; `coverage.profile` where nobody of the household walks.
    """
    at = np.flatnonzero((stand.households["ref"] == ref).to_numpy())
    if not len(at):
        raise NotFound("coverage.household", ref=ref)
    if kind not in stand.request.kinds:
        raise Invalid("coverage.kind", kind=kind, known=list(stand.request.kinds))
    name = str(stand.profile[at[0]])
    if name == NOBODY:
        raise Invalid("coverage.profile", profile=name, known=sorted(gis.profiles.PROFILES))
    profile = stand.request.walker(name)
    home, limit = stand.snaps(profile)[0].take(at[:1]), stand.request.seconds
    walks = tuple(_walks(stand, profile, int(at[0]), home, kind)) if home.ok[0] else ()
    margin = limit - walks[0].total_s if walks else np.nan
    cause = "" if margin >= -SLACK or not home.ok[0] else _cause(stand, profile, int(at[0]), walks, limit)
    return Explanation(ref, kind, name, limit, float(home.leg_m[0]), str(home.reason[0]), cause, float(margin), walks)


#: Parts of a walk one of which may alone be why it is too long.
_CAUSES = ("floors", "steps", "signals", "lifts", "slopes")


def _cause(stand: Ground, profile: Profile, row: int, walks: tuple[Walk, ...], limit: float) -> str:
    if np.isinf(stand.floors(profile)[row]):
        return "stairs_at_home"
    if not walks:
        return "none_near"
    parts = {name: walks[0].seconds[name] for name in _CAUSES if name in walks[0].seconds}
    worst = max(parts, key=lambda name: parts[name])
    return worst if walks[0].total_s - parts[worst] <= limit + SLACK else "too_far"


def _walks(stand: Ground, profile: Profile, row: int, home: Snaps, kind: str) -> list[Walk]:
    """The nearest facility, then the nearest without it, and so on."""
    way, sites = stand.way(profile), stand.snaps(profile)[1]
    left, limit, floors = stand.of_kind(kind)[0], stand.request.seconds * HORIZON, stand.floors(profile)[row]
    walks: list[Walk] = []
    while len(walks) <= OTHERS and np.isfinite(floors):
        some = sites.take(left)
        field = gis.walking.reach(way, some, limit=limit)
        value, which = gis.walking.join(way, home, some, field, limit=limit - floors)
        if which[0] < 0:
            break
        walks.append(_walk(stand, profile, row, int(left[which[0]]), home, float(value[0])))
        left = np.delete(left, which[0])
    return walks


def _walk(stand: Ground, profile: Profile, row: int, number: int, home: Snaps, value: float) -> Walk:
    """The walk from a home to one facility, whose cost is known."""
    way, site = stand.way(profile), stand.snaps(profile)[1].take(np.array([number]))
    pieces = _pieces(way, home, site, gis.walking.reach(way, site, limit=stand.request.seconds * HORIZON), value)
    floors = float(stand.floors(profile)[row])
    forth, back = (gis.profiles.edge_parts(stand.net, profile, backwards=turned) for turned in (False, True))
    seconds = {
        name: float(sum((back if a > b else forth)[name][edge] * abs(b - a) for edge, a, b in pieces)) for name in forth
    }
    legs = {"leg": float(home.leg_m[0]) / way.speed, "leg_at_facility": float(site.leg_m[0]) / way.speed}
    metres = sum(stand.net.metres[edge] * abs(b - a) for edge, a, b in pieces) + home.leg_m[0] + site.leg_m[0]
    return Walk(
        facility_id=str(stand.facilities["id"].iloc[number]),
        total_s=value + floors,
        metres=float(metres),
        seconds={"floors": floors, "leg": legs["leg"], **seconds, "leg_at_facility": legs["leg_at_facility"]},
        line=_line(stand, row, number, pieces),
    )


#: An edge walked from one share of it to another; from the larger to the smaller when walked from v to u.
Piece = tuple[int, float, float]


def _pieces(way: Way, home: Snaps, site: Snaps, field: Field, value: float) -> list[Piece]:
    """The edges from home to site, followed downhill: each arc costs exactly what the label falls by."""
    topology, edge, a = way.net.topology, int(home.edge[0]), float(home.share[0])
    goal, b, cost = int(site.edge[0]), float(site.share[0]), field.cost
    w, w_back, rest = float(way.cost[edge]), float(way.back[edge]), value - float(home.leg_m[0]) / way.speed
    along = max((b - a) * w, (a - b) * w_back) + float(site.leg_m[0]) / way.speed
    if goal == edge and np.isclose(along, rest, rtol=0, atol=1e-3):
        return [(edge, a, b)]
    by_u, by_v = cost[topology.u[edge]] + a * w_back, cost[topology.v[edge]] + (1 - a) * w
    barred_u, barred_v = way.oneway[edge] > 0 and a > 0, way.oneway[edge] < 0 and a < 1
    to_u = not barred_u and (barred_v or by_u <= by_v)
    pieces, node = [(edge, a, 0.0 if to_u else 1.0)], int(topology.u[edge] if to_u else topology.v[edge])
    forth = gis.walking.reversed_(way)
    while (last := _arrival(way, site, node, float(cost[node]))) is None:
        step, node = _downhill(forth, field, node)
        pieces.append(step)
    return [*pieces, (goal, last, b)]


def _arrival(way: Way, site: Snaps, node: int, cost: float) -> float | None:
    """The end of the site's edge at which a node is, if the rest of the walk is that edge."""
    edge, b, topology = int(site.edge[0]), float(site.share[0]), way.net.topology
    leg = float(site.leg_m[0]) / way.speed
    for end, at, rest, allowed in (
        (0.0, topology.u[edge], b * float(way.cost[edge]), way.oneway[edge] >= 0 or b == 0),
        (1.0, topology.v[edge], (1 - b) * float(way.back[edge]), way.oneway[edge] <= 0 or b == 1),
    ):
        if at == node and allowed and abs(rest + leg - cost) < 1e-5:
            return end
    return None


def _downhill(forth: Way, field: Field, node: int) -> tuple[Piece, int]:
    """One arc down to the facility: it costs exactly what the label falls by."""
    graph, edges = forth.graph, forth.arcs.edge
    units = field.label >> np.uint64(32)
    for k in range(int(graph.start[node]), int(graph.start[node + 1])):
        head, cost = int(graph.arc[k] & np.uint64(2**32 - 1)), int(graph.arc[k] >> np.uint64(32))
        if int(units[node]) == int(units[head]) + cost:
            edge = int(edges[k])
            from_u = int(forth.net.topology.u[edge]) == node
            return (edge, 0.0, 1.0) if from_u else (edge, 1.0, 0.0), head
    raise AssertionError("a label without a way down")


def _line(stand: Ground, row: int, number: int, pieces: list[Piece]) -> shapely.LineString:
    """The whole walk, from the door to the facility."""
    drawn = [_drawn(stand.net, piece) for piece in pieces]
    ends = ((stand.homes.x[row], stand.homes.y[row]), (stand.sites.x[number], stand.sites.y[number]))
    coords = np.vstack([ends[0], *drawn, ends[1]])
    return shapely.LineString(np.column_stack(gis.crs.Metric(stand.net.srid).inverse(coords[:, 0], coords[:, 1])))


def _drawn(net: WalkNet, piece: Piece) -> Floats:
    edge, a, b = piece
    line = shapely.LineString(net.coords[net.offsets[edge] : net.offsets[edge + 1]])
    return shapely.get_coordinates(substring(line, a, b, normalized=True))
