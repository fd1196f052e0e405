"""Who can walk to which service: decided household by household on the network, then counted by area.

`decide` gives the verdicts of `gis.verdicts`, `aggregate` (in `gis.aggregates`) the counts, `manifest` the proof of
what they were made from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

import gis.hours
import gis.profiles
import gis.walking
from gis.aggregates import aggregate
from gis.compiled import at_once
from gis.ground import Ground, ground
from gis.manifest import manifest
from gis.profiles import NOBODY, Profile
from gis.verdicts import (
    COVERED,
    FRAGILE,
    HORIZON,
    NOT_APPLICABLE,
    SLACK,
    UNCOVERED,
    UNKNOWN,
    Decision,
    Request,
    Verdicts,
)
from gis.walking import Way
from gis.walknet import Snaps, WalkNet

__all__ = ["Request", "Verdicts", "aggregate", "decide", "judge", "manifest"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Flags = NDArray[np.bool_]
Letters = NDArray[np.uint8]


def decide(net: WalkNet, households: pd.DataFrame, facilities: pd.DataFrame, request: Request) -> Verdicts:
    """Every rule's verdict for every household and kind.

    Parameters
    ----------
    net : walking network
    households, facilities : `gis.frames.HOUSEHOLDS` (n rows), `gis.frames.FACILITIES` (any number, also none)
    request : kinds, limits, profile, time

    Returns
    -------
    Verdicts
        What cannot be snapped is unknown with its reason. With no facility everyone snapped is uncovered.

    Raises
    ------
    Invalid
        A missing column, an unknown profile or mobility, a limit that is not positive.
    """
    return judge(ground(net, households, facilities=facilities, request=request))


def judge(stand: Ground) -> Verdicts:
    """`decide`, for households and facilities already placed; profiles and kinds at once."""
    stand.prepare()
    personal = in_own_profile(stand, each=at_once)
    rules = {"standard": _standard(stand), "personal": personal, **_policy(stand), **_to_home(stand)}
    circles = {name: circle(stand.request, rule.letters) for name, rule in rules.items() if whole(stand.request, name)}
    slow, fast = _at_speeds(stand, personal)
    snap_m, reason = _snapped(stand)
    return Verdicts(
        request=stand.request,
        refs=stand.households["ref"].to_numpy(object),
        profile=stand.profile,
        snap_m=snap_m,
        reason=np.where((reason == "") & _undecided(rules), "hours_unknown", reason),
        rules=rules,
        circle=circles,
        fragile=(slow != personal.letters) | (fast != personal.letters),
        circle_fragile=_circle_flips(stand.request, personal.letters, slow, fast),
        through_unknown=_through_unknown(stand, personal),
        facilities=_listed(stand),
        hours_unknown=tuple(stand.facilities.loc[stand.facilities["open"] == gis.hours.UNKNOWN, "id"]),
    )


def _blank(stand: Ground) -> Decision:
    shape = (len(stand.profile), len(stand.request.kinds))
    return Decision(
        np.full(shape, NOT_APPLICABLE, np.uint8, "F"),
        np.full(shape, np.nan, order="F"),
        np.full(shape, -1, np.int32, "F"),
    )


def _put(answer: Decision, rows: Ints, kind: int, found: tuple[Letters, Floats, Ints]) -> None:
    answer.letters[rows, kind], answer.value[rows, kind], answer.facility[rows, kind] = found


def _kind(
    stand: Ground, way: Way, homes: Snaps, sites: Snaps, kind: str, *, limit: float,
    extra: Floats | float = 0.0, delivers: bool = False,
) -> tuple[Letters, Floats, Ints]:  # fmt: skip
    """One kind: letter, cost and facility of each home; unknown where only a facility of unknown hours would do."""
    certain, possible = stand.of_kind(kind, delivers=delivers)
    value, which = gis.walking.to_nearest(way, homes, sites.take(certain), limit=limit * HORIZON)
    value = _within(value + extra, limit * HORIZON)
    which = np.where(np.isfinite(value), which, -1)
    letters = letters_of(value, homes.ok, limit)
    if len(possible) > len(certain):
        hoped = gis.walking.to_nearest(way, homes, sites.take(possible), limit=limit * HORIZON)[0] + extra
        letters[(letters == UNCOVERED) & (hoped <= limit + SLACK)] = UNKNOWN
    return letters, value, np.append(certain, np.int32(-1))[which]


def _within(value: Floats, horizon: float) -> Floats:
    return np.where(value > horizon, np.inf, value)


def letters_of(value: Floats, known: Flags, limit: float) -> Letters:
    """Covered within the limit (inclusive), uncovered beyond it, unknown where it is not known."""
    letters = np.where(value <= limit + SLACK, np.uint8(COVERED), np.uint8(UNCOVERED))
    letters[~known] = UNKNOWN
    return letters


def _standard(stand: Ground) -> Decision:
    answer, rows = _blank(stand), np.flatnonzero(stand.profile != NOBODY).astype(np.int32)
    homes, sites = stand.snaps(gis.profiles.find("standard"))
    way, homes = gis.walking.in_metres(stand.net, limit=stand.request.metres * HORIZON), homes.take(rows)
    find = partial(_kind, stand, way, homes, sites, limit=stand.request.metres)
    for j, found in enumerate(at_once(find, stand.request.kinds)):
        _put(answer, rows, j, found)
    return answer


def in_own_profile(stand: Ground, *, each: Callable[[Callable, Iterable], Iterable] = map) -> Decision:
    """Rule `personal` alone; `each` is `map` or does as much."""
    answer = _blank(stand)
    for (_, rows), columns in zip(stand.walkers, each(partial(_walked, stand), stand.walkers), strict=True):
        for j, found in enumerate(columns):
            _put(answer, rows, j, found)
    return answer


def _walked(stand: Ground, walker: tuple[Profile, Ints]) -> list[tuple[Letters, Floats, Ints]]:
    """Every kind, for those who walk with one profile."""
    profile, rows = walker
    homes, sites = stand.snaps(profile)
    way, homes, floors = stand.way(profile), homes.take(rows), stand.floors(profile)[rows]
    limit = stand.request.seconds
    return [_kind(stand, way, homes, sites, kind, limit=limit, extra=floors) for kind in stand.request.kinds]


def _at_speeds(stand: Ground, personal: Decision) -> list[Letters]:
    """Personal letters if everyone walked slower, and if everyone walked faster, by `FRAGILE`."""
    letters = {factor: personal.letters.copy("F") for factor in (1 - FRAGILE, 1 + FRAGILE)}
    changed = [(factor, walker) for factor in letters for walker in stand.walkers]
    for (factor, _), columns in zip(changed, at_once(partial(_flipped, stand, personal), changed), strict=True):
        for j, (some, found) in columns.items():
            letters[factor][some, j] = found
    return list(letters.values())


def _flipped(
    stand: Ground, personal: Decision, changed: tuple[float, tuple[Profile, Ints]]
) -> dict[int, tuple[Ints, Letters]]:
    """By number of the kind, households of one profile and their letters if they walked `factor` times as fast.

    A speed changes a time by at most its own factor, since steps, signals and floors keep their seconds: only those
    whose time lies between the limit and `factor` times the limit are decided again.
    """
    (factor, (profile, rows)), limit = changed, stand.request.seconds
    low, high = sorted((limit, limit * factor))
    value, letters = personal.value[rows], personal.letters[rows]
    near = (value >= low * (1 - 1e-9)) & (value <= high * (1 + 1e-9))
    near &= letters == (UNCOVERED if factor > 1 else COVERED)
    (homes, sites), floors = stand.snaps(profile), stand.floors(profile)
    way = gis.walking.in_seconds(stand.net, gis.profiles.at_speed(profile, factor), limit=limit * HORIZON)
    found = {}
    for j in np.flatnonzero(near.any(axis=0)):
        some, sites_j = rows[near[:, j]], sites.take(stand.of_kind(stand.request.kinds[j])[0])
        value = gis.walking.to_nearest(way, homes.take(some), sites_j, limit=limit + SLACK)[0] + floors[some]
        found[int(j)] = some, np.where(value <= limit + SLACK, np.uint8(COVERED), np.uint8(UNCOVERED))
    return found


def _through_unknown(stand: Ground, personal: Decision) -> Flags:
    """Covered on wheels, but not if every edge of unrecorded passability were closed."""
    through, limit = np.zeros(personal.letters.shape, bool), stand.request.seconds + SLACK
    for profile, rows in stand.walkers:
        if not profile.wheels:
            continue
        homes, sites = stand.snaps(profile)
        strict = gis.walking.without(stand.way(profile), stand.net.wheelchair == 0)
        for j, kind in enumerate(stand.request.kinds):
            sites_j = sites.take(stand.of_kind(kind)[0])
            value = gis.walking.to_nearest(strict, homes.take(rows), sites_j, limit=limit)[0]
            late = ~(value + stand.floors(profile)[rows] <= limit)
            through[rows, j] = (personal.letters[rows, j] == COVERED) & late
    return through


def _policy(stand: Ground) -> dict[str, Decision]:
    kinds = [kind for kind in stand.request.kinds if kind in stand.request.radius_m]
    answer, rows = _blank(stand), np.flatnonzero(stand.profile != NOBODY).astype(np.int32)
    for kind in kinds:
        _put(answer, rows, stand.request.kinds.index(kind), _straight(stand, rows, kind))
    return {"policy": answer} if kinds else {}


def _straight(stand: Ground, rows: Ints, kind: str) -> tuple[Letters, Floats, Ints]:
    """Straight metres to the nearest facility of a kind, against the radius of its clause."""
    homes, radius = stand.homes.take(rows), stand.request.radius_m[kind]
    known, (certain, possible) = homes.reason == "", stand.of_kind(kind)
    value, which = np.full(len(rows), np.nan), np.full(len(rows), -1, np.int32)
    value[known], which[known] = nearest_point(homes.x[known], homes.y[known], stand, certain)
    letters = letters_of(value, known, radius)
    if len(possible) > len(certain):
        hoped = nearest_point(homes.x[known], homes.y[known], stand, possible)[0]
        letters[known] = np.where((letters[known] == UNCOVERED) & (hoped <= radius + SLACK), UNKNOWN, letters[known])
    return letters, value, which


def nearest_point(x: Floats, y: Floats, stand: Ground, sites: Ints) -> tuple[Floats, Ints]:
    """Straight metres from each place to the nearest of some facilities, infinite and -1 where there is none."""
    sites = sites[stand.sites.reason[sites] == ""]
    if not len(sites):
        return np.full(len(x), np.inf), np.full(len(x), -1, np.int32)
    tree = cKDTree(np.column_stack([stand.sites.x[sites], stand.sites.y[sites]]))
    metres, at = tree.query(np.column_stack([x, y]))
    return np.asarray(metres, np.float64), np.asarray(sites[at], np.int32)


def _to_home(stand: Ground) -> dict[str, Decision]:
    """From the provider's side: the way runs from facility to home, floors at the home included."""
    delivering = set(stand.facilities.loc[stand.facilities["delivers"], "kind"])
    if not delivering:
        return {}
    profile = stand.request.walker(stand.request.provider)
    answer, way = _blank(stand), gis.walking.reversed_(stand.way(profile))
    rows = np.flatnonzero(~stand.households["in_institution"].to_numpy(bool)).astype(np.int32)
    homes, sites = stand.snaps(profile)
    homes, floors = homes.take(rows), stand.floors(profile)[rows]
    for j, kind in enumerate(stand.request.kinds):
        if kind in delivering:
            found = _kind(stand, way, homes, sites, kind, limit=stand.request.seconds, extra=floors, delivers=True)
            _put(answer, rows, j, found)
    return {"to_home": answer}


