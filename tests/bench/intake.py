"""How many reports a second the real server takes, and whether every acknowledged one is there exactly once.

    python tests/bench/intake.py [--rate 200] [--seconds 60]

Open loop: reports are due at fixed moments whatever the server does, and a time is counted from the moment a report
was due, so that a stall shows in full. Server, database and client share this machine. The pass line is 200 a second
for 60 s, 99 % within 500 ms, no error, nothing lost.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from api.settings import Settings  # noqa: E402
from worlds.serving import Client, Ledger, Service, compare, new_uuid, sound  # noqa: E402


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def offer(service: Service, ledger: Ledger, *, rate: float, seconds: float) -> float:
    """Send at the fixed rate; seconds until the last answer."""
    client, began = Client(service.port, ledger), time.perf_counter()

    async def one(number: int) -> None:
        due = began + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        who = number % len(service.tokens)
        await client.send(service.tokens[who], new_uuid(), who)
        ledger.seconds.append(time.perf_counter() - due)

    await asyncio.gather(*(one(number) for number in range(int(rate * seconds))))
    return time.perf_counter() - began


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=float, default=200.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wangge-") as folder:
        os.chmod(folder, 0o711)
        service = Service(Path(folder) / "home", reports_a_day=Settings.reports_a_day)
        ledger = Ledger(Path(folder) / "ledger.jsonl")
        try:
            asyncio.run(offer(service, ledger, rate=50, seconds=2))  # what is slow only once
            ledger.seconds.clear()
            taken = asyncio.run(offer(service, ledger, rate=asked.rate, seconds=asked.seconds))
            ledger.sync()
            with service.database() as session:
                result = compare(session, ledger)
        finally:
            service.end()
    return report(ledger, result, taken, asked.rate)


def report(ledger: Ledger, result: dict[str, int], taken: float, rate: float) -> int:
    times, statuses = sorted(ledger.seconds), ledger.statuses()
    at = {share: times[min(len(times) - 1, int(share * len(times)))] * 1000 for share in (0.5, 0.95, 0.99)}
    say(f"offered {rate:.0f}/s   acknowledged {len(ledger.kept()) / taken:.0f}/s   answers {dict(statuses)}")
    say(f"p50 {at[0.5]:.0f} ms   p95 {at[0.95]:.0f} ms   p99 {at[0.99]:.0f} ms   worst {times[-1] * 1000:.0f} ms")
    say("   ".join(f"{name} {count}" for name, count in result.items()))
    say(f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return 0 if set(statuses) == {201} and sound(result) and at[0.99] <= 500 else 1


if __name__ == "__main__":
    sys.exit(main())
