"""Coverage over HTTP: published figures only, worked by hand for the small town."""

from __future__ import annotations

import pytest
from sqlalchemy import text

import api.actions.coverage
import data.coverage
import data.db
from api.actions.coverage import Question
from contract.conftest import TODAY
from worlds.drawn import drawn, figure


def test_the_run_says_what_it_was_asked_and_of_what_data(server, run_id):
    run = server.get(f"/api/coverage/runs/{run_id}").json()
    assert run["kinds"] == ["canteen"]
    assert (run["parameters"]["minutes"], run["parameters"]["metres"]) == (10.0, 500.0)
    assert (run["data_date"], run["synthetic"]) == ("2025-12-31", True)
    assert set(run["manifest"]) >= {"network", "facilities", "households", "areas", "parameters", "code"}
    assert "totals" not in run


def test_the_newest_run_comes_first(server, run_id):
    listed = server.get("/api/coverage/runs").json()
    assert [run["run_id"] for run in listed["runs"]] == [run_id]
    assert listed["next"] is None


def test_the_figures_of_the_streets_are_those_worked_by_hand(server, run_id):
    """The canteen lies at 0.5 of a hundredth of a degree, 512 m from the western border. Street A: forty elders 102 m
    from it, all covered. Street B: forty elders 1,332 m away, none. Of each street the drawn are counted one by one;
    the class of 0 % is 0-20 %, that of 100 % is 80-100 %."""
    answer = server.get(f"/api/coverage/runs/{run_id}/areas", params={"level": "street"}).json()
    rows = {(row["code"], row["verdict"]): row for row in answer["areas"]}
    assert len(rows) == 4
    for rule in ("standard", "personal"):
        for code, name, home, low in (("A", "covered", "near", 0.8), ("B", "uncovered", "far", 0.0)):
            row, count = rows[code, rule], sum(drawn(f"{home}-{n}") for n in range(40))
            assert row["elders"] == row[name] == figure(code, count)
            assert (row["rate_low"], row["rate_high"]) == (low, pytest.approx(low + 0.2))
            assert [row[other] for other in {"covered", "uncovered", "unknown"} - {name}] == [None, None]


def test_counts_of_one_to_ten_are_nowhere(server, run_id):
    for level in ("district", "street", "community", "grid"):
        rows = server.get(f"/api/coverage/runs/{run_id}/areas", params={"level": level}).json()["areas"]
        counts = [row[name] for row in rows for name in ("elders", "covered", "uncovered", "unknown")]
        assert all(count is None or (count >= 10 and count % 5 == 0) for count in counts)


def test_how_many_live_outside_of_all_areas_is_exact_and_so_for_the_owner_alone(database_url, run_id):
    """One household, in the Gulf of Guinea."""
    engine = data.db.engine(database_url)
    with data.db.undecided(engine) as session:
        session.execute(
            text("""INSERT INTO household (ref, elders, synthetic, geom)
                    VALUES ('far out', 1, true, ST_SetSRID(ST_MakePoint(0, 0), 4326))""")
        )
        told = api.actions.coverage.run(session, Question(("canteen",)), today=TODAY)
        public = data.coverage.get(session, told["run_id"])
    engine.dispose()
    assert told["left_out"] == 1
    assert "left_out" not in public["parameters"]


def test_a_run_that_is_not_there_is_not_found(server):
    for path in ("/api/coverage/runs/999", "/api/coverage/runs/999/areas"):
        assert server.get(path).status_code == 404


def test_no_exact_count_and_no_household_leaves_by_any_public_door(server, run_id):
    """Who has no name reads no household, and no page that she may read speaks of one."""
    assert server.get("/openapi.json").json()["openapi"].startswith("3.1")
    assert server.get("/api/households").status_code == 401
    for path in ("/", f"/api/coverage/runs/{run_id}", f"/api/coverage/runs/{run_id}/areas?level=grid"):
        assert "near-1" not in server.get(path).text


def test_the_first_page_is_the_map_of_the_newest_run(server):
    page = server.get("/")
    assert page.status_code == 200
    assert "合成数据" in page.text
    assert "© 合成小镇" in page.text
    assert "https://" not in page.text


def test_alive_and_ready_are_two_questions(server):
    assert server.get("/healthz").json() == {"status": "ok"}
    assert server.get("/readyz").json() == {"status": "ready", "queue": "ok"}
