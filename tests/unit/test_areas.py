"""Codes, tree and shapes of areas, and the one area that holds a point."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import gis.areas
import gis.redraw
from gis.errors import Invalid
from worlds.squares import SOUTH, WEST, areas, box, town

CN_STAT = {"district": 6, "street": 9, "community": 12, "grid": 15}


def squares(*codes: str) -> gpd.GeoDataFrame:
    """Squares of 1 x 1 in a row from west to east."""
    return areas(*[(code, "grid", "", box(x, 0, x + 1, 1)) for x, code in enumerate(codes)])


def at(frame: gpd.GeoDataFrame, *places: tuple[float, float]) -> list[str]:
    lon, lat = np.array([(WEST + x / 100, SOUTH + y / 100) for x, y in places]).T
    return gis.areas.locate(lon, lat, frame).tolist()


# Codes ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "level", "parent"),
    [
        ("440103", "district", ""),
        ("440103009", "street", "440103"),
        ("440103009021", "community", "440103009"),
        ("440103009021003", "grid", "440103009021"),
    ],
)
def test_a_scheme_says_the_parent_by_the_length_of_the_code(code, level, parent):
    assert gis.areas.parent_by_prefix(code, level, CN_STAT) == parent


@pytest.mark.parametrize(("code", "level"), [("4401030", "street"), ("440103009021", "building")])
def test_a_code_that_does_not_fit_its_scheme_is_refused(code, level):
    with pytest.raises(Invalid, match=r"areas\.code"):
        gis.areas.parent_by_prefix(code, level, CN_STAT)


def test_every_area_lies_in_itself_and_in_all_above_it():
    """A01 lies in community A0, street A, district D; levels come from the finest up; an unknown code lies nowhere."""
    found = gis.areas.ancestors(town(), ["A01", "B", "", "nobody"])
    assert {level: codes.tolist() for level, codes in found.items()} == {
        "grid": ["A01", "", "", ""], "community": ["A0", "", "", ""],
        "street": ["A", "B", "", ""], "district": ["D", "D", "", ""],
    }  # fmt: skip
    assert list(found) == ["grid", "community", "street", "district"]


def test_a_lineage_names_street_community_and_grid():
    found = gis.areas.lineage(town())
    assert found.loc["B10"].tolist() == ["B", "B1", "B10"]
    assert found.loc["D"].tolist() == ["", "", ""]


def test_areas_above_each_other_in_a_circle_are_refused_and_do_not_run_for_ever():
    circle = pd.DataFrame({"code": ["a", "b"], "level": ["street", "community"], "parent_code": ["b", "a"]})
    with pytest.raises(Invalid, match=r"areas\.cycle"):
        gis.areas.ancestors(circle, ["a"])


def test_without_areas_nothing_lies_anywhere():
    none = town().iloc[:0]
    assert gis.areas.ancestors(none, ["a"]) == {}
    assert gis.areas.locate([113.2], [23.1], none).tolist() == [""]


# Points ---------------------------------------------------------------------------------------------------------------


def test_a_point_inside_belongs_to_its_area_and_one_outside_to_none():
    assert at(squares("a", "b"), (0.5, 0.5), (1.5, 0.5), (2.5, 0.5), (0.5, -0.1)) == ["a", "b", "", ""]


@pytest.mark.parametrize("codes", [("a", "b"), ("b", "a")])
def test_a_point_on_a_shared_edge_or_corner_belongs_to_the_smaller_code_whichever_side_that_is(codes):
    assert at(squares(*codes), (1, 0.5), (1, 0), (1, 1)) == ["a", "a", "a"]


def test_codes_are_compared_letter_by_letter_and_not_as_numbers():
    """ "10" comes before "9", as in the database under collation C."""
    assert at(squares("9", "10"), (1, 0.5)) == ["10"]


def test_a_point_without_coordinates_lies_nowhere():
    lon, lat = [np.nan, WEST + 0.005, np.inf], [SOUTH, np.nan, SOUTH]
    assert gis.areas.locate(lon, lat, squares("a")).tolist() == ["", "", ""]


def test_where_areas_overlap_it_is_the_smaller_code():
    assert at(areas(("b", "grid", "", box(0, 0, 2, 1)), ("a", "grid", "", box(1, 0, 3, 1))), (1.5, 0.5)) == ["a"]


def test_a_point_in_a_hole_lies_nowhere():
    ring = areas(("a", "grid", "", box(0, 0, 3, 3) - box(1, 1, 2, 2)))
    assert at(ring, (1.5, 1.5), (0.5, 0.5), (1, 1.5)) == ["", "a", "a"]


def voronoi(count: int, seed: int) -> gpd.GeoDataFrame:
    """A square of 10 x 10 in cells of random shape."""
    rng = np.random.default_rng(seed)
    seeds = shapely.MultiPoint(rng.random((count, 2)) * 0.1 + (WEST, SOUTH))
    cells = shapely.intersection(shapely.get_parts(shapely.voronoi_polygons(seeds)), box(0, 0, 10, 10))
    return areas(
        *[(f"{code:04d}", "grid", "", cell) for code, cell in zip(rng.permutation(len(cells)), cells, strict=True)]
    )


def test_many_points_are_placed_by_labels_exactly_as_one_by_one():
    """60,000 points over and around 300 cells, a third of them on vertices and edges; the plain answer is the truth."""
    frame = voronoi(300, seed=1)
    rng = np.random.default_rng(2)
    corners = shapely.get_coordinates(frame.geometry.to_numpy())
    middles = (corners[1:] + corners[:-1]) / 2
    edges = np.vstack([corners, middles])[rng.integers(0, 2 * len(corners) - 1, 20_000)]
    places = np.vstack([edges, rng.random((40_000, 2)) * 0.11 + (WEST - 0.005, SOUTH - 0.005)])
    assert len(places) > gis.areas.LABELLED_FROM
    labelled = gis.areas.locate(*places.T, frame)
    plain = np.concatenate([gis.areas.locate(*part.T, frame) for part in np.array_split(places, 6)])
    assert (labelled == plain).all()
    assert (labelled[:20_000] != "").all()


def test_labels_serve_areas_that_overlap_too():
    """Two squares lie half over each other: 30,000 points, by arithmetic."""
    frame = areas(("b", "grid", "", box(0, 0, 2, 1)), ("a", "grid", "", box(1, 0, 3, 1)))
    x = np.random.default_rng(0).random(30_000) * 4 - 0.5
    found = gis.areas.locate(WEST + x / 100, np.full(30_000, SOUTH + 0.005), frame)
    assert (found == np.select([(x > 1) & (x < 3), (x > 0) & (x <= 1)], ["a", "b"], "")).all()


# Shapes ---------------------------------------------------------------------------------------------------------------


def test_a_square_kilometre_is_measured_to_a_promille():
    """0.01 degrees at 23.1 N: 1,023.6 m by 1,107.5 m on the ellipsoid."""
    size = gis.areas.square_metres([box(0, 0, 1, 1)])
    assert size == pytest.approx(1023.6 * 1107.5, rel=1e-3)


def test_polygons_become_multipolygons_and_lose_their_heights():
    made = gis.areas.multi(
        [shapely.box(0, 0, 1, 1), shapely.from_wkt("POLYGON Z ((0 0 9, 1 0 9, 1 1 9, 0 0 9))"), None]
    )
    assert [shape and shape.geom_type for shape in made] == ["MultiPolygon", "MultiPolygon", None]
    assert not made[1].has_z


# Changes --------------------------------------------------------------------------------------------------------------


def test_parts_are_read_from_north_to_south_and_from_west_to_east_in_a_row():
    """Four quarters, and in front of them a strip on the west that is as high as both rows."""
    quarters = [box(x, y, x + 1, y + 1) for y in (0, 1) for x in (1, 2)]
    assert gis.redraw.reading_order(np.array(quarters)).tolist() == [2, 3, 0, 1]
    with_strip = np.array([box(0, 0.2, 1, 2), box(1, 1.5, 2, 2), box(1, 0, 2, 0.1)])
    assert gis.redraw.reading_order(with_strip).tolist() == [1, 0, 2]


def test_new_codes_follow_the_highest_ever_used():
    assert gis.redraw.next_codes("A", ["A001", "A007", "B009", "Axyz"], 2) == ["A008", "A009"]
    assert gis.redraw.next_codes("A", [], 1) == ["A001"]
    with pytest.raises(Invalid, match=r"areas\.codes_exhausted"):
        gis.redraw.next_codes("A", ["A8"], 2)


def test_a_line_along_the_border_or_short_of_it_cuts_nothing():
    square = box(0, 0, 1, 1)
    for ends in ([(0, 0), (1, 0)], [(0.5, -1), (0.5, 0.5)]):
        line = shapely.LineString([(WEST + x / 100, SOUTH + y / 100) for x, y in ends])
        assert len(gis.redraw.cut(square, line)) == 1


@pytest.mark.parametrize("touch", [0, 0.002], ids=["at two points", "at both ends"])
def test_borders_that_do_not_quite_meet_leave_no_slit_in_a_merged_area(touch):
    """Two halves of a square, between them a slit 0.2 m wide and 1 km long, open or closed at its ends."""
    corners = [(0.5, touch), (0.5002, 0.5), (0.5, 1 - touch)]
    slit = shapely.Polygon([(WEST + x / 100, SOUTH + y / 100) for x, y in corners])
    halves = areas(("a", "grid", "", box(0, 0, 0.5, 1)), ("b", "grid", "", box(0.5, 0, 1, 1) - slit))
    (merged,) = gis.redraw.merge(halves, ["a", "b"], into="a").geometry
    (part,) = shapely.get_parts(merged)
    assert shapely.get_num_interior_rings(part) == 0
    assert gis.areas.square_metres([part]) == pytest.approx(gis.areas.square_metres([box(0, 0, 1, 1)]), abs=1)


def test_what_a_redrawn_area_gives_up_goes_to_the_neighbour_with_the_longest_border():
    """a gives up its lower right quarter: b lies along 0.5 of it in the east, c along 0.4 in the south."""
    rows = [("a", box(0, 1, 1, 2)), ("b", box(1, 0, 2, 2)), ("c", box(0, 0, 1, 1))]
    frame = areas(*[(code, "grid", "", shape) for code, shape in rows])
    new = gis.redraw.redraw(frame, "a", box(0, 1, 1, 2) - box(0.6, 1, 1, 1.5)).set_index("code").geometry
    assert sorted(new.index) == ["a", "b"]
    assert new["b"].equals(box(1, 0, 2, 2) | box(0.6, 1, 1, 1.5))
