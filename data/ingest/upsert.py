"""Rows that come a second time: those with a known key are updated, the others added, nothing is removed.

The rows go by COPY into a temporary table and from there, by two statements, into the real one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import sqlalchemy
from sqlalchemy import MetaData, Table, bindparam, func, insert, select, tuple_, update

import data.places
from data.db import Session, copy

INCOMING = "incoming"


@dataclass(frozen=True)
class Counts:
    """What an import did, or would do; `untouched` rows were there and are not in the file."""

    added: int
    changed: int
    unchanged: int
    untouched: int


def upsert(
    session: Session, frame: gpd.GeoDataFrame, table: Table, *, key: str, given: Iterable[str], import_id: int
) -> Counts:
    """Add the rows of the frame or, where the key is known, set the columns `given` to what they say.

    Columns of the frame that are not `given` are the defaults of new rows; old rows keep what they have. A row that
    would not change keeps its import and its time of change too.
    """
    before = session.scalar(select(func.count()).select_from(table)) or 0
    columns = data.places.rows(frame, table, import_id=None)
    if before == 0:
        copy(session, table, columns | {"import_id": np.full(len(frame), import_id)})
        return Counts(len(frame), 0, 0, 0)
    incoming = _stage(session, table, columns)
    changed = _change(session, table, incoming, key, sorted({*given} & {*columns}), import_id)
    added = _add(session, table, incoming, key, import_id)
    session.execute(sqlalchemy.schema.DropTable(incoming))
    known = len(frame) - added
    return Counts(added, changed, known - changed, before - known)


def keep_known(session: Session, frame: gpd.GeoDataFrame, table: Table, *, key: str, import_id: int) -> Counts:
    """Add the rows whose key is new; known rows stay as they are, since they have a history of their own."""
    return upsert(session, frame, table, key=key, given=(), import_id=import_id)


def _stage(session: Session, table: Table, columns: Mapping[str, Any]) -> Table:
    """A temporary table with these columns, types and nothing else."""
    made = [sqlalchemy.Column(name, table.c[name].type) for name in columns]
    incoming = Table(INCOMING, MetaData(), *made, prefixes=["TEMPORARY"])
    session.execute(sqlalchemy.schema.CreateTable(incoming))
    copy(session, incoming, columns)
    session.execute(sqlalchemy.text(f"ANALYZE {INCOMING}"))
    return incoming


def _change(session: Session, table: Table, incoming: Table, key: str, given: list[str], import_id: int) -> int:
    if not given:
        return 0
    old, new = (tuple_(*(side.c[name] for name in given)) for side in (table, incoming))
    values: dict[str, Any] = {name: incoming.c[name] for name in given} | {"import_id": bindparam("import_id_")}
    if "updated_at" in table.c:
        values["updated_at"] = func.now()
    stated = update(table).where(table.c[key] == incoming.c[key], old.is_distinct_from(new)).values(values)
    return int(session.execute(stated, {"import_id_": import_id}).rowcount)  # type: ignore[attr-defined]


def _add(session: Session, table: Table, incoming: Table, key: str, import_id: int) -> int:
    names = [column.name for column in incoming.c]
    known = select(1).where(table.c[key] == incoming.c[key]).exists()
    # As plain names: a Geometry column would be selected as bytes.
    bare: list[Any] = [sqlalchemy.literal_column(f"{INCOMING}.{name}") for name in names]
    rows = select(*bare, sqlalchemy.literal(import_id)).select_from(incoming).where(~known)
    stated = insert(table).from_select([*names, "import_id"], rows)
    return int(session.execute(stated).rowcount)  # type: ignore[attr-defined]
