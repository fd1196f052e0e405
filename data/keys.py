"""Keys of other systems: shown once when they are made, kept as a digest, found by their prefix."""

from __future__ import annotations

import hashlib
import secrets
import string
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import insert, select, text, update

from data.db import Session
from data.tables import api_key
from gis.errors import NotFound

PREFIX_LETTERS = string.ascii_lowercase + string.digits
#: Never the digest of the secret.
SHOWN = [column for column in api_key.c if column.name != "secret_hash"]


class Made(NamedTuple):
    """A key as it was made."""

    key: str
    id: int
    #: Whether it opens only when a second person has confirmed it.
    waits: bool


def add(
    session: Session, user_id: int, *, name: str, scopes: Sequence[str], fields: Sequence[str], expires_at: datetime
) -> Made:
    """Make a key for an account; nobody can show it again. By an administrator it may be a proposal."""
    prefix = "".join(secrets.choice(PREFIX_LETTERS) for _ in range(8))
    key = f"wg_{prefix}_{secrets.token_urlsafe(32)}"
    values = {"user_id": user_id, "name": name, "prefix": prefix, "secret_hash": digest(key),
              "scopes": list(scopes), "fields": list(fields), "expires_at": expires_at}  # fmt: skip
    made = insert(api_key).values(values).returning(api_key.c.id, api_key.c.confirmed_at.is_(None))
    return Made(key, *session.execute(made).one())


def digest(key: str) -> bytes:
    """What is kept of a key; it is random enough that a fast digest does."""
    return hashlib.sha256(key.encode()).digest()


def search(session: Session, *, after: int = 0, limit: int = 1000) -> list[dict[str, Any]]:
    """Keys in the order of their numbers, the revoked ones too."""
    asked = select(*SHOWN).where(api_key.c.id > after).order_by(api_key.c.id).limit(limit)
    return [dict(row) for row in session.execute(asked).mappings()]


def revoke(session: Session, key_id: int) -> None:
    """Make a key good for nothing from the next request on."""
    revoked = update(api_key).where(api_key.c.id == key_id, api_key.c.revoked_at.is_(None))
    if not session.execute(revoked.values(revoked_at=text("now()")).returning(api_key.c.id)).all():
        raise NotFound("keys.absent", key_id=key_id)
