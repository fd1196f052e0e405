"""Split, merge and redraw: one action each, with households and facilities linked anew and reports left alone."""

from __future__ import annotations

from datetime import UTC, date, datetime

import geopandas as gpd
import pytest
import shapely
from sqlalchemy import text

import api.actions.areas
import data.areas
import data.audit
import data.db
import data.facilities
import data.population
import data.reports
import data.users
from api.actions.areas import Change, Order
from gis.errors import Invalid, Refusal
from worlds.squares import DAY, SOUTH, WEST, areas, box, found, town

pytestmark = pytest.mark.database

TODAY = date(2026, 11, 22)
NOW = Order(valid_from=date(2026, 11, 1), today=TODAY, actor="shell")
#: Six households in the middle of A00's six sixths, from west to east in the south, then in the north.
HOMES = [(x, y) for y in (0.1, 0.4) for x in (0.2, 0.5, 0.8)]


def line(*points: tuple[float, float]) -> shapely.LineString:
    return shapely.LineString([(WEST + x / 100, SOUTH + y / 100) for x, y in points])


def points(places: list[tuple[float, float]]) -> list[shapely.Point]:
    return [shapely.Point(WEST + x / 100, SOUTH + y / 100) for x, y in places]


@pytest.fixture
def living(session: data.db.Session) -> data.db.Session:
    """The town with six households, one facility and one report in A00."""
    found(session)
    place = {"grid_code": "A00", "community_code": "A0", "street_code": "A", "synthetic": True}
    homes = {"ref": [str(home) for home in range(6)], "elders": 1, "elders_homebound": 0, "mobility": "independent",
             "in_institution": False, **place}  # fmt: skip
    data.population.add(session, gpd.GeoDataFrame(homes, geometry=points(HOMES), crs=4326))
    canteen = {
        "id": ["c"],
        "name": "",
        "kind": "canteen",
        "capacity": None,
        "delivery_mode": "one_stop",
        "status": "open",
    }
    data.facilities.add(session, gpd.GeoDataFrame({**canteen, **place}, geometry=points(HOMES[:1]), crs=4326))
    report = {
        "id": ["r"],
        "category": "x",
        "captured_at": [datetime(2026, 1, 1, tzinfo=UTC)],
        "text": "",
        "status": "received",
    }
    data.reports.add(session, gpd.GeoDataFrame({**report, **place}, geometry=points(HOMES[:1]), crs=4326))
    return session


def grids(session: data.db.Session) -> list[str]:
    return data.population.frame(session)["grid_code"].tolist()


def test_a_grid_split_in_two_gives_its_households_to_the_halves(living):
    """Cut at x = 0.6: of each row two homes lie west and one east; A01 is taken, so the next numbers are 2 and 3."""
    change = api.actions.areas.split(living, "A00", line((0.6, -1), (0.6, 2)), NOW)
    assert change == Change(("A00",), ("A02", "A03"), households=6, facilities=1, assignments=0)
    assert grids(living) == ["A02", "A02", "A03"] * 2
    assert data.facilities.frame(living)["grid_code"].tolist() == ["A02"]
    assert data.reports.frame(living)["grid_code"].tolist() == ["A00"]


def test_the_town_before_the_split_can_still_be_asked_for(living):
    api.actions.areas.split(living, "A00", line((0.6, -1), (0.6, 2)), NOW)
    assert "A00" in data.areas.frame(living, as_of=date(2026, 10, 31))["code"].tolist()
    assert "A00" not in data.areas.frame(living, as_of=date(2026, 11, 1))["code"].tolist()
    assert data.areas.holding(living, WEST + 0.002, SOUTH + 0.001, as_of=date(2026, 10, 31))["grid"] == "A00"


def test_a_split_for_a_day_to_come_links_nothing_yet(living):
    later = Order(valid_from=date(2027, 1, 1), today=TODAY, actor="shell")
    change = api.actions.areas.split(living, "A00", line((0.6, -1), (0.6, 2)), later, codes=["x", "y"])
    assert (change.begun, change.households, change.facilities) == (("x", "y"), None, None)
    assert grids(living) == ["A00"] * 6
    on_the_day = api.actions.areas.relink(living, today=date(2027, 1, 1), actor="shell")
    assert (on_the_day.households, on_the_day.facilities) == (6, 1)
    assert grids(living) == ["x", "x", "y"] * 2


def test_two_grids_merged_keep_the_smaller_code_and_its_households_need_not_move(living):
    change = api.actions.areas.merge(living, ["A01", "A00"], NOW)
    assert change == Change(("A01",), ("A00",), households=0, facilities=0, assignments=0)
    assert data.areas.get(living, "A00", as_of=TODAY)["area_m2"] == pytest.approx(1_135_000, rel=0.01)


def test_merged_into_a_new_code_all_move(living):
    change = api.actions.areas.merge(living, ["A01", "A00"], NOW, into="A0X")
    assert change == Change(("A00", "A01"), ("A0X",), households=6, facilities=1, assignments=0)


