"""Runs that are ordered, read, compared and handed out; those that tried a scenario by planners alone."""

from __future__ import annotations

import io
import json

import pandas as pd
import pytest
from sqlalchemy import text

import api.actions.orders
import api.worker
import data.db
import data.orders
from api.settings import Settings

pytestmark = pytest.mark.database

RUN = {"kinds": ["canteen"], "minutes": 10, "metres": 500}


@pytest.fixture
def work(town, client):
    """Do all that waits, as the worker does; how many jobs there were."""

    def done() -> int:
        settings: Settings = client.app.state.settings
        count = 0
        while api.worker.step(town, settings, [api.actions.orders.JOB]):
            count += 1
        return count

    return done


@pytest.fixture(autouse=True)
def no_orders(town):
    """Each test orders for itself."""
    yield
    with data.db.transaction(town) as session:
        session.execute(text("DELETE FROM coverage_order; DELETE FROM job"))


def ordered(client, as_, body=RUN, login="planner"):
    return client.post("/api/coverage/runs", json=body, headers=as_(login))


def test_an_order_is_kept_carried_out_and_leads_to_its_run(client, as_, planned, work):
    """The same question on the same data: the run that the town has already, figure by figure."""
    answer = ordered(client, as_)
    assert (answer.status_code, answer.json()["state"], answer.json()["progress"]) == (202, "queued", 0)
    assert work() == 1
    order = client.get(answer.headers["location"], headers=as_("planner")).json()
    assert (order["state"], order["progress"], order["error"]) == ("done", 1, None)
    assert order["started_at"]
    assert order["ended_at"]
    made, known = (
        client.get(f"{path}/areas", params={"level": "district"}).json()["areas"]
        for path in (order["run"], f"/api/coverage/runs/{planned}")
    )
    assert made == known
    assert {row["kind"] for row in made} == {"canteen"}


@pytest.mark.parametrize("at", ["2026-01-05T12:00:00", "2026-01-05"])
def test_an_order_may_be_about_an_hour_or_a_whole_day(client, as_, town, planned, work, at):
    order = client.get(ordered(client, as_, RUN | {"at": at}).headers["location"], headers=as_("planner")).json()
    assert work() == 1
    run = client.get(f"/api/coverage/orders/{order['order_id']}", headers=as_("planner")).json()["run"]
    with data.db.transaction(town) as session:
        asked = text("SELECT parameters->>'at' FROM coverage_run WHERE id = :id")
        assert session.scalar(asked, {"id": int(run.rpartition("/")[2])}) == at


def test_the_same_order_again_is_the_same_order_while_it_waits(client, as_, planned, work):
    first, again, other = (ordered(client, as_, RUN | more).json() for more in ({}, {}, {"minutes": 15}))
    assert first["order_id"] == again["order_id"] != other["order_id"]
    assert work() == 2
    assert ordered(client, as_).json()["order_id"] != first["order_id"]


def test_the_steps_of_a_run_are_told_while_it_is_carried_out(client, as_, town, planned, work, monkeypatch):
    """Five steps; at the n-th, n have been done before, as another transaction sees it."""
    number, seen = ordered(client, as_).json()["order_id"], []
    tell = api.actions.orders._tell

    def told(engine, order_id, **values):
        tell(engine, order_id, **values)
        with data.db.transaction(town) as session:
            row = data.orders.get(session, order_id)
        seen.append((row["state"], row["step"], row["steps_done"]))

    monkeypatch.setattr(api.actions.orders, "_tell", told)
    work()
    steps = ["read", "decide", "count", "manifest", "keep"]
    assert seen == [("running", None, 0), *(("running", step, at) for at, step in enumerate(steps))]
    assert client.get(f"/api/coverage/orders/{number}", headers=as_("planner")).json()["state"] == "done"


def test_more_than_three_orders_wait_for_each_other(client, as_, planned, work):
    codes = [ordered(client, as_, RUN | {"minutes": minutes}) for minutes in (11, 12, 13, 14)]
    assert [answer.status_code for answer in codes] == [202, 202, 202, 429]
    assert int(codes[3].headers["retry-after"]) > 0
    work()
    assert ordered(client, as_, RUN | {"minutes": 14}).status_code == 202


def test_an_order_that_cannot_be_done_says_why(client, as_, town, planned, work):
    """The canteen that the scenario closes is gone by the time the worker comes."""
    scenario = client.post(
        "/api/scenarios", json={"name": "zu", "changes": [{"do": "close", "id": "F-1"}]}, headers=as_("planner")
    ).json()
    number = ordered(client, as_, RUN | {"scenario": scenario["id"]}).json()["order_id"]
    with data.db.transaction(town) as session:
        session.execute(text("UPDATE facility SET status = 'closed'"))
    work()
    with data.db.transaction(town) as session:
        session.execute(text("UPDATE facility SET status = 'open'"))
    order = client.get(f"/api/coverage/orders/{number}", headers=as_("planner")).json()
    assert (order["state"], order["run"]) == ("failed", None)
    assert order["error"]["code"] == "scenarios.facility"
    assert "F-1" in order["error"]["title"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"kinds": []}, 422),
        ({"kinds": ["palace"]}, 422),
        ({"minutes": 0}, 422),
        ({"minutes": "10"}, 422),
        ({"metres": 1e9}, 422),
        ({"metres": 501}, 422),
        ({"minutes": 10.1}, 422),
        ({"profile": "bird"}, 422),
        ({"at": "2026-01-05T12:00:00+08:00"}, 422),
        ({"at": "noon"}, 422),
        ({"at": "2026-02-30"}, 422),
        ({"at": 20260105}, 422),
        ({"area": "nowhere"}, 404),
        ({"scenario": 999}, 404),
        ({"colour": "red"}, 422),
    ],
)
def test_what_cannot_be_run_is_refused_before_it_is_kept(client, as_, town, planned, body, status):
    assert ordered(client, as_, body).status_code == status
    with data.db.transaction(town) as session:
        assert session.scalar(text("SELECT count(*) FROM coverage_order")) == 0


