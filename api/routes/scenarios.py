"""Scenarios: what might be otherwise, kept under a name; for planners."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

import api.actions.scenarios
import data.scenarios
from api.deps import Session, Who, WriteSession, allow
from api.schemas.scenarios import Scenario, ScenarioAsked, ScenarioList, changes

router = APIRouter(prefix="/api/scenarios", tags=["planning"], dependencies=[allow("planner")])

Number = Annotated[int, Path(ge=1, le=2**53)]


@router.get("", summary="The scenarios, the newest first")
def search(session: Session) -> ScenarioList:
    """All that planners have kept."""
    return ScenarioList(scenarios=[Scenario(**row) for row in data.scenarios.search(session)])


@router.get("/{scenario_id}", summary="One scenario")
def get(session: Session, scenario_id: Number) -> Scenario:
    """Its changes in their order."""
    return Scenario(**data.scenarios.get(session, scenario_id))


@router.post("", summary="Keep changes under a name", status_code=201)
def add(session: WriteSession, who: Who, asked: ScenarioAsked, request: Request, response: Response) -> Scenario:
    """Places come to stand on a lattice of 100 m, as in every answer to a planner. 409 when the name is taken."""
    kept = api.actions.scenarios.keep_for(session, who, asked.name, changes(asked.changes))
    response.headers["Location"] = f"{request.url.path}/{kept['id']}"
    return Scenario(**kept)


@router.delete("/{scenario_id}", summary="Remove a scenario", status_code=204)
def remove(session: WriteSession, who: Who, scenario_id: Number) -> None:
    """Runs that tried it keep its changes among their parameters."""
    api.actions.scenarios.remove(session, who, scenario_id)
