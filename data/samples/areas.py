"""The four levels of areas over the coverage: grids grow into communities and streets with their official names."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from data.samples import official
from data.samples.blocks import Floats, Ints, Shapes
from data.samples.growth import balanced, spread_seeds
from data.samples.partition import Coverage, dissolve
from data.samples.sketch import Sketch, StreetSeed
from gis.crs import Metric

ROW_M = 120.0


@dataclass(frozen=True)
class Division:
    """Of every grid: its street and community (positions in the official tables), its code and its residents."""

    street: Ints
    community: Ints
    code: np.ndarray
    residents: Floats


def assign(coverage: Coverage, sketch: Sketch, *, built: Floats) -> Division:
    """Let 22 streets grow to their sketched sizes, and in each its communities to equal numbers of residents.

    `built` is the built-up ground of every grid; its street's density makes it relative numbers of residents.
    """
    street = _streets(coverage, sketch.streets)
    residents = built * np.array([seed.residents for seed in sketch.streets])[street] + 1.0
    community = _communities(coverage, street, residents)
    return Division(street, community, _codes(coverage, community), residents)


def _streets(coverage: Coverage, seeds: tuple[StreetSeed, ...]) -> Ints:
    points = np.concatenate([seed.at for seed in seeds])
    labels = np.concatenate([np.full(len(seed.at), i) for i, seed in enumerate(seeds)])
    area: Floats = np.asarray(shapely.area(coverage.shapes))
    share = np.array([seed.km2 for seed in seeds])
    return balanced(
        coverage.neighbours,
        np.asarray(shapely.STRtree(coverage.shapes).nearest(shapely.points(points))),
        labels,
        weight=area,
        due=share / share.sum() * area.sum(),
        least=official.communities().groupby("street_code").size().to_numpy(),
        rounds=30,
    )


def _communities(coverage: Coverage, street: Ints, residents: Floats) -> Ints:
    """Positions in the official table; within a street codes run from north-west to south-east."""
    table = official.communities()
    counts = table.groupby("street_code").size().to_numpy()
    cells = [np.flatnonzero(street == i) for i in range(len(counts))]
    seeds = [spread_seeds(own, coverage.middles, residents, int(n)) for own, n in zip(cells, counts, strict=True)]
    near = coverage.neighbours
    region = balanced(
        near.among(street[near.a] == street[near.b]),
        np.concatenate(seeds),
        np.arange(len(table)),
        weight=residents,
        due=np.repeat(np.bincount(street, residents) / counts, counts),
        middles=coverage.middles,
    )
    return _in_reading_order(region, np.repeat(np.arange(len(counts)), counts), coverage.middles)


def _in_reading_order(region: Ints, group: Ints, middles: Floats) -> Ints:
    """Renumber regions inside their group by place; regions 0..n-1, `group` of each is ascending."""
    count = np.bincount(region)
    x, y = (np.bincount(region, axis) / count for axis in middles.T)
    order = np.lexsort((x - y, group))
    place = np.empty(len(group), np.int64)
    place[order] = np.arange(len(group))
    return place[region]


def _codes(coverage: Coverage, community: Ints) -> np.ndarray:
    """Community code and three digits, numbered in rows from north to south, in a row from west to east."""
    x, y = coverage.middles.T
    order = np.lexsort((x, -np.round(y / ROW_M), community))
    sorted_by = community[order]
    number = np.empty(len(community), np.int64)
    number[order] = np.arange(len(order)) - np.searchsorted(sorted_by, sorted_by) + 1
    codes = official.communities()["code"].to_numpy()
    return np.array([f"{codes[c]}{n:03d}" for c, n in zip(community, number, strict=True)])


def frame(
    outline: shapely.Polygon, coverage: Coverage, division: Division, *, special: pd.DataFrame
) -> gpd.GeoDataFrame:
    """All areas, level by level, dissolved upwards, in degrees (gis.frames.AREAS and synthetic)."""
    streets, communities = official.streets(), official.communities()
    name, _ = official.district()
    grids = _grids(coverage, division, communities)
    parts = [
        _level("district", [official.DISTRICT], [name], "", dissolve(coverage.shapes, division.street * 0, 1)),
        _level("street", streets["code"], streets["name"], official.DISTRICT, _over(coverage, division.street)),
        _level("community", communities["code"], communities["name"], communities["street_code"],
               _over(coverage, division.community)),
        grids,
        special,
    ]  # fmt: skip
    every = pd.concat(parts, ignore_index=True)
    every["area_m2"] = shapely.area(every["geometry"].to_numpy())
    every["synthetic"] = every["level"] != "district"
    every["geometry"] = _degrees(every["geometry"].to_numpy(), outline)
    return gpd.GeoDataFrame(every, geometry="geometry", crs=4326)


def _over(coverage: Coverage, label: Ints) -> Shapes:
    return dissolve(coverage.shapes, label, int(label.max()) + 1)


def _level(level: str, codes, names, parents, shapes: Shapes) -> pd.DataFrame:  # type: ignore[no-untyped-def]
    columns = {"code": np.asarray(codes), "level": level, "name": np.asarray(names), "grid_kind": ""}
    return pd.DataFrame({**columns, "parent_code": parents, "geometry": shapes})


def _grids(coverage: Coverage, division: Division, communities: pd.DataFrame) -> pd.DataFrame:
    order = np.argsort(division.code)
    codes = division.code[order]
    names = [f"第{code[-3:].lstrip('0').zfill(2)}网格" for code in codes]
    parents = communities["code"].to_numpy()[division.community[order]]
    return _level("grid", codes, names, parents, coverage.shapes[order]).assign(grid_kind="basic")


def _degrees(shapes: Shapes, outline: shapely.Polygon) -> Shapes:
    """To EPSG:4326 at 1e-8 degrees; corners of the real outline get back exactly the coordinates they came with."""
    plane = Metric(official.SRID)
    points = shapely.get_coordinates(shapes)
    keys, place = np.unique(np.round(points, 2), axis=0, return_inverse=True)
    degrees = np.round(np.column_stack(plane.inverse(*keys.T)), 8)
    _, real = official.district()
    corners = shapely.get_coordinates(real)
    known = {tuple(xy): i for i, xy in enumerate(np.round(shapely.get_coordinates(outline), 2).tolist())}
    hit = np.array([known.get(tuple(xy), -1) for xy in keys.tolist()])
    degrees[hit >= 0] = corners[hit[hit >= 0]]
    return shapely.set_coordinates(shapes.copy(), degrees[place])
