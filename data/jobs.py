"""Work for later, put in the same transaction as what it follows from.

A job is taken for some seconds (its lease). Its worker takes it away in the transaction that does the work, so that
the two happen together, and says from time to time that it lives (`job_held`). If the worker dies, the row comes back;
if it only falls silent, its connection is cut first (`recover`). Either way somebody takes the job again.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from data.db import Session
from gis.errors import Conflict, NotFound

#: A worker without a name of its own.
ANYBODY = UUID(int=0)


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
    WITH taken AS (
        UPDATE job SET run_at = clock_timestamp() + make_interval(secs => :lease_s), tries = tries + 1
        WHERE id = (
            SELECT id FROM job
            WHERE kind = ANY (:kinds) AND dead_at IS NULL AND run_at <= clock_timestamp()
            ORDER BY run_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING id, kind, payload, tries, run_at
    ), held AS (
        INSERT INTO job_held (job_id, worker, until) SELECT id, :worker, run_at FROM taken
        ON CONFLICT (job_id) DO UPDATE SET worker = excluded.worker, since = excluded.since, until = excluded.until
    )
    SELECT id, kind, payload, tries FROM taken"""
#: Whose connection does a job is told by this lock, which goes when that connection does.
DOING = 4_869_954
LOCK = f"{DOING}, CAST(:id % 2147483647 AS integer)"
DONE = f"""
    DELETE FROM job WHERE id = :id AND tries = :tries AND dead_at IS NULL
    RETURNING pg_try_advisory_xact_lock({LOCK})"""  # noqa: S608
BEAT = """
    UPDATE job_held SET until = clock_timestamp() + make_interval(secs => :lease_s)
    WHERE job_id = :id AND worker = :worker"""
LET_GO = "DELETE FROM job_held WHERE job_id = :id AND worker = :worker"
NOT_HELD = "DELETE FROM job_held WHERE job_id = :id"
SILENT = """
    DELETE FROM job_held WHERE until < clock_timestamp() AND worker <> :worker
    RETURNING job_id"""
CUT = f"""
    SELECT pg_terminate_backend(pid) FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 2 AND pid <> pg_backend_pid()
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND classid = {DOING} AND objid = CAST(:id % 2147483647 AS oid)"""  # noqa: S608
FAIL = """
    UPDATE job SET reason = :reason,
        run_at = clock_timestamp() + make_interval(secs => coalesce(:delay_s, 0)),
        dead_at = CASE WHEN CAST(:delay_s AS float) IS NULL THEN clock_timestamp() END,
        key = CASE WHEN CAST(:delay_s AS float) IS NULL THEN NULL ELSE key END
    WHERE id = :id AND tries = :tries AND dead_at IS NULL RETURNING id"""
RETRY = "UPDATE job SET dead_at = NULL, tries = 0, run_at = now() WHERE id = :id AND dead_at IS NOT NULL RETURNING id"
SEARCH = """
    SELECT id, kind, tries, run_at, coalesce(reason, '') AS reason, dead_at, created_at, held.since AS held_since
    FROM job LEFT JOIN job_held AS held ON held.job_id = job.id AND held.until > clock_timestamp()
    WHERE NOT :dead OR dead_at IS NOT NULL ORDER BY id LIMIT :limit"""
STATE = """
    SELECT count(*) FILTER (WHERE dead_at IS NULL AND NOT held) AS waiting, count(dead_at) AS dead,
        count(*) FILTER (WHERE held) AS doing,
        coalesce(extract(epoch FROM clock_timestamp()
                                    - min(run_at) FILTER (WHERE dead_at IS NULL AND NOT held)), 0) AS overdue_s
    FROM job CROSS JOIN LATERAL (
        SELECT EXISTS (SELECT FROM job_held WHERE job_id = job.id AND until > clock_timestamp()) AS held) AS its"""


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


def take(session: Session, kinds: Collection[str], lease_s: float, *, worker: UUID = ANYBODY) -> Job | None:
    """The job that has waited longest, for `lease_s` seconds from now, or None; keep this transaction at once."""
    values = {"kinds": list(kinds), "lease_s": lease_s, "worker": worker}
    row = session.execute(text(TAKE), values).mappings().one_or_none()
    return None if row is None else Job(**row)


def beat(session: Session, job: Job, lease_s: float, *, worker: UUID = ANYBODY) -> None:
    """Say that the job is still being done; in a transaction of its own, for others to see."""
    session.execute(text(BEAT), {"id": job.id, "lease_s": lease_s, "worker": worker})


def let_go(session: Session, job: Job, *, worker: UUID = ANYBODY) -> None:
    """It is done: the last thing in the transaction that does it."""
    session.execute(text(LET_GO), {"id": job.id, "worker": worker})


def recover(session: Session, *, worker: UUID = ANYBODY) -> list[int]:
    """Cut off other workers that have fallen silent over a job, so that it comes back; the numbers of these jobs."""
    silent = list(session.scalars(text(SILENT), {"worker": worker}))
    for number in silent:
        session.execute(text(CUT), {"id": number})
    return silent


def done(session: Session, job: Job) -> None:
    """Take the job away, first in the transaction that does it: nobody else gets it, however long the work takes."""
    if session.scalar(text(DONE), {"id": job.id, "tries": job.tries}) is None:
        raise Conflict("jobs.taken", id=job.id)


def fail(session: Session, job: Job, reason: str, *, delay_s: float | None) -> bool:
    """Let it be tried again after `delay_s` seconds, or, with None, keep it as dead until somebody looks at it.

    False where somebody else has taken it meanwhile: then it is theirs, and nothing is said of it.
    """
    values = {"id": job.id, "tries": job.tries, "reason": reason, "delay_s": delay_s}
    if session.scalar(text(FAIL), values) is None:
        return False
    session.execute(text(NOT_HELD), {"id": job.id})
    return True


def retry(session: Session, job_id: int) -> None:
    """Let a dead job start anew."""
    if session.scalar(text(RETRY), {"id": job_id}) is None:
        raise NotFound("jobs.not_dead", id=job_id)


def search(session: Session, *, dead: bool = False, limit: int = 100) -> list[dict[str, Any]]:
    """Jobs that wait, are being done or are dead, the oldest first."""
    return [dict(row) for row in session.execute(text(SEARCH), {"dead": dead, "limit": limit}).mappings()]


def state(session: Session) -> dict[str, float]:
    """How many wait, are being done and are dead, and for how many seconds the most overdue could have been taken."""
    row = session.execute(text(STATE)).one()
    counts = {"waiting": row.waiting, "doing": row.doing, "dead": row.dead}
    return counts | {"overdue_s": max(0.0, float(row.overdue_s))}
