"""The second factor of those who log in: a sealed secret, and how far its codes have been used.

All but the last two of these calls are `wangge_login`'s alone, made after the right password and before anybody is in.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import select, text, update

from data.db import Session
from data.keyring import Seal
from data.tables import second_factor

GET = "SELECT role, secret_sealed, enrolled FROM wangge_private.door_factor(:user_id, :role)"
PUT = "SELECT wangge_private.door_factor_put(:user_id, :sealed, :codes)"
USE = "SELECT wangge_private.door_factor_use(:user_id, :step, :code)"


class Factor(NamedTuple):
    """In which role somebody would act, and what else she must show."""

    role: str | None
    secret_sealed: str | None
    #: Whether a code has proved once that she holds the secret.
    enrolled: bool


def get(session: Session, user_id: int, *, role: str | None = None) -> Factor:
    """What is asked of somebody who wants to act in a role."""
    return Factor(*session.execute(text(GET), {"user_id": user_id, "role": role}).one())


def put(session: Session, user_id: int, *, sealed: str, codes: list[bytes]) -> None:
    """Give her a secret, which counts when a code has proved it, and recovery codes; what she had is over."""
    session.execute(text(PUT), {"user_id": user_id, "sealed": sealed, "codes": codes})


def use(session: Session, user_id: int, *, step: int | None = None, code: bytes | None = None) -> bool:
    """Use up the code of a half minute, or a recovery code; False where it was used before, or there is none such."""
    return bool(session.scalar(text(USE), {"user_id": user_id, "step": step, "code": code}))


def end(session: Session, user_id: int) -> bool:
    """Take away what somebody else has lost; by an administrator a second person must confirm her rights again."""
    return bool(session.scalar(text("SELECT wangge_private.factor_end(:user_id)"), {"user_id": user_id}))


def renew(session: Session, seal: Seal) -> None:
    """Close all secrets with the newest key."""
    kept = select(second_factor.c.user_id, second_factor.c.secret_sealed).with_for_update()
    for row in session.execute(kept).all():
        changed = update(second_factor).where(second_factor.c.user_id == row.user_id)
        session.execute(changed.values(secret_sealed=seal.renew(row.secret_sealed)))