def test_a_grid_redrawn_takes_from_its_neighbour_and_gives_to_it(living):
    """A00 keeps its west up to x = 0.6 and gains a strip of A01 above it; its east goes to A01, the only neighbour."""
    change = api.actions.areas.redraw(living, "A00", box(0, 0, 0.6, 0.7), NOW)
    assert change == Change((), ("A00", "A01"), households=2, facilities=0, assignments=0)
    assert grids(living) == ["A00", "A00", "A01"] * 2
    assert data.areas.holding(living, WEST + 0.003, SOUTH + 0.006, as_of=TODAY)["grid"] == "A00"


def test_a_community_that_is_split_hangs_its_grids_below_the_parts_that_hold_them(living):
    """A0 cut along the border of its two grids, y = 0.5; the southern part is the second in reading order."""
    change = api.actions.areas.split(living, "A0", line((-1, 0.5), (2, 0.5)), NOW)
    assert change.begun == ("A2", "A3")
    now = data.areas.frame(living, level="grid", as_of=TODAY).set_index("code")["parent_code"]
    assert (now["A01"], now["A00"]) == ("A2", "A3")
    assert data.population.frame(living)["community_code"].unique().tolist() == ["A3"]


def test_a_community_cannot_be_cut_through_one_of_its_grids(living):
    """Part of A00 would lie outside of whichever part is above it."""
    with pytest.raises(Refusal) as refused:
        api.actions.areas.split(living, "A0", line((0.6, -1), (0.6, 2)), NOW)
    assert "areas.outside_parent" in {fault.code for fault in refused.value.faults}


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda s: api.actions.areas.split(s, "A00", line((3, 0), (3, 1)), NOW), "areas.uncut"),
        (
            lambda s: api.actions.areas.split(s, "A00", line((0.6, -1), (0.6, 2)), NOW, codes=["1"]),
            "areas.codes_needed",
        ),
        (lambda s: api.actions.areas.merge(s, ["A00", "A10"], NOW), "areas.not_siblings"),
        (lambda s: api.actions.areas.redraw(s, "A00", box(0, 0, 1, 0.5), NOW), "areas.unchanged"),
        (lambda s: api.actions.areas.redraw(s, "A00", box(0, 0, 1, 1), NOW), "areas.swallowed"),
        (lambda s: api.actions.areas.split(s, "nowhere", line((0, 0), (1, 1)), NOW), "areas.absent"),
    ],
)
def test_what_cannot_be_done_is_refused_and_nothing_has_changed(living, act, said):
    with pytest.raises(Refusal, match=said):
        act(living)
    assert grids(living) == ["A00"] * 6


def test_grids_that_only_meet_at_a_corner_cannot_be_merged(session):
    """Four quarters of a community: two of them lie across from each other."""
    quarters = [
        (f"q{x}{y}", "grid", "C", box(x / 2, y / 2, x / 2 + 0.5, y / 2 + 0.5)) for x in range(2) for y in range(2)
    ]
    data.areas.add(session, areas(("C", "community", "", box(0, 0, 1, 1)), *quarters), valid_from=DAY, synthetic=True)
    with pytest.raises(Invalid, match=r"areas\.apart"):
        api.actions.areas.merge(session, ["q00", "q11"], NOW)


def test_staff_of_a_grid_that_ended_are_counted_because_somebody_must_assign_them_anew(living):
    user = data.users.add(living, login="x", name="", synthetic=True)
    data.users.assign(living, user, role="inspector", area_code="A00", valid_from=DAY)
    assert api.actions.areas.split(living, "A00", line((0.6, -1), (0.6, 2)), NOW).assignments == 1


def test_each_action_leaves_one_row_in_the_audit_log(living):
    api.actions.areas.merge(living, ["A01", "A00"], NOW)
    api.actions.areas.relink(living, today=TODAY, actor="shell")
    living.execute(data.audit.ENTER)
    assert [row["action"] for row in data.audit.search(living)] == ["areas.merge", "areas.relink"]
    assert data.audit.search(living)[0]["facts"]["ended"] == ["A01"]


def test_after_any_action_the_town_is_still_whole(living):
    """Split, redraw and merge one after the other, each from a later day: the guard agrees, and so does the area."""
    split, redrawn, merged = (Order(date(2026, 11, day), TODAY, "shell") for day in (1, 2, 3))
    api.actions.areas.split(living, "A00", line((0.6, -1), (0.55, 2)), split)
    api.actions.areas.redraw(living, "A02", box(0, 0, 0.4, 0.6), redrawn)
    api.actions.areas.merge(living, ["A02", "A03"], merged)
    whole = data.areas.frame(living, level="grid", as_of=TODAY)["area_m2"].sum()
    assert whole == pytest.approx(data.areas.get(living, "D", as_of=TODAY)["area_m2"], rel=1e-6)
    assert living.scalar(text("SELECT count(*) FROM area WHERE valid_to IS NULL")) == len(town())
