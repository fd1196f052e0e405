"""Areas over HTTP: pages in the order of the codes, one grid for every place, problems that repeat nothing."""

from __future__ import annotations

import pytest

from worlds import squares


def codes(answer) -> list[str]:
    return [area["code"] for area in answer.json()["areas"]]


def test_areas_come_by_level_in_the_order_of_their_codes(server):
    answer = server.get("/api/areas", params={"level": "community"})
    assert answer.status_code == 200
    assert codes(answer) == ["A0", "A1", "B0", "B1"]
    assert answer.json()["next"] is None


def test_following_next_gives_every_area_once(server):
    """Eight grids, three to a page: 3 + 3 + 2."""
    link, seen, pages = "/api/areas?level=grid&limit=3", [], 0
    while link:
        answer = server.get(link)
        seen, link, pages = seen + codes(answer), answer.json()["next"], pages + 1
    assert seen == sorted({"A00", "A01", "A10", "A11", "B00", "B01", "B10", "B11"})
    assert pages == 3


def test_within_a_street_there_are_only_its_own(server):
    answer = server.get("/api/areas", params={"within": "B", "level": "grid"})
    assert codes(answer) == ["B00", "B01", "B10", "B11"]


def test_a_box_finds_what_it_touches(server):
    """A box inside the south-western grid touches that grid, its community, its street and the district."""
    west, south = squares.WEST + 0.004, squares.SOUTH + 0.002
    answer = server.get("/api/areas", params={"bbox": f"{west},{south},{west + 0.001},{south + 0.001}"})
    assert codes(answer) == ["A", "A0", "A00", "D"]


def test_before_the_areas_were_in_force_there_were_none(server):
    assert codes(server.get("/api/areas", params={"as_of": "2019-12-31"})) == []


def test_an_area_comes_as_a_feature_with_its_outline(server):
    answer = server.get("/api/areas/A").json()
    assert (answer["type"], answer["id"], answer["properties"]["name"]) == ("Feature", "A", "A")
    assert answer["geometry"]["type"] == "MultiPolygon"


def test_a_place_on_a_shared_edge_has_one_grid_always_the_same(server):
    """On the border of streets A and B, and of the southern grids of each: the smallest code that touches, A00."""
    lon, lat = squares.WEST + 0.01, squares.SOUTH + 0.0025
    answers = [server.get("/api/areas/at", params={"lon": lon, "lat": lat}).json()["areas"] for _ in range(3)]
    assert answers == [{"grid": "A00", "community": "A0", "street": "A", "district": "D"}] * 3


def test_a_place_given_in_gcj02_is_found_where_it_really_is(server):
    """GCJ-02 shifts a place in Liwan some 545 m east and 298 m north: undone, 113.2003E is outside the town's west."""
    lon, lat = squares.WEST + 0.0003, squares.SOUTH + 0.005
    here = server.get("/api/areas/at", params={"lon": lon, "lat": lat}).json()["areas"]
    there = server.get("/api/areas/at", params={"lon": lon, "lat": lat, "datum": "gcj02"}).json()["areas"]
    assert here["street"] == "A"
    assert there == {}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/areas/none", 404),
        ("/api/areas?limit=0", 422),
        ("/api/areas?limit=1001", 422),
        ("/api/areas?bbox=1,2,3", 422),
        ("/api/areas?as_of=yesterday", 422),
        ("/api/areas/at?lon=nan&lat=23", 422),
        ("/api/areas/at?lon=inf&lat=23", 422),
        ("/api/areas/at?lon=113&lat=91", 422),
        ("/api/areas/at?lon=113&lat=23&datum=mars", 422),
        ("/api/areas/%3Cscript%3E", 422),
        ("/nowhere", 404),
    ],
)
def test_a_wrong_request_is_a_problem_that_repeats_nothing(server, path, status):
    answer = server.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["title"]
    assert not any(sent in answer.text for sent in ("mars", "script", "yesterday", "1001"))


def test_a_problem_speaks_the_readers_language(server):
    zh = server.get("/nowhere").json()["title"]
    en = server.get("/nowhere", headers={"Accept-Language": "en-GB,en;q=0.9"}).json()["title"]
    assert "没有" in zh
    assert "no such thing" in en


def test_every_answer_has_safe_headers_and_a_number(server):
    answers = [server.get("/api/areas/A") for _ in range(2)]
    assert {answer.headers["x-content-type-options"] for answer in answers} == {"nosniff"}
    assert "default-src 'self'" in answers[0].headers["content-security-policy"]
    assert len({answer.headers["x-request-id"] for answer in answers}) == 2
