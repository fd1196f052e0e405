"""Facilities: canteens, day care, family centres, clinics, care homes and activity places, inside and just outside."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from data.samples import official
from data.samples.blocks import Floats, Ints
from data.samples.buildings import Buildings
from gis.crs import Metric


@dataclass(frozen=True)
class Plan:
    """How many of a kind, how many of them outside the district, and whether each street has one before any has two."""

    kind: str
    label: str
    inside: int
    outside: int
    capacity: tuple[int, int]
    opens: tuple[str, ...]
    every_street: bool = False
    to_home: float = 0.0


PLANS = (
    Plan("family_centre", "家庭综合服务中心", 22, 0, (40, 120), ("Tu-Su 09:00-12:00,14:00-18:00",), every_street=True),
    Plan("care_home", "养老院", 30, 0, (60, 260), ("24/7",)),
    Plan("day_care", "日间托老中心", 56, 6, (12, 60), ("Mo-Fr 08:30-17:30", "Mo-Sa 08:00-18:00"),
         every_street=True, to_home=0.2),
    Plan("canteen", "长者饭堂", 136, 16, (20, 120), ("11:00-13:00", "11:00-13:00,17:00-18:30", "Mo-Fr 11:00-13:00"),
         every_street=True, to_home=0.25),
    Plan("clinic", "社区卫生服务站", 80, 12, (30, 160), ("Mo-Su 08:00-12:00,14:00-17:30", "Mo-Fr 08:00-17:30"),
         every_street=True, to_home=0.08),
    Plan("activity", "长者活动室", 132, 14, (15, 80), ("09:00-17:00", "08:30-11:30,14:30-17:30"), every_street=True),
)  # fmt: skip
INTERNAL_CLINICS = 7
OPERATORS = ("社会组织", "街道", "企业", "社区居委会")


def found(
    stock: Buildings, street: Ints, community: Ints, *, code: np.ndarray, pull: Floats, scale: float,
    rng: np.random.Generator,
) -> gpd.GeoDataFrame:  # fmt: skip
    """All facilities (gis.frames.FACILITIES).

    Per building: street and community, -1 outside the district, grid code, "" there, and `pull`, its demand.
    """
    names = np.append(official.streets()["name"].to_numpy(), "区外")
    parts = []
    for plan in PLANS:
        inside = _inside(plan, street, community, pull=pull, scale=scale, rng=rng)
        which = np.concatenate([inside, _outside(plan, street, scale, rng)])
        parts.append(_coded(_rows(plan, which, stock, names[street[which]], rng), code[which]))
    every = pd.concat(parts, ignore_index=True)
    every.insert(0, "id", [f"F-{number:04d}" for number in range(1, len(every) + 1)])
    return gpd.GeoDataFrame(_some_not_open(every, rng), geometry="geometry", crs=4326)


def _inside(plan: Plan, street: Ints, community: Ints, *, pull: Floats, scale: float, rng: np.random.Generator) -> Ints:
    """Buildings drawn by demand, no second in a community before each has one, where wished each street first.

    Family centres and care homes are always there in full, since their numbers are stated; the rest goes by scale.
    """
    stated = plan.kind in ("family_centre", "care_home")
    count = plan.inside if stated else max(22, round(plan.inside * scale))
    home = np.flatnonzero(street >= 0)
    keys = np.log(np.maximum(rng.random(len(home)), 1e-300)) / np.maximum(pull[home], 1e-12)
    order = home[np.argsort(-keys, kind="stable")]
    later = pd.Series(order).groupby(community[order]).cumcount().to_numpy()
    first = np.isin(np.arange(len(order)), np.unique(street[order], return_index=True)[1]) & plan.every_street
    return order[np.lexsort((np.arange(len(order)), later, ~first))[:count]]


def _outside(plan: Plan, street: Ints, scale: float, rng: np.random.Generator) -> Ints:
    """Neighbouring districts have facilities too; a border household may use them."""
    return rng.permutation(np.flatnonzero(street < 0))[: round(plan.outside * max(scale, 0.2))]


def _rows(plan: Plan, which: Ints, stock: Buildings, street: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    n = len(which)
    lon, lat = Metric(official.SRID).inverse(*stock.xy[which].T)
    number = pd.Series(street).groupby(street).cumcount().to_numpy() + 1
    operator = rng.choice(OPERATORS, n, p=[0.55, 0.2, 0.15, 0.1])
    return pd.DataFrame({
        "name": [f"合成·{where}{plan.label}{i}号" for where, i in zip(street, number, strict=True)],
        "kind": plan.kind,
        "geometry": shapely.points(np.round(lon, 7), np.round(lat, 7)),
        "capacity": pd.array(rng.integers(*plan.capacity, n), dtype="Int64"),
        "delivery_mode": _modes(plan, n, rng),
        "status": "open",
        "opens": rng.choice(np.array(plan.opens, dtype=object), n),
        "medical_link": _medical(plan, n),
        "operator": np.array([f"合成{each}{i:02d}" for each, i in zip(operator, rng.integers(1, 40, n), strict=True)]),
        "synthetic": True,
    })  # fmt: skip


def _modes(plan: Plan, n: int, rng: np.random.Generator) -> np.ndarray:
    draw = rng.random(n)
    multi = 0.15 if plan.kind in ("canteen", "activity") else 0.0
    return np.select([draw < plan.to_home, draw < plan.to_home + multi], ["to_home", "multi_point"], "one_stop")


def _medical(plan: Plan, n: int) -> list[str | None]:
    """7 care homes with a clinic of their own, the other 23 with a contract: 100 per cent."""
    if plan.kind != "care_home":
        return [None] * n
    return [*["internal"] * INTERNAL_CLINICS, *["contract"] * (n - INTERNAL_CLINICS)]


def _some_not_open(every: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """A few canteens and activity places are planned or closed."""
    loose = rng.permutation(np.flatnonzero(every["kind"].isin(["canteen", "activity"])))
    status = every["status"].to_numpy(object).copy()
    status[loose[:4]], status[loose[4:9]] = "planned", "closed"
    return every.assign(status=status)


def _coded(rows: pd.DataFrame, grid_code: np.ndarray) -> pd.DataFrame:
    """Area codes after the grid; "" outside the district."""
    grid = pd.Series(grid_code, index=rows.index, dtype=object)
    return rows.assign(street_code=grid.str[:9], community_code=grid.str[:12], grid_code=grid)
