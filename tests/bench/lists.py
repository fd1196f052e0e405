"""How long lists, single objects and tiles take at the size of a real district, for every role.

    python tests/bench/lists.py [--reports 1000000] [--home FOLDER] [--most 40] [--only NAME,NAME] [--served]

Starts a private database of its own (kept for the next time where a home is named) and the application in this
process, reached as a server reaches it; `--served` measures a server of its own over the loopback instead.
Requests are made one after the other: the times are those of a quiet server;
processor time of Python and of PostgreSQL is printed beside them for a machine that is not quiet. Every statement is
explained with the rights of its reader: one that reads a large table from end to end is a miss, like a time over the
line. What misses is measured twice more, and the median counts.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import numpy as np  # noqa: E402
from sqlalchemy import text  # noqa: E402

import api.auth  # noqa: E402
import data.cluster  # noqa: E402
import data.db  # noqa: E402
import data.tiles  # noqa: E402
from api.app import create_app  # noqa: E402
from api.settings import Settings  # noqa: E402
from contract import people  # noqa: E402
from worlds import district  # noqa: E402
from worlds.statements import heard  # noqa: E402

SEERS = ("inspector", "community", "street", "partner")
STAFF = SEERS[:3]
EVERYBODY = ("nobody", *SEERS, "planner", "admin")
#: Percent, milliseconds. Tiles of a million points have no line of their own (`tiles.py` has 100,000): near by they are
#: held to that of lists, far away to a second.
LOOKUP, LIST, NEAR, FAR = (99, 20), (99, 100), (95, 100), (95, 1000)
#: Tables of which no request may read all rows.
LARGE = {"report", "report_event", "report_published", "household", "change"}
#: So many rows read one after the other: not a page, and not a count that stops.
MANY = 50_000
EXPLAIN = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "
CENTRE = (district.WEST + 0.05, district.SOUTH + 0.06)
BUSY = (district.WEST + 0.05, district.SOUTH + 0.002)


@dataclass(frozen=True)
class Asked:
    """A kind of request: its addresses, asked in turn, who asks, and how long it may take."""

    name: str
    paths: tuple[str, ...]
    roles: tuple[str, ...]
    line: tuple[int, int] = LIST


# What is asked --------------------------------------------------------------------------------------------------------


def requests(samples: dict[str, list[str]]) -> Iterator[Asked]:
    """Everything that is measured."""
    now = datetime.now(UTC)
    since, day = (quote((now - timedelta(days=days)).isoformat()) for days in (30, 1))
    west, south = BUSY
    box = f"{west},{south},{west + 0.002},{south + 0.003}"
    areas = district.cells().iloc[0]
    queries = {
        "first page": "", "status=closed": "status=closed", "status=rejected": "status=rejected",
        "category": "category=ramp", "category+open": "category=ramp&status=assigned",
        "area=grid": f"area={areas['grid_code']}", "area=street": f"area={areas['street_code']}", "bbox": f"bbox={box}",
        "overdue": "overdue=true", "since": f"since={day}", "1000 rows": "limit=1000",
    }  # fmt: skip
    for name, query in queries.items():
        yield Asked(f"reports {name}", (f"/api/reports?{query}",), SEERS)
    yield Asked("reports deep page", tuple(f"/api/reports?after={quote(after)}" for after in samples["cursor"]), SEERS)
    yield Asked("report by id", tuple(f"/api/reports/{one}" for one in samples["report"]), SEERS)
    yield Asked("reports near", (f"/api/reports/near?lon={west}&lat={south}&category=litter",), SEERS)
    until = quote(now.isoformat())
    yield Asked("figures of a month", (f"/api/reports/figures?since={since}&until={until}&by=grid",), STAFF)
    yield Asked("households", ("/api/households",), STAFF)
    yield Asked("households deep", ("/api/households?after=150000",), STAFF)
    yield Asked("household by id", tuple(f"/api/households/{one}" for one in samples["household"]), STAFF)
    yield Asked("changes deep", ("/api/changes?since=500000",), (*SEERS, "admin"))
    yield Asked("changes newest", ("/api/changes?since=999990",), (*SEERS, "admin"))
    yield from open_to_all(samples, box)


def open_to_all(samples: dict[str, list[str]], box: str) -> Iterator[Asked]:
    """What needs no name; whoever asks for a tile of reports gets those of her own areas."""
    spots = [(CENTRE[0] + k * 0.0007, CENTRE[1] - k * 0.0009) for k in range(40)]
    yield Asked("point lookup", tuple(f"/api/areas/at?lon={x:.5f}&lat={y:.5f}" for x, y in spots), EVERYBODY, LOOKUP)
    yield Asked("area by code", tuple(f"/api/areas/{code}" for code in samples["area"]), ("nobody",))
    items = "/ogc/collections/reports/items"
    for name, query in {"10": "limit=10", "1000": "limit=1000", "bbox": f"limit=100&bbox={box}"}.items():
        yield Asked(f"ogc items {name}", (f"{items}?{query}",), ("nobody", "planner"))
    yield Asked("ogc items deep", tuple(f"{items}?limit=10&after={one}" for one in samples["report"]), ("nobody",))
    yield Asked("ogc collection", ("/ogc/collections/reports",), ("nobody",))
    yield Asked("open311 list", ("/open311/v2/requests.json?page_size=100",), ("nobody", *SEERS))
    for zoom in (10, 12, 14, 16):
        paths = tuple(f"/tiles/reports/{zoom}/{x}/{y}.mvt" for x, y in tiles(zoom))
        yield Asked(f"tile z{zoom} reports", paths, ("nobody", *SEERS), NEAR if zoom > 12 else FAR)
    yield Asked(
        "tile z14 facilities", tuple(f"/tiles/facilities/14/{x}/{y}.mvt" for x, y in tiles(14)), ("nobody",), NEAR
    )


def tiles(zoom: int) -> list[tuple[int, int]]:
    """The tiles of a zoom around the busy street, at most nine."""
    lon, lat = BUSY
    n = 2**zoom
    x = int((lon + 180) / 360 * n)
    y = int((1 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2 * n)
    reach = range(-1, 2) if zoom > 12 else range(1)
    return [(x + dx, y + dy) for dx in reach for dy in reach]


def sampled(engine: data.db.Engine) -> dict[str, list[str]]:
    """Objects to ask for: in the first grid, so that everybody on the list may see them."""
    first = district.cells().iloc[0]["grid_code"]
    asked = {
        "report": f"SELECT id::text FROM report WHERE grid_code = '{first}' ORDER BY client_id LIMIT 40",
        "household": f"SELECT id::text FROM household WHERE grid_code = '{first}' ORDER BY ref LIMIT 40",
        "area": "SELECT code FROM area ORDER BY id LIMIT 40",
        "cursor": """SELECT replace((received_at AT TIME ZONE 'UTC')::text, ' ', 'T') || '+00:00_' || id FROM report
                     WHERE client_id IN (SELECT 'R-' || count(*) * tenth / 10
                                         FROM report, generate_series(1, 3) AS tenth GROUP BY tenth)""",
    }
    with data.db.transaction(engine) as session:
        return {name: list(session.scalars(text(statement))) for name, statement in asked.items()}


# The server -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """A filled district, its application, and the headers of its people."""

    engine: data.db.Engine
    app: Any
    postmaster: int
    headers: dict[str, dict[str, str]]
    server: Server | None = None

    async def ask(self, path: str, role: str) -> tuple[int, int]:
        """Status and size of an answer of the server that is measured."""
        return self.server.get(path, self.headers[role]) if self.server else await self.get(path, role)

    def python_s(self) -> float:
        """Processor seconds of that server."""
        return self.server.cpu_s() if self.server else time.process_time()

    async def get(self, path: str, role: str) -> tuple[int, int]:
        """Status and size of an answer of the application in this process."""
        parts, sent = urlsplit(path), []
        named = {"host": "bench", **self.headers[role]}
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": parts.path, "raw_path": parts.path.encode(), "query_string": parts.query.encode(), "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in named.items()],
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
        }  # fmt: skip

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        return sent[0]["status"], sum(len(message.get("body", b"")) for message in sent[1:])

    def postgres_s(self) -> float:
        """Processor seconds of all processes of the database."""
        children = Path(f"/proc/{self.postmaster}/task/{self.postmaster}/children").read_text().split()
        return sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in children) / 1e9


@dataclass(frozen=True)
class Server:
    """A server as `wangge up` starts it, and a connection that is kept."""

    process: subprocess.Popen[bytes]
    connection: http.client.HTTPConnection

    def get(self, path: str, headers: dict[str, str]) -> tuple[int, int]:
        self.connection.request("GET", path, headers=headers)
        answer = self.connection.getresponse()
        return answer.status, len(answer.read())

    def cpu_s(self) -> float:
        used = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(used[11]) + int(used[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def server(home: Path, cluster: data.cluster.Cluster) -> Iterator[Server]:
    said = {"HOME": str(home), "DATABASE_URL": cluster.url, "DOOR_URL": cluster.door_url, "RATE_PERSON": "0",
            "RATE_ADDRESS": "0"}  # fmt: skip
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | {f"WANGGE_{name}": value for name, value in said.items()}
    with socket.create_server(("127.0.0.1", 0)) as door:
        command = [sys.executable, "-P", "-m", "api.cli", "serve", "--door", str(door.fileno())]
        quietly = {"stdin": subprocess.PIPE, "stderr": subprocess.DEVNULL}  # it leaves when its stdin ends
        process = subprocess.Popen(command, env=environment, pass_fds=[door.fileno()], **quietly)
        try:
            yield Server(process, http.client.HTTPConnection("127.0.0.1", door.getsockname()[1]))
        finally:
            process.terminate()
            process.wait()


@contextmanager
def place(home: Path | None, size: district.Size, *, served: bool) -> Iterator[Place]:
    with nullcontext(str(home)) if home else tempfile.TemporaryDirectory(prefix="wangge-") as folder:
        Path(folder).mkdir(exist_ok=True)
        os.chmod(folder, 0o711)
        cluster = data.cluster.Cluster(Path(folder) / "home")
        with cluster.lease():
            data.db.migrate(cluster.url)
            data.db.open_door(cluster.url)
            engine = data.db.engine(cluster.url)
            fill(engine, size)
            settings = Settings(
                home=Path(folder) / "app", database_url=cluster.url, door_url=cluster.door_url, rate_person=0,
                rate_address=0,
            )  # fmt: skip
            app = create_app(settings)
            pid = int((cluster.folder / "postmaster.pid").read_text().split()[0])
            with server(Path(folder) / "app", cluster) if served else nullcontext() as real:
                yield Place(engine, app, pid, headers(engine, app), real)
            for each in (app.state.door, engine):
                each.dispose()


def fill(engine: data.db.Engine, size: district.Size) -> None:
    with data.db.transaction(engine) as session:
        if session.scalar(text("SELECT count(*) FROM area")):
            return
        begun = time.perf_counter()
        district.found(session, size)
        people.give_key(session, "partner", session.scalar(text("SELECT id FROM app_user WHERE login = 'partner'")))
        data.tiles.tally(session, now=datetime.now(UTC))  # as the worker does
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    say(f"filled in {time.perf_counter() - begun:.0f} s")


def headers(engine: data.db.Engine, app: Any) -> dict[str, dict[str, str]]:
    with data.db.transaction(engine) as session:
        known = dict(session.execute(text("SELECT login, id FROM app_user WHERE login NOT LIKE 'i0%'")).all())
    made = {"nobody": {}, "partner": people.bearer(people.key_of("partner"))}
    for role in EVERYBODY:
        if role not in made:
            sid = people.session_of(engine, known[role], role)
            token = api.auth.access_token(app.state.keyring, user_id=known[role], session_id=sid, now=datetime.now(UTC))
            made[role] = people.bearer(token)
    return made


# Measuring ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Times:
    """Milliseconds of wall, sorted, and of processor for each request; bytes of the last answer."""

    wall: np.ndarray[Any, Any]
    python: float
    postgres: float
    size: int

    def at(self, percent: int) -> float:
        return float(np.percentile(self.wall, percent))


async def timed(here: Place, asked: Asked, role: str, most: int, patience_s: float = 1.0) -> Times:
    """As many requests as fit into the time, `most` at most; ten at least, unless they take very long."""
    for path in islice(cycle(asked.paths), 2):
        status, size = await here.ask(path, role)
        assert status in (200, 204), (status, path, role)
    wall, begun = [], time.perf_counter()
    python, postgres = here.python_s(), here.postgres_s()
    for path in islice(cycle(asked.paths), most):
        asked_at = time.perf_counter()
        _, size = await here.ask(path, role)
        wall.append((time.perf_counter() - asked_at) * 1000)
        if time.perf_counter() - begun > patience_s * (1 if len(wall) >= 10 else 3):
            break
    share = 1000 / len(wall)
    spent = (here.python_s() - python) * share, (here.postgres_s() - postgres) * share
    return Times(np.sort(wall), *spent, size)


async def explained(here: Place, asked: Asked, role: str) -> tuple[list[str], list[str]]:
    """The large tables that a request reads from end to end, and its plans as text."""
    with heard(here.app.state.door) as said:
        await here.get(asked.paths[0], role)
    return replayed(here.engine, said)


def replayed(engine: data.db.Engine, said: list[tuple[str, Any]]) -> tuple[list[str], list[str]]:
    """Run statements again, each explained once the role has been taken on; with a role a transaction begins."""
    read, plans, entered = set(), [], False
    with engine.connect() as connection:
        for statement, values in said:
            if taking := "set_config('role'" in statement:
                connection.rollback()
            if entered and not taking and not statement.startswith("SET"):
                plan = connection.exec_driver_sql(EXPLAIN + statement, values).scalar()
                read |= set(whole(plan[0]["Plan"]))
                plans.append(f"{statement}\n{json.dumps(plan, indent=1)}")
            connection.exec_driver_sql(statement, values)
            entered |= taking
        connection.rollback()
    return sorted(read), plans


def whole(plan: dict[str, Any]) -> Iterator[str]:
    """Large tables that a plan scans from end to end."""
    if plan["Node Type"] == "Seq Scan" and plan["Relation Name"] in LARGE:
        read = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
        yield from [plan["Relation Name"]] * (read > MANY)
    for below in plan.get("Plans", ()):
        yield from whole(below)


async def measured(here: Place, asked: Asked, role: str, most: int) -> tuple[str, bool]:
    """A line of the table, and whether it holds."""
    percent, line = asked.line
    times = await timed(here, asked, role, most)
    if line < times.at(percent) < 5 * line:  # further away no luck of the moment decides
        again = [times, *[await timed(here, asked, role, most) for _ in range(2)]]
        times = sorted(again, key=lambda each: each.at(percent))[1]
    read, _ = await explained(here, asked, role)
    fine = times.at(percent) <= line and not read
    words = [f"{asked.name:20} {role:9}", *(f"p{share} {times.at(share):6.1f}" for share in (50, 95, 99))]
    words += [f"python {times.python:5.1f}", f"postgres {times.postgres:6.1f}", f"{times.size / 1000:6.1f} KB"]
    words += [f"n {len(times.wall):3d}", f"p{percent} <= {line}", *["MISS"] * (not fine)]
    return "  ".join(words + [f"reads all of {table}" for table in read]), fine


async def run(here: Place, given: argparse.Namespace) -> int:
    missed = 0
    for asked in requests(sampled(here.engine)):
        for role in asked.roles if any(name in asked.name for name in given.only.split(",")) else ():
            if given.plan:
                say(asked.name, role, *(await explained(here, asked, role))[1], sep="\n")
                continue
            line, fine = await measured(here, asked, role, given.most)
            missed += not fine
            say(line)
    say(f"{missed} missed, load {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores, {platform.machine()}")
    return missed


def say(*words: object, sep: str = " ") -> None:
    sys.stdout.write(sep.join(map(str, words)) + "\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reports", type=int, default=district.Size.reports)
    parser.add_argument("--home", type=Path, help="keep the database here")
    parser.add_argument("--most", type=int, default=40, help="requests of each kind by each role")
    parser.add_argument("--only", default="", help="kinds of request with one of these in their name")
    parser.add_argument("--plan", action="store_true", help="print plans instead of times")
    parser.add_argument("--served", action="store_true", help="measure over HTTP")
    given = parser.parse_args()
    with place(given.home, district.Size(reports=given.reports), served=given.served) as here:
        say(f"{given.reports} reports, milliseconds, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}")
        return int(asyncio.run(run(here, given)) > 0)


if __name__ == "__main__":
    sys.exit(main())
