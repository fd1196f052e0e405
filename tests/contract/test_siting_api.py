"""Where to open more of a kind: the plan, its certificate, and nothing about a few people."""

from __future__ import annotations

import pytest

import api.actions.orders
import api.worker
from contract.conftest import FAR_X, NEAR_X, place

pytestmark = pytest.mark.database


def room(id_: str, x: float, **more) -> dict:
    point = place(x)
    return {"id": id_, "lon": point.x, "lat": point.y, **more}


ROOMS = [room("near", NEAR_X), room("far", FAR_X), room("nowhere", 1.2)]


@pytest.fixture
def ask(client, as_, planned):
    def asked(login="planner", **body):
        return client.post("/api/siting", json={"kind": "canteen", **body}, headers=as_(login))

    return asked


def test_one_more_canteen_goes_where_nobody_is_covered_yet(ask):
    """Street A has one; the room beside the forty homes of street B covers them all, and no plan can cover more."""
    answer = ask(sites=1, candidates=ROOMS)
    assert answer.status_code == 200, answer.text
    plan = answer.json()
    assert [one["id"] for one in plan["opened"]] == ["far"]
    assert (plan["proven"], plan["gap"]) == (True, 0)
    assert [row["code"] for row in plan["streets"]] == ["B"]
    assert plan["streets"][0]["gained"] >= 20
    assert plan["streets"][0]["lost"] is None
    assert plan["covered"] > plan["covered_before"]
    assert plan["moved_to_lattice"]


def test_a_budget_that_buys_no_useful_room_opens_none(ask):
    dear = [room("near", NEAR_X, cost=1.0), room("far", FAR_X, cost=50.0)]
    poor, rich = (ask(sites=2, candidates=dear, budget=budget).json() for budget in (10.0, 60.0))
    assert "far" not in [one["id"] for one in poor["opened"]]
    assert "far" in [one["id"] for one in rich["opened"]]


def test_no_answer_holds_a_count_of_one_to_ten(ask):
    text = ask(sites=2, candidates=ROOMS).json()
    counts = [text["elders"], text["covered"], text["covered_before"]]
    counts += [row[name] for row in text["streets"] for name in ("gained", "lost")]
    counts += [one["covered"] for one in text["alternatives"]]
    assert all(count is None or (count > 10 and count % 5 == 0) for count in counts)


def test_what_takes_longer_is_ordered_and_carried_out(client, as_, ask, town):
    answer = ask(sites=21, candidates=ROOMS)
    assert answer.status_code == 202
    assert ask(sites=21, candidates=ROOMS).json()["order_id"] == answer.json()["order_id"]
    assert api.worker.step(town, client.app.state.settings, [api.actions.orders.JOB])
    order = client.get(answer.headers["location"], headers=as_("planner")).json()
    assert (order["state"], order["progress"], order["run"]) == ("done", 1, None)
    assert order["answer"]["candidates"] == 3
    assert "far" in [one["id"] for one in order["answer"]["opened"]]


@pytest.mark.parametrize("login", ["nobody", "inspector", "community", "street", "partner", "auditor", "admin"])
def test_only_planners_ask(ask, login):
    assert ask(login, candidates=ROOMS).status_code == (401 if login == "nobody" else 403)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"kind": "palace", "candidates": ROOMS}, 422),
        ({"method": "magic", "candidates": ROOMS}, 422),
        ({"sites": -1, "candidates": ROOMS}, 422),
        ({"candidates": []}, 422),
        ({"candidates": [room("F-1", 1.0)]}, 422),
        ({"candidates": [room("one", 1.0), room("one", 1.1)]}, 422),
        ({"kind": "palace"}, 422),
    ],
)
def test_a_question_without_sense_is_refused(ask, body, status):
    assert ask(**body).status_code == status
