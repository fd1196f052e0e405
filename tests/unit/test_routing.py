"""Where a report goes: the most specific rule, and why; what is in conflict is found before it is used."""

from __future__ import annotations

import pytest

import gis.categories
import gis.routing
from gis.categories import Category
from gis.deadlines import Limit
from gis.errors import BadRows, Refusal
from gis.routing import Rule

AREAS = ("440103001002G03", "440103001002", "440103001", "440103")
RULES = (
    Rule("all", "", "", "district centre"),
    Rule("street", "", "440103001", "street office"),
    Rule("things", "component", "", "city works"),
    Rule("lamps", "street_lamp", "", "lighting"),
    Rule("lamps_here", "street_lamp", "440103001002", "lighting team 2"),
    Rule("elsewhere", "street_lamp", "440103999", "nobody here"),
)


def route(rules, category="street_lamp", family="component", areas=AREAS):
    return gis.routing.route(rules, category=category, family=family, areas=areas)


@pytest.mark.parametrize(
    ("category", "family", "unit", "why"),
    [
        ("street_lamp", "component", "lighting team 2", ("lamps_here", "code", "440103001002")),
        ("handrail", "component", "city works", ("things", "family", "")),  # the thing before the place
        ("litter", "event", "street office", ("street", "any", "440103001")),
    ],
)
def test_the_most_specific_rule_wins_and_says_why(category, family, unit, why):
    found = route(RULES, category, family)
    assert (found.unit, (found.rule_id, found.by_category, found.by_area)) == (unit, why)


def test_the_rules_passed_over_are_named_in_their_order():
    assert route(RULES).passed_over == ("lamps", "things", "street", "all")


def test_the_order_of_the_rules_does_not_matter():
    assert route(RULES[::-1]) == route(RULES)


def test_without_a_rule_it_is_ownerless_and_not_guessed():
    assert route([RULES[5]]) == gis.routing.Route("", "", "", "", ())


def test_two_rules_equally_narrow_choose_nothing():
    twice = [*RULES, Rule("lamps_too", "street_lamp", "440103001002", "another")]
    with pytest.raises(Refusal) as refused:
        route(twice)
    assert (refused.value.code, refused.value.facts["rules"]) == ("routing.clash", ["lamps_here", "lamps_too"])
    same_unit = [*RULES, Rule("lamps_too", "street_lamp", "440103001002", "lighting team 2")]
    assert route(same_unit).unit == "lighting team 2"


PARENTS = {"440103001002": "440103001", "440103001": "440103", "440103": ""}
FAMILIES = {"street_lamp": "component", "litter": "event"}


def clashes(*rules: Rule) -> list[tuple[str, tuple[str, str]]]:
    return [(each.sort, each.rules) for each in gis.routing.clashes(rules, families=FAMILIES, parents=PARENTS)]


def test_clashes_are_found_before_a_set_of_rules_is_used():
    thing, place = Rule("t", "street_lamp", "", "lighting"), Rule("p", "", "440103001", "street")
    assert clashes(thing, place) == [("crossed", ("t", "p"))]
    assert clashes(thing, place, Rule("both", "street_lamp", "440103001", "lighting")) == []
    assert clashes(thing, Rule("t2", "street_lamp", "", "power")) == [("equal", ("t", "t2"))]
    assert clashes(thing, Rule("t2", "street_lamp", "", "lighting")) == []


def test_rules_that_only_grow_narrower_do_not_clash():
    assert clashes(Rule("a", "", "", "u"), Rule("b", "component", "", "v"), Rule("c", "component", "440103", "w")) == []
    assert clashes(Rule("a", "litter", "", "u"), Rule("b", "component", "440103", "v")) == []


# The catalogue -----------------------------------------------------------------------------------------------------


def test_every_limit_of_ours_is_marked_as_an_example():
    assert {each.source for each in gis.categories.STARTER.values()} == {gis.categories.EXAMPLE}
    assert {each.family for each in gis.categories.STARTER.values()} == set(gis.categories.FAMILIES)


def test_a_category_is_found_by_code_and_by_its_chinese_label():
    lamp = gis.categories.find(gis.categories.STARTER, "部件-路灯")
    assert lamp is gis.categories.find(gis.categories.STARTER, "street_lamp")
    with pytest.raises(Refusal, match=r"categories\.absent"):
        gis.categories.find(gis.categories.STARTER, "龙")


def test_a_place_brings_its_own_catalogue_and_every_bad_row_is_named():
    import pandas as pd

    rows = [
        ("A1", "component", "井盖", "cover", 2, "urgent_hours", 1),
        ("A2", "dragon", "龙", "dragon", 2, "work_days", 1),
        ("A3", "event", "噪音", "noise", "soon", "work_days", 1),
        ("A4", "event", "噪音", "noise", 2, "days", 1),
    ]
    frame = pd.DataFrame(rows, columns=list(gis.categories.CATEGORIES.required))
    made = gis.categories.from_frame(frame.head(1))
    assert made == {"A1": Category("A1", "component", "井盖", "cover", Limit(2, "urgent_hours", 1), source="")}
    with pytest.raises(BadRows) as refused:
        gis.categories.from_frame(frame)
    assert [(fault.row, fault.code) for fault in refused.value.faults] == [
        (2, "categories.family"), (3, "categories.row"), (4, "deadlines.unit"),
    ]  # fmt: skip
    with pytest.raises(Refusal, match=r"categories\.twice"):
        gis.categories.from_frame(pd.concat([frame.head(1)] * 2))
