"""The guard over the areas, in the database: what it refuses, where, when, and against whom at the same instant."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier

import geopandas as gpd
import numpy as np
import pytest
import shapely
from sqlalchemy import text

import data.areas
import data.db
import gis.partition
from gis.errors import BadRows, Conflict, Refusal
from worlds.squares import DAY, RANKS, SOUTH, WEST, areas, box, found, town

pytestmark = pytest.mark.database

LATER = date(2021, 1, 1)
#: One metre here, in hundredths of a degree of longitude and of latitude.
EAST_M, NORTH_M = 1 / 1023.6, 1 / 1107.5


def changed(**shapes: shapely.Geometry) -> gpd.GeoDataFrame:
    """The town with some outlines replaced."""
    frame = town()
    for code, shape in shapes.items():
        frame.loc[frame["code"] == code, "geometry"] = shape
    return frame


def without(*codes: str) -> gpd.GeoDataFrame:
    frame = town()
    return frame[~frame["code"].isin(codes)].reset_index(drop=True)


def by_database(session: data.db.Session, frame: gpd.GeoDataFrame) -> set[tuple[str, frozenset[str]]]:
    """What the guard alone says: the rows go in past the check before it."""
    from data.tables import area

    rows = {name: frame[name] for name in ("code", "level", "grid_kind", "name", "parent_code")}
    rows |= {"geom": gis.areas.multi(frame.geometry.to_numpy()), "area_m2": np.ones(len(frame))}
    rows |= {"valid_from": [DAY] * len(frame), "synthetic": [True] * len(frame)}
    try:
        with data.db.refusals(), session.begin_nested():
            data.db.copy(session, area, rows)
            data.areas.check(session)
    except BadRows as refused:
        return {(fault.code, frozenset(fault.facts["codes"])) for fault in refused.faults}
    except Refusal as refused:
        return {(refused.code, frozenset(refused.facts.get("codes", ())))}
    return set()


def by_check(frame: gpd.GeoDataFrame) -> set[tuple[str, frozenset[str]]]:
    found = gis.partition.faults(frame, ranks=RANKS)
    return {(fault.code, frozenset(fault.facts["codes"])) for fault in found}


#: name -> (a bad town, what must be said of it). A fault beside another is what follows from it.
CORPUS: dict[str, tuple[Callable[[], gpd.GeoDataFrame], set[tuple[str, tuple[str, ...]]]]] = {
    "sound": (town, set()),
    "overlap": (lambda: changed(A00=box(0, 0, 1, 0.6)), {("areas.overlap", ("A00", "A01"))}),
    "overlap of two streets and their children": (
        lambda: changed(A=box(0, 0, 1.1, 2)), {("areas.overlap", ("A", "B")), ("areas.gap", ("A",))},
    ),
    "twice the same outline": (
        lambda: changed(A00=box(0, 0.5, 1, 1)), {("areas.overlap", ("A00", "A01")), ("areas.gap", ("A0",))},
    ),
    "gap": (lambda: changed(A00=box(0, 0, 1, 0.4)), {("areas.gap", ("A0",))}),
    "hole": (lambda: changed(A00=box(0, 0, 1, 0.5) - box(0.4, 0.1, 0.6, 0.3)), {("areas.gap", ("A0",))}),
    "a grid is missing": (lambda: without("A00"), {("areas.gap", ("A0",))}),
    "escape from the parent": (
        lambda: changed(A00=box(-0.2, 0, 1, 0.5)), {("areas.outside_parent", ("A00", "A0"))},
    ),
    "escape of a street": (
        lambda: changed(B=box(1, 0, 2.5, 2)), {("areas.outside_parent", ("B", "D")), ("areas.gap", ("B",))},
    ),
    "orphans": (lambda: without("A0"), {
        ("areas.parent_missing", ("A00", "A0")), ("areas.parent_missing", ("A01", "A0")), ("areas.gap", ("A",)),
    }),
}  # fmt: skip


@pytest.mark.parametrize("name", CORPUS)
def test_the_guard_and_the_check_before_it_say_the_same_of_a_town(session, name):
    """SQL on PostGIS and shapely, two writings of one rule; and both say what the corpus says by hand."""
    make, said = CORPUS[name]
    wanted = {(code, frozenset(codes)) for code, codes in said}
    assert by_check(make()) == wanted
    assert by_database(session, make()) == wanted


@pytest.mark.parametrize(
    ("name", "shape", "said"),
    [
        ("bow-tie", shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)]), "areas.self_crossing"),
        ("NaN", shapely.Polygon([(113, 23), (113.1, np.nan), (113.1, 23.1), (113, 23)]), "areas.nan"),
        ("infinite", shapely.Polygon([(113, 23), (np.inf, 23), (113.1, 23.1), (113, 23)]), "areas.nan"),
        ("metres", shapely.box(38_400_000, 2_560_000, 38_401_000, 2_561_000), "areas.bounds"),
        ("empty", shapely.Polygon(), "areas.empty"),
        ("none", None, "areas.empty"),
        ("a line", shapely.LineString([(113, 23), (114, 24)]), "areas.kind"),
    ],
)
def test_a_shape_that_is_no_area_is_refused_by_the_check_with_its_code_and_by_the_database(session, name, shape, said):
    frame = changed(A00=shape)
    faults = gis.partition.faults(frame, ranks=RANKS)
    assert [(fault.code, fault.facts["codes"]) for fault in faults] == [(said, ["A00"])]
    assert by_database(session, frame)


def test_another_reference_system_and_a_code_that_comes_twice_are_refused():
    """A frame in EPSG:4547 has one fault, whole; a doubled code is named in both of its rows."""
    assert by_check(town().set_crs(4547, allow_override=True)) == {("areas.crs", frozenset(town()["code"]))}
    frame = town()
    frame.loc[frame["code"] == "A01", "code"] = "A00"
    twice = [fault for fault in gis.partition.faults(frame, ranks=RANKS) if fault.code == "areas.duplicate"]
    assert [fault.row for fault in twice] == [4, 5]


def test_a_code_in_force_cannot_be_added_again(session):
    found(session)
    with pytest.raises(Conflict, match=r"areas\.code_taken"), data.db.refusals():
        data.areas.add(session, areas(("A", "street", "D", box(0, 0, 1, 2))), valid_from=LATER, synthetic=True)


def test_a_street_cannot_stand_under_a_community(session):
    """Its parent has a rank of 30, it has 20 itself."""
    wrong = areas(("X", "community", "", box(5, 0, 6, 1)), ("Y", "street", "X", box(5, 0, 6, 1)))
    assert by_check(wrong) == {("areas.rank", frozenset("XY"))} == by_database(session, wrong)


@pytest.mark.parametrize(("metres", "refused"), [(0.5, False), (0.9, False), (1.1, True), (5, True)])
@pytest.mark.parametrize("direction", [1, -1], ids=["overlap", "gap"])
def test_what_is_nowhere_one_metre_wide_is_tolerated(session, metres, refused, direction):
    """The border between A00 and A01 runs east-west, 1 km long; A00's side of it is moved north or south."""
    frame = changed(A00=box(0, 0, 1, 0.5 + direction * metres * NORTH_M))
    assert bool(by_check(frame)) == refused == bool(by_database(session, frame))


