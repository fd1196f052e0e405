"""The private cluster comes back after anything, and leaves nothing behind."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psycopg2
import psycopg2.extras
import pytest

import data.cluster
from data.cluster import Cluster
from gis.errors import Conflict

pytestmark = pytest.mark.database
AS_ROOT = os.geteuid() == 0


@pytest.fixture(autouse=True)
def _programs(needs_postgis):
    """All of these start servers of their own."""


@pytest.fixture(scope="module")
def used_home(needs_postgis):
    """One home for the tests that do not care what happened in it before: making one takes longest."""
    with tempfile.TemporaryDirectory(prefix="wangge-") as folder:
        os.chmod(folder, 0o711)
        yield Path(folder) / "home"


def ask(cluster: Cluster, statement: str):
    connection = psycopg2.connect(host=str(cluster.socket), user="wangge", dbname="wangge")
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else None
    finally:
        connection.close()


def server_of(cluster: Cluster) -> int:
    return int((cluster.folder / "postmaster.pid").read_text().split()[0])


def processes(cluster: Cluster) -> list[int]:
    """Every process that works in the data folder, as the kernel tells it."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{name}/cwd") == str(cluster.folder):
                found.append(int(name))
        except OSError:
            continue
    return found


def left_behind(cluster: Cluster, *, within_s: float = 5.0) -> list[int]:
    """Processes still there after a moment: the server's own log collector ends just after the server does."""
    deadline = time.monotonic() + within_s
    while (found := processes(cluster)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def kill(pids: list[int]) -> None:
    """Without a warning; one that has just ended by itself is as dead."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_a_fresh_home_has_a_server_that_forgets_nothing(home):
    wanted = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "data_checksums": "on"}
    wanted |= {"listen_addresses": "", "server_encoding": "UTF8", "jit": "off", "TimeZone": "UTC"}
    with data.cluster.running(home) as cluster:
        assert {name: ask(cluster, f"SHOW {name}")[0][0] for name in wanted} == wanted


def test_the_last_to_leave_stops_the_server(used_home):
    first, second = Cluster(used_home), Cluster(used_home)
    with first.lease():
        with second.lease():
            server = server_of(first)
        assert server_of(first) == server
        assert first.running
    assert not first.running
    assert left_behind(first) == []


def test_a_server_that_was_started_to_stay_is_left_as_found(used_home):
    cluster = Cluster(used_home)
    cluster.keep()
    with cluster.lease():
        pass
    assert cluster.running
    cluster.stop()
    assert not cluster.running
    with cluster.lease():
        pass
    assert not cluster.running


def test_a_server_in_use_is_not_stopped(used_home):
    with data.cluster.running(used_home) as cluster:
        with pytest.raises(Conflict) as refused:
            Cluster(used_home).stop()
        assert refused.value.code == "setup.cluster_in_use"
        assert ask(cluster, "SELECT 1") == [(1,)]


def test_a_killed_user_of_the_server_counts_no_longer(used_home):
    """A process takes a lease and is killed; the next to leave is the last, and stops what it found running."""
    program = (
        "import sys, data.cluster as c, pathlib\nwith c.running(pathlib.Path(sys.argv[1])): print(flush=True); input()"
    )
    user = subprocess.Popen(
        [sys.executable, "-c", program, str(used_home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    user.stdout.readline()
    user.kill()
    user.communicate()
    assert Cluster(used_home).running
    with data.cluster.running(used_home):
        pass
    assert not Cluster(used_home).running


def test_a_killed_server_starts_again_with_all_that_was_acknowledged(used_home):
    cluster = Cluster(used_home)
    with cluster.lease():
        ask(cluster, "CREATE TABLE many (n int)")
        for number in range(20):
            ask(cluster, f"INSERT INTO many VALUES ({number})")
        kill(processes(cluster))
        cluster.start()
        assert ask(cluster, "SELECT count(*) FROM many") == [(20,)]


def test_orphans_of_a_killed_server_do_not_hinder_the_next(used_home):
    """Only the parent is killed, while one of its children is deep in a query."""
    cluster = Cluster(used_home)
    with cluster.lease():
        busy = psycopg2.connect(host=str(cluster.socket), user="wangge", dbname="wangge", async_=True)
        psycopg2.extras.wait_select(busy)
        busy.cursor().execute("SELECT count(*) FROM generate_series(1, 10_000_000_000)")
        kill([server_of(cluster)])
        cluster.start()
        assert ask(cluster, "SELECT 1") == [(1,)]
        busy.close()


def test_a_pid_given_to_another_process_of_the_same_user_does_not_hinder(used_home):
    """PostgreSQL alone would refuse: it finds a process of its own user under the number in its lock file."""
    cluster = Cluster(used_home)
    with cluster.lease():
        kill(processes(cluster))
        owner = cluster.folder.stat()
        rights = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if AS_ROOT else {}
        other = subprocess.Popen(["sleep", "600"], **rights)
        for lock in (cluster.folder / "postmaster.pid", cluster.socket / ".s.PGSQL.5432.lock"):
            _pid, rest = lock.read_text().split("\n", 1)
            lock.write_text(f"{other.pid}\n{rest}")
        cluster.start()
        assert ask(cluster, "SELECT 1") == [(1,)]
        assert other.poll() is None
        other.kill()
        other.wait()


def test_a_making_that_was_cut_short_is_done_again(home):
    """`initdb` killed in its middle leaves a side folder, never a data folder."""
    cluster = Cluster(home)
    cluster.ensure()
    cluster.folder.rename(cluster.place / "making")
    (cluster.place / "making" / "PG_VERSION").unlink()
    with cluster.lease():
        assert ask(cluster, "SELECT 1") == [(1,)]
    assert not (cluster.place / "making").exists()


def test_many_first_users_at_once_make_one_cluster(home):
    program = (
        "import sys, data.cluster as c, pathlib\n"
        "with c.running(pathlib.Path(sys.argv[1])) as cluster: print(cluster.folder.stat().st_ino)"
    )
    command = [sys.executable, "-c", program, str(home)]
    where = {"cwd": Path(__file__).parents[2], "stdout": subprocess.PIPE, "text": True}
    users = [subprocess.Popen(command, **where) for _ in range(4)]
    told = [user.communicate()[0] for user in users]
    assert [user.returncode for user in users] == [0] * 4
    assert len(set(told)) == 1
    assert processes(Cluster(home)) == []


@pytest.mark.parametrize("name", ["网格 二〇二六", 'it\'s "quoted" $HOME `x` \\', "a,b:c%20d", "长" * 40])
def test_any_folder_name_will_do(home, name):
    """The last has 120 bytes, more than a socket's path may have in all; the third holds marks of addresses."""
    import sqlalchemy

    with data.cluster.running(home / name) as cluster:
        engine = sqlalchemy.create_engine(cluster.url)
        with engine.connect() as connection:
            assert connection.scalar(sqlalchemy.text("SELECT current_database()")) == "wangge"
            told = connection.scalar(sqlalchemy.text("SHOW data_directory"))
        engine.dispose()
        assert told == str(home / name / "pg" / "data")
    cluster.remove()
    assert not cluster.socket.exists()


def test_homes_side_by_side_know_nothing_of_each_other(home):
    with data.cluster.running(home / "a") as one, data.cluster.running(home / "b") as other:
        ask(one, "CREATE TABLE only_here ()")
        assert ask(other, "SELECT to_regclass('only_here') IS NULL") == [(True,)]
    assert not one.running
    assert not other.running


@pytest.mark.skipif(not AS_ROOT, reason="needs root")
def test_root_serves_as_somebody_without_rights_and_lets_nobody_else_in(home):
    with data.cluster.running(home) as cluster:
        owner = pwd.getpwuid(Path(f"/proc/{server_of(cluster)}").stat().st_uid)
        assert owner.pw_uid != 0
        assert cluster.folder.stat().st_mode & 0o777 == 0o700
        stranger = pwd.getpwnam("nobody")
        command = ["psql", "-h", str(cluster.socket), "-U", "wangge", "-c", "SELECT 1"]
        tried = subprocess.run(command, user=stranger.pw_uid, group=stranger.pw_gid, extra_groups=[], check=False)
        assert tried.returncode != 0


@pytest.mark.skipif(not AS_ROOT, reason="needs root")
def test_a_home_that_the_servers_user_cannot_enter_keeps_its_data_in_a_system_folder(home):
    home.mkdir(mode=0o700)
    cluster = Cluster(home / "inner")
    with cluster.lease():
        place = cluster.place
        assert cluster.elsewhere
        assert place.parent == data.cluster.SYSTEM_FOLDER
        ask(cluster, "CREATE TABLE kept ()")
    with cluster.lease():
        assert ask(cluster, "SELECT to_regclass('kept') IS NOT NULL") == [(True,)]
    cluster.remove()
    assert not place.exists()


@pytest.mark.skipif(not AS_ROOT, reason="needs root")
def test_an_ordinary_user_has_a_cluster_of_their_own(home):
    """A copy of this process gives up its rights and brings a cluster up in a folder of its own."""
    user = pwd.getpwnam("nobody")
    home.mkdir()
    os.chown(home, user.pw_uid, user.pw_gid)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
            with data.cluster.running(home) as cluster:
                status = 0 if ask(cluster, "SELECT 1") == [(1,)] else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert Cluster(home).folder.stat().st_uid == user.pw_uid


def test_a_failure_to_start_says_why(home):
    """A data folder that lost its control file: PostgreSQL's own last words reach the user."""
    cluster = Cluster(home)
    cluster.ensure()
    (cluster.folder / "global" / "pg_control").unlink()
    with pytest.raises(Conflict) as refused:
        cluster.start()
    assert refused.value.code == "setup.cluster_failed"
    assert "pg_control" in str(refused.value.facts["reason"])
    shutil.rmtree(home)
