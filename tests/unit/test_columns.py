"""Tables from offices: what is read as what, and that every bad cell is named with its row. No database."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyproj
import pytest
import shapely

import data.ingest.areas
import data.ingest.columns
import data.ingest.facilities
import data.ingest.files
import data.ingest.households
import data.ingest.places
import data.ingest.reports
from data.ingest.columns import Door, Rows
from data.ingest.places import Frame
from gis.errors import Invalid

KINDS = pd.DataFrame({
    "code": ["canteen", "clinic"], "name_zh": ["长者饭堂", "社区卫生服务机构"], "name_en": ["Canteen", "Clinic"],
})  # fmt: skip
FACILITIES = data.ingest.facilities.door(KINDS)
HOUSEHOLDS = data.ingest.households.DOOR
REPORTS = data.ingest.reports.door(zone="Asia/Shanghai")
HEAD = "编号,名称,类型,经度,纬度"


@pytest.fixture
def csv(tmp_path: Path) -> Callable[..., Path]:
    """A csv file of these lines."""

    def write(*lines: str, encoding: str = "utf-8", name: str = "list.csv") -> Path:
        path = tmp_path / name
        path.write_bytes("\n".join([*lines, ""]).encode(encoding))
        return path

    return write


def rows_of(path: Path, door: Door = FACILITIES, **how: str) -> Rows:
    return data.ingest.columns.read(data.ingest.files.read(path, known=door.known, **how), door)


def placed(path: Path, declared: Frame = Frame("wgs84"), door: Door = FACILITIES, home: object = None) -> Rows:  # noqa: B008
    """The rows with the faults of their places."""
    table = data.ingest.files.read(path, known=door.known)
    rows = data.ingest.columns.read(table, door)
    data.ingest.places.points(rows, table, declared=declared, home=home)
    return rows


def said(rows: Rows) -> list[tuple[int | None, str]]:
    return sorted((fault.row or 0, fault.code) for fault in rows.faults)


def cell(csv: Callable[..., Path], column: str, value: str, door: Door = HOUSEHOLDS) -> tuple[object, list[str]]:
    """What one cell becomes, and the codes of its faults."""
    rows = rows_of(csv(f"户号,经度,纬度,{column}", f'A1,113.2,23.1,"{value}"'), door)
    name = next(name for name, header in rows.headers.items() if header == column)
    return rows.frame[name].iloc[0], [fault.code for fault in rows.faults]


# Headers --------------------------------------------------------------------------------------------------------------


def test_chinese_headers_and_words_mean_ours(csv):
    rows = rows_of(csv("编号,名称,类型,经度,纬度,容量(人)", "01,沙面饭堂,老年食堂,113.24,23.11,80人"))
    assert rows.frame.iloc[0].to_dict() == {
        "id": "01", "name": "沙面饭堂", "kind": "canteen", "lon": 113.24, "lat": 23.11, "capacity": 80,
    }  # fmt: skip
    assert rows.faults == []


@pytest.mark.parametrize("header", ["经度", " 经度 ", "经 度", "经度(WGS84)", "LON", "Longitude", "ｌｎｇ"])
def test_a_header_is_known_in_any_dress(header):
    assert FACILITIES.known(header)


def test_columns_nobody_asked_for_are_said(csv):
    assert rows_of(csv(HEAD + ",备注,联系人", "1,a,clinic,113,23,x,y")).unused == ("备注", "联系人")


def test_a_missing_column_is_named_with_what_there_is_and_the_nearest_guess(csv):
    with pytest.raises(Invalid) as refused:
        rows_of(csv("编号,机构名,类型,经度坐标,纬度", "1,a,clinic,113,23"))
    assert refused.value.code == "columns.missing"
    assert refused.value.facts["missing"] == ["name (名称)", "lon (经度)"]
    assert refused.value.facts["found"] == ["编号", "机构名", "类型", "经度坐标", "纬度"]
    assert refused.value.facts["guesses"] == ["name ← 机构名", "lon ← 经度坐标"]


def test_two_columns_of_one_meaning_are_refused(csv):
    with pytest.raises(Invalid) as refused:
        rows_of(csv(HEAD + ",lon", "1,a,clinic,113,23,113"))
    assert refused.value.facts == {"column": "lon", "headers": ["经度", "lon"]}


def test_two_columns_of_one_name_are_refused(csv):
    with pytest.raises(Invalid) as refused:
        rows_of(csv(HEAD + ",名称", "1,a,clinic,113,23,b"))
    assert (refused.value.code, refused.value.facts["columns"]) == ("files.columns_twice", ["名称"])


def test_a_title_above_the_header_is_passed_over_and_rows_keep_their_numbers(csv):
    rows = rows_of(csv("荔湾区长者饭堂一览表,,,,", "", HEAD, "1,a,clinic,113,23", "", "2,b,clinic,113,x"))
    assert rows.rows.tolist() == [4, 6]
    assert said(rows) == [(6, "cell.not_number")]


def test_a_header_without_rows_is_refused(csv):
    with pytest.raises(Invalid, match=r"files\.no_rows"):
        rows_of(csv(HEAD))


def test_a_chosen_column_that_is_not_there_is_refused(csv):
    table = data.ingest.files.read(csv(HEAD, "1,a,clinic,113,23"), known=FACILITIES.known)
    with pytest.raises(Invalid, match=r"columns\.absent"):
        data.ingest.columns.read(table, FACILITIES, chosen={"id": "编码"})


# Cells ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [("１１３.２４", 113.24), ("113.24°", 113.24), ("113.24度", 113.24), ("E113.24", 113.24), ("东经113.24", 113.24),
     ("113°14′24″", 113.24), ("113度14分24秒", 113.24), (" 113.24\u3000", 113.24), ("1.1324e2", 113.24),
     ("西经113.24", -113.24)],
)  # fmt: skip
def test_degrees_are_read_as_people_write_them(csv, text, value):
    """113 + 14/60 + 24/3600 = 113.24."""
    rows = rows_of(csv(HEAD, f"1,a,clinic,{text},23.11"))
    assert rows.frame["lon"].iloc[0] == pytest.approx(value, abs=1e-12)
    assert rows.faults == []


@pytest.mark.parametrize(
    ("text", "code"),
    [("NaN", "cell.not_finite"), ("inf", "cell.not_finite"), ("-Infinity", "cell.not_finite"),
     ("1e400", "cell.not_finite"),
     ("abc", "cell.not_number"), ("113,24", "cell.not_number"), ("113°75′", "cell.not_number"),
     ("113.24.5", "cell.not_number"), ("0x71", "cell.not_number"),
     ("#N/A", "cell.excel_error"), ("=A1+1", "cell.formula")],
)  # fmt: skip
def test_what_is_no_number_is_named(csv, text, code):
    rows = rows_of(csv(HEAD, f'1,a,clinic,"{text}",23.11'))
    assert [(f.row, f.column, f.value, f.code) for f in rows.faults] == [(2, "经度", text, code)]
    assert np.isnan(rows.frame["lon"].iloc[0])


@pytest.mark.parametrize(
    ("column", "text", "value"),
    [("楼层", "6层", 6), ("楼层", "-1", -1), ("老人数", "２人", 2), ("老人数", "1,200", 1200), ("老人数", "3.0", 3),
     ("最大年龄", "85岁", 85), ("电梯", "有", True), ("电梯", "无", False), ("独居", "√", True), ("独居", "N", False),
     ("行动能力", "轮椅", "wheelchair"), ("行动能力", "失能", "homebound"), ("行动能力", "Cane", "cane")],
)  # fmt: skip
def test_chinese_values_mean_ours(csv, column, text, value):
    assert cell(csv, column, text) == (value, [])


@pytest.mark.parametrize("text", ["", "-", "/", "不详", "未知", "N/A"])
def test_what_is_not_recorded_is_missing_and_no_fault(csv, text):
    for column in ("楼层", "最大年龄", "独居"):
        value, faults = cell(csv, column, text)
        assert pd.isna(value)
        assert faults == []


@pytest.mark.parametrize(
    ("column", "text", "code"),
    [("老人数", "0", "cell.range"), ("老人数", "-1", "cell.range"), ("老人数", "1.5", "cell.not_whole"),
     ("最大年龄", "59", "cell.range"), ("最大年龄", "131", "cell.range"), ("独居", "也许", "cell.not_flag"),
     ("行动能力", "飞行", "cell.unknown_choice"), ("楼层", "六", "cell.not_number")],
)  # fmt: skip
def test_values_out_of_bounds_are_named(csv, column, text, code):
    assert cell(csv, column, text)[1] == [code]


def test_an_unknown_kind_lists_the_known_ones(csv):
    fault = rows_of(csv(HEAD, "1,a,网吧,113,23")).faults[0]
    assert (fault.code, fault.value) == ("cell.unknown_kind", "网吧")
    assert fault.facts["known"] == ["canteen 长者饭堂", "clinic 社区卫生服务机构"]


@pytest.mark.parametrize(
    ("text", "code"),
    [("4.40103E+14", "cell.scientific"), ("4.40103001001001e+17", "cell.scientific"), ("2024-03-01", "cell.date"),
     ("3月1日", "cell.date"), ("", "cell.empty"), ("a\x07b", "cell.control")],
)  # fmt: skip
def test_codes_that_a_spreadsheet_spoilt_are_refused(csv, text, code):
    assert [fault.code for fault in rows_of(csv(HEAD, f"{text},a,clinic,113,23")).faults] == [code]


@pytest.mark.parametrize(
    ("text", "value"), [("001", "001"), ('"=""0012"""', "0012"), ("440103001.0", "440103001"), ("A-1", "A-1")]
)
def test_codes_keep_their_zeros(csv, text, value):
    assert rows_of(csv(HEAD, f"{text},a,clinic,113,23")).frame["id"].iloc[0] == value


