"""Nobody comes to see persons by one administrator alone: every way we know of to try it, over HTTP, and the right way.

`admin` is the one who tries; `admin B` is another, and the staff of street and community were made by the owner.
"""

from __future__ import annotations

from uuid import uuid4

import pytest
from sqlalchemy import text

import data.confirmations
import data.db
import data.users
from contract.objects import make_home
from contract.people import bearer
from gis.errors import NotFound

pytestmark = pytest.mark.database

GIVEN, HERS = "seven grey herons", "eleven white egrets"


@pytest.fixture
def ask(client, as_):
    """Somebody sends something; the answer."""

    def asked(login: str, method: str, path: str, body: object = None, status: int | None = None):
        answer = client.request(method, path, headers=as_(login), **({} if body is None else {"json": body}))
        assert status in (None, answer.status_code), answer.text
        return answer

    return asked


@pytest.fixture
def account(client, ask, town):
    """An account that `admin` opens with a password she knows, and what she proposes for it; both numbers."""

    def opened(login: str, role: str = "street", area: str = "A", password: str | None = GIVEN) -> tuple[int, int]:
        body = {"login": login, "name": login} | ({"password": password} if password else {})
        user = ask("admin", "POST", "/api/users", body, 201).json()["id"]
        path = f"/api/users/{user}/assignments"
        made = ask("admin", "POST", path, {"role": role, "area_code": area}, 201).json()
        assert made["waits"]
        return user, made["id"]

    with data.db.transaction(town) as session:
        session.execute(text("DELETE FROM login_throttle"))
    return opened


def log_in(client, login: str, password: str):
    return client.post("/api/token", data={"grant_type": "password", "username": login, "password": password})


def change(client, login: str, old: str, new: str, **more):
    return client.post(
        "/api/token/password", data={"username": login, "password": old, "new_password": new} | more
    )  # fmt: skip


def confirm(ask, login: str, number: int, status: int, what: str = "assignment"):
    return ask(login, "POST", f"/api/confirmations/{what}/{number}/confirm", status=status)


def homes(client, town, headers) -> int:
    """What is answered to somebody who asks about a household of grid A00."""
    with data.db.transaction(town) as session:
        home = make_home(session, "own")
    return client.get(f"/api/households/{home}/elders", headers=headers).status_code


# The right way --------------------------------------------------------------------------------------------------------


def test_she_changes_the_password_she_was_given_a_second_person_confirms_and_then_she_sees_her_street(
    client, ask, account, town
):
    user, number = account("mei")
    assert (log_in(client, "mei", GIVEN).status_code, log_in(client, "mei", GIVEN).json()["code"]) == (
        401,
        "auth.no_role",
    )
    early = confirm(ask, "street", number, 409)
    assert early.json()["code"] == "confirm.password"
    assert change(client, "mei", GIVEN, HERS).status_code == 204
    (row,) = [one for one in ask("street", "GET", "/api/confirmations").json()["confirmations"] if one["id"] == number]
    assert (row["user_id"], row["role"], row["area_codes"], row["ready"], row["yours"]) == (
        user,
        "street",
        ["A"],
        True,
        True,
    )
    confirm(ask, "street", number, 204)
    headers = bearer(log_in(client, "mei", HERS).json()["access_token"])
    assert client.get("/api/me", headers=headers).json()["areas"] == ["A"]
    assert homes(client, town, headers) == 200
    assert log_in(client, "mei", GIVEN).status_code == 401
    confirm(ask, "street", number, 404)


def test_the_list_of_accounts_says_what_waits_and_who_proposed_and_confirmed(ask, account, people):
    user, number = account("lin", password=None)

    def shown():
        users = ask("admin", "GET", f"/api/users?after={user - 1}&limit=1").json()["users"]
        return [users[0]["assignments"][0][name] for name in ("proposed_by", "confirmed_by", "confirmed_at")]

    assert shown() == [people["admin"], None, None]
    confirm(ask, "admin B", number, 204)
    assert shown()[:2] == [people["admin"], people["admin B"]]
    assert shown()[2] is not None


def test_proposing_confirming_and_refusing_each_have_their_row_in_the_log(ask, account, people):
    user, number = account("ning", password=None)
    _, other = account("nobody-is-to-be", password=None)
    confirm(ask, "street", number, 204)
    ask("street", "POST", f"/api/confirmations/assignment/{other}/refuse", status=204)
    rows = ask("auditor", "GET", f"/api/audit?actor={people['street']}&limit=1000").json()["rows"]
    assert [(row["action"], row["facts"]["assignment"], row["facts"]["proposed_by"]) for row in rows[-2:]] == [
        ("assignment.confirm", number, people["admin"]),
        ("assignment.refuse", other, people["admin"]),
    ]
    rows = ask("auditor", "GET", f"/api/audit?actor={people['admin']}&limit=1000").json()["rows"]
    given = next(row for row in rows if row["action"] == "user.assign" and row["subject"] == f"user:{user}")
    assert given["facts"]["waits"] is True


