"""Kill -9 during writes, again and again: nothing acknowledged is lost or doubled, and the service comes back.

    python tests/bench/kills.py [--servers 100] [--databases 20] [--log FILE]

Phones file reports without a pause, each again and again until it is told that its report is there; meanwhile the
process that answers, or every process of PostgreSQL at once, is killed at random moments. After every ten kills the
ledger is compared with the database and a line is written into the log: what the log counts already is not done again,
so a run that was broken off goes on. Ends with 1 where anything was lost, doubled or altered, or came back late.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from worlds.awake import Clock  # noqa: E402
from worlds.serving import Client, Ledger, Service, compare, new_uuid, sound  # noqa: E402

PHONES = 8
BATCH = 10
BACK_WITHIN_S = 60.0
#: What a database may take to come back, and a server, whose start is mostly the reading of libraries.
GOALS_S = {"server": 10.0, "PostgreSQL": 10.0}


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def killed(service: Service, ledger: Ledger, kill: Callable[[], None], times: int) -> list[float]:
    """Kill `times` times while phones send; the seconds until the first report that was kept afterwards."""
    client, over = Client(service.port, ledger), asyncio.Event()
    phones = [asyncio.create_task(_phone(service, client, number, over)) for number in range(PHONES)]
    back, clock = [], Clock()
    for _ in range(times):
        await asyncio.sleep(random.uniform(0.2, 1.0))
        kill()
        client.idle.clear()
        back.append(await _seconds_until_more_are_kept(ledger, clock))
    over.set()
    await asyncio.gather(*phones)
    ledger.sync()
    return back


async def _seconds_until_more_are_kept(ledger: Ledger, clock: Clock) -> float:
    """Until more reports are kept than could have been under way; without what the whole machine stood still."""
    began, before = clock(), len(ledger.kept())
    while len(ledger.kept()) <= before + PHONES:
        await asyncio.sleep(0.01)
        assert clock() - began < BACK_WITHIN_S, "it did not come back"
    return clock() - began


async def _phone(service: Service, client: Client, number: int, over: asyncio.Event) -> None:
    while not over.is_set():
        await client.send_until_kept(service.tokens[number], new_uuid(), number)


def _batch(service: Service, ledger: Ledger, what: str, times: int) -> dict[str, Any]:
    """Some kills of one thing, and what the database says afterwards of all that was ever sent to this server."""
    kill = {"server": service.kill_server, "PostgreSQL": service.kill_database}[what]
    began, before = time.monotonic(), len(ledger.kept())
    back = asyncio.run(killed(service, ledger, kill, times))
    with service.database() as session:
        found = compare(session, ledger)
    kept = len(ledger.kept()) - before
    return {"what": what, "kills": times, "back": [round(one, 2) for one in back], "kept": kept, "found": found,
            "seconds": round(time.monotonic() - began)}  # fmt: skip


def _counted(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def _done(log: Path, what: str) -> int:
    return sum(line["kills"] for line in _counted(log) if line["what"] == what)


def _carry_out(log: Path, wanted: dict[str, int]) -> None:
    """Whatever the log does not count yet."""
    if all(_done(log, what) >= count for what, count in wanted.items()):
        return
    with tempfile.TemporaryDirectory(prefix="wangge-") as folder:
        os.chmod(folder, 0o711)
        service, ledger = Service(Path(folder) / "home", inspectors=PHONES), Ledger(Path(folder) / "ledger.jsonl")
        try:
            for what, count in wanted.items():
                while (left := count - _done(log, what)) > 0:
                    line = _batch(service, ledger, what, min(BATCH, left))
                    with log.open("a") as file:
                        file.write(json.dumps(line) + "\n")
                    worst = max(line["back"])
                    say(f"{what} {_done(log, what)}/{count}   back after {worst} s at the latest   {line['found']}")
        finally:
            service.end()


def _judged(log: Path) -> bool:
    """Say what came of all kills; whether it is as it must be."""
    good = True
    for what, most_s in GOALS_S.items():
        lines = [line for line in _counted(log) if line["what"] == what]
        back = sorted(one for line in lines for one in line["back"])
        bad = {name: sum(line["found"][name] for line in lines) for name in ("lost", "doubled", "altered")}
        if back:
            kept = sum(line["kept"] for line in lines)
            middle = back[len(back) // 2]
            say(f"{what}: {len(back)} kills, {kept} acknowledged, back after {middle} s, {back[-1]} s at worst   {bad}")
            good &= back[-1] <= most_s and all(sound(line["found"]) for line in lines)
    return good


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--servers", type=int, default=100)
    parser.add_argument("--databases", type=int, default=20)
    parser.add_argument("--log", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wangge-") as folder:
        log = asked.log or Path(folder) / "kills.jsonl"
        _carry_out(log, {"server": asked.servers, "PostgreSQL": asked.databases})
        return 0 if _judged(log) else 1


if __name__ == "__main__":
    sys.exit(main())
