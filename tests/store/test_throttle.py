"""The throttle of logging in and the functions at the door: by many at once, and where a clock would be waited for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text

import data.db
import data.sessions

pytestmark = pytest.mark.database

DEVICE = b"d" * 32


def knock(engine, login="mei", address="10.0.0.1", device=None) -> int:
    with data.db.transaction(engine) as session:
        return data.sessions.knock(session, login=login, address=address, device=device).wait_s


@pytest.fixture
def own(own_database_url):
    engine = data.db.engine(own_database_url)
    yield engine
    engine.dispose()


def past(engine, seconds: float) -> None:
    """Let that much time have gone by."""
    with data.db.transaction(engine) as session:
        session.execute(
            text("""UPDATE login_throttle SET charged_at = charged_at - make_interval(secs => :s),
                           free_at = free_at - make_interval(secs => :s)"""), {"s": seconds},
        )  # fmt: skip


def test_waits_double_until_a_quarter_of_an_hour(own):
    """Five tries are free; after the sixth 2 s, then 4, 8, … 512, and from then on 900. (A try in between is forgiven
    every 300 s, so the waits are walked through without letting that much pass: only `free_at` is moved.)"""
    assert [knock(own) for _ in range(6)] == [0] * 6
    waits = []
    for _ in range(11):
        waits.append(knock(own))
        with data.db.transaction(own) as session:
            session.execute(text("UPDATE login_throttle SET free_at = clock_timestamp()"))
        assert knock(own) == 0
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


def test_a_try_that_has_to_wait_is_not_charged(own):
    for _ in range(6):
        knock(own)
    assert {knock(own) for _ in range(20)} <= {1, 2}
    past(own, 3)
    assert knock(own) == 0


def test_a_hundred_guesses_at_once_are_not_one(own):
    """However they fall, no more than the six that are free come through to have their password looked at."""
    knock(own)
    with ThreadPoolExecutor(16) as threads:
        waits = list(threads.map(lambda _: knock(own), range(100)))
    assert waits.count(0) == 5


def test_many_logins_from_one_address_are_held_and_other_addresses_are_not(own):
    """Fifty are free: an office behind one address."""
    assert {knock(own, login=f"user-{n}") for n in range(51)} == {0}
    assert knock(own, login="another") > 0
    assert knock(own, login="another", address="10.0.0.2") == 0


def test_one_login_from_many_addresses_is_held(own):
    assert {knock(own, address=f"10.0.1.{n}") for n in range(21)} == {0}
    assert knock(own, address="10.0.2.1") > 0


def test_what_has_been_idle_for_a_day_is_forgotten_and_not_kept(own):
    for _ in range(6):
        knock(own)
    past(own, 24 * 3600 + 1)
    assert knock(own, login="another") == 0
    with data.db.transaction(own) as session:
        assert session.scalar(text("SELECT count(*) FROM login_throttle")) == 3


def test_a_login_takes_its_own_charge_back_and_leaves_the_others(own):
    """Four wrong tries and a right one: four are charged to the address still, so that an account of one's own does
    not wash an address clean."""
    with data.db.transaction(own) as session:
        user = session.scalar(
            text("INSERT INTO app_user (login, name, synthetic) VALUES ('mei', '', true) RETURNING id")
        )
        session.execute(text("""INSERT INTO assignment (user_id, role, area_code, valid_from)
            VALUES (:id, 'planner', 'D', '2020-01-01')"""), {"id": user})  # fmt: skip
    for _ in range(5):
        knock(own)
    with data.db.transaction(own) as session:
        held = data.sessions.add(
            session, user, role=None, address="10.0.0.1", device=DEVICE, refresh=DEVICE, lasts=timedelta(days=1)
        )
        assert held.role == "planner"
    with data.db.transaction(own) as session:
        charges = session.scalars(text("SELECT round(charge) FROM login_throttle ORDER BY lane")).all()
    assert charges == [4, 4, 4]


def test_a_refresh_token_renewed_twice_at_once_is_renewed_once(own):
    """Two tabs of one phone: both get the same successor, and nobody is logged out."""
    with data.db.transaction(own) as session:
        user = session.scalar(
            text("INSERT INTO app_user (login, name, synthetic) VALUES ('mei', '', true) RETURNING id")
        )
        session.execute(text("""INSERT INTO assignment (user_id, role, area_code, valid_from)
            VALUES (:id, 'planner', 'D', '2020-01-01')"""), {"id": user})  # fmt: skip
        held = data.sessions.add(
            session, user, role=None, address="", device=DEVICE, refresh=b"first", lasts=timedelta(days=1)
        )

    def renewed(_: int) -> bool:
        with data.db.transaction(own) as session:
            made = data.sessions.renew(session, held.id, device=DEVICE, shown=b"first", following=b"second")
        return made is not None

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(renewed, range(8))) == [True] * 8
