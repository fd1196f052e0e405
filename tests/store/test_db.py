"""Transactions, and the one place where errors of the database become refusals."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

import data.db
from gis.errors import Busy, Conflict, Invalid, NotAllowed, Refusal

pytestmark = pytest.mark.database

HOME = "INSERT INTO household (ref, elders, synthetic) VALUES (:ref, :elders, true)"
#: What is done with one household, "somebody", and how it is refused.
REFUSED: dict[str, tuple[type[Refusal], str]] = {
    "UPDATE household SET elders = 0": (
        Invalid, "store.check(table='household', constraint='household_elders_check')",
    ),
    "UPDATE household SET elders = NULL": (Invalid, "store.missing(table='household', column='elders')"),
    "UPDATE household SET elders = 70000": (Invalid, "store.value()"),
    "UPDATE household SET geom = ST_SetSRID(ST_MakePoint('NaN', 23), 4326)": (
        Invalid, "store.check(table='household', constraint='household_bounds_check')",
    ),
    "UPDATE household SET geom = ST_SetSRID(ST_MakePoint('Infinity', 23), 4326)": (
        Invalid, "store.check(table='household', constraint='household_bounds_check')",
    ),
    "UPDATE household SET import_id = 9": (
        Conflict, "store.reference(table='household', constraint='household_import_id_fkey')",
    ),
    "INSERT INTO household (ref, elders, synthetic) SELECT ref, 1, true FROM household": (
        Conflict, "households.ref_taken(table='household', constraint='household_ref_key')",
    ),
    "SET LOCAL statement_timeout = 1; SELECT pg_sleep(1)": (Busy, "store.timeout()"),
    "SET LOCAL ROLE wangge_public; SELECT 1 FROM household": (NotAllowed, "store.rights()"),
    "SET TRANSACTION READ ONLY; DELETE FROM household": (NotAllowed, "store.rights()"),
}  # fmt: skip


def test_a_block_that_ends_well_is_kept_and_one_that_fails_is_undone(engine):
    with data.db.transaction(engine) as session:
        session.execute(text(HOME), {"ref": "kept", "elders": 1})
    with pytest.raises(ZeroDivisionError), data.db.transaction(engine) as session:  # noqa: PT012
        session.execute(text(HOME), {"ref": "undone", "elders": 1})
        raise ZeroDivisionError
    with data.db.transaction(engine) as session:
        assert session.scalars(text("DELETE FROM household RETURNING ref")).all() == ["kept"]


@pytest.mark.parametrize("statement", REFUSED)
def test_what_the_database_refuses_is_said_by_table_and_rule_and_never_by_value(engine, statement):
    kind, said = REFUSED[statement]
    with pytest.raises(kind) as refused, data.db.transaction(engine) as session:  # noqa: PT012
        session.execute(text(HOME), {"ref": "somebody", "elders": 1})
        session.execute(text(statement))
    assert str(refused.value) == said


@pytest.mark.parametrize("statement", REFUSED)
def test_what_goes_to_the_driver_directly_is_refused_in_the_same_words(engine, statement):
    kind, said = REFUSED[statement]
    with pytest.raises(kind) as refused, data.db.transaction(engine) as session:  # noqa: PT012
        session.execute(text(HOME), {"ref": "somebody", "elders": 1})
        data.db.ask(session, statement, {})
    assert str(refused.value) == said


def test_a_direct_answer_is_one_row_or_none(engine):
    with data.db.transaction(engine) as session:
        assert data.db.ask(session, "SELECT %(one)s, 'two'", {"one": 1}) == (1, "two")
        assert data.db.ask(session, "SELECT 1 WHERE false", {}) == ()


def test_whoever_asks_over_a_lost_line_is_told_and_all_lines_are_renewed(own_database_url):
    """Two idle connections are cut, as by a restart of the server: one request finds out, the next is answered."""
    engine, other = data.db.engine(own_database_url), data.db.engine(own_database_url)
    with data.db.undecided(engine) as one, data.db.undecided(engine) as two:
        cut = [data.db.ask(session, "SELECT pg_backend_pid()", {})[0] for session in (one, two)]
    with data.db.transaction(other) as session:
        session.execute(text("SELECT pg_terminate_backend(pid) FROM unnest(:pids) AS pid"), {"pids": cut})
    with pytest.raises(Busy, match=r"store\.unreachable"), data.db.transaction(engine) as session:
        data.db.ask(session, "SELECT 1", {})
    for _ in cut:
        with data.db.transaction(engine) as session:
            assert data.db.ask(session, "SELECT pg_backend_pid()", {})[0] not in cut


def test_a_fault_of_ours_is_not_dressed_up_as_a_refusal(engine):
    with pytest.raises(ProgrammingError), data.db.transaction(engine) as session:
        session.execute(text("SELECT nothing FROM nowhere"))


def test_a_server_that_is_not_there_is_said_so():
    absent = data.db.engine("postgresql+psycopg2://nobody@/nothing?host=/nonexistent")
    with pytest.raises(Busy, match=r"store\.unreachable"), data.db.transaction(absent) as session:
        session.execute(text("SELECT 1"))


def test_two_who_wait_for_each_other_are_told_to_try_again(engine):
    """Each locks one row and then wants the other's: one goes through, one is busy."""
    with data.db.transaction(engine) as session:
        for ref in "ab":
            session.execute(text(HOME), {"ref": ref, "elders": 1})

    def cross(refs: str) -> str:
        try:
            with data.db.transaction(engine) as session:
                for ref in refs:
                    session.execute(text("UPDATE household SET elders = 2 WHERE ref = :ref"), {"ref": ref})
                    session.execute(text("SELECT pg_advisory_xact_lock_shared(1), pg_sleep(0.2)"))
        except Refusal as refused:
            return refused.code
        return ""

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(cross, ("ab", "ba"))) == ["", "store.busy"]
    with data.db.transaction(engine) as session:
        session.execute(text("DELETE FROM household"))


def test_a_request_has_a_role_a_user_and_a_time_limit_and_leaves_nothing_behind(engine):
    """The same connection serves the next transaction: it must be the owner again, without a user."""
    asked = text("SELECT current_user, current_setting('wangge.user_id', true), current_setting('statement_timeout')")
    with data.db.transaction(engine, role="wangge_street", user_id=7, read_only=True) as session:
        assert session.execute(asked).one() == ("wangge_street", "7", "15s")
    with data.db.transaction(engine) as session:
        who, user, limit = session.execute(asked).one()
    assert (who, user or "", limit) == (engine.url.username, "", "0")


def test_the_server_has_a_connection_for_every_thread_that_answers(engine):
    """FastAPI answers on 40 threads; all of them hold a transaction at once."""
    assert engine.pool.size() >= 40

    def hold(_: int) -> int:
        with data.db.transaction(engine, role="wangge_public") as session:
            return session.scalar(text("SELECT 1 FROM pg_sleep(0.05)"))

    with ThreadPoolExecutor(40) as pool:
        assert sum(pool.map(hold, range(80))) == 80
    engine.dispose()


def test_the_settings_that_keep_what_was_acknowledged_are_on(session):
    """A kill does not show `fsync = off`, so the settings themselves are asked for."""
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        assert session.scalar(text(f"SHOW {name}")) == "on"
    assert session.scalar(text("SHOW transaction_isolation")) == "read committed"
