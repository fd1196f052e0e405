"""Scenarios: what planners think about, kept under a name, for planners alone."""

from __future__ import annotations

import pytest
from sqlalchemy import text

import data.db
from contract.conftest import FAR_X, place

pytestmark = pytest.mark.database


@pytest.fixture
def keep(client, as_, planned):
    def kept(name, *changes, login="planner"):
        body = {"name": name, "changes": list(changes)}
        return client.post("/api/scenarios", json=body, headers=as_(login))

    return kept


CLOSE = {"do": "close", "id": "F-1"}


def test_a_scenario_is_kept_listed_and_removed(client, as_, keep):
    made = keep("一", CLOSE)
    assert made.status_code == 201
    kept = client.get(made.headers["location"], headers=as_("planner")).json()
    assert (kept["name"], kept["changes"]) == ("一", [CLOSE])
    assert kept["id"] in [one["id"] for one in client.get("/api/scenarios", headers=as_("planner")).json()["scenarios"]]
    assert client.delete(made.headers["location"], headers=as_("planner")).status_code == 204
    assert client.get(made.headers["location"], headers=as_("planner")).status_code == 404
    assert client.delete(made.headers["location"], headers=as_("planner")).status_code == 404


def test_a_name_is_taken_once(client, as_, keep):
    first = keep("二", CLOSE)
    again = keep("二", CLOSE)
    assert (again.status_code, again.json()["code"]) == (409, "scenario.taken")
    client.delete(first.headers["location"], headers=as_("planner"))


def test_its_places_stand_on_the_lattice_in_wgs84(keep):
    point = place(FAR_X)
    new = {"do": "add", "kind": "canteen", "lon": point.x, "lat": point.y}
    (here,), (there,) = (keep(name, change).json()["changes"] for name, change in
                         (("三", new), ("四", new | {"datum": "gcj02"})))  # fmt: skip
    assert here["lon"] == pytest.approx(point.x, abs=0.0006)
    assert here["lon"] - there["lon"] == pytest.approx(0.0053, abs=0.0015)
    assert "datum" not in here


@pytest.mark.parametrize("login", ["nobody", "inspector", "community", "street", "partner", "auditor", "admin"])
def test_nobody_else_knows_of_them(client, as_, keep, login):
    status = 401 if login == "nobody" else 403
    assert keep("五", CLOSE, login=login).status_code == status
    for method, path in (("GET", ""), ("GET", "/1"), ("DELETE", "/1")):
        assert client.request(method, f"/api/scenarios{path}", headers=as_(login)).status_code == status


@pytest.mark.parametrize("body", [{"name": "", "changes": [CLOSE]}, {"name": "x", "changes": []}, {"name": "x"},
                                  {"name": "   ", "changes": [CLOSE]}, {"name": "x", "changes": [{"do": "close"}]},
                                  {"name": "x", "changes": [CLOSE] * 51}])  # fmt: skip
def test_a_scenario_without_sense_is_refused(client, as_, planned, body):
    assert client.post("/api/scenarios", json=body, headers=as_("planner")).status_code == 422


def test_the_log_says_who_kept_and_removed_one(client, as_, keep, town, people):
    made = keep("六", CLOSE)
    client.delete(made.headers["location"], headers=as_("planner"))
    with data.db.transaction(town) as session:
        rows = session.execute(
            text("SELECT actor, action FROM audit_log WHERE subject = :id AND action LIKE 'scenario.%' ORDER BY id"),
            {"id": str(made.json()["id"])},
        ).all()
    me = str(people["planner"])
    assert [tuple(row) for row in rows] == [(me, "scenario.add"), (me, "scenario.remove")]
