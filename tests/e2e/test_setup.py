"""The program as its owner meets it: brought up, stopped, killed, brought up again, refused where it must be."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

import data.cluster
import data.postgres
from gis.errors import NotAllowed

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("needs_postgis")]
ROOT = Path(__file__).parents[2]
READY = re.compile(r"http://127\.0\.0\.1:\d+/")
MILLISECONDS_OF_HELP = 400


def surroundings(home: Path | None, **settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WANGGE_", "LC_", "LANG"))}
    own = {"WANGGE_HOME": str(home)} if home else {}
    return kept | {"PYTHONPATH": str(ROOT), "WANGGE_LANG": "en"} | own | settings


def wangge(home: Path | None, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "api.cli", *arguments]
    return subprocess.run(
        command, env=surroundings(home, **settings), cwd="/", capture_output=True, text=True, check=False
    )


def python(program: str, *, home: Path) -> subprocess.CompletedProcess[str]:
    """Run the program from inside, so that a part of it can be made to fail."""
    command = [sys.executable, "-c", program]
    return subprocess.run(command, env=surroundings(home), cwd=ROOT, capture_output=True, text=True, check=False)


def hear_everything() -> None:
    """As a terminal starts a program: tests run under nohup pass on that SIGHUP is not to be heard."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class Up:
    """A running `wangge up` that serves."""

    def __init__(self, home: Path, **settings: str) -> None:
        self.home, self.port = home, free_port()
        command = [sys.executable, "-P", "-m", "api.cli", "up", "--sample", "none", "--port", str(self.port)]
        self.process = subprocess.Popen(
            command, env=surroundings(home, **settings), stderr=subprocess.PIPE, text=True, preexec_fn=hear_everything
        )
        self.told = ""
        for line in self.process.stderr:
            self.told += line
            if READY.search(line):
                return
        raise AssertionError(self.told)

    def status(self, path: str = "readyz") -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{path}", timeout=30) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        self.told += self.process.communicate()[1]
        return self.process.returncode


@pytest.fixture
def up():
    """Start `wangge up`; whatever still runs at the end is killed."""
    started = []

    def start(home: Path, **settings: str) -> Up:
        started.append(Up(home, **settings))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.end(signal.SIGTERM)


def free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return door.getsockname()[1]


def servers(home: Path) -> list[int]:
    """Processes of the home's database."""
    folder, found = str(data.cluster.Cluster(home).folder), []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{name}/cwd") == folder:
                found.append(int(name))
        except OSError:
            continue
    return found


def test_without_serving_it_makes_everything_and_leaves_nothing_running(home):
    told = wangge(home, "up", "--no-serve", "--sample", "none")
    assert told.returncode == 0, told.stderr
    assert "Ready" in told.stderr
    assert told.stdout == ""
    assert servers(home) == []
    assert "2026" in wangge(home, "db", "backup", str(home / "a"), "--json").stdout


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_every_polite_signal_stops_all_of_it(home, up, how):
    running = up(home)
    assert running.status("healthz") == 200
    assert running.end(how) == 0, running.told
    assert servers(home) == []


def test_a_second_up_on_the_same_home_is_refused_and_the_first_goes_on(home, up):
    first = up(home)
    second = wangge(home, "up", "--port", str(free_port()))
    assert second.returncode == 1
    assert f"process {first.process.pid}, http://127.0.0.1:{first.port}/" in second.stderr
    assert first.status() == 200


def test_a_killed_up_is_followed_by_a_good_one(home, up):
    """The kernel drops its hold on the home; its orphaned database is found running, used, and stopped at the end."""
    first = up(home)
    first.end(signal.SIGKILL)
    assert servers(home)
    second = up(home)
    assert second.status() == 200
    assert second.end(signal.SIGTERM) == 0
    assert servers(home) == []


def test_everything_killed_at_once_comes_up_again(home, up):
    first = up(home)
    first.process.kill()
    for pid in servers(home):
        with suppress(ProcessLookupError):  # it may have ended by itself just now
            os.kill(pid, signal.SIGKILL)
    first.process.communicate()
    assert up(home).status() == 200


def test_a_killed_database_comes_back_under_a_running_up(home, up):
    """Asked again and again meanwhile, it answers that it is not ready, and then that it is, without a restart."""
    running = up(home)
    for pid in servers(home):
        with suppress(ProcessLookupError):  # it may have ended by itself just now
            os.kill(pid, signal.SIGKILL)
    answers = {running.status()}
    while 200 not in answers:
        answers.add(running.status())
    assert answers <= {200, 503}
    assert running.process.poll() is None


def test_two_homes_run_side_by_side(home, up):
    one, other = up(home / "一"), up(home / "二 2")
    assert one.end(signal.SIGTERM) == 0
    assert other.status() == 200


def test_a_taken_port_is_said_before_anything_is_made(home, up):
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        told = wangge(home, "up", "--port", str(door.getsockname()[1]))
    assert told.returncode == 1
    assert "--port" in told.stderr
    assert not (home / "pg").exists()


