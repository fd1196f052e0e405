"""What the owner of the machine types about people: it counts at once, and what waits she confirms."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from e2e.test_planning_cli import Type, at_home, wangge
from sqlalchemy import text

import api.cli
import data.db
import data.keys
import data.users
from contract import people
from worlds import squares

__all__ = ["wangge"]

pytestmark = pytest.mark.database

Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def typed(
    own_database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> Iterator[Typed]:
    """Type a command in a town in which an administrator has proposed `mei` for street A, and a key for `partner`."""
    engine = data.db.engine(own_database_url)
    with data.db.transaction(engine) as session:
        known = people.settle(session)
        mei = data.users.add(session, login="mei", name="梅", synthetic=True)
        later = session.scalar(text("SELECT now() + interval '1 day'"))
    with data.db.transaction(engine, role="wangge_admin", user_id=known["admin"]) as session:
        data.users.set(session, mei, password_hash="x")
        data.users.assign(session, mei, role="street", area_code="A", valid_from=squares.DAY)
        data.keys.add(session, known["partner"], name="k", scopes=["open311"], fields=["text"], expires_at=later)
    engine.dispose()

    def run(*words: object, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        status = api.cli.run([str(word) for word in words])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    with at_home(monkeypatch, own_database_url, home):
        yield run


def waiting(wangge: Type) -> set[str]:
    """The logins of those for whom something waits, as the list has it."""
    users = wangge("user", "list", "--json")
    return {user["login"] for user in users for one in user["assignments"] if one["confirmed_at"] is None}


def test_the_owner_confirms_what_waits_once(wangge: Type, typed: Typed) -> None:
    """The password she was given does not matter at the machine; a second time nothing is left to confirm."""
    assert waiting(wangge) == {"mei"}
    assert "waits for a second person" in wangge("user", "list")
    assert typed("user", "confirm", "mei")[0] == 0
    assert waiting(wangge) == set()
    status, _, why = typed("user", "confirm", "mei")
    assert (status, "waits to be confirmed" in why) == (1, True)


def test_the_owner_confirms_a_key(wangge: Type, typed: Typed) -> None:
    (number,) = [key["id"] for key in wangge("key", "list", "--json") if key["confirmed_at"] is None]
    assert typed("key", "confirm", number)[0] == 0
    assert [key for key in wangge("key", "list", "--json") if key["confirmed_at"] is None] == []
    assert typed("key", "confirm", number)[0] == 1
    assert typed("key", "revoke", number)[0] == 0


def test_whatever_the_owner_makes_counts_at_once(wangge: Type, typed: Typed) -> None:
    """A password she sets is nobody's hand-out, too."""
    added = typed("user", "add", "lan", "--area", "A", "--role", "street", stdin="seven grey herons\n")
    assert added[0] == 0, added[2]
    assert typed("user", "assign", "lan", "admin", "D")[0] == 0
    assert typed("key", "add", "partner", "--name", "x", "--scope", "open311", "--field", "text")[0] == 0
    assert typed("user", "password", "mei", stdin="eleven white egrets\n")[0] == 0
    assert waiting(wangge) == {"mei"}
    mei = next(user for user in wangge("user", "list", "--json") if user["login"] == "mei")
    assert (mei["password_by"], mei["password_handed"]) == (None, False)


def test_a_factor_there_is_not_is_not_taken_away(typed: Typed) -> None:
    status, _, why = typed("user", "forget-factor", "mei")
    assert (status, "has no second factor" in why) == (1, True)
