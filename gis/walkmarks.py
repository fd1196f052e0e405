"""What vertices carry, and what of it falls to the edges that meet there: waits, rides, steps, kerbs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from gis import walktags
from gis.walkcourse import Bools, Floats, Ints

#: Half of one wait at the lights on either side of the road, so that who crosses waits once.
SIGNAL_SHARE = 0.5


@dataclass(frozen=True)
class Marks:
    """(n,) each: what vertices carry that matters to who passes them."""

    lights: Bools
    lift: Bools
    kerb: Bools
    stile: Bools
    shut: Bools

    @property
    def any(self) -> Bools:
        return self.lights | self.lift | self.kerb | self.stile | self.shut


def shared_steps(way: Ints, metres: Floats, steps: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    """Share the counted steps of each way among its edges by length, whole steps, the sum kept."""
    begin = np.flatnonzero(np.diff(way, prepend=-1))
    count = np.diff(begin, append=len(way))
    done = np.cumsum(metres) - np.repeat((np.cumsum(metres) - metres)[begin], count)
    total = np.repeat(done[begin + count - 1], count) if len(begin) else done
    upto = np.rint(steps * np.divide(done, total, out=np.ones_like(done), where=total > 0))
    shared = np.diff(upto, prepend=0.0)
    shared[begin] = upto[begin]
    return np.where(steps > 0, shared, steps).astype(np.int16)


def signals(way: Ints, metres: Floats, tags: pd.DataFrame, *, lit: Bools) -> npt.NDArray[np.float32]:
    """(e,) waits: half a one for each lit end, or one spread over a crossing whose lights are tagged on the line."""
    at_ends = SIGNAL_SHARE * lit.sum(axis=1)
    drawn = walktags.crossing_lines(tags) & walktags.signalled(tags)
    whole = np.bincount(way, weights=metres) if len(way) else np.zeros(0)
    lit_way = np.bincount(way, weights=at_ends) > 0 if len(way) else np.zeros(0, dtype=bool)
    spread = np.divide(metres, whole[way], out=np.zeros_like(metres), where=whole[way] > 0)
    return np.where(drawn & ~lit_way[way], spread, at_ends).astype(np.float32)


def into_lift(ends: Ints, metres: Floats, marks: Marks, flat: Bools) -> Bools:
    """(e,) edges that stand for a lift drawn as a vertex: all that meet it but the longest, so a ride is paid once."""
    edge, side = np.nonzero(marks.lift[ends] & flat[:, None])
    order = np.lexsort((edge, metres[edge], ends[edge, side]))
    edge, node = edge[order], ends[edge, side][order]
    rides = np.zeros(len(ends), dtype=bool)
    rides[edge[np.append(node[1:] == node[:-1], False)[: len(node)]]] = True
    return rides


def wheelchair(tags: pd.DataFrame, ends: Ints, marks: Marks, on_foot: Bools) -> npt.NDArray[Any]:
    """(e,) what the way says, but "no" where an end stops wheels: a stile stops all, a kerb those who cross there."""
    crossing = walktags.crossing_lines(tags)
    crossed = np.zeros(len(marks.kerb), dtype=bool)
    crossed[ends[crossing]] = True
    at_kerb = marks.kerb[ends] & on_foot[:, None] & (crossing[:, None] | ~crossed[ends])
    stopped = (marks.stile[ends] | at_kerb).any(axis=1)
    return np.where(stopped, "no", walktags.wheelchair(tags)).astype(object)
