"""Webhooks as they travel; the secret only once, when it is made."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Url = Annotated[str, Field(min_length=1, max_length=2000, description="An https address in the outside world.")]
Kind = Annotated[str, Field(pattern="^[a-z_]{1,40}$")]
Kinds = Annotated[list[Kind], Field(max_length=20, description="Of these only, such as `report`; none: of everything.")]


class NewWebhook(BaseModel):
    """Where to send changes, and of what."""

    model_config = ConfigDict(extra="forbid", strict=True)

    url: Url
    what: Kinds = []


class WebhookEdit(BaseModel):
    """What is to be otherwise; `active` true starts it again with its failures forgotten."""

    model_config = ConfigDict(extra="forbid", strict=True)

    url: Url = ""
    what: Kinds = []
    active: bool = True


class Webhook(BaseModel):
    """One webhook; `reason` says why it does not run: `owner`, `failures`, `gone` (410) or `key` (revoked)."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    id: int
    url: str
    what: list[str]
    active: bool
    reason: str | None
    failures: int
    last_seq: int
    created_at: datetime


class NewWebhookMade(Webhook):
    """The only answer that shows the secret, with which what we send is signed (Standard Webhooks)."""

    secret: str


class Secret(BaseModel):
    """A new secret, shown once."""

    secret: str


class Webhooks(BaseModel):
    """A page of webhooks."""

    webhooks: list[Webhook]
    next: str | None


class Delivery(BaseModel):
    """One attempt to send one change: the status that came back, or why none did."""

    seq: int
    at: datetime
    status: int | None
    reason: str | None


class Deliveries(BaseModel):
    """The latest attempts, the newest first."""

    deliveries: list[Delivery]
