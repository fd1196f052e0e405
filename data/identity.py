"""The persons of a household: masked for those who may see the household, encrypted for those who say why they ask."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd
from sqlalchemy import BigInteger, bindparam, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY

import gis.masking
from data.copying import copy
from data.db import Session
from data.keyring import Seal
from data.tables import elder

#: Personal column to how it is masked; of health nothing is shown.
MASKS: dict[str, Callable[[str], str] | None] = {
    "name": gis.masking.name,
    "phone": gis.masking.phone,
    "id_card": gis.masking.id_card,
    "health": None,
}
SEALED = [elder.c[f"{column}_sealed"] for column in MASKS]
REVEAL = "SELECT * FROM wangge_private.reveal(:household_id, :purpose)"


def add(session: Session, persons: pd.DataFrame, *, seal: Seal, synthetic: bool, import_id: int | None = None) -> int:
    """Add persons: household_id, name[, phone, id_card, health, consent], legal_basis; how many.

    A person's place is that of the household; a trigger sees to it.
    """
    flags = [synthetic] * len(persons)
    made = {"household_id": persons["household_id"], "legal_basis": persons["legal_basis"], "synthetic": flags}
    made |= {"consent": persons["consent"]} if "consent" in persons else {}
    made |= {} if import_id is None else {"import_id": [import_id] * len(persons)}
    for column, mask in MASKS.items():
        if column in persons:
            values = persons[column].astype(object).where(persons[column].notna(), None)
            made[f"{column}_sealed"] = _each(seal.close, values)
            made |= {f"{column}_masked": _each(mask, values)} if mask else {}
    return copy(session, elder, made)


def replace(session: Session, persons: pd.DataFrame, *, seal: Seal, synthetic: bool, import_id: int) -> int:
    """Put these persons in the place of all there were in their households; how many went."""
    households = sorted(set(persons["household_id"].tolist()))
    theirs = elder.c.household_id == func.any(bindparam("of", households, ARRAY(BigInteger)))
    gone = session.execute(delete(elder).where(theirs).returning(elder.c.id)).all()
    add(session, persons, seal=seal, synthetic=synthetic, import_id=import_id)
    return len(gone)


def search(session: Session, household_id: int) -> list[dict[str, Any]]:
    """The persons of a household that the caller may see, masked."""
    asked = text("SELECT id, name, phone, consent, legal_basis, synthetic FROM elder_masked"
                 " WHERE household_id = :household_id ORDER BY id")  # fmt: skip
    return [dict(row) for row in session.execute(asked, {"household_id": household_id}).mappings()]


def reveal(session: Session, household_id: int, *, purpose: str, seal: Seal) -> list[dict[str, Any]]:
    """The persons of a household as they are; what is asked for is in the log once this transaction is committed.

    Whoever calls must commit before anything of the answer leaves the house.
    """
    rows = session.execute(text(REVEAL), {"household_id": household_id, "purpose": purpose}).mappings().all()
    return [{"id": row["id"]} | {column: _opened(seal, row[f"{column}_sealed"]) for column in MASKS} for row in rows]


def renew(session: Session, seal: Seal, *, after: int, limit: int) -> int | None:
    """Encrypt some persons anew under the newest key; the number of the last of them, or None when there were none."""
    asked = select(elder.c.id, *SEALED).where(elder.c.id > after).order_by(elder.c.id).limit(limit).with_for_update()
    rows = session.execute(asked).mappings().all()
    if not rows:
        return None
    names = [column.name for column in SEALED]
    values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
    renewed = [
        {"of": row["id"]} | {f"new_{name}": None if row[name] is None else seal.renew(row[name]) for name in names}
        for row in rows
    ]
    session.connection().execute(update(elder).where(elder.c.id == bindparam("of")).values(values), renewed)
    return int(rows[-1]["id"])


def count(session: Session) -> int:
    """How many persons the caller may see."""
    return int(session.scalar(select(func.count(elder.c.id))) or 0)


def _each(change: Callable[[str], str], values: Iterable[str | None]) -> list[str | None]:
    return [None if value is None else change(value) for value in values]


def _opened(seal: Seal, sealed: str | None) -> str | None:
    return None if sealed is None else seal.open(sealed)
