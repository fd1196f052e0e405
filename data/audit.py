"""The audit log: only ever added to, each row sealing the one before it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import select, text

from data.db import Session
from data.tables import audit_log
from gis.errors import Conflict

RECORD = text("SELECT wangge_private.audit_record(:actor, :action, :subject, :purpose, CAST(:facts AS jsonb))")
#: What this transaction has recorded so far enters the log at once instead of when it commits.
ENTER = text("SET CONSTRAINTS wangge_private.audit_at_commit IMMEDIATE")
VERIFY = (Path(__file__).parent / "sql" / "audit_verify.sql").read_text("utf-8")


def record(
    session: Session,
    *,
    actor: str,
    action: str,
    subject: str | None = None,
    purpose: str | None = None,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Add one row, sealed when this transaction is kept; no personal value in `facts`."""
    row = {"actor": actor, "action": action, "subject": subject, "purpose": purpose, "facts": json.dumps(facts or {})}
    session.execute(RECORD, row)


def head(session: Session) -> tuple[int, str]:
    """Number and digest of the newest row, to be kept where nobody of this machine can change it."""
    session.execute(ENTER)
    newest = select(audit_log.c.id, audit_log.c.digest).order_by(audit_log.c.id.desc()).limit(1)
    row = session.execute(newest).one_or_none()
    return (0, "") if row is None else (row.id, bytes(row.digest).hex())


def verify(session: Session, *, head: tuple[int, str] | None = None) -> int:
    """Prove the chain, up to a `head` kept elsewhere, and say how many rows it has; refuse at the first broken one."""
    session.execute(ENTER)
    row = session.execute(text(VERIFY)).one()
    if row.broken is not None:
        raise Conflict("audit.broken", id=row.broken)
    if head is not None and head[0]:
        kept = session.scalar(select(audit_log.c.digest).where(audit_log.c.id == head[0]))
        if kept is None or bytes(kept).hex() != head[1]:
            raise Conflict("audit.broken", id=head[0])
    return int(row.rows)


def search(session: Session, *, after: int = 0, actor: str | None = None, limit: int = 100) -> list[dict[str, Any]]:
    """Rows in their order."""
    columns = [column for column in audit_log.c if column.name not in ("previous", "digest")]
    query = select(*columns).where(audit_log.c.id > after).order_by(audit_log.c.id).limit(limit)
    if actor is not None:
        query = query.where(audit_log.c.actor == actor)
    return [dict(row) for row in session.execute(query).mappings()]
