"""What one facility more or less costs on a kept search, and that it is right: a thousand edits and their undos.

    python tests/bench/whatif.py [--nodes 500000] [--edits 1000]

Each state is compared with a search that starts afresh, all labels of it; the time is that of the edit alone, in CPU
milliseconds. The city is synthetic, facilities lie anywhere along its streets.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import data.samples.lattice  # noqa: E402
from worlds import edits  # noqa: E402


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--nodes", type=int, default=500_000)
    asked.add_argument("--edits", type=int, default=1000)
    given = asked.parse_args()
    net = data.samples.lattice.streets(1, nodes=given.nodes)
    done = list(edits.edits(net, count=given.edits))
    sys.stdout.write(f"{len(net.x):,} nodes, load {os.getloadavg()[0]:.1f}: all equal\n")
    for word, adding in (("add", True), ("remove", False)):
        took = [edit.cpu_ms for edit in done if edit.adding == adding]
        sys.stdout.write(
            f"{word} x {len(took)}: median {np.median(took):.3f} ms, 99th of 100 {np.quantile(took, 0.99):.3f} ms\n"
        )


if __name__ == "__main__":
    main()
