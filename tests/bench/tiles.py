"""How long a tile of zoom 14 takes with 100,000 points: in the database and over HTTP, by role.

    python tests/bench/tiles.py [--points 100000] [--rounds 40]

Starts a private database of its own and an application in this process. The requests are made one after the other, so
the times are those of a quiet server; processor seconds are printed beside them for a machine that is not quiet.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import numpy as np  # noqa: E402
from sqlalchemy import text  # noqa: E402
from starlette.testclient import TestClient  # noqa: E402

import api.auth  # noqa: E402
import data.cluster  # noqa: E402
import data.db  # noqa: E402
import data.tiles  # noqa: E402
from api.app import create_app  # noqa: E402
from api.settings import Settings  # noqa: E402
from contract import people  # noqa: E402

#: Liwan's bounding box.
WEST, SOUTH, EAST, NORTH = 113.17, 23.04, 113.27, 23.16
PLACES = "ST_SetSRID(ST_MakePoint(:west + random() * (:east - :west), :south + random() * (:north - :south)), 4326)"
FILL = (
    "SELECT setseed(0.5)",
    f"""INSERT INTO facility (id, name, kind, geom, synthetic)
        SELECT 'F-' || n, '饭堂' || n, 'canteen', {PLACES}, true FROM generate_series(1, :points) AS n""",
    # 22 streets of two communities of four grids; the town's own A, A0 and A00 are among them.
    f"""INSERT INTO report (client_id, category, status, geom, captured_at, text, street_code, community_code,
                            grid_code, synthetic)
        SELECT 'R-' || n, 'litter', 'received', {PLACES}, now(), '', chr(65 + n % 22), chr(65 + n % 22) || n / 22 % 2,
               chr(65 + n % 22) || n / 22 % 2 || n / 44 % 4 / 2 || '', true
        FROM generate_series(1, :points) AS n""",
)
TILES = [(14, 13342 + column, 7110 + row) for column in range(4) for row in range(4)]


@contextmanager
def town(points: int) -> Iterator[tuple[data.db.Engine, TestClient, dict[str, int], dict[str, dict[str, str]]]]:
    """A town with so many facilities and reports; its application, and the headers of its people."""
    with tempfile.TemporaryDirectory(prefix="wangge-") as folder:
        os.chmod(folder, 0o711)
        cluster = data.cluster.Cluster(Path(folder) / "home")
        with cluster.lease():
            data.db.migrate(cluster.url)
            engine = data.db.engine(cluster.url)
            known = filled(engine, points)
            app = create_app(Settings(home=Path(folder) / "app", database_url=cluster.url))
            yield engine, TestClient(app), known, headers(engine, app, known)
            app.state.door.dispose()
            engine.dispose()


def filled(engine: data.db.Engine, points: int) -> dict[str, int]:
    box = {"west": WEST, "south": SOUTH, "east": EAST, "north": NORTH, "points": points}
    with data.db.transaction(engine) as session:
        known = people.settle(session)
        for statement in FILL:
            asked = text(statement)
            session.execute(asked, {name: box[name] for name in asked.compile().params})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return known


def headers(engine: data.db.Engine, app: object, known: dict[str, int]) -> dict[str, dict[str, str]]:
    def token(**said: object) -> str:
        return api.auth.access_token(app.state.keyring, **said)

    roles = ("nobody", "inspector", "community", "street")
    return {role: people._headers(engine, known, token, role) for role in roles}


def timed(ask: Callable[[tuple[int, int, int]], int], rounds: int) -> str:
    """Median and 95th percentile of the wall, processor time of this process for each, and the size of a tile."""
    for tile in TILES:
        ask(tile)
    wall, sizes, cpu = [], [], time.process_time()
    for tile in TILES * max(1, rounds // len(TILES)):
        begun = time.perf_counter()
        sizes.append(ask(tile))
        wall.append((time.perf_counter() - begun) * 1000)
    spent = (time.process_time() - cpu) * 1000 / len(wall)
    p50, p95 = np.percentile(wall, [50, 95])
    return f"p50 {p50:6.1f} ms  p95 {p95:6.1f} ms  python {spent:5.1f} ms cpu  {np.mean(sizes) / 1000:6.1f} KB"


def in_database(engine: data.db.Engine, layer: str, user: int | None, role: str = "public") -> str:
    """Wall and processor time of a tile in PostgreSQL alone: the time of its process, as the system counts it."""
    seen_by = None if role == "public" else role
    with data.db.transaction(engine, role=f"wangge_{role}", user_id=user, read_only=True) as session:
        process = Path(f"/proc/{session.scalar(text('SELECT pg_backend_pid()'))}/stat")
        wall = []
        for number, tile in enumerate(TILES * 5):
            if number == len(TILES):
                before = ticks(process)
            begun = time.perf_counter()
            data.tiles.get(session, layer, tile, role=seen_by)
            wall.append((time.perf_counter() - begun) * 1000)
        cpu = (ticks(process) - before) / os.sysconf("SC_CLK_TCK") * 1000 / (len(TILES) * 4)
    p50, p95 = np.percentile(wall[len(TILES) :], [50, 95])
    return f"p50 {p50:6.1f} ms  p95 {p95:6.1f} ms  postgres {cpu:4.1f} ms cpu"


def ticks(process: Path) -> int:
    used = process.read_text().rpartition(")")[2].split()
    return int(used[11]) + int(used[12])


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=64)
    given = parser.parse_args()
    with town(given.points) as (engine, client, known, who):
        say(f"{given.points} points in each layer, load {os.getloadavg()[0]:.1f}")
        say("in the database: facilities, nobody", in_database(engine, "facilities", None))
        say("in the database: reports, street   ", in_database(engine, "reports", known["street"], "street"))
        for layer, role in [("facilities", "nobody"), *(("reports", role) for role in who)]:

            def ask(tile: tuple[int, int, int], layer: str = layer, role: str = role) -> int:
                answer = client.get(f"/tiles/{layer}/{tile[0]}/{tile[1]}/{tile[2]}.mvt", headers=who[role])
                assert answer.status_code in (200, 204), answer.text
                return len(answer.content)

            say(f"{layer:11} {role:9}", timed(ask, given.rounds))


if __name__ == "__main__":
    main()
