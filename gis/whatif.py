"""What one more canteen would change, quickly: the searches of a run are kept and only what is touched is done again.

A board gives the same letters as deciding everything anew (tested), for facilities added, closed and moved. Paths,
hours, speeds and services that come to the home change more than that: where `quick` says no, decide those anew and
`compare`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import gis.crs
import gis.hours
import gis.profiles
import gis.walking
from gis.aggregates import CIRCLE, Roll
from gis.compiled import compiled
from gis.coverage import circle, letters_of, nearest_point, whole
from gis.errors import Invalid, NotFound
from gis.ground import Ground
from gis.kernel import Field, Graph, Seeds, add, remove
from gis.profiles import NOBODY
from gis.scenarios import Add, Change, Close, Move
from gis.verdicts import COVERED, HORIZON, NOT_APPLICABLE, Verdicts
from gis.walking import Way
from gis.walknet import Snaps, snap

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Letters = NDArray[np.uint8]

#: The rules a board keeps searches for: those decided on the network by the one who walks.
RULES = ("standard", "personal")


@dataclass(eq=False)
class Standing:
    """One kind for one group of households: where it is found now. The only thing here that changes in place."""

    rows: Ints
    homes: Snaps
    extra: Floats
    way: Way
    reverse: Graph
    sites: Snaps
    seeds: Seeds
    field: Field

    def add(self, new: Snaps) -> int:
        """One more facility, given as a single snap; its number. The memory cost is that of one site."""
        number = len(self.sites.edge)
        self.sites = _joined(self.sites, new)
        own = _numbered(gis.walking.seeds(self.way, new), number)
        add(self.way.graph, self.field, own)
        self.seeds = _with(self.seeds, own)
        return number

    def remove(self, number: int) -> None:
        """One facility less; the others keep their numbers."""
        own, others = self.seeds.of(number), _without(self.seeds, number)
        remove(self.way.graph, self.field, own, others=others, reverse=self.reverse)
        self.seeds = others
        self.sites = _unsnapped(self.sites, number)

    def undone(self, sites: Snaps, seeds: Seeds) -> None:
        """Back to how it was before: what came is removed, what went is added; bit for bit the same field."""
        for number in np.setdiff1d(self.seeds.facility, seeds.facility):
            self.remove(int(number))
        for number in np.setdiff1d(seeds.facility, self.seeds.facility):
            add(self.way.graph, self.field, seeds.of(int(number)))
        self.sites, self.seeds = sites, seeds


def _joined(sites: Snaps, new: Snaps) -> Snaps:
    return Snaps(*(np.append(getattr(sites, name), getattr(new, name)) for name in vars(sites)))


def _unsnapped(sites: Snaps, number: int) -> Snaps:
    edge = sites.edge.copy()
    edge[number] = -1
    return replace(sites, edge=edge)


def _numbered(own: Seeds, number: int) -> Seeds:
    return Seeds(own.node, own.cost, np.full(len(own.node), number, np.int32))


def _with(seeds: Seeds, own: Seeds) -> Seeds:
    return Seeds(*(np.append(getattr(seeds, name), getattr(own, name)) for name in vars(seeds)))


def _without(seeds: Seeds, number: int) -> Seeds:
    kept = seeds.facility != number
    return Seeds(seeds.node[kept], seeds.cost[kept], seeds.facility[kept])


@dataclass(frozen=True, eq=False)
class Board:
    """A run laid out for trying changes: its ground, its verdicts, its households by area."""

    stand: Ground
    verdicts: Verdicts
    rolled: Roll
    _standing: dict[tuple[str, str, str], Standing] = field(default_factory=dict)

    @cached_property
    def walking(self) -> Ints:
        """Households of which somebody goes out."""
        return np.flatnonzero(self.stand.profile != NOBODY).astype(np.int32)

    def groups(self, rule: str) -> Iterator[tuple[str, Ints]]:
        """Households that share one search under a rule."""
        if rule == "standard":
            yield "standard", self.walking
        else:
            yield from ((profile.name, rows) for profile, rows in self.stand.walkers)

    def standing(self, rule: str, profile: str, kind: str, rows: Ints) -> Standing:
        """The kept search of one kind for one group, made on first use."""
        key = (rule, profile, kind)
        if key not in self._standing:
            self._standing[key] = self._search(rule, profile, kind, rows)
        return self._standing[key]

    def _search(self, rule: str, profile: str, kind: str, rows: Ints) -> Standing:
        way, limit = self._way(rule, profile)
        walker = self.stand.request.walker(profile)
        homes, sites = self.stand.snaps(walker)
        rows = rows[np.argsort(homes.edge[rows], kind="stable")]  # neighbours together are read faster
        sites = sites.take(self.stand.of_kind(kind)[0])
        extra = self.stand.floors(walker)[rows] if rule == "personal" else np.zeros(len(rows))
        field = gis.walking.reach(way, sites, limit=limit)
        return Standing(rows, homes.take(rows), extra, way, gis.walking.reversed_(way).graph, sites,
                        gis.walking.seeds(way, sites), field)  # fmt: skip

    def _way(self, rule: str, profile: str) -> tuple[Way, float]:
        request = self.stand.request
        if rule == "standard":
            limit = request.metres * HORIZON
            return gis.walking.in_metres(self.stand.net, limit=limit), limit
        return self.stand.way(request.walker(profile)), request.seconds * HORIZON


@dataclass(frozen=True, eq=False)
class Preview:
    """What changes would do.

    `areas`: one row per level, kind (and circle), rule and area in which anything is gained or lost, in elders:
    level, kind, verdict, code, covered, covered_before, gained, lost. `letters`: the new letters (n, k) by rule, rows
    as the households; only for those entitled to households.
    """

    areas: pd.DataFrame
    letters: dict[str, Letters]


def quick(board: Board, changes: Sequence[Change]) -> bool:
    """Whether `preview` answers for these changes; what it is not made for must be decided anew."""
    facilities = board.stand.facilities.set_index("id")
    unsure = set(facilities.loc[facilities["open"] == gis.hours.UNKNOWN, "kind"])
    kinds = [_walked_to(change, facilities) for change in changes]
    return all(kind is not None and kind not in unsure for kind in kinds)


def _walked_to(change: Change, facilities: pd.DataFrame) -> str | None:
    """The kind of a facility that comes, goes or moves and is walked to; None for any other change."""
    if isinstance(change, Add):
        return change.kind if change.delivery_mode != "to_home" and change.opens is None else None
    if not isinstance(change, Close | Move) or change.id not in facilities.index:
        return None
    return None if facilities["delivers"][change.id] else str(facilities["kind"][change.id])


def preview(board: Board, changes: Sequence[Change]) -> Preview:
    """Try facilities added, closed or moved, and leave the board as it was.

    Raises
    ------
    Invalid
        `scenarios.change`: a change of another sort, or a kind that was not asked for.
    NotFound
        `scenarios.facility`: closes or moves what is not there.
    """
    steps = [step for change in changes for step in _steps(board, change)]
    kinds = sorted({kind for kind, _, _ in steps})
    letters = {
        rule: board.verdicts.rules[rule].letters.copy() for rule in (*RULES, "policy") if rule in board.verdicts.rules
    }
    for kind in kinds:
        at, taken = board.verdicts.kinds.index(kind), [step for step in steps if step[0] == kind]
        for rule in RULES:
            for profile, rows in board.groups(rule):
                standing = board.standing(rule, profile, kind, rows)
                letters[rule][standing.rows, at] = _retry(board, rule, profile, standing, taken)
        if board.verdicts.says("policy", kind):
            letters["policy"][:, at] = _straight(board, kind, taken)
    return Preview(_differences(board, letters, kinds), letters)


Step = tuple[str, int | None, tuple[float, float] | None]


def _steps(board: Board, change: Change) -> list[Step]:
    """A change as (kind, facility that goes, place that comes)."""
    if isinstance(change, Add):
        if change.kind not in board.stand.request.kinds:
            raise Invalid("coverage.kind", kind=change.kind, known=list(board.stand.request.kinds))
        return [] if change.delivery_mode == "to_home" else [(change.kind, None, (change.lon, change.lat))]
    if not isinstance(change, Close | Move):
        raise Invalid("scenarios.change", change=type(change).__name__, reason="preview")
    listed = board.stand.facilities
    at = np.flatnonzero((listed["id"] == change.id).to_numpy())
    if not len(at):
        raise NotFound("scenarios.facility", id=change.id)
    kind = str(listed["kind"].iloc[at[0]])
    known = np.flatnonzero(board.stand.of_kind(kind)[0] == at[0])
    gone: list[Step] = [(kind, int(number), None) for number in known]
    return [*gone, *([(kind, None, (change.lon, change.lat))] if isinstance(change, Move) and gone else [])]


def _retry(board: Board, rule: str, profile: str, standing: Standing, steps: list[Step]) -> Letters:
    """Decide one kind for one group again, with the steps taken and then taken back."""
    sites, seeds, request = standing.sites, standing.seeds, board.stand.request
    limit = request.metres if rule == "standard" else request.seconds
    try:
        for _, number, place in steps:
            if number is not None:
                standing.remove(number)
            if place is not None:
                standing.add(_snapped(board.stand, profile, place))
        value, _ = gis.walking.join(standing.way, standing.homes, standing.sites, standing.field, limit=limit * HORIZON)
    finally:
        standing.undone(sites, seeds)
    return letters_of(value + standing.extra, standing.homes.ok, limit)


def _straight(board: Board, kind: str, steps: list[Step]) -> Letters:
    """Decide one kind by straight metres again: homes whose nearest goes look anew, all look at what comes."""
    stand, at, decided = board.stand, board.verdicts.kinds.index(kind), board.verdicts.rules["policy"]
    sites = stand.of_kind(kind)[0]
    gone = sites[[number for _, number, _ in steps if number is not None]]
    metres, homes = decided.value[:, at].copy(), stand.homes
    left = np.flatnonzero(np.isin(decided.facility[:, at], gone))
    metres[left], _ = nearest_point(homes.x[left], homes.y[left], stand, np.setdiff1d(sites, gone))
    for lon, lat in (place for _, _, place in steps if place is not None):
        x, y = gis.crs.Metric(stand.net.srid).forward([lon], [lat])
        metres = np.fmin(metres, np.where(np.isnan(metres), np.nan, np.hypot(homes.x - x[0], homes.y - y[0])))
    letters = letters_of(metres, ~np.isnan(metres), stand.request.radius_m[kind])
    return np.where(decided.letters[:, at] == NOT_APPLICABLE, np.uint8(NOT_APPLICABLE), letters)


def _snapped(stand: Ground, profile: str, place: tuple[float, float]) -> Snaps:
    x, y = gis.crs.Metric(stand.net.srid).forward([place[0]], [place[1]])
    usable = gis.profiles.usable(stand.net, stand.request.walker(profile))
    return snap(stand.net, x, y, usable=usable, max_m=stand.request.snap_m)


def _differences(board: Board, letters: dict[str, Letters], kinds: list[str]) -> pd.DataFrame:
    topics, verdicts = [], board.verdicts
    for rule, after in letters.items():
        before = verdicts.rules[rule].letters
        for at in (verdicts.kinds.index(kind) for kind in kinds if verdicts.says(rule, kind)):
            topics.append((verdicts.kinds[at], rule, before[:, at], after[:, at]))
        if whole(board.stand.request, rule):
            topics.append((CIRCLE, rule, verdicts.circle[rule], circle(board.stand.request, after)))
    return gains(board.rolled, topics)


def compare(before: Verdicts, after: Verdicts, rolled: Roll) -> pd.DataFrame:
    """What differs between two runs over the same households: the columns of `Preview.areas`, where anything does."""
    topics = []
    for rule in (rule for rule in before.rules if rule in after.rules):
        for j, kind in enumerate(before.kinds):
            topics.append((kind, rule, before.rules[rule].letters[:, j], after.rules[rule].letters[:, j]))
        if rule in before.circle and rule in after.circle:
            topics.append((CIRCLE, rule, before.circle[rule], after.circle[rule]))
    return gains(rolled, topics)


_COUNTS = ("covered", "covered_before", "gained", "lost")


def gains(rolled: Roll, topics: list[tuple[str, str, Letters, Letters]]) -> pd.DataFrame:
    """The areas in which covered elders come or go: the columns of `Preview.areas`.

    `topics`: kind (or circle), rule, and the letters before and after of the households of `rolled`, (n,) each.
    """
    leaves = [_by_leaf(rolled, rule, before, after) for _, rule, before, after in topics]
    found: dict[str, list[NDArray]] = {name: [] for name in ("level", "topic", "code", "counts")}
    for level, codes in rolled.codes.items():
        for topic, leaf in enumerate(leaves):
            table = _summed(rolled.index[level], leaf, len(codes))
            some = np.flatnonzero(table[:, 2:].any(axis=1))
            values = (np.full(len(some), level, object), np.full(len(some), topic), codes[some], table[some])
            for name, value in zip(found, values, strict=True):
                found[name].append(value)
    columns = {name: np.concatenate(parts) for name, parts in found.items()}
    names = np.array([(kind, rule) for kind, rule, _, _ in topics], object).reshape(-1, 2)[columns["topic"]]
    head = {"level": columns["level"], "kind": names[:, 0], "verdict": names[:, 1], "code": columns["code"]}
    return pd.DataFrame({**head, **dict(zip(_COUNTS, columns["counts"].T, strict=True))})


def _by_leaf(rolled: Roll, rule: str, before: Letters, after: Letters) -> Longs:
    """Elders covered now and before, gained and lost, (m, 4)."""
    elders = rolled.people.at_home if rule == "to_home" else rolled.people.walking
    return _moved(rolled.leaf, len(rolled.leaves), elders, np.ascontiguousarray(before), np.ascontiguousarray(after))


@compiled
def _moved(leaf: Ints, leaves: int, elders: Longs, before: Letters, after: Letters) -> Longs:
    counts = np.zeros((leaves, 4), np.int64)
    for i in range(len(leaf)):
        was, now = before[i] == COVERED, after[i] == COVERED
        if was or now:
            row, people = counts[leaf[i]], elders[i, 0]
            row[0] += people * now
            row[1] += people * was
            row[2] += people * (now and not was)
            row[3] += people * (was and not now)
    return counts


@compiled
def _summed(index: Longs, rows: Longs, areas: int) -> Longs:
    """The rows of each area added up; numpy's own way of adding to repeated places takes a hundred times as long."""
    total = np.zeros((areas, rows.shape[1]), np.int64)
    for i in range(len(index)):
        for j in range(rows.shape[1]):
            total[index[i], j] += rows[i, j]
    return total
