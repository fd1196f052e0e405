"""The queue: a job is done once in effect, whatever dies meanwhile; what cannot be done is kept and said."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

import data.db
import data.jobs
import gis.retries
from gis.errors import Busy, Conflict, NotFound

pytestmark = pytest.mark.database

PAST = datetime(2020, 1, 1, tzinfo=UTC)
#: A lease that has run out when it is given, as if time had passed.
OVER = -1.0


def again(session: data.db.Session, tries: int, lease_s: float) -> data.jobs.Job | None:
    taken = None
    for _ in range(tries):
        taken = data.jobs.take(session, ["a"], lease_s)
    return taken


def test_jobs_are_taken_in_the_order_in_which_they_are_due_and_each_once(session):
    data.jobs.put(session, "a", {"n": 2}, run_at=PAST + timedelta(days=1))
    data.jobs.put(session, "a", {"n": 1}, run_at=PAST)
    assert [data.jobs.take(session, ["a"], 60).payload["n"] for _ in range(2)] == [1, 2]
    assert data.jobs.take(session, ["a"], 60) is None


def test_a_job_of_the_future_or_of_another_kind_is_left_alone(session):
    data.jobs.put(session, "a", {}, run_at=datetime(2999, 1, 1, tzinfo=UTC))
    data.jobs.put(session, "b", {}, run_at=PAST)
    assert data.jobs.take(session, ["a"], 60) is None


def test_when_a_lease_runs_out_the_job_comes_back_and_the_first_taker_can_no_longer_end_it(session):
    data.jobs.put(session, "a", {})
    first = data.jobs.take(session, ["a"], OVER)
    second = data.jobs.take(session, ["a"], 60)
    assert (first.id, first.tries, second.tries) == (second.id, 1, 2)
    with pytest.raises(Conflict, match=r"jobs\.taken"):
        data.jobs.done(session, first)
    data.jobs.fail(session, first, "late", delay_s=None)
    data.jobs.done(session, second)
    assert data.jobs.search(session) == []


def test_a_job_under_way_is_taken_by_nobody_even_after_its_lease(own_database_url):
    """The transaction that does it has taken its row away; another one passes over it without waiting."""
    engine = data.db.engine(own_database_url)
    with data.db.transaction(engine) as session:
        data.jobs.put(session, "a", {})
        taken = data.jobs.take(session, ["a"], OVER)
    with data.db.transaction(engine) as worker:
        data.jobs.done(worker, taken)
        with data.db.transaction(engine) as other:
            assert data.jobs.take(other, ["a"], 60) is None
    engine.dispose()


def test_a_job_that_takes_long_is_not_overdue_while_its_worker_says_that_it_lives(session):
    """Its lease has run out; one beat later it is being done again as far as anybody knows."""
    data.jobs.put(session, "a", {}, run_at=PAST)
    data.jobs.put(session, "b", {})
    taken = data.jobs.take(session, ["a"], OVER)
    late = data.jobs.state(session)
    data.jobs.beat(session, taken, 60)
    now = data.jobs.state(session)
    assert (late["waiting"], late["doing"], late["overdue_s"] > 0.5) == (2, 0, True)
    assert (now["waiting"], now["doing"], now["overdue_s"] < 0.5) == (1, 1, True)
    data.jobs.let_go(session, taken)
    assert data.jobs.state(session)["doing"] == 0


def test_a_worker_that_falls_silent_is_cut_off_and_its_job_comes_back(own_database_url):
    """It holds its transaction open and says nothing; another one ends that, and then may take the job."""
    engine = data.db.engine(own_database_url)
    with data.db.transaction(engine) as session:
        data.jobs.put(session, "a", {})
        silent = data.jobs.take(session, ["a"], OVER, worker=uuid4())
    with data.db.Session(engine) as stuck:
        data.jobs.done(stuck, silent)
        with data.db.transaction(engine) as session:
            assert data.jobs.take(session, ["a"], 60) is None
            assert data.jobs.recover(session, worker=uuid4()) == [silent.id]
        again = None
        while again is None:  # the server needs a moment to end a connection
            with data.db.transaction(engine) as session:
                again = data.jobs.take(session, ["a"], 60)
        assert (again.id, again.tries) == (silent.id, 2)
        with pytest.raises(Busy), data.db.refusals():
            stuck.execute(text("SELECT 1"))
    engine.dispose()


def test_nobody_is_cut_off_who_is_heard_of_and_nobody_cuts_off_itself(own_database_url):
    engine, me = data.db.engine(own_database_url), uuid4()
    with data.db.transaction(engine) as session:
        data.jobs.put(session, "a", {})
        taken = data.jobs.take(session, ["a"], OVER, worker=me)
    with data.db.transaction(engine) as working:
        data.jobs.done(working, taken)
        with data.db.transaction(engine) as session:
            assert data.jobs.recover(session, worker=me) == []
            data.jobs.beat(session, taken, 60, worker=me)
            assert data.jobs.recover(session, worker=uuid4()) == []
        data.jobs.let_go(working, taken, worker=me)
    with data.db.transaction(engine) as session:
        assert data.jobs.state(session) == {"waiting": 0, "doing": 0, "dead": 0, "overdue_s": 0.0}
    engine.dispose()


def test_what_a_dying_worker_had_begun_is_undone_and_its_job_is_done_by_the_next(own_database_url):
    engine = data.db.engine(own_database_url)
    with data.db.transaction(engine) as session:
        session.execute(text("CREATE TABLE effect (job bigint)"))
        data.jobs.put(session, "a", {})
    work(engine, dies=True)
    work(engine, dies=False)
    with data.db.transaction(engine) as session:
        assert session.scalar(text("SELECT count(*) FROM effect")) == 1
        assert data.jobs.search(session) == []
    engine.dispose()


def work(engine: data.db.Engine, *, dies: bool) -> None:
    with data.db.transaction(engine) as session:
        taken = data.jobs.take(session, ["a"], OVER)
    with data.db.Session(engine) as session:
        data.jobs.done(session, taken)
        session.execute(text("INSERT INTO effect VALUES (:id)"), {"id": taken.id})
        session.rollback() if dies else session.commit()


def test_a_job_that_failed_waits_and_in_the_end_is_kept_as_dead_with_its_reason(session):
    data.jobs.put(session, "a", {}, key="one")
    data.jobs.fail(session, data.jobs.take(session, ["a"], 60), "Busy", delay_s=30)
    assert data.jobs.take(session, ["a"], 60) is None
    session.execute(text("UPDATE job SET run_at = now()"))
    data.jobs.fail(session, data.jobs.take(session, ["a"], 60), "Busy", delay_s=None)
    (dead,) = data.jobs.search(session, dead=True)
    assert (dead["reason"], dead["tries"]) == ("Busy", 2)
    assert data.jobs.state(session) == {"waiting": 0, "doing": 0, "dead": 1, "overdue_s": 0.0}
    data.jobs.put(session, "a", {}, key="one")
    assert data.jobs.state(session)["waiting"] == 1


def test_a_dead_job_can_be_tried_anew_and_only_a_dead_one(session):
    data.jobs.put(session, "a", {})
    taken = data.jobs.take(session, ["a"], 60)
    with pytest.raises(NotFound, match=r"jobs\.not_dead"):
        data.jobs.retry(session, taken.id)
    data.jobs.fail(session, taken, "Busy", delay_s=None)
    data.jobs.retry(session, taken.id)
    assert data.jobs.take(session, ["a"], 60).tries == 1


def test_of_jobs_with_one_key_one_waits(session):
    for _ in range(3):
        data.jobs.put(session, "a", {}, key="one")
    data.jobs.put(session, "a", {}, key="other")
    assert data.jobs.state(session)["waiting"] == 2


def test_everybody_may_put_a_job_and_nobody_of_the_application_reads_or_changes_one(session):
    for role in ("public", "inspector", "community", "street", "planner", "partner", "admin"):
        session.execute(text(f"SET LOCAL ROLE wangge_{role}"))
        data.jobs.put(session, "a", {}, key="same")
        for right in ("SELECT", "UPDATE"):
            assert not session.scalar(text("SELECT has_any_column_privilege('job', :right)"), {"right": right})
        assert not session.scalar(text("SELECT has_table_privilege('job', 'DELETE')"))
        session.execute(text("RESET ROLE"))
    assert data.jobs.state(session)["waiting"] == 1


def test_four_workers_share_two_hundred_jobs_without_doing_one_twice(own_database_url):
    engine = data.db.engine(own_database_url)
    with data.db.transaction(engine) as session:
        for n in range(200):
            data.jobs.put(session, "a", {"n": n})
    seen: list[int] = []
    workers = [threading.Thread(target=empty, args=(engine, seen)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert Counter(seen) == Counter(range(200))
    engine.dispose()


def empty(engine: data.db.Engine, seen: list[int]) -> None:
    while True:
        with data.db.transaction(engine) as session:
            job = data.jobs.take(session, ["a"], 60)
        if job is None:
            return
        with data.db.transaction(engine) as session:
            data.jobs.done(session, job)
            seen.append(job.payload["n"])


def test_delays_double_from_five_seconds_to_an_hour_and_end_after_the_last_try():
    """With luck 0.5 the factor is 1; luck moves a delay by half of it either way."""
    assert [gis.retries.delay_s(n, luck=0.5, most=13) for n in (1, 2, 3, 11, 12)] == [5, 10, 20, 3600, 3600]
    assert (gis.retries.delay_s(1, luck=0.0), gis.retries.delay_s(1, luck=0.999)) == (2.5, pytest.approx(7.495))
    assert gis.retries.delay_s(gis.retries.TRIES_MOST, luck=0.5) is None