def test_a_server_of_the_owners_own_is_used_and_otherwise_left_alone(home, database_url):
    told = wangge(home, "up", "--no-serve", "--sample", "none", WANGGE_DATABASE_URL=database_url)
    assert told.returncode == 0, told.stderr
    assert not (home / "pg").exists()
    for command in ("start", "stop"):
        refused = wangge(home, "db", command, WANGGE_DATABASE_URL=database_url)
        assert refused.returncode == 1
        assert "WANGGE_DATABASE_URL" in refused.stderr
    assert data.postgres.about(database_url)["fsync"] == "on"


def test_a_server_that_is_not_there_is_a_refusal_in_words(home):
    told = wangge(home, "db", "migrate", WANGGE_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert told.returncode == 1
    assert "Traceback" not in told.stderr
    assert told.stderr.strip()


def test_a_database_started_to_stay_is_found_and_left(home):
    wangge(home, "db", "start")
    lock = data.cluster.Cluster(home).folder / "postmaster.pid"
    before = lock.read_text().split()[0]
    assert wangge(home, "up", "--no-serve", "--sample", "none").returncode == 0
    assert lock.read_text().split()[0] == before
    assert json.loads(wangge(home, "db", "status", "--json").stdout)["running"] is True
    assert wangge(home, "db", "stop").returncode == 0
    assert servers(home) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_the_home_of_another_user_is_refused_in_words(home):
    """A copy of this process without rights asks for a home that root has made."""
    assert wangge(home, "db", "status").returncode == 0
    home.mkdir(exist_ok=True)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setgroups([])
            os.setuid(65534)
            data.cluster.Cluster(home).start()
        except NotAllowed as refused:
            status = 0 if refused.code == "setup.not_owner" else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_setting_that_cannot_be_is_said_in_words(home):
    told = wangge(home, "up", WANGGE_PORT="acht")
    assert told.returncode == 1
    assert "WANGGE_PORT" in told.stderr
    assert "Traceback" not in told.stderr


def test_doctor_says_what_is_there_and_changes_nothing(home):
    told = wangge(home, "doctor", "--json")
    assert {each["what"] for each in json.loads(told.stdout)["findings"]} >= {"python", "postgis", "vendor", "disk"}
    assert not home.exists()


def test_doctor_finds_a_server_that_may_forget(home, cluster):
    """A database whose `synchronous_commit` is off loses what it has acknowledged."""
    url = cluster.url_of("postgres") + "&options=-csynchronous_commit%3Doff"
    told = wangge(home, "doctor", "--json", WANGGE_DATABASE_URL=url)
    wrong = [each["text"] for each in json.loads(told.stdout)["findings"] if each["what"] == "durable"]
    assert told.returncode == 1
    assert "synchronous_commit=off" in wrong[0]


def test_a_part_of_the_system_that_is_missing_is_named_with_the_line_that_brings_it(tmp_path):
    """As somebody without rights on a machine without PostgreSQL: exit status 3, nothing asked for."""
    program = (
        "import os, sys, data.postgres, api.cli.parts, api.cli\n"
        "data.postgres.installed = list\n"
        "api.cli.parts._allowed = lambda: None\n"
        "sys.exit(api.cli.run(['db', 'start']))"
    )
    told = subprocess.run(
        [sys.executable, "-c", program],
        env=surroundings(tmp_path),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 3
    assert "sudo apt-get install -y postgresql postgresql-postgis" in told.stderr


def test_wrong_usage_exits_with_2_and_says_where_to_read(home):
    told = wangge(home, "db", "backup", "--nonsense")
    assert told.returncode == 2
    assert "wangge db backup --help" in told.stderr


def test_a_fault_of_ours_shows_one_line_and_keeps_the_trace_without_values(home):
    program = (
        "import api.cli, api.cli.doctor\n"
        "def fails(): raise ValueError('陈婆婆 13800138000')\n"
        "api.cli.doctor._look = fails\n"
        "api.cli.main(['doctor'])"
    )
    told = python(program, home=home)
    log = (home / "log" / "wangge.log").read_text()
    assert told.returncode == 1
    assert len(told.stderr.strip().splitlines()) == 1
    assert str(home / "log" / "wangge.log") in told.stderr
    assert "in fails" in log
    assert "138" not in told.stderr + log


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"WANGGE_LANG": "", "LANG": "en_GB.UTF-8"}, "Bring everything up"),
        ({"WANGGE_LANG": "", "LANG": "de_DE.UTF-8"}, "启动一切"),
        ({"WANGGE_LANG": "zh", "LANG": "en_GB.UTF-8"}, "启动一切"),
        ({"WANGGE_LANG": "", "LC_ALL": "C.UTF-8", "LANG": "en_GB.UTF-8"}, "启动一切"),
    ],
)
def test_it_speaks_chinese_unless_english_is_asked_for(home, said, expected):
    assert expected in wangge(home, "--help", **said).stdout


def test_help_costs_little():
    """Seconds of the processor, not of the clock, the least of three: what else the machine does is not counted."""
    spent = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert wangge(None, "--help").returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(spent) * 1000 <= MILLISECONDS_OF_HELP
