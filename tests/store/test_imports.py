"""Imports on a real PostGIS: whole or nothing, dry runs, updates, codes of areas, the frame gate, what is recorded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from sqlalchemy import text

import api.actions.import_areas
import api.actions.import_walknet
import api.actions.imports
import data.areas
import data.db
import data.facilities
import data.imports
import data.population
import data.reports
import data.walknet
import gis.crs
from api.actions.import_areas import Plan
from api.actions.intake import Asked
from data.ingest.upsert import Counts
from gis.errors import BadRows, Conflict, Invalid, NotFound, Refusal, WrongDatum
from worlds.squares import areas, box, found

pytestmark = pytest.mark.database

FACILITIES = "编号,名称,类型,经度,纬度,容量"
HOUSEHOLDS = "户号,经度,纬度,老人数,网格编码"
#: A place in the middle of grid A00, and one in B11.
A00, B11 = (113.205, 23.1025), (113.215, 23.1175)


@pytest.fixture
def csv(tmp_path: Path) -> Callable[..., Path]:
    def write(*lines: str, name: str = "list.csv") -> Path:
        path = tmp_path / name
        path.write_text("\n".join([*lines, ""]), encoding="utf-8")
        return path

    return write


@pytest.fixture
def town(session: data.db.Session) -> data.db.Session:
    found(session)
    return session


def wgs84(path: Path, **how: object) -> Asked:
    return Asked(path, datum="wgs84", **how)  # type: ignore[arg-type]


def count(session: data.db.Session, table: str) -> int:
    return session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()


def at(place: tuple[float, float]) -> str:
    return f"{place[0]},{place[1]}"


# Whole or nothing -----------------------------------------------------------------------------------------------------


def test_one_bad_row_keeps_all_out_and_every_bad_row_is_named(session, csv):
    path = csv(FACILITIES, f"1,a,clinic,{at(A00)},10", "2,b,网吧,113.2,23.1,-1", "3,c,clinic,0,0,1")
    with pytest.raises(BadRows) as refused:
        api.actions.imports.facilities(session, wgs84(path))
    assert [(fault.row, fault.code) for fault in refused.value.faults] == [
        (3, "cell.range"), (3, "cell.unknown_kind"), (4, "place.zero"),
    ]  # fmt: skip
    assert (count(session, "facility"), count(session, "import_batch")) == (0, 0)


def test_bad_rows_may_be_left_out_and_are_counted_and_listed(session, csv):
    path = csv(FACILITIES, f"1,a,clinic,{at(A00)},10", "2,b,网吧,113.2,23.1,-1", "3,c,clinic")
    done = api.actions.imports.facilities(session, wgs84(path, skip_bad=True))
    assert [(fault.row, fault.code) for fault in done.taken.faults] == [
        (3, "cell.range"), (3, "cell.unknown_kind"), (4, "row.cells"),
    ]  # fmt: skip
    assert data.facilities.frame(session)["id"].tolist() == ["1"]
    batch = data.imports.get(session, done.import_id)
    assert (batch["rows_kept"], batch["rows_skipped"]) == (1, 2)


def test_nothing_but_bad_rows_is_refused_even_when_they_may_be_left_out(session, csv):
    with pytest.raises(BadRows, match=r"imports\.nothing_left"):
        api.actions.imports.facilities(session, wgs84(csv(FACILITIES, "1,a,clinic,0,0,1"), skip_bad=True))


def test_a_dry_run_says_what_would_happen_and_keeps_nothing(session, csv):
    path = csv(FACILITIES, f"1,a,clinic,{at(A00)},10", f"2,b,canteen,{at(B11)},")
    tried = api.actions.imports.facilities(session, wgs84(path, dry_run=True))
    assert (count(session, "facility"), count(session, "import_batch"), tried.import_id) == (0, 0, None)
    done = api.actions.imports.facilities(session, wgs84(path))
    assert tried.counts == done.counts == Counts(2, 0, 0, 0)
    assert count(session, "facility") == 2


def test_a_dry_run_refuses_what_the_import_would_refuse(session, csv):
    path = csv(FACILITIES, "1,a,clinic,0,0,1")
    with pytest.raises(BadRows):
        api.actions.imports.facilities(session, wgs84(path, dry_run=True))


# The second time ------------------------------------------------------------------------------------------------------


def test_rows_come_again_as_added_changed_unchanged_and_those_not_in_the_file_stay(session, csv):
    first = csv(FACILITIES, *(f"{id_},a,clinic,{at(A00)},10" for id_ in range(4)))
    api.actions.imports.facilities(session, wgs84(first))
    again = csv(FACILITIES, f"0,a,clinic,{at(A00)},10", f"1,a,clinic,{at(A00)},11", f"9,a,clinic,{at(A00)},1")
    done = api.actions.imports.facilities(session, wgs84(again))
    assert done.counts == Counts(added=1, changed=1, unchanged=1, untouched=2)
    frame = data.facilities.frame(session).set_index("id")["capacity"]
    assert frame.to_dict() == {"0": 10, "1": 11, "2": 10, "3": 10, "9": 1}


def test_columns_that_a_file_does_not_have_stay_as_they_are(session, csv):
    """The second list has no capacity and another name; the third moves the place alone."""
    api.actions.imports.facilities(session, wgs84(csv(FACILITIES, f"1,a,clinic,{at(A00)},10")))
    api.actions.imports.facilities(session, wgs84(csv("编号,名称,类型,经度,纬度", f"1,b,clinic,{at(B11)}")))
    row = data.facilities.get(session, "1")
    assert (row["name"], row["capacity"], row["lon"], row["lat"]) == ("b", 10, *B11)


def test_a_list_of_places_does_not_make_a_household_walk_again(session, csv):
    """Mobility and numbers stay when a later list only corrects the coordinates."""
    api.actions.imports.households(session, wgs84(csv("户号,经度,纬度,老人数,行动能力", f"H,{at(A00)},2,轮椅")))
    done = api.actions.imports.households(session, wgs84(csv("户号,经度,纬度", f"H,{at(B11)}")))
    row = data.population.frame(session).iloc[0]
    assert done.counts == Counts(0, 1, 0, 0)
    assert (row["elders"], row["mobility"], row.geometry.x) == (2, "wheelchair", B11[0])


def test_a_row_that_does_not_change_keeps_its_import_and_its_time(session, csv):
    path = csv(FACILITIES, f"1,a,clinic,{at(A00)},10")
    first = api.actions.imports.facilities(session, wgs84(path))
    before = data.facilities.get(session, "1")
    api.actions.imports.facilities(session, wgs84(path))
    assert data.facilities.get(session, "1") == before
    assert before["import_id"] == first.import_id


def test_reports_that_are_there_stay_as_they_are(session, csv):
    head = "编号,类别,经度,纬度,上报时间,内容,状态"
    api.actions.imports.reports(
        session, wgs84(csv(head, f"R1,井盖,{at(A00)},2026-03-04 10:00,缺失,")), zone="Asia/Shanghai"
    )
    again = csv(
        head, f"R1,路灯,{at(A00)},2026-03-04 10:00,不亮,closed", f"R2,路灯,{at(B11)},2026-03-05 10:00,不亮,已结案"
    )
    done = api.actions.imports.reports(session, wgs84(again), zone="Asia/Shanghai")
    assert done.counts == Counts(1, 0, 1, 0)
    frame = data.reports.frame(session)
    assert frame[["client_id", "category", "status"]].to_numpy().tolist() == [
        ["R1", "井盖", "received"], ["R2", "路灯", "closed"],
    ]  # fmt: skip
    assert frame["captured_at"].iloc[0] == pd.Timestamp("2026-03-04T02:00Z")


def test_a_category_that_the_catalogue_calls_so_is_kept_by_its_code(session, csv):
    """部件-井盖 is manhole_cover; a word it does not know stays as it was written. Each has a first event."""
    head = "编号,类别,经度,纬度,上报时间,内容"
    rows = [f"R{n},{word},{at(A00)},2026-03-04 10:00,缺失" for n, word in enumerate(("部件-井盖", "别的"))]
    api.actions.imports.reports(session, wgs84(csv(head, *rows)), zone="Asia/Shanghai")
    assert set(data.reports.frame(session)["category"]) == {"manhole_cover", "别的"}
    assert session.scalar(text("SELECT count(*) FROM report_event WHERE move = 'adopt'")) == 2


# Places ---------------------------------------------------------------------------------------------------------------


def test_what_was_sent_is_kept_beside_where_it_is(session, csv):
    """The published shift at Shamian: +0.005324, -0.002687 degrees."""
    path = csv(FACILITIES, "1,a,clinic,113.243824,23.104813,10")
    done = api.actions.imports.facilities(session, Asked(path, datum="gcj02", attribution="某局"))
    row = data.facilities.get(session, "1")
    assert (row["lon_sent"], row["lat_sent"], row["datum_sent"]) == (113.243824, 23.104813, "gcj02")
    assert (row["lon"], row["lat"]) == pytest.approx((113.2385, 23.1075), abs=1e-6)
    batch = data.imports.get(session, done.import_id)
    assert (batch["datum"], batch["datum_accepted"], batch["attribution"], batch["synthetic"]) == (
        "gcj02",
        False,
        "某局",
        False,
    )
    assert batch["sha256"] == done.taken.sha256
    assert len(batch["sha256"]) == 64


def test_no_datum_no_import(session, csv):
    with pytest.raises(Invalid, match=r"places\.undeclared"):
        api.actions.imports.facilities(session, Asked(csv(FACILITIES, f"1,a,clinic,{at(A00)},10")))


def test_rows_get_the_areas_that_the_database_finds(town, csv):
    """Sixty places over the town and round it, edges and corners among them; the database is asked for each."""
    rng = np.random.default_rng(1)
    places = [(113.2 + x, 23.1 + y) for x, y in rng.uniform(-0.002, 0.022, (50, 2)).tolist()]
    places += [(113.2 + x / 100, 23.1 + y / 200) for x in (0, 1, 2) for y in (0, 1, 2, 4)]
    path = csv(FACILITIES, *(f"{at_},a,clinic,{at(place)},1" for at_, place in enumerate(places)))
    done = api.actions.imports.facilities(town, wgs84(path))
    frame = data.facilities.frame(town).set_index("id")
    for id_, (lon, lat) in enumerate(places):
        holding = data.areas.holding(town, lon, lat)
        row = frame.loc[str(id_)]
        assert [row[f"{level}_code"] for level in ("street", "community", "grid")] == [
            holding.get(level, "") for level in ("street", "community", "grid")
        ]
    outside = sum("grid" not in data.areas.holding(town, *place) for place in places)
    assert done.taken.notes["outside"] == outside > 0


def test_a_household_without_coordinates_is_kept_under_the_grid_it_names(town, csv):
    path = csv(HOUSEHOLDS, "H1,,,1,A00", "H2,,,1,", f"H3,{at(B11)},1,A00")
    done = api.actions.imports.households(town, wgs84(path))
    frame = data.population.frame(town).set_index("ref")
    assert frame.loc["H1", ["grid_code", "community_code", "street_code"]].tolist() == ["A00", "A0", "A"]
    assert frame.loc["H2", "grid_code"] == ""
    assert frame.loc["H3", "grid_code"] == "B11"
    assert frame.geometry.isna().tolist() == [True, True, False]
    assert {name: done.taken.notes[name] for name in ("no_location", "elsewhere")} == {"no_location": 2, "elsewhere": 1}


def test_a_place_far_from_the_district_is_a_slip_and_a_swapped_pair_is_said_to_be_one(town, csv):
    path = csv(FACILITIES, "1,a,clinic,116.4,39.9,1", f"2,b,clinic,{A00[1]},{A00[0]},1", "3,c,clinic,113.3,23.2,1")
    with pytest.raises(BadRows) as refused:
        api.actions.imports.facilities(town, wgs84(path))
    assert [(fault.row, fault.code) for fault in refused.value.faults] == [(2, "place.far"), (3, "place.swapped")]


def test_no_fault_repeats_what_a_household_is(session, csv):
    path = csv("户号,经度,纬度,地址,老人数", "秘密1,没有,23.1,秘密路,1", f"秘密1,{at(A00)},b,0")
    with pytest.raises(BadRows) as refused:
        api.actions.imports.households(session, wgs84(path))
    assert len(refused.value.faults) == 3
    assert "秘密" not in repr([(fault.value, fault.facts) for fault in refused.value.faults])


# The frame gate -------------------------------------------------------------------------------------------------------


def homes(path: Path, datum: str, *, named: bool) -> Path:
    """Forty households in the middles of the grids, sent in a datum; they name their grid or not."""
    middles = [(113.2 + (x + 0.5) / 100, 23.1 + (y + 0.5) / 200) for x in range(2) for y in range(4)]
    codes = [f"{street}{community}{grid}" for street in "AB" for community in "01" for grid in "01"]
    lon, lat = gis.crs.from_wgs84(*np.array(middles * 5).T, datum)
    columns = {"户号": [f"H{at}" for at in range(40)], "经度": lon, "纬度": lat}
    pd.DataFrame(columns | ({"网格编码": codes * 5} if named else {})).to_csv(path, index=False)
    return path


def test_households_in_gcj02_declared_as_wgs84_are_refused_by_the_grids_they_name(town, tmp_path):
    with pytest.raises(WrongDatum) as refused:
        api.actions.imports.households(town, wgs84(homes(tmp_path / "h.csv", "gcj02", named=True)))
    assert (refused.value.code, refused.value.facts["fits"]) == ("datumgate.stated", "gcj02")
    assert refused.value.facts["share_fits"] == 1
    assert count(town, "household") == 0


def test_declared_as_what_they_are_they_land_where_they_belong(town, tmp_path):
    done = api.actions.imports.households(town, Asked(homes(tmp_path / "h.csv", "gcj02", named=True), datum="gcj02"))
    assert done.taken.judgement.verdict == "fits"
    frame = data.population.frame(town)
    middles = [(113.2 + (x + 0.5) / 100, 23.1 + (y + 0.5) / 200) for x in range(2) for y in range(4)] * 5
    x, y = gis.crs.Metric(4547).forward(frame.geometry.x, frame.geometry.y)
    there = gis.crs.Metric(4547).forward(*np.array(middles).T)
    assert np.hypot(x - there[0], y - there[1]).max() < 0.01
    assert "elsewhere" not in done.taken.notes


def test_a_wrong_datum_may_be_accepted_and_that_is_recorded(town, tmp_path):
    asked = wgs84(homes(tmp_path / "h.csv", "gcj02", named=True), accept_datum=True)
    batch = data.imports.get(town, api.actions.imports.households(town, asked).import_id)
    assert batch["datum_accepted"]
    assert batch["facts"]["datum"]["fits"] == "gcj02"


def test_accepting_in_advance_what_is_right_is_not_recorded_as_an_exception(town, tmp_path):
    asked = Asked(homes(tmp_path / "h.csv", "gcj02", named=True), datum="gcj02", accept_datum=True)
    assert not data.imports.get(town, api.actions.imports.households(town, asked).import_id)["datum_accepted"]


# Areas ----------------------------------------------------------------------------------------------------------------


def geojson(path: Path, frame: gpd.GeoDataFrame) -> Path:
    named = frame.rename(columns={"code": "编码", "name": "名称", "parent_code": "上级编码"})
    named.drop(columns=["level", "grid_kind"]).to_file(path, driver="GeoJSON", COORDINATE_PRECISION=9)
    return path


def level(path: Path, *rows: tuple[str, str, object]) -> Path:
    """Areas of one level from (code, parent, shape)."""
    return geojson(path, areas(*((code, "street", parent, shape) for code, parent, shape in rows)))


DISTRICT = ("440103", "", box(0, 0, 2, 2))
STREETS = (("440103001", "440103", box(0, 0, 1, 2)), ("440103002", "440103", box(1, 0, 2, 2)))
CN = "cn-stat"


@pytest.fixture
def district(session: data.db.Session, tmp_path: Path) -> data.db.Session:
    take(session, level(tmp_path / "d.geojson", DISTRICT), Plan("district", scheme=CN))
    return session


def take(session: data.db.Session, path: Path, plan: Plan, **how: object) -> api.actions.import_areas.Done:
    return api.actions.import_areas.areas(session, Asked(path, **how), plan)  # type: ignore[arg-type]


def test_levels_come_in_one_after_the_other_and_parents_follow_from_codes(district, tmp_path):
    rows = [(code, "", shape) for code, _, shape in STREETS]
    done = take(district, level(tmp_path / "s.geojson", *rows), Plan("street", scheme=CN))
    assert done.counts == Counts(2, 0, 0, 0)
    frame = data.areas.frame(district, level="street")
    assert frame["parent_code"].tolist() == ["440103", "440103"]
    assert data.areas.holding(district, *A00) == {"district": "440103", "street": "440103001"}


def test_without_a_scheme_parents_follow_from_where_areas_lie(district, tmp_path):
    take(district, level(tmp_path / "s.geojson", *STREETS), Plan("street", scheme=CN))
    halves = [(f"c{at}", "", box(at, 0, at + 1, 2)) for at in range(2)]
    take(district, level(tmp_path / "c.geojson", *halves), Plan("community"))
    assert data.areas.frame(district, level="community")["parent_code"].tolist() == ["440103001", "440103002"]


def test_a_code_that_is_not_of_the_scheme_and_an_orphan_are_named(district, tmp_path):
    path = level(
        tmp_path / "s.geojson", ("44010300", "440103", box(0, 0, 1, 2)), ("440199001", "440199", box(1, 0, 2, 2))
    )
    with pytest.raises(BadRows) as refused:
        take(district, path, Plan("street", scheme=CN))
    assert [(fault.row, fault.code) for fault in refused.value.faults] == [
        (1, "areas.code_length"),
        (2, "areas.orphan"),
    ]


@pytest.mark.parametrize(
    ("second", "code"),
    [
        (box(0.9, 0, 2, 2), "areas.overlap"),
        (box(1.1, 0, 2, 2), "areas.gap"),
        (box(1, 0, 2.1, 2), "areas.outside_parent"),
    ],
)
def test_what_the_guard_refuses_is_refused_whole_with_code_and_place(district, tmp_path, second, code):
    path = level(tmp_path / "s.geojson", STREETS[0], ("440103002", "440103", second))
    with pytest.raises(Refusal) as refused, district.begin_nested():
        take(district, path, Plan("street", scheme=CN))
    faults = {fault.code: fault.facts for fault in getattr(refused.value, "faults", ())}
    facts = faults.get(code) or {refused.value.code: refused.value.facts}[code]
    assert {"codes", "lon", "lat"} <= facts.keys()
    assert data.areas.frame(district, level="street").empty


def test_a_bow_tie_and_nan_are_refused_by_row(district, tmp_path):
    bow = shapely.Polygon([(113.2, 23.1), (113.21, 23.12), (113.21, 23.1), (113.2, 23.12)])
    path = tmp_path / "s.csv"
    lines = [
        "编码,名称,范围",
        f'440103001,a,"{bow.wkt}"',
        '440103002,b,"POLYGON ((113.2 23.1, NaN 23.1, 113.21 23.12, 113.2 23.1))"',
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(BadRows) as refused:
        take(district, path, Plan("street", scheme=CN), datum="wgs84")
    assert [(fault.row, fault.code) for fault in refused.value.faults] == [(2, "shape.broken"), (3, "shape.not_finite")]


def test_a_change_begins_a_new_version_and_the_same_again_does_not(district, tmp_path):
    today = data.areas.today(district)
    start, change = today - timedelta(days=400), today - timedelta(days=10)
    data.areas.remove(district, import_id=data.imports.search(district)[0]["id"])
    take(district, level(tmp_path / "d.geojson", DISTRICT), Plan("district", scheme=CN, valid_from=start))
    take(district, level(tmp_path / "s.geojson", *STREETS), Plan("street", scheme=CN, valid_from=start))
    moved = [("440103001", "440103", box(0, 0, 1.5, 2)), ("440103002", "440103", box(1.5, 0, 2, 2))]
    path = level(tmp_path / "m.geojson", *moved)
    assert take(district, path, Plan("street", scheme=CN, valid_from=change)).counts == Counts(0, 2, 0, 0)
    assert take(district, path, Plan("street", scheme=CN, valid_from=today)).counts == Counts(0, 0, 2, 0)
    place = (113.212, 23.11)
    assert data.areas.holding(district, *place)["street"] == "440103001"
    assert data.areas.holding(district, *place, as_of=change - timedelta(days=1))["street"] == "440103002"
    assert len(data.areas.history(district, "440103001")) == 2


def test_a_slip_may_be_put_right_on_the_day_it_was_made(district, tmp_path):
    take(district, level(tmp_path / "s.geojson", *STREETS), Plan("street", scheme=CN))
    frame = areas(*((code, "street", parent, shape) for code, parent, shape in STREETS)).assign(name=["昌华街", "b"])
    done = take(district, geojson(tmp_path / "n.geojson", frame), Plan("street", scheme=CN))
    assert done.counts == Counts(0, 2, 0, 0)
    assert len(data.areas.history(district, "440103001")) == 1
    assert data.areas.get(district, "440103001")["name"] == "昌华街"


def test_areas_in_gcj02_declared_as_wgs84_are_refused_before_they_are_called_outside(district, tmp_path):
    frame = areas(*((code, "street", parent, shape) for code, parent, shape in STREETS))
    frame = frame.set_geometry(gis.crs.shapes_from_wgs84(frame.geometry.to_numpy(), "gcj02"), crs=4326)
    path = geojson(tmp_path / "g.geojson", frame)
    with pytest.raises(WrongDatum) as refused:
        take(district, path, Plan("street", scheme=CN))
    assert (refused.value.code, refused.value.facts["fits"]) == ("datumgate.spill", "gcj02")
    done = take(district, path, Plan("street", scheme=CN), datum="gcj02")
    assert (done.counts.added, done.taken.judgement.verdict) == (2, "fits")


def test_homes_are_named_by_areas_that_come_after_them(session, csv, tmp_path):
    api.actions.imports.households(session, wgs84(csv("户号,经度,纬度", f"H,{at(A00)}")))
    take(session, level(tmp_path / "d.geojson", DISTRICT), Plan("district", scheme=CN))
    take(session, level(tmp_path / "s.geojson", *STREETS), Plan("street", scheme=CN))
    assert data.population.frame(session)["street_code"].tolist() == ["440103001"]


def test_a_dry_run_of_areas_asks_the_guard_and_keeps_nothing(district, tmp_path):
    done = take(district, level(tmp_path / "s.geojson", *STREETS), Plan("street", scheme=CN), dry_run=True)
    assert (done.counts, done.import_id) == (Counts(2, 0, 0, 0), None)
    assert data.areas.frame(district, level="street").empty
    with pytest.raises(Conflict, match=r"areas\.gap"):
        take(district, level(tmp_path / "s.geojson", STREETS[0]), Plan("street", scheme=CN), dry_run=True)


@pytest.mark.parametrize(
    ("plan", "code"),
    [(Plan(""), "imports.level"), (Plan("village"), "imports.level"), (Plan("street", scheme="x"), "areas.scheme")],
)
def test_a_plan_that_names_what_there_is_not_is_refused(district, tmp_path, plan, code):
    with pytest.raises(Invalid) as refused:
        take(district, level(tmp_path / "s.geojson", *STREETS), plan)
    assert refused.value.code == code


# Walking network ------------------------------------------------------------------------------------------------------


def lines(path: Path) -> Path:
    """A cross of four streets of one hundredth of a degree in A, and one far away in the east of B."""
    middle = (113.205, 23.11)
    ends = [(113.2, 23.11), (113.21, 23.11), (113.205, 23.1), (113.205, 23.12)]
    shapes = [shapely.LineString([middle, end]) for end in ends] + [
        shapely.LineString([(113.2199, 23.1), (113.2199, 23.12)])
    ]
    highway = ["footway", "steps", "residential", "motorway", "path"]
    gpd.GeoDataFrame({"highway": highway}, geometry=shapes, crs=4326).to_file(path, driver="GeoJSON")
    return path


def test_lines_become_a_network_without_what_may_not_be_walked(session, tmp_path):
    """Five lines, of which the motorway is closed: four edges; the cross is one component of three arms."""
    done = api.actions.import_walknet.walknet(session, Asked(lines(tmp_path / "w.geojson")))
    net = data.walknet.get(session)
    assert (done.counts, len(net.u), len(net.x)) == (Counts(4, 0, 0, 0), 4, 6)
    assert net.steps.tolist().count(-1) == 1
    x, y = gis.crs.Metric(4547).forward([113.2, 113.205, 113.21], [23.11] * 3)
    arms = np.hypot(np.diff(x), np.diff(y))
    assert sorted(net.metres)[:2] == pytest.approx(sorted(arms), rel=1e-9)


def test_the_same_network_again_makes_no_new_version(session, tmp_path):
    path = lines(tmp_path / "w.geojson")
    first = api.actions.import_walknet.walknet(session, Asked(path))
    again = api.actions.import_walknet.walknet(session, Asked(path))
    assert (first.counts.added, again.counts) == (4, Counts(0, 0, 4, 0))
    assert count(session, "walknet") == 1


def test_a_network_is_kept_in_and_around_one_area(town, tmp_path):
    """Street A and 500 m around it: B's street in the far east, 1 km off, is left out."""
    asked = Asked(lines(tmp_path / "w.geojson"))
    done = api.actions.import_walknet.walknet(town, asked, clip_to="A", buffer_m=500)
    assert done.counts.added == 3
    wide = api.actions.import_walknet.walknet(town, asked, clip_to="A", buffer_m=1500)
    assert wide.counts.added == 4
    with pytest.raises(NotFound, match=r"areas\.absent"):
        api.actions.import_walknet.walknet(town, asked, clip_to="nowhere")


