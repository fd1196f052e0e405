"""Dedicated grids (schools, markets, parks) over the basic ones, and the green ground of the map."""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely

from data.samples import official
from data.samples.areas import Division
from data.samples.blocks import Ints, Shapes
from data.samples.ground import Ground
from data.samples.lanes import Lanes

#: What, how many, and how large a lot it wants (square metres).
WANTED = (("学校", 22, (1_300.0, 14_000.0)), ("市场", 16, (900.0, 5_000.0)), ("公园", 12, (2_500.0, 30_000.0)))
INSET_M = 3.0


def choose(ground: Ground, lanes: Lanes, rng: np.random.Generator) -> dict[str, Ints]:
    """Lots for each kind of dedicated grid; no lot twice."""
    cell = ground.block_cuts.roots
    block = ground.cell_of[cell]
    free = ground.home[block] & ~lanes.walled[cell] & (ground.use[block] == "")
    area, solid = shapely.area(lanes.lots), shapely.minimum_clearance(lanes.lots) > 8
    chosen: dict[str, Ints] = {}
    for what, count, (least, most) in WANTED:
        fit = np.flatnonzero(free & solid & (area >= least) & (area <= most))
        chosen[what] = np.sort(rng.permutation(fit)[:count])
        free[chosen[what]] = False
    return chosen


def frame(chosen: dict[str, Ints], lanes: Lanes, grid: Ints, division: Division) -> pd.DataFrame:
    """Dedicated grids under their community, numbered from 901; columns of gis.frames.AREAS."""
    lot = np.concatenate(list(chosen.values()))
    what = np.repeat(list(chosen), [len(lots) for lots in chosen.values()])
    parent = official.communities()["code"].to_numpy()[division.community[grid[lot]]]
    number = pd.Series(parent).groupby(parent).cumcount().to_numpy() + 901
    shapes = shapely.set_precision(shapely.buffer(lanes.lots[lot], -INSET_M, join_style="mitre"), 0.01)
    return pd.DataFrame({
        "code": [f"{code}{n}" for code, n in zip(parent, number, strict=True)],
        "level": "grid",
        "name": [f"合成{each}专属网格{n}" for each, n in zip(what, number, strict=True)],
        "grid_kind": "dedicated",
        "parent_code": parent,
        "geometry": shapes,
    }).sort_values("code")  # fmt: skip


def greens(ground: Ground, lanes: Lanes, chosen: dict[str, Ints]) -> Shapes:
    """Fields and parks, in metres."""
    fields = lanes.rooms[(ground.use == "field") & ~shapely.is_empty(lanes.rooms)]
    return np.concatenate([shapely.get_parts(fields), lanes.lots[chosen["公园"]]])
