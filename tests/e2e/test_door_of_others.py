"""A server that is somebody else's: what faces the network comes in by a role without rights, or does not serve."""

from __future__ import annotations

import signal
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
import sqlalchemy
from e2e.test_setup import free_port, up, wangge

import data.cluster
import data.db
from gis.errors import NotAllowed
from worlds.serving import children

__all__ = ["up"]  # a fixture of the neighbour's

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("needs_postgis")]
#: The owner is let in by who she is on the machine, the door by a password alone.
RULES = "local all wangge_login scram-sha-256\nlocal all all peer map=owner\n"


@pytest.fixture
def server(home: Path) -> Iterator[data.cluster.Cluster]:
    """A server that asks `wangge_login` for a password."""
    cluster = data.cluster.Cluster(home / "theirs")
    with cluster.lease():
        cluster.place.joinpath("hba.conf").write_text(RULES)
        said(cluster, "SELECT pg_reload_conf()")
        yield cluster


def said(server: data.cluster.Cluster, statement: str) -> list[tuple[object, ...]]:
    engine = sqlalchemy.create_engine(server.url)
    with closing(engine.raw_connection()) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        rows = cursor.fetchall() if cursor.description else []
        connection.commit()
    engine.dispose()
    return rows


def refused(home: Path, **settings: str) -> str:
    told = wangge(home / "ours", "up", "--sample", "none", "--port", str(free_port()), **settings)
    assert told.returncode in (1, 3), told.stderr
    assert "Traceback" not in told.stderr
    return told.stderr


def test_with_the_owners_address_alone_requests_come_in_by_a_role_without_rights(home, server, up):
    """Its password is kept where the other keys are, and the process that serves never learns the owner's way in."""
    first = up(home / "ours", WANGGE_DATABASE_URL=server.url)
    assert first.status() == 200
    password = home / "ours" / "keys" / "door.password"
    assert stat.S_IMODE(password.stat().st_mode) == 0o600
    (serving,) = children(first.process.pid, b"serve")
    around = Path(f"/proc/{serving}/environ").read_bytes().split(b"\0")
    assert server.url.encode() not in b"\0".join(around)
    assert b"WANGGE_DATABASE_URL=" + door(server, password.read_text()).encode() in around
    assert ("wangge_login",) in said(server, "SELECT DISTINCT usename FROM pg_stat_activity WHERE usename <> ''")
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(host=str(server.socket), dbname="wangge", user="wangge_login", password="guessed")
    first.end(signal.SIGTERM)
    assert up(home / "ours", WANGGE_DATABASE_URL=server.url).status() == 200


def door(server: data.cluster.Cluster, password: str) -> str:
    made = sqlalchemy.make_url(server.url).set(username="wangge_login", password=password)
    return made.render_as_string(hide_password=False)


def test_a_role_that_serves_another_installation_keeps_its_password_and_we_say_what_to_do(home, server):
    data.db.migrate(server.url)
    said(server, "ALTER ROLE wangge_login LOGIN PASSWORD 'of somebody else'")
    before = said(server, "SELECT rolpassword FROM pg_authid WHERE rolname = 'wangge_login'")
    told = refused(home, WANGGE_DATABASE_URL=server.url)
    assert "WANGGE_DOOR_URL" in told
    assert "ALTER ROLE wangge_login LOGIN PASSWORD" in told
    assert said(server, "SELECT rolpassword FROM pg_authid WHERE rolname = 'wangge_login'") == before


def test_the_owners_address_given_as_the_door_is_refused(home, server):
    told = refused(home, WANGGE_DATABASE_URL=server.url, WANGGE_DOOR_URL=server.url)
    assert "WANGGE_DOOR_URL names wangge" in told


def test_what_may_act_as_owner_is_no_door(server):
    data.db.migrate(server.url)
    data.db.open_door(server.url)
    server.place.joinpath("hba.conf").write_text("local all all peer map=owner\n")
    said(server, "SELECT pg_reload_conf()")
    data.db.check_door(server.door_url)
    for power in ("CREATEROLE", "BYPASSRLS", "SUPERUSER"):
        said(server, f"ALTER ROLE wangge_login {power}")
        with pytest.raises(NotAllowed, match=r"store\.door_mighty"):
            data.db.check_door(server.door_url)
        said(server, f"ALTER ROLE wangge_login NO{power}")
    data.db.check_door(server.door_url)
