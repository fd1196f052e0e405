"""What the engine promises, said once, and whether the rows of a bench keep it.

The promises are for two cores of a server of 2024, one thread, ten minutes' walk to 500 facilities.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

OURS = "wangge"
SAMPLE, MIDDLE, LARGE = "liwan", "lattice 500,000", "lattice 2,000,000"
POINTS, SITES = "1,000,000 -> 2,025", "2,000 x 100,000"


@dataclass(frozen=True)
class Line:
    """For a task on a network: ours takes at most `bound` milliseconds, or `peer` at least `bound` times as long."""

    task: str
    city: str
    bound: float
    peer: str = ""


LINES = (
    Line("nearest_6", SAMPLE, 6.0),
    Line("nearest_6", SAMPLE, 3.5, "scipy"),
    Line("nearest_6", SAMPLE, 100.0, "networkx"),
    Line("nearest_6", MIDDLE, 25.0),
    Line("nearest_6", LARGE, 40.0),
    Line("balls", SAMPLE, 10.0),
    Line("balls", SAMPLE, 10.0, "scipy"),
    Line("table", SAMPLE, 40.0),
    Line("whatif_add", MIDDLE, 0.2),
    Line("whatif_remove", MIDDLE, 0.2),
    Line("preview", SAMPLE, 30.0),
    Line("snapping", SAMPLE, 50.0),
    Line("locating", POINTS, 300.0),
    Line("siting", SITES, 2_100.0),
)


def judged(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Every line with what was measured, None where it was not, and whether it is met: agreement is part of it."""
    found = {(row["task"], row["city"], row["engine"]): row for row in rows}
    for line in LINES:
        row = found.get((line.task, line.city, line.peer or OURS))
        facts = {"task": line.task, "city": line.city, "peer": line.peer, "bound": line.bound}
        yield facts | {"measured": None, "met": None} | (_against(line, row) if row else {})


def _against(line: Line, row: dict[str, Any]) -> dict[str, Any]:
    measured = row["ratio"] if line.peer else row["cpu_ms"]
    kept = measured >= line.bound if line.peer else measured <= line.bound
    return {"measured": measured, "met": bool(kept and row["agrees"])}
