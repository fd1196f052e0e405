"""Households with elders, for the inspector and the staff of their area; the database decides which."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

import api.actions.households
import data.population
from api.actions.coverage import Question
from api.deps import Limit, Session, Today, allow, next_link
from api.schemas.areas import Code
from api.schemas.households import Explanation, Household, HouseholdList
from api.schemas.scenarios import Kind

router = APIRouter(
    prefix="/api/households", tags=["households"], dependencies=[allow("inspector", "community", "street")]
)

Number = Annotated[int, Path(ge=1, le=2**53)]


@router.get("", summary="The households of one's own area")
def search(
    request: Request,
    session: Session,
    within: Annotated[Code | None, Query(description="Only those of this area.")] = None,
    after: Annotated[int | None, Query(ge=1, le=2**53, description="From the `next` link.")] = None,
    limit: Limit = 100,
) -> HouseholdList:
    """In the order of their numbers."""
    rows = data.population.search(session, within=within, after=after, limit=limit)
    last = rows[-1]["id"] if rows else None
    return HouseholdList(
        households=[Household(**row) for row in rows],
        next=next_link(request, rows=len(rows), limit=limit, after=last),
    )


@router.get("/{household_id}", summary="One household of one's own area")
def get(session: Session, household_id: Number) -> Household:
    """What is absent and what is not one's own are answered alike."""
    return Household(**data.population.get(session, household_id))


@router.get("/{household_id}/coverage", summary="Why a household is covered by a kind of facility, or not")
def coverage(
    request: Request,
    session: Session,
    today: Today,
    household_id: Number,
    kind: Kind,
    minutes: Annotated[float, Query(ge=0.1, le=180)] = 10,
    metres: Annotated[float, Query(ge=1, le=20_000)] = 500,
) -> Explanation:
    """The walk to the nearest facilities by its parts, and as lines, in the household's own profile."""
    question = Question(minutes=minutes, metres=metres)
    found = api.actions.households.coverage(
        session, request.app.state.kept, household_id, question, kind=kind, today=today
    )
    return Explanation(**found)
