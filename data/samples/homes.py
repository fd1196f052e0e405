"""Households with elders: who lives in which building, how old and how mobile; nobody here is a real person."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from data.samples.blocks import Floats, Ints, Shapes
from data.samples.buildings import Buildings
from data.samples.official import SRID
from gis.crs import Metric

#: 60-64, 65-69 … 100-104: a believable pyramid, not a published one.
BANDS = np.array([0.285, 0.255, 0.185, 0.12, 0.085, 0.048, 0.017, 0.0045, 0.0005])
MOBILITY = ("independent", "cane", "walker", "wheelchair_escorted", "wheelchair", "homebound")
#: Shares of `MOBILITY` at 60-69, 70-79, 80-89 and from 90.
BY_AGE = np.array([
    [0.951, 0.025, 0.006, 0.006, 0.004, 0.008],
    [0.850, 0.085, 0.022, 0.015, 0.008, 0.020],
    [0.590, 0.210, 0.075, 0.040, 0.015, 0.070],
    [0.260, 0.270, 0.160, 0.090, 0.020, 0.200],
])  # fmt: skip
DISABLED = np.array([0.03, 0.07, 0.18, 0.36])
SIZES = np.array([0.335, 0.585, 0.08])
HOMEBOUND = len(MOBILITY) - 1


@dataclass(frozen=True)
class Elders:
    """What is summed up per household from its elders."""

    elders: Ints
    homebound: Ints
    over_80: Ints
    disabled: Ints
    age_max: Ints
    mobility: Ints


def sizes(count: int, total: int, rng: np.random.Generator) -> Ints:
    """One to three elders per household, `total` in all."""
    elders = rng.choice([1, 2, 3], count, p=SIZES)
    while (gap := total - int(elders.sum())) != 0:
        fit = np.flatnonzero(elders == 1) if gap > 0 else np.flatnonzero(elders == 2)
        elders[rng.permutation(fit)[: abs(gap)]] += np.sign(gap)
    return elders


def live(elders: Ints, rng: np.random.Generator, *, older: int = 0) -> Elders:
    """Ages and mobility of every elder, summed up; a household moves as its least mobile member who still goes out."""
    home = np.repeat(np.arange(len(elders)), elders)
    age = 60 + 5 * rng.choice(len(BANDS), len(home), p=BANDS) + rng.integers(0, 5, len(home)) + older
    age = np.minimum(age, 105)
    decade = np.clip((age - 60) // 10, 0, 3)
    mobility = (rng.random(len(home))[:, None] > np.cumsum(BY_AGE, axis=1)[decade][:, :-1]).sum(axis=1)
    bound = mobility == HOMEBOUND
    starts = np.cumsum(elders) - elders
    worst = np.maximum.reduceat(np.where(bound, -1, mobility), starts)
    return Elders(
        elders,
        np.bincount(home, bound, len(elders)).astype(np.int64),
        np.bincount(home, age >= 80, len(elders)).astype(np.int64),
        np.bincount(home, rng.random(len(home)) < DISABLED[decade], len(elders)).astype(np.int64),
        np.maximum.reduceat(age, starts),
        np.where(worst < 0, HOMEBOUND, worst),
    )


def frame(
    who: Elders, xy: Floats, grid_code: np.ndarray, rng: np.random.Generator, *, institution: bool
) -> pd.DataFrame:
    """Columns of gis.frames.HOUSEHOLDS that do not need a building; `xy` in metres, NaN where it is not known."""
    lon, lat = Metric(SRID).inverse(*xy.T)
    points: Shapes = shapely.points(np.round(lon, 7), np.round(lat, 7))
    points[np.isnan(xy[:, 0])] = None
    alone = (who.elders == 1) & (rng.random(len(who.elders)) < 0.44) & (not institution)
    return pd.DataFrame({
        "geometry": points,
        "elders": who.elders,
        "elders_homebound": who.homebound,
        "elders_80": who.over_80,
        "elders_disabled": who.disabled,
        "age_max": who.age_max,
        "living_alone": alone,
        "mobility": np.array(MOBILITY, dtype=object)[who.mobility],
        "in_institution": institution,
        "grid_code": grid_code,
        "consent": rng.random(len(who.elders)) < 0.965,
    })  # fmt: skip


def in_buildings(elders: Ints, pull: Floats, rng: np.random.Generator) -> Ints:
    """The building of each household, ascending."""
    return np.sort(rng.choice(len(pull), len(elders), p=pull / pull.sum()))


def with_buildings(homes: pd.DataFrame, which: Ints, stock: Buildings, rng: np.random.Generator) -> pd.DataFrame:
    """Floor, lift and a made-up address after the building."""
    floor = 1 + (rng.random(len(which)) * stock.floors[which]).astype(np.int64)
    lane, number, room = stock.lot[which], stock.number[which], rng.integers(1, 7, len(which))
    address = [
        f"合成地址 {a}巷{b}号{c}{d:02d}房"
        for a, b, c, d in zip(lane.tolist(), number.tolist(), floor.tolist(), room.tolist(), strict=True)
    ]
    return homes.assign(floor=floor, lift=stock.lift[which], address=address)


def astray(
    xy: Floats, grid: Ints, moved: tuple[Floats, Ints], *, share: float, rng: np.random.Generator
) -> tuple[Floats, Ints]:
    """Places and grids in which some homes have no location and others lie where the network does not reach."""
    places, grids = moved
    odd = rng.permutation(len(xy))[: max(3, round(len(xy) * share)) + len(places)]
    xy, grid = xy.copy(), grid.copy()
    xy[odd[len(places) :]] = np.nan
    xy[odd[: len(places)]], grid[odd[: len(places)]] = places, grids
    return xy, grid


def table(parts: list[pd.DataFrame]) -> gpd.GeoDataFrame:
    """All households under running references, coded by their grid, marked synthetic."""
    every = pd.concat(parts, ignore_index=True)
    every.insert(0, "ref", [f"HH-{number:07d}" for number in range(1, len(every) + 1)])
    every["community_code"] = every["grid_code"].str[:12]
    every["street_code"] = every["grid_code"].str[:9]
    every["synthetic"] = True
    every["floor"] = every["floor"].astype("Int64")
    every["lift"] = every["lift"].astype("boolean")
    return gpd.GeoDataFrame(every, geometry="geometry", crs=4326)
