"""The race of a preview: what one facility more would change in the sample, beside deciding everything anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

import gis.aggregates
import gis.coverage
import gis.ground
import gis.scenarios
import gis.whatif
from api.actions.bench.race import Entrant, Found, Task
from api.actions.bench.searches import SLOW
from data.samples.liwan import Sample
from gis.walknet import WalkNet

LEVELS = ("grid", "community", "street", "district")
COUNTS = ("covered", "covered_before", "gained", "lost")


def preview(sample: Sample, net: WalkNet) -> Task:
    """A facility of any kind at some household, the counts of every level included; the kept searches are there."""
    people, facilities = sample.households.assign(district_code="440103"), sample.facilities
    kinds = tuple(sorted(facilities["kind"].unique()))
    request = gis.coverage.Request(kinds=kinds, required=kinds)
    stand = gis.ground.ground(net, people, facilities=facilities, request=request)
    board = gis.whatif.Board(stand, gis.coverage.judge(stand), gis.aggregates.roll(people, LEVELS))
    located = np.flatnonzero(np.isfinite(stand.homes.x))
    points = people.geometry.to_numpy()

    def at(kind: str, row: int) -> list[gis.scenarios.Change]:
        return [gis.scenarios.Add("new", kind, points[row].x, points[row].y)]

    def draw(random: np.random.Generator) -> list[gis.scenarios.Change]:
        return at(str(random.choice(kinds)), int(random.choice(located)))

    def ours(changes: list[gis.scenarios.Change]) -> pd.DataFrame:
        return gis.whatif.preview(board, changes).areas

    def anew(changes: list[gis.scenarios.Change]) -> pd.DataFrame:
        after = gis.coverage.decide(net, people, gis.scenarios.facilities(facilities, changes), request)
        return gis.whatif.compare(board.verdicts, after, board.rolled)

    for kind in kinds:
        ours(at(kind, int(located[0])))
    read = _reader()
    return Task("preview", draw, [Entrant("wangge", ours, read), Entrant("recompute", anew, read, rounds=SLOW)])


def _reader() -> Callable[[Any, pd.DataFrame], Found]:
    """Four counts for each area, kind and rule in which anything changes, keyed by what they are counts of."""
    known: dict[Any, int] = {}

    def read(_work: Any, areas: pd.DataFrame) -> Found:
        names = areas[["level", "kind", "verdict", "code"]].itertuples(index=False, name=None)
        key = [4 * known.setdefault(name, len(known)) for name in names]
        order = np.argsort(key)
        keys = (np.array(key, np.int64)[order, None] + np.arange(4)).ravel()
        return Found(keys, areas[list(COUNTS)].to_numpy(float)[order].ravel(), 2**62)

    return read
