"""The catalogue of what may be reported, the units that handle it, and the rules by which it goes to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.dialects.postgresql import insert

import data.tables
import gis.categories
from data.db import Session
from gis.categories import Catalogue, Category
from gis.deadlines import Limit
from gis.routing import Rule


def catalogue(session: Session) -> Catalogue:
    """What may be reported now."""
    table = data.tables.category
    rows = session.execute(select(table).where(table.c.active).order_by(table.c.code)).mappings()
    return gis.categories.catalogue(category(dict(row)) for row in rows)


def category(row: Mapping[str, Any]) -> Category:
    """A row of the table as the rules know it."""
    return Category(
        row["code"], row["family"], row["name_zh"], row["name_en"],
        Limit(row["amount"], row["unit"], row["warn_before"]), row["near_m"], row["near_days"], row["source"],
    )  # fmt: skip


def search(session: Session) -> list[dict[str, Any]]:
    """Every category, those no longer in use as well."""
    return _all(session, data.tables.category)


def units(session: Session) -> list[dict[str, Any]]:
    """Every unit, those no longer in use as well."""
    return _all(session, data.tables.unit)


def routing(session: Session) -> list[dict[str, Any]]:
    """Every routing rule, those no longer in use as well."""
    return _all(session, data.tables.routing_rule)


def rules(session: Session) -> list[Rule]:
    """The routing rules in use."""
    return [Rule(row["id"], row["category"], row["area"], row["unit"]) for row in routing(session) if row["active"]]


def set(session: Session, values: Mapping[str, Any]) -> None:
    """Put a category in, or in place of the one with its code."""
    _set(session, data.tables.category, values)


def set_unit(session: Session, values: Mapping[str, Any]) -> None:
    """Put a unit in, or in place of the one with its code."""
    _set(session, data.tables.unit, values)


def set_rule(session: Session, values: Mapping[str, Any]) -> None:
    """Put a routing rule in, or in place of the one with its id."""
    _set(session, data.tables.routing_rule, values)


def _all(session: Session, table: Table) -> list[dict[str, Any]]:
    return [dict(row) for row in session.execute(select(table).order_by(*table.primary_key)).mappings()]


def _set(session: Session, table: Table, values: Mapping[str, Any]) -> None:
    keys = list(table.primary_key)
    session.execute(insert(table).values(values).on_conflict_do_update(index_elements=keys, set_=dict(values)))
