"""Inspection reports of the year before the sample's date."""

from __future__ import annotations

from uuid import UUID

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from data.samples.blocks import Floats
from data.samples.official import SRID
from data.samples.town import Lived
from gis.crs import Metric

#: Category (`gis.categories`), what an inspector might write, and its share.
CATEGORIES = (
    ("manhole_cover", "井盖松动，行人经过有响声", 9),
    ("street_lamp", "路灯不亮，晚上看不清台阶", 9),
    ("handrail", "台阶扶手断裂", 6),
    ("ramp", "无障碍坡道被杂物占用", 7),
    ("lift", "加装电梯停运，楼上长者下楼困难", 6),
    ("water_pipe", "老旧水管渗漏", 8),
    ("litter", "巷口堆放垃圾", 14),
    ("parking", "车辆占用人行道", 13),
    ("fire_lane", "消防通道堵塞", 9),
    ("noise", "夜间施工噪音", 6),
    ("flooding", "雨后路面积水", 7),
    ("elder_help", "长者请求协助联系社工", 6),
)
OPEN_FIRST = ("received", "accepted", "assigned", "resolved", "rejected", "reopened")


def filed(lived: Lived, count: int, *, until: pd.Timestamp, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """`count` reports near homes; the older, the likelier closed."""
    homes, grid_code = lived.homes, lived.grid_code
    near = rng.integers(0, len(homes), count)
    accuracy = np.round(np.clip(rng.gamma(2.2, 5.0, count), 3, 120), 1)
    xy = homes[near] + rng.normal(0, 4.0, (count, 2))
    lon, lat = Metric(SRID).inverse(*xy.T)
    share = np.array([weight for *_, weight in CATEGORIES], float)
    what = rng.choice(len(CATEGORIES), count, p=share / share.sum())
    days = np.sort(rng.beta(1.1, 1.3, count) * 364)[::-1]
    grid = pd.Series(grid_code[near], dtype=object)
    return gpd.GeoDataFrame({
        "id": [str(UUID(bytes=rng.bytes(16), version=4)) for _ in range(count)],
        "category": np.array([name for name, *_ in CATEGORIES], dtype=object)[what],
        "captured_at": (until - pd.to_timedelta(np.round(days * 86_400), unit="s")),
        "text": np.array([f"（合成）{text}" for _, text, _ in CATEGORIES], dtype=object)[what],
        "status": _status(days, rng),
        "accuracy_m": accuracy,
        "street_code": grid.str[:9],
        "community_code": grid.str[:12],
        "grid_code": grid,
        "synthetic": True,
    }, geometry=shapely.points(np.round(lon, 7), np.round(lat, 7)), crs=4326)  # fmt: skip


def _status(days: Floats, rng: np.random.Generator) -> np.ndarray:
    closed = rng.random(len(days)) < np.clip(days / 30, 0.1, 0.96)
    pending = rng.choice(OPEN_FIRST, len(days), p=[0.2, 0.2, 0.3, 0.18, 0.08, 0.04])
    return np.where(closed, "closed", pending)
