"""Laws of the sample that hold for any seed."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pytest
import shapely

from data.samples import growth, liwan, strays
from gis.crs import Metric

SCALE = 0.02
SEEDS = (1, 2, 77)


@pytest.fixture(scope="module", params=SEEDS)
def sample(request: pytest.FixtureRequest) -> liwan.Sample:
    return liwan.build(request.param, scale=SCALE)


def digest(sample: liwan.Sample) -> str:
    """Over every value of every table, geometries as WKB."""
    total = hashlib.sha256()
    tables = [sample.areas, sample.walk_nodes, sample.walk_edges, sample.households, sample.facilities, sample.reports,
              sample.water, sample.greens, *sample.registers.values()]  # fmt: skip
    for table in tables:
        plain = pd.DataFrame(table)
        if "geometry" in plain:
            plain["geometry"] = shapely.to_wkb(plain["geometry"].to_numpy(), hex=True)
        total.update(plain.to_csv(index=False).encode())
    return total.hexdigest()


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(sample: liwan.Sample):
    first = digest(sample)
    assert digest(liwan.build(sample.seed, scale=SCALE)) == first
    assert digest(liwan.build(sample.seed + 1, scale=SCALE)) != first


@pytest.mark.parametrize("level", ["street", "community", "grid"])
def test_areas_tile_the_district(sample: liwan.Sample, level: str):
    rows = sample.areas[(sample.areas["level"] == level) & (sample.areas["grid_kind"] != "dedicated")]
    shapes = rows.geometry.to_numpy()
    assert shapely.is_valid(shapes).all()
    assert shapely.coverage_is_valid(shapes)
    assert shapely.symmetric_difference(shapely.union_all(shapes), sample.areas.geometry.iloc[0]).area == 0


def test_each_point_of_the_district_has_exactly_one_basic_grid(sample: liwan.Sample):
    outline = sample.areas.geometry.iloc[0]
    low_x, low_y, high_x, high_y = outline.bounds
    rng = np.random.default_rng(sample.seed)
    points = shapely.points(rng.uniform(low_x, high_x, 2_000), rng.uniform(low_y, high_y, 2_000))
    points = points[shapely.contains(outline, points)]
    grids = sample.areas[sample.areas["grid_kind"] == "basic"].geometry.to_numpy()
    found, _ = shapely.STRtree(grids).query(points, predicate="within")
    assert (np.bincount(found, minlength=len(points)) == 1).all()


def test_every_street_and_community_is_there_at_any_scale(sample: liwan.Sample):
    counts = sample.areas["level"].value_counts()
    assert (counts["district"], counts["street"], counts["community"]) == (1, 22, 201)
    assert (sample.areas[sample.areas["level"] == "community"]["code"].isin(sample.areas["parent_code"])).all()


def test_no_edge_crosses_water_but_bridges(sample: liwan.Sample):
    plane = Metric(sample.srid)
    lines = plane.forward_shapes(sample.walk_edges.geometry.to_numpy())
    water = plane.forward_shapes(shapely.union_all(sample.water.geometry.to_numpy()))
    wet = shapely.length(shapely.intersection(lines, water))
    assert wet[~sample.walk_edges["bridge"].to_numpy()].max() < 0.05


def test_elders_are_24_4_per_cent_at_any_scale(sample: liwan.Sample):
    population = sample.registers["population"]
    assert round(100 * sample.households["elders"].sum() / population["registered"].sum(), 1) == 24.4


def test_regions_grow_to_equal_weight_and_stay_connected():
    """A strip of 12 equal cells, two seeds at one end: neighbours 0-1-2-…; each region ends as a run of six cells."""
    n = 12
    strip = growth.Neighbours(n, np.arange(n - 1), np.arange(1, n), np.ones(n - 1))
    middles = np.column_stack([np.arange(n), np.zeros(n)]).astype(float)
    region = growth.balanced(
        strip, np.array([0, 1]), np.array([0, 1]), weight=np.ones(n), due=np.array([6.0, 6.0]), middles=middles
    )
    assert region.tolist() == [0] * 6 + [1] * 6


def test_a_town_without_fields_has_no_hamlet_and_nobody_far_from_lanes():
    none = np.array([], dtype=object)
    lane = np.array([shapely.LineString([(0, 0), (1, 0)])])
    rng = np.random.default_rng(1)
    assert len(strays.hamlets(none)) == len(strays.paths(none).lines) == 0
    assert strays.within(none, 5, rng).shape == strays.far(none, lane, 5, rng).shape == (0, 2)


def test_far_homes_are_beyond_200_m_of_every_line():
    """A field of 1 km square with a lane along its south side: what is left lies north of y = 200."""
    field = np.array([shapely.box(0, 0, 1000, 1000)])
    lane = np.array([shapely.LineString([(-500, 0), (1500, 0)])])
    places = strays.far(field, lane, 500, np.random.default_rng(1))
    assert len(places) > 200
    assert places[:, 1].min() > 200