def whole(request: Request, rule: str) -> bool:
    """Whether a rule says something about every required kind; a part of the circle is not the circle."""
    required = set(request.required)
    known = set(request.radius_m) if rule == "policy" else required
    return bool(required) and required <= set(request.kinds) and required <= known and rule != "to_home"


def circle(request: Request, letters: Letters) -> Letters:
    """All required kinds together, (n,): uncovered if any is, else unknown if any is, else covered."""
    needed = letters[:, [request.kinds.index(kind) for kind in request.required]]
    tests = [(needed == letter).any(axis=1) for letter in (NOT_APPLICABLE, UNCOVERED, UNKNOWN)]
    return np.select(tests, [NOT_APPLICABLE, UNCOVERED, UNKNOWN], COVERED).astype(np.uint8)


def _circle_flips(request: Request, letters: Letters, slow: Letters, fast: Letters) -> Flags:
    if not whole(request, "personal"):
        return np.zeros(len(letters), bool)
    now = circle(request, letters)
    return (circle(request, slow) != now) | (circle(request, fast) != now)


def _snapped(stand: Ground) -> tuple[Floats, NDArray[np.str_]]:
    """Access leg and reason of each household: on its own profile's network, on the open one if nobody walks."""
    homes, _ = stand.snaps(gis.profiles.find("standard"))
    leg, reason = homes.leg_m.copy(), homes.reason.copy()
    for profile, rows in stand.walkers:
        own, _ = stand.snaps(profile)
        leg[rows], reason[rows] = own.leg_m[rows], own.reason[rows]
    return leg, reason


def _undecided(rules: dict[str, Decision]) -> Flags:
    return np.any([(rule.letters == UNKNOWN).any(axis=1) for rule in rules.values()], axis=0)


def _listed(stand: Ground) -> pd.DataFrame:
    _, sites = stand.snaps(gis.profiles.find("standard"))
    return stand.facilities[["id", "kind", "delivers", "outside"]].assign(snapped=sites.ok, reason=sites.reason)