def test_a_thin_sliver_with_one_wide_place_is_refused_at_that_place(session):
    """A gap of 0.5 m along the border, but 20 m deep in the middle 20 m of it."""
    thin = box(0, 0.5 - 0.5 * NORTH_M, 1, 0.5)
    deep = box(0.5 - 10 * EAST_M, 0.5 - 20 * NORTH_M, 0.5 + 10 * EAST_M, 0.5)
    frame = changed(A00=box(0, 0, 1, 0.5) - thin - deep)
    (fault,) = gis.partition.faults(frame, ranks=RANKS)
    assert (fault.code, fault.facts["codes"]) == ("areas.gap", ["A0"])
    place = shapely.Point(fault.facts["lon"], fault.facts["lat"])
    assert place.within(deep)
    data.areas.add(session, frame, valid_from=DAY, synthetic=True)
    with pytest.raises(Conflict, match=r"areas\.gap") as refused, data.db.refusals():
        data.areas.check(session)
    assert shapely.Point(refused.value.facts["lon"], refused.value.facts["lat"]).within(deep)
    assert refused.value.facts["m2"] == pytest.approx(fault.facts["m2"], rel=1e-3)


def test_every_fault_of_a_bad_town_is_named_at_once():
    """A bow-tie, an overlap in another street, an escape and an orphan: four faults, four codes."""
    frame = changed(
        A00=shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)]), B00=box(1, 0, 2, 0.7), B11=box(1, 1.5, 2.2, 2)
    )
    frame.loc[frame["code"] == "A11", "parent_code"] = "nobody"
    said = {(fault.code, *fault.facts["codes"][:1]) for fault in gis.partition.faults(frame, ranks=RANKS)}
    assert said == {
        ("areas.self_crossing", "A00"), ("areas.overlap", "B00"), ("areas.outside_parent", "B11"),
        ("areas.parent_missing", "A11"), ("areas.gap", "A1"),
    }  # fmt: skip


