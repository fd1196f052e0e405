"""The real server as its users meet it: `wangge up` in a home of its own, inspectors with tokens, a client that keeps
a ledger of what it was answered, and a comparison of that ledger with the database."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import text

import api.auth
import data.cluster
import data.db
import data.keyring
import data.users
from worlds import squares

ROOT = Path(__file__).parents[2]
READY = re.compile(r"http://127\.0\.0\.1:\d+/")
#: About 2 KB in UTF-8, as a phone would send it with some words and two photos.
WORDS = "楼道扶手断裂，老人上下楼不便，已拍照。" * 30
INSPECTORS = 100
PATIENCE_S = 30.0


def finished(work: Coroutine[Any, Any, Any]) -> Any:
    """What comes of it, in a thread of its own: the driver of a browser keeps a loop running in the first one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


# The server -----------------------------------------------------------------------------------------------------------


class Service:
    """A running `wangge up` with a town in its database and a token for each of its inspectors.

    Each may file so many reports a day, or any number of them (0).
    """

    def __init__(self, home: Path, inspectors: int = INSPECTORS, *, reports_a_day: int = 0) -> None:
        self.home, self.port = home, _free_port()
        command = [sys.executable, "-P", "-m", "api.cli", "up", "--sample", "none", "--port", str(self.port)]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("WANGGE_")}
        own = {"WANGGE_HOME": str(home), "WANGGE_LANG": "en", "PYTHONPATH": str(ROOT)}
        own["WANGGE_REPORTS_A_DAY"] = str(reports_a_day)
        with (home.parent / "up.log").open("wb") as log:
            self.process = subprocess.Popen(command, env=kept | own, stderr=log)
        _wait_until(self.answers, "the server to answer")
        self.cluster = data.cluster.Cluster(home)
        with self.database() as session:
            self.tokens = list(_staff(session, data.keyring.Keyring(home / "keys"), inspectors))

    @contextmanager
    def database(self) -> Iterator[data.db.Session]:
        """A transaction of the owner."""
        engine = data.db.engine(self.cluster.url)
        with data.db.transaction(engine) as session:
            yield session
        engine.dispose()

    def answers(self) -> bool:
        """Whether it is there and its database is."""
        try:
            return _status(finished(asyncio.wait_for(_exchange(self.port, b"GET /readyz HTTP/1.1\r\n"), 5))) == 200
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            return False

    def kill_server(self) -> None:
        """-9 to the process that answers."""
        for pid in children(self.process.pid, b"serve"):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def kill_database(self) -> None:
        """-9 to every process of PostgreSQL at once."""
        for pid in _working_in(self.cluster.folder):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def end(self) -> None:
        self.process.terminate()
        self.process.wait()


def _staff(session: data.db.Session, keyring: data.keyring.Keyring, count: int) -> Iterator[str]:
    """Found the town and give each of its eight grids its share of inspectors; their tokens."""
    squares.found(session)
    for number in range(count):
        login = f"inspector-{number}"
        user = data.users.add(session, login=login, name=login, synthetic=True)
        data.users.assign(session, user, role="inspector", area_code=grid_of(number), valid_from=squares.DAY)
        sid = session.scalar(text(
            "INSERT INTO login_session (user_id, role, expires_at)"
            " VALUES (:user, 'inspector', now() + interval '1 day') RETURNING id"), {"user": user})  # fmt: skip
        yield api.auth.access_token(keyring, user_id=user, session_id=str(sid), now=datetime.now(UTC))


def grid_of(number: int) -> str:
    """Grids in turn: A00, A01, A10, A11, B00, …"""
    return f"{'AB'[number // 4 % 2]}{number // 2 % 2}{number % 2}"


def _free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


def _wait_until(done: Any, what: str, patience_s: float = 60.0) -> float:
    """Seconds until it was so."""
    began = time.monotonic()
    while not done():
        assert time.monotonic() - began < patience_s, f"waited in vain for {what}"
        time.sleep(0.02)
    return time.monotonic() - began


def children(parent: int, word: bytes) -> list[int]:
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):
            of = int(Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[1])
            if of == parent and word in Path(f"/proc/{name}/cmdline").read_bytes().split(b"\0"):
                found.append(int(name))
    return found


def _working_in(folder: Path) -> list[int]:
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):
            if os.readlink(f"/proc/{name}/cwd") == str(folder):
                found.append(int(name))
    return found


# The client -----------------------------------------------------------------------------------------------------------