def test_a_key_that_comes_again_is_a_fault_that_names_the_first(csv):
    rows = rows_of(csv(HEAD, "1,a,clinic,113,23", "2,b,clinic,113,23", "1,c,clinic,113,23", "1,d,clinic,113,23"))
    assert [(f.row, f.value, f.facts["first"]) for f in rows.faults] == [(4, "1", 2), (5, "1", 2)]


def test_a_row_with_too_many_or_too_few_cells_is_a_fault_and_the_others_keep_their_numbers(csv):
    rows = rows_of(csv(HEAD, "1,a,clinic,113,23", "2,b,c,clinic,113,23", "3,c", "4,d,clinic,113,23"))
    assert said(rows) == [(3, "row.cells"), (4, "row.cells")]
    assert rows.rows.tolist() == [2, 5]


def test_quoted_line_breaks_and_commas_belong_to_their_cell(csv):
    rows = rows_of(csv(HEAD, '1,"a,\nb",clinic,113,23', "2,c,clinic,113,x"))
    assert rows.frame["name"].tolist() == ["a,\nb", "c"]
    assert said(rows) == [(3, "cell.not_number")]


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_mark_between_cells_is_found(csv, mark):
    assert (
        rows_of(csv(HEAD.replace(",", mark), mark.join(["1", "a", "clinic", "113", "23"]))).frame["lat"].iloc[0] == 23
    )