def test_dedicated_grids_lie_over_the_basic_ones_but_not_over_each_other(session):
    """A school across A00 and A01 inside A0 is fine; a second one across it is not, nor one that leaves A0."""
    found(session)
    school = areas(("S1", "grid", "A0", box(0.2, 0.4, 0.4, 0.6)), kind="dedicated")
    data.areas.add(session, school, valid_from=DAY, synthetic=True)
    data.areas.check(session)
    for shape, said in ((box(0.3, 0.4, 0.5, 0.6), "areas.overlap"), (box(0.9, 0.4, 1.1, 0.6), "areas.outside_parent")):
        point = session.begin_nested()
        more = areas(("S2", "grid", "A0", shape), kind="dedicated")
        data.areas.add(session, more, valid_from=DAY, synthetic=True)
        with pytest.raises(Conflict, match=said), data.db.refusals():
            data.areas.check(session)
        point.rollback()


def test_buildings_need_not_fill_their_grid(session):
    found(session)
    data.areas.add(
        session, areas(("A00-1", "building", "A00", box(0.1, 0.1, 0.2, 0.2))), valid_from=DAY, synthetic=True
    )
    data.areas.check(session)


def test_a_section_fits_between_community_and_grid_without_a_change_of_schema(session):
    """片区: two halves of a community, each of one grid."""
    rows = [
        ("C", "community", "", box(5, 0, 6, 1)),
        *[(f"P{half}", "section", "C", box(5, half / 2, 6, half / 2 + 0.5)) for half in range(2)],
        *[(f"G{half}", "grid", f"P{half}", box(5, half / 2, 6, half / 2 + 0.5)) for half in range(2)],
    ]
    data.areas.add(session, areas(*rows), valid_from=DAY, synthetic=True)
    data.areas.check(session)
    assert data.areas.holding(session, WEST + 0.055, SOUTH + 0.002)["section"] == "P0"


# Time -----------------------------------------------------------------------------------------------------------------


def test_a_new_version_closes_the_old_and_both_are_found_by_their_date(session):
    """From 2021 the border of A00 and A01 lies at 0.3 instead of 0.5."""
    found(session)
    moved = areas(("A00", "grid", "A0", box(0, 0, 1, 0.3)), ("A01", "grid", "A0", box(0, 0.3, 1, 1)))
    data.areas.set(session, moved, valid_from=LATER, synthetic=True)
    data.areas.check(session)
    place = (WEST + 0.005, SOUTH + 0.004)
    assert data.areas.holding(session, *place, as_of=date(2020, 12, 31))["grid"] == "A00"
    assert data.areas.holding(session, *place, as_of=LATER)["grid"] == "A01"
    assert [row["valid_to"] for row in data.areas.history(session, "A00")] == [LATER, None]
    assert len(data.areas.frame(session, as_of=date(2020, 6, 1))) == len(town()) == len(data.areas.frame(session))


def test_a_fault_on_one_day_in_between_is_found(session):
    """A00 shrinks for the year 2021 only: right before, right after, a gap meanwhile."""
    found(session)
    data.areas.set(session, areas(("A00", "grid", "A0", box(0, 0, 1, 0.3))), valid_from=LATER, synthetic=True)
    data.areas.set(
        session, areas(("A00", "grid", "A0", box(0, 0, 1, 0.5))), valid_from=date(2022, 1, 1), synthetic=True
    )
    with pytest.raises(Conflict, match=r"areas\.gap") as refused, data.db.refusals():
        data.areas.check(session)
    assert refused.value.facts["day"] == "2021-01-01"


#: What is done to the town, and one of the things that must be said of it.
AGAINST_CHILDREN = {
    "DELETE FROM area WHERE code = 'A0'": "areas.parent_missing",
    "UPDATE area SET valid_to = '2021-01-01' WHERE code = 'A0'": "areas.parent_ends",
    "UPDATE area SET valid_from = '2020-06-01' WHERE code = 'A0'": "areas.parent_ends",
    "UPDATE area SET code = 'A9' WHERE code = 'A0'": "areas.parent_missing",
    "UPDATE area SET valid_to = '2021-01-01' WHERE code = 'A00'": "areas.gap",
    "DELETE FROM area WHERE code = 'A00'": "areas.gap",
    "UPDATE area SET geom = ST_Multi(ST_Expand(geom, 0.001)) WHERE code = 'A0'": "areas.overlap",
    "UPDATE area SET level = 'grid', grid_kind = 'basic' WHERE code = 'A0'": "areas.rank",
}


