"""Which unit a report goes to: rules as data, the most specific wins, and why is part of the answer.

A rule names a category, a family of categories, or any (""), and an area or any (""). Of all rules that fit, the one
with the narrower category wins, and among those the one with the smaller area: who mends a lift is a question of the
thing first and of the place second. Where two rules that say different units are equally narrow nothing is chosen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from gis.errors import Conflict


@dataclass(frozen=True)
class Rule:
    """Reports of `category` ("" any; a family such as "component"; a code) in `area` ("" any; a code) go to `unit`."""

    id: str
    category: str
    area: str
    unit: str


@dataclass(frozen=True)
class Route:
    """Where it goes and why.

    `unit` and `rule_id` are "" where no rule fits: ownerless, to be settled by hand. `by_category`: "code", "family",
    "any" or ""; `by_area`: the code of the area that the rule names ("" any). `passed_over`: other rules that fit, the
    next best first.
    """

    unit: str
    rule_id: str
    by_category: str
    by_area: str
    passed_over: tuple[str, ...]


@dataclass(frozen=True)
class Clash:
    """Two rules that say different units. `sort`: "equal" (nothing can be chosen) or "crossed" (the category decides,
    though the other rule names a smaller area: perhaps not what was meant)."""

    sort: str
    rules: tuple[str, str]
    units: tuple[str, str]


def route(rules: Sequence[Rule], *, category: str, family: str, areas: Sequence[str]) -> Route:
    """The unit for a report.

    Parameters
    ----------
    category, family : str
        As in `gis.categories`.
    areas : sequence of str
        Codes of the areas that hold the place, the smallest first (grid, community, street, district).

    Raises
    ------
    Conflict
        ``routing.clash`` with the ids of rules that are equally narrow and say different units.
    """
    narrow = {category: 2, family: 1, "": 0}
    depth = {code: len(areas) - position for position, code in enumerate(areas)} | {"": 0}
    fitting = [rule for rule in rules if rule.category in narrow and rule.area in depth]
    if not fitting:
        return Route("", "", "", "", ())
    ranked = sorted(fitting, key=lambda rule: (-narrow[rule.category], -depth[rule.area], rule.id))
    best = ranked[0]
    equals = [rule for rule in ranked if (rule.category, rule.area) == (best.category, best.area)]
    if len({rule.unit for rule in equals}) > 1:
        raise Conflict("routing.clash", rules=[rule.id for rule in equals])
    named = ("any", "family", "code")[narrow[best.category]]
    return Route(best.unit, best.id, named, best.area, tuple(rule.id for rule in ranked[1:]))


def clashes(rules: Sequence[Rule], *, families: Mapping[str, str], parents: Mapping[str, str]) -> list[Clash]:
    """Pairs of rules that are in each other's way, to be shown before a set of rules is put to use.

    Parameters
    ----------
    families : code of category -> family.
    parents : code of area -> code of the area above ("" for the topmost).

    Notes
    -----
    A crossed pair is no clash where a rule of the same set stands for just what they share (the narrower category in
    the smaller area).
    """
    said = {(rule.category, rule.area) for rule in rules}
    found = []
    for one, other in combinations(rules, 2):
        sort = _clash(one, other, families, parents, said) if one.unit != other.unit else ""
        if sort:
            found.append(Clash(sort, (one.id, other.id), (one.unit, other.unit)))
    return found


def _clash(
    one: Rule, other: Rule, families: Mapping[str, str], parents: Mapping[str, str], said: set[tuple[str, str]]
) -> str:
    if (one.category, one.area) == (other.category, other.area):
        return "equal"
    for thing, place in ((one, other), (other, one)):
        narrower = thing.category != place.category and _covers(place.category, thing.category, families)
        smaller = place.area != thing.area and _covers(thing.area, place.area, parents)
        if narrower and smaller and (thing.category, place.area) not in said:
            return "crossed"
    return ""


def _covers(wide: str, narrow: str, above: Mapping[str, str]) -> bool:
    """Whether `wide` is `narrow` or stands anywhere above it; "" stands above all."""
    seen: set[str] = set()
    while narrow != wide and narrow and narrow not in seen:
        seen.add(narrow)
        narrow = above.get(narrow, "")
    return narrow == wide