def test_values_of_personal_columns_are_never_repeated(csv):
    rows = rows_of(csv("户号,经度,纬度,地址,老人数", "A1,很远,23.1,某路\x01 1 号,0", "A1,113,23,b,1"), HOUSEHOLDS)
    assert {(f.column, f.value) for f in rows.faults} == {
        ("经度", None),
        ("地址", None),
        ("老人数", "0"),
        ("户号", None),
    }


@pytest.mark.parametrize(
    ("text", "utc"),
    [("2026-03-04 13:05", "05:05"), ("2026-03-04T13:05:00+08:00", "05:05"), ("2026-03-04T13:05:00Z", "13:05"),
     ("2026/3/4 13:05", "05:05"), ("2026年3月4日 13时05分", "05:05"), ("46085.545138889", "05:05")],
)  # fmt: skip
def test_times_are_read_in_their_zone_or_that_of_the_place(csv, text, utc):
    """13:05 in Guangzhou is 05:05 UTC; day 46085 of a spreadsheet is 2026-03-04 (46023 is its first of January)."""
    rows = rows_of(csv("编号,类别,经度,纬度,上报时间,内容", f"1,井盖,113,23,{text},缺失"), REPORTS)
    assert rows.frame["captured_at"].iloc[0] == pd.Timestamp(f"2026-03-04T{utc}:00Z")


