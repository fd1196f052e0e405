"""Laws of coverage that hold in any town."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gis.coverage
import gis.ground
import gis.netedits
import gis.pairs
import gis.walking
import gis.walknet
import worlds
from gis.coverage import Request, Verdicts
from gis.verdicts import COVERED, UNCOVERED
from worlds import towns

BOTH = Request(kinds=("canteen", "clinic"), required=("canteen", "clinic"))
SEEDS = st.integers(0, 10_000)

#: Each example is a whole town, searched many times.
laws = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


def decide(town: worlds.Town, request: Request = BOTH) -> Verdicts:
    return gis.coverage.decide(town.net, town.households, town.facilities, request)


def covered(verdicts: Verdicts, rule: str) -> np.ndarray:
    return verdicts.rules[rule].letters == COVERED


@laws
@given(SEEDS)
def test_another_facility_never_lowers_coverage(seed: int):
    town, rng = worlds.crossing(seed), np.random.default_rng(seed)
    more = town.with_facilities(towns.care([tuple(rng.uniform(0, 600, 2))], "canteen").assign(id="more"))
    for rule in ("standard", "personal"):
        assert (covered(decide(town), rule) <= covered(decide(more), rule)).all()


@laws
@given(SEEDS, st.floats(1, 40), st.floats(1, 40))
def test_more_minutes_or_metres_never_shrink_it(seed: int, one: float, two: float):
    town = worlds.crossing(seed)
    less, more = sorted((one, two))
    few, many = (decide(town, replace(BOTH, minutes=m, metres=m * 50)) for m in (less, more))
    for rule in ("standard", "personal"):
        assert (covered(few, rule) <= covered(many, rule)).all()


@laws
@given(SEEDS, st.floats(0.2, 1.0))
def test_slower_is_never_better(seed: int, factor: float):
    town = worlds.crossing(seed)
    names = ("active", "age75", "age85", "cane", "walker", "wheelchair")
    slow = replace(BOTH, speeds={name: BOTH.walker(name).speed_m_s * factor for name in names})
    assert (covered(decide(town, slow), "personal") <= covered(decide(town), "personal")).all()


@laws
@given(SEEDS, st.integers(0, 50))
def test_a_closed_path_never_brings_anybody_nearer_who_stays_on_the_network(seed: int, closed: int):
    """Closing may move a point to another edge or part, so only those still snapped to the same place are compared."""
    town = worlds.crossing(seed)
    closed %= len(town.net.u)
    shut = replace(town, net=gis.netedits.only(town.net, np.arange(len(town.net.u)) != closed))
    before, after = decide(town), decide(shut)
    places = [gis.ground.places(frame, towns.SRID) for frame in (town.households, town.facilities)]
    same = []
    for where in places:
        snaps = [gis.walknet.snap(t.net, where.x, where.y, usable=np.ones(len(t.net.u), bool)) for t in (town, shut)]
        same.append((snaps[0].x == snaps[1].x) & (snaps[0].y == snaps[1].y))
    if same[1].all():
        assert (after.metres[same[0]] >= before.metres[same[0]] - 1e-4).all()


@laws
@given(SEEDS)
def test_the_names_of_nodes_and_the_order_of_edges_change_nothing(seed: int):
    """Nodes renumbered, edges reordered, some turned round with their one-way sign: the same metres and verdicts."""
    town, rng = worlds.crossing(seed), np.random.default_rng(seed)
    other = renamed(town.net, rng)
    first, second = decide(town), decide(replace(town, net=other))
    for rule in ("standard", "personal"):
        assert np.allclose(first.rules[rule].value, second.rules[rule].value, atol=1e-4, equal_nan=True)
        assert (first.rules[rule].letters == second.rules[rule].letters).all()


def renamed(net: gis.walknet.WalkNet, rng: np.random.Generator) -> gis.walknet.WalkNet:
    name, order, turn = rng.permutation(len(net.x)), rng.permutation(len(net.u)), rng.random(len(net.u)) < 0.5
    x, y = np.empty_like(net.x), np.empty_like(net.y)
    x[name], y[name] = net.x, net.y
    u, v = name[np.where(turn, net.v, net.u)], name[np.where(turn, net.u, net.v)]
    lines = np.split(net.coords, net.offsets[1:-1])
    columns = {field: getattr(net, field)[order] for field in gis.walknet.EDGE_FIELDS}
    columns["oneway"] = np.where(turn, -net.oneway, net.oneway)[order]
    lines = [lines[i][::-1] if turn[i] else lines[i] for i in order]
    return gis.walknet.from_arrays(
        x, y, u=u[order], v=v[order], coords=np.vstack(lines), offsets=np.cumsum([0, *map(len, lines)]), srid=net.srid,
        **columns,
    )  # fmt: skip


@laws
@given(SEEDS)
def test_an_edge_split_anywhere_changes_nothing(seed: int):
    """Thirty places on the network become nodes: the same metres to 1e-3, since a part costs its share."""
    town, rng = worlds.crossing(seed), np.random.default_rng(seed)
    where = np.array(towns.CORNER)[:, None] + rng.uniform(0, 600, (2, 30))
    at = gis.walknet.snap(town.net, *where, usable=np.ones(len(town.net.u), bool))
    net, _ = gis.netedits.cut(town.net, at.take(at.ok))
    first, second = decide(town), decide(replace(town, net=net))
    assert np.allclose(first.metres, second.metres, atol=1e-3, equal_nan=True)


@laws
@given(SEEDS, st.sampled_from([0.25, 0.5, 2.0, 4.0]))
def test_longer_streets_walked_as_much_faster_take_as_long(seed: int, factor: float):
    """Every length and every speed times k, on a network without steps, signals and barriers: the same seconds."""
    town = worlds.crossing(seed)
    flat = {name: getattr(town.net, name) * 0 for name in ("steps", "signals", "wheelchair")}
    names = ("active", "age75", "age85", "cane", "walker", "wheelchair")
    on_it = snapped_homes(town)
    seconds = []
    for k in (1.0, factor):
        net = replace(town.net, **flat, metres=town.net.metres * k)
        speeds = {name: BOTH.walker(name).speed_m_s * k for name in names}
        seconds.append(decide(replace(on_it, net=net), replace(BOTH, speeds=speeds)).seconds)
    assert np.allclose(*seconds, atol=1e-2, equal_nan=True)


def snapped_homes(town: worlds.Town) -> worlds.Town:
    """Everything moved onto nodes of the main network, so that no straight leg is left to scale."""
    nodes = np.flatnonzero(gis.walknet.components(town.net, np.ones(len(town.net.u), bool)) == 0)
    at = np.column_stack([town.net.x, town.net.y])[nodes] - towns.CORNER
    homes = [tuple(at[i % len(at)]) for i in range(len(town.households))]
    sites = [tuple(at[(7 * i) % len(at)]) for i in range(len(town.facilities))]
    people = town.households.set_geometry(towns.points(homes))
    return replace(town, households=people, facilities=town.facilities.set_geometry(towns.points(sites)))


@laws
@given(SEEDS)
def test_the_table_of_all_pairs_holds_the_nearest(seed: int):
    """The least entry of each row is what the search for the nearest finds; entries ascend by site, none twice."""
    town = worlds.crossing(seed)
    stand = gis.ground.ground(town.net, town.households, facilities=town.facilities, request=BOTH)
    profile = BOTH.walker("age75")
    way, (homes, sites) = stand.way(profile), stand.snaps(profile)
    table = gis.pairs.table(way, homes, sites, limit=600)
    value, _ = gis.walking.to_nearest(way, homes, sites, limit=600)
    assert (table.nearest_s() == np.where(np.isnan(value), np.inf, value)).all()
    for row in range(len(homes.edge)):
        entries = table.sites[table.indptr[row] : table.indptr[row + 1]]
        assert (np.diff(entries) > 0).all()
    for site in range(len(sites.edge)):
        alone, _ = gis.walking.to_nearest(way, homes, sites.take(np.array([site])), limit=600)
        mine = table.sites == site
        assert np.allclose(np.sort(table.seconds[mine]), np.sort(alone[np.isfinite(alone)]), atol=1e-9)


@laws
@given(SEEDS)
def test_nothing_is_both_unknown_and_decided(seed: int):
    """Where there is a reason there is no number; where there is none the letter is c or u, and its number bears it."""
    verdicts = decide(worlds.crossing(seed))
    lost = verdicts.reason != ""
    for rule, limit in (("standard", 500), ("personal", 600)):
        decision = verdicts.rules[rule]
        known = ~np.isnan(decision.value)
        if rule == "personal":
            assert (known == ~lost[:, None]).all()
        late = decision.value[known] > limit + 1e-6
        assert (decision.letters[known] == np.where(late, UNCOVERED, COVERED)).all()
        assert (np.isfinite(decision.value) == (decision.facility >= 0)).all()


@pytest.mark.parametrize("seed", range(3))
def test_the_same_call_twice_gives_the_same_bytes(seed: int):
    town = worlds.crossing(seed)
    one, two = decide(town), decide(town)
    for rule in one.rules:
        for part in ("letters", "value", "facility"):
            assert getattr(one.rules[rule], part).tobytes() == getattr(two.rules[rule], part).tobytes()
