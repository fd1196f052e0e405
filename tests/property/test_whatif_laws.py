"""A kept search that facilities come to and go from is at every step what a new search gives, to the last bit."""

from __future__ import annotations

import data.samples.lattice
from worlds import edits


def test_a_thousand_edits_and_their_undos_equal_new_searches_in_a_city_of_50_000_crossings():
    """All 50,176 labels are compared at each of 2,000 steps; `tests/bench/whatif.py` does the same with 500,000."""
    net = data.samples.lattice.streets(1, nodes=50_000)
    done = list(edits.edits(net, count=1000))
    assert len(done) == 1000
    assert 400 < sum(edit.adding for edit in done) < 600
    assert sum(edit.changed > 0 for edit in done) > 900
