"""A backup is whole or absent, and a restore brings back all of it or changes nothing."""

from __future__ import annotations

import io
import subprocess
import tarfile

import pytest
import sqlalchemy

import data.backup
import data.db
import data.photofiles
import data.postgres
from gis.errors import Busy, Conflict, Invalid

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
    data.backup.write(own_database_url, file, home=file.parent)
    ask("UPDATE word SET said = 'after'")
    return file


def test_what_was_backed_up_comes_back(own_database_url, ask, backup):
    facts = data.backup.restore(own_database_url, backup, home=backup.parent)
    assert ask("SELECT said FROM word") == "before"
    assert facts["revision"] == data.db.revision(own_database_url) == data.db.head()


def test_rights_and_row_security_come_back_too(own_database_url, ask, backup):
    guarded = "SELECT string_agg(relname, ',' ORDER BY relname) FROM pg_class WHERE relforcerowsecurity"
    granted = "SELECT count(*) FROM information_schema.role_table_grants WHERE grantee LIKE 'wangge%'"
    before = ask(guarded), ask(granted)
    data.backup.restore(own_database_url, backup, home=backup.parent)
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
            data.backup.write(own_database_url, file, home=file.parent)
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
    data.backup.restore(own_database_url, backup, home=backup.parent)
    assert ask("SELECT said FROM word") == "before"


def test_open_connections_do_not_hinder_a_restore(own_database_url, ask, backup):
    """They are cut; who notices first is told to come again, and the pool goes on with the restored database."""
    engine = data.db.engine(own_database_url)
    with data.db.transaction(engine) as session:
        assert session.scalar(sqlalchemy.text("SELECT said FROM word")) == "after"
    data.backup.restore(own_database_url, backup, home=backup.parent)
    with pytest.raises(Busy, match=r"store\.unreachable"), data.db.transaction(engine) as session:
        session.scalar(sqlalchemy.text("SELECT 1"))
    with data.db.transaction(engine) as session:
        assert session.scalar(sqlalchemy.text("SELECT said FROM word")) == "before"
    engine.dispose()


def refusal(url, file) -> str:
    with pytest.raises((Invalid, Conflict)) as refused:
        data.backup.restore(url, file, home=file.parent)
    return refused.value.code


PHOTO = "11111111-1111-1111-1111-111111111111"


def photos_in(home) -> dict[str, bytes]:
    return {path.relative_to(home).as_posix(): path.read_bytes() for path in (home / "photos").rglob("*.*")} | {
        path.relative_to(home).as_posix(): path.read_bytes() for path in (home / "photos" / "quarantine").glob("*/*")
    }


@pytest.fixture
def pictured(tmp_path):
    """A home with one photo as it was sent and as it is shown, and one that is only just coming."""
    for path in (
        data.photofiles.original(tmp_path, PHOTO),
        data.photofiles.served(tmp_path, PHOTO, "large"),
        tmp_path / "photos" / "coming" / "half",
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(path.name.encode() * 1000)
    return tmp_path


def test_photos_are_in_it_and_come_back_into_another_home(own_database_url, pictured, tmp_path):
    """Not the one that was only coming; and what is there already is left as it is."""
    file, other = tmp_path / "a.backup", tmp_path / "other"
    assert data.backup.write(own_database_url, file, home=pictured)["photos"] == 2
    before = photos_in(pictured)
    kept = data.photofiles.served(other, PHOTO, "large")
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"there already")
    data.backup.restore(own_database_url, file, home=other)
    assert photos_in(other) == before | {kept.relative_to(other).as_posix(): b"there already"}
    assert data.photofiles.original(other, PHOTO).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "name", ["photos/../../x", "photos/served/../../x", "photos/quarantine/11/22", "photos/coming/a"]
)
def test_a_file_goes_nowhere_but_to_the_place_of_a_photo(tmp_path, name):
    assert not data.photofiles.put_back(tmp_path, name, io.BytesIO(b"x"))
    assert list(tmp_path.iterdir()) == []
