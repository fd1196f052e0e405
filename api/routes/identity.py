"""Who lives in a household: masked on sight, in full for a reason that is logged before anything is shown."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

import data.identity
import data.population
from api.deps import Session, WriteSession, allow
from api.schemas.identity import Elder, ElderList, Person, Reveal, Revealed

router = APIRouter(
    prefix="/api/households/{household_id}", tags=["households"],
    dependencies=[allow("inspector", "community", "street")],
)  # fmt: skip

Number = Annotated[int, Path(ge=1, lt=2**63)]


@router.get("/elders", summary="Who lives there, masked")
def elders(session: Session, response: Response, household_id: Number) -> ElderList:
    data.population.get(session, household_id)
    response.headers["Cache-Control"] = "no-store"
    return ElderList(elders=[Elder(**row) for row in data.identity.search(session, household_id)])


@router.post("/reveal", summary="Who lives there, in full, for a purpose")
def reveal(request: Request, session: WriteSession, response: Response, household_id: Number, body: Reveal) -> Revealed:
    """At most 30 households an hour and 100 a day; beyond that 429. The log is committed before the answer leaves."""
    seal = request.app.state.keyring.seal
    persons = data.identity.reveal(session, household_id, purpose=body.purpose, seal=seal)
    response.headers["Cache-Control"] = "no-store"
    return Revealed(elders=[Person(**person) for person in persons])
