"""What a change costs its writer and its reader, beside an audit entry: `python tests/bench/feed.py`.

On a fresh PostGIS eight writers commit small transactions with nothing else, with a change, with a job, and with an
audit entry (one lock until commit); a reader follows the feed meanwhile. Prints transactions a second, and the CPU time
of all processes for each.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import text

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT)]

import data.audit  # noqa: E402
import data.changes  # noqa: E402
import data.cluster  # noqa: E402
import data.db  # noqa: E402
import data.jobs  # noqa: E402

WRITERS, SECONDS = 8, 4.0
HERE = {"street_code": "A", "community_code": "A0", "grid_code": "A00"}
Write = Callable[[data.db.Session], None]

KINDS: dict[str, Write] = {
    "nothing else": lambda session: None,
    "a change": lambda session: data.changes.record(
        session, "report", "1", "accept", {"status": "accepted"}, codes=HERE
    ),
    "a job": lambda session: data.jobs.put(session, "nobody_does_it", {"report": 1}),
    "an audit entry": lambda session: data.audit.record(session, actor="1", action="x"),
}


def hammer(engine: data.db.Engine, write: Write, until: float, counts: list[int]) -> None:
    done = 0
    while time.perf_counter() < until:
        with data.db.transaction(engine) as session:
            session.execute(text("INSERT INTO written DEFAULT VALUES"))
            write(session)
        done += 1
    counts.append(done)


def follow(engine: data.db.Engine, until: float, seen: list[int]) -> None:
    since = 0
    while time.perf_counter() < until:
        with data.db.transaction(engine) as session:
            newest = data.changes.newest(session)
            for row in data.changes.search(session, since=since, until=newest, limit=1000):
                assert row["seq"] == since + 1
                since = row["seq"]
    seen.append(since)


def cpu_s(folder: Path) -> float:
    """CPU seconds of this process and of the processes of the cluster."""
    ticks = os.sysconf("SC_CLK_TCK")
    total = 0.0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            mine = int(pid) == os.getpid() or os.readlink(f"/proc/{pid}/cwd") == str(folder)
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(map(int, fields[11:15])) / ticks if mine else 0.0
    return total


def measure(engine: data.db.Engine, folder: Path, write: Write) -> dict[str, float]:
    began, cpu = time.perf_counter(), cpu_s(folder)
    counts: list[int] = []
    seen: list[int] = []
    threads = [threading.Thread(target=hammer, args=(engine, write, began + SECONDS, counts)) for _ in range(WRITERS)]
    threads.append(threading.Thread(target=follow, args=(engine, began + SECONDS, seen)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {
        "tx_per_s": sum(counts) / SECONDS,
        "cpu_ms_per_tx": 1000 * (cpu_s(folder) - cpu) / sum(counts),
        "read": seen[0],
    }


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="wangge-") as folder:
        os.chmod(folder, 0o711)
        cluster = data.cluster.Cluster(Path(folder) / "home")
        with cluster.lease():
            data.db.migrate(cluster.url)
            engine = data.db.engine(cluster.url)
            with data.db.transaction(engine) as session:
                session.execute(text("CREATE TABLE written (at timestamptz DEFAULT now())"))
            told = {name: measure(engine, cluster.folder, write) for name, write in KINDS.items()}
            engine.dispose()
    sys.stdout.write(json.dumps({"load": os.getloadavg(), "writers": WRITERS, **told}, indent=2) + "\n")


if __name__ == "__main__":
    main()