@pytest.mark.parametrize("login", ["nobody", "inspector", "community", "street", "partner", "auditor", "admin"])
def test_only_planners_order(client, as_, planned, login):
    assert ordered(client, as_, login=login).status_code == (401 if login == "nobody" else 403)
    assert client.get("/api/coverage/orders/1", headers=as_(login)).status_code == (401 if login == "nobody" else 403)


@pytest.fixture(scope="module")
def tried(client, as_, town, planned) -> int:
    """A run that tried a scenario."""
    changes = [{"do": "close", "id": "F-1"}]
    kept = client.post("/api/scenarios", json={"name": "没有饭堂", "changes": changes}, headers=as_("planner")).json()
    answer = ordered(client, as_, RUN | {"scenario": kept["id"]})
    api.worker.step(town, client.app.state.settings, [api.actions.orders.JOB])
    return client.get(answer.headers["location"], headers=as_("planner")).json()["run_id"]


@pytest.mark.parametrize("login", ["nobody", "inspector", "community", "street", "partner", "admin"])
def test_a_run_that_tried_a_scenario_is_not_there_for_others(client, as_, tried, planned, login):
    listed = [run["run_id"] for run in client.get("/api/coverage/runs", headers=as_(login)).json()["runs"]]
    assert tried not in listed
    assert planned in listed
    for path in ("", "/areas", "/catchments", "/export", f"/compare/{planned}"):
        assert client.get(f"/api/coverage/runs/{tried}{path}", headers=as_(login)).status_code == 404


def test_a_planner_sees_it_beside_the_run_of_things_as_they_are(client, as_, tried, planned):
    """Without the canteen nobody of street A is covered: some before, hidden (none) after; class 80-100 % to 0-20 %."""
    path = f"/api/coverage/runs/{planned}/compare/{tried}"
    rows = client.get(path, params={"level": "street"}, headers=as_("planner")).json()["areas"]
    row = next(row for row in rows if row["code"] == "A" and row["verdict"] == "standard")
    assert row["covered_before"] >= 15
    assert row["covered"] is None
    assert (row["rate_high_before"], row["rate_low"]) == (1.0, 0.0)


@pytest.mark.parametrize("ending", ["csv", "xlsx", "geojson", "gpkg", "parquet"])
def test_published_figures_come_as_a_file_in_every_format(client, planned, ending):
    """What the file says of a street is what the page says."""
    answer = client.get(f"/api/coverage/runs/{planned}/export", params={"what": "areas", "format": ending})
    assert answer.status_code == 200
    assert f"coverage-{planned}-areas.{ending}" in answer.headers["content-disposition"]
    if ending == "csv":
        rows = pd.read_csv(io.BytesIO(answer.content), dtype={"code": str})
    elif ending == "xlsx":
        rows = pd.read_excel(io.BytesIO(answer.content))
    elif ending == "geojson":
        rows = pd.DataFrame([one["properties"] for one in json.loads(answer.content)["features"]])
    else:
        assert answer.content[:4] in (b"SQLi", b"PAR1")
        return
    street = client.get(f"/api/coverage/runs/{planned}/areas", params={"level": "street"}).json()["areas"]
    told = {(row["code"], row["verdict"]): row["covered"] for row in street}
    own = rows[rows["level"] == "street"]
    assert {(row.code, row.verdict): None if pd.isna(row.covered) else row.covered for row in own.itertuples()} == told
    assert rows["synthetic"].all()


def test_a_file_of_households_is_nobodys_over_http(client, as_, planned):
    for what in ("households", "catchments"):
        answer = client.get(f"/api/coverage/runs/{planned}/export", params={"what": what}, headers=as_("planner"))
        assert answer.status_code == 422


def test_catchments_carry_shares_and_no_count(client, planned):
    """The lane is straight: forty homes 102 m away are reached and drawn, so nothing is wrong about them."""
    answer = client.get(f"/api/coverage/runs/{planned}/catchments")
    assert answer.headers["content-type"] == "application/geo+json"
    (one,) = answer.json()["features"]
    assert one["geometry"]["type"] in ("Polygon", "MultiPolygon")
    assert set(one["properties"]) == {"facility_id", "kind", "metres", "false_in", "false_out", "f1", "synthetic"}
    assert (one["properties"]["facility_id"], one["properties"]["false_out"]) == ("F-1", 0.0)
