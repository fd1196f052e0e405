"""Logging in, and what follows from it: one session is one person on one device.

All but the last of these calls are `wangge_login`'s alone, made before anybody is let in; only the functions of the
database behind them see what is secret.
"""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import text

from data.db import Session

KNOCK = "SELECT wait_s, user_id, password_hash FROM wangge_private.door_knock(:login, :address, :device)"
OPEN = "SELECT id, role FROM wangge_private.door_open(:user_id, :role, :address, :device, :refresh, :lasts)"
REFRESH = "SELECT user_id, role FROM wangge_private.door_refresh(CAST(:sid AS uuid), :device, :shown, :following)"
FORGIVE = "SELECT wangge_private.door_forgive(:login, :address, :device)"
PASSWORD = "SELECT wangge_private.door_password(:user_id, :kept, :following)"
CLOSE = "SELECT wangge_private.door_close(CAST(:sid AS uuid))"


class Knock(NamedTuple):
    """What a try to log in meets: how long it must wait; or an account, and the digest of its password."""

    wait_s: int
    user_id: int | None
    password_hash: str | None


class Held(NamedTuple):
    """A session that was given out or renewed."""

    id: str
    user_id: int
    role: str


def knock(session: Session, *, login: str, address: str, device: bytes | None) -> Knock:
    """Charge one try, before the password is looked at; it counts only once it is committed."""
    row = session.execute(text(KNOCK), {"login": login, "address": address, "device": device}).one()
    return Knock(*row)


def add(
    session: Session, user_id: int, *, role: str | None, address: str, device: bytes | None, refresh: bytes | None,
    lasts: timedelta,
) -> Held | None:  # fmt: skip
    """Begin a session after the right password, in a role that is held today; None where there is none such."""
    values = {"user_id": user_id, "role": role, "address": address, "device": device, "refresh": refresh}
    row = session.execute(text(OPEN), values | {"lasts": lasts}).one_or_none()
    return None if row is None else Held(str(row.id), user_id, row.role)


def renew(session: Session, sid: str, *, device: bytes, shown: bytes, following: bytes) -> Held | None:
    """Replace a refresh token; None where it is no longer good: commit then too, since a copy ends the session."""
    values = {"sid": sid, "device": device, "shown": shown, "following": following}
    row = session.execute(text(REFRESH), values).one_or_none()
    return None if row is None else Held(sid, row.user_id, row.role)


def close(session: Session, sid: str) -> None:
    """She logs out."""
    session.execute(text(CLOSE), {"sid": sid})


def forgive(session: Session, *, login: str, address: str, device: bytes | None) -> None:
    """Take back the charge of a try in which all was right; `add` does so by itself."""
    session.execute(text(FORGIVE), {"login": login, "address": address, "device": device})


def change_password(session: Session, user_id: int, *, kept: str, following: str) -> bool:
    """Put one's own new password in the place of the old one, which was right; False where it is no longer that."""
    return bool(session.scalar(text(PASSWORD), {"user_id": user_id, "kept": kept, "following": following}))


def end(session: Session, user_id: int, *, why: str) -> int:
    """End all her sessions at once, and what another provider gave her before now; how many sessions there were."""
    return int(session.scalar(text("SELECT wangge_private.log_out(:user_id, :why)"), {"user_id": user_id, "why": why}))
