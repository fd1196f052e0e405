"""Who lives in a household: masked on sight, in full for a reason, with a row in the log before anything is shown."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import text

import api.actions.elders
import api.auth
import data.audit
import data.db
import data.identity
import data.keyring
from api.actions.intake import Asked
from gis.errors import BadRows, Invalid, MissingPart

pytestmark = pytest.mark.database

NAME, PHONE, CARD, HEALTH = "冼秀英", "13812345678", "44010319400101002X", "高血压"
PLACES = {"own": "A00", "neighbour": "A01", "community": "A10", "street": "B00"}


@pytest.fixture(scope="module")
def homes(town, client) -> dict[str, int]:
    """One household of two persons in each place; `absent` is none."""
    made = {}
    with data.db.transaction(town) as session:
        for place, grid in PLACES.items():
            made[place] = session.scalar(
                text("""INSERT INTO household (ref, elders, synthetic, street_code, community_code, grid_code)
                        VALUES (:grid, 2, true, :street, :community, :grid) RETURNING id"""),
                {"grid": grid, "community": grid[:2], "street": grid[:1]},
            )  # fmt: skip
        persons = pd.DataFrame({
            "household_id": [made[place] for place in PLACES for _ in "12"], "name": [NAME, "陈伯"] * 4,
            "phone": [PHONE, None] * 4, "id_card": [CARD, None] * 4, "health": [HEALTH, None] * 4,
            "consent": [True, None] * 4, "legal_basis": "agreement",
        })  # fmt: skip
        data.identity.add(session, persons, seal=client.app.state.keyring.seal, synthetic=True)
    return made | {"absent": 10**9}


@pytest.fixture(autouse=True)
def nobody_has_asked_yet(town):
    """The limits count what is in the log, and nothing leaves the log: move it into the past by hand."""
    yield
    with data.db.transaction(town) as session:
        session.execute(text("ALTER TABLE audit_log DISABLE TRIGGER audit_refuse"))
        session.execute(text("UPDATE audit_log SET at = at - interval '3 days'"))
        session.execute(text("ALTER TABLE audit_log ENABLE TRIGGER audit_refuse"))


def reveal(client, headers, household_id, purpose="visit"):
    return client.post(f"/api/households/{household_id}/reveal", headers=headers, json={"purpose": purpose})


def logged(town, people, login="inspector"):
    with data.db.transaction(town) as session:
        rows = data.audit.search(session, actor=str(people[login]), limit=10_000)
    return [(row["action"], row["subject"], row["purpose"]) for row in rows if row["action"] == "household.reveal"]


def test_the_persons_of_a_household_are_shown_masked_and_that_is_not_logged(client, as_, homes, town, people):
    before = logged(town, people)
    answer = client.get(f"/api/households/{homes['own']}/elders", headers=as_("inspector"))
    assert [(one["name"], one["phone"]) for one in answer.json()["elders"]] == [("冼**", "138****5678"), ("陈**", None)]
    assert logged(town, people) == before


def test_for_a_purpose_they_are_shown_in_full_and_the_log_says_who_whom_and_why(client, as_, homes, town, people):
    before = logged(town, people)
    answer = reveal(client, as_("inspector"), homes["own"], "emergency")
    first, second = answer.json()["elders"]
    assert {key: first[key] for key in ("name", "phone", "id_card", "health")} == {
        "name": NAME, "phone": PHONE, "id_card": CARD, "health": HEALTH}  # fmt: skip
    assert (second["name"], second["phone"], second["health"]) == ("陈伯", None, None)
    assert answer.headers["cache-control"] == "no-store"
    assert logged(town, people)[len(before) :] == [("household.reveal", f"household:{homes['own']}", "emergency")]


REACH = {
    "inspector": "own", "inspector A01": "neighbour", "community": "own neighbour", "community A1": "community",
    "street": "own neighbour community", "street B": "street",
}  # fmt: skip


@pytest.mark.parametrize("login", REACH)
def test_each_reveals_exactly_what_she_may_see_and_all_else_is_as_if_it_were_not(client, as_, homes, town, login):
    """The function that reveals says itself who may; what it says is what row security says."""
    answers = {place: reveal(client, as_(login), home) for place, home in homes.items()}
    seen = {place: client.get(f"/api/households/{home}/elders", headers=as_(login)) for place, home in homes.items()}
    opened = {place for place, answer in answers.items() if answer.status_code == 200}
    assert opened == set(REACH[login].split())
    assert opened == {place for place, answer in seen.items() if answer.status_code == 200}
    assert {(a.status_code, a.text) for place, a in answers.items() if place not in opened} == {
        (404, answers["absent"].text)}  # fmt: skip


@pytest.mark.parametrize("login", ["planner", "partner", "auditor", "admin"])
def test_nobody_else_sees_even_the_masked_names(client, as_, homes, login):
    assert client.get(f"/api/households/{homes['own']}/elders", headers=as_(login)).status_code == 403
    assert reveal(client, as_(login), homes["own"]).status_code == 403


@pytest.mark.parametrize("purpose", ["", "curiosity", "她是我的邻居", None, 1])
def test_without_a_known_purpose_nothing_is_shown(client, as_, homes, purpose):
    assert reveal(client, as_("inspector"), homes["own"], purpose).status_code == 422


def test_after_thirty_in_an_hour_the_next_has_to_wait_and_somebody_else_need_not(client, as_, homes, town, people):
    """The thirty-first is refused, leaves no row in the log, and says for how long; an hour later it goes on."""
    assert {reveal(client, as_("inspector"), homes["own"]).status_code for _ in range(30)} == {200}
    before = logged(town, people)
    refused = reveal(client, as_("inspector"), homes["own"])
    assert (refused.status_code, refused.json()["code"]) == (429, "households.reveals")
    assert 3500 < int(refused.headers["retry-after"]) <= 3600
    assert NAME not in refused.text
    assert logged(town, people) == before
    assert reveal(client, as_("community"), homes["own"]).status_code == 200


def test_who_asks_forty_times_at_once_is_shown_thirty(client, as_, homes):
    with ThreadPoolExecutor(40) as threads:
        asked = [threads.submit(reveal, client, as_("inspector"), homes["own"]) for _ in range(40)]
        statuses = Counter(each.result().status_code for each in asked)
    assert statuses == {200: 30, 429: 10}


def test_after_a_hundred_in_a_day_the_next_has_to_wait(town, homes, people):
    with data.db.undecided(town) as session:
        me = {"me": str(people["street"]), "home": homes["own"]}
        session.execute(text("""INSERT INTO audit_log (actor, action)
            SELECT :me, 'household.reveal' FROM generate_series(1, 100)"""), me)  # fmt: skip
        session.execute(text("ALTER TABLE audit_log DISABLE TRIGGER audit_refuse"))
        session.execute(text("UPDATE audit_log SET at = at - interval '2 hours' WHERE actor = :me"), me)
        session.execute(
            text("SELECT set_config('role', 'wangge_street', true), set_config('wangge.user_id', :me, true)"), me
        )
        with pytest.raises(Exception, match=r"households\.reveals") as refused:
            session.execute(text("SELECT * FROM wangge_private.reveal(:home, 'visit')"), me)
    refusal = data.db.refusal_of(refused.value)
    assert (refusal.facts["times"], 21 * 3600 < refusal.facts["retry_after_s"] <= 22 * 3600) == (100, True)


def test_an_answer_that_cannot_be_kept_is_not_given(client, as_, homes, town, people, monkeypatch):
    """The commit fails after everything was read and decrypted: no row in the log, and no name in the answer."""

    def fail(*_):
        raise RuntimeError("the disk is full")

    before = logged(town, people)
    monkeypatch.setattr(data.db.Session, "commit", fail)
    answer = reveal(client, as_("inspector"), homes["own"])
    monkeypatch.undo()
    assert answer.status_code == 500
    assert NAME not in answer.text
    assert logged(town, people) == before


def test_without_the_key_nothing_is_shown_and_nothing_logged(client, as_, homes, town, people):
    """Somebody has restored the database and made the installation anew, but not brought the key."""
    before = logged(town, people)
    keys = client.app.state.keyring.folder / "data.keys"
    kept = keys.rename(keys.with_name("elsewhere"))
    answer = reveal(client, as_("inspector"), homes["own"])
    kept.rename(keys)
    assert (answer.status_code, answer.json()["code"]) == (503, "identity.key")
    assert logged(town, people) == before


def test_neither_database_nor_log_holds_a_name_and_no_role_reads_what_is_sealed(town, homes, caplog):
    with data.db.transaction(town) as session:
        kept = "".join(session.scalars(text("SELECT to_jsonb(elder)::text FROM elder")))
        kept += "".join(session.scalars(text("SELECT to_jsonb(audit_log)::text FROM audit_log")))
        for column in ("name_sealed", "phone_sealed", "id_card_sealed", "id_card_masked", "health_sealed"):
            readers = session.scalars(
                text("""SELECT rolname FROM pg_roles WHERE rolname LIKE 'wangge\\_%'
                        AND rolname NOT IN ('wangge_owner') AND NOT rolsuper
                        AND has_column_privilege(oid, 'elder', :column, 'SELECT')"""), {"column": column},
            )  # fmt: skip
            assert readers.all() == []
    assert not [value for value in (NAME, PHONE, CARD, HEALTH) if value in kept + caplog.text]


def test_persons_go_where_their_household_goes(town, homes):
    with data.db.undecided(town) as session:
        session.execute(text("UPDATE household SET grid_code = 'A01' WHERE id = :id"), {"id": homes["own"]})
        moved = session.scalars(text("SELECT grid_code FROM elder WHERE household_id = :id"), {"id": homes["own"]})
        assert moved.all() == ["A01", "A01"]
        session.execute(text("DELETE FROM household WHERE id = :id"), {"id": homes["own"]})
        left = session.scalar(text("SELECT count(*) FROM elder WHERE household_id = :id"), {"id": homes["own"]})
        assert left == 0


# Bringing in, and the key ---------------------------------------------------------------------------------------------


def file_of(folder: Path, *rows: str) -> Asked:
    path = folder / "elders.csv"
    path.write_text("\n".join(["户号,姓名,电话,同意", *rows]), encoding="utf-8")
    return Asked(path, synthetic=True)


def test_a_register_is_brought_in_and_takes_the_place_of_the_one_before(town, homes, client, tmp_path):
    seal = client.app.state.keyring.seal
    with data.db.undecided(town) as session:
        asked = file_of(tmp_path, "A00,梁伯,02081234567,是", "A00,何姨,13900001111,")
        done = api.actions.elders.bring_in(session, asked, seal, legal_basis="协议")
        assert (done.counts.added, done.counts.changed, done.counts.untouched) == (0, 2, 6)
        shown = data.identity.search(session, homes["own"])
        assert [(one["name"], one["phone"], one["consent"], one["legal_basis"]) for one in shown] == [
            ("梁**", "*********67", True, "协议"), ("何**", "139****1111", None, "协议")]  # fmt: skip
        sealed = session.scalars(text("SELECT name_sealed FROM elder WHERE household_id = :id ORDER BY id"),
                                 {"id": homes["own"]}).all()  # fmt: skip
        assert [seal.open(one) for one in sealed] == ["梁伯", "何姨"]


def test_a_register_with_a_fault_is_refused_by_row_and_repeats_no_value(town, homes, client, tmp_path):
    seal = client.app.state.keyring.seal
    asked = file_of(tmp_path, "A00,梁伯,1,", "Z99,不认识的人,2,", "A01,,3,")
    with data.db.undecided(town) as session, pytest.raises(BadRows) as refused:
        api.actions.elders.bring_in(session, asked, seal, legal_basis="协议")
    assert [(fault.row, fault.code, fault.value) for fault in refused.value.faults] == [
        (3, "elders.no_household", None), (4, "cell.empty", None)]  # fmt: skip
    with data.db.undecided(town) as session, pytest.raises(Invalid, match=r"elders\.no_basis"):
        api.actions.elders.bring_in(session, asked, seal, legal_basis=" ")


def test_after_a_change_of_the_key_all_is_read_with_the_new_one_alone(town, homes, client, as_, monkeypatch):
    """While it lasts both keys open; a run that was killed half way is finished by the next."""
    keyring = client.app.state.keyring
    monkeypatch.setattr(api.actions.elders, "BATCH", 3)
    old = keyring.seal
    keyring.add_data_key()  # of the killed run
    assert reveal(client, as_("inspector"), homes["own"]).json()["elders"][0]["name"] == NAME
    assert api.actions.elders.change_key(town, keyring) == 8
    assert reveal(client, as_("inspector"), homes["own"]).json()["elders"][0]["name"] == NAME
    assert len((keyring.folder / "data.keys").read_text().split()) == 1
    assert (keyring.folder / "data.keys").stat().st_mode & 0o777 == 0o600
    with data.db.transaction(town) as session:
        sealed = session.scalar(text("SELECT name_sealed FROM elder LIMIT 1"))
    with pytest.raises(MissingPart, match=r"identity\.key"):
        old.open(sealed)
