"""The figures of March 2026 for seven reports, counted by hand."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pytest

import gis.evaluation
from gis.errors import Refusal


def day(text: str) -> pd.Timestamp:
    return pd.Timestamp(f"2026-{text}T12:00+08:00")


#: id: due, unit, then its moves (move, state before, day).
HISTORY = {
    "in_time": ("03-10", "A", "accept received 03-02,assign accepted 03-02,resolve assigned 03-09,"
                "close resolved 03-11"),
    "late": ("03-10", "A", "accept received 03-02,assign accepted 03-03,resolve assigned 03-12,close resolved 03-13"),
    "again": ("03-20", "A", "accept received 03-02,assign accepted 03-02,extend assigned 03-03,resolve assigned 03-05,"
              "reopen resolved 03-06,assign reopened 03-06,resolve assigned 03-18,close resolved 03-19"),
    "unchecked": ("03-31", "B", "accept received 03-20,assign accepted 03-20,resolve assigned 03-30,"
                  "note resolved 03-31,close resolved 04-02"),
    "open": ("03-25", "B", "accept received 02-27,assign accepted 03-01,hold assigned 03-02,resume assigned 03-03"),
    "merged": ("03-25", "B", "accept received 03-04,assign accepted 03-04,merge assigned 03-05"),
    "paused": (None, "C", "accept received 03-06,assign accepted 03-06,hold assigned 03-07"),
    "new": (None, "D", ""),
}  # fmt: skip
CASES = pd.DataFrame(
    [(name, due and day(due), unit) for name, (due, unit, _) in HISTORY.items()], columns=["id", "due_at", "unit"]
)
EVENTS = pd.DataFrame(
    [
        (name, version, *step.split()[:2], day(step.split()[2]))
        for name, (_, _, steps) in HISTORY.items()
        for version, step in enumerate(filter(None, steps.split(",")), start=2)
    ],
    columns=["report_id", "version", "move", "source", "at"],
)
MARCH = {
    "since": datetime.fromisoformat("2026-03-01T00:00+08:00"),
    "until": datetime.fromisoformat("2026-04-01T00:00+08:00"),
}


def figures(cases=CASES, events=EVENTS, **asked) -> pd.DataFrame:
    return gis.evaluation.figures(cases, events, **(MARCH | asked))


def test_the_counts_of_a_month():
    """Filed: all but `open` (February) and `new`. Resolved first: in_time, late, again, unchecked. Due: in_time, late,
    again, unchecked, open; merged is out."""
    row = figures().loc["all"]
    assert row[list(gis.evaluation.COUNTS)].to_dict() == {
        "filed": 6, "assigned": 7, "resolved": 4, "closed": 3, "due": 5, "closed_on_time": 2, "unchecked": 1,
        "overdue": 2, "due_open": 1, "reworked": 1, "extended": 1,
    }  # fmt: skip


def test_the_rates_are_their_counts_divided():
    """On time 2 of 5 due; rework 1 of 4 resolved; extended 1 of 7 assigned."""
    row = figures().loc["all"]
    assert row[list(gis.evaluation.RATES)].tolist() == pytest.approx([2 / 5, 1 / 4, 1 / 7])


def test_by_unit_and_null_where_there_is_nothing_to_divide_by():
    rows = figures(by=["unit"])
    assert rows["due"].to_dict() == {"A": 3, "B": 2, "C": 0, "D": 0}
    assert rows["on_time_rate"].isna().to_dict() == {"A": False, "B": False, "C": True, "D": True}
    assert rows.loc["B", "on_time_rate"] == 0  # none of two is zero, not null
    assert (
        rows[list(gis.evaluation.COUNTS)].sum().to_dict() == figures().loc["all"][list(gis.evaluation.COUNTS)].to_dict()
    )


def test_what_became_known_later_counts_when_asked_later():
    """`unchecked` was closed on 2 April: as of the 3rd it is closed on time, though not closed in March."""
    row = figures(as_of=datetime.fromisoformat("2026-04-03T00:00+08:00")).loc["all"]
    assert (row["closed_on_time"], row["unchecked"], row["closed"]) == (3, 0, 3)


def test_the_order_of_the_rows_does_not_matter():
    turned = figures(CASES.iloc[::-1], EVENTS.sample(frac=1, random_state=4), by=["unit"])
    pd.testing.assert_frame_equal(turned, figures(by=["unit"]))


def test_a_closed_report_that_is_reopened_is_no_longer_closed():
    """`in_time` comes back on 14 March: not closed any more, overdue, and one more done again."""
    back = pd.DataFrame([("in_time", 6, "reopen", "closed", day("03-14"))], columns=EVENTS.columns)
    row = figures(events=pd.concat([EVENTS, back])).loc["all"]
    assert (row["closed"], row["closed_on_time"], row["overdue"], row["reworked"]) == (2, 1, 3, 2)


def test_a_group_that_is_not_recorded_is_shown():
    unknown = CASES.assign(unit=CASES["unit"].mask(CASES["unit"] == "C"))
    assert figures(unknown, by=["unit"])["filed"].sum() == 6


def test_by_two_columns_and_nothing_at_all():
    two = figures(CASES.assign(street="s"), by=["street", "unit"])
    assert two.loc[("s", "A"), "due"] == 3
    assert figures(events=EVENTS.iloc[:0]).loc["all", "filed"] == 0
    assert figures(CASES.iloc[:0], EVENTS.iloc[:0]).empty


def test_a_period_that_ends_before_it_begins_is_refused():
    with pytest.raises(Refusal) as refused:
        figures(until=MARCH["since"])
    assert refused.value.code == "evaluation.period"


def test_the_last_time_it_was_resolved_decides():
    """With its last moment on 10 March, `again` was first resolved in time (5 March) but for good only on the 18th."""
    due = CASES["due_at"].mask(CASES["id"] == "again", day("03-10"))
    row = figures(CASES.assign(due_at=due)).loc["all"]
    assert (row["closed_on_time"], row["overdue"]) == (1, 3)
