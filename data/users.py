"""The people who use it, and what they are assigned to do where and from when to when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import pandas as pd
from sqlalchemy import func, insert, or_, select, text, update

import data.areas
from data.copying import fetch
from data.db import Session, copy
from data.tables import app_user, assignment
from gis.errors import NotFound
from gis.roles import LEVELS

#: Never the password hash, which no role of the application may read, nor what only the door asks for.
SHOWN = [column for column in app_user.c if column.name not in ("password_hash", "tokens_from")]


def add(session: Session, *, login: str, name: str, synthetic: bool, **more: Any) -> int:
    """Add one account and say its number."""
    values: Mapping[str, Any] = {"login": login, "name": name, "synthetic": synthetic, **more}
    return int(session.execute(insert(app_user).values(values).returning(app_user.c.id)).scalar_one())


def add_frame(session: Session, staff: pd.DataFrame, *, valid_from: date, synthetic: bool) -> int:
    """Add staff with their assignments: login, name, role, area_code[, duty]; one row is one assignment.

    A login that comes twice is one person with two assignments. The area of an assignment also gives its place codes.
    """
    lineage = data.areas.lineage(session, as_of=valid_from)
    place = lineage.reindex(staff["area_code"]).fillna("").replace("", None).reset_index(drop=True)
    people = ~staff["login"].duplicated().to_numpy()
    flags = [synthetic] * len(staff)
    account = pd.concat([staff[["login", "name"]].reset_index(drop=True).assign(synthetic=flags), place], axis=1)
    copy(session, app_user, account[people])
    known = dict(session.execute(select(app_user.c.login, app_user.c.id)).all())
    rows = staff[[name for name in ("role", "duty", "area_code") if name in staff]].reset_index(drop=True)
    rows = rows.assign(user_id=staff["login"].map(known).to_numpy(), valid_from=valid_from)
    return copy(session, assignment, pd.concat([rows, place], axis=1))


def get(session: Session, user_id: int) -> dict[str, Any]:
    """One account."""
    row = session.execute(select(*SHOWN).where(app_user.c.id == user_id)).mappings().one_or_none()
    if row is None:
        raise NotFound("users.absent", user_id=user_id)
    return dict(row)


def find(session: Session, login: str) -> dict[str, Any] | None:
    """The account of a login."""
    row = session.execute(select(*SHOWN).where(app_user.c.login == login)).mappings().one_or_none()
    return None if row is None else dict(row)


def set(session: Session, user_id: int, **values: Any) -> None:
    """Change columns of one account."""
    changed = session.execute(update(app_user).where(app_user.c.id == user_id).values(values))
    if not changed.rowcount:  # type: ignore[attr-defined]
        raise NotFound("users.absent", user_id=user_id)


class Given(NamedTuple):
    """An assignment as it was made."""

    id: int
    #: Whether it counts only when a second person has confirmed it.
    waits: bool


def assign(
    session: Session, user_id: int, *, role: str, area_code: str, valid_from: date, duty: str | None = None
) -> Given:
    """Give somebody a role in an area from a day on; by an administrator it is a proposal, if it lets see persons."""
    lineage = data.areas.lineage(session, as_of=valid_from)
    if area_code not in lineage.index:
        raise NotFound("areas.absent", code=area_code)
    place = {name: code or None for name, code in lineage.loc[area_code].items()}
    values = {"user_id": user_id, "role": role, "area_code": area_code, "valid_from": valid_from, "duty": duty} | place
    made = insert(assignment).values(values).returning(assignment.c.id, assignment.c.confirmed_at.is_(None))
    return Given(*session.execute(made).one())


def release(session: Session, assignment_id: int, *, valid_to: date, user_id: int | None = None) -> int:
    """End an assignment, of a certain user where one is said: from that day on it gives no right; says whose it was.

    One that ends sooner goes on ending then: rights are given by `assign` alone.
    """
    # One that has not begun never will.
    day = func.least(assignment.c.valid_to, func.greatest(assignment.c.valid_from, valid_to))
    ended = update(assignment).where(assignment.c.id == assignment_id).values(valid_to=day)
    if user_id is not None:
        ended = ended.where(assignment.c.user_id == user_id)
    whose = session.scalar(ended.returning(assignment.c.user_id))
    if whose is None:
        raise NotFound("users.no_assignment", assignment_id=assignment_id)
    return int(whose)


def search(session: Session, *, after: int = 0, limit: int = 1000) -> list[dict[str, Any]]:
    """Accounts in the order of their numbers."""
    asked = select(*SHOWN).where(app_user.c.id > after).order_by(app_user.c.id).limit(limit)
    return [dict(row) for row in session.execute(asked).mappings()]


def history(session: Session, user_ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """All assignments of some accounts, ended and future ones too, by account."""
    names = (
        "id", "user_id", "role", "duty", "area_code", "valid_from", "valid_to", "proposed_by", "confirmed_by",
        "confirmed_at",
    )  # fmt: skip
    columns = [assignment.c[name] for name in names]
    asked = select(*columns).where(assignment.c.user_id.in_(user_ids)).order_by(assignment.c.id)
    found: dict[int, list[dict[str, Any]]] = {user_id: [] for user_id in user_ids}
    for row in session.execute(asked).mappings():
        found[row["user_id"]].append({name: value for name, value in row.items() if name != "user_id"})
    return found


def assignments(session: Session, *, user_id: int | None = None, as_of: date | None = None) -> pd.DataFrame:
    """Who is assigned to do what where on a day."""
    asked = """
        SELECT assignment.id, user_id, login, app_user.name, role, duty, area_code, valid_from, valid_to
        FROM assignment JOIN app_user ON app_user.id = user_id
        WHERE daterange(valid_from, valid_to) @> %(day)s AND (%(user_id)s IS NULL OR user_id = %(user_id)s)
        ORDER BY assignment.id"""
    return fetch(session, asked, {"day": as_of or data.areas.today(session), "user_id": user_id})


def held(session: Session) -> dict[str, list[str]]:
    """What the caller may do today and in which areas, by role; what waits to be confirmed is not among it."""
    asked = "SELECT role, codes FROM unnest(:roles) AS role, wangge_private.my_codes(role) AS codes WHERE codes <> '{}'"
    return {role: sorted(codes) for role, codes in session.execute(text(asked), {"roles": list(LEVELS)}).all()}


def roles(session: Session, user_id: int, *, as_of: date) -> list[str]:
    """The roles somebody holds on a day, or will once they are confirmed."""
    held = select(assignment.c.role).distinct().where(
        assignment.c.user_id == user_id, assignment.c.valid_from <= as_of,
        or_(assignment.c.valid_to.is_(None), assignment.c.valid_to > as_of),
    )  # fmt: skip
    return sorted(session.scalars(held))
