"""Webhooks: changes brought to another system as they happen."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

import api.actions.webhooks
import data.webhooks
from api.deps import Limit, Now, Session, Who, WriteSession, allow, key_scope, next_link
from api.schemas.webhooks import (
    Deliveries,
    Delivery,
    NewWebhook,
    NewWebhookMade,
    Secret,
    Webhook,
    WebhookEdit,
    Webhooks,
)

router = APIRouter(
    prefix="/api/webhooks",
    tags=["webhooks"],
    # What they bring is what `GET /api/changes` says.
    dependencies=[allow("partner", "admin"), key_scope("webhooks"), key_scope("reports:read")],
)

LARGEST = 2**63 - 1
Number = Annotated[int, Path(ge=1, le=LARGEST)]


@router.get("", summary="Your webhooks; an administrator's list has everybody's")
def search(
    request: Request, session: Session, after: Annotated[int, Query(ge=0, le=LARGEST)] = 0, limit: Limit = 100
) -> Webhooks:
    found = [Webhook.model_validate(each) for each in data.webhooks.search(session, after=after, limit=limit)]
    last = found[-1].id if found else None
    return Webhooks(webhooks=found, next=next_link(request, rows=len(found), limit=limit, after=last))


@router.post("", summary="Have changes sent to an address; the answer shows the secret once", status_code=201)
def add(request: Request, session: WriteSession, response: Response, who: Who, body: NewWebhook) -> NewWebhookMade:
    state = request.app.state
    hook, secret = api.actions.webhooks.add(
        session, who, url=body.url, what=body.what, seal=state.keyring.seal, settings=state.settings
    )
    response.headers["Cache-Control"] = "no-store"
    return NewWebhookMade(**Webhook.model_validate(hook).model_dump(), secret=secret)


@router.get("/{webhook_id}", summary="One webhook, and how far it has got")
def get(session: Session, webhook_id: Number) -> Webhook:
    return Webhook.model_validate(data.webhooks.get(session, webhook_id))


@router.patch("/{webhook_id}", summary="Change it, stop it, or start it again")
def edit(request: Request, session: WriteSession, who: Who, webhook_id: Number, body: WebhookEdit) -> Webhook:
    asked = body.model_dump(exclude_unset=True)
    settings = request.app.state.settings
    return Webhook.model_validate(api.actions.webhooks.edit(session, who, webhook_id, asked, settings=settings))


@router.delete("/{webhook_id}", summary="End it for good", status_code=204)
def remove(session: WriteSession, who: Who, now: Now, webhook_id: Number) -> None:
    api.actions.webhooks.remove(session, who, webhook_id, now=now)


@router.post("/{webhook_id}/secret", summary="Give it a new secret; the old one signs nothing any more")
def change_secret(request: Request, session: WriteSession, response: Response, who: Who, webhook_id: Number) -> Secret:
    response.headers["Cache-Control"] = "no-store"
    seal = request.app.state.keyring.seal
    return Secret(secret=api.actions.webhooks.change_secret(session, who, webhook_id, seal=seal))


@router.post("/{webhook_id}/replay", summary="Send again everything after a number", status_code=202)
def replay(
    session: WriteSession, who: Who, webhook_id: Number, since: Annotated[int, Query(ge=0, le=LARGEST)]
) -> Webhook:
    return Webhook.model_validate(api.actions.webhooks.replay(session, who, webhook_id, since=since))


@router.get("/{webhook_id}/deliveries", summary="The latest attempts, the newest first")
def deliveries(session: Session, webhook_id: Number, limit: Limit = 100) -> Deliveries:
    data.webhooks.get(session, webhook_id)
    return Deliveries(
        deliveries=[Delivery(**row) for row in data.webhooks.deliveries(session, webhook_id, limit=limit)]
    )
