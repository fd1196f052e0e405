"""Webhooks as rows: where changes are sent to, how far each has got, and what became of every attempt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, text, update

import data.changes
from data.db import Session
from data.keyring import Seal
from data.tables import webhook, webhook_delivery
from gis.errors import NotFound


@dataclass(frozen=True)
class Webhook:
    """One address that changes are sent to, on behalf of `owner_id` in `role`; `reason` says why it was stopped."""

    id: int
    owner_id: int
    role: str
    key_id: int | None
    url: str
    what: Sequence[str]
    active: bool
    reason: str | None
    failures: int
    last_seq: int
    created_at: datetime


COLUMNS = [webhook.c[name] for name in Webhook.__dataclass_fields__]
#: A job for each that has something to come, unless one waits already.
WAKE = """
    INSERT INTO job (kind, key, payload)
    SELECT 'webhook_deliver', 'webhook:' || id, jsonb_build_object('webhook', id) FROM webhook
    WHERE active AND removed_at IS NULL AND last_seq < :newest
        AND NOT EXISTS (SELECT FROM job WHERE job.key = 'webhook:' || webhook.id)
    ON CONFLICT DO NOTHING"""
#: Its owner's account, role and, where it was made with one, key, as they are now.
ENTER = """
    SELECT set_config('wangge.user_id', :user, true), set_config('wangge.key_id', coalesce(:key, ''), true),
        set_config('role', 'wangge_' || :role, true)"""
LEAVE = "SELECT set_config('role', 'none', true), set_config('wangge.user_id', '', true)"
KEY = """
    SELECT EXISTS (SELECT FROM api_key WHERE id = :key AND revoked_at IS NULL AND expires_at > :now
                   AND scopes @> '{webhooks,reports:read}')"""
FORGET = "DELETE FROM webhook_delivery WHERE webhook_id = :webhook AND at < :before"
RENEW = "SELECT id, secret FROM webhook WHERE removed_at IS NULL ORDER BY id FOR UPDATE"


def get(session: Session, webhook_id: int) -> Webhook:
    """One webhook that the caller may see."""
    query = select(*COLUMNS).where(webhook.c.id == webhook_id, webhook.c.removed_at.is_(None))
    row = session.execute(query).mappings().one_or_none()
    if row is None:
        raise NotFound("webhooks.absent")
    return Webhook(**row)


def search(session: Session, *, after: int = 0, limit: int = 100) -> list[Webhook]:
    """The webhooks that the caller may see, in the order they were made."""
    query = select(*COLUMNS).where(webhook.c.id > after, webhook.c.removed_at.is_(None))
    return [Webhook(**row) for row in session.execute(query.order_by(webhook.c.id).limit(limit)).mappings()]


def add(session: Session, *, sealed: str, **values: Any) -> int:
    """Keep a new one with its sealed secret, and say its number."""
    values |= {"secret": sealed}
    return int(session.execute(insert(webhook).values(values).returning(webhook.c.id)).scalar_one())


def set(session: Session, webhook_id: int, values: Mapping[str, Any]) -> None:
    """Change columns of one."""
    session.execute(update(webhook).where(webhook.c.id == webhook_id).values(values))


def advance(session: Session, one: Webhook, *, last_seq: int, failures: int) -> None:
    """Say how far it has got, unless its owner has sent it back meanwhile."""
    where = (webhook.c.id == one.id) & (webhook.c.last_seq == one.last_seq)
    session.execute(update(webhook).where(where).values(last_seq=last_seq, failures=failures))


def sealed(session: Session, webhook_id: int) -> str:
    """Its secret, as only the keyring can open it."""
    return str(session.execute(select(webhook.c.secret).where(webhook.c.id == webhook_id)).scalar_one())


def renew(session: Session, seal: Seal) -> None:
    """Close all secrets with the newest key."""
    for row in session.execute(text(RENEW)).all():
        set(session, row.id, {"secret": seal.renew(row.secret)})


def wake(session: Session, *, newest: int) -> None:
    """Put a job for each webhook that has not got as far as this."""
    session.execute(text(WAKE), {"newest": newest})


def allowed(session: Session, one: Webhook, *, now: datetime) -> bool:
    """Whether the key it was made with still opens the feed; of its owner, row security asks at each reading."""
    return one.key_id is None or bool(session.scalar(text(KEY), {"key": one.key_id, "now": now}))


def due(session: Session, one: Webhook, *, until: int, limit: int) -> list[dict[str, Any]]:
    """The next changes for it: those that its owner may see at this moment."""
    key = None if one.key_id is None else str(one.key_id)
    session.execute(text(ENTER), {"user": str(one.owner_id), "key": key, "role": one.role})
    found = data.changes.search(session, since=one.last_seq, until=until, limit=limit, what=one.what)
    session.execute(text(LEAVE))
    return found


def note(session: Session, webhook_id: int, *, seq: int, status: int | None, reason: str | None, now: datetime) -> None:
    """Write down one attempt."""
    values = {"webhook_id": webhook_id, "seq": seq, "status": status, "reason": reason, "at": now}
    session.execute(insert(webhook_delivery).values(values))


def deliveries(session: Session, webhook_id: int, *, limit: int) -> list[dict[str, Any]]:
    """The latest attempts, the newest first."""
    shown = [webhook_delivery.c[name] for name in ("seq", "at", "status", "reason")]
    query = select(*shown).where(webhook_delivery.c.webhook_id == webhook_id)
    return [dict(row) for row in session.execute(query.order_by(webhook_delivery.c.id.desc()).limit(limit)).mappings()]


def forget(session: Session, webhook_id: int, *, before: datetime) -> None:
    """Drop attempts that nobody asks about any more."""
    session.execute(text(FORGET), {"webhook": webhook_id, "before": before})