@pytest.mark.parametrize("statement", AGAINST_CHILDREN)
def test_a_parent_with_living_children_cannot_be_removed_ended_or_moved_from_above_them(session, statement):
    found(session)
    session.execute(text(statement))
    with pytest.raises(Refusal) as refused, data.db.refusals():
        data.areas.check(session)
    faults = getattr(refused.value, "faults", ()) or (refused.value,)
    assert AGAINST_CHILDREN[statement] in {fault.code for fault in faults}


def test_a_whole_branch_may_be_removed_with_its_parent_redrawn(session):
    """Street B and all below it go, and the district shrinks to street A, in one transaction."""
    found(session)
    session.execute(text("DELETE FROM area WHERE code LIKE 'B%'"))
    session.execute(text("UPDATE area SET geom = (SELECT geom FROM area WHERE code = 'A') WHERE code = 'D'"))
    data.areas.check(session)


def test_a_change_of_name_asks_nothing_of_the_guard(session):
    found(session)
    session.execute(text("UPDATE area SET name = 'new' WHERE code = 'A0'"))
    assert session.scalar(text("SELECT count(*) FROM wangge_private.area_check")) == 0


def test_after_a_check_in_between_later_changes_are_checked_again(session):
    found(session)
    session.execute(text("UPDATE area SET valid_to = '2021-01-01' WHERE code = 'A00'"))
    with pytest.raises(Conflict, match=r"areas\.gap"), data.db.refusals():
        data.areas.check(session)


def test_two_thousand_grids_of_one_community_are_checked_once_and_not_two_thousand_times(session):
    """50 x 40 grids in one transaction: the guard takes less than 2 s of the server's time."""
    grids = [(f"C{row:02d}{column:02d}", "grid", "C", box(column / 50, row / 40, (column + 1) / 50, (row + 1) / 40))
             for row in range(40) for column in range(50)]  # fmt: skip
    data.areas.add(session, areas(("C", "community", "", box(0, 0, 1, 1)), *grids), valid_from=DAY, synthetic=True)
    start = time.perf_counter()
    data.areas.check(session)
    assert time.perf_counter() - start < 2


# At the same instant --------------------------------------------------------------------------------------------------


Edit = Callable[[Callable[[], object]], None]


def together(*edits: Edit) -> list[str]:
    """Each edit in a thread of its own; each says when it is about to commit, and waits there for the others."""
    about_to_commit = Barrier(len(edits))

    def run(edit: Edit) -> str:
        try:
            edit(about_to_commit.wait)
        except Refusal as refused:
            return refused.code
        return ""

    with ThreadPoolExecutor(len(edits)) as pool:
        return list(pool.map(run, edits))


@pytest.fixture
def field(own_database_url):
    """An engine on a database with one community of 1 x 1 and nothing in it."""
    engine = data.db.engine(own_database_url)
    with data.db.transaction(engine) as session:
        data.areas.add(session, areas(("C", "community", "", box(0, 0, 1, 1))), valid_from=DAY, synthetic=True)
    yield engine
    engine.dispose()


def adding(engine: data.db.Engine, *rows: tuple[str, str, str, object], level: str | None = None) -> Edit:
    def edit(meet: Callable[[], object]) -> None:
        with data.db.transaction(engine) as session:
            if level:
                session.execute(text(f"SET TRANSACTION ISOLATION LEVEL {level}"))
            data.areas.add(session, areas(*rows, kind="dedicated"), valid_from=DAY, synthetic=True)
            meet()

    return edit


@pytest.mark.parametrize("level", ["READ COMMITTED", "SERIALIZABLE"])
def test_two_overlapping_grids_at_the_same_instant_never_both_stay(field, level):
    """100 rounds at 2 connections; each round at a place of its own."""
    both = 0
    for at in range(100):
        shape = box(at / 100, 0, (at + 0.9) / 100, 0.5)
        edits = [adding(field, (f"{at}-{one}", "grid", "C", shape), level=level) for one in range(2)]
        said = together(*edits)
        both += said == ["", ""]
        assert set(said) <= {"", "areas.overlap", "store.busy"}
    assert both == 0
    with data.db.transaction(field) as session:
        assert session.scalar(text("SELECT count(*) FROM area")) >= (100 if level == "READ COMMITTED" else 50)


