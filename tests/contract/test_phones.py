"""Phones that lose their line, crash, are edited twice and locked out: the database says what a model of it says.

Three phones, two of one inspector and one of another, share a few ids for what they write. The suite plays a few
histories of twenty steps; a long run plays more:

    WANGGE_HISTORIES=2000 pytest tests/contract/test_phones.py
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run
from sqlalchemy import text
from starlette.testclient import TestClient

import api.auth
import data.cluster
import data.db
import data.photofiles
import data.users
from api.app import create_app
from api.settings import Settings
from contract.people import bearer, session_of
from worlds import pictures, squares

pytestmark = [pytest.mark.database, pytest.mark.timeout(7200)]

HISTORIES = int(os.environ.get("WANGGE_HISTORIES", "25"))
SENT = {"category": "lift", "lon": squares.WEST + 0.005, "lat": squares.SOUTH + 0.0025,
        "captured_at": "2026-03-02T08:30:00Z"}  # fmt: skip
#: Fails at the commit of whatever was written while there is a row in `crash`, as if the machine had stopped there.
CRASH = """
    CREATE TABLE crash ();
    CREATE FUNCTION crash() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        IF EXISTS (SELECT FROM public.crash) THEN RAISE EXCEPTION 'the machine stops'; END IF;
        RETURN NULL;
    END $$;
