"""Scenarios are kept whole, under one name each, by planners alone."""

from __future__ import annotations

import geopandas as gpd
import pytest
import shapely
from sqlalchemy import text

import api.actions.coverage
import data.coverage
import data.db
import data.scenarios
import gis.scenarios
from gis.errors import Conflict, NotFound
from gis.scenarios import Add, Close, ClosePath, Hours, Move, OpenPath, Resize, Speed

pytestmark = pytest.mark.database

#: One of every sort, with what is easily lost on the way: no value, quotes, Chinese, all digits of a number.
CHANGES = [
    Add("new-1", "canteen", 113.2305000001, 23.1102, 80),
    Add("new-2", "clinic", 113.23, 23.11, None, "Mo-Fr 08:00-12:00", "to_home"),
    Close("长者'饭堂\"1"), Move("f2", 113.24, 23.12), Resize("f2", 0), Hours("f3", "24/7"), ClosePath(17),
    OpenPath(113.23, 23.11, 113.231, 23.111, 12, "no"), Speed("walker", 0.5),
]  # fmt: skip
PLAIN = [gis.scenarios.to_dict(change) for change in CHANGES]
NET = """INSERT INTO walknet (sha256, srid, nodes, edges, metres, stats, synthetic)
    VALUES ('', 4547, 0, 0, 0, '{}', true) RETURNING id"""


def test_every_sort_of_change_comes_back_as_it_went(session: data.db.Session) -> None:
    number = data.scenarios.add(session, name="一", changes=PLAIN, walknet_id=session.scalar(text(NET)))
    kept = data.scenarios.get(session, number)
    assert [gis.scenarios.from_dict(change) for change in kept["changes"]] == CHANGES
    assert kept["name"] == "一"
    assert kept["created_at"].tzinfo is not None


def test_a_name_is_taken_once_and_free_again_after_removal(session: data.db.Session) -> None:
    first = data.scenarios.add(session, name="one", changes=PLAIN[:1])
    with pytest.raises(Conflict, match=r"scenario\.taken"):
        data.scenarios.add(session, name="one", changes=PLAIN[1:2])
    data.scenarios.remove(session, first)
    second = data.scenarios.add(session, name="one", changes=PLAIN[1:2])
    assert [one["id"] for one in data.scenarios.search(session)] == [second]


def test_scenarios_are_listed_with_the_newest_first(session: data.db.Session) -> None:
    numbers = [data.scenarios.add(session, name=name, changes=PLAIN[:1]) for name in ("b", "a", "c")]
    assert [one["id"] for one in data.scenarios.search(session)] == numbers[::-1]


def test_what_is_not_there_is_said(session: data.db.Session) -> None:
    for verb in (data.scenarios.get, data.scenarios.remove):
        with pytest.raises(NotFound, match=r"scenario\.absent"):
            verb(session, 999)


@pytest.mark.parametrize("values", ["'', '[{}]'", "'x', '[]'", "'x', '{}'"])
def test_the_database_keeps_no_scenario_without_name_or_changes(session: data.db.Session, values: str) -> None:
    with pytest.raises(Exception, match=r"scenario_(name|changes)_check"):
        session.execute(text(f"INSERT INTO scenario (name, changes) VALUES ({values})"))


@pytest.mark.parametrize("role", ["public", "inspector", "community", "street", "partner", "auditor", "admin"])
def test_nobody_but_a_planner_sees_what_is_being_thought_about(session: data.db.Session, role: str) -> None:
    for command in ("SELECT", "INSERT", "UPDATE"):
        asked = text("SELECT has_any_column_privilege(:role, 'scenario', :command)")
        assert not session.scalar(asked, {"role": f"wangge_{role}", "command": command})
    assert not session.scalar(text(f"SELECT has_table_privilege('wangge_{role}', 'scenario', 'DELETE')"))


def test_a_planner_keeps_and_reads_scenarios_and_alters_none(session: data.db.Session) -> None:
    """Through the same verbs as everybody: the grants cover all that they touch."""
    session.execute(text("SET LOCAL ROLE wangge_planner"))
    number = data.scenarios.add(session, name="mine", changes=PLAIN[:1])
    assert data.scenarios.get(session, number)["name"] == "mine"
    for command in ("UPDATE", "TRUNCATE"):
        assert not session.scalar(text(f"SELECT has_table_privilege('scenario', '{command}')"))
    data.scenarios.remove(session, number)
    assert data.scenarios.search(session) == []


RUN = """INSERT INTO coverage_run
    (kinds, parameters, manifest, inputs_sha256, seconds, totals, walknet_id, as_of, synthetic)
    VALUES ('{}', :parameters, '{}', '', '{}', '{}', :net, '2020-01-01', true) RETURNING id"""


def test_runs_of_things_as_they_are_can_be_told_from_those_that_tried_a_scenario(session: data.db.Session) -> None:
    net = session.scalar(text(NET))
    plain, tried = (
        session.scalar(text(RUN), {"parameters": parameters, "net": net})
        for parameters in ('{"minutes": 10}', '{"scenario": {"id": 1}}')
    )
    numbers = lambda tried: [run["run_id"] for run in data.coverage.search(session, tried=tried)]  # noqa: E731
    assert (numbers(None), numbers(False), numbers(True)) == ([tried, plain], [plain], [tried])
    with pytest.raises(NotFound, match=r"coverage\.absent"):
        data.coverage.get(session, tried, tried=False)


def test_own_and_outside_facilities_are_told_apart_by_the_same_rule_where_they_stand():
    """D is 2 x 2 and its only street the western half: `mid` stands in D and in no street, `off` beyond the border,
    `in` in the street; a new one joins them at the place of `mid`."""
    areas = gpd.GeoDataFrame(
        {"code": ["D", "A"], "parent_code": ["", "D"], "level": ["district", "street"], "grid_kind": None},
        geometry=[shapely.box(113, 23, 113.02, 23.02), shapely.box(113, 23, 113.01, 23.02)], crs=4326,
    )  # fmt: skip
    facilities = gpd.GeoDataFrame(
        {"id": ["in", "mid", "off"], "name": "", "kind": "clinic", "status": "open",
         "capacity": None, "delivery_mode": "one_stop", "street_code": ["A", "", ""]},
        geometry=gpd.points_from_xy([113.005, 113.015, 113.05], [23.01] * 3), crs=4326,
    )  # fmt: skip
    added = gis.scenarios.parse_add("clinic@113.015,23.01", "new-1")
    found = api.actions.coverage.changed(facilities, [added], areas=areas).set_index("id")
    assert found["outside"].to_dict() == {"in": False, "mid": False, "off": True, "new-1": False}
    assert found["street_code"].fillna("").to_dict() == {"in": "A", "mid": "", "off": "", "new-1": ""}
    streets = api.actions.coverage.changed(facilities, [added], areas=areas[1:])
    assert streets["street_code"].fillna("").tolist() == ["A", "", "", ""]
