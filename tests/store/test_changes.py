"""The feed of changes: no gap, no turning back, whoever writes at the same time and whatever is undone."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import text

import data.changes
import data.db
from gis.errors import NotAllowed

pytestmark = pytest.mark.database

WRITERS, EACH = 8, 60
#: Every fifth transaction of the hammer is undone.
UNDONE = 5
HERE = {"street_code": "A", "community_code": "A0", "grid_code": "A00"}


@pytest.fixture
def own(own_database_url: str) -> Iterator[data.db.Engine]:
    engine = data.db.engine(own_database_url)
    yield engine
    engine.dispose()


def write(session: data.db.Session, subject: object) -> None:
    data.changes.record(session, "report", str(subject), "accept", {"status": "accepted"}, codes=HERE)


def read(engine: data.db.Engine, since: int = 0, limit: int = 1000) -> list[dict]:
    with data.db.transaction(engine) as session:
        until = data.changes.newest(session)
        return data.changes.search(session, since=since, until=until, limit=limit)


def test_a_change_comes_with_its_number_time_place_and_facts(session):
    write(session, 1)
    (row,) = data.changes.search(session, since=0, until=data.changes.newest(session), limit=9)
    assert row.pop("at").tzinfo is not None
    assert (
        row == {"seq": 1, "what": "report", "subject": "1", "action": "accept", "facts": {"status": "accepted"}} | HERE
    )


def test_nothing_new_leaves_the_newest_number_as_it_is(session):
    assert data.changes.newest(session) == 0
    write(session, 1)
    assert [data.changes.newest(session) for _ in range(3)] == [1, 1, 1]


def test_what_is_not_committed_has_no_number_and_what_is_undone_leaves_no_gap(own):
    """The first writer is slower than the second: the second gets number 1, the first 2, the undone one none."""
    with data.db.Session(own) as slow:
        write(slow, "slow")
        with data.db.transaction(own) as quick:
            write(quick, "quick")
        with data.db.Session(own) as undone:
            write(undone, "undone")
            undone.rollback()
        assert [(row["seq"], row["subject"]) for row in read(own)] == [(1, "quick")]
        slow.commit()
    assert [(row["seq"], row["subject"]) for row in read(own)] == [(1, "quick"), (2, "slow")]


def test_a_writer_waits_for_nobody(own):
    """While one transaction has written and not ended, and a reader holds the lock of numbering, another one ends."""
    with data.db.Session(own) as writer, data.db.Session(own) as reader:
        write(writer, 1)
        with data.db.transaction(own) as earlier:
            write(earlier, 2)
        data.changes.newest(reader)
        with data.db.transaction(own) as third:
            third.execute(text("SET LOCAL lock_timeout = '1ms'"))
            write(third, 3)
        reader.rollback()
        writer.rollback()
    assert [row["subject"] for row in read(own)] == ["2", "3"]


def test_a_reader_that_fails_leaves_the_numbers_to_the_next(own):
    with data.db.transaction(own) as session:
        write(session, 1)
    with data.db.Session(own) as failing:
        assert data.changes.newest(failing) == 1
        failing.rollback()
    assert [row["seq"] for row in read(own)] == [1]


def test_eight_writers_and_two_readers_agree_on_one_feed_without_gaps(own):
    """Each reader asks on from where it was: it gets 1, 2, 3 …, and both get the same; what was undone is absent."""
    over = threading.Event()
    feeds: list[list[dict]] = [[], []]
    readers = [threading.Thread(target=follow, args=(own, feed, over)) for feed in feeds]
    writers = [threading.Thread(target=hammer, args=(own, n)) for n in range(WRITERS)]
    for thread in readers + writers:
        thread.start()
    for thread in writers:
        thread.join()
    over.set()
    for thread in readers:
        thread.join()
    kept = {f"{n}-{i}" for n in range(WRITERS) for i in range(EACH) if i % UNDONE}
    assert [row["seq"] for row in feeds[0]] == list(range(1, len(kept) + 1))
    assert {row["subject"] for row in feeds[0]} == kept
    assert feeds[0] == feeds[1]
    for n in range(WRITERS):
        mine = [row["subject"] for row in feeds[0] if row["subject"].startswith(f"{n}-")]
        assert mine == [f"{n}-{i}" for i in range(EACH) if i % UNDONE], "each writer's own changes stay in their order"


def hammer(engine: data.db.Engine, writer: int) -> None:
    for n in range(EACH):
        with data.db.Session(engine) as session:
            write(session, f"{writer}-{n}")
            session.commit() if n % UNDONE else session.rollback()


def follow(engine: data.db.Engine, feed: list[dict], over: threading.Event) -> None:
    """Read on, once more after the writers have ended."""
    while True:
        last = over.is_set()
        feed += read(engine, since=feed[-1]["seq"] if feed else 0)
        if last:
            return


def test_a_page_ends_at_its_limit_and_the_next_goes_on_after_it(session):
    for n in range(5):
        write(session, n)
    until = data.changes.newest(session)
    first = data.changes.search(session, since=0, until=until, limit=3)
    rest = data.changes.search(session, since=first[-1]["seq"], until=until, limit=3)
    assert [row["seq"] for row in first + rest] == [1, 2, 3, 4, 5]


def test_one_may_ask_for_some_kinds_of_things_only(session):
    write(session, 1)
    data.changes.record(session, "photo", "2", "ready", {}, codes=HERE)
    found = data.changes.search(session, since=0, until=data.changes.newest(session), limit=9, what=["photo"])
    assert [row["seq"] for row in found] == [2]


def test_nobody_writes_a_change_by_hand_and_the_public_reads_none(session):
    for role in ("public", "inspector", "community", "street", "planner", "partner", "auditor", "admin"):
        asked = text("SELECT has_any_column_privilege(:role, 'change', :right)")
        rights = [session.scalar(asked, {"role": f"wangge_{role}", "right": right}) for right in ("INSERT", "UPDATE")]
        assert rights == [False, False]
    session.execute(text("SET LOCAL ROLE wangge_public"))
    with pytest.raises(NotAllowed), data.db.refusals():
        data.changes.newest(session)