@pytest.mark.parametrize("text", ["昨天", "2026-13-01", "2026-02-30 10:00", "12345"])
def test_what_is_no_time_is_named(csv, text):
    rows = rows_of(csv("编号,类别,经度,纬度,上报时间,内容", f"1,井盖,113,23,{text},缺失"), REPORTS)
    assert [fault.code for fault in rows.faults] == ["cell.not_time"]


# Households -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "codes"),
    [("2,3,自理,70", ["households.part", ]), ("2,1,不出门,70", ["households.homebound"]),
     ("2,2,自理,70", ["households.going_out"]), ("2,1,轮椅,70", []), ("2,,不出门,70", []), ("2,2,,70", [])],
)  # fmt: skip
def test_the_parts_of_a_household_fit_together(csv, line, codes):
    rows = rows_of(csv("户号,经度,纬度,老人数,不出门老人数,行动能力,最大年龄", f"A,113,23,{line}"), HOUSEHOLDS)
    data.ingest.households.check(rows)
    assert [fault.code for fault in rows.faults] == codes


def test_what_follows_from_what_is_stated_is_filled_in(csv):
    """Nobody goes out where mobility says so, and the other way round; 80 and older follows from age where it can."""
    path = csv(
        "户号,经度,纬度,老人数,不出门老人数,行动能力,最大年龄",
        "A,113,23,2,,不出门,79",
        "B,113,23,2,2,,85",
        "C,113,23,1,,,85",
        "D,,,,,,",
    )
    table = data.ingest.files.read(path, known=HOUSEHOLDS.known)
    rows = data.ingest.columns.read(table, HOUSEHOLDS)
    points = data.ingest.places.points(rows, table, declared=Frame("wgs84"), required=False)
    frame = data.ingest.households.frame(rows, points, synthetic=True)
    assert frame["mobility"].tolist() == ["homebound", "homebound", "independent", "independent"]
    assert frame["elders_homebound"].tolist() == [2, 2, 0, 0]
    assert frame["elders"].tolist() == [2, 2, 1, 1]
    assert frame["elders_80"].astype(object).where(frame["elders_80"].notna(), None).tolist() == [0, None, 1, None]
    assert frame.geometry.isna().tolist() == [False, False, False, True]
    assert rows.notes == {"elders_assumed_one": 1}


# Places ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lon", "lat", "code"),
    [("23.11", "113.24", "place.swapped"), ("0", "0", "place.zero"), ("213", "23", "place.bounds"),
     ("", "", "place.missing"), ("113.24", "", "place.half"), ("9.5", "47.1", "place.far")],
)  # fmt: skip
def test_a_place_that_cannot_be_is_named(csv, lon, lat, code):
    home = shapely.box(113.1, 23.0, 113.3, 23.2)
    assert said(placed(csv(HEAD, f"1,a,clinic,{lon},{lat}"), home=home)) == [(2, code)]


def test_a_pair_is_seen_to_be_swapped_where_both_ways_are_on_earth(csv):
    home = shapely.box(9.4, 47.0, 9.7, 47.3)
    assert said(placed(csv(HEAD, "1,a,clinic,47.1,9.5"), home=home)) == [(2, "place.swapped")]


