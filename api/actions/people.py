"""Accounts, what they are assigned to do where, and keys: each change with its row in the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import api.passwords
import data.areas
import data.audit
import data.confirmations
import data.factors
import data.keys
import data.sessions
import data.users
import gis.roles
from gis.errors import Conflict, Invalid, NotAllowed, NotFound

if TYPE_CHECKING:
    import data.db
    from api.auth import Caller


@dataclass(frozen=True)
class Account:
    """Somebody who is to have an account; without a password she cannot log in by one."""

    login: str
    name: str
    password: str | None = field(default=None, repr=False)
    #: Where she belongs; her own street and community see her account.
    area_code: str | None = None
    synthetic: bool = False


@dataclass(frozen=True)
class Duty:
    """What somebody is to do, where, and from when."""

    role: str
    area_code: str
    valid_from: date
    #: Her rank in the staffing chain: 网格长, 网格员 or 楼长.
    duty: str | None = None


@dataclass(frozen=True)
class KeyFor:
    """What a key is to be good for."""

    name: str
    scopes: Sequence[str]
    fields: Sequence[str]
    expires_at: datetime


def add(session: data.db.Session, who: Caller, account: Account, *, today: date) -> int:
    """Open an account; its number."""
    kept = None if account.password is None else api.passwords.digest(account.password, login=account.login)
    user_id = data.users.add(
        session, login=account.login, name=account.name, synthetic=account.synthetic, password_hash=kept,
        **_place(session, account.area_code, today),
    )  # fmt: skip
    _log(session, who, "user.add", user_id)
    return user_id


def change(
    session: data.db.Session, who: Caller, user_id: int, *, name: str | None = None, active: bool | None = None,
    password: str | None = None,
) -> None:  # fmt: skip
    """Change an account; a new password, or closing it, ends everything that was opened with it."""
    user = data.users.get(session, user_id)
    values: dict[str, Any] = {"name": name, "active": active}
    if password is not None:
        if user_id == who.user_id:
            raise NotAllowed("users.own_password")
        values["password_hash"] = api.passwords.digest(password, login=user["login"])
    given = {column: value for column, value in values.items() if value is not None}
    if not given:
        raise Invalid("users.no_change")
    hers = {"password_by": None, "password_handed": False} if password and who.role == "owner" else {}
    data.users.set(session, user_id, **given, **hers)
    _log(session, who, "user.change", user_id, changed=sorted(given))


def assign(session: data.db.Session, who: Caller, user_id: int, duty: Duty) -> data.users.Given:
    """Give somebody else a role in an area, or propose it."""
    if user_id == who.user_id:
        raise NotAllowed("users.self")
    data.users.get(session, user_id)
    gis.roles.check(duty.role, level=data.areas.get(session, duty.area_code, as_of=duty.valid_from)["level"])
    made = data.users.assign(
        session, user_id, role=duty.role, area_code=duty.area_code, valid_from=duty.valid_from, duty=duty.duty
    )
    facts = {"assignment": made.id, "role": duty.role, "area": duty.area_code, "waits": made.waits}
    _log(session, who, "user.assign", user_id, **facts)
    return made


def release(
    session: data.db.Session, who: Caller, assignment_id: int, *, valid_to: date, user_id: int | None = None
) -> None:
    """End an assignment, of a certain user where one is said, on a day; its rights go with it."""
    user_id = data.users.release(session, assignment_id, user_id=user_id, valid_to=valid_to)
    _log(session, who, "user.release", user_id, assignment=assignment_id, until=valid_to.isoformat())


def end_sessions(session: data.db.Session, who: Caller, user_id: int, *, lost: bool) -> int:
    """Log somebody out everywhere; a lost device is a strange one from then on. How many sessions there were."""
    data.users.get(session, user_id)
    ended = data.sessions.end(session, user_id, why="lost" if lost else "revoked")
    _log(session, who, "user.log_out", user_id, sessions=ended, lost=lost)
    return ended


def add_key(session: data.db.Session, who: Caller, user_id: int, asked: KeyFor, *, now: datetime) -> data.keys.Made:
    """Make a key for a partner, or propose it; the key itself is never shown again."""
    data.users.get(session, user_id)
    if asked.expires_at <= now:
        raise Invalid("keys.past")
    if "partner" not in data.users.roles(session, user_id, as_of=data.areas.today(session)):
        raise Conflict("keys.no_partner", user_id=user_id)
    for given, known in ((asked.scopes, gis.roles.SCOPES), (asked.fields, gis.roles.FIELDS)):
        if strange := sorted(set(given) - set(known)):
            raise Invalid("keys.unknown", names=strange, known=list(known))
    made = data.keys.add(
        session, user_id, name=asked.name, scopes=asked.scopes, fields=asked.fields, expires_at=asked.expires_at
    )
    facts = {"key": made.id, "scopes": list(asked.scopes), "fields": list(asked.fields), "waits": made.waits}
    _log(session, who, "key.add", user_id, **facts)
    return made


def end_factor(session: data.db.Session, who: Caller, user_id: int) -> None:
    """Take away the second factor that somebody else has lost; by an administrator her rights wait again."""
    data.users.get(session, user_id)
    if user_id == who.user_id:
        raise NotAllowed("users.own_factor")
    if not data.factors.end(session, user_id):
        raise NotFound("users.no_factor", user_id=user_id)
    _log(session, who, "factor.end", user_id)


def confirm(session: data.db.Session, user_id: int) -> int:
    """Confirm, as the owner of the machine, whatever somebody is assigned to that waits; how many assignments."""
    waiting = data.confirmations.search(session, limit=1_000_000)
    hers = [row["id"] for row in waiting if (row["what"], row["user_id"]) == ("assignment", user_id)]
    if not hers:
        raise NotFound("confirm.absent")
    for number in hers:
        data.confirmations.decide(session, "assignment", number, granted=True)
    return len(hers)


def revoke_key(session: data.db.Session, who: Caller, key_id: int) -> None:
    """Make a key good for nothing."""
    data.keys.revoke(session, key_id)
    data.audit.record(session, actor=who.actor, action="key.revoke", subject=f"key:{key_id}")


def numbered(session: data.db.Session, login: str) -> int:
    """The number of the account with a login."""
    user = data.users.find(session, login)
    if user is None:
        raise NotFound("users.no_login", login=login)
    return int(user["id"])


def _place(session: data.db.Session, area_code: str | None, today: date) -> dict[str, str | None]:
    if area_code is None:
        return {}
    lineage = data.areas.lineage(session, as_of=today)
    if area_code not in lineage.index:
        raise NotFound("areas.absent", code=area_code)
    return {str(name): code or None for name, code in lineage.loc[area_code].items()}


def _log(session: data.db.Session, who: Caller, action: str, user_id: int, **facts: object) -> None:
    data.audit.record(session, actor=who.actor, action=action, subject=f"user:{user_id}", facts=facts)
