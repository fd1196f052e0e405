"""Where to open more of a kind: answered at once while it is small, else ordered."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

import api.actions.orders
import api.actions.siting
import api.errors
from api.actions.preview import version
from api.deps import Today, Who, WriteSession, allow
from api.routes.orders import shown
from api.schemas.planning import Order, Siting, SitingAsked

router = APIRouter(prefix="/api/siting", tags=["planning"], dependencies=[allow("planner")])


@router.post(
    "",
    summary="Where to open more of a kind",
    response_model=Siting,
    responses={202: {"model": Order, "description": "Too large for a request: ordered, see `Location`."}},
)
def site(request: Request, session: WriteSession, who: Who, today: Today, asked: SitingAsked) -> Any:
    """The plan with its certificate, counted again, and the streets that win and lose; or the order for it."""
    state = request.app.state.kept.state(version(session, today))
    parameters = api.actions.siting.parameters(asked.model_dump(), srid=state.given.net.srid)
    if api.actions.siting.small(parameters):
        sought = api.actions.orders.sought_of(parameters)
        found = api.actions.siting.published(state.given, sought, state.secret, synthetic=state.synthetic)
        return Siting(**found)
    kept = api.actions.orders.order(session, who, "siting", parameters)
    made = shown(kept, api.errors.language(request))
    return JSONResponse(made.model_dump(mode="json"), 202, {"Location": f"/api/coverage/orders/{made.order_id}"})