def test_a_place_near_the_district_but_outside_it_is_no_fault(csv):
    home = shapely.box(113.1, 23.0, 113.2, 23.1)
    assert said(placed(csv(HEAD, "1,a,clinic,113.3,23.2"), home=home)) == []


def test_the_pair_as_sent_and_its_datum_are_kept_and_the_place_is_wgs84(csv):
    """GCJ-02 113.2438240, 23.1048129 is 113.2385, 23.1075 in WGS84 (README of the real input, to 1e-6)."""
    table = data.ingest.files.read(csv(HEAD, "1,a,clinic,113.243824,23.104813"), known=FACILITIES.known)
    rows = data.ingest.columns.read(table, FACILITIES)
    points = data.ingest.places.points(rows, table, declared=Frame("gcj02"))
    kept = {name: column[0] for name, column in points.sent().items()}
    assert kept == {"lon_sent": 113.243824, "lat_sent": 23.104813, "datum_sent": "gcj02"}
    assert (points.lon[0], points.lat[0]) == pytest.approx((113.2385, 23.1075), abs=1e-6)


def test_projected_pairs_become_degrees_and_swapped_ones_are_seen(csv):
    declared = Frame("wgs84", pyproj.CRS.from_epsg(4547))
    path = csv(HEAD, "1,a,clinic,422138.797,2555814.658", "2,b,clinic,2555814.658,422138.797")
    table = data.ingest.files.read(path, known=FACILITIES.known)
    rows = data.ingest.columns.read(table, FACILITIES)
    points = data.ingest.places.points(rows, table, declared=declared)
    assert (points.lon[0], points.lat[0]) == pytest.approx((113.24, 23.1), abs=1e-8)
    assert said(rows) == [(3, "place.swapped")]
    assert points.sent()["datum_sent"][0] == "epsg:4547"


# Declarations ---------------------------------------------------------------------------------------------------------


def _table(crs: int | None, *, is_geojson: bool = False) -> data.ingest.files.Table:
    texts = pd.DataFrame({"a": ["1"]}, dtype="str")
    found = None if crs is None else pyproj.CRS.from_epsg(crs)
    return data.ingest.files.Table("f", "", texts, np.array([1]), None, found, is_geojson)


@pytest.mark.parametrize(
    ("own", "declared", "name"),
    [
        (None, {"datum": "gcj02"}, "gcj02"),
        (None, {"epsg": 4547}, "epsg:4547"),
        (None, {"epsg": 4490}, "cgcs2000"),
        (4326, {}, "wgs84"),
        (4490, {}, "cgcs2000"),
        (4547, {}, "epsg:4547"),
        (4326, {"datum": "gcj02"}, "gcj02"),  # no code stands for GCJ-02: such files say WGS84
        (4326, {"datum": "wgs84"}, "wgs84"),
        (4547, {"datum": "cgcs2000"}, "epsg:4547"),
        (4547, {"epsg": 4547}, "epsg:4547"),
    ],
)
def test_what_is_declared_and_what_the_file_says_agree(own, declared, name):
    assert data.ingest.places.frame(_table(own), **declared).name == name


@pytest.mark.parametrize(
    ("own", "declared", "code"),
    [
        (None, {}, "places.undeclared"),
        (None, {"datum": "wgs72"}, "crs.datum"),
        (None, {"epsg": 999999}, "crs.epsg"),
        (None, {"datum": "wgs84", "epsg": 4326}, "places.declared_twice"),
        (4326, {"epsg": 4547}, "places.disagrees"),
        (4547, {"epsg": 4326}, "places.disagrees"),
        (4547, {"datum": "gcj02"}, "places.disagrees"),
        (4610, {"datum": "wgs84"}, "places.disagrees"),  # Xian 1980
    ],
)
def test_what_does_not_agree_is_refused(own, declared, code):
    with pytest.raises(Invalid) as refused:
        data.ingest.places.frame(_table(own), **declared)
    assert refused.value.code == code


