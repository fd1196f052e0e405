"""What may be reported, who handles it and by which rule: kept by an administrator, who says why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import data.areas
import data.audit
import data.categories
import gis.routing
from gis.errors import Conflict
from gis.routing import Clash

if TYPE_CHECKING:
    from api.auth import Caller
    from data.db import Session


def category(session: Session, who: Caller, values: dict[str, Any], *, reason: str) -> None:
    """Put a category in, or in place of the one with its code; limits of reports that are open follow at their next
    move."""
    data.categories.category(values)
    data.categories.set(session, values)
    _log(session, who, "category.set", values["code"], reason)


def unit(session: Session, who: Caller, values: dict[str, Any], *, reason: str) -> None:
    """Put a unit in, or in place of the one with its code."""
    data.categories.set_unit(session, values)
    _log(session, who, "unit.set", values["code"], reason)


def rule(session: Session, who: Caller, values: dict[str, Any], *, reason: str) -> list[Clash]:
    """Put a routing rule in, or in place of the one with its id; refused where it says the opposite of another.

    Returns the pairs that are perhaps not what was meant.
    """
    data.categories.set_rule(session, values)
    found = clashes(session)
    equal = [clash for clash in found if clash.sort == "equal" and values["id"] in clash.rules]
    if equal:
        raise Conflict("routing.clash", rules=list(equal[0].rules))
    _log(session, who, "routing_rule.set", values["id"], reason)
    return found


def clashes(session: Session) -> list[Clash]:
    """Which rules in use are in each other's way."""
    families = {code: each.family for code, each in data.categories.catalogue(session).items()}
    parents = data.areas.parents(session)
    return gis.routing.clashes(data.categories.rules(session), families=families, parents=parents)


def _log(session: Session, who: Caller, action: str, subject: str, reason: str) -> None:
    data.audit.record(session, actor=who.actor, action=action, subject=subject, purpose=reason)
