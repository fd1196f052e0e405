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
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

import api.actions.orders
import api.routes.orders
import contract.conftest
import data.changes
import data.db
import data.jobs
import data.orders
import data.photofiles
import data.photos
import data.users
from worlds import pictures

pytestmark = pytest.mark.database
ROOT = Path(__file__).parents[2]
PATIENCE_S = 180.0


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


# An order, whose worker dies ------------------------------------------------------------------------------------------


def ordered(town: data.db.Engine) -> int:
    """A run that a planner ordered, on the town of two streets."""
    with data.db.transaction(town) as session:
        contract.conftest.settle(session)
        planner = data.users.add(session, login="planner", name="", synthetic=True)
        asked = {"kinds": ["canteen"], "minutes": 10, "metres": 500, "at": None, "scenario": None, "area": None}
        number, _ = data.orders.add(session, user_id=planner, what="run", parameters=asked)
        data.jobs.put(session, api.actions.orders.JOB, {"order_id": number})
    return number


def order(town: data.db.Engine, number: int) -> dict[str, Any]:
    with data.db.transaction(town) as session:
        return data.orders.get(session, number)


@contextmanager
def stopped_at_the_last_step(town: data.db.Engine) -> Iterator[None]:
    """Nobody may keep a run while the block lasts, so that a worker waits there with everything else done."""
    with data.db.Session(town) as holder:
        holder.execute(text("LOCK TABLE coverage_run IN EXCLUSIVE MODE"))
        yield
        holder.rollback()


def test_an_order_whose_worker_is_killed_is_begun_again_and_ends_well(town, wangge):
    number = ordered(town)
    with stopped_at_the_last_step(town):
        worker = wangge.worker()
        until(lambda: blocked(town))
        assert order(town, number)["state"] == "running"
        worker.kill()
        worker.wait()
    until(lambda: not blocked(town))
    with data.db.transaction(town) as session:
        session.execute(text("UPDATE job SET run_at = now()"))  # a minute later
    wangge.worker()
    until(lambda: order(town, number)["state"] == "done")
    told = order(town, number)
    assert (told["tries"], told["error"], told["run_id"] is not None) == (2, None, True)
    with data.db.transaction(town) as session:
        assert session.scalar(text("SELECT count(*) FROM coverage_run WHERE id = :id"), {"id": told["run_id"]}) == 1
        assert session.scalar(text("SELECT count(*) FROM job_held JOIN job ON job.id = job_id")) == 0


def test_an_order_that_kills_every_worker_ends_failed_and_says_so_in_words(town, wangge):
    """Four have died over it; the fifth does, too, and the next one does not begin."""
    number = ordered(town)
    with data.db.transaction(town) as session:
        session.execute(text("UPDATE job SET tries = 4"))
    with stopped_at_the_last_step(town):
        worker = wangge.worker()
        until(lambda: blocked(town))
        worker.kill()
        worker.wait()
    until(lambda: not blocked(town))
    with data.db.transaction(town) as session:
        session.execute(text("UPDATE job SET run_at = now()"))
    wangge.worker()
    until(lambda: order(town, number)["state"] == "failed")
    for lang, words in {"zh": "中断了 5 次", "en": "ended 5 times"}.items():
        assert words in api.routes.orders.shown(order(town, number), lang).error.title
    (dead,) = json.loads(wangge.run("jobs", "list", "--dead", "--json").stdout)["jobs"]
    assert (dead["kind"], dead["reason"]) == ("coverage_run", "jobs.lost")


def test_a_worker_that_hangs_over_an_order_loses_it_to_the_next_and_cannot_spoil_it_later(town, wangge):
    """It is frozen, as if its machine had gone to sleep; its lease runs out; when it wakes its work is not kept."""
    number = ordered(town)
    with stopped_at_the_last_step(town):
        frozen = wangge.worker()
        until(lambda: blocked(town))
        frozen.send_signal(signal.SIGSTOP)
        with data.db.transaction(town) as session:
            session.execute(text("UPDATE job_held SET until = now() - interval '1 second'"))
        with data.db.transaction(town) as session:
            assert data.jobs.recover(session) != []
    until(lambda: not blocked(town))
    with data.db.transaction(town) as session:
        session.execute(text("UPDATE job SET run_at = now()"))
    wangge.worker()
    until(lambda: order(town, number)["state"] == "done")
    frozen.send_signal(signal.SIGCONT)
    frozen.send_signal(signal.SIGTERM)
    frozen.communicate(timeout=PATIENCE_S)
    assert (order(town, number)["state"], order(town, number)["tries"]) == ("done", 2)
    with data.db.transaction(town) as session:
        assert session.scalar(text("SELECT count(*) FROM coverage_run")) == 2  # that of the town, and this one


def test_while_an_order_is_carried_out_its_worker_is_heard_of(town, wangge):
    """`jobs list` says that it is being done; it is neither waiting nor overdue, however old."""
    ordered(town)
    with stopped_at_the_last_step(town):
        wangge.worker()
        until(lambda: blocked(town))
        with data.db.transaction(town) as session:
            began = session.scalar(text("SELECT until FROM job_held"))
        until(lambda: heard(town) > began)
        told = json.loads(wangge.run("jobs", "list", "--json").stdout)
        assert (told["state"]["doing"], told["state"]["waiting"], told["state"]["overdue_s"]) == (1, 0, 0)
        assert "being done since" in wangge.run("jobs", "list").stdout


def heard(town: data.db.Engine) -> Any:
    with data.db.transaction(town) as session:
        return session.scalar(text("SELECT until FROM job_held"))


def test_a_queue_that_nobody_empties_is_said(town, wangge):
    with data.db.transaction(town) as session:
        data.jobs.put(session, "photo_encode", {})
        session.execute(text("UPDATE job SET run_at = now() - interval '6 minutes'"))
    findings = json.loads(wangge.run("doctor", "--json").stdout)["findings"]
    assert [one["state"] for one in findings if one["what"] == "queue"] == ["wrong"]
