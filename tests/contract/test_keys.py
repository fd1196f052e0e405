"""Keys of other systems: shown once, good for what they were made for, and good for nothing once revoked."""

from __future__ import annotations

import pytest
from sqlalchemy import text

import data.db
from contract.people import bearer, key_of

pytestmark = pytest.mark.database

LATER = "2099-01-01T00:00:00Z"


def make(client, as_, user_id, **more):
    body = {"user_id": user_id, "name": "city hall", "scopes": ["open311"], "expires_at": LATER} | more
    return client.post("/api/keys", headers=as_("admin"), json=body)


def test_a_key_is_shown_once_opens_at_once_and_is_closed_at_once(client, as_, people):
    given = make(client, as_, people["partner"])
    assert (given.status_code, given.headers["cache-control"]) == (201, "no-store")
    key = given.json()["key"]
    mine = client.get("/api/me", headers=bearer(key)).json()
    assert (mine["login"], mine["role"], mine["scopes"], mine["areas"]) == ("partner", "partner", ["open311"], ["A"])
    listed = client.get("/api/keys", headers=as_("admin"))
    assert key.split("_")[1] in listed.text
    assert key not in listed.text
    assert client.delete(f"/api/keys/{given.json()['id']}", headers=as_("admin")).status_code == 204
    assert client.get("/api/me", headers=bearer(key)).status_code == 401
    again = client.delete(f"/api/keys/{given.json()['id']}", headers=as_("admin"))
    assert (again.status_code, again.json()["code"]) == (404, "keys.absent")


@pytest.mark.parametrize(
    ("change", "back"),
    [
        ("UPDATE app_user SET active = false WHERE id = :id", "UPDATE app_user SET active = true WHERE id = :id"),
        ("UPDATE api_key SET expires_at = now() WHERE user_id = :id",
         "UPDATE api_key SET expires_at = 'infinity' WHERE user_id = :id"),
        ("UPDATE assignment SET valid_to = current_date WHERE user_id = :id",
         "UPDATE assignment SET valid_to = NULL WHERE user_id = :id"),
    ],
)  # fmt: skip
def test_the_key_of_a_closed_account_an_expired_one_and_one_without_an_area_open_nothing(
    client, town, people, change, back
):
    headers = bearer(key_of("partner B"))
    assert client.get("/api/me", headers=headers).status_code == 200
    with data.db.transaction(town) as session:
        session.execute(text(change), {"id": people["partner B"]})
    assert client.get("/api/me", headers=headers).status_code == 401
    with data.db.transaction(town) as session:
        session.execute(text(back), {"id": people["partner B"]})
    assert client.get("/api/me", headers=headers).status_code == 200


def test_a_key_with_the_right_prefix_and_a_wrong_secret_opens_nothing(client):
    assert client.get("/api/me", headers=bearer(key_of("partner")[:-1] + "x")).status_code == 401


@pytest.mark.parametrize(
    ("login", "more", "status", "code"),
    [
        ("planner", {}, 409, "keys.no_partner"),
        ("partner", {"scopes": ["everything"]}, 422, "keys.unknown"),
        ("partner", {"fields": ["phone"]}, 422, "keys.unknown"),
        ("partner", {"scopes": []}, 422, "http.malformed"),
        ("partner", {"expires_at": "2099-01-01T00:00:00"}, 422, "http.malformed"),
        ("partner", {"expires_at": "2020-01-01T00:00:00Z"}, 422, "keys.past"),
    ],
)
def test_a_key_that_cannot_be_right_is_refused(client, as_, people, login, more, status, code):
    answer = make(client, as_, people[login], **more)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_what_the_key_names_is_known_to_the_database_while_it_is_used_and_to_nobody_else(town, people):
    """`my_fields` is for the policies and views of partners."""
    asked = "SELECT wangge_private.my_fields()"
    with data.db.undecided(town) as session:
        key_id = session.scalar(
            text("UPDATE api_key SET fields = '{text}' WHERE user_id = :id RETURNING id"), {"id": people["partner"]}
        )
        settings = text("SELECT set_config('wangge.user_id', :me, true), set_config('wangge.key_id', :key, true)")
        for me, key, fields in ((people["partner"], key_id, ["text"]), (people["partner B"], key_id, []),
                                (people["partner"], "", [])):  # fmt: skip
            session.execute(settings, {"me": str(me), "key": str(key)})
            assert session.scalar(text(asked)) == fields
