"""Logging in, staying in and logging out.

A refresh token names its session and carries a secret of which only the digest is kept. Its successor is derived from
it, so that whoever lost the answer and asks again gets the same one.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import api.auth
import api.factors
import api.passwords
import data.db
import data.factors
import data.sessions
from api.factors import Enrolment
from data.keyring import Keyring
from gis.errors import Conflict, Invalid, NotKnown, TooMany

REFRESH = re.compile(rf"wr_({api.auth.UUID.pattern})_([0-9A-Za-z_-]{{43}})")
#: For how long a device stays logged in; without a device there is nothing to refresh with.
DEVICE_FOR = timedelta(days=30)


@dataclass(frozen=True)
class Asked:
    """One try to log in."""

    login: str
    password: str = field(repr=False)
    address: str
    role: str | None = None
    device: str | None = None
    #: A code of her second factor, or a recovery code.
    otp: str | None = field(default=None, repr=False)

    @property
    def lanes(self) -> dict[str, Any]:
        """What the tries are counted by."""
        device = None if self.device is None else _digest(self.device)
        return {"login": self.login, "address": self.address, "device": device}


@dataclass(frozen=True)
class Tokens:
    """What somebody who has logged in is given."""

    access: str = field(repr=False)
    refresh: str | None = field(repr=False)
    role: str


def log_in(
    engine: data.db.Engine, keyring: Keyring, asked: Asked, *, now: datetime, need_factor: Collection[str] = ()
) -> Tokens:
    """Check password and second factor and begin a session; whatever is wrong in a password, the answer is the same.

    `need_factor`: the roles in which nobody acts who has not enrolled a second factor.
    """
    user_id, _ = _known(engine, asked)
    factor = _second(engine, keyring, user_id, asked, now=now)
    if not factor.enrolled and factor.role in need_factor:
        raise NotKnown("auth.enrol")
    device = asked.lanes["device"]
    secret = secrets.token_urlsafe(32) if device else None
    with data.db.transaction(engine) as session:
        if factor.role is None:
            data.sessions.forgive(session, **asked.lanes)
        held = factor.role and data.sessions.add(
            session, user_id, role=factor.role, address=asked.address, device=device,
            refresh=_digest(secret) if secret else None, lasts=DEVICE_FOR if device else api.auth.ACCESS_FOR,
        )  # fmt: skip
    if not held:
        raise NotKnown("auth.no_role")
    return _tokens(keyring, held, secret, now)


def change_password(engine: data.db.Engine, keyring: Keyring, asked: Asked, new: str, *, now: datetime) -> None:
    """Put a new password of one's own in the place of the old one, and end all that was opened with it."""
    user_id, kept = _known(engine, asked)
    if new == asked.password:
        raise Invalid("users.same_password")
    following = api.passwords.digest(new, login=asked.login)
    _second(engine, keyring, user_id, asked, now=now)
    with data.db.transaction(engine) as session:
        if not data.sessions.change_password(session, user_id, kept=kept, following=following):
            raise NotKnown("auth.wrong")
        data.sessions.forgive(session, **asked.lanes)


def enrol(engine: data.db.Engine, keyring: Keyring, asked: Asked, *, now: datetime) -> Enrolment:
    """Give a second factor to whoever has the password, and the factor she had before; it counts once it is proved."""
    user_id, _ = _known(engine, asked)
    _second(engine, keyring, user_id, asked, now=now)
    made = api.factors.enrol(asked.login)
    codes = [api.factors.digest(code) for code in made.recovery_codes]
    with data.db.transaction(engine) as session:
        data.factors.put(session, user_id, sealed=keyring.seal.close(made.secret), codes=codes)
        data.sessions.forgive(session, **asked.lanes)
    return made


def prove(engine: data.db.Engine, keyring: Keyring, asked: Asked, *, now: datetime) -> None:
    """A code shows that the secret has arrived; from now on nobody logs in without one."""
    user_id, _ = _known(engine, asked)
    with data.db.transaction(engine) as session:
        factor = data.factors.get(session, user_id)
    if factor.secret_sealed is None or factor.enrolled:
        raise Conflict("auth.no_enrolment")
    _use(engine, keyring, user_id, factor.secret_sealed, asked.otp, now=now)
    with data.db.transaction(engine) as session:
        data.sessions.forgive(session, **asked.lanes)


def refresh(engine: data.db.Engine, keyring: Keyring, token: str, *, device: str, now: datetime) -> Tokens:
    """Give the next pair of tokens for a refresh token that is used on its own device."""
    parts = REFRESH.fullmatch(token)
    if parts is None:
        raise NotKnown("auth.refresh")
    sid, secret = parts.groups()
    following = _following(keyring, secret)
    with data.db.transaction(engine) as session:  # committed before the refusal: a copied token ends its session
        held = data.sessions.renew(
            session, sid, device=_digest(device), shown=_digest(secret), following=_digest(following)
        )
    if held is None:
        raise NotKnown("auth.refresh")
    return _tokens(keyring, held, following, now)


def log_out(engine: data.db.Engine, keyring: Keyring, token: str) -> None:
    """End the session of an access or refresh token; one that is no good is as good as ended."""
    parts = REFRESH.fullmatch(token)
    try:
        sid = parts[1] if parts else api.auth.session_of(token, keyring)
    except NotKnown:
        return
    with data.db.transaction(engine) as session:
        data.sessions.close(session, sid)


def _known(engine: data.db.Engine, asked: Asked) -> tuple[int, str]:
    """Whose the right password is, and what is kept of it; the try is charged first."""
    with data.db.transaction(engine) as session:
        knock = data.sessions.knock(session, **asked.lanes)
    if knock.wait_s:
        raise TooMany("auth.wait", retry_after_s=knock.wait_s)
    right = api.passwords.right(asked.password, knock.password_hash)
    if not right or knock.user_id is None or knock.password_hash is None:
        raise NotKnown("auth.wrong")
    return knock.user_id, knock.password_hash


def _second(
    engine: data.db.Engine, keyring: Keyring, user_id: int, asked: Asked, *, now: datetime
) -> data.factors.Factor:  # fmt: skip
    """Ask for the second factor of whoever has one, after the right password; the charge stands until all is right."""
    with data.db.transaction(engine) as session:
        factor = data.factors.get(session, user_id, role=asked.role)
    if factor.enrolled and factor.secret_sealed is not None:
        _use(engine, keyring, user_id, factor.secret_sealed, asked.otp, now=now)
    return factor


def _use(
    engine: data.db.Engine, keyring: Keyring, user_id: int, sealed: str, otp: str | None, *, now: datetime
) -> None:  # fmt: skip
    """Use up a code; committed at once, so that it is used whatever becomes of the rest."""
    if otp is None:
        raise NotKnown("auth.otp")
    step = api.factors.step_of(keyring.seal.open(sealed), otp, now=now)
    with data.db.transaction(engine) as session:
        if not data.factors.use(session, user_id, step=step, code=None if step else api.factors.digest(otp)):
            raise NotKnown("auth.otp")


def _tokens(keyring: Keyring, held: data.sessions.Held, secret: str | None, now: datetime) -> Tokens:
    access = api.auth.access_token(keyring, user_id=held.user_id, session_id=held.id, now=now)
    return Tokens(access, f"wr_{held.id}_{secret}" if secret else None, held.role)


def _following(keyring: Keyring, secret: str) -> str:
    made = hmac.digest(keyring.token_key, f"refresh:{secret}".encode(), "sha256")
    return urlsafe_b64encode(made).decode().rstrip("=")


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
