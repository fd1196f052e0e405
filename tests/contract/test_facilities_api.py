"""Facilities: read by everybody, kept by the staff of their area, never overwritten unseen."""

from __future__ import annotations

from itertools import count

import pytest
from sqlalchemy import text

import data.db
from worlds import squares

pytestmark = pytest.mark.database

numbers = count(1)
#: The middle of a grid of each place, in hundredths of a degree from the corner of the town.
PLACES = {"own": (0.25, 0.125), "street": (1.25, 0.125)}


def asked(where: str = "own", **more) -> dict:
    east, north = PLACES[where]
    place = {"lon": squares.WEST + east / 100, "lat": squares.SOUTH + north / 100, "datum": "wgs84"}
    return {"id": f"N-{next(numbers)}", "name": "新饭堂", "kind": "canteen", **place, **more}


@pytest.fixture
def add(client, as_):
    return lambda body, login="street": client.post("/api/facilities", json=body, headers=as_(login))


@pytest.fixture
def change(client, as_):
    def sent(facility_id, body, version=1, login="street"):
        headers = as_(login) | {"If-Match": f'"{version}"'}
        return client.patch(f"/api/facilities/{facility_id}", json=body, headers=headers)

    return sent


@pytest.fixture
def mine(add) -> str:
    return add(asked()).json()["id"]


@pytest.mark.parametrize("login", ["street", "community"])
def test_a_facility_stands_where_its_place_says(add, client, login):
    body = asked(capacity=80, opens="Mo-Fr 11:00-13:00")
    answer = add(body, login)
    assert (answer.status_code, answer.headers["etag"]) == (201, '"1"')
    made = client.get(answer.headers["location"]).json()
    assert (made["street_code"], made["community_code"], made["grid_code"]) == ("A", "A0", "A00")
    assert (made["capacity"], made["opens"], made["status"], made["synthetic"]) == (
        80,
        "Mo-Fr 11:00-13:00",
        "open",
        False,
    )
    assert (made["lon"], made["lat"]) == (body["lon"], body["lat"])


@pytest.mark.parametrize("name", ["饭堂一号", "ÄÖ", "F_1"])
def test_an_id_in_any_script_has_an_address(add, client, name):
    """A header is latin-1 and an address ASCII: the id is quoted in both."""
    answer = add(asked(id=name))
    assert answer.status_code == 201
    assert client.get(answer.headers["location"]).json()["id"] == name


def test_the_pair_as_sent_is_kept_beside_the_place(add, town):
    body = asked(datum="gcj02", lon=squares.WEST + 0.0079, lat=squares.SOUTH + 0.0003)
    assert add(body).status_code == 201
    with data.db.transaction(town) as session:
        row = session.execute(
            text("SELECT lon_sent, lat_sent, datum_sent, ST_X(geom) AS lon FROM facility WHERE id = :id"), body
        ).one()
    assert (row.lon_sent, row.lat_sent, row.datum_sent) == (body["lon"], body["lat"], "gcj02")
    assert row.lon < body["lon"] - 0.004


@pytest.mark.parametrize(
    ("login", "where", "status"),
    [("street", "street", 403), ("community", "street", 403), ("street B", "own", 403), ("street B", "street", 201),
     ("planner", "own", 403), ("inspector", "own", 403), ("admin", "own", 403), ("nobody", "own", 401)],
)  # fmt: skip
def test_staff_open_facilities_in_their_own_area_alone(add, login, where, status):
    assert add(asked(where), login).status_code == status


def test_an_id_is_given_once(add, mine):
    answer = add(asked(id=mine))
    assert (answer.status_code, answer.json()["code"]) == (409, "facilities.id_taken")


def test_a_change_needs_the_version_it_was_made_from(change, client, mine):
    first = change(mine, {"name": "改名"})
    assert (first.status_code, first.json()["version"], first.headers["etag"]) == (200, 2, '"2"')
    late = change(mine, {"capacity": 5})
    assert (late.status_code, late.json()["code"]) == (409, "facilities.changed")
    kept = client.get(f"/api/facilities/{mine}").json()
    assert (kept["name"], kept["capacity"], kept["version"]) == ("改名", None, 2)


def test_a_change_without_a_version_is_refused(client, as_, mine):
    assert client.patch(f"/api/facilities/{mine}", json={"name": "x"}, headers=as_("street")).status_code == 422


def test_a_closed_facility_keeps_its_row(change, client, mine):
    assert change(mine, {"status": "closed"}).status_code == 200
    assert client.get(f"/api/facilities/{mine}").json()["status"] == "closed"
    listed = client.get("/api/facilities", params={"status": "open"}).json()["facilities"]
    assert mine not in [one["id"] for one in listed]


def test_nobody_changes_a_facility_of_another_street_or_gives_one_away(change, mine):
    assert change(mine, {"name": "x"}, login="street B").status_code == 403
    east, north = PLACES["street"]
    away = {"lon": squares.WEST + east / 100, "lat": squares.SOUTH + north / 100, "datum": "wgs84"}
    assert change(mine, away).status_code == 403
    assert change("none", {"name": "x"}).status_code == 404


@pytest.mark.parametrize(
    "body",
    [{}, {"name": None}, {"kind": "palace"}, {"lon": 113.2}, {"capacity": -1}, {"status": "gone"}, {"version": 9},
     {"lon": None, "lat": None, "datum": None}, {"capacity": "5"}],
)  # fmt: skip
def test_a_change_without_sense_is_refused(change, mine, body):
    assert change(mine, body).status_code == 422


def test_what_happened_is_in_the_feed_and_in_the_log_without_a_name(add, change, town, people):
    body = asked(name="很特别的名字")
    add(body)
    change(body["id"], {"status": "closed"})
    with data.db.transaction(town) as session:
        feed = session.execute(
            text("SELECT action, facts, street_code FROM change WHERE subject = :id ORDER BY id"), body
        ).all()
        log = session.execute(text("SELECT actor, action FROM audit_log WHERE subject = :id ORDER BY id"), body).all()
    assert [(row.action, row.facts["version"], row.street_code) for row in feed] == [
        ("added", 1, "A"),
        ("changed", 2, "A"),
    ]
    assert [tuple(row) for row in log] == [
        (str(people["street"]), "facility.added"),
        (str(people["street"]), "facility.changed"),
    ]
    assert "特别" not in str(feed)


def test_lists_go_by_kind_state_area_and_box_and_follow_next(client, add):
    made = sorted(add(asked(where, kind="clinic"), f"street{' B' if where == 'street' else ''}").json()["id"]
                  for where in ("own", "own", "street"))  # fmt: skip
    link, seen = "/api/facilities?kind=clinic&limit=1", []
    while link:
        page = client.get(link).json()
        seen, link = seen + [one["id"] for one in page["facilities"]], page["next"]
    assert seen == made
    ids = lambda **asked: [one["id"] for one in client.get("/api/facilities", params=asked).json()["facilities"]]  # noqa: E731
    assert ids(kind="clinic", within="B") == ids(kind="clinic", bbox=f"{squares.WEST + 0.01},23,114,24")
    assert len(ids(kind="clinic", within="A0")) == 2
    assert len(ids(kind="clinic", within="D")) == 3
    assert ids(kind="clinic", within="nowhere") == []
