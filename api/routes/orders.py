"""Orders: how far what was ordered is; each planner sees her own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request

import api.actions.orders
import api.errors
import data.orders
import maps.texts
from api.deps import Session, allow
from api.schemas.planning import Order, Trouble

router = APIRouter(prefix="/api/coverage/orders", tags=["planning"], dependencies=[allow("planner")])

SAME = ("what", "parameters", "state", "step", "tries", "run_id", "answer", "ordered_at", "started_at", "ended_at")


def shown(row: Mapping[str, Any], lang: str) -> Order:
    """An order as it travels."""
    error, run_id = row["error"], row["run_id"]
    steps = len(api.actions.orders.STEPS[row["what"]])
    return Order(
        **{name: row[name] for name in SAME},
        order_id=row["id"],
        progress=round(row["steps_done"] / steps, 2),
        error=error and Trouble(code=error["code"], title=maps.texts.say(error["code"], lang, **error["facts"])),
        run=None if run_id is None else f"/api/coverage/runs/{run_id}",
    )


@router.get("/{order_id}", summary="How far an order is")
def get(request: Request, session: Session, order_id: Annotated[int, Path(ge=1, le=2**53)]) -> Order:
    """Its run or its answer once it is done; why not, where it failed."""
    return shown(data.orders.get(session, order_id), api.errors.language(request))
