"""A second factor: enrolled with a password, proved by a code, asked for at login, used once, replaced, taken away.

The codes are worked out here a second time, from RFC 4226 and 6238 by hand.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import uuid4

import pytest
from sqlalchemy import text

import api.actions.elders
import api.factors
import api.passwords
import api.settings
import data.db
import data.users
from contract.people import bearer
from gis.errors import Invalid
from worlds import squares

pytestmark = pytest.mark.database

PASSWORD = "a lantern in the lane"


def code(secret: str, ahead: int = 0, at: float | None = None) -> str:
    """The six digits of the half minute `ahead` of now."""
    step = int(time.time() if at is None else at) // 30 + ahead
    digest = hmac.digest(base64.b32decode(secret), step.to_bytes(8, "big"), hashlib.sha1)
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4], 'big') & 0x7FFFFFFF) % 10**6:06d}"


@pytest.fixture(scope="module")
def hashed() -> str:
    return api.passwords.digest(PASSWORD, login="nobody")


@pytest.fixture
def user(town, hashed):
    """Street staff of A and planner, with a password of her own."""
    login = f"user-{uuid4()}"
    with data.db.transaction(town) as session:
        session.execute(text("DELETE FROM login_throttle"))
        user_id = data.users.add(session, login=login, name="", synthetic=True, password_hash=hashed)
        for role in ("street", "planner"):
            data.users.assign(session, user_id, role=role, area_code="A", valid_from=squares.DAY)
    return {"id": user_id, "login": login}


def send(client, path, user, **more):
    return client.post(path, data={"username": user["login"], "password": PASSWORD} | more)


def log_in(client, user, **more):
    return send(client, "/api/token", user, grant_type="password", **more)


def enrolled(client, user, **more):
    """A factor that was proved by the code of the half minute before this one."""
    given = send(client, "/api/token/second-factor", user, **more)
    assert (given.status_code, given.headers["cache-control"]) == (200, "no-store")
    proved = send(client, "/api/token/second-factor/confirm", user, otp=code(given.json()["secret"], -1))
    assert proved.status_code == 204, proved.text
    return given.json()


def test_the_codes_are_those_of_the_standard():
    """RFC 6238, appendix B: at 59 s the eight digits are 94287082; ours are the last six."""
    secret = base64.b32encode(b"12345678901234567890").decode()
    assert code(secret, at=59) == "287082"
    from datetime import UTC, datetime

    steps = [api.factors.step_of(secret, "287082", now=datetime.fromtimestamp(at, UTC)) for at in (30, 59, 60, 89, 90)]
    assert steps == [1, 1, 1, 1, None]


def test_whoever_has_one_is_asked_for_it_and_no_code_is_good_twice(client, user):
    given = enrolled(client, user)
    assert given["uri"].startswith("otpauth://totp/wangge:user-")
    without = log_in(client, user)
    assert (without.status_code, without.json()["code"]) == (401, "auth.otp")
    assert log_in(client, user, otp="000000x").json()["code"] == "auth.otp"
    now = code(given["secret"])
    assert log_in(client, user, otp=now).status_code == 200
    assert log_in(client, user, otp=now).json()["code"] == "auth.otp"
    assert log_in(client, user, otp=code(given["secret"], -1)).json()["code"] == "auth.otp"
    assert log_in(client, user, otp=code(given["secret"], 1)).status_code == 200


def test_of_two_who_show_the_same_code_at_once_one_comes_in(client, user):
    given = enrolled(client, user)
    now = code(given["secret"])
    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(lambda _: log_in(client, user, otp=now).status_code, range(4)))
    assert answers == [200, 401, 401, 401]


def test_a_code_without_the_right_password_is_worth_nothing_and_wrong_codes_are_throttled(client, user):
    given = enrolled(client, user)
    assert log_in(client, user, password="wrong", otp=code(given["secret"])).json()["code"] == "auth.wrong"
    assert [log_in(client, user, otp="123456789").status_code for _ in range(6)][-1] == 429


def test_a_recovery_code_is_good_once_and_is_in_the_log(client, user, town):
    given = enrolled(client, user)
    first, second = given["recovery_codes"][:2]
    assert [log_in(client, user, otp=one).status_code for one in (first, first, second)] == [200, 401, 200]
    with data.db.transaction(town) as session:
        logged = session.scalars(
            text("SELECT action FROM audit_log WHERE actor = :me ORDER BY id"), {"me": str(user["id"])}
        ).all()
    assert logged == ["factor.enrol", "factor.recovery", "session.open", "factor.recovery", "session.open"]


def test_one_that_was_never_proved_is_asked_of_nobody(client, user):
    send(client, "/api/token/second-factor", user)
    assert log_in(client, user).status_code == 200


def test_a_proof_without_an_enrolment_is_refused_and_so_is_a_wrong_code(client, user):
    nothing = send(client, "/api/token/second-factor/confirm", user, otp="123456")
    assert (nothing.status_code, nothing.json()["code"]) == (409, "auth.no_enrolment")
    send(client, "/api/token/second-factor", user)
    wrong = send(client, "/api/token/second-factor/confirm", user, otp="not a code")
    assert (wrong.status_code, wrong.json()["code"]) == (401, "auth.otp")
    assert log_in(client, user).status_code == 200


def test_the_password_alone_neither_replaces_the_factor_nor_changes_the_password(client, user):
    given = enrolled(client, user)
    assert send(client, "/api/token/second-factor", user).json()["code"] == "auth.otp"
    new = {"new_password": "nineteen black swans"}
    assert send(client, "/api/token/password", user, **new).json()["code"] == "auth.otp"
    again = enrolled(client, user, otp=given["recovery_codes"][0])
    assert again["secret"] != given["secret"]
    assert log_in(client, user, otp=given["recovery_codes"][1]).json()["code"] == "auth.otp"
    assert send(client, "/api/token/password", user, otp=code(again["secret"]), **new).status_code == 204


@pytest.fixture
def wanted(client):
    """Somebody sets WANGGE_SECOND_FACTOR."""
    before = client.app.state.settings

    def setting(value: str) -> None:
        client.app.state.settings = replace(before, second_factor=value)

    yield setting
    client.app.state.settings = before


@pytest.mark.parametrize(("setting", "street"), [("off", 200), ("admin", 200), ("staff", 401)])
def test_where_it_is_wanted_nobody_acts_in_such_a_role_without_one(client, user, wanted, setting, street):
    """A planner is never asked; staff are by `staff`, and come in once they have enrolled."""
    wanted(setting)
    assert log_in(client, user, scope="planner").status_code == 200
    answer = log_in(client, user)
    assert answer.status_code == street
    if street == 401:
        assert answer.json()["code"] == "auth.enrol"
        given = enrolled(client, user)
        assert log_in(client, user, otp=code(given["secret"])).status_code == 200


def test_an_administrator_is_asked_by_admin(client, user, town, wanted):
    with data.db.transaction(town) as session:
        data.users.assign(session, user["id"], role="admin", area_code="A", valid_from=squares.DAY)
    wanted("admin")
    assert log_in(client, user, scope="admin").json()["code"] == "auth.enrol"
    assert log_in(client, user).status_code == 200


def test_a_setting_there_is_not_is_refused():
    assert api.settings.read({}).second_factor_roles == ()
    assert api.settings.read({"WANGGE_SECOND_FACTOR": "staff"}).second_factor_roles == ("admin", "street", "community")
    with pytest.raises(Invalid, match=r"settings\.one_of"):
        api.settings.read({"WANGGE_SECOND_FACTOR": "yes"})


def test_a_factor_that_another_takes_away_puts_what_sees_persons_back_to_waiting(client, user, as_, town):
    """Else an administrator who has come to know a password would only have to take the rest away."""
    enrolled(client, user)
    headers = bearer(log_in(client, user, scope="planner", otp=_next(client, user, town)).json()["access_token"])
    path = f"/api/users/{user['id']}/second-factor"
    assert client.delete(path, headers=as_("admin")).status_code == 204
    assert log_in(client, user, scope="street").json()["code"] == "auth.no_role"
    assert log_in(client, user, scope="planner").status_code == 200
    assert client.get("/api/me", headers=headers).json()["roles"] == ["planner"]
    again = client.delete(path, headers=as_("admin"))
    assert (again.status_code, again.json()["code"]) == (404, "users.no_factor")


def _next(client, user, town) -> str:
    """The code of the next half minute, as her device has it."""
    with data.db.transaction(town) as session:
        sealed = session.scalar(text("SELECT secret_sealed FROM second_factor WHERE user_id = :id"), {"id": user["id"]})
    return code(client.app.state.keyring.seal.open(sealed), 1)


def test_nobody_takes_away_her_own(client, as_, people):
    answer = client.delete(f"/api/users/{people['admin']}/second-factor", headers=as_("admin"))
    assert (answer.status_code, answer.json()["code"]) == (403, "users.own_factor")


def test_what_is_kept_tells_no_secret_and_follows_a_change_of_keys(client, user, town):
    given = enrolled(client, user)
    with data.db.transaction(town) as session:
        kept = session.scalar(
            text("SELECT to_jsonb(second_factor)::text FROM second_factor WHERE user_id = :id"), {"id": user["id"]}
        )
    secrets = [given["secret"], *given["recovery_codes"]]
    assert not [one for one in secrets if one in kept or one.encode().hex() in kept]
    api.actions.elders.change_key(town, client.app.state.keyring)
    assert log_in(client, user, otp=code(given["secret"])).status_code == 200


@pytest.mark.parametrize("role", ["admin", "street", "auditor", "login"])
def test_no_role_reads_or_writes_a_factor_itself(town, role):
    rights = "SELECT has_table_privilege(:role, 'second_factor', 'SELECT, INSERT, UPDATE, DELETE')"
    with data.db.transaction(town) as session:
        assert not session.scalar(text(rights), {"role": f"wangge_{role}"})
