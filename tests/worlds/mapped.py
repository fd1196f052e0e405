"""A made town for the map: four by three streets, each cut into communities and grids, with figures of every state."""

from __future__ import annotations

from datetime import UTC, datetime

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

WEST, SOUTH, STEP = 113.20, 23.08, 0.012
KINDS = ("canteen", "clinic")
VERDICTS = ("standard", "personal")
RUN = {
    "run_id": 7,
    "minutes": 10,
    "metres": 500,
    "verdicts": list(VERDICTS),
    "data_date": "2026-09-23",
    "synthetic": True,
    "attribution": ["© OpenStreetMap contributors"],
    "created_at": datetime(2026, 11, 22, 1, 30, tzinfo=UTC),
}


def _cells(columns: int, rows: int) -> np.ndarray:
    """Boxes that fill the town exactly, west to east and south to north."""
    width, height = 4 * STEP / columns, 3 * STEP / rows
    x, y = np.meshgrid(WEST + width * np.arange(columns), SOUTH + height * np.arange(rows))
    return shapely.box(x.ravel(), y.ravel(), x.ravel() + width, y.ravel() + height)


def _areas(level: str, columns: int, rows: int, names: list[str]) -> gpd.GeoDataFrame:
    boxes = _cells(columns, rows)
    codes = [f"990{level[0]}{number:04d}" for number in range(len(boxes))]
    named = [*names, *(f"{level}{number}" for number in range(len(names), len(boxes)))][: len(boxes)]
    return gpd.GeoDataFrame({"code": codes, "name": named, "grid_kind": ""}, geometry=boxes, crs=4326)


def figures(areas: gpd.GeoDataFrame, kinds: tuple[str, ...] = ("circle", *KINDS)) -> gpd.GeoDataFrame:
    """Every class in turn; then a hidden area, one all unknown, one partly, one empty."""
    order = np.arange(len(areas))
    parts = []
    for kind in kinds:
        for shift, verdict in enumerate(VERDICTS):
            rate = ((order + shift) % 5) / 5
            frame = areas.assign(
                kind=kind, verdict=verdict, elders=100, covered=(100 * rate).round().astype(int), unknown=10,
                rate_low=rate, rate_high=rate + 0.2,
            )  # fmt: skip
            frame["uncovered"] = 90 - frame["covered"]
            parts.append(_special(frame))
    return pd.concat(parts, ignore_index=True)


def _special(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    counts = ["elders", "covered", "uncovered", "unknown"]
    frame = frame.astype(dict.fromkeys(counts, "Int64"))
    if len(frame) < 12:
        return frame
    frame.loc[frame.index[5], [*counts, "rate_low", "rate_high"]] = pd.NA
    frame.loc[frame.index[6], counts] = [40, 0, 0, 40]
    frame.loc[frame.index[6], ["rate_low", "rate_high"]] = np.nan
    frame.loc[frame.index[7], counts] = [0, 0, 0, 0]
    frame.loc[frame.index[7], ["rate_low", "rate_high"]] = np.nan
    frame.loc[frame.index[8], "unknown"] = 50
    return frame.drop(frame.index[9])


def levels(names: list[str] | None = None) -> dict[str, gpd.GeoDataFrame]:
    """District to grid; the tenth area of each level from the streets down has no figures at all."""
    streets = names or [
        "沙面街",
        "岭南街",
        "华林街",
        "多宝街",
        "昌华街",
        "逢源街",
        "龙津街",
        "金花街",
        "彩虹街",
        "南源街",
        "西村街",
        "站前街",
    ]
    made = {
        "district": _areas("district", 1, 1, ["试验区"]),
        "street": _areas("street", 4, 3, streets),
        "community": _areas("community", 8, 6, ["宝华社区", "十八甫社区"]),
        "grid": _areas("grid", 16, 12, ["001网格"]),
    }
    made["street"]["parent_code"] = made["district"]["code"][0]
    return {level: _joined(frame) for level, frame in made.items()}


def _joined(areas: gpd.GeoDataFrame, kinds: tuple[str, ...] = ("circle", *KINDS)) -> gpd.GeoDataFrame:
    told = figures(areas, kinds)
    silent = areas[~areas["code"].isin(told["code"])]
    return gpd.GeoDataFrame(pd.concat([told, silent], ignore_index=True), crs=4326)


def facilities(count: int = 24, names: list[str] | None = None) -> gpd.GeoDataFrame:
    """Two kinds, spread over the town."""
    spread = np.random.default_rng(1).random((count, 2))
    points = gpd.points_from_xy(WEST + 4 * STEP * spread[:, 0], SOUTH + 3 * STEP * spread[:, 1], crs=4326)
    kinds = [KINDS[number % 2] for number in range(count)]
    named = [*(names or []), *(f"长者饭堂{number}号" for number in range(count))][:count]
    return gpd.GeoDataFrame(
        {"id": [f"F{number}" for number in range(count)], "name": named, "kind": kinds, "capacity": 60,
         "delivery_mode": "one_stop", "status": "open"}, geometry=points)  # fmt: skip


def walk_lines() -> gpd.GeoDataFrame:
    """Streets every 0.001 degrees both ways."""
    xs, ys = np.arange(WEST, WEST + 4 * STEP, 0.001), np.arange(SOUTH, SOUTH + 3 * STEP, 0.001)
    across = [shapely.LineString([(WEST, y), (WEST + 4 * STEP, y)]) for y in ys]
    along = [shapely.LineString([(x, SOUTH), (x, SOUTH + 3 * STEP)]) for x in xs]
    ways = ["residential"] * len(across) + ["footway"] * len(along)
    ways[0] = "primary"
    return gpd.GeoDataFrame({"highway": ways}, geometry=across + along, crs=4326)


def water() -> gpd.GeoDataFrame:
    """One river through the middle."""
    river = shapely.LineString([(WEST, SOUTH + 0.01), (WEST + 0.02, SOUTH + 0.02), (WEST + 4 * STEP, SOUTH + 0.016)])
    return gpd.GeoDataFrame(geometry=[river.buffer(0.0012)], crs=4326)


def district() -> dict[str, gpd.GeoDataFrame]:
    """As many areas, kinds and verdicts as a real district has."""
    kinds = ("circle", "canteen", "day_care", "family_centre", "clinic", "care_home", "activity")
    cells = {"district": (1, 1), "street": (6, 4), "community": (20, 10), "grid": (50, 40)}
    return {level: _joined(_areas(level, *size, []), kinds) for level, size in cells.items()}


def many_edges(count: int) -> gpd.GeoDataFrame:
    """Short ways in all directions, none joined to another."""
    draw = np.random.default_rng(2)
    starts = np.column_stack([WEST + 4 * STEP * draw.random(count), SOUTH + 3 * STEP * draw.random(count)])
    steps = np.cumsum(draw.normal(0, 2e-4, (count, 4, 2)), axis=1)
    lines = shapely.linestrings(starts[:, None, :] + steps)
    ways = draw.choice(["primary", "residential", "footway"], count, p=[0.1, 0.4, 0.5])
    return gpd.GeoDataFrame({"highway": ways}, geometry=lines, crs=4326)
