"""Logging in and staying in: what opens, what never does, and what no longer does from the next request on."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import text

import api.auth
import api.passwords
import data.db
import data.sessions
import data.users
from contract.people import bearer, claims_of, key_of, session_of
from gis.errors import NotAllowed
from worlds import squares

pytestmark = pytest.mark.database

PASSWORD = "a lantern in the lane"
PHONE, OTHER_PHONE = "phone-of-the-inspector", "somebody-elses-phone"


@pytest.fixture(scope="module")
def hashed() -> str:
    return api.passwords.digest(PASSWORD, login="nobody")


@pytest.fixture
def user(town, hashed, request) -> dict[str, object]:
    """Somebody of her own for each test: inspector of A00 and street staff of B."""
    login = f"user-{request.node.name}"[-60:]
    with data.db.transaction(town) as session:
        session.execute(text("DELETE FROM login_throttle"))
        user_id = data.users.add(session, login=login, name="", synthetic=True, password_hash=hashed)
        for role, place in (("inspector", "A00"), ("street", "B")):
            data.users.assign(session, user_id, role=role, area_code=place, valid_from=squares.DAY)
    return {"id": user_id, "login": login}


def log_in(client, user, password=PASSWORD, **more):
    form = {"grant_type": "password", "username": user["login"], "password": password}
    return client.post("/api/token", data=form | more)


def renew(client, token, device=PHONE):
    form = {"grant_type": "refresh_token", "refresh_token": token, "device_id": device}
    return client.post("/api/token/refresh", data=form)


def me(client, access):
    return client.get("/api/me", headers=bearer(access))


@pytest.mark.parametrize("login", ["a\0b", "a\nb", "\x1b[31m"])
def test_a_login_that_no_database_keeps_is_refused_and_not_repeated(client, login):
    answer = client.post("/api/token", data={"grant_type": "password", "username": login, "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (422, "http.malformed")
    assert login not in answer.text


def test_a_token_that_is_good_opens_and_others_do_not(client, as_):
    asked = {login: client.get("/api/areas", headers=as_(login)).status_code
             for login in ("nobody", "inspector", "partner", "expired", "revoked")}  # fmt: skip
    assert asked == {"nobody": 200, "inspector": 200, "partner": 200, "expired": 401, "revoked": 401}


def test_logging_in_gives_a_quarter_of_an_hour_in_the_first_role_held_and_says_who_one_is(client, user):
    """Street comes before inspector, whatever the order of the assignments."""
    answer = log_in(client, user)
    given = answer.json()
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert (given["token_type"], given["expires_in"], given["refresh_token"]) == ("Bearer", 900, None)
    told = me(client, given["access_token"]).json()
    assert told == {"login": user["login"], "name": "", "role": "street", "roles": ["inspector", "street"],
                    "areas": ["B"], "scopes": None}  # fmt: skip


def test_the_scope_names_the_role_and_one_that_is_not_held_is_refused(client, user):
    assert me(client, log_in(client, user, scope="inspector").json()["access_token"]).json()["areas"] == ["A00"]
    refused = log_in(client, user, scope="admin")
    assert (refused.status_code, refused.json()["code"]) == (401, "auth.no_role")
    assert log_in(client, user, scope="partner").status_code == 422


def test_a_token_says_nothing_about_rights(client, user):
    claims = claims_of(bearer(log_in(client, user).json()["access_token"]))
    assert sorted(claims) == sorted(api.auth.CLAIMS)
    assert claims["exp"] - claims["iat"] == 900


def test_an_unknown_login_a_wrong_password_and_an_account_without_one_are_answered_alike(client, user, people):
    answers = [log_in(client, user, "a lantern in the line"), log_in(client, {"login": "nobody-here"}),
               log_in(client, {"login": "inspector"})]  # fmt: skip
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert answers[0].json()["code"] == "auth.wrong"


def test_a_login_there_is_not_costs_as_much_as_a_wrong_password(client, user, monkeypatch):
    """Counted, not timed: the same digest is computed once in either case."""
    tried = []
    verify = api.passwords.HASHER.verify
    monkeypatch.setattr(api.passwords.HASHER, "verify", lambda *given: tried.append(given[1]) or verify(*given))
    log_in(client, user, "wrong")
    log_in(client, {"login": "nobody-here"})
    parameters = [kept.rsplit("$", 2)[0] for kept in tried]
    assert len(tried) == 2
    assert parameters[0] == parameters[1]


def test_a_refresh_token_is_used_once_and_the_answer_that_got_lost_is_given_again(client, user):
    first = log_in(client, user, device_id=PHONE).json()["refresh_token"]
    second = renew(client, first).json()["refresh_token"]
    assert renew(client, first).json()["refresh_token"] == second != first
    third = renew(client, second)
    assert third.status_code == 200
    assert me(client, third.json()["access_token"]).status_code == 200


def test_a_refresh_token_used_again_later_ends_the_session_of_thief_and_owner(client, user, town):
    given = log_in(client, user, device_id=PHONE).json()
    second = renew(client, given["refresh_token"]).json()
    with data.db.transaction(town) as session:
        session.execute(text("UPDATE login_session SET rotated_at = rotated_at - interval '31 seconds'"))
    assert renew(client, given["refresh_token"]).status_code == 401
    assert renew(client, second["refresh_token"]).status_code == 401
    assert me(client, second["access_token"]).status_code == 401
    with data.db.transaction(town) as session:
        logged = session.scalars(text("SELECT action FROM audit_log WHERE actor = :me"), {"me": str(user["id"])}).all()
    assert logged == ["session.open", "session.reuse"]


def test_the_one_before_last_ends_the_session_even_at_once(client, user):
    first = log_in(client, user, device_id=PHONE).json()["refresh_token"]
    second = renew(client, first).json()["refresh_token"]
    renew(client, second)
    assert renew(client, first).status_code == 401
    assert renew(client, second).status_code == 401


def test_a_refresh_token_is_good_on_its_own_device_only(client, user):
    given = log_in(client, user, device_id=PHONE).json()
    assert renew(client, given["refresh_token"], OTHER_PHONE).status_code == 401
    assert me(client, given["access_token"]).status_code == 401


def test_a_session_without_a_device_cannot_be_renewed_by_a_made_up_token(client, user):
    given = log_in(client, user).json()
    sid = claims_of(bearer(given["access_token"]))["sid"]
    assert renew(client, f"wr_{sid}_{'x' * 43}").status_code == 401


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_logging_out_ends_both_tokens_at_once(client, user, which):
    given = log_in(client, user, device_id=PHONE).json()
    assert client.post("/api/token/revoke", data={"token": given[which]}).status_code == 200
    assert me(client, given["access_token"]).status_code == 401
    assert renew(client, given["refresh_token"]).status_code == 401


def test_a_token_that_is_no_good_is_revoked_without_a_word(client):
    assert client.post("/api/token/revoke", data={"token": "nonsense"}).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE app_user SET active = false WHERE id = :id",
        "UPDATE app_user SET password_hash = 'another' WHERE id = :id",
        "UPDATE assignment SET valid_to = current_date WHERE user_id = :id AND role = 'street'",
        "UPDATE login_session SET ended_at = now(), ended_why = 'lost' WHERE user_id = :id",
        "UPDATE login_session SET expires_at = now() WHERE user_id = :id",
    ],
)
def test_what_is_taken_away_is_gone_with_the_next_request(client, user, town, change):
    given = log_in(client, user, device_id=PHONE).json()
    assert me(client, given["access_token"]).status_code == 200
    with data.db.transaction(town) as session:
        session.execute(text(change), {"id": user["id"]})
    assert me(client, given["access_token"]).status_code == 401
    assert renew(client, given["refresh_token"]).status_code == 401


def test_a_closed_account_that_is_opened_again_has_none_of_its_old_sessions(client, user, town):
    given = log_in(client, user).json()
    for active in (False, True):
        with data.db.transaction(town) as session:
            data.users.set(session, user["id"], active=active)
    assert me(client, given["access_token"]).status_code == 401


# Forged tokens --------------------------------------------------------------------------------------------------------


def good_claims(session_id: str, user_id: int) -> dict[str, object]:
    now = datetime.now(UTC)
    return {"iss": "wangge", "aud": "wangge-api", "sub": str(user_id), "sid": session_id, "iat": now,
            "exp": now + timedelta(minutes=5)}  # fmt: skip


def part(thing: object) -> str:
    return (
        base64.urlsafe_b64encode(json.dumps(thing, default=lambda at: int(at.timestamp())).encode())
        .decode()
        .rstrip("=")
    )


def forged(claims: dict[str, object], key: bytes) -> dict[str, str]:
    """Every way we know of to make a token look like ours; `good` is the one that is."""
    private = rsa.generate_private_key(65537, 2048)
    unsigned = f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}"
    hs384 = jwt.encode(claims, key, "HS384")
    public = b"-----BEGIN PUBLIC KEY-----"
    confused = f"{part({'alg': 'RS256'})}.{part(claims)}"
    return {
        "good": jwt.encode(claims, key, "HS256"),
        "alg none": f"{unsigned}.",
        "alg none, signed": f"{unsigned}.{part('x')}",
        "another algorithm": hs384,
        "RS256": jwt.encode(claims, private, "RS256"),
        "RS256 said, HMAC made": f"{confused}.{part(hmac.digest(public, confused.encode(), 'sha256').hex())}",
        "another key": jwt.encode(claims, b"k" * 32, "HS256"),
        "empty key": jwt.encode(claims, b"\0", "HS256"),
        "expired": jwt.encode(claims | {"exp": datetime.now(UTC) - timedelta(seconds=1)}, key, "HS256"),
        "not of us": jwt.encode(claims | {"iss": "somebody"}, key, "HS256"),
        "for another use": jwt.encode(claims | {"aud": "elsewhere"}, key, "HS256"),
        "from the future": jwt.encode(claims | {"iat": datetime.now(UTC) + timedelta(hours=1)}, key, "HS256"),
        **{f"without {name}": jwt.encode({k: v for k, v in claims.items() if k != name}, key, "HS256")
           for name in claims},
        "no such session": jwt.encode(claims | {"sid": "0" * 8 + "-0000" * 3 + "-" + "0" * 12}, key, "HS256"),
        "an injection for a session": jwt.encode(claims | {"sid": "' OR true --"}, key, "HS256"),
        "a number for a session": jwt.encode(claims | {"sid": 1}, key, "HS256"),
    }  # fmt: skip


@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
def test_no_forged_token_opens_anything(client, town, people):
    claims = good_claims(session_of(town, people["street"], "street"), people["street"])
    made = forged(claims, client.app.state.keyring.token_key)
    opened = {name for name, token in made.items() if me(client, token).status_code == 200}
    assert opened == {"good"}
    assert {me(client, token).status_code for name, token in made.items() if name != "good"} == {401}


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic YTpi", "bearer x y", "wg_", "Bearer wg_x_y", "Bearer é"]
)
def test_a_header_that_cannot_be_read_is_refused_and_never_taken_for_nobody(client, header):
    answer = client.get("/api/areas", headers={"Authorization": header.encode()})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


def test_the_number_of_the_user_in_a_token_is_not_believed(client, town, people):
    """Only the session counts: a token of the planner's session that names the administrator is the planner's."""
    claims = good_claims(session_of(town, people["planner"], "planner"), people["admin"])
    token = jwt.encode(claims, client.app.state.keyring.token_key, "HS256")
    assert me(client, token).json()["login"] == "planner"


# The throttle ---------------------------------------------------------------------------------------------------------


def wrong(client, user, times, **more):
    return [log_in(client, user, "wrong", **more).status_code for _ in range(times)]


def test_after_five_wrong_passwords_and_one_more_the_next_has_to_wait(client, user):
    assert wrong(client, user, 6) == [401] * 6
    waiting = log_in(client, user)
    assert waiting.status_code == 429
    assert 1 <= int(waiting.headers["retry-after"]) <= 2
    assert log_in(client, {"login": "nobody-here"}).status_code == 401


def test_a_login_there_is_not_is_throttled_in_the_same_way(client, user):
    assert wrong(client, {"login": "no-such-login"}, 7) == [401] * 6 + [429]


def test_whoever_has_logged_in_on_her_device_is_let_in_there_while_others_guess(client, user):
    """They wait; her phone has a lane of its own."""
    log_in(client, user, device_id=PHONE)
    assert wrong(client, user, 8)[-1] == 429
    assert log_in(client, user, device_id=OTHER_PHONE).status_code == 429
    assert log_in(client, user, device_id=PHONE).status_code == 200


def test_a_device_that_was_reported_lost_has_no_lane_of_its_own(client, user, town):
    log_in(client, user, device_id=PHONE)
    with data.db.transaction(town) as session:
        data.sessions.end(session, user["id"], why="lost")
    wrong(client, user, 8)
    assert log_in(client, user, device_id=PHONE).status_code == 429


def test_the_wait_ends(client, user, town):
    """Never longer than a quarter of an hour, however many tried."""
    wrong(client, user, 7)
    with data.db.transaction(town) as session:
        session.execute(text("UPDATE login_throttle SET charge = 1000, free_at = now() - interval '1 second'"))
    wrong(client, user, 1)
    waiting = int(log_in(client, user).headers["retry-after"])
    assert 890 <= waiting <= 900
    with data.db.transaction(town) as session:
        session.execute(text("UPDATE login_throttle SET free_at = free_at - interval '15 minutes'"))
    assert log_in(client, user).status_code == 200


# Secrets --------------------------------------------------------------------------------------------------------------


def test_nothing_kept_logged_or_answered_holds_a_secret(client, user, town, caplog, capfd):
    """What the database holds of a login is digests: neither password nor token is found in any column."""
    given = log_in(client, user, device_id=PHONE).json()
    answers = [log_in(client, user, PASSWORD + "!", device_id=PHONE), me(client, given["access_token"]),
               me(client, given["access_token"] + "x"), renew(client, given["refresh_token"] + "x")]  # fmt: skip
    secrets = [PASSWORD, given["access_token"], given["refresh_token"], key_of("partner"), PHONE]
    with data.db.transaction(town) as session:
        kept = "".join(
            row
            for table in ("login_session", "login_throttle", "api_key", "app_user", "audit_log")
            for row in session.scalars(text(f"SELECT to_jsonb({table})::text FROM {table}"))
        )
    said = kept + caplog.text + "".join(capfd.readouterr()) + "".join(answer.text for answer in answers)
    hexed = [secret.encode().hex() for secret in secrets]
    assert not [secret for secret in [*secrets, *hexed] if secret in said]
    assert hashlib.sha256(PHONE.encode()).hexdigest() in kept


def test_the_key_that_signs_is_for_its_owners_eyes_and_made_once(client):
    path = client.app.state.keyring.folder / "token.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert len(client.app.state.keyring.token_key) == 32


# The door -------------------------------------------------------------------------------------------------------------


def test_whoever_serves_requests_has_no_right_before_somebody_is_let_in(client, town, people):
    """What a forgotten SET ROLE, or a RESET ROLE smuggled in, comes to: a role that reads no table."""
    door = client.app.state.door
    with data.db.undecided(door) as session:
        assert session.scalar(text("SELECT current_user")) == "wangge_login"
    for table in ("app_user", "household", "area", "login_session", "api_key", "audit_log"):
        with pytest.raises(NotAllowed, match=r"store\.rights"), data.db.undecided(door) as session:
            session.execute(text(f"SELECT FROM {table}"))
    with pytest.raises(NotAllowed), data.db.undecided(door) as session:
        session.execute(text("SET LOCAL ROLE wangge_owner"))


def test_no_role_but_that_of_the_door_may_knock_at_it(town):
    """The functions that see digests are called before anybody has a role, and by nobody who has one."""
    with data.db.transaction(town) as session:
        callers = set(session.execute(
            text("""SELECT rolname, proname FROM pg_roles, pg_proc
                    WHERE pronamespace = 'wangge_private'::regnamespace AND proname LIKE 'door\\_%'
                      AND rolname LIKE 'wangge\\_%' AND has_function_privilege(pg_roles.oid, pg_proc.oid, 'EXECUTE')""")
        ).all())  # fmt: skip
    assert {role for role, _ in callers} - {"wangge_owner"} == {"wangge_login"}
    assert {name for role, name in callers if role == "wangge_login"} == {
        "door_session", "door_key", "door_login", "door_knock", "door_open", "door_refresh", "door_close",
        "door_forgive", "door_password", "door_factor", "door_factor_put", "door_factor_use"}  # fmt: skip
