"""What a change would do, asked while a pin is dragged: right, fresh, and no more than the asker may know."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import text

import api.kept
import data.coverage
import data.db
import data.facilities
import gis.disclosure
from contract.conftest import CANTEEN_X, FAR_X, NEAR_X, place

pytestmark = pytest.mark.database


def add(x: float, **more) -> dict:
    point = place(x)
    return {"do": "add", "kind": "canteen", "lon": point.x, "lat": point.y, **more}


@pytest.fixture
def ask(client, as_, planned):
    def asked(*changes, login="planner", **more):
        body = {"changes": list(changes), "kinds": ["canteen"], **more}
        return client.post("/api/coverage/preview", json=body, headers=as_(login))

    return asked


@pytest.fixture(scope="module")
def drawn_far(town, planned) -> int:
    """How many of the forty homes in street B count in published figures."""
    with data.db.transaction(town) as session:
        secret = data.coverage.draw_secret(session)
    return int(gis.disclosure.drawn([f"far-{n}" for n in range(40)], secret).sum())


def rows(answer, rule="standard", level="street") -> dict[str, dict]:
    assert answer.status_code == 200, answer.text
    return {row["code"]: row for row in answer.json()["areas"] if (row["verdict"], row["level"]) == (rule, level)}


def test_a_canteen_beside_them_covers_forty_elders_of_street_b(ask, drawn_far):
    """Their 40 are estimated from the drawn, moved by at most 7 and rounded to 5: at most 9.5 off drawn / 0.75."""
    found = rows(ask(add(FAR_X)))
    assert set(found) == {"B"}
    assert abs(found["B"]["gained"] - drawn_far / 0.75) <= 9.5
    assert found["B"]["lost"] is None


def test_closing_the_only_canteen_loses_street_a(ask):
    found = rows(ask({"do": "close", "id": "F-1"}))
    assert set(found) == {"A"}
    assert found["A"]["lost"] >= 20
    assert found["A"]["gained"] is None


def test_what_no_board_knows_is_decided_anew_and_says_the_same(ask):
    """A canteen with hours is not tried quickly; at no time of day asked for, hours change nothing."""
    quick, slow = (ask(add(FAR_X, **more)).json()["areas"] for more in ({}, {"opens": "24/7"}))
    key = ("level", "kind", "verdict", "code")
    assert sorted(quick, key=lambda row: [row[name] for name in key]) == sorted(
        slow, key=lambda row: [row[name] for name in key]
    )


def test_a_planner_s_pin_stands_on_the_lattice_and_staff_s_where_it_was_put(ask):
    planner, staff = ask(add(FAR_X)).json(), ask(add(FAR_X), login="street B").json()
    assert (planner["moved_to_lattice"], staff["moved_to_lattice"]) == (True, False)
    assert staff["changes"][0]["lon"] == pytest.approx(place(FAR_X).x, abs=1e-12)
    assert planner["changes"][0]["lon"] != pytest.approx(place(FAR_X).x, abs=1e-7)
    assert planner["changes"][0]["lon"] == pytest.approx(place(FAR_X).x, abs=0.0006)


@pytest.mark.parametrize("login", ["street", "community", "community A1"])
def test_staff_s_pins_stand_on_the_lattice_outside_their_area(ask, login):
    """Moved by metres, they would tell in which house of street B somebody lives."""
    point = place(FAR_X)
    path = {"do": "open_path", "lon": place(NEAR_X).x, "lat": place(NEAR_X).y, "to_lon": point.x, "to_lat": point.y}
    for change in (add(FAR_X), {"do": "move", "id": "F-1", "lon": point.x, "lat": point.y}, path):
        tried, planner = ask(change, login=login).json(), ask(change).json()
        assert tried["moved_to_lattice"]
        assert tried["changes"] == planner["changes"]


def test_a_step_that_ends_on_the_same_point_of_the_lattice_says_the_same(ask):
    one, other = (ask(add(FAR_X + step)).json()["areas"] for step in (0, 1e-6))
    assert one == other


@pytest.mark.parametrize(("login", "seen"), [("street B", 40), ("street", 0), ("community", 0), ("community A1", 0)])
def test_staff_are_told_the_households_of_their_own_area_and_no_other(ask, login, seen):
    named = ask(add(FAR_X), login=login).json()["households"]
    standard = [one for one in named if one["verdict"] == "standard"]
    assert len(standard) == seen
    assert all(one["ref"].startswith("far-") and one["change"] == "gained" for one in standard)


def test_a_planner_is_told_no_household(ask):
    answer = ask(add(FAR_X))
    assert answer.json()["households"] is None
    assert "far-" not in answer.text


@pytest.mark.parametrize("login", ["nobody", "inspector", "partner", "auditor", "admin"])
def test_nobody_else_tries_changes(ask, login):
    assert ask(add(FAR_X), login=login).status_code == (401 if login == "nobody" else 403)


def test_no_answer_comes_from_data_that_have_changed_since(ask, town):
    """While a canteen really stands there another one gains nothing; when it is gone again it does."""
    assert rows(ask(add(FAR_X)))
    with data.db.transaction(town) as session:
        session.execute(text("INSERT INTO facility (id, name, kind, geom, synthetic, street_code)"
                             " SELECT 'F-2', '', 'canteen', ST_SetSRID(ST_MakePoint(:x, :y), 4326), true, 'B'"),
                        {"x": place(FAR_X).x, "y": place(FAR_X).y})  # fmt: skip
    assert rows(ask(add(FAR_X))) == {}
    with data.db.transaction(town) as session:
        session.execute(text("DELETE FROM facility WHERE id = 'F-2'"))
    assert set(rows(ask(add(FAR_X)))) == {"B"}


def test_the_policy_rule_is_tried_as_soon_as_a_clause_is_quoted(ask, town):
    assert rows(ask(add(FAR_X)), "policy") == {}
    with data.db.transaction(town) as session:
        data.facilities.set_policy(session, "canteen", radius_m=300.0, source="a clause of the test")
    try:
        assert set(rows(ask(add(FAR_X)), "policy")) == {"B"}
        assert set(rows(ask({"do": "move", "id": "F-1", "lon": place(FAR_X).x, "lat": place(FAR_X).y}), "policy")) == {
            "A",
            "B",
        }
    finally:
        with data.db.transaction(town) as session:
            data.facilities.set_policy(session, "canteen", radius_m=None, source=None)


def test_who_comes_too_early_is_asked_to_come_again(ask, town, monkeypatch):
    """The data have changed, and nobody waits: 503 with Retry-After, and soon the answer."""
    with data.db.transaction(town) as session:
        session.execute(text("UPDATE facility SET capacity = 61 WHERE id = 'F-1'"))
    gate, read = threading.Event(), api.kept.Kept._read

    def held(self, version):
        gate.wait(10)
        return read(self, version)

    monkeypatch.setattr(api.kept.Kept, "_read", held)
    monkeypatch.setattr(api.kept, "WAIT_S", 0.01)
    early = ask(add(FAR_X))
    assert (early.status_code, early.json()["code"]) == (503, "preview.preparing")
    assert int(early.headers["retry-after"]) > 0
    gate.set()
    monkeypatch.setattr(api.kept, "WAIT_S", 10.0)
    assert ask(add(FAR_X)).status_code == 200


def test_many_at_once_get_the_answers_they_would_get_alone(ask):
    """Twelve threads move pins over one board; each answer is the one it got before."""
    spots = [CANTEEN_X + at / 10 for at in range(12)]
    alone = [ask(add(x)).json()["areas"] for x in spots]
    found: dict[int, list] = {}
    threads = [
        threading.Thread(target=lambda at=at, x=x: found.update({at: ask(add(x)).json()["areas"]}))
        for at, x in enumerate(spots)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[at] for at in range(12)] == alone


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"do": "add", "kind": "canteen", "lon": 113.2}, 422),
        ({"do": "add", "kind": "palace", "lon": 113.2, "lat": 23.1}, 422),
        ({"do": "add", "kind": "canteen", "lon": 113.2, "lat": 23.1, "datum": "mars"}, 422),
        ({"do": "close", "id": "nowhere"}, 404),
        ({"do": "move", "id": "nowhere", "lon": 113.2, "lat": 23.1}, 404),
        ({"do": "burn", "id": "F-1"}, 422),
        ({"do": "speed", "profile": "bird", "m_s": 1.0}, 422),
        ({"do": "speed", "profile": "walker", "m_s": 0}, 422),
        ({"do": "close_path", "edge": 10**6}, 404),
        ({"do": "open_path", "lon": 10.0, "lat": 10.0, "to_lon": 10.0, "to_lat": 10.1}, 422),
    ],
)
def test_a_change_that_cannot_be_made_is_refused(ask, change, status):
    assert ask(change).status_code == status


def test_what_would_stand_where_nobody_walks_is_said(ask):
    answer = ask({"do": "add", "kind": "canteen", "lon": 113.205, "lat": 23.1088}).json()
    assert answer["off_network"] == ["new-1"]
    assert answer["areas"] == []


def test_a_place_in_gcj02_is_tried_where_it_really_is(ask):
    """Moved on by 545 m, the pin beside the forty homes stands too far west of them when it was given in GCJ-02."""
    assert rows(ask(add(FAR_X, datum="gcj02"))) != rows(ask(add(FAR_X)))
