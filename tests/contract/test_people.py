"""Accounts, rights and the log over HTTP: what an administrator may, and what she may not."""

from __future__ import annotations

import pytest
from sqlalchemy import text

import data.db
from contract.people import bearer

pytestmark = pytest.mark.database

PASSWORD, HERS = "seven grey herons", "eleven white egrets"


def made(client, as_, login: str, **more) -> int:
    answer = client.post("/api/users", headers=as_("admin"), json={"login": login, "name": login} | more)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def assigned(client, as_, user_id: int, role: str, area: str, **more) -> int:
    body = {"role": role, "area_code": area} | more
    answer = client.post(f"/api/users/{user_id}/assignments", headers=as_("admin"), json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def logged_in(client, login: str, password: str = PASSWORD) -> dict[str, str]:
    answer = client.post("/api/token", data={"grant_type": "password", "username": login, "password": password})
    return bearer(answer.json()["access_token"])


def test_whoever_is_given_an_account_and_a_role_can_log_in_and_loses_both_with_the_next_request(client, as_):
    mei = made(client, as_, "mei", password=PASSWORD, area_code="A0")
    duty = assigned(client, as_, mei, "inspector", "A00", duty="网格员")
    client.post("/api/token/password", data={"username": "mei", "password": PASSWORD, "new_password": HERS})
    confirmed = client.post(f"/api/confirmations/assignment/{duty}/confirm", headers=as_("community"))
    assert confirmed.status_code == 204
    headers = logged_in(client, "mei", HERS)
    assert client.get("/api/me", headers=headers).json()["areas"] == ["A00"]
    ended = client.patch(f"/api/users/{mei}/assignments/{duty}", headers=as_("admin"), json={})
    assert ended.status_code == 204
    assert client.get("/api/me", headers=headers).status_code == 401


def test_the_list_says_where_everybody_belongs_and_what_she_does_and_never_a_digest(client, as_):
    chen = made(client, as_, "chen", password=PASSWORD, area_code="A0")
    assigned(client, as_, chen, "community", "A0", valid_from="2026-01-01")
    answer = client.get("/api/users", headers=as_("admin"), params={"after": chen - 1, "limit": 1})
    (user,) = answer.json()["users"]
    assert (user["street_code"], user["community_code"], user["grid_code"]) == ("A", "A0", None)
    assert [(one["role"], one["area_code"], one["valid_to"]) for one in user["assignments"]] == [
        ("community", "A0", None)
    ]
    assert "hash" not in answer.text
    assert "argon2" not in answer.text


def test_the_pages_of_the_list_join_up(client, as_):
    whole = [user["id"] for user in client.get("/api/users", headers=as_("admin")).json()["users"]]
    pages, link = [], "/api/users?limit=4"
    while link:
        page = client.get(link, headers=as_("admin")).json()
        pages += [user["id"] for user in page["users"]]
        link = page["next"]
    assert pages == whole == sorted(set(whole))


def test_closing_an_account_a_new_password_and_a_lost_phone_log_out(client, as_):
    lan = made(client, as_, "lan", password=PASSWORD)
    assigned(client, as_, lan, "planner", "D")
    for change in ({"active": False}, {"active": True, "password": PASSWORD}, {"name": "兰"}):
        client.patch(f"/api/users/{lan}", headers=as_("admin"), json={"active": True})
        headers = logged_in(client, "lan")
        assert client.patch(f"/api/users/{lan}", headers=as_("admin"), json=change).status_code == 204
        assert client.get("/api/me", headers=headers).status_code == (200 if "name" in change else 401)
    assert client.delete(f"/api/users/{lan}/sessions", headers=as_("admin")).json() == {"sessions": 1}
    assert client.get("/api/me", headers=headers).status_code == 401


def test_an_administrator_gives_herself_nothing(client, as_, people):
    body = {"role": "street", "area_code": "A"}
    answer = client.post(f"/api/users/{people['admin']}/assignments", headers=as_("admin"), json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "users.self")


def test_the_database_itself_refuses_an_administrator_who_gives_herself_a_right(town, people):
    with data.db.undecided(town) as session:
        session.execute(
            text("SELECT set_config('role', 'wangge_admin', true), set_config('wangge.user_id', :me, true)"),
            {"me": str(people["admin"])},
        )
        with pytest.raises(Exception, match="row-level security"):
            session.execute(text("""INSERT INTO api_key (user_id, name, prefix, secret_hash, scopes, fields, expires_at)
                VALUES (:me, '', 'mine', '', '{}', '{}', now())"""), {"me": people["admin"]})  # fmt: skip


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"role": "inspector", "area_code": "A0"}, 422, "users.level"),
        ({"role": "street", "area_code": "nowhere"}, 404, "areas.absent"),
        ({"role": "owner", "area_code": "A"}, 422, "http.malformed"),
        ({"role": "street"}, 422, "http.malformed"),
        ({"role": "street", "area_code": "A", "user_id": 1}, 422, "http.malformed"),
    ],
)
def test_an_assignment_that_cannot_be_right_is_refused(client, as_, people, body, status, code):
    answer = client.post(f"/api/users/{people['planner']}/assignments", headers=as_("admin"), json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_an_assignment_is_ended_under_its_own_account_only(client, as_, people):
    wu = made(client, as_, "wu")
    duty = assigned(client, as_, wu, "planner", "D")
    wrong = client.patch(f"/api/users/{people['planner']}/assignments/{duty}", headers=as_("admin"), json={})
    assert (wrong.status_code, wrong.json()["code"]) == (404, "users.no_assignment")


@pytest.mark.parametrize("password", ["tiny one", "wangxiaoming2026"])
def test_a_password_that_is_too_short_or_holds_the_login_is_refused_and_not_repeated(client, as_, password):
    body = {"login": "wangxiaoming", "name": "x", "password": password}
    answer = client.post("/api/users", headers=as_("admin"), json=body)
    assert answer.status_code == 422
    assert password not in answer.text


def test_an_assignment_that_has_ended_is_not_begun_again_by_ending_it_later(client, as_):
    lan = made(client, as_, "lan.rights")
    duty = assigned(client, as_, lan, "street", "A", valid_from="2026-01-01")
    for day in ("2026-01-02", "2099-01-01"):
        ended = client.patch(f"/api/users/{lan}/assignments/{duty}", headers=as_("admin"), json={"valid_to": day})
        assert ended.status_code == 204
    user = client.get("/api/users", headers=as_("admin"), params={"after": lan - 1, "limit": 1}).json()["users"][0]
    assert [one["valid_to"] for one in user["assignments"]] == ["2026-01-02"]


def test_a_login_is_taken_once(client, as_):
    made(client, as_, "once")
    answer = client.post("/api/users", headers=as_("admin"), json={"login": "once", "name": "x"})
    assert (answer.status_code, answer.json()["code"]) == (409, "users.login_taken")


def test_a_change_of_nothing_or_of_nobody_is_refused(client, as_, people):
    nothing = client.patch(f"/api/users/{people['planner']}", headers=as_("admin"), json={})
    assert (nothing.status_code, nothing.json()["code"]) == (422, "users.no_change")
    nobody = client.patch("/api/users/999999", headers=as_("admin"), json={"name": "x"})
    assert (nobody.status_code, nobody.json()["code"]) == (404, "users.absent")


def test_the_auditor_reads_who_did_what_and_no_personal_value(client, as_, people):
    """Every change above and below has its row, by numbers: no login, name or password is in it."""
    zhu = made(client, as_, "zhu-secret-login", password=PASSWORD, area_code="A")
    assigned(client, as_, zhu, "auditor", "D")
    log = client.get("/api/audit", headers=as_("auditor"), params={"actor": str(people["admin"]), "limit": 1000})
    mine = [(row["action"], row["facts"]) for row in log.json()["rows"] if row["subject"] == f"user:{zhu}"]
    assert [action for action, _ in mine] == ["user.add", "user.assign"]
    assert "zhu-secret-login" not in log.text
    assert PASSWORD not in log.text


def test_the_log_is_read_in_pages(client, as_):
    first = client.get("/api/audit?limit=2", headers=as_("auditor")).json()
    second = client.get(first["next"], headers=as_("auditor")).json()
    assert [row["id"] for row in first["rows"] + second["rows"]] == [1, 2, 3, 4]


@pytest.mark.parametrize("role", ["inspector", "community", "street", "planner", "partner", "auditor"])
def test_nobody_else_keeps_accounts(client, as_, role):
    assert client.get("/api/users", headers=as_(role)).status_code == 403
    assert client.get("/api/users").status_code == 401
