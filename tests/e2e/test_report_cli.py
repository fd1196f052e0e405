"""What is typed about reports: found, shown, moved on under somebody's name, counted and written to a file."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from e2e.test_planning_cli import Type, at_home, table, wangge
from sqlalchemy import text

import api.cli
import data.db
from contract import people

__all__ = ["wangge"]

pytestmark = pytest.mark.database

#: The third one lies in street B.
ROWS = ("R1,井盖,113.205,23.1025,2026-03-04 10:00,缺失", "R2,噪音,113.205,23.1025,2026-03-05 10:00,夜噪",
        "R3,井盖,113.215,23.1025,2026-03-06 10:00,破损")  # fmt: skip


@pytest.fixture
def typed(
    own_database_url: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> Iterator[Callable[..., tuple[int, str, str]]]:
    """Type a command in a town with three imported reports, a unit and people of every role."""
    engine = data.db.engine(own_database_url)
    with data.db.transaction(engine) as session:
        people.settle(session)
        session.execute(text("INSERT INTO unit (code, name_zh) VALUES ('repair', '维修队')"))
    engine.dispose()

    def run(*words: object) -> tuple[int, str, str]:
        status = api.cli.run([str(word) for word in words])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    with at_home(monkeypatch, own_database_url, home):
        brought = table(tmp_path / "reports.csv", "编号,类别,经度,纬度,上报时间,内容", *ROWS)
        status, _, why = run("import", "reports", brought, "--synthetic", "--datum", "wgs84")
        assert status == 0, why
        yield run


@pytest.fixture
def reports(wangge: Type) -> dict[str, dict[str, Any]]:
    """What `report list` says, by the text of each."""
    return {row["text"]: row for row in wangge("report", "list", "--json")["reports"]}


def test_the_list_is_narrowed_by_area_category_and_state(wangge: Type, reports: dict[str, Any]) -> None:
    assert {words: row["grid_code"] for words, row in reports.items()} == {"缺失": "A00", "夜噪": "A00", "破损": "B00"}

    def listed(*options: object) -> set[str]:
        return {row["text"] for row in wangge("report", "list", *options, "--json")["reports"]}

    assert listed("--area", "A") == {"缺失", "夜噪"}
    assert listed("--category", reports["夜噪"]["category"]) == {"夜噪"}
    assert listed("--status", "closed") == listed("--overdue") == set()
    assert reports["缺失"]["id"] in wangge("report", "list")


def test_a_move_is_made_with_the_rights_and_under_the_name_of_somebody(
    wangge: Type, typed: Callable[..., tuple[int, str, str]], reports: dict[str, Any]
) -> None:
    """The street's staff accept and dispatch; each step stands in the history. Nobody reaches into street B."""
    mine, other = reports["缺失"]["id"], reports["破损"]["id"]
    assert wangge("report", "move", mine, "accept", "--by", "street").strip() == "Accepted"
    told = wangge("report", "move", mine, "assign", "--by", "street", "--unit", "repair", "--json")
    assert (told["status"], told["unit"], told["version"]) == ("assigned", "repair", 3)
    shown = wangge("report", "show", mine, "--json")
    assert [event["move"] for event in shown["events"]] == ["adopt", "accept", "assign"]
    printed = wangge("report", "show", mine)
    assert "Accept" in printed
    assert "Assign" in printed
    status, _, why = typed("report", "move", other, "accept", "--by", "street")
    assert (status, wangge("report", "show", other, "--json")["status"]) == (1, "received")
    assert "street" not in why.lower()  # absent and not hers are alike


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("move", "{id}", "assign", "--by", "street", "--unit", "repair"), "received"),  # not accepted yet
        (("move", "{id}", "accept", "--by", "planner"), "planner"),
        (("move", "{id}", "fly", "--by", "street"), "fly"),
        (("show", "no-such-id"), ""),
        (("list", "--status", "lost"), "received"),
        (("figures", "--by", "moon"), "moon"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_reason(typed, reports, words, said) -> None:
    status, out, why = typed("report", *(word.format(id=reports["缺失"]["id"]) for word in words))
    assert (status, out) == (1, "")
    assert said in why
    assert why.strip()


def test_figures_count_what_was_filed_by_street(wangge: Type, reports: dict[str, Any]) -> None:
    wangge("report", "move", reports["缺失"]["id"], "accept", "--by", "street")
    wangge("report", "move", reports["缺失"]["id"], "assign", "--by", "street", "--unit", "repair")
    counted = wangge("report", "figures", "--by", "street", "--json")["groups"]
    assert {row["group"]: row["assigned"] for row in counted} == {"A": 1, "B": 0}
    assert len(wangge("report", "figures", "--by", "street").splitlines()) == 2


def test_an_export_holds_the_list_as_narrowed(wangge: Type, reports: dict[str, Any], tmp_path: Path) -> None:
    whole, part = tmp_path / "all.csv", tmp_path / "A.xlsx"
    wangge("report", "export", "-o", whole)
    with whole.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["id"] for row in rows} == {row["id"] for row in reports.values()}
    wangge("report", "export", "-o", part, "--area", "A")
    sheet = openpyxl.load_workbook(part).worksheets[0]
    assert sum(1 for row in sheet.iter_rows(values_only=True) if row[0] in {each["id"] for each in rows}) == 2
