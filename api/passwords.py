"""Passwords: how they are kept, and what they cost to try."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import BoundedSemaphore

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from gis.errors import Busy, Invalid

#: Argon2id as OWASP proposes it: 19 MiB, two passes, one lane.
HASHER = PasswordHash([Argon2Hasher(time_cost=2, memory_cost=19_456, parallelism=1)])
SHORTEST, LONGEST = 10, 128
#: More at once would only take memory, and the threads that answer everybody else.
AT_ONCE = BoundedSemaphore(max(2, os.cpu_count() or 1))
PATIENCE_S = 2.0


def digest(password: str, *, login: str) -> str:
    """What is kept of a password; refused when it is too easily guessed."""
    if not SHORTEST <= len(password) <= LONGEST or login.casefold() in password.casefold():
        raise Invalid("users.password", shortest=SHORTEST, longest=LONGEST)
    with _turn():
        return HASHER.hash(password)


def right(password: str, kept: str | None) -> bool:
    """Whether it is the password that `kept` is the digest of; as slow for a login that there is not."""
    nobody = _nobody()
    with _turn():
        return HASHER.verify(password, kept or nobody) and kept is not None


@cache
def _nobody() -> str:
    return HASHER.hash(secrets.token_urlsafe())


@contextmanager
def _turn() -> Iterator[None]:
    if not AT_ONCE.acquire(timeout=PATIENCE_S):
        raise Busy("auth.busy")
    try:
        yield
    finally:
        AT_ONCE.release()
