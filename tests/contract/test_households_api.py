"""Households: the staff of their area read them, and are told why each has its verdict."""

from __future__ import annotations

import pytest
from sqlalchemy import text

import data.db

pytestmark = pytest.mark.database


@pytest.fixture(scope="module")
def numbers(town, planned) -> dict[str, int]:
    """The number of each household by its ref."""
    with data.db.transaction(town) as session:
        return dict(session.execute(text("SELECT ref, id FROM household")).all())


@pytest.mark.parametrize(
    ("login", "seen"),
    [("inspector", "near"), ("community", "near"), ("street", "near"), ("inspector B00", "far"), ("street B", "far"),
     ("inspector A01", ""), ("community A1", "")],
)  # fmt: skip
def test_each_reads_the_forty_households_of_her_own_area(client, as_, numbers, login, seen):
    link, refs = "/api/households?limit=15", []
    while link:
        page = client.get(link, headers=as_(login)).json()
        refs, link = refs + [one["ref"] for one in page["households"]], page["next"]
    assert sorted(refs) == sorted(ref for ref in numbers if seen and ref.startswith(seen))


@pytest.mark.parametrize("login", ["nobody", "planner", "partner", "auditor", "admin"])
def test_nobody_else_reads_any(client, as_, numbers, login):
    for path in ("", f"/{numbers['near-1']}", f"/{numbers['near-1']}/coverage?kind=canteen"):
        answer = client.get(f"/api/households{path}", headers=as_(login))
        assert answer.status_code == (401 if login == "nobody" else 403)


@pytest.mark.parametrize("path", ["", "/coverage?kind=canteen"])
def test_what_is_not_ones_own_is_as_if_it_were_not_there(client, as_, numbers, path):
    absent = client.get(f"/api/households/999999{path}", headers=as_("street"))
    foreign = client.get(f"/api/households/{numbers['far-1']}{path}", headers=as_("street"))
    assert (absent.status_code, foreign.status_code) == (404, 404)
    assert absent.json() == foreign.json()


def test_an_area_narrows_the_list_and_never_widens_it(client, as_, numbers):
    count = lambda within: len(  # noqa: E731
        client.get("/api/households", params={"within": within}, headers=as_("street")).json()["households"]
    )
    assert (count("A0"), count("A00"), count("A1"), count("B"), count("D")) == (40, 40, 0, 0, 40)


def test_a_covered_household_is_told_its_walk(client, as_, numbers):
    """0.1 hundredths of a degree east along the lane: 102 m of it, and no leg to speak of."""
    path = f"/api/households/{numbers['near-1']}/coverage"
    told = client.get(path, params={"kind": "canteen"}, headers=as_("inspector")).json()
    assert told["verdicts"] == {"standard": "covered", "personal": "covered"}
    (walk,) = told["walks"]
    assert walk["facility_id"] == "F-1"
    assert walk["metres"] == pytest.approx(102, abs=1)
    assert sum(walk["seconds"].values()) == pytest.approx(walk["total_s"])
    (line,) = told["lines"]
    assert line["geometry"]["type"] == "LineString"
    assert line["properties"] == {"facility_id": "F-1", "rank": 1}


def test_an_uncovered_household_is_told_by_how_much(client, as_, numbers):
    """1.3 hundredths of a degree are 1,332 m: within three times 600 s at her pace or not, it is no canteen of hers."""
    path = f"/api/households/{numbers['far-1']}/coverage"
    told = client.get(path, params={"kind": "canteen"}, headers=as_("inspector B00")).json()
    assert told["verdicts"]["standard"] == "uncovered"
    assert told["verdicts"]["personal"] == "uncovered"
    assert told["margin_s"] < 0
    assert told["cause"] == "too_far"


def test_a_kind_that_is_none_is_refused(client, as_, numbers):
    path = f"/api/households/{numbers['near-1']}/coverage"
    assert client.get(path, params={"kind": "palace"}, headers=as_("street")).status_code == 422
    assert client.get(path, headers=as_("street")).status_code == 422
