"""What may be reported, who handles it, and by which rule: read by all, kept by an administrator."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path

import api.actions.catalogue
import data.categories
import gis.categories
from api.deps import Session, Who, WriteSession, allow
from api.schemas.areas import Code
from api.schemas.catalogue import (
    CategoryAnswer,
    CategoryBody,
    CategoryList,
    Clash,
    RuleAnswer,
    RuleBody,
    RuleList,
    UnitAnswer,
    UnitBody,
    UnitList,
)

router = APIRouter(prefix="/api", tags=["catalogue"])

ADMIN = allow("admin")
SEERS = allow("inspector", "community", "street", "planner", "admin")
Key = Annotated[Code, Path(description="A code of your own; an existing one is replaced.")]


@router.get("/categories", summary="What may be reported, with its time limits")
def categories(session: Session) -> CategoryList:
    """Limits marked as examples are ours, not taken from a standard; a place puts in its own."""
    return CategoryList(categories=[_category(row) for row in data.categories.search(session)])


@router.put("/categories/{code}", dependencies=[ADMIN], summary="Put a category in")
def set_category(code: Key, body: CategoryBody, session: WriteSession, who: Who) -> CategoryAnswer:
    """Reports that are open follow the new limit at their next move."""
    values = body.model_dump(exclude={"reason"}) | {"code": code}
    api.actions.catalogue.category(session, who, values, reason=body.reason)
    return _category(values)


@router.get("/units", dependencies=[SEERS], summary="Who handles reports")
def units(session: Session) -> UnitList:
    """Those no longer in use as well."""
    return UnitList(units=[UnitAnswer(**row) for row in data.categories.units(session)])


@router.put("/units/{code}", dependencies=[ADMIN], summary="Put a unit in")
def set_unit(code: Key, body: UnitBody, session: WriteSession, who: Who) -> UnitAnswer:
    """Units are never taken out, since old reports name them; they go out of use."""
    values = body.model_dump(exclude={"reason"}) | {"code": code}
    api.actions.catalogue.unit(session, who, values, reason=body.reason)
    return UnitAnswer(**values)


@router.get("/routing-rules", dependencies=[SEERS], summary="By which rule a report goes to which unit")
def rules(session: Session) -> RuleList:
    """And which rules are in each other's way."""
    return _rules(session, data.categories.routing(session))


@router.put("/routing-rules/{rule_id}", dependencies=[ADMIN], summary="Put a routing rule in")
def set_rule(rule_id: Key, body: RuleBody, session: WriteSession, who: Who) -> RuleList:
    """Refused where it says the opposite of another rule for the same category and area."""
    values = body.model_dump(exclude={"reason"}) | {"id": rule_id}
    api.actions.catalogue.rule(session, who, values, reason=body.reason)
    return _rules(session, data.categories.routing(session))


def _rules(session: Session, rows: list[dict[str, Any]]) -> RuleList:
    found = [Clash(**vars(clash)) for clash in api.actions.catalogue.clashes(session)]
    return RuleList(rules=[RuleAnswer(**row) for row in rows], clashes=found)


def _category(row: dict[str, Any]) -> CategoryAnswer:
    return CategoryAnswer(**row, example=row["source"] == gis.categories.EXAMPLE)
