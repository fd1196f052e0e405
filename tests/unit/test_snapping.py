"""The nearest point on an edge, as shapely finds it, and the reasons where there is none."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import shapely

import gis.snapping
import gis.walknet
import worlds
from gis.errors import Invalid
from worlds import towns

EVERY = np.ones(1, bool)


def lines(seed: int, count: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Crooked lines of 2 to 6 points, some long, some of no length, one far away."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, 7, count)
    starts = rng.uniform(0, 3000, (count, 2))
    starts[0] = (60_000, -40_000)
    shapes = [start + np.cumsum(rng.normal(0, rng.choice([0, 15, 200]), (size, 2)), axis=0)
              for start, size in zip(starts, sizes, strict=True)]  # fmt: skip
    return np.vstack(shapes), np.append(0, np.cumsum(sizes))


@pytest.mark.parametrize("seed", range(8))
def test_distances_equal_those_of_shapely(seed: int):
    """Against `STRtree.query_nearest`: the same distance to 1e-9 m, and the place found lies on the edge named."""
    coords, offsets = lines(seed)
    rng = np.random.default_rng(seed + 100)
    x, y = rng.uniform(-300, 3300, (2, 500))
    shapes = [shapely.LineString(coords[a:b]) for a, b in pairwise(offsets)]
    edge, share, leg, sx, sy = gis.snapping.nearest(
        gis.snapping.build(coords, offsets), x, y, allowed=np.ones(len(shapes), bool), max_m=150
    )
    points = shapely.points(x, y)
    expected = shapely.distance(points, np.array(shapes)[shapely.STRtree(shapes).nearest(points)])
    assert ((edge >= 0) == (expected <= 150)).all()
    assert np.allclose(leg[edge >= 0], expected[edge >= 0], atol=1e-9)
    for i in np.flatnonzero(edge >= 0):
        assert shapely.distance(shapes[edge[i]], shapely.Point(sx[i], sy[i])) < 1e-6
        along = shapes[edge[i]].interpolate(share[i], normalized=True)
        assert along.distance(shapely.Point(sx[i], sy[i])) < 1e-6


def test_many_points_are_snapped_as_each_alone():
    """They are put in order first: to the last bit; points without a place and far away are among them."""
    index, rng = gis.snapping.build(*lines(1)), np.random.default_rng(1)
    x, y = np.append(rng.uniform(-300, 3300, (2, 500)), [[np.nan, np.inf, 1e12], [0, 0, -1e12]], axis=1)
    asked = {"allowed": np.ones(300, bool), "max_m": 150}
    many = gis.snapping.nearest(index, x, y, **asked)
    each = [gis.snapping.nearest(index, x[[i]], y[[i]], **asked) for i in range(len(x))]
    assert [column.tobytes() for column in many] == [np.concatenate(one).tobytes() for one in zip(*each, strict=True)]


def test_an_edge_that_may_not_be_used_is_passed_over():
    """Edges at 10 m and 30 m; with the first barred the second is taken, with both nothing is."""
    index = gis.snapping.build(np.array([(0, 10), (100, 10), (0, 30), (100, 30.0)]), np.array([0, 2, 4]))
    found = [
        gis.snapping.nearest(index, np.array([50.0]), np.zeros(1), allowed=np.array(allowed), max_m=150)[0][0]
        for allowed in ([True, True], [False, True], [False, False])
    ]
    assert found == [0, 1, -1]


def test_the_limit_of_150_metres_is_inclusive():
    """An edge 150 m away is joined, one 150.001 m away is not."""
    index = gis.snapping.build(np.array([(0, 0), (100, 0.0)]), np.array([0, 2]))
    found = gis.snapping.nearest(index, np.array([50.0, 50.0]), np.array([150.0, 150.001]), allowed=EVERY, max_m=150)
    assert found[0].tolist() == [0, -1]


def test_shares_are_exact_at_both_ends():
    """A point beyond either end joins it at exactly 0 or 1, however many bends lie between."""
    index = gis.snapping.build(np.array([(0, 0), (33.3, 0.1), (66.1, 0.7), (100, 0.0)]), np.array([0, 4]))
    found = gis.snapping.nearest(index, np.array([-5.0, 105.0]), np.zeros(2), allowed=EVERY, max_m=150)
    assert found[1].tolist() == [0.0, 1.0]
    assert found[2].tolist() == [5.0, 5.0]


def test_reasons_where_there_is_nothing_to_join():
    """On the street, on the island, 100 m off, 200 m off, nowhere: see `worlds.island`."""
    town = worlds.island()
    x, y = np.array([(100, 0), (50, 300), (300, -100), (300, -200), (np.nan, 0)]).T + np.array(towns.CORNER)[:, None]
    snaps = gis.walknet.snap(town.net, x, y, usable=np.ones(2, bool))
    assert snaps.reason.tolist() == ["", "island", "", "off_network", "no_location"]
    assert snaps.edge.tolist() == [0, -1, 0, -1, -1]
    assert snaps.leg_m[2] == pytest.approx(100)


def test_near_an_island_the_main_network_is_joined_if_it_is_within_reach():
    """An island path 20 m away, the street 120 m away: the street."""
    net = towns.network([(0, 0), (400, 0), (0, 140), (100, 140)], [(0, 1), (2, 3)])
    snaps = gis.walknet.snap(net, [towns.CORNER[0] + 50], [towns.CORNER[1] + 120], usable=np.ones(2, bool))
    assert (snaps.edge[0], snaps.leg_m[0]) == (0, pytest.approx(120))


def test_a_network_without_edges_joins_nobody():
    net = towns.network([(0, 0)], [])
    snaps = gis.walknet.snap(net, [towns.CORNER[0]], [towns.CORNER[1]], usable=np.zeros(0, bool))
    assert snaps.reason.tolist() == ["off_network"]


@pytest.mark.parametrize(
    ("columns", "code"),
    [({"metres": -1.0}, "walknet.edges"), ({"metres": np.nan}, "walknet.edges"), ({"v": 5}, "walknet.edges")],
)
def test_an_edge_that_cannot_be_right_is_refused(columns: dict, code: str):
    given = {"u": [0], "v": [1], "metres": [1.0], "oneway": [0], "steps": [0], "signals": [0.0], "lift": [False],
             "wheelchair": [1], "bridge": [False], **{name: [value] for name, value in columns.items()}}  # fmt: skip
    with pytest.raises(Invalid, match=code):
        gis.walknet.from_arrays([0, 1], [0, 0], srid=4547, coords=[(0, 0), (1, 0)], offsets=[0, 2], **given)
