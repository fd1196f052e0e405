"""Work for later, put in the same transaction as what it follows from.

A job is taken for some seconds (its lease). Its worker takes it away in the transaction that does the work, so that
the two happen together; if the worker dies, the row comes back, and once the lease has run out somebody takes it again.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from data.db import Session
from gis.errors import Conflict, NotFound


@dataclass(frozen=True)
class Job:
    """A job that has been taken; `tries` counts this one, and tells it from a later taking of the same job."""

    id: int
    kind: str
    payload: dict[str, Any]
    tries: int


# Without naming the key, which would ask for the right to read it.
PUT = """
    INSERT INTO job (kind, key, payload, run_at)
    VALUES (:kind, :key, CAST(:payload AS jsonb), coalesce(CAST(:run_at AS timestamptz), now()))
    ON CONFLICT DO NOTHING"""
TAKE = """
    UPDATE job SET run_at = clock_timestamp() + make_interval(secs => :lease_s), tries = tries + 1
    WHERE id = (
        SELECT id FROM job
        WHERE kind = ANY (:kinds) AND dead_at IS NULL AND run_at <= clock_timestamp()
        ORDER BY run_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING id, kind, payload, tries"""
DONE = "DELETE FROM job WHERE id = :id AND tries = :tries AND dead_at IS NULL RETURNING id"
FAIL = """
    UPDATE job SET reason = :reason,
        run_at = clock_timestamp() + make_interval(secs => coalesce(:delay_s, 0)),
        dead_at = CASE WHEN CAST(:delay_s AS float) IS NULL THEN clock_timestamp() END,
        key = CASE WHEN CAST(:delay_s AS float) IS NULL THEN NULL ELSE key END
    WHERE id = :id AND tries = :tries AND dead_at IS NULL"""
RETRY = "UPDATE job SET dead_at = NULL, tries = 0, run_at = now() WHERE id = :id AND dead_at IS NOT NULL RETURNING id"
SEARCH = """
    SELECT id, kind, tries, run_at, coalesce(reason, '') AS reason, dead_at, created_at FROM job
    WHERE NOT :dead OR dead_at IS NOT NULL ORDER BY id LIMIT :limit"""
STATE = """
    SELECT count(*) FILTER (WHERE dead_at IS NULL) AS waiting, count(dead_at) AS dead,
        coalesce(extract(epoch FROM clock_timestamp() - min(run_at) FILTER (WHERE dead_at IS NULL)), 0) AS overdue_s
    FROM job"""


def put(
    session: Session,
    kind: str,
    payload: Mapping[str, Any],
    *,
    run_at: datetime | None = None,
    key: str | None = None,
) -> None:
    """Have something done once this transaction is kept; of jobs with one `key` only one waits at a time.

    The payload is numbers of rows, never a personal value.
    """
    values = {"kind": kind, "key": key, "payload": json.dumps(payload), "run_at": run_at}
    session.execute(text(PUT), values)


def take(session: Session, kinds: Collection[str], lease_s: float) -> Job | None:
    """The job that has waited longest, for `lease_s` seconds from now, or None; keep this transaction at once."""
    row = session.execute(text(TAKE), {"kinds": list(kinds), "lease_s": lease_s}).mappings().one_or_none()
    return None if row is None else Job(**row)


def done(session: Session, job: Job) -> None:
    """Take the job away, first in the transaction that does it: nobody else gets it, however long the work takes."""
    if session.scalar(text(DONE), {"id": job.id, "tries": job.tries}) is None:
        raise Conflict("jobs.taken", id=job.id)


def fail(session: Session, job: Job, reason: str, *, delay_s: float | None) -> None:
    """Let it be tried again after `delay_s` seconds, or, with None, keep it as dead until somebody looks at it."""
    session.execute(text(FAIL), {"id": job.id, "tries": job.tries, "reason": reason, "delay_s": delay_s})


def retry(session: Session, job_id: int) -> None:
    """Let a dead job start anew."""
    if session.scalar(text(RETRY), {"id": job_id}) is None:
        raise NotFound("jobs.not_dead", id=job_id)


def search(session: Session, *, dead: bool = False, limit: int = 100) -> list[dict[str, Any]]:
    """Jobs that wait, are being done or are dead, the oldest first."""
    return [dict(row) for row in session.execute(text(SEARCH), {"dead": dead, "limit": limit}).mappings()]


def state(session: Session) -> dict[str, float]:
    """How many wait and are dead, and for how many seconds the most overdue one could have been taken."""
    row = session.execute(text(STATE)).one()
    return {"waiting": row.waiting, "dead": row.dead, "overdue_s": max(0.0, float(row.overdue_s))}