def test_rows_that_are_no_lines_refuse_the_network(session, tmp_path):
    path = tmp_path / "w.geojson"
    shapes = [shapely.LineString([(113, 23), (113.1, 23)]), shapely.Point(113, 23)]
    gpd.GeoDataFrame({"highway": ["path"] * 2}, geometry=shapes, crs=4326).to_file(path)
    with pytest.raises(BadRows) as refused:
        api.actions.import_walknet.walknet(session, Asked(path))
    assert [(fault.row, fault.code) for fault in refused.value.faults] == [(2, "shape.not_line")]


# OpenStreetMap --------------------------------------------------------------------------------------------------------


@pytest.mark.real
def test_a_real_country_comes_from_its_extract_alone(session, shared_data):
    """The rehearsal country: its outline, 11 municipalities, network, homes as synthetic stand-ins, care places."""
    path = shared_data / "rehearsal" / "liechtenstein.osm.pbf"
    plan = Plan("district", admin_level=2, within="Liechtenstein")
    assert take(session, path, plan).counts.added == 1
    assert take(session, path, Plan("street", admin_level=8, within="Liechtenstein")).counts.added == 11
    assert set(data.areas.frame(session, level="street")["parent_code"]) == set(
        data.areas.frame(session, level="district")["code"]
    )
    homes_ = api.actions.imports.households(session, Asked(path))
    assert homes_.taken.synthetic
    frame = data.population.frame(session)
    assert (len(frame), bool(frame["synthetic"].all())) == (homes_.counts.added, True)
    assert (frame["street_code"] != "").all()
    places = api.actions.imports.facilities(session, Asked(path))
    assert places.counts.added == len(data.facilities.frame(session)) > 0
    assert "OpenStreetMap" in data.imports.get(session, places.import_id)["attribution"]


@pytest.mark.real
def test_an_extract_is_wgs84_whatever_is_declared(session, shared_data):
    with pytest.raises(Invalid, match=r"imports\.no_osm_datum"):
        api.actions.imports.facilities(session, Asked(shared_data / "shamian.osm.pbf", datum="gcj02"))
