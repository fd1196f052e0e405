"""Tokens of another provider: verified with its keys, mapped to an account of ours, and never taken for our own."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm
from sqlalchemy import text

import api.oidc
import data.db
from contract.people import bearer

pytestmark = pytest.mark.database

KEY, STRANGE = (rsa.generate_private_key(65537, 2048) for _ in range(2))


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """A provider on this machine: its discovery document and its one public key."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            here = f"http://127.0.0.1:{self.server.server_port}"
            key = RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True) | {"kid": "one", "use": "sig", "alg": "RS256"}
            found = {"/.well-known/openid-configuration": {"issuer": here, "jwks_uri": f"{here}/keys"},
                     "/keys": {"keys": [key]}}[self.path]  # fmt: skip
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(found).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(autouse=True)
def provider(client, issuer) -> Iterator[None]:
    client.app.state.provider = api.oidc.Provider(issuer, "wangge", client="pages")
    yield
    client.app.state.provider = None


def claims(issuer, **more):
    now = datetime.now(UTC)
    return {"iss": issuer, "aud": "wangge", "sub": "u-1", "azp": "pages", "preferred_username": "street", "iat": now,
            "exp": now + timedelta(minutes=5)} | more  # fmt: skip


def signed(told, key=KEY, algorithm="RS256", kid="one"):
    return jwt.encode(told, key, algorithm, headers={"kid": kid})


def me(client, token):
    return client.get("/api/me", headers=bearer(token))


def test_somebody_the_provider_vouches_for_acts_in_the_role_she_holds_here(client, issuer):
    answer = me(client, signed(claims(issuer)))
    assert (answer.json()["login"], answer.json()["role"], answer.json()["areas"]) == ("street", "street", ["A"])


def test_no_token_that_is_not_wholly_right_opens_anything(client, issuer):
    """RSA and HMAC confused in either direction included."""
    public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    ours = client.app.state.keyring.token_key
    right = claims(issuer)
    wrong = {
        "another key": signed(right, STRANGE),
        "an unknown key": signed(right, STRANGE, kid="two"),
        "none": jwt.encode(right, None, "none", headers={"kid": "one"}),
        "our secret": jwt.encode(right, ours, "HS256", headers={"kid": "one"}),
        "its public key as our secret": _hmac(right, public),
        "another audience": signed(right | {"aud": "elsewhere"}),
        "another client": signed(right | {"azp": "elsewhere"}),
        "expired": signed(right | {"exp": datetime.now(UTC) - timedelta(seconds=1)}),
        "nobody of ours": signed(right | {"preferred_username": "nobody-here"}),
        "no name": signed({key: value for key, value in right.items() if key != "preferred_username"}),
        "a partner, who has a key": signed(right | {"preferred_username": "partner"}),
        "ours by issuer, its by key": signed(right | {"iss": "wangge", "aud": "wangge-api", "sid": "x"}),
        "another issuer": signed(right | {"iss": "http://127.0.0.1:1"}),
    }
    assert {name: me(client, token).status_code for name, token in wrong.items()} == dict.fromkeys(wrong, 401)


def _hmac(told, public: bytes) -> str:
    """What a careless verifier would accept; the library refuses to make it, so it is made by hand."""
    import base64
    import hmac

    def part(thing: dict) -> str:
        written = json.dumps(thing, default=lambda at: int(at.timestamp())).encode()
        return base64.urlsafe_b64encode(written).decode().rstrip("=")

    head = f"{part({'alg': 'HS256', 'kid': 'one'})}.{part(told)}"
    return f"{head}.{base64.urlsafe_b64encode(hmac.digest(public, head.encode(), 'sha256')).decode().rstrip('=')}"


def test_a_closed_account_is_closed_to_the_provider_too(client, town, issuer, people):
    change = text("UPDATE app_user SET active = :active WHERE id = :id")
    for active, status in ((False, 401), (True, 200)):
        with data.db.transaction(town) as session:
            session.execute(change, {"active": active, "id": people["street"]})
            session.execute(text("UPDATE app_user SET tokens_from = '-infinity'"))
        assert me(client, signed(claims(issuer))).status_code == status


@pytest.mark.parametrize(
    "end",
    [
        lambda client, headers, user: client.delete(f"/api/users/{user}/sessions", headers=headers),
        lambda client, headers, user: client.patch(f"/api/users/{user}", headers=headers, json={"active": False}),
    ],
)
def test_a_lost_device_and_a_closed_account_end_what_the_provider_gave_before(client, town, issuer, as_, people, end):
    """A token of a minute ago is over; one of the next minute would open, and one that renews an older login does not.

    The provider's clock is ours, so the moment itself is moved a minute back to see what comes after it.
    """
    with data.db.transaction(town) as session:
        session.execute(text("UPDATE app_user SET tokens_from = '-infinity'"))
    now = datetime.now(UTC)
    old = signed(claims(issuer, iat=now - timedelta(seconds=90)))
    user = people["street"]
    assert me(client, old).status_code == 200
    assert end(client, as_("admin"), user).status_code in (200, 204)
    with data.db.transaction(town) as session:
        session.execute(text("UPDATE app_user SET active = true WHERE id = :id"), {"id": user})
    assert me(client, old).status_code == 401
    with data.db.transaction(town) as session:
        session.execute(
            text("UPDATE app_user SET tokens_from = tokens_from - interval '1 minute' WHERE id = :id"), {"id": user}
        )
    assert me(client, old).status_code == 401
    assert me(client, signed(claims(issuer))).status_code == 200
    assert me(client, signed(claims(issuer, auth_time=int(now.timestamp()) - 90))).status_code == 401
    assert me(client, signed(claims(issuer, auth_time="long ago"))).status_code == 401


def test_nobody_is_vouched_for_before_her_role_is_confirmed(client, issuer, as_, people):
    """An account is opened under a name that its maker has with the provider, and a street proposed for it."""
    body = {"login": "my-name-there", "name": "x"}
    user = client.post("/api/users", headers=as_("admin"), json=body).json()["id"]
    given = client.post(
        f"/api/users/{user}/assignments", headers=as_("admin"), json={"role": "street", "area_code": "A"}
    ).json()
    token = signed(claims(issuer, preferred_username="my-name-there"))
    assert me(client, token).status_code == 401
    confirmed = client.post(f"/api/confirmations/assignment/{given['id']}/confirm", headers=as_("admin"))
    assert (confirmed.status_code, me(client, token).status_code) == (403, 401)


def test_our_own_tokens_and_keys_open_as_before(client, as_):
    assert {client.get("/api/me", headers=as_(login)).status_code for login in ("inspector", "partner")} == {200}


def test_a_provider_that_is_away_is_said_to_be_and_nobody_comes_in(client):
    """A port on which nobody listens."""
    client.app.state.provider = api.oidc.Provider("http://127.0.0.1:1", "wangge")
    answer = me(client, signed(claims("http://127.0.0.1:1")))
    assert (answer.status_code, answer.json()["code"]) == (503, "auth.provider")


def test_unless_one_is_named_no_token_of_another_house_is_looked_at(client, issuer):
    client.app.state.provider = None
    assert me(client, signed(claims(issuer))).status_code == 401
