"""Evaluation (综合评价): how many reports were filed, due, closed in time, done again, extended; all from the events.

Every rate names its denominator (`RATES`) and is null, not zero, where that is 0. A period's figures are those known at
`as_of`; asked again with the same `as_of` they are the same for ever, since events are only added (and where `due_at`
comes from the events up to then).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pandas as pd

from gis.errors import Invalid
from gis.frames import Columns, require

#: `due_at` is the last moment in time (`gis.deadlines.due_at`), NaT where it is not known or a pause leaves it open.
#: Any further column may be counted by: area codes, unit, author, category.
CASES = Columns("cases", ("id", "due_at"))
EVENTS = Columns("events", ("report_id", "version", "move", "source", "at"))

#: Rate -> (counted, of which). All are columns of the answer.
RATES = {
    "on_time_rate": ("closed_on_time", "due"),
    "rework_rate": ("reworked", "resolved"),
    "extension_rate": ("extended", "assigned"),
}
COUNTS = (
    "filed", "assigned", "resolved", "closed", "due", "closed_on_time", "unchecked", "overdue", "due_open", "reworked",
    "extended",
)  # fmt: skip

#: Moves that leave the state as it is.
_ASIDE = ("hold", "resume", "extend", "correct", "note")


def figures(
    cases: pd.DataFrame,
    events: pd.DataFrame,
    *,
    since: datetime,
    until: datetime,
    by: Sequence[str] = (),
    as_of: datetime | None = None,
) -> pd.DataFrame:
    """Counts and rates of a period, for each group.

    Parameters
    ----------
    cases : DataFrame of `CASES`
        One row per report; no id twice.
    events : DataFrame of `EVENTS`
        Legal histories (`gis.reports.replay`); of those after `as_of` nothing is known.
    since, until : datetime
        The period, `until` not included.
    by : columns of cases
        None: one row for all. A group that is not recorded is a group of its own; one with nothing in it has zeros.
    as_of : datetime, optional
        What was known then; the end of the period when not given.

    Returns
    -------
    DataFrame, `by` as index, whole numbers and rates (Float64, null where there is nothing to divide by):

    * filed (立案数), assigned, resolved: for the first time in the period. closed (结案数): closed in it, and still.
    * due (应结案数): with their last moment in the period, not rejected nor merged. They are made up of closed_on_time
      (按期结案数: resolved in time, closed by `as_of`), unchecked (resolved in time, not closed yet) and overdue.
    * due_open: assigned in the period, with no last moment known.
    * reworked (返工): of resolved, those reopened since. extended (延期): of assigned.
    """
    require(cases, CASES)
    require(events, EVENTS)
    if until <= since:
        raise Invalid("evaluation.period", since=since.isoformat(), until=until.isoformat())
    told = _told(cases, events[events["at"] < (as_of or until)])
    marks = _marks(told, since, until)
    groups = [cases[name].to_numpy() for name in by] or [pd.Series("all", index=cases.index).to_numpy()]
    counts = marks.groupby(groups, dropna=False).sum().astype("int64")
    counts.index.names = list(by) or ["group"]
    return counts.assign(**{name: _rate(counts[part], counts[whole]) for name, (part, whole) in RATES.items()})


def _told(cases: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """What the events tell of each case, in the order of the cases; NaT where it never happened."""
    ordered = events.sort_values(["report_id", "version"])
    reached = ordered[~ordered["move"].isin(_ASIDE)]
    back = (ordered["move"] == "reopen") & ordered["source"].isin(("resolved", "closed"))
    told = pd.DataFrame(
        {
            "filed_at": _at(ordered, "accept"),
            "assigned_at": _at(ordered, "assign"),
            "resolved_first": _at(ordered, "resolve"),
            "resolved_last": _at(ordered, "resolve", which="last"),
            "closed_last": _at(ordered, "close", which="last"),
            "last": reached.groupby("report_id")["move"].last(),
            "reworked": back.groupby(ordered["report_id"]).any(),
            "extended": (ordered["move"] == "extend").groupby(ordered["report_id"]).any(),
        },
        index=pd.Index(cases["id"]),
    ).reset_index(drop=True)
    return told.assign(due_at=pd.to_datetime(cases["due_at"], utc=True).array)


def _at(events: pd.DataFrame, move: str, *, which: str = "first") -> pd.Series:
    chosen = events[events["move"] == move]
    return pd.to_datetime(chosen["at"], utc=True).groupby(chosen["report_id"]).agg(which)


def _marks(told: pd.DataFrame, since: datetime, until: datetime) -> pd.DataFrame:
    """One true-or-false column for each count."""

    def within(at: pd.Series) -> pd.Series:
        return (at >= since) & (at < until)

    last, due_at = told["last"], told["due_at"]
    assigned, resolved = within(told["assigned_at"]), within(told["resolved_first"])
    standing = told["assigned_at"].notna() & ~last.isin(("reject", "merge"))
    due = within(due_at) & standing
    in_time = due & last.isin(("resolve", "close")) & (told["resolved_last"] <= due_at)
    marks = {
        "filed": within(told["filed_at"]),
        "assigned": assigned,
        "resolved": resolved,
        "closed": within(told["closed_last"]) & last.eq("close"),
        "due": due,
        "closed_on_time": in_time & last.eq("close"),
        "unchecked": in_time & last.eq("resolve"),
        "overdue": due & ~in_time,
        "due_open": assigned & standing & due_at.isna(),
        "reworked": resolved & told["reworked"].eq(True),
        "extended": assigned & told["extended"].eq(True),
    }
    return pd.DataFrame(marks)[list(COUNTS)].astype(bool)


def _rate(part: pd.Series, whole: pd.Series) -> pd.Series:
    return (part / whole.where(whole > 0)).astype("Float64")
