"""Kill -9 during writes, again and again: nothing acknowledged is lost or doubled, and the service comes back.

    python tests/bench/kills.py [--servers 100] [--databases 20]

Phones file reports without a pause, each again and again until it is told that its report is there; meanwhile the
process that answers, or every process of PostgreSQL at once, is killed at random moments.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from worlds.serving import Client, Ledger, Service, compare, new_uuid, sound  # noqa: E402

PHONES = 8
BACK_WITHIN_S = 60.0


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def killed(service: Service, ledger: Ledger, kill: Callable[[], None], times: int) -> list[float]:
    """Kill `times` times while phones send; the seconds until the first report that was kept afterwards."""
    client, over = Client(service.port, ledger), asyncio.Event()
    phones = [asyncio.create_task(_phone(service, client, number, over)) for number in range(PHONES)]
    back = []
    for _ in range(times):
        await asyncio.sleep(random.uniform(0.2, 1.0))
        kill()
        client.idle.clear()
        began, before = time.monotonic(), len(ledger.kept())
        while len(ledger.kept()) <= before + PHONES:  # more than could have been under way
            await asyncio.sleep(0.01)
            assert time.monotonic() - began < BACK_WITHIN_S, "it did not come back"
        back.append(time.monotonic() - began)
    over.set()
    await asyncio.gather(*phones)
    ledger.sync()
    return back


async def _phone(service: Service, client: Client, number: int, over: asyncio.Event) -> None:
    while not over.is_set():
        await client.send_until_kept(service.tokens[number], new_uuid(), number)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--servers", type=int, default=100)
    parser.add_argument("--databases", type=int, default=20)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wangge-") as folder:
        os.chmod(folder, 0o711)
        service, ledger = Service(Path(folder) / "home", inspectors=PHONES), Ledger(Path(folder) / "ledger.jsonl")
        try:
            for what, kill, times in (
                ("server", service.kill_server, asked.servers),
                ("PostgreSQL", service.kill_database, asked.databases),
            ):
                back = asyncio.run(killed(service, ledger, kill, times))
                say(f"{what}: killed {times} times, back after {max(back, default=0):.1f} s at the latest")
            with service.database() as session:
                result = compare(session, ledger)
        finally:
            service.end()
    say("   ".join(f"{name} {count}" for name, count in result.items()))
    say(f"answers {dict(ledger.statuses())}")
    return 0 if sound(result) else 1


if __name__ == "__main__":
    sys.exit(main())