def test_what_waits_is_ended_by_whoever_ends_assignments(ask, account):
    user, number = account("qi", password=None)
    ask("admin", "PATCH", f"/api/users/{user}/assignments/{number}", {}, 204)
    confirm(ask, "street", number, 404)


# The ways of one alone ------------------------------------------------------------------------------------------------


def test_a_second_account_with_a_street_sees_nothing_and_its_maker_cannot_confirm_it(
    client, ask, account, people, town
):
    _, number = account("second-self")
    assert change(client, "second-self", GIVEN, HERS).status_code == 204
    assert log_in(client, "second-self", HERS).json()["code"] == "auth.no_role"
    assert confirm(ask, "admin", number, 403).json()["code"] == "confirm.self"
    for login, status in (("community", 404), ("street B", 404), ("planner", 403), ("inspector", 403)):
        confirm(ask, login, number, status)
    with data.db.transaction(town, role="wangge_street", user_id=people["admin"]) as session:
        assert session.scalar(text("SELECT count(*) FROM household")) == 0


def test_a_second_administrator_made_by_the_first_is_none_until_another_confirms_her(client, ask, account, town):
    """And so cannot confirm for the first: neither over HTTP, nor as her role in the database."""
    puppet, office = account("puppet", "admin", "A")
    _, number = account("gained", password=None)
    assert change(client, "puppet", GIVEN, HERS).status_code == 204
    assert log_in(client, "puppet", HERS).status_code == 401
    with (
        pytest.raises(NotFound, match=r"confirm\.absent"),
        data.db.transaction(town, role="wangge_admin", user_id=puppet) as session,
    ):
        data.confirmations.decide(session, "assignment", number, granted=True)
    confirm(ask, "admin", office, 403)
    confirm(ask, "street", office, 404)
    confirm(ask, "admin B", office, 204)
    headers = bearer(log_in(client, "puppet", HERS).json()["access_token"])
    assert client.get("/api/users", headers=headers).status_code == 200


def test_a_street_officer_whose_password_was_reset_sees_nothing_until_it_is_confirmed(client, ask, account, town):
    """Not with the password that was set, not with one that replaces it; and the one who set it confirms nothing."""
    user, number = account("officer")
    change(client, "officer", GIVEN, HERS)
    confirm(ask, "admin B", number, 204)
    before = bearer(log_in(client, "officer", HERS).json()["access_token"])
    assert homes(client, town, before) == 200
    ask("admin", "PATCH", f"/api/users/{user}", {"password": GIVEN}, 204)
    assert homes(client, town, before) == 401
    assert log_in(client, "officer", GIVEN).json()["code"] == "auth.no_role"
    confirm(ask, "admin", number, 403)
    confirm(ask, "admin B", number, 409)
    assert change(client, "officer", GIVEN, "another of the thief").status_code == 204
    assert log_in(client, "officer", "another of the thief").json()["code"] == "auth.no_role"
    confirm(ask, "admin", number, 403)
    confirm(ask, "street", number, 204)
    assert homes(client, town, bearer(log_in(client, "officer", "another of the thief").json()["access_token"])) == 200


def test_an_account_that_was_closed_sees_nothing_when_one_alone_opens_it_again(client, ask, account):
    user, number = account("closed")
    change(client, "closed", GIVEN, HERS)
    confirm(ask, "street", number, 204)
    for active in (False, True):
        ask("admin", "PATCH", f"/api/users/{user}", {"active": active}, 204)
    assert log_in(client, "closed", HERS).json()["code"] == "auth.no_role"
    confirm(ask, "admin", number, 403)
    confirm(ask, "street", number, 204)
    assert log_in(client, "closed", HERS).status_code == 200


def test_a_key_that_names_persons_opens_nothing_until_a_second_person_confirms_it(client, ask, people):
    body = {"user_id": people["partner"], "name": "x", "scopes": ["reports:read"], "expires_at": "2099-01-01T00:00:00Z"}
    plain = ask("admin", "POST", "/api/keys", body | {"fields": ["unit", "due"]}, 201).json()
    named = ask("admin", "POST", "/api/keys", body | {"fields": ["text", "due"]}, 201).json()
    assert (plain["waits"], named["waits"]) == (False, True)
    assert client.get("/api/me", headers=bearer(plain["key"])).status_code == 200
    assert client.get("/api/me", headers=bearer(named["key"])).status_code == 401
    confirm(ask, "admin", named["id"], 403, "key")
    confirm(ask, "street B", named["id"], 404, "key")
    confirm(ask, "street", named["id"], 204, "key")
    assert client.get("/api/me", headers=bearer(named["key"])).status_code == 200


