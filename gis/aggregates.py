"""Verdicts counted by area: integers that add up from grid to district to the last elder.

A walking rule counts the elders who go out of households outside institutions; `homebound` and `institution` are those
it leaves out, so that elders + homebound + institution is everybody. Rule `to_home` counts the homebound too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

import gis.people
from gis.compiled import compiled
from gis.errors import Invalid
from gis.people import GROUPS, People, people
from gis.verdicts import COVERED, NOT_APPLICABLE, UNCOVERED, Verdicts

Longs = NDArray[np.int64]
Flags = NDArray[np.bool_]
Letters = NDArray[np.uint8]

CIRCLE = "circle"
COUNTED = ("covered", "uncovered", "unknown")

#: What is counted, in order: households; elders by group and letter; elders of fragile verdict; covered elders whose
#: facility lies outside; households in which each group after the first is recorded.
_CELLS = ("households", *(word + group for group in GROUPS for word in COUNTED), "fragile", "outside",
          *("recorded" + group for group in GROUPS[1:]))  # fmt: skip

#: One code a household, one for all, or None: look into column `<level>_code`.
Levels = Mapping[str, object] | Sequence[str]


@dataclass(frozen=True, eq=False)
class Roll:
    """n households sorted into areas once, to be counted many times.

    `leaf` (n,) which of the m occurring combinations of codes a household lies in; `leaves` (m rows) those
    combinations, one column a level; `codes` by level, in order.
    """

    leaf: NDArray[np.int32]
    leaves: pd.DataFrame
    codes: dict[str, NDArray]
    people: People

    @cached_property
    def index(self) -> dict[str, NDArray[np.int64]]:
        """By level, the position in `codes` of each leaf."""
        return {
            level: np.asarray(pd.Index(codes).get_indexer(self.leaves[level])) for level, codes in self.codes.items()
        }


def roll(households: pd.DataFrame, levels: Levels, *, codes: Mapping[str, Sequence[str]] | None = None) -> Roll:
    """Sort households into the areas of each level.

    Parameters
    ----------
    levels : from the smallest to the largest; names, whose codes stand in column `<level>_code`, or a mapping from
        name to one code a household or one code for all
    codes : areas that shall have a row even without a household, by level
    """
    given = levels if isinstance(levels, Mapping) else dict.fromkeys(levels)
    columns = {level: _codes(households, level, value) for level, value in given.items()}
    combination = np.zeros(len(households), np.int64)
    for column in columns.values():
        number, names = pd.factorize(column, sort=True)
        combination = combination * len(names) + number
    _, first, leaf = np.unique(combination, return_index=True, return_inverse=True)
    leaves = pd.DataFrame({level: column[first] for level, column in columns.items()})
    listed = {level: np.unique([*leaves[level], *(codes or {}).get(level, ())]).astype(object) for level in given}
    return Roll(leaf.astype(np.int32), leaves, listed, people(households))


def among(rolled: Roll, chosen: Flags) -> Roll:
    """The same households, of whom only the elders of the chosen, (n,) bool, are counted."""
    return replace(rolled, people=gis.people.among(rolled.people, chosen))


def _codes(households: pd.DataFrame, level: str, given: object) -> NDArray:
    """One code a household; "" where it lies in no area of the level."""
    if isinstance(given, str):
        return np.full(len(households), given, object)
    if given is None and f"{level}_code" not in households.columns:
        raise Invalid("frame.columns", table="households", missing=[f"{level}_code"])
    column = np.asarray(households[f"{level}_code"] if given is None else given, dtype=object)
    return np.where(pd.isna(column), "", column)


def aggregate(
    verdicts: Verdicts, households: pd.DataFrame, levels: Levels, *, codes: Mapping[str, Sequence[str]] | None = None
) -> pd.DataFrame:
    """One row per level, kind (and `circle`), rule and area.

    Parameters
    ----------
    verdicts : from `gis.coverage.decide` for these same households, in the same order
    levels, codes : see `roll`

    Returns
    -------
    DataFrame
        level, kind, verdict (the rule), code, households; elders, covered, uncovered and unknown of all, `_80`,
        `_alone` and `_disabled` (missing where not recorded in the area); in elders: `fragile` (personal only),
        `outside` (missing where facilities carry no street), `homebound`, `institution`; elder_coverage_rate, low,
        high; street_code, community_code, grid_code of the area where it has them. Code "" gathers households outside
        every area of the level. A rule that says nothing about a kind has no row.
    """
    return count(verdicts, roll(households, levels, codes=codes))


def count(verdicts: Verdicts, rolled: Roll) -> pd.DataFrame:
    """`aggregate`, for households already sorted into areas."""
    topics, cells = _counts(verdicts, rolled)
    frame = pd.concat([_level(rolled, level, topics, cells) for level in rolled.codes], ignore_index=True)
    if verdicts.facilities["outside"].isna().any():
        frame["outside"] = pd.NA
    return frame


def letters(verdicts: Verdicts, rolled: Roll) -> pd.DataFrame:
    """Only the elders by letter: columns level, kind, verdict, code, covered, uncovered, unknown of `aggregate`."""
    topics, cells = _counts(verdicts, rolled)
    first = len(COUNTED)
    frames = []
    for level in rolled.codes:
        summed = _summed(rolled, level, cells[:, :, 1 : 1 + first])
        frames.append(pd.DataFrame(_head(rolled, level, topics) | dict(zip(COUNTED, summed.T, strict=True))))
    return pd.concat(frames, ignore_index=True)


def _counts(verdicts: Verdicts, rolled: Roll) -> tuple[list[_Topic], Longs]:
    """What is counted, and the counts by topic, leaf and cell."""
    topics, folk = list(_topics(verdicts)), rolled.people
    cells = [
        _tally(rolled.leaf, len(rolled.leaves), *topic.columns, _weights(folk, topic.rule), folk.recorded)
        for topic in topics
    ]
    return topics, np.stack(cells)


def _weights(folk: People, rule: str) -> Longs:
    return folk.at_home if rule == "to_home" else folk.walking


@dataclass(frozen=True, eq=False)
class _Topic:
    """One kind under one rule: letters, who is fragile, and whose facility lies outside."""

    kind: str
    rule: str
    columns: tuple[Letters, Flags, Flags]


def _topics(verdicts: Verdicts) -> Iterator[_Topic]:
    outside = np.append(verdicts.facilities["outside"].fillna(False).to_numpy(bool), False)
    calm = np.zeros(len(verdicts.refs), bool)
    for rule, decision in verdicts.rules.items():
        far, personal = np.asarray(outside[decision.facility]), rule == "personal"
        for j, kind in enumerate(verdicts.kinds):
            if verdicts.says(rule, kind):
                fragile = verdicts.fragile[:, j] if personal else calm
                yield _Topic(kind, rule, (decision.letters[:, j], fragile, far[:, j]))
        if rule in verdicts.circle:
            needed = np.any(far[:, [verdicts.kinds.index(kind) for kind in verdicts.request.required]], axis=1)
            fragile = verdicts.circle_fragile if personal else calm
            yield _Topic(CIRCLE, rule, (verdicts.circle[rule], fragile, needed))


@compiled
def _tally(
    leaf: NDArray[np.int32], leaves: int, letters: Letters, fragile: Flags, outside: Flags, weights: Longs,
    recorded: Flags,
) -> Longs:  # fmt: skip
    """Counts by leaf, (m, 18), in the order of `_CELLS`."""
    cells = np.zeros((leaves, 18), np.int64)
    for i in range(len(leaf)):
        letter = letters[i]
        if letter == NOT_APPLICABLE:
            continue
        row = cells[leaf[i]]
        row[0] += 1
        at = 0 if letter == COVERED else (1 if letter == UNCOVERED else 2)
        for group in range(4):
            row[1 + 3 * group + at] += weights[i, group]
        if fragile[i]:
            row[13] += weights[i, 0]
        if outside[i] and letter == COVERED:
            row[14] += weights[i, 0]
        for group in range(3):
            row[15 + group] += recorded[i, group]
    return cells


def _level(rolled: Roll, level: str, topics: list[_Topic], cells: Longs) -> pd.DataFrame:
    """All rows of one level: topics one after the other, areas in order of their codes."""
    codes, index = rolled.codes[level], rolled.index[level]
    rules = np.repeat([topic.rule for topic in topics], len(codes))
    flat = _summed(rolled, level, cells)
    counts = _counted(dict(zip(_CELLS, flat.T, strict=True)), rules, rolled.people.missing)
    rest = {name: np.tile(np.bincount(index[rolled.leaf], getattr(rolled.people, name), len(codes)).astype(np.int64),
                          len(topics)) for name in ("homebound", "institution")}  # fmt: skip
    rest["homebound"] = np.where(rules == "to_home", 0, rest["homebound"])
    return pd.DataFrame(
        {**_head(rolled, level, topics), **counts, **rest, **rates(counts), **_places(rolled, level, len(topics))}
    )


def _head(rolled: Roll, level: str, topics: list[_Topic]) -> dict[str, object]:
    codes = rolled.codes[level]
    return {
        "level": level, "kind": np.repeat([topic.kind for topic in topics], len(codes)).astype(object),
        "verdict": np.repeat([topic.rule for topic in topics], len(codes)).astype(object),
        "code": np.tile(codes, len(topics)),
    }  # fmt: skip


def _summed(rolled: Roll, level: str, cells: Longs) -> Longs:
    """Cells of all leaves of each area, one row a topic and area."""
    index, areas = rolled.index[level], len(rolled.codes[level])
    topics, leaves, width = cells.shape
    whose = csr_array((np.ones(leaves, np.int64), (index, np.arange(leaves))), shape=(areas, leaves))
    summed = np.asarray(whose @ cells.transpose(1, 0, 2).reshape(leaves, topics * width))
    return summed.reshape(areas, topics, width).transpose(1, 0, 2).reshape(topics * areas, width)


def _counted(cells: dict[str, Longs], rules: NDArray, missing: tuple[str, ...]) -> dict[str, object]:
    counts: dict[str, object] = {"households": cells["households"]}
    for group in GROUPS:
        parts = {word + group: cells[word + group] for word in COUNTED}
        columns = {"elders" + group: sum(parts.values()), **parts}
        nobody_knows = (cells["households"] > 0) & (cells["recorded" + group] == 0) if group else None
        hidden = nobody_knows if group not in missing else np.ones(len(rules), bool)
        counts |= columns if hidden is None else {name: _masked(values, hidden) for name, values in columns.items()}
    return counts | {"fragile": _masked(cells["fragile"], rules != "personal"), "outside": _masked(cells["outside"])}


def _masked(values: object, hidden: Flags | None = None) -> pd.arrays.IntegerArray:
    whole = np.asarray(values, np.int64)
    return pd.arrays.IntegerArray(whole, np.zeros(len(whole), bool) if hidden is None else hidden)


def rates(counts: Mapping[str, object]) -> dict[str, NDArray[np.float64]]:
    """elder_coverage_rate = covered / (covered + uncovered), and the band in which the truth about the unknown lies.

    `low` counts every unknown elder as uncovered, `high` as covered; NaN where there is nobody to divide by.
    """
    covered, uncovered, unknown = (np.asarray(counts[word], dtype=np.float64) for word in COUNTED)
    with np.errstate(invalid="ignore", divide="ignore"):
        everybody = covered + uncovered + unknown
        return {
            "elder_coverage_rate": covered / (covered + uncovered),
            "low": covered / everybody,
            "high": (covered + unknown) / everybody,
        }


def _places(rolled: Roll, level: str, times: int) -> dict[str, NDArray]:
    """Street, community and grid of each area of a level: its own code and, where households tell, those above."""
    above = list(rolled.codes)[list(rolled.codes).index(level) :]
    first = rolled.leaves.drop_duplicates(level).set_index(level, drop=False)
    return {
        f"{name}_code": np.tile(first[name].reindex(rolled.codes[level]).to_numpy(object)
                                if name in above else np.full(len(rolled.codes[level]), None), times)
        for name in ("street", "community", "grid")
    }  # fmt: skip
