"""The worker as a process: it does what waits, leaves when asked, and may be killed at any moment."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

import data.changes
import data.db
import data.jobs
import data.photofiles
import data.photos
import data.users
from worlds import pictures

pytestmark = pytest.mark.database
ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0


@pytest.fixture
def town(own_database_url: str) -> Iterator[data.db.Engine]:
    engine = data.db.engine(own_database_url)
    yield engine
    engine.dispose()


class Wangge:
    """The program on one home and one database."""

    def __init__(self, home: Path, url: str) -> None:
        self.home, self.started = home, list[subprocess.Popen[str]]()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("WANGGE_")}
        self.around = kept | {"PYTHONPATH": str(ROOT), "WANGGE_LANG": "en", "WANGGE_HOME": str(home),
                              "WANGGE_DATABASE_URL": url}  # fmt: skip

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-m", "api.cli", *arguments]
        return subprocess.run(command, env=self.around, capture_output=True, text=True, check=False)

    def worker(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-P", "-m", "api.cli", "worker"]
        one = subprocess.Popen(command, env=self.around, stderr=subprocess.PIPE, text=True, cwd="/")
        self.started.append(one)
        return one


@pytest.fixture
def wangge(home: Path, own_database_url: str) -> Iterator[Wangge]:
    made = Wangge(home, own_database_url)
    yield made
    for one in made.started:
        if one.poll() is None:
            one.kill()
        one.communicate()


def until(true: Callable[[], bool]) -> None:
    """Wait for another process, without guessing how long it takes."""
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end, "it never became true"
        time.sleep(0.02)


def photo(town: data.db.Engine, home: Path) -> data.photos.Photo:
    """A photo that has come and waits to be encoded."""
    content = pictures.jpeg()
    with data.db.transaction(town) as session:
        author = data.users.add(session, login="a", name="", synthetic=True)
        with data.photofiles.incoming(home) as file:
            file.write(content)
            file.finish(hashlib.sha256(content).hexdigest())
            data.photofiles.keep(file.path, home, "11111111-1111-1111-1111-111111111111")
        data.photos.add(session, photo_id="11111111-1111-1111-1111-111111111111", author_id=author,
                        sha256=hashlib.sha256(content).hexdigest(), bytes=len(content), media="image/jpeg")  # fmt: skip
        return data.photos.get(session, "11111111-1111-1111-1111-111111111111")


def state(town: data.db.Engine, waiting: data.photos.Photo) -> str:
    with data.db.transaction(town) as session:
        return data.photos.get(session, waiting.id).state


def test_it_does_what_waits_and_leaves_politely(town, home, wangge):
    waiting = photo(town, home)
    worker = wangge.worker()
    until(lambda: state(town, waiting) == "ready")
    worker.send_signal(signal.SIGTERM)
    told = worker.communicate(timeout=PATIENCE_S)[1]
    assert (worker.returncode, "The worker has stopped." in told) == (0, True)
    assert data.photofiles.served(home, waiting.id, "small").exists()


def test_killed_in_the_middle_of_a_job_it_leaves_it_to_the_next_which_does_it_once(town, home, wangge):
    """We hold the photo's row, so that the worker waits with all its work done and nothing kept; there it dies."""
    waiting = photo(town, home)
    with data.db.Session(town) as holder:
        holder.execute(text("SELECT FROM photo FOR UPDATE"))
        worker = wangge.worker()
        until(lambda: blocked(town))
        worker.kill()
        worker.wait()
        holder.rollback()
    until(lambda: not blocked(town))
    with data.db.transaction(town) as session:
        (job,) = data.jobs.search(session)
        assert (job["kind"], job["tries"], data.photos.get(session, waiting.id).state) == (
            "photo_encode",
            1,
            "received",
        )
        session.execute(text("UPDATE job SET run_at = now()"))  # a minute later
    wangge.worker()
    until(lambda: state(town, waiting) == "ready")
    with data.db.transaction(town) as session:
        assert data.jobs.search(session) == []
    assert data.photofiles.found(home, "served").keys() == data.photofiles.names_served(waiting.id)


def blocked(town: data.db.Engine) -> bool:
    with data.db.transaction(town) as session:
        asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return bool(session.scalar(text(asked)))


def test_what_cannot_be_done_is_listed_with_its_reason_and_can_be_tried_again(town, wangge):
    with data.db.transaction(town) as session:
        data.jobs.put(session, "photo_encode", {"photo": "22222222-2222-2222-2222-222222222222"})
        session.execute(text("UPDATE job SET tries = 9"))
    wangge.worker()
    until(lambda: json.loads(wangge.run("jobs", "list", "--dead", "--json").stdout)["jobs"] != [])
    (dead,) = json.loads(wangge.run("jobs", "list", "--dead", "--json").stdout)["jobs"]
    assert (dead["reason"], dead["tries"]) == ("photos.absent", 10)
    assert "dead since" in wangge.run("jobs", "list").stdout
    assert wangge.run("jobs", "retry", str(dead["id"])).returncode == 0
    again = wangge.run("jobs", "retry", str(dead["id"]))
    assert (again.returncode, f"no dead job {dead['id']}" in again.stderr) == (1, True)


def test_a_queue_that_nobody_empties_is_said(town, wangge):
    with data.db.transaction(town) as session:
        data.jobs.put(session, "photo_encode", {})
        session.execute(text("UPDATE job SET run_at = now() - interval '6 minutes'"))
    findings = json.loads(wangge.run("doctor", "--json").stdout)["findings"]
    assert [one["state"] for one in findings if one["what"] == "queue"] == ["wrong"]
