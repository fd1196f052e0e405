"""The one statement with which a request enters the database: it proves who is asking and takes on her rights.

`wangge_login` may do nothing else before: whoever is not known keeps that role, or becomes `wangge_public`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from data.db import REQUEST_MS, Session, ask

#: `{who}` is one row at most; the settings are made for that row only, and last until the transaction ends.
ENTER = """
    SELECT user_id, login, role, key_id, scopes, set_config('wangge.user_id', coalesce(user_id::text, ''), true),
           set_config('wangge.key_id', coalesce(key_id::text, ''), true),
           set_config('statement_timeout', %(ms)s, true), set_config('transaction_read_only', %(read_only)s, true),
           set_config('role', 'wangge_' || role, true)
    FROM {who}"""
NOBODY = """(
    SELECT NULL::bigint AS user_id, '' AS login, 'public' AS role, NULL::bigint AS key_id, NULL::text[] AS scopes
) AS nobody"""
SESSION = "wangge_private.door_session(%(sid)s)"
KEY = "wangge_private.door_key(%(prefix)s, %(secret_hash)s)"
LOGIN = "wangge_private.door_login(%(login)s, %(issued)s)"


@dataclass(frozen=True)
class Entered:
    """Somebody who is let in now, and as what."""

    user_id: int | None
    login: str
    role: str
    key_id: int | None
    scopes: frozenset[str] | None


def by_session(session: Session, sid: str, *, read_only: bool) -> Entered | None:
    """Enter with the number of a session; None where it has ended, or its role has."""
    return _enter(session, SESSION, read_only, sid=sid)


def by_key(session: Session, prefix: str, secret_hash: bytes, *, read_only: bool) -> Entered | None:
    """Enter with a key; None where there is none such, or no longer."""
    return _enter(session, KEY, read_only, prefix=prefix, secret_hash=secret_hash)


def by_login(session: Session, login: str, *, issued: datetime, read_only: bool) -> Entered | None:
    """Enter as somebody another provider vouched for at a moment; None without account, without role, or logged out."""
    return _enter(session, LOGIN, read_only, login=login, issued=issued)


def as_nobody(session: Session, *, read_only: bool) -> None:
    """Enter without a name."""
    _enter(session, NOBODY, read_only)


def _enter(session: Session, who: str, read_only: bool, **proof: Any) -> Entered | None:
    values = {"ms": str(REQUEST_MS), "read_only": "on" if read_only else "off", **proof}
    row = ask(session, ENTER.format(who=who), values)
    if not row:
        return None
    user_id, login, role, key_id, scopes, *_ = row
    return Entered(user_id, login, role, key_id, None if scopes is None else frozenset(scopes))
