"""One report sent fifty times at the same moment, a hundred rounds: one row each, and never an answer of 500.

python tests/bench/same_uuid.py [--rounds 100] [--times 50]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from worlds.serving import Client, Ledger, Service, compare, new_uuid, sound  # noqa: E402


async def at_once(service: Service, ledger: Ledger, *, rounds: int, times: int) -> None:
    """Send each report `times` times in parallel, again where the server asked to come again."""
    client = Client(service.port, ledger)
    for number in range(rounds):
        who, uuid = number % len(service.tokens), new_uuid()
        await asyncio.gather(*(client.send_until_kept(service.tokens[who], uuid, who) for _ in range(times)))
    ledger.sync()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--times", type=int, default=50)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wangge-") as folder:
        os.chmod(folder, 0o711)
        service, ledger = Service(Path(folder) / "home", inspectors=20), Ledger(Path(folder) / "ledger.jsonl")
        try:
            asyncio.run(at_once(service, ledger, rounds=asked.rounds, times=asked.times))
            with service.database() as session:
                result = compare(session, ledger)
        finally:
            service.end()
    sys.stdout.write(f"answers {dict(ledger.statuses())}   {result}\n")
    good = sound(result) and result["in_database"] == asked.rounds and set(ledger.statuses()) <= {200, 201, 503}
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
