"""The worker: takes jobs from the queue and has the actions do them, one transaction a job.

It is a process of its own, started by `wangge up` or by hand, and may be killed at any moment: what it had begun is
undone by the database, and the job comes back. While it works it says from time to time that it lives; what kills its
worker again and again is given up.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from uuid import UUID, uuid4

import data.db
import data.jobs
import gis.retries
from api.settings import Settings
from data.jobs import Job
from gis.errors import Refusal

log = logging.getLogger(__name__)

#: What does a job of a kind: `handler(session, payload, now=..., settings=...)`, imported when the first one comes.
HANDLERS = {
    "photo_encode": "api.actions.photos:encode",
    "photo_compare": "api.actions.photos:compare",
    "webhook_deliver": "api.actions.webhooks:deliver",
    "coverage_run": "api.actions.orders:carry_out",
}
#: Who is told that a job of a kind came to nothing: `failed(session, payload, code=..., tries=..., over=...)`.
FAILED = {"coverage_run": "api.actions.orders:interrupted"}
#: Of a kind that takes long, fewer tries than of others.
TRIES = {"coverage_run": 5}
#: What is looked after without being asked, `tick(session, now=...)`, and after how many seconds again.
TICKS = {
    "api.actions.webhooks:wake": 0.5, "api.actions.reports:remind": 60.0, "api.actions.figures:tally": 3600.0,
}  # fmt: skip
#: Kinds that may take long: each line has a thread of its own, and so has everything else together.
SLOW = (("photo_encode", "photo_compare"), ("webhook_deliver",), ("coverage_run",))

#: The queue is asked this often while it is empty. NOTIFY would be quicker, but takes one lock of the whole server at
#: every commit that follows it, and intake must not queue up behind that.
POLL_S = 0.5
#: A job that a dead worker held comes back after this time; one that is still being done does not, for its worker
#: says so every few seconds.
LEASE_S = 60.0
BEAT_S = 10.0
#: This process, among those that do jobs.
WORKER = uuid4()


def run(settings: Settings, stop: threading.Event) -> None:
    """Work until `stop` is set; what is under way is finished first."""
    engine = data.db.engine(settings.database_url)
    works = [(partial(step, engine, settings, kinds), POLL_S) for kinds in kinds_together()]
    works += [(partial(_tick, engine, name), pause_s) for name, pause_s in TICKS.items()]
    works += [(partial(recover, engine), BEAT_S)]
    threads = [threading.Thread(target=_keep_on, args=(act, pause_s, stop)) for act, pause_s in works]
    for thread in threads:
        thread.start()
    while not stop.wait(POLL_S):
        pass  # a signal that came by another thread is heard when this one wakes
    for thread in threads:
        thread.join()
    engine.dispose()


def kinds_together() -> list[tuple[str, ...]]:
    """The kinds of each thread."""
    slow = [tuple(kind for kind in line if kind in HANDLERS) for line in SLOW]
    quick = tuple(kind for kind in HANDLERS if not any(kind in line for line in slow))
    return [line for line in (*slow, quick) if line]


def step(engine: data.db.Engine, settings: Settings, kinds: Collection[str]) -> bool:
    """Do one job of these kinds; False when there is none to be done."""
    with data.db.transaction(engine) as session:
        job = data.jobs.take(session, kinds, LEASE_S, worker=WORKER)
    if job is None:
        return False
    if job.tries > _most(job.kind):  # the last try never came back to say why
        log.error("job given up kind=%s job_id=%d tries=%d", job.kind, job.id, job.tries)
        _failed(engine, job, "jobs.lost", delay_s=None)
        return True
    try:
        _do(engine, settings, job)
    except Exception as error:
        log.exception("job failed kind=%s job_id=%d tries=%d", job.kind, job.id, job.tries)
        delay_s = gis.retries.delay_s(job.tries, luck=random.random(), most=_most(job.kind))
        _failed(engine, job, _reason(error), delay_s=delay_s)
    else:
        log.info("job done kind=%s job_id=%d tries=%d", job.kind, job.id, job.tries)
    return True


def _do(engine: data.db.Engine, settings: Settings, job: Job) -> None:
    with data.db.transaction(engine) as session:
        data.jobs.done(session, job)
        with _beating(engine, job):
            _function(HANDLERS[job.kind])(session, job.payload, now=datetime.now(UTC), settings=settings)
        data.jobs.let_go(session, job, worker=WORKER)


@contextmanager
def _beating(engine: data.db.Engine, job: Job) -> Iterator[None]:
    """Say every few seconds that the job is still being done."""
    over = threading.Event()

    def beat() -> bool:
        with data.db.transaction(engine) as session:
            data.jobs.beat(session, job, LEASE_S, worker=WORKER)
        return False

    def keep_on() -> None:
        if not over.wait(BEAT_S):
            _keep_on(beat, BEAT_S, over)

    heart = threading.Thread(target=keep_on, name=f"job-{job.id}", daemon=True)
    heart.start()
    try:
        yield
    finally:
        over.set()
        heart.join()


def _failed(engine: data.db.Engine, job: Job, reason: str, *, delay_s: float | None) -> None:
    """Put the job off, or away for good, and tell whoever waits for it."""
    with data.db.transaction(engine) as session:
        if data.jobs.fail(session, job, reason, delay_s=delay_s) and job.kind in FAILED:
            tell = _function(FAILED[job.kind])
            tell(session, job.payload, code=reason, tries=min(job.tries, _most(job.kind)), over=delay_s is None)


def _most(kind: str) -> int:
    return TRIES.get(kind, gis.retries.TRIES_MOST)


def recover(engine: data.db.Engine, *, worker: UUID = WORKER) -> bool:
    """Take their jobs from workers that are no longer heard of."""
    with data.db.transaction(engine) as session:
        lost = data.jobs.recover(session, worker=worker)
    if lost:
        log.warning("jobs recovered from a silent worker job_ids=%s", lost)
    return False


def _tick(engine: data.db.Engine, name: str) -> bool:
    with data.db.transaction(engine) as session:
        _function(name)(session, now=datetime.now(UTC))
    return False


def _keep_on(act: Callable[[], bool], pause_s: float, stop: threading.Event) -> None:
    """Act again and again, at once while there is something to do; a database that is away comes back."""
    while not stop.is_set():
        try:
            busy = act()
        except Exception:
            log.exception("worker interrupted")
            busy = False
        if not busy:
            stop.wait(pause_s)


def _function(name: str) -> Callable[..., None]:
    module, _, function = name.partition(":")
    found: Callable[..., None] = getattr(import_module(module), function)
    return found


def _reason(error: Exception) -> str:
    """What may be kept of an error: its class, and the code of a refusal; never a value."""
    return error.code if isinstance(error, Refusal) else type(error).__name__
