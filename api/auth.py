"""Who is asking: a person with a token, another system with a key, or nobody.

A token says which session it belongs to and nothing about rights: those are looked up on every request, so that what
is taken away is gone at once. Tokens of ours are signed with HMAC; no other algorithm is ever tried on them.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

import jwt

import data.db
import data.door
import data.keys
from api.oidc import Provider, Vouched
from data.keyring import Keyring
from gis.errors import NotAllowed, NotKnown

ISSUER = "wangge"
AUDIENCE = "wangge-api"
ALGORITHM = "HS256"
CLAIMS = ["exp", "iat", "iss", "aud", "sub", "sid"]
ACCESS_FOR = timedelta(minutes=15)
KEY = re.compile(r"wg_([0-9a-z]{8})_([0-9A-Za-z_-]{43})")
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Caller:
    """Somebody whose right to come in has been verified in this very request."""

    #: The role she acts in; the database knows it as `wangge_<role>`.
    role: str = "public"
    user_id: int | None = None
    login: str = ""
    #: What a key may be used for; a person may do whatever her role may.
    scopes: frozenset[str] | None = None
    key_id: int | None = None
    #: The session of a token: one person on one device.
    session_id: str | None = None

    @property
    def db_role(self) -> str:
        """The role of the database that decides what she sees."""
        return f"wangge_{self.role}"

    @property
    def actor(self) -> str:
        """Her name in the audit log: a number, never a login."""
        if self.role == "owner":
            return self.login
        return "" if self.user_id is None else str(self.user_id)

    def need(self, *roles: str) -> None:
        """Refuse whoever has not one of the roles."""
        if self.user_id is None:
            raise NotKnown("auth.nobody")
        if self.role not in roles:
            raise NotAllowed("auth.role")

    def need_scope(self, scope: str) -> None:
        """Refuse a key that was not made for this; a person passes."""
        if self.scopes is not None and scope not in self.scopes:
            raise NotAllowed("auth.scope", scope=scope)


NOBODY = Caller()
#: Whoever works at the shell owns the machine and everything on it.
SHELL = Caller(role="owner", login="shell")


def access_token(keyring: Keyring, *, user_id: int, session_id: str, now: datetime) -> str:
    """What a person shows with each request for the next quarter of an hour."""
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(user_id),
        "sid": session_id,
        "iat": now,
        "exp": now + ACCESS_FOR,
    }
    return jwt.encode(claims, keyring.token_key, ALGORITHM)


def enter(
    session: data.db.Session, shown: str | None, keyring: Keyring, *, read_only: bool, provider: Provider | None = None
) -> Caller:
    """Let in whoever the `Authorization` header names, with her rights for this transaction; one statement."""
    if shown is None:
        data.door.as_nobody(session, read_only=read_only)
        return NOBODY
    scheme, _, secret = shown.partition(" ")
    if scheme.lower() != "bearer":
        raise NotKnown("auth.scheme")
    if secret.startswith("wg_"):
        return _with_key(session, secret, read_only)
    if provider is not None and provider.made(secret):
        return _with_login(session, provider.vouched(secret), read_only)
    return _with_token(session, secret, keyring, read_only)


def _with_key(session: data.db.Session, secret: str, read_only: bool) -> Caller:
    parts = KEY.fullmatch(secret)
    if parts is None:
        raise NotKnown("auth.key")
    known = data.door.by_key(session, parts[1], data.keys.digest(secret), read_only=read_only)
    if known is None:
        raise NotKnown("auth.key")
    return Caller(known.role, known.user_id, known.login, known.scopes, known.key_id)


def _with_login(session: data.db.Session, vouched: Vouched, read_only: bool) -> Caller:
    known = data.door.by_login(session, vouched.login, issued=vouched.at, read_only=read_only)
    if known is None:
        raise NotKnown("auth.ended")
    return Caller(known.role, known.user_id, known.login)


def _with_token(session: data.db.Session, token: str, keyring: Keyring, read_only: bool) -> Caller:
    sid = session_of(token, keyring)
    known = data.door.by_session(session, sid, read_only=read_only)
    if known is None:
        raise NotKnown("auth.ended")
    return Caller(known.role, known.user_id, known.login, session_id=sid)


def session_of(token: str, keyring: Keyring) -> str:
    """The session a token of ours belongs to; refused unless we signed it, for this use, and it is still in time."""
    sid, until = _signed(token, keyring.token_key)
    if until <= time.time():
        raise NotKnown("auth.token")
    return sid


@lru_cache(maxsize=10_000)
def _signed(token: str, key: bytes) -> tuple[str, float]:
    """The session that a token names and when it ends: the signature of the same bytes is checked once."""
    try:
        claims = jwt.decode(token, key, [ALGORITHM], audience=AUDIENCE, issuer=ISSUER, options={"require": CLAIMS})
    except jwt.PyJWTError:
        raise NotKnown("auth.token") from None
    sid = claims["sid"]
    if not (isinstance(sid, str) and UUID.fullmatch(sid)):
        raise NotKnown("auth.token")
    return sid, float(claims["exp"])