def test_a_datum_with_no_public_way_to_wgs84_is_refused_rather_than_guessed(csv):
    """Xian 1980 lies about 100 m off, and what turns it into CGCS2000 is not public."""
    declared = data.ingest.places.frame(_table(None), epsg=2383)
    with pytest.raises(Invalid, match=r"places\.no_way"):
        placed(csv(HEAD, "1,a,clinic,422138.797,2555814.658"), declared)


# Encodings ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
def test_the_encoding_of_a_chinese_list_is_found(csv, encoding):
    rows = rows_of(csv(HEAD, "1,沙面长者饭堂,长者饭堂,113,23", encoding=encoding))
    assert rows.frame["name"].iloc[0] == "沙面长者饭堂"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("編號,名稱,類型", "big5"), ("id,Café Zürich", "latin-1"), ("番号,名前,カテゴリ", "shift-jis")],
)
def test_an_encoding_that_is_not_clear_is_asked_for(csv, text, encoding):
    with pytest.raises(Invalid, match=r"files\.encoding"):
        rows_of(csv(text, encoding=encoding))


def test_an_encoding_that_is_declared_is_used(csv):
    path = csv("id,name,kind,lon,lat", "1,沙面長者飯堂,clinic,113,23", encoding="big5")
    assert rows_of(path, encoding="big5").frame["name"].iloc[0] == "沙面長者飯堂"


def test_a_declared_encoding_that_does_not_hold_is_refused(csv):
    with pytest.raises(Invalid, match=r"files\.encoding_declared"):
        rows_of(csv(HEAD, "1,沙面,clinic,113,23", encoding="gbk"), encoding="utf-8")


def test_latin_letters_with_marks_are_no_reason_to_ask(csv):
    rows = rows_of(csv("id,name,kind,lon,lat", "1,Schönberg à Zürich,clinic,9,47"))
    assert rows.frame["name"].iloc[0] == "Schönberg à Zürich"


# xlsx -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def xlsx(tmp_path: Path) -> Callable[[Callable[[openpyxl.Workbook], None]], Path]:
    def write(fill: Callable[[openpyxl.Workbook], None]) -> Path:
        book = openpyxl.Workbook()
        fill(book)
        book.save(tmp_path / "list.xlsx")
        return tmp_path / "list.xlsx"

    return write


def test_a_header_merged_over_two_rows_under_a_title_is_read(xlsx):
    def fill(book):
        sheet = book.active
        for row in (["一览表"], ["编号", "名称", "类型", "坐标", None], [None, None, None, "经度", "纬度"]):
            sheet.append(row)
        sheet.append(["1", "甲", "长者饭堂", 113.24, 23.11])
        sheet.merge_cells("D2:E2")

    rows = rows_of(xlsx(fill))
    assert rows.rows.tolist() == [4]
    assert rows.frame.iloc[0].to_dict() == {"id": "1", "name": "甲", "kind": "canteen", "lon": 113.24, "lat": 23.11}


def test_numbers_that_are_codes_are_read_as_they_are_shown(xlsx):
    def fill(book):
        sheet = book.active
        sheet.append(HEAD.split(","))
        sheet.append([12, "甲", "clinic", "113.24", 23.11])
        sheet["A2"].number_format = "0000"
        sheet.append([440103001001001001, "乙", "clinic", 113.24, 23.11])
        sheet.append([datetime.date(2024, 3, 1), "丙", "clinic", 113.24, 23.11])

    rows = rows_of(xlsx(fill))
    assert rows.frame["id"].iloc[0] == "0012"
    assert said(rows) == [(3, "cell.scientific"), (4, "cell.date")]


def test_a_formula_without_a_result_is_a_fault_and_one_with_is_its_result(xlsx, tmp_path):
    """openpyxl writes formulas without results; a result is put into the file by hand."""

    def fill(book):
        book.active.append(HEAD.split(","))
        book.active.append(["1", "甲", "clinic", "=100+13.24", 23.11])

    path = xlsx(fill)
    assert said(rows_of(path)) == [(2, "cell.formula")]
    _put_result(path, "<f>100+13.24</f><v></v>", "<f>100+13.24</f><v>113.24</v>")
    assert rows_of(path).frame["lon"].iloc[0] == 113.24