def test_a_key_reaches_no_further_area_by_one_alone(client, ask, people):
    """`partner` holds street A; street B is proposed for it, and its key reads A alone until B's staff agree."""
    key = bearer("wg_partnera_" + "k" * 43)
    made = ask(
        "admin", "POST", f"/api/users/{people['partner']}/assignments", {"role": "partner", "area_code": "B"}, 201
    )
    assert client.get("/api/me", headers=key).json()["areas"] == ["A"]
    confirm(ask, "street", made.json()["id"], 404)
    confirm(ask, "street B", made.json()["id"], 204)
    assert client.get("/api/me", headers=key).json()["areas"] == ["A", "B"]
    ask("admin", "PATCH", f"/api/users/{people['partner']}/assignments/{made.json()['id']}", {}, 204)


def test_nobody_confirms_what_she_gains_by_herself(ask, people):
    made = ask(
        "admin", "POST", f"/api/users/{people['admin B']}/assignments", {"role": "street", "area_code": "A"}, 201
    )
    number = made.json()["id"]
    confirm(ask, "admin B", number, 403)
    ask("admin B", "POST", f"/api/confirmations/assignment/{number}/refuse", status=204)


def test_an_administrator_neither_assigns_herself_nor_sets_her_own_password_without_the_old_one(ask, people):
    mine = f"/api/users/{people['admin']}"
    assert (
        ask("admin", "POST", f"{mine}/assignments", {"role": "street", "area_code": "A"}, 403).json()["code"]
        == "users.self"
    )
    assert ask("admin", "PATCH", mine, {"password": HERS}, 403).json()["code"] == "users.own_password"


def test_no_login_is_renamed_so_that_another_provider_would_vouch_for_it(ask, people):
    """Over HTTP there is no such change; in the database no role may write a login (`test_second_person`)."""
    answer = ask("admin", "PATCH", f"/api/users/{people['street']}", {"login": "my-name-there"}, 422)
    assert answer.json()["code"] == "http.malformed"


def test_no_boundary_is_moved_over_http(client):
    """Areas decide who sees what; they are read over HTTP, and changed at the machine alone."""
    paths = client.app.openapi()["paths"]
    assert {method for path, methods in paths.items() if path.startswith("/api/areas") for method in methods} == {"get"}


# One's own password ---------------------------------------------------------------------------------------------------


@pytest.fixture
def wen(account, ask, client) -> str:
    """Somebody who holds her own password and street A."""
    login = f"wen-{uuid4()}"
    _, number = account(login)
    assert change(client, login, GIVEN, HERS).status_code == 204
    confirm(ask, "street", number, 204)
    return login


def test_whoever_changes_her_own_password_keeps_her_rights_and_ends_every_session(client, wen):
    headers = [bearer(log_in(client, wen, HERS).json()["access_token"]) for _ in range(2)]
    assert change(client, wen, HERS, "nineteen black swans").status_code == 204
    assert [client.get("/api/me", headers=one).status_code for one in headers] == [401, 401]
    assert log_in(client, wen, HERS).status_code == 401
    again = bearer(log_in(client, wen, "nineteen black swans").json()["access_token"])
    assert client.get("/api/me", headers=again).json()["role"] == "street"


@pytest.mark.parametrize(
    ("old", "new", "status", "code"),
    [
        ("not the old one", "nineteen black swans", 401, "auth.wrong"),
        (HERS, HERS, 422, "users.same_password"),
        (HERS, "short", 422, "http.malformed"),
        (HERS, "{login} and more", 422, "users.password"),
    ],
)
def test_a_change_of_password_that_is_not_right_is_refused(client, wen, old, new, status, code):
    answer = change(client, wen, old, new.format(login=wen))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert log_in(client, wen, HERS).status_code == 200


def test_a_login_there_is_not_is_answered_like_a_wrong_password(client, wen):
    answers = [change(client, login, "wrong wrong wrong", HERS) for login in (wen, "nobody-here")]
    assert {(answer.status_code, answer.text) for answer in answers} == {(401, answers[0].text)}


def test_old_passwords_are_guessed_no_faster_here_than_in_logging_in(client, wen):
    """One lane for both: six guesses here, and the login waits too."""
    assert [change(client, wen, "wrong wrong", HERS).status_code for _ in range(7)] == [401] * 6 + [429]
    assert log_in(client, wen, HERS).status_code == 429


def test_a_changed_password_is_in_the_log_under_her_own_number_and_no_password_is(client, ask, wen, town):
    with data.db.transaction(town) as session:
        user = data.users.find(session, wen)["id"]
    log = ask("auditor", "GET", f"/api/audit?actor={user}")
    assert [row["action"] for row in log.json()["rows"]] == ["user.password"]
    assert HERS not in log.text
