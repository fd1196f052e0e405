"""The frame gate on made towns: how often it finds a wrong datum, and that it does not cry wolf.

A town is 4 km square with streets at uneven distances and a river, 400 m wide, that none but two bridges cross. Homes
stand along its streets. Rates are counted over seeds, so they are facts about the rule and not about one lucky town.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import shapely

import gis.crs
import gis.datumgate
from gis.errors import WrongDatum

METRIC = gis.crs.Metric(4547)
CORNER = np.array(METRIC.forward(113.22, 23.09))
SIZE, RIVER = 4000.0, (1800.0, 2200.0)


@dataclass(frozen=True)
class Town:
    streets: np.ndarray
    """(e,) LineStrings in metres from the corner."""

    @property
    def ground(self) -> gis.datumgate.Ground | None:
        return gis.datumgate.ground(lines=METRIC.inverse_shapes(_put(self.streets)))


def town(seed: int, *, apart: float) -> Town:
    """Streets about `apart` metres from each other, from 0.4 to 1.6 times that."""
    rng = np.random.default_rng([seed, int(apart)])
    across, along = (np.cumsum(rng.uniform(0.4, 1.6, int(SIZE / apart)) * apart) for _ in "xy")
    lines = [[(x, 0), (x, SIZE)] for x in across if not RIVER[0] < x < RIVER[1]]
    lines += [[(0, y), (RIVER[0], y)] for y in along] + [[(RIVER[1], y), (SIZE, y)] for y in along]
    lines += [[(RIVER[0], y), (RIVER[1], y)] for y in (1000, 3000)]
    return Town(shapely.linestrings(lines))


def homes(of: Town, count: int, *, seed: int, back_m: float = 12.0) -> np.ndarray:
    """(n, 2) metres: beside streets, on average `back_m` from the middle of the street."""
    rng = np.random.default_rng([seed, count])
    lengths = shapely.length(of.streets)
    which = rng.choice(len(lengths), count, p=lengths / lengths.sum())
    places = shapely.get_coordinates(shapely.line_interpolate_point(of.streets[which], rng.uniform(0, lengths[which])))
    angle = rng.uniform(0, 2 * np.pi, count)
    return places + np.column_stack([np.cos(angle), np.sin(angle)]) * rng.exponential(back_m, count)[:, None]


def sent(places: np.ndarray, datum: str) -> tuple[np.ndarray, np.ndarray]:
    """The places as a list in this datum would have them."""
    return gis.crs.from_wgs84(*METRIC.inverse(*(places + CORNER).T), datum)


def verdicts(apart: float, count: int, *, true: str, declared: str, towns: int) -> list[gis.datumgate.Judgement]:
    made = [town(seed, apart=apart) for seed in range(towns)]
    lists = [sent(homes(one, count, seed=seed), true) for seed, one in enumerate(made)]
    return [gis.datumgate.judge(*one, declared, place=of.ground) for one, of in zip(lists, made, strict=True)]


def _put(shapes: np.ndarray) -> np.ndarray:
    return shapely.transform(shapes, lambda xy: xy + CORNER)


# Points ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("apart", "count", "at_least"),
    [(500, 30, 0.7), (500, 100, 0.95), (250, 100, 0.95), (120, 300, 0.8)],
)
def test_a_list_in_gcj02_declared_as_wgs84_is_found(apart: float, count: int, at_least: float):
    """The looser the streets, the fewer points it takes; where lanes are everywhere a shift hits one again."""
    found = verdicts(apart, count, true="gcj02", declared="wgs84", towns=20)
    assert np.mean([one.verdict == "wrong" and one.best == "gcj02" for one in found]) >= at_least


@pytest.mark.parametrize(
    ("true", "declared"), [("bd09", "gcj02"), ("wgs84", "gcj02"), ("gcj02", "bd09"), ("bd09", "cgcs2000")]
)
def test_any_datum_taken_for_another_is_found_and_named(true: str, declared: str):
    found = verdicts(300, 200, true=true, declared=declared, towns=10)
    assert [(one.verdict, one.best) for one in found] == [("wrong", true)] * 10


@pytest.mark.parametrize("apart", [60, 120, 250, 500])
@pytest.mark.parametrize("count", [8, 30, 300])
def test_what_is_right_is_let_in(apart: float, count: int):
    """No alarm in 20 towns of each density and size, whichever datum is the true one: 480 lists in all."""
    for datum in ("wgs84", "gcj02"):
        found = verdicts(apart, count, true=datum, declared=datum, towns=20)
        assert "wrong" not in [one.verdict for one in found]


def test_a_list_made_for_the_district_is_found_by_its_outline_in_the_densest_town():
    """Lanes every 60 m: a shift hits one again, but takes a sixth of the homes over the border or into the river."""
    for seed in range(10):
        of = town(seed, apart=60)
        outline = METRIC.inverse_shapes(_put(np.array([shapely.box(-50, -50, SIZE + 50, SIZE + 50)])))[0]
        place = gis.datumgate.ground(outline=outline, lines=METRIC.inverse_shapes(_put(of.streets)))
        inside = homes(of, 400, seed=seed, back_m=5)
        inside = inside[(inside > -40).all(axis=1) & (inside < SIZE + 40).all(axis=1)]
        assert gis.datumgate.judge(*sent(inside, "gcj02"), "wgs84", place=place).best == "gcj02"
        assert gis.datumgate.judge(*sent(inside, "gcj02"), "gcj02", place=place).verdict == "fits"


def test_enough_points_beside_streets_are_said_to_fit():
    assert {one.verdict for one in verdicts(250, 300, true="gcj02", declared="gcj02", towns=10)} == {"fits"}


def _set_back(of: Town, seed: int) -> np.ndarray:
    """Large compounds: everything about 80 m from the street, in the middle of blocks."""
    return homes(of, 200, seed=seed, back_m=80)


def _crowded(of: Town, seed: int) -> np.ndarray:
    """Only one corner of the town, at the river."""
    places = homes(of, 3000, seed=seed)
    return places[(places[:, 0] > 1400) & (places[:, 0] < 1790) & (places[:, 1] < 900)]


def _anywhere(of: Town, seed: int) -> np.ndarray:
    """Reports from anywhere, the river among it."""
    return np.random.default_rng(seed).uniform(0, SIZE, (300, 2))


def _on_the_water(of: Town, seed: int) -> np.ndarray:
    """Boats: every single one is far from any street."""
    return np.random.default_rng(seed).uniform((RIVER[0] + 70, 0), (RIVER[1] - 70, SIZE), (200, 2))


def _beyond(of: Town, seed: int) -> np.ndarray:
    """A list of the whole city, of which this town is a corner: denser in the east, mostly where no street is known."""
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.triangular(-4000, 12000, 12000, 2000), rng.uniform(-8000, 8000, 2000)])


@pytest.mark.parametrize("odd", [_set_back, _crowded, _anywhere, _on_the_water, _beyond])
def test_an_odd_list_is_not_taken_for_a_wrong_datum(odd: Callable[[Town, int], np.ndarray]):
    """Their fit to the streets is poor or lopsided, and a shift may well improve it, as would others."""
    for apart in (120, 300):
        for seed in range(15):
            of = town(seed, apart=apart)
            outline = METRIC.inverse_shapes(_put(np.array([shapely.box(0, 0, SIZE, SIZE)])))[0]
            place = gis.datumgate.ground(outline=outline, lines=METRIC.inverse_shapes(_put(of.streets)))
            lon, lat = sent(odd(of, seed), "wgs84")
            assert gis.datumgate.judge(lon, lat, "wgs84", place=place).verdict != "wrong", (apart, seed)


def test_in_the_densest_town_the_named_areas_decide():
    """Communities 500 m square: of 60 homes that name theirs nearly all lie in it, of those thrown 620 m none does."""
    of = town(3, apart=60)
    places = homes(of, 60, seed=3)
    squares = METRIC.inverse_shapes(_put(np.array([_square(place) for place in places])))
    lon, lat = sent(places, "gcj02")
    found = gis.datumgate.judge(lon, lat, "wgs84", place=of.ground, stated=squares)
    assert (found.verdict, found.best) == ("wrong", "gcj02")
    assert found.shares["gcj02"]["stated"] == 1
    assert found.shares["wgs84"]["stated"] < 0.3
    assert gis.datumgate.judge(lon, lat, "gcj02", place=of.ground, stated=squares).verdict == "fits"


def test_named_areas_alone_are_enough_to_judge():
    places = homes(town(4, apart=250), 40, seed=4)
    squares = METRIC.inverse_shapes(_put(np.array([_square(place) for place in places])))
    squares[::2] = None  # half of them name nothing
    assert gis.datumgate.judge(*sent(places, "gcj02"), "wgs84", place=None, stated=squares).best == "gcj02"


def _square(place: np.ndarray) -> shapely.Polygon:
    west, south = place // 500 * 500
    return shapely.box(west - 60, south - 60, west + 560, south + 560)


def test_few_points_are_not_judged():
    of = town(1, apart=300)
    found = gis.datumgate.judge(*sent(homes(of, 7, seed=1), "gcj02"), "wgs84", place=of.ground)
    assert (found.verdict, found.judged) == ("not_judged", 7)


def test_points_without_a_place_are_passed_over():
    """200 homes, of which every other one has no position: 100 are judged."""
    of = town(1, apart=300)
    lon, lat = sent(homes(of, 200, seed=1), "gcj02")
    lon[::2] = np.nan
    found = gis.datumgate.judge(lon, lat, "wgs84", place=of.ground)
    assert (found.verdict, found.judged) == ("wrong", 100)


def test_where_nothing_is_known_nothing_is_judged():
    assert gis.datumgate.ground() is None
    places = homes(town(1, apart=300), 50, seed=1)
    assert gis.datumgate.judge(*sent(places, "gcj02"), "wgs84", place=None).verdict == "not_judged"


def test_abroad_the_datums_are_one_and_nothing_is_judged():
    lon, lat = np.linspace(9.5, 9.6, 50), np.linspace(47.1, 47.2, 50)
    lines = shapely.linestrings([[(9.4, 47.15), (9.7, 47.15)], [(9.55, 47.0), (9.55, 47.3)]])
    place = gis.datumgate.ground(lines=lines)
    assert gis.datumgate.judge(lon, lat, "wgs84", place=place).verdict == "not_judged"


def test_a_wrong_datum_is_refused_with_the_one_that_fits_and_both_shares():
    of = town(2, apart=400)
    found = gis.datumgate.judge(*sent(homes(of, 200, seed=2), "gcj02"), "wgs84", place=of.ground)
    with pytest.raises(WrongDatum) as refused:
        gis.datumgate.refuse(found)
    facts = refused.value.facts
    assert (refused.value.code, facts["declared"], facts["fits"]) == ("datumgate.near", "wgs84", "gcj02")
    assert facts["share_fits"] > 0.9 > facts["share_declared"] + 0.2  # type: ignore[operator]


def test_what_fits_is_not_refused():
    of = town(2, apart=400)
    gis.datumgate.refuse(gis.datumgate.judge(*sent(homes(of, 200, seed=2), "wgs84"), "wgs84", place=of.ground))


# Areas ----------------------------------------------------------------------------------------------------------------


def squares(count: int, side: float) -> tuple[np.ndarray, np.ndarray]:
    """A parent, `count` x `count` children that tile it, in metres from the corner; each child beside its parent."""
    children = np.array([
        shapely.box(x * side, y * side, (x + 1) * side, (y + 1) * side) for x in range(count) for y in range(count)
    ])  # fmt: skip
    return children, np.full(len(children), shapely.box(0, 0, count * side, count * side))


def as_sent(shapes: np.ndarray, datum: str) -> np.ndarray:
    return gis.crs.shapes_from_wgs84(METRIC.inverse_shapes(_put(shapes)), datum)


def test_areas_that_spill_over_their_parent_are_found():
    """16 squares of 1 km, 545 m east and 298 m south of it: 1 - (1 - .545/4)(1 - .298/4) = 20 % are outside."""
    children, parents = squares(4, 1000)
    found = gis.datumgate.judge_areas(as_sent(children, "gcj02"), "wgs84", parents=as_sent(parents, "wgs84"))
    assert (found.verdict, found.best) == ("wrong", "gcj02")
    assert found.shares["wgs84"]["spill"] == pytest.approx(0.20, abs=0.01)
    assert found.shares["gcj02"]["spill"] < 0.001
    with pytest.raises(WrongDatum) as refused:
        gis.datumgate.refuse(found)
    assert refused.value.code == "datumgate.spill"


def test_areas_in_their_parent_fit():
    children, parents = squares(4, 1000)
    found = gis.datumgate.judge_areas(as_sent(children, "gcj02"), "gcj02", parents=as_sent(parents, "wgs84"))
    assert found.verdict == "fits"


@pytest.mark.parametrize("seed", range(20))
def test_areas_drawn_loosely_are_not_taken_for_a_wrong_datum(seed: int):
    """Every child up to 150 m off on its own: a fault of another kind, which the guard of areas names."""
    children, parents = squares(4, 1000)
    off = np.random.default_rng(seed).uniform(-150, 150, (len(children), 2))
    moved = np.array(
        [shapely.transform(shape, lambda xy, by=by: xy + by) for shape, by in zip(children, off, strict=True)]
    )
    found = gis.datumgate.judge_areas(as_sent(moved, "wgs84"), "wgs84", parents=as_sent(parents, "wgs84"))
    assert found.verdict != "wrong"


def test_one_area_that_leans_over_its_border_is_not_taken_for_a_wrong_datum():
    """A quarter of it lies outside in the west; east is where GCJ-02 would lie, but so would be many other shifts."""
    child = np.array([shapely.box(-250, 1500, 750, 2500)])
    parent = np.array([shapely.box(0, 0, 4000, 4000)])
    found = gis.datumgate.judge_areas(as_sent(child, "wgs84"), "wgs84", parents=as_sent(parent, "wgs84"))
    assert found.verdict != "wrong"


def test_areas_without_a_parent_are_not_judged():
    children, _ = squares(2, 1000)
    found = gis.datumgate.judge_areas(as_sent(children, "gcj02"), "wgs84", parents=np.full(4, None))
    assert (found.verdict, found.judged) == ("not_judged", 0)