@dataclass
class Ledger:
    """What was sent and what was answered, in a file that the product cannot touch; a line is kept once it is read."""

    path: Path
    answers: dict[str, list[int]] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)

    def note(self, uuid: str, words: str, status: int) -> None:
        """0: no answer came."""
        sha256 = hashlib.sha256(words.encode()).hexdigest()
        self.hashes[uuid] = sha256
        self.answers.setdefault(uuid, []).append(status)
        with self.path.open("a") as file:
            file.write(json.dumps({"uuid": uuid, "sha256": sha256, "status": status}) + "\n")
            file.flush()

    def sync(self) -> None:
        with self.path.open("a") as file:
            os.fsync(file.fileno())

    def kept(self) -> set[str]:
        """What we were told is kept."""
        return {uuid for uuid, statuses in self.answers.items() if {200, 201} & set(statuses)}

    def statuses(self) -> Counter[int]:
        return Counter(status for statuses in self.answers.values() for status in statuses)


def compare(session: data.db.Session, ledger: Ledger) -> dict[str, int]:
    """Reports acknowledged and not there, there more than once, there with other words, and there but never sent."""
    rows = session.execute(text(
        "SELECT client_id, encode(sha256(convert_to(text, 'UTF8')), 'hex') AS sha256 FROM report"
    )).all()  # fmt: skip
    found = Counter(row.client_id for row in rows)
    return {
        "acknowledged": len(ledger.kept()),
        "in_database": len(rows),
        "lost": len(ledger.kept() - found.keys()),
        "doubled": sum(count > 1 for count in found.values()),
        "altered": sum(ledger.hashes.get(row.client_id) not in (None, row.sha256) for row in rows),
        "never_sent": len(found.keys() - ledger.hashes.keys()),
        "refused_but_kept": sum(_refused(ledger.answers.get(uuid, [])) for uuid in found),
    }


def _refused(statuses: list[int]) -> bool:
    return bool(statuses) and all(400 <= status < 500 for status in statuses)


def sound(result: dict[str, int]) -> bool:
    """Whether nothing acknowledged is missing and nothing is there that should not be."""
    return not any(result[name] for name in ("lost", "doubled", "altered", "never_sent", "refused_but_kept"))


class Client:
    """A phone's way to the server: connections that are kept open, one request at a time on each."""

    def __init__(self, port: int, ledger: Ledger) -> None:
        self.port, self.ledger = port, ledger
        self.idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def send(self, token: str, uuid: str, number: int) -> int:
        """File one report; the status, or 0 where the line was cut."""
        words = f"{uuid} {WORDS}"
        try:
            status = await asyncio.wait_for(self._ask(request_of(token, uuid, number, words)), PATIENCE_S)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            status = 0
        self.ledger.note(uuid, words, status)
        return status

    async def send_until_kept(self, token: str, uuid: str, number: int) -> None:
        """As a phone does: again and again until it is told that its report is there."""
        while await self.send(token, uuid, number) not in (200, 201):
            await asyncio.sleep(0.05)

    async def _ask(self, request: bytes) -> int:
        reader, writer = self.idle.pop() if self.idle else await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head.lower())
            await reader.readexactly(int(length[1]) if length else 0)
        except BaseException:
            writer.close()
            raise
        self.idle.append((reader, writer))
        return _status(head)


def request_of(token: str, uuid: str, number: int, words: str) -> bytes:
    """`PUT /api/reports/{uuid}` from somewhere in the inspector's own grid."""
    grid, chance = grid_of(number), random.Random(uuid)  # the same place each time: a resend is the same report
    x, y = "AB".index(grid[0]) + chance.random(), int(grid[1]) + (int(grid[2]) + chance.random()) / 2
    place = {"lon": round(squares.WEST + x / 100, 6), "lat": round(squares.SOUTH + y / 100, 6), "accuracy_m": 8.0}
    body = {"category": "handrail", "text": words, "captured_at": "2026-03-02T08:30:00+08:00", **place}
    sent = json.dumps(body, ensure_ascii=False).encode()
    head = (
        f"PUT /api/reports/{uuid} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(sent)}\r\n\r\n"
    )
    return head.encode() + sent


def new_uuid() -> str:
    return str(uuid4())


async def _exchange(port: int, line: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(line + b"Host: 127.0.0.1\r\nConnection: close\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    return head


def _status(head: bytes) -> int:
    return int(head.split(b" ", 2)[1])
