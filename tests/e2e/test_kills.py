"""What is acknowledged is kept: the server killed, the database killed, the line cut, one report sent many times.

Short forms of `tests/bench/kills.py` and `same_uuid.py`, against one running `wangge up`. A ledger outside the
product says what was sent and what was answered; afterwards it is compared with the database, row by row.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.kills import PHONES, killed
from bench.same_uuid import at_once

from worlds.serving import Client, Ledger, Service, compare, finished, new_uuid, sound

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("needs_postgis")]


@pytest.fixture(scope="module")
def service(needs_postgis: None) -> Iterator[Service]:
    with tempfile.TemporaryDirectory(prefix="wangge-") as folder:
        os.chmod(folder, 0o711)
        started = Service(Path(folder) / "home", inspectors=PHONES)
        yield started
        started.end()


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    """One for the whole module: at the end of each test all that was ever sent is looked for."""
    return Ledger(tmp_path_factory.mktemp("ledger") / "ledger.jsonl")


def result(service: Service, ledger: Ledger) -> dict[str, int]:
    with service.database() as session:
        return compare(session, ledger)


def test_a_killed_server_process_comes_back_and_has_lost_nothing(service, ledger):
    finished(killed(service, ledger, service.kill_server, 3))
    assert sound(result(service, ledger))
    assert service.process.poll() is None


def test_a_killed_database_comes_back_and_has_lost_nothing(service, ledger):
    finished(killed(service, ledger, service.kill_database, 2))
    assert sound(result(service, ledger))
    assert 500 not in ledger.statuses()


def test_one_report_sent_many_times_at_once_is_one_report(service, ledger):
    before = result(service, ledger)["in_database"]
    finished(at_once(service, ledger, rounds=3, times=20))
    assert result(service, ledger)["in_database"] == before + 3
    assert set(ledger.statuses()) <= {0, 200, 201, 503}


async def _cut_then_sent_again(service: Service, ledger: Ledger) -> None:
    """The server gets a report and keeps it; its answer is swallowed; the phone sends it again."""

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", service.port)
        server_writer.write(await reader.readuntil(b"\r\n\r\n"))
        server_writer.write(await reader.read(65536))
        await server_reader.readuntil(b"\r\n\r\n")
        server_writer.close()
        writer.close()

    proxy = await asyncio.start_server(swallow, "127.0.0.1", 0)
    uuid, token = new_uuid(), service.tokens[0]
    async with proxy:
        cut = Client(proxy.sockets[0].getsockname()[1], ledger)
        assert await cut.send(token, uuid, 0) == 0
    assert await Client(service.port, ledger).send(token, uuid, 0) == 200


def test_a_line_cut_after_the_commit_leaves_one_report(service, ledger):
    """The second time it is already there: 200 and not 201."""
    before = result(service, ledger)["in_database"]
    finished(_cut_then_sent_again(service, ledger))
    assert result(service, ledger)["in_database"] == before + 1
