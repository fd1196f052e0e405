"""The real application on a small town with one person of every role, and `as_`, which gives the headers she sends.

Two streets A and B of two communities (A0, A1, B0, B1) of two grids (A00, A01, A10, …). Everybody works in street A,
community A0, grid A00, unless her login says another place; her login is what `as_` is asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import jwt
import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

import api.auth
import data.cluster
import data.db
import data.users
import gis.roles
from api.app import create_app
from api.settings import Settings
from worlds import squares

Headers = dict[str, str]
As = Callable[[str], Headers]

ROLES = ("inspector", "community", "street", "planner", "partner", "auditor", "admin")
#: Login, role and place of everybody in the town.
PEOPLE = (
    *((role, role, {"inspector": "A00", "community": "A0"}.get(role, "A")) for role in ROLES),
    ("inspector A01", "inspector", "A01"),
    ("inspector B00", "inspector", "B00"),
    ("community A1", "community", "A1"),
    ("street B", "street", "B"),
    ("admin B", "admin", "B"),
    ("partner B", "partner", "B"),
    ("gone", "inspector", "A00"),
)
SCOPES = ("reports:read", "reports:write", "open311", "features", "webhooks", "areas")
#: What their keys name of a report; that of street B names nothing.
FIELDS = {"partner": gis.roles.FIELDS}
#: What serves has no need to know how the owner comes in.
NOWHERE = "postgresql+psycopg2://owner@127.0.0.1:1/none"
PREFIXES = {"partner": "partnera", "partner B": "partnerb"}


def key_of(login: str) -> str:
    """The key of a partner; a real one is random."""
    return f"wg_{PREFIXES[login]}_{'k' * 43}"


def settle(session: data.db.Session) -> dict[str, int]:
    """The town and its people; who has which number."""
    squares.found(session)
    return employ(session)


def employ(session: data.db.Session) -> dict[str, int]:
    """Everybody's account, place and key, in a town that is there; who has which number."""
    known = {}
    for login, role, place in PEOPLE:
        known[login] = data.users.add(session, login=login, name=f"人员 {login}", synthetic=True)
        data.users.assign(session, known[login], role=role, area_code=place, valid_from=squares.DAY)
    for login in PREFIXES:
        give_key(session, login, known[login])
    return known


def give_key(session: data.db.Session, login: str, user_id: int) -> None:
    """Let a partner in with `key_of` its login."""
    session.execute(
        text("""INSERT INTO api_key (user_id, name, prefix, secret_hash, scopes, fields, expires_at)
                VALUES (:user, :login, :prefix, :digest, :scopes, :fields, 'infinity')"""),
        {"user": user_id, "login": login, "prefix": PREFIXES[login], "scopes": list(SCOPES),
         "fields": list(FIELDS.get(login, ())), "digest": hashlib.sha256(key_of(login).encode()).digest()},
    )  # fmt: skip


@pytest.fixture(scope="module")
def town(database_url: str) -> Iterator[data.db.Engine]:
    """The owner's way into the database of the town, to make objects and to look at them."""
    engine = data.db.engine(database_url)
    with data.db.transaction(engine) as session:
        settle(session)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def people(town: data.db.Engine) -> dict[str, int]:
    """Who has which number."""
    with data.db.transaction(town) as session:
        return {login: data.users.find(session, login)["id"] for login, *_ in PEOPLE}


@pytest.fixture(scope="module")
def client(town: data.db.Engine, database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The application, served as `up` serves it, with no way in as owner; a fault of ours is its 500, no exception."""
    data.db.open_door(database_url)
    door_url = database_url.replace(f"//{data.cluster.SUPERUSER}@", f"//{data.cluster.DOOR}@")
    settings = Settings(home=tmp_path_factory.mktemp("home"), database_url=NOWHERE, door_url=door_url)
    with TestClient(create_app(settings), raise_server_exceptions=False) as made:
        yield made


@pytest.fixture(scope="module")
def as_(client: TestClient, town: data.db.Engine, people: dict[str, int]) -> As:
    """Headers of anybody in the town by login; `nobody`, and inspectors whose token is `expired` or `revoked`."""
    keyring, kept = client.app.state.keyring, {}
    token = partial(api.auth.access_token, keyring)

    def headers(login: str) -> Headers:
        if login not in kept:
            kept[login] = _headers(town, people, token, login)
        return kept[login]

    return headers


def _headers(town: data.db.Engine, people: dict[str, int], token: Callable[..., str], login: str) -> Headers:
    if login == "nobody":
        return {}
    if login in PREFIXES:
        return bearer(key_of(login))
    who = {"expired": "inspector", "revoked": "inspector"}.get(login, login)
    sid = session_of(town, people[who], next(role for name, role, _ in PEOPLE if name == who), ended=login == "revoked")
    at = datetime.now(UTC) - (timedelta(hours=1) if login == "expired" else timedelta())
    return bearer(token(user_id=people[who], session_id=sid, now=at))


def bearer(secret: str) -> Headers:
    return {"Authorization": f"Bearer {secret}"}


def session_of(town: data.db.Engine, user_id: int, role: str, *, ended: bool = False) -> str:
    """A session as logging in would have made it, without the time a password costs."""
    with data.db.transaction(town) as session:
        return str(session.scalar(
            text("""INSERT INTO login_session (user_id, role, expires_at, ended_at, ended_why)
                    VALUES (:user, :role, now() + interval '1 day', :at, :why) RETURNING id"""),
            {"user": user_id, "role": role, "at": datetime.now(UTC) if ended else None,
             "why": "revoked" if ended else None},
        ))  # fmt: skip


def claims_of(headers: Headers) -> dict[str, object]:
    """What a token says, unverified."""
    return jwt.decode(headers["Authorization"].removeprefix("Bearer "), options={"verify_signature": False})
