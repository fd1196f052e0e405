"""What is published of small tables, worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd

import gis.disclosure

TREE = {"D": "", "A": "D", "B": "D", "C": "D"}


def publish(**rows: tuple[int, int, int]) -> pd.DataFrame:
    """District D of up to three streets; a row is covered, uncovered, unknown; D is their sum unless given."""
    rows = {"D": tuple(np.sum([*rows.values()], axis=0)), **rows}
    counted = pd.DataFrame([*rows.values()], columns=list(gis.disclosure.COUNTS), index=range(10, 10 + len(rows)))
    counted = counted.assign(code=list(rows), level="x", kind="clinic", verdict="standard")
    areas = pd.DataFrame({"code": list(TREE), "parent_code": list(TREE.values())})
    return gis.disclosure.publish(counted, areas).set_index("code")


def shown(table: pd.DataFrame, code: str) -> list[object]:
    row = table.loc[code, ["elders", "covered", "uncovered", "unknown"]]
    return [None if pd.isna(value) else int(value) for value in row]


def test_large_counts_are_rounded_to_five_and_zero_is_not_shown():
    """98 + 33 = 131: 100, 35, 130; unknown is 0 and hidden, since only 11 or more is shown."""
    assert shown(publish(A=(98, 33, 0)), "A") == [130, 100, 35, None]


def test_eleven_and_twelve_print_as_ten():
    table = publish(A=(11, 12, 13))
    assert shown(table, "A") == [35, 10, 10, 15]


def test_a_small_number_of_unknown_hides_the_uncovered_with_it():
    """100 - 60 = 40 are uncovered or unknown; how they split is hidden in the row, above it and beside it."""
    table = publish(A=(60, 37, 3), B=(60, 40, 0))
    assert shown(table, "A") == [100, 60, None, None]
    assert shown(table, "D")[2:] == [None, None]


def test_a_small_number_of_uncovered_hides_the_covered_and_a_second_row():
    """From D's 160 covered less B's 100 A's could be told; so one more street is hidden, the smaller one."""
    table = publish(A=(60, 4, 0), B=(30, 30, 0), C=(100, 100, 0))
    assert shown(table, "A") == [65, None, None, None]
    assert shown(table, "B") == [60, None, None, None]
    assert shown(table, "C") == [200, 100, 100, None]
    assert shown(table, "D") == [325, 190, 135, None]


def test_few_elders_hide_their_whole_row_and_a_second_one():
    """A has 5 elders; without B's hidden too they would be D less B and C."""
    table = publish(A=(3, 2, 0), B=(20, 20, 0), C=(100, 100, 0))
    assert shown(table, "A") == shown(table, "B") == [None] * 4
    assert shown(table, "C") == [200, 100, 100, None]


def test_a_single_street_with_a_small_count_hides_it_in_the_district_too():
    """They are the same people."""
    table = publish(A=(60, 4, 0))
    assert shown(table, "A") == shown(table, "D") == [65, None, None, None]


def test_a_rate_is_a_class_of_twenty_points_from_a_denominator_of_twenty_on():
    """15 of 30 is in [0.4, 0.6), 30 of 30 in the last class, which holds 1; 19 is too few."""
    table = publish(A=(15, 15, 0), B=(30, 0, 0), C=(11, 8, 0))
    assert table.loc["A", ["rate_low", "rate_high"]].tolist() == [0.4, 0.6]
    assert table.loc["B", ["rate_low", "rate_high"]].tolist() == [0.8, 1.0]
    assert table.loc["C", ["rate_low", "rate_high"]].isna().all()


def test_the_class_of_a_hidden_row_is_shown_only_when_five_people_more_or_less_would_not_leave_it():
    """60 of 64: 55 of 64 is 0.86, still above 0.8. 25 of 29: 20 of 29 is 0.69, below it."""
    table = publish(A=(60, 4, 0), B=(25, 4, 0), C=(100, 100, 0))
    assert table.loc["A", ["rate_low", "rate_high"]].tolist() == [0.8, 1.0]
    assert table.loc["B", ["rate_low", "rate_high"]].isna().all()


def test_rows_outside_every_area_are_left_out_and_the_order_is_kept():
    counted = pd.DataFrame({"level": "x", "kind": ["b", "a", "b"], "verdict": "standard", "code": ["A", "A", ""],
                            "covered": 50, "uncovered": 50, "unknown": 0})  # fmt: skip
    table = gis.disclosure.publish(counted, pd.DataFrame({"code": ["A"], "parent_code": [""]}))
    assert table[["kind", "code"]].to_numpy().tolist() == [["b", "A"], ["a", "A"]]
    assert list(table) == list(gis.disclosure.PUBLISHED)


def test_nothing_counted_is_nothing_published():
    empty = pd.DataFrame(columns=["level", "kind", "verdict", "code", *gis.disclosure.COUNTS])
    assert gis.disclosure.publish(empty, pd.DataFrame({"code": [], "parent_code": []})).empty