def test_a_parent_that_shrinks_while_a_child_is_added_never_leaves_it_outside(field):
    """40 rounds: one gives C its western half only, the other adds a grid in the east."""
    half, whole = (shapely.to_wkt(gis.areas.multi([box(0, 0, x, 1)])[0]) for x in (0.5, 1))

    def shrink(meet: Callable[[], object]) -> None:
        with data.db.transaction(field) as session:
            session.execute(text(f"UPDATE area SET geom = 'SRID=4326;{half}' WHERE code = 'C'"))
            meet()

    for _ in range(40):
        said = together(shrink, adding(field, ("E", "grid", "C", box(0.6, 0, 0.9, 0.5))))
        assert said.count("") == 1, said
        with data.db.transaction(field) as session:
            session.execute(text("DELETE FROM area WHERE code = 'E'"))
            session.execute(text(f"UPDATE area SET geom = 'SRID=4326;{whole}' WHERE code = 'C'"))


def interleaved(engine: data.db.Engine, at: int) -> tuple[bool, str]:
    """The first edit has been checked but not committed when the second one is: whether that waited, and its end."""
    first, second = (areas((f"{at}-{one}", "grid", "C", box(at / 100, 0, (at + 0.9) / 100, 0.5)), kind="dedicated")
                     for one in range(2))  # fmt: skip

    def late() -> str:
        try:
            with data.db.transaction(engine) as session:
                data.areas.add(session, second, valid_from=DAY, synthetic=True)
        except Refusal as refused:
            return refused.code
        return ""

    with ThreadPoolExecutor(1) as pool:
        with data.db.transaction(engine) as session:
            data.areas.add(session, first, valid_from=DAY, synthetic=True)
            data.areas.check(session)
            running = pool.submit(late)
            while not (waited := waiting(engine)) and not running.done():
                pass
        return waited, running.result()


def waiting(engine: data.db.Engine) -> bool:
    with data.db.transaction(engine) as session:
        asked = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        return bool(session.scalar(text(asked)))


def test_the_second_of_two_waits_for_the_first_and_then_sees_it(field):
    """100 rounds, the worst order forced in each: checked, but not yet committed."""
    assert [interleaved(field, at) for at in range(100)] == [(True, "areas.overlap")] * 100


def test_without_the_lock_both_would_stay_so_the_rounds_above_prove_something(field):
    """The same with the lock taken out of the guard: the second waits for nobody, and the overlap is kept."""
    with data.db.transaction(field) as session:
        guard = session.scalar(text("SELECT pg_get_functiondef('wangge_private.area_check_all'::regproc)"))
        lock = "PERFORM pg_advisory_xact_lock(hashtextextended('wangge.area/' || todo.parent_code, 0));"
        assert lock in guard
        session.connection().exec_driver_sql(guard.replace(lock, "NULL;"))
    assert interleaved(field, 0) == (False, "")


def test_under_repeatable_read_nothing_is_changed_at_all(field):
    """The second of two would not see the first: 60 of 60 overlaps were kept when this was measured."""
    edit = adding(field, ("E", "grid", "C", box(0, 0, 0.5, 0.5)), level="REPEATABLE READ")
    assert together(edit) == ["areas.isolation"]


def test_edits_of_different_communities_wait_for_nobody(own_database_url):
    """One transaction has checked community C and stays open; another one commits a grid of community E meanwhile."""
    engine = data.db.engine(own_database_url)
    with data.db.transaction(engine) as session:
        rows = [(code, "community", "", box(x, 0, x + 1, 1)) for code, x in (("C", 0), ("E", 2))]
        data.areas.add(session, areas(*rows), valid_from=DAY, synthetic=True)
    with data.db.transaction(engine) as waiting:
        data.areas.add(waiting, areas(("1", "grid", "C", box(0, 0, 1, 1))), valid_from=DAY, synthetic=True)
        data.areas.check(waiting)
        with data.db.transaction(engine) as session:
            session.execute(text("SET LOCAL lock_timeout = '5s'"))
            data.areas.add(session, areas(("2", "grid", "E", box(2, 0, 3, 1))), valid_from=DAY, synthetic=True)
    engine.dispose()