"""
WRITTEN = ("report", "report_event", "report_conflict", "photo")
KEPT = """
    SELECT report.author_id, client_id, id::text, text, version, body_hash,
        (SELECT count(*) FROM report_event AS e WHERE e.report_id = report.id) AS events,
        (SELECT count(*) FROM report_conflict AS c WHERE c.report_id = report.id) AS disputes,
        (SELECT count(*) FROM change WHERE subject = report.id::text AND what = 'report'
            AND action <> 'disputed') AS changes,
        ARRAY(SELECT p.sha256 FROM report_photo AS link JOIN photo AS p USING (author_id, sha256)
            WHERE link.report_id = report.id) AS here
    FROM report WHERE author_id = ANY(:authors)"""


@cache
def picture(number: int) -> bytes:
    return pictures.jpeg(number)


def digest(number: int) -> str:
    return hashlib.sha256(picture(number)).hexdigest()


@dataclass
class Phone:
    """`outbox`: what it has not been told is kept: reports by id and body, and pictures by number."""

    author: int
    headers: dict[str, str] = field(default_factory=dict)
    open: bool = False
    outbox: list[tuple[str, Any]] = field(default_factory=list)


@dataclass
class Kept:
    """What the model knows of a report."""

    id: str
    body: dict[str, Any]
    receipt: dict[str, Any]
    version: int = 1
    disputes: list[dict[str, Any]] = field(default_factory=list)


class Phones(RuleBasedStateMachine):
    """Whatever is sent, in whatever order and however often, is there once, as it was first heard."""

    client: TestClient
    town: data.db.Engine
    street: int

    @initialize()
    def begin(self) -> None:
        """Two inspectors of their own for each history: the database keeps those of the histories before it."""
        with data.db.transaction(self.town) as session:
            authors = [data.users.add(session, login=str(uuid4()), name="", synthetic=True) for _ in range(2)]
            for author in authors:
                data.users.assign(session, author, role="inspector", area_code="A00", valid_from=squares.DAY)
        self.phones = [Phone(authors[0]), Phone(authors[0]), Phone(authors[1])]
        self.ids = [str(UUID(int=uuid4().int, version=4)) for _ in range(3)]
        self.kept: dict[tuple[int, str], Kept] = {}
        self.photos: dict[tuple[int, str], str] = {}
        for phone in self.phones:
            self._let_in(phone)
        self.staff = self._token(self.street, session_of(self.town, self.street, "street"))

    # What phones do ---------------------------------------------------------------------------------------------------

    @rule(phone=st.integers(0, 2), at=st.integers(0, 2), words=st.sampled_from("一二三"),
          pictures=st.sets(st.integers(0, 2)))  # fmt: skip
    def write(self, phone: int, at: int, words: str, pictures: set[int]) -> None:
        """A report is written, or one that may have been sent already is edited; it waits on the phone."""
        body = SENT | {"text": words, "photos": [digest(number) for number in sorted(pictures)]}
        self.phones[phone].outbox.append((self.ids[at], body))

    @rule(phone=st.integers(0, 2), number=st.integers(0, 2))
    def photograph(self, phone: int, number: int) -> None:
        self.phones[phone].outbox.append(("photo", number))

    @precondition(lambda self: any(phone.outbox for phone in self.phones))
    @rule(pick=st.randoms(use_true_random=False), fate=st.sampled_from(["told", "told", "unheard", "crash", "lost"]))
    def send(self, pick: Any, fate: str) -> None:
        """Anything that waits, in any order. `unheard`: kept, and the answer does not come; `lost`: never arrives."""
        phone = pick.choice([phone for phone in self.phones if phone.outbox])
        letter = pick.choice(phone.outbox)
        if fate == "lost":
            return
        told = self._sent(phone, letter, crash=fate == "crash")
        if told and fate == "told" and pick.random() < 0.7:  # else it is sent again although it was told
            phone.outbox.remove(letter)

    @rule(phone=st.integers(0, 2))
    def lock_out(self, phone: int) -> None:
        """It is lost or stolen: its session ends."""
        with data.db.transaction(self.town) as session:
            session.execute(
                text("UPDATE login_session SET ended_at = now(), ended_why = 'lost' WHERE id::text = :id"),
                {"id": self.phones[phone].headers["sid"]},
            )
        self.phones[phone].open = False

    @precondition(lambda self: any(not phone.open for phone in self.phones))
    @rule()
    def let_in_again(self) -> None:
        self._let_in(next(phone for phone in self.phones if not phone.open))

    @precondition(lambda self: self.kept)
    @rule(pick=st.randoms(use_true_random=False), name=st.sampled_from(["accept", "reject", "restore", "note"]),
          stale=st.booleans(), crash=st.booleans())  # fmt: skip
    def act(self, pick: Any, name: str, stale: bool, crash: bool) -> None:
        """Staff move a report, sometimes at a version that is past."""
        kept = self.kept[pick.choice(sorted(self.kept))]
        body = {"move": name, "version": kept.version - stale, "reason": "因", "text": "注"}
        if body["version"] < 1:
            return
        with self._crashing(crash):
            answer = self.client.post(f"/api/reports/{kept.id}/moves", json=body, headers=self.staff)
        assert answer.status_code in ((409, 500) if crash else (409,) if stale else (200, 409))
        kept.version += answer.status_code == 200

    # What must be so --------------------------------------------------------------------------------------------------

    def _sent(self, phone: Phone, letter: tuple[str, Any], *, crash: bool) -> bool:
        """Whether the phone is told that it is kept."""
        send = self._photo if letter[0] == "photo" else self._report
        headers = {"Authorization": phone.headers["Authorization"]}
        if not phone.open:
            assert send(phone, letter, headers, crash=crash, refused=True) is False
            return False
        return send(phone, letter, headers, crash=crash, refused=False)

    def _report(
        self, phone: Phone, letter: tuple[str, Any], headers: dict[str, str], *, crash: bool, refused: bool
    ) -> bool:
        uuid, body = letter
        with self._crashing(crash):
            answer = self.client.put(f"/api/reports/{uuid}", json=body, headers=headers)
        if refused:
            assert answer.status_code == 401
            return False
        kept = self.kept.get((phone.author, uuid))
        if kept is None:
            assert answer.status_code == (500 if crash else 201)
            if not crash:
                self.kept[phone.author, uuid] = Kept(answer.json()["id"], body, answer.json())
            return not crash
        if body == kept.body:
            assert (answer.status_code, answer.json()) == (200, kept.receipt)
            return True
        known = body in kept.disputes
        assert answer.status_code == (500 if crash and not known else 409)
        if answer.status_code == 409 and not known:
            kept.disputes.append(body)
        return False

    def _photo(
        self, phone: Phone, letter: tuple[str, Any], headers: dict[str, str], *, crash: bool, refused: bool
    ) -> bool:
        sha256 = digest(letter[1])
        with self._crashing(crash):
            answer = self.client.put(
                f"/api/photos/{sha256}", content=picture(letter[1]), headers=headers | {"Content-Type": "image/jpeg"}
            )
        if refused:
            assert answer.status_code == 401
            return False
        known = self.photos.get((phone.author, sha256))
        assert answer.status_code == (200 if known else 500 if crash else 201)
        if answer.status_code == 500:
            return False
        assert answer.json()["id"] == self.photos.setdefault((phone.author, sha256), answer.json()["id"])
        return True

    @invariant()
    def the_database_says_the_same(self) -> None:
        authors = list({phone.author for phone in getattr(self, "phones", ())})
        with data.db.transaction(self.town) as session:
            rows = session.execute(text(KEPT), {"authors": authors}).mappings().all()
            photos = session.execute(
                text("SELECT author_id, sha256, id::text FROM photo WHERE author_id = ANY(:authors)"),
                {"authors": authors},
            ).all()  # fmt: skip
        assert {(row.author_id, row.sha256): row.id for row in photos} == getattr(self, "photos", {})
        assert len(photos) == len(getattr(self, "photos", {}))
        assert len(rows) == len(getattr(self, "kept", {}))
        for row in rows:
            kept = self.kept[row["author_id"], row["client_id"]]
            declared = {sha for sha in kept.body["photos"] if (row["author_id"], sha) in self.photos}
            assert (row["id"], row["text"], set(row["here"])) == (kept.id, kept.body["text"], declared)
            assert row["version"] == row["events"] == row["changes"] == kept.version
            assert row["disputes"] == len(kept.disputes)

    def teardown(self) -> None:
        """Every photo that was acknowledged is whole on the disk, and staff are shown what the model says."""
        home = self.client.app.state.settings.home
        for (_, sha256), photo in getattr(self, "photos", {}).items():
            assert hashlib.sha256(data.photofiles.original(home, photo).read_bytes()).hexdigest() == sha256
        for kept in getattr(self, "kept", {}).values():
            shown = self.client.get(f"/api/reports/{kept.id}", headers=self.staff).json()
            assert (shown["text"], shown["version"]) == (kept.body["text"], kept.version)
            assert (shown["disputes"], len(shown["events"])) == (len(kept.disputes), kept.version)

    def _let_in(self, phone: Phone) -> None:
        sid = session_of(self.town, phone.author, "inspector")
        phone.headers, phone.open = self._token(phone.author, sid) | {"sid": sid}, True

    def _token(self, person: int, sid: str) -> dict[str, str]:
        """A new one for each history: it lasts for minutes only."""
        keyring = self.client.app.state.keyring
        return bearer(api.auth.access_token(keyring, user_id=person, session_id=sid, now=datetime.now(UTC)))

    def _crashing(self, crash: bool) -> Any:
        return crashing(self.town) if crash else crashing(None)


class crashing:
    """While it lasts nothing that is written can be committed; None: all as ever."""

    def __init__(self, town: data.db.Engine | None) -> None:
        self.town = town

    def __enter__(self) -> None:
        self._say("INSERT INTO crash DEFAULT VALUES")

    def __exit__(self, *_: object) -> None:
        self._say("DELETE FROM crash")

    def _say(self, statement: str) -> None:
        if self.town is not None:
            with data.db.transaction(self.town) as session:
                session.execute(text(statement))


@pytest.fixture(scope="module")
def client(town: data.db.Engine, database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The application without limits of how often and how many."""
    data.db.open_door(database_url)
    with data.db.transaction(town) as session:
        session.execute(text(CRASH))
        for table in WRITTEN:
            session.execute(text(f"CREATE CONSTRAINT TRIGGER crash AFTER INSERT OR UPDATE ON {table}"
                                 " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION crash()"))  # fmt: skip
    door_url = database_url.replace(f"//{data.cluster.SUPERUSER}@", f"//{data.cluster.DOOR}@")
    given = Settings(home=tmp_path_factory.mktemp("home"), database_url=database_url, door_url=door_url,
                     rate_person=0, rate_address=0, reports_a_day=0)  # fmt: skip
    with TestClient(create_app(given), raise_server_exceptions=False) as made:
        yield made


def test_whatever_phones_and_staff_do_the_database_and_the_model_agree(client, town, people):
    Phones.client, Phones.town, Phones.street = client, town, people["street"]
    run(Phones, settings=settings(max_examples=HISTORIES, stateful_step_count=20, deadline=None,
                                  suppress_health_check=list(HealthCheck)))  # fmt: skip
