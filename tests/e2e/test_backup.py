"""A backup is whole or absent, and a restore brings back all of it or changes nothing."""

from __future__ import annotations

import subprocess
import tarfile

import pytest
import sqlalchemy

import data.backup
import data.db
import data.postgres
from gis.errors import Conflict, Invalid

pytestmark = pytest.mark.database


@pytest.fixture
def ask(own_database_url):
    """A way to ask the database, each time on a connection of its own."""

    def run(statement: str):
        engine = sqlalchemy.create_engine(own_database_url, poolclass=sqlalchemy.pool.NullPool)
        with engine.begin() as connection:
            answer = connection.execute(sqlalchemy.text(statement))
            return answer.scalar() if answer.returns_rows else None

    return run


@pytest.fixture
def backup(own_database_url, ask, tmp_path):
    """A backup that holds the word `before`, of a database that says `after` by now."""
    ask("CREATE TABLE word AS SELECT 'before' AS said, repeat('x', 100000) AS filling")
    file = tmp_path / "备份 1.backup"
    data.backup.write(own_database_url, file)
    ask("UPDATE word SET said = 'after'")
    return file


def test_what_was_backed_up_comes_back(own_database_url, ask, backup):
    facts = data.backup.restore(own_database_url, backup)
    assert ask("SELECT said FROM word") == "before"
    assert facts["revision"] == data.db.revision(own_database_url) == data.db.head()


def test_rights_and_row_security_come_back_too(own_database_url, ask, backup):
    guarded = "SELECT string_agg(relname, ',' ORDER BY relname) FROM pg_class WHERE relforcerowsecurity"
    granted = "SELECT count(*) FROM information_schema.role_table_grants WHERE grantee LIKE 'wangge%'"
    before = ask(guarded), ask(granted)
    data.backup.restore(own_database_url, backup)
    assert (ask(guarded), ask(granted)) == before
    assert before[0]


def test_the_file_opens_by_hand_with_tar_and_pg_restore(backup, tmp_path):
    with tarfile.open(backup) as archive:
        assert archive.getnames() == ["facts.json", "database.dump", "SHA256"]
        archive.extract("database.dump", tmp_path)
    program = data.postgres.programs().path("pg_restore")
    told = subprocess.run([program, "--list", tmp_path / "database.dump"], capture_output=True, text=True, check=True)
    assert "TABLE DATA public word" in told.stdout


@pytest.mark.parametrize("kept", [0.0, 0.001, 0.5, 0.9, 0.999])
def test_a_cut_file_is_refused_and_nothing_changes(own_database_url, ask, backup, kept):
    whole = backup.read_bytes()
    backup.write_bytes(whole[: int(len(whole) * kept)])
    assert refusal(own_database_url, backup) == "backup.damaged"
    assert ask("SELECT said FROM word") == "after"


@pytest.mark.parametrize("place", [0, 130, 511, 600, 1024, 5000, -5000, -2000, -1500, -600, -1])
def test_one_changed_bit_anywhere_is_refused_and_nothing_changes(own_database_url, ask, backup, place):
    whole = bytearray(backup.read_bytes())
    whole[place] ^= 0b100
    backup.write_bytes(whole)
    assert refusal(own_database_url, backup) == "backup.damaged"
    assert ask("SELECT said FROM word") == "after"


def test_a_file_with_more_after_its_end_is_refused(own_database_url, backup):
    with backup.open("ab") as file:
        file.write(bytes(512))
    assert refusal(own_database_url, backup) == "backup.damaged"


def test_a_backup_that_fails_leaves_no_file(own_database_url, tmp_path, monkeypatch):
    """pg_dump cannot be run: neither the file nor what was begun of it stays; an older one of the name does."""
    monkeypatch.setattr(data.backup, "_program", lambda *_: "false")
    older = tmp_path / "older.backup"
    older.write_text("older")
    for file in (tmp_path / "new.backup", older):
        with pytest.raises(Conflict):
            data.backup.write(own_database_url, file)
    assert [file.name for file in tmp_path.iterdir()] == ["older.backup"]
    assert older.read_text() == "older"


def test_a_restore_that_fails_half_way_changes_nothing(own_database_url, ask, backup, monkeypatch):
    """The new database is full, and the swap fails: the old one keeps its name, the new one is gone."""

    def fails(*_arguments, **_named):
        raise Conflict("test.fails")

    monkeypatch.setattr(data.backup, "_swap", fails)
    assert refusal(own_database_url, backup) == "test.fails"
    assert ask("SELECT said FROM word") == "after"
    assert ask("SELECT count(*) FROM pg_database WHERE datname ~ 'restoring|replaced'") == 0


def test_leftovers_of_a_killed_restore_do_not_hinder_the_next(own_database_url, ask, backup):
    name = sqlalchemy.make_url(own_database_url).database
    engine = sqlalchemy.create_engine(own_database_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for leftover in ("restoring", "replaced"):
            connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}_{leftover} TEMPLATE template0"))
    engine.dispose()
    data.backup.restore(own_database_url, backup)
    assert ask("SELECT said FROM word") == "before"


def test_open_connections_do_not_hinder_a_restore(own_database_url, ask, backup):
    """They are cut, and a pool that checks before use goes on with the restored database."""
    engine = data.db.engine(own_database_url)
    with data.db.transaction(engine) as session:
        assert session.scalar(sqlalchemy.text("SELECT said FROM word")) == "after"
    data.backup.restore(own_database_url, backup)
    with data.db.transaction(engine) as session:
        assert session.scalar(sqlalchemy.text("SELECT said FROM word")) == "before"
    engine.dispose()


def refusal(url, file) -> str:
    with pytest.raises((Invalid, Conflict)) as refused:
        data.backup.restore(url, file)
    return refused.value.code
