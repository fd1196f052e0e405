"""Laws of points and partitions, for any partition."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import gis.areas
import gis.partition
import gis.redraw
from worlds.squares import RANKS, SOUTH, WEST, areas, box


@st.composite
def communities(draw: st.DrawFn) -> gpd.GeoDataFrame:
    """One community of 1 x 1, cut by up to four straight lines into grids; the cuts share their vertices."""
    place = st.floats(0.05, 0.95)
    lines = [
        shapely.LineString([(WEST - 0.01, SOUTH + low / 100), (WEST + 0.02, SOUTH + high / 100)])
        for low, high in draw(st.lists(st.tuples(place, place), min_size=1, max_size=4))
    ]
    parts = gis.redraw.cut(box(0, 0, 1, 1), shapely.union_all(lines))
    grids = [(f"C{at:02d}", "grid", "C", part) for at, part in enumerate(parts)]
    return areas(("C", "community", "", box(0, 0, 1, 1)), *grids)


def grids(town: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return town[town["level"] == "grid"].reset_index(drop=True)


@settings(deadline=None)
@given(communities())
def test_a_community_cut_by_lines_is_a_sound_partition(town):
    assert gis.partition.faults(town, ranks=RANKS) == []


@settings(deadline=None)
@given(communities(), st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=30))
def test_each_point_of_a_partition_has_exactly_one_grid_that_touches_it(town, places):
    """Up to a sliver of rounding: a point in none lies within a millimetre (1e-8 degrees) of one."""
    lon, lat = (np.array(places) / 100 + (WEST, SOUTH)).T
    found = gis.areas.locate(lon, lat, grids(town))
    shapes = grids(town).set_index("code").geometry
    for x, y, code in zip(lon, lat, found, strict=True):
        touching = shapes.index[shapely.intersects_xy(shapes.to_numpy(), x, y)]
        assert code == (min(touching) if len(touching) else "")
        assert code or shapely.distance(shapes.to_numpy(), shapely.Point(x, y)).min() < 1e-8


@settings(deadline=None)
@given(communities(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(town, random):
    lon, lat = (np.random.default_rng(0).random((50, 2)) / 100 + (WEST, SOUTH)).T
    order = list(range(len(town)))
    random.shuffle(order)
    shuffled = town.iloc[order].reset_index(drop=True)
    assert (gis.areas.locate(lon, lat, grids(town)) == gis.areas.locate(lon, lat, grids(shuffled))).all()
    assert gis.partition.faults(shuffled, ranks=RANKS) == []


@settings(deadline=None)
@given(communities(), st.data())
def test_taking_one_grid_away_is_a_gap_of_its_size_unless_it_is_a_sliver(town, data):
    code = data.draw(st.sampled_from(sorted(grids(town)["code"])))
    if len(grids(town)) == 1:
        return
    rest = town[town["code"] != code].reset_index(drop=True)
    lost = town.loc[town["code"] == code, "geometry"].iloc[0]
    (size,) = gis.areas.square_metres([lost])
    faults = gis.partition.faults(rest, ranks=RANKS)
    assert {fault.code for fault in faults} <= {"areas.gap"}
    if faults:
        assert sum(fault.facts["m2"] for fault in faults) <= size * (1 + 1e-6) + 1
    else:
        assert shapely.buffer(gis.areas.metric_of([lost]).forward_shapes(lost), -0.51).is_empty


@settings(deadline=None)
@given(communities(), st.data())
def test_merging_what_was_cut_gives_the_whole_again(town, data):
    """All grids at once, in any order: the community's outline, to a square metre."""
    codes = data.draw(st.permutations(sorted(grids(town)["code"])))
    if len(codes) == 1:
        return
    (merged,) = gis.redraw.merge(grids(town), codes, into=codes[0]).geometry if _connected(town) else (None,)
    if merged is not None:
        whole = gis.areas.square_metres([box(0, 0, 1, 1)])[0]
        assert abs(gis.areas.square_metres([merged])[0] - whole) < 1


def _connected(town: gpd.GeoDataFrame) -> bool:
    """Slivers may share less border than counts as one; those towns are left out."""
    sizes = gis.areas.square_metres(grids(town).geometry.to_numpy())
    return bool((sizes > 5_000).all())