def _put_result(path: Path, old: str, new: str) -> None:
    import zipfile

    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    replaced = parts[sheet].decode().replace(old, new).replace("<f>100+13.24</f><v />", new)
    assert replaced.encode() != parts[sheet]
    with zipfile.ZipFile(path, "w") as book:
        for name, part in (parts | {sheet: replaced.encode()}).items():
            book.writestr(name, part)


def test_the_sheet_with_the_header_is_found_and_two_such_are_asked_about(xlsx):
    def one(book):
        book.active.append(["说明"])
        book.create_sheet("数据").append(HEAD.split(","))
        book["数据"].append(["1", "甲", "clinic", 113.24, 23.11])

    def two(book):
        one(book)
        book.create_sheet("另一份").append(HEAD.split(","))

    assert len(rows_of(xlsx(one)).frame) == 1
    path = xlsx(two)
    with pytest.raises(Invalid) as refused:
        rows_of(path)
    assert (refused.value.code, refused.value.facts["layers"]) == ("files.layers", ["数据", "另一份"])
    assert len(rows_of(path, layer="数据").frame) == 1


def test_an_empty_workbook_is_refused(xlsx):
    with pytest.raises(Invalid, match=r"files\.empty"):
        rows_of(xlsx(lambda book: None))


# Map files ------------------------------------------------------------------------------------------------------------


def _points(*shapes: object) -> gpd.GeoDataFrame:
    count = len(shapes)
    columns = {"编号": [str(at) for at in range(count)], "名称": ["沙面饭堂"] * count, "类型": ["长者饭堂"] * count}
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=4326)


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".shp"])
def test_map_files_give_the_same_rows(tmp_path, suffix):
    path = tmp_path / f"list{suffix}"
    _points(shapely.Point(113.24, 23.11)).to_file(path, encoding="utf-8")
    table = data.ingest.files.read(path, known=FACILITIES.known)
    rows = data.ingest.columns.read(table, FACILITIES)
    points = data.ingest.places.points(rows, table, declared=data.ingest.places.frame(table))
    assert rows.frame.iloc[0].to_dict() == {"id": "0", "name": "沙面饭堂", "kind": "canteen"}
    assert (points.lon[0], points.lat[0]) == (113.24, 23.11)


@pytest.mark.parametrize("cpg", [None, "GBK", "936", "UTF-8"])
def test_a_shapefile_in_gbk_is_read_whatever_its_cpg_says_or_lacks(tmp_path, cpg):
    path = tmp_path / "list.shp"
    _points(shapely.Point(113.24, 23.11)).to_file(path, encoding="GBK")
    path.with_suffix(".cpg").unlink()
    if cpg:
        path.with_suffix(".cpg").write_text(cpg)
    if cpg == "UTF-8":
        with pytest.raises(Invalid, match=r"files\.encoding_declared"):
            rows_of(path)
        return
    assert rows_of(path).frame["name"].iloc[0] == "沙面饭堂"


@pytest.mark.filterwarnings("ignore:Could not decode error message")
def test_a_name_cut_in_the_middle_of_a_character_does_not_stop_a_shapefile(tmp_path):
    """A dbf name has 10 bytes, which is three characters of UTF-8 and a third."""
    path = tmp_path / "list.shp"
    frame = _points(shapely.Point(113.24, 23.11)).rename(columns={"名称": "name"})
    frame.assign(网格类别号="基础").to_file(path, encoding="utf-8")
    assert "网格类" in [column[:3] for column in rows_of(path).unused]


