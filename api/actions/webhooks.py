"""Webhooks: made, changed and stopped by their owners, and fed by the worker, in order and at least once."""

from __future__ import annotations

import base64
import json
import random
import secrets
import time
from datetime import datetime, timedelta
from typing import Any

from standardwebhooks import Webhook as Signer

import api.outgoing
import data.audit
import data.changes
import data.db
import data.jobs
import data.webhooks
import gis.retries
from api.auth import Caller
from api.outgoing import Answer
from api.settings import Settings
from data.keyring import Keyring, Seal
from data.webhooks import Webhook
from gis.errors import Invalid

#: With these, an address that is away is tried for about half a day.
TRIES_MOST = 20
#: Of one webhook at a time, so that the others get their turn.
BATCH, BATCH_S = 50, 20.0
KEPT_FOR = timedelta(days=30)
GONE = 410
SECRET_BYTES = 32


def add(
    session: data.db.Session, who: Caller, *, url: str, what: list[str], seal: Seal, settings: Settings
) -> tuple[Webhook, str]:
    """A new one, which gets what happens from now on; and its secret, which is not shown again."""
    api.outgoing.target(url, hosts=settings.webhook_hosts)
    secret = _new_secret()
    made = data.webhooks.add(
        session, owner_id=who.user_id, role=who.role, key_id=who.key_id, url=url, what=what,
        sealed=seal.close(secret), last_seq=data.changes.newest(session),
    )  # fmt: skip
    _record(session, who, "webhook.add", made)
    return data.webhooks.get(session, made), secret


def edit(
    session: data.db.Session, who: Caller, webhook_id: int, asked: dict[str, Any], *, settings: Settings
) -> Webhook:
    """Change its address or kinds, stop it, or start it again with its failures forgotten."""
    data.webhooks.get(session, webhook_id)
    if "url" in asked:
        api.outgoing.target(asked["url"], hosts=settings.webhook_hosts)
    started = {"reason": None, "failures": 0} if asked.get("active") else {}
    stopped = {"reason": "owner"} if asked.get("active") is False else {}
    if asked:
        data.webhooks.set(session, webhook_id, asked | started | stopped)
        _record(session, who, "webhook.edit", webhook_id)
    return data.webhooks.get(session, webhook_id)


def change_secret(session: data.db.Session, who: Caller, webhook_id: int, *, seal: Seal) -> str:
    """A new secret; from now on nothing is signed with the old one."""
    data.webhooks.get(session, webhook_id)
    secret = _new_secret()
    data.webhooks.set(session, webhook_id, {"secret": seal.close(secret)})
    _record(session, who, "webhook.secret", webhook_id)
    return secret


def remove(session: data.db.Session, who: Caller, webhook_id: int, *, now: datetime) -> None:
    """End it for good, and forget its secret."""
    data.webhooks.get(session, webhook_id)
    data.webhooks.set(session, webhook_id, {"removed_at": now, "active": False, "secret": ""})
    _record(session, who, "webhook.remove", webhook_id)


def replay(session: data.db.Session, who: Caller, webhook_id: int, *, since: int) -> Webhook:
    """Send again everything after a number, with the same ids as the first time."""
    if since > data.webhooks.get(session, webhook_id).last_seq:
        raise Invalid("webhooks.ahead")
    data.webhooks.set(session, webhook_id, {"last_seq": since, "failures": 0})
    _record(session, who, "webhook.replay", webhook_id)
    return data.webhooks.get(session, webhook_id)


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _record(session: data.db.Session, who: Caller, action: str, webhook_id: int) -> None:
    data.audit.record(session, actor=who.actor, action=action, subject=f"webhook:{webhook_id}")


# The worker -----------------------------------------------------------------------------------------------------------


def wake(session: data.db.Session, **_: object) -> None:
    """Number what is new, and have it sent."""
    data.webhooks.wake(session, newest=data.changes.newest(session))


def deliver(session: data.db.Session, payload: dict[str, Any], *, now: datetime, settings: Settings) -> None:
    """Send one webhook what is next for it, in order, until something fails; then try again later, or stop it."""
    hook = data.webhooks.get(session, payload["webhook"])
    if not hook.active:
        return
    if not data.webhooks.allowed(session, hook, now=now):
        data.webhooks.set(session, hook.id, {"active": False, "reason": "key"})
        return
    until = data.changes.numbered(session)
    events = data.webhooks.due(session, hook, until=until, limit=BATCH)
    sent, failed = _send(session, hook, events, now=now, settings=settings)
    if failed:
        _put_off(session, hook, events[:sent], failed, now=now)
        return
    rest = sent < len(events) or len(events) == BATCH
    last_seq = events[sent - 1]["seq"] if rest else until
    data.webhooks.advance(session, hook, last_seq=last_seq, failures=0)
    data.webhooks.forget(session, hook.id, before=now - KEPT_FOR)
    if rest:
        _again(session, hook)


def _send(
    session: data.db.Session, hook: Webhook, events: list[dict[str, Any]], *, now: datetime, settings: Settings
) -> tuple[int, Answer | None]:
    """How many went well before time was up, and the answer of the one that did not, if any."""
    signer = Signer(Keyring(settings.keys_folder).seal.open(data.webhooks.sealed(session, hook.id)))
    end = time.monotonic() + BATCH_S
    for sent, event in enumerate(events):
        if time.monotonic() > end:
            return sent, None
        body, headers = message(event, signer, now=now)
        answer = api.outgoing.post(hook.url, body, headers, hosts=settings.webhook_hosts, ca=settings.webhook_ca)
        data.webhooks.note(session, hook.id, seq=event["seq"], status=answer.status, reason=answer.reason, now=now)
        if not answer.good:
            return sent, answer
    return len(events), None


def message(event: dict[str, Any], signer: Signer, *, now: datetime) -> tuple[bytes, dict[str, str]]:
    """One change as Standard Webhooks has it; the id stays the same however often it is sent."""
    told = event | {"at": event["at"].isoformat()}
    body = json.dumps(
        {"type": f"{event['what']}.{event['action']}", "timestamp": told["at"], "data": told}, ensure_ascii=False
    )
    name = f"change_{event['seq']}"
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "wangge",
        "webhook-id": name,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signer.sign(name, now, body),
    }
    return body.encode(), headers


def _put_off(
    session: data.db.Session, hook: Webhook, sent: list[dict[str, Any]], failed: Answer, *, now: datetime
) -> None:
    """Keep what went well; wait longer after each failure in a row, and stop after the last."""
    failures = 1 if sent else hook.failures + 1
    last_seq = sent[-1]["seq"] if sent else hook.last_seq
    data.webhooks.advance(session, hook, last_seq=last_seq, failures=failures)
    delay = gis.retries.delay_s(failures, luck=random.random(), most=TRIES_MOST)
    if delay is None or failed.status == GONE:
        data.webhooks.set(
            session, hook.id, {"active": False, "reason": "gone" if failed.status == GONE else "failures"}
        )
    else:
        _again(session, hook, run_at=now + timedelta(seconds=delay))


def _again(session: data.db.Session, hook: Webhook, *, run_at: datetime | None = None) -> None:
    data.jobs.put(session, "webhook_deliver", {"webhook": hook.id}, run_at=run_at, key=f"webhook:{hook.id}")
