"""Codes of half a minute (TOTP, RFC 6238) and recovery codes: what a second factor is made of."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

DIGITS, PERIOD_S = 6, 30
#: RFC 4226, 4: as long as the digest.
SECRET_BYTES = 20
RECOVERY_CODES = 8
ISSUER = "wangge"


@dataclass(frozen=True)
class Enrolment:
    """What somebody is shown once: a secret for her device, as text and as an address for a QR code, and codes."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)
    recovery_codes: list[str] = field(repr=False)


def enrol(login: str) -> Enrolment:
    """A new secret and new recovery codes."""
    secret = secrets.token_bytes(SECRET_BYTES)
    codes = [secrets.token_hex(8) for _ in range(RECOVERY_CODES)]
    return Enrolment(base64.b32encode(secret).decode(), _totp(secret).get_provisioning_uri(login, ISSUER), codes)


def step_of(secret: str, code: str, *, now: datetime) -> int | None:
    """The number of the half minute a code belongs to: this one, the last or the next; None: of none."""
    totp, current = _totp(base64.b32decode(secret)), int(now.timestamp()) // PERIOD_S
    steps = range(current - 1, current + 2)
    return next((step for step in steps if hmac.compare_digest(totp.generate(step * PERIOD_S), code.encode())), None)


def digest(code: str) -> bytes:
    """What is kept of a recovery code; it is random enough that a fast digest does."""
    return hashlib.sha256(code.encode()).digest()


def _totp(secret: bytes) -> TOTP:
    return TOTP(secret, DIGITS, SHA1(), PERIOD_S)