@pytest.mark.parametrize(
    ("shape", "code"),
    [(shapely.MultiPoint([(113, 23), (113.1, 23)]), "shape.many_points"), (shapely.box(113, 23, 114, 24), "shape.kind"),
     (None, "place.missing"), (shapely.Point(np.inf, 23), "cell.not_finite")],
)  # fmt: skip
def test_a_shape_that_is_no_point_is_named(tmp_path, shape, code):
    path = tmp_path / "list.gpkg"
    _points(shape, shapely.Point(113, 23)).to_file(path)
    assert said(placed(path)) == [(1, code)]


def test_a_multipoint_of_one_is_a_point_and_heights_are_dropped_with_a_word(tmp_path):
    path = tmp_path / "list.gpkg"
    _points(shapely.MultiPoint([(113, 23)])).to_file(path)
    assert said(placed(path)) == []
    _points(shapely.Point(113, 23, 8)).to_file(path)
    rows = placed(path)
    assert (said(rows), rows.notes) == ([], {"heights_dropped": 1})


def test_several_layers_are_asked_about(tmp_path):
    path = tmp_path / "list.gpkg"
    for layer in ("a", "b"):
        _points(shapely.Point(113, 23)).to_file(path, layer=layer)
    with pytest.raises(Invalid) as refused:
        rows_of(path)
    assert refused.value.facts["layers"] == ["a", "b"]
    assert len(rows_of(path, layer="b").frame) == 1


@pytest.mark.parametrize("name", ["list.xls", "list.pdf", "list"])
def test_a_format_nobody_reads_is_refused_with_those_that_are(tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(Invalid) as refused:
        rows_of(tmp_path / name)
    assert refused.value.code == "files.format"
    assert ".xlsx" in refused.value.facts["formats"]  # type: ignore[operator]


@pytest.mark.parametrize("name", ["list.geojson", "list.gpkg", "list.xlsx"])
def test_a_damaged_file_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b'{"type": "FeatureCollection", "features": [{')
    with pytest.raises(Invalid, match=r"files\.unreadable"):
        rows_of(tmp_path / name)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(Invalid, match=r"files\.absent"):
        rows_of(tmp_path / "list.csv")


# Areas ----------------------------------------------------------------------------------------------------------------


def _areas(tmp_path: Path, *shapes: object) -> tuple[Rows, np.ndarray]:
    path = tmp_path / "areas.geojson"
    columns = {"编码": [str(at) for at in range(len(shapes))], "名称": ["a"] * len(shapes)}
    gpd.GeoDataFrame(columns, geometry=list(shapes), crs=4326).to_file(path)
    table = data.ingest.files.read(path, known=data.ingest.areas.DOOR.known)
    rows = data.ingest.columns.read(table, data.ingest.areas.DOOR)
    return rows, data.ingest.areas.shapes(rows, table)


def test_a_bow_tie_is_named_with_the_place_where_it_crosses(tmp_path):
    bow = shapely.Polygon([(113, 23), (114, 24), (114, 23), (113, 24)])
    rows, shapes = _areas(tmp_path, bow, shapely.box(113, 23, 114, 24))
    assert [(f.row, f.code, f.facts["place"]) for f in rows.faults] == [(1, "shape.broken", "113.5 23.5")]
    assert (shapes[0], shapes[1].area) == (None, 1.0)


def test_what_is_no_polygon_is_named(tmp_path):
    rows, _ = _areas(tmp_path, shapely.Point(113, 23), None, shapely.Polygon())
    assert said(rows) == [(1, "shape.kind"), (2, "shape.missing"), (3, "shape.missing")]


def test_areas_come_from_a_csv_with_wkt_too(csv):
    path = csv("编码,名称,范围", '1,a,"POLYGON((113 23, 114 23, 114 24, 113 23))"', "2,b,POLYGON((1", "3,c,")
    table = data.ingest.files.read(path, known=data.ingest.areas.DOOR.known)
    rows = data.ingest.columns.read(table, data.ingest.areas.DOOR)
    shapes = data.ingest.areas.shapes(rows, table)
    assert shapes[0].area == 0.5
    assert said(rows) == [(3, "cell.not_wkt"), (4, "shape.missing")]
