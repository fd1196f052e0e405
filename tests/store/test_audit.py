"""The audit log is only added to, has no gap under concurrency, and shows where it was tampered with."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

import data.audit
import data.db
import data.users
from gis.errors import Conflict, NotAllowed

pytestmark = pytest.mark.database


def fill(session: data.db.Session, rows: int = 5) -> None:
    for row in range(rows):
        data.audit.record(session, actor="shell", action="import", subject=f"file {row}", facts={"rows": row})
    session.execute(data.audit.ENTER)


def test_an_untouched_chain_is_proved_and_counted(session):
    fill(session)
    assert data.audit.verify(session) == 5
    assert [row["facts"]["rows"] for row in data.audit.search(session)] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "change",
    [
        "SET actor = 'shelk'", "SET action = 'imporT'", "SET subject = NULL", "SET purpose = ''",
        "SET facts = '{\"rows\": 3}'", "SET at = at + interval '1 microsecond'",
        "SET digest = set_byte(digest, 31, get_byte(digest, 31) # 1)",
        "SET previous = set_byte(previous, 0, get_byte(previous, 0) # 1)",
    ],
)  # fmt: skip
def test_one_changed_byte_is_found_in_its_row(session, change):
    """Row 3 is changed with the triggers switched off, as only a superuser can; the proof names row 3."""
    fill(session)
    session.execute(text("SET LOCAL session_replication_role = replica"))
    session.execute(text(f"UPDATE audit_log {change} WHERE id = 3"))
    with pytest.raises(Conflict, match=r"audit\.broken\(id=3\)"):
        data.audit.verify(session)


def test_a_row_taken_out_is_found(session):
    fill(session)
    session.execute(text("SET LOCAL session_replication_role = replica"))
    session.execute(text("DELETE FROM audit_log WHERE id = 2"))
    with pytest.raises(Conflict, match=r"audit\.broken\(id=3\)"):
        data.audit.verify(session)


def test_an_end_cut_off_is_found_by_the_head_kept_elsewhere(session):
    """Without the last row the chain is sound in itself; only the head of before shows the loss."""
    fill(session)
    head = data.audit.head(session)
    session.execute(text("SET LOCAL session_replication_role = replica"))
    session.execute(text("DELETE FROM audit_log WHERE id = 5"))
    assert data.audit.verify(session) == 4
    with pytest.raises(Conflict, match=r"audit\.broken\(id=5\)"):
        data.audit.verify(session, head=head)


def test_the_end_rewritten_whole_is_found_by_the_head_kept_elsewhere(session):
    """Somebody replaces the last row by another one and seals it properly."""
    fill(session)
    head = data.audit.head(session)
    session.execute(text("SET LOCAL session_replication_role = replica"))
    session.execute(text("DELETE FROM audit_log WHERE id = 5"))
    session.execute(text("SET LOCAL session_replication_role = origin"))
    data.audit.record(session, actor="shell", action="something else")
    assert data.audit.verify(session) == 5
    with pytest.raises(Conflict, match=r"audit\.broken\(id=5\)"):
        data.audit.verify(session, head=head)


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_log SET actor = ''", "DELETE FROM audit_log", "TRUNCATE audit_log"]
)
def test_even_the_owner_cannot_change_the_log(session, statement):
    fill(session, 1)
    with pytest.raises(Conflict, match=r"audit\.append_only"), data.db.refusals():
        session.execute(text(statement))


def test_the_digest_does_not_depend_on_the_readers_time_zone(session):
    fill(session)
    session.execute(text("SET LOCAL timezone = 'Asia/Shanghai'"))
    assert data.audit.verify(session) == 5


def test_an_auditor_proves_the_chain_with_her_own_rights(session):
    fill(session)
    user = data.users.add(session, login="x", name="", synthetic=True)
    given = "INSERT INTO assignment (user_id, role, area_code, valid_from) VALUES (:user, 'auditor', '', '2020-01-01')"
    session.execute(text(given), {"user": user})
    as_auditor = "SELECT set_config('role', 'wangge_auditor', true), set_config('wangge.user_id', :user, true)"
    session.execute(text(as_auditor), {"user": str(user)})
    assert data.audit.verify(session) == 5


def test_many_writers_at_once_leave_no_gap_and_one_chain(own_database_url):
    """8 writers x 25 rows, every fifth transaction undone: 160 rows, numbered 1 to 160, and the chain holds."""
    engine = data.db.engine(own_database_url)

    def write(writer: int) -> None:
        for row in range(25):
            with data.db.Session(engine) as session:
                data.audit.record(session, actor=str(writer), action=str(row))
                session.rollback() if row % 5 == 0 else session.commit()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    with data.db.transaction(engine) as session:
        assert data.audit.verify(session) == 160
        assert session.scalar(text("SELECT max(id) FROM audit_log")) == 160
    engine.dispose()


def test_who_records_keeps_nobody_waiting_until_she_commits(own_database_url):
    """The first transaction has recorded and is still open; the second commits with a lock limit of 1 ms."""
    engine = data.db.engine(own_database_url)
    with data.db.Session(engine) as first, data.db.Session(engine) as second:
        data.audit.record(first, actor="shell", action="first to say, second to keep")
        second.execute(text("SET LOCAL lock_timeout = '1ms'"))
        data.audit.record(second, actor="shell", action="second to say, first to keep")
        second.commit()
        first.commit()
        kept = [row["action"] for row in data.audit.search(first)]
    assert kept == ["second to say, first to keep", "first to say, second to keep"]
    engine.dispose()


def test_nobody_records_in_the_name_of_another(session):
    session.execute(text("SELECT set_config('role', 'wangge_planner', true)"))
    with pytest.raises(NotAllowed), data.db.refusals():
        data.audit.record(session, actor="7", action="something she did not do")
