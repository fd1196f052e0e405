"""`wangge import` as a clerk types it: the real program on a database of its own, its words, its JSON, its status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import api.actions.sample
import api.cli
import api.cli.terminal
import data.db
import data.facilities
import gis.crs

pytestmark = pytest.mark.database
ROOT = Path(__file__).parents[2]
HEAD = "编号,名称,类型,经度,纬度,容量"


@dataclass(frozen=True)
class Told:
    """What a command answered, and how it ended."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Told]


def surroundings(url: str, lang: str = "zh") -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WANGGE_", "LC_", "LANG"))}
    return kept | {"WANGGE_DATABASE_URL": url, "WANGGE_LANG": lang, "PYTHONPATH": str(ROOT)}


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[str], Run]:
    """The program's own entrance in this process: what it reads, writes and answers, without a start for each call."""

    def of(url: str) -> Run:
        def run(*arguments: object, lang: str = "zh") -> Told:
            for name, value in surroundings(url, lang).items():
                monkeypatch.setenv(name, value)
            api.cli.terminal.settings.cache_clear()
            capsys.readouterr()
            status = api.cli.run(["import", *map(str, arguments)])
            return Told(status, *capsys.readouterr())

        return run

    return of


@pytest.fixture
def wangge(program: Callable[[str], Run], own_database_url: str) -> Iterator[Run]:
    yield program(own_database_url)
    api.cli.terminal.settings.cache_clear()


@pytest.fixture
def csv(tmp_path: Path) -> Callable[..., Path]:
    def write(*lines: str, name: str = "设施.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_text("\n".join([*lines, ""]), encoding=encoding)
        return path

    return write


def test_a_list_comes_in_and_the_clerk_is_told_what_happened(wangge, csv):
    path = csv(HEAD + ",备注", "1,沙面饭堂,长者饭堂,113.24,23.11,80,x", "2,b,clinic,113.25,23.12,,y", encoding="gbk")
    told = wangge("facilities", path, "--datum", "gcj02")
    assert (told.returncode, told.stdout) == (0, "")
    assert "新增 2，更新 0，未变 0" in told.stderr
    assert "没有用到的列：备注" in told.stderr
    again = wangge("facilities", path, "--datum", "gcj02", lang="en")
    assert "0 added, 0 changed, 2 unchanged" in again.stderr


def test_the_program_itself_answers_with_its_status_and_one_document(own_database_url, csv):
    """As a process of its own: nothing but JSON on stdout, steps on stderr, 0, 1 and 2 as exit status."""

    def start(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-m", "api.cli", "import", *map(str, arguments)]
        return subprocess.run(
            command, env=surroundings(own_database_url), cwd="/", capture_output=True, text=True, check=False
        )

    path = csv(HEAD, "1,a,clinic,113.24,23.11,80")
    done = start("facilities", path, "--datum", "wgs84", "--json")
    assert (done.returncode, json.loads(done.stdout)["added"]) == (0, 1)
    assert "读取 设施.csv" in done.stderr
    assert start("facilities", path).returncode == 1
    assert start("facilities").returncode == 2


def test_a_bad_list_is_refused_with_every_row_in_the_readers_language(wangge, csv):
    path = csv(HEAD, "1,a,网吧,113.24,23.11,80", *(f"{at},b,clinic,abc,23.12,1" for at in range(2, 102)))
    told = wangge("facilities", path, "--datum", "wgs84")
    assert told.returncode == 1
    assert "共 101 行，有 101 处错误，什么也没有导入" in told.stderr
    assert "第 2 行 类型 “网吧” 不认识的设施类型。可填：canteen 长者饭堂" in told.stderr
    assert all(f"第 {row} 行 经度 “abc” 不是数字。" in told.stderr for row in range(3, 103))
    english = wangge("facilities", path, "--datum", "wgs84", lang="en")
    assert "row 3 经度 “abc” is not a number." in english.stderr


def test_json_is_one_document_whether_it_went_well_or_not(wangge, csv):
    good = csv(HEAD, "1,a,clinic,113.24,23.11,80")
    done = wangge("facilities", good, "--datum", "wgs84", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["added"], told["kept"], told["faults"], told["datum"]["declared"]) == (
        0,
        1,
        1,
        [],
        "wgs84",
    )
    bad = wangge("facilities", csv(HEAD, "1,a,clinic,113.24,x,80"), "--datum", "wgs84", "--json")
    told = json.loads(bad.stdout)
    assert (bad.returncode, told["refused"]["code"]) == (1, "imports.bad_rows")
    assert told["faults"] == [
        {"row": 2, "column": "纬度", "value": "x", "code": "cell.not_number", "facts": {}, "text": "不是数字。"}
    ]
    none = wangge("facilities", good, "--json")
    assert (none.returncode, json.loads(none.stdout)["refused"]["code"]) == (1, "places.undeclared")


def test_bad_rows_may_be_left_out_and_a_dry_run_keeps_nothing(wangge, csv):
    path = csv(HEAD, "1,a,clinic,113.24,23.11,80", "2,a,clinic,0,0,1")
    tried = wangge("facilities", path, "--datum", "wgs84", "--skip-bad", "--dry-run", "--json")
    assert {name: json.loads(tried.stdout)[name] for name in ("dry_run", "import_id", "kept", "skipped", "added")} == {
        "dry_run": True, "import_id": None, "kept": 1, "skipped": 1, "added": 1,
    }  # fmt: skip
    kept = wangge("facilities", path, "--datum", "wgs84", "--skip-bad")
    assert (kept.returncode, "新增 1" in kept.stderr) == (0, True)
    assert "跳过 1 行，共 1 处错误" in kept.stderr
    assert "第 3 行 经度 “0” 坐标是 0, 0" in kept.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["facilities", "nowhere.csv", "--datum", "wgs84"], "找不到文件"),
        (["facilities", "{file}"], "没有写明坐标系，不能猜"),
        (["facilities", "{file}", "--datum", "wgs72"], "不认识坐标系“wgs72”"),
        (["facilities", "{file}", "--crs", "1"], "没有 EPSG:1 这个坐标系"),
        (["facilities", "{file}", "--datum", "wgs84", "--encoding", "gb18030"], "不是 gb18030 编码"),
        (["areas", "{file}", "--datum", "wgs84"], "请用 --level 指明区域级别"),
        (["walknet", "{file}", "--datum", "wgs84"], "没有图形"),
    ],
)
def test_a_refusal_says_what_to_do_next(wangge, csv, arguments, words):
    path = csv(HEAD, "1,沙面长者饭堂、颐,clinic,113.24,23.11,80\ufe0f")
    told = wangge(*(str(path) if word == "{file}" else word for word in arguments))
    assert told.returncode == 1
    assert words in told.stderr


def test_a_word_that_is_no_day_is_wrong_usage(wangge, csv):
    told = wangge("areas", csv("编码,名称,范围"), "--level", "street", "--valid-from", "明天")
    assert told.returncode == 2
    assert "“明天”不是日期" in told.stderr


def test_help_shows_an_example_of_every_command(wangge):
    for command in ("areas", "walknet", "facilities", "households", "reports"):
        told = wangge(command, "--help")
        assert told.returncode == 0
        assert f"wangge import {command} " in told.stdout


def test_a_district_comes_from_its_own_files_alone(wangge, csv, tmp_path):
    """Outline, two streets, ways, facilities, homes and a report: every sort of table, four formats."""
    west, east = shapely.box(113.2, 23.1, 113.21, 23.12), shapely.box(113.21, 23.1, 113.22, 23.12)
    district, streets, ways = (tmp_path / name for name in ("区.geojson", "街道.gpkg", "路.shp"))
    whole = gpd.GeoDataFrame({"编码": ["440103"], "名称": ["区"]}, geometry=[shapely.union(west, east)], crs=4326)
    whole.to_file(district)
    halves = gpd.GeoDataFrame(
        {"编码": ["440103001", "440103002"], "名称": ["甲", "乙"]}, geometry=[west, east], crs=4326
    )
    halves.to_crs(4547).to_file(streets)
    line = shapely.LineString([(113.2, 23.11), (113.22, 23.11)])
    gpd.GeoDataFrame({"highway": ["footway"]}, geometry=[line], crs=4326).to_file(ways)
    book = tmp_path / "设施.xlsx"
    pd.DataFrame({"编号": ["1"], "名称": ["a"], "类型": ["长者饭堂"], "经度": [113.205], "纬度": [23.11]}).to_excel(
        book, index=False
    )
    homes = csv("户号,经度,纬度,老人数", "H1,113.215,23.1101,2", "H2,,,1", name="户.csv")
    reports = csv("编号,类别,经度,纬度,上报时间,内容", "R1,井盖,113.215,23.11,2026-03-04 10:00,缺失", name="上报.csv")
    steps = [
        ("areas", district, "--level", "district", "--scheme", "cn-stat"),
        ("areas", streets, "--level", "street", "--scheme", "cn-stat"),
        ("walknet", ways),
        ("facilities", book, "--datum", "wgs84"),
        ("households", homes, "--datum", "wgs84"),
        ("reports", reports, "--datum", "wgs84"),
    ]
    told = [wangge(*step, "--json") for step in steps]
    assert [one.returncode for one in told] == [0] * 6, "\n".join(one.stderr for one in told)
    assert [json.loads(one.stdout)["added"] for one in told] == [1, 2, 1, 1, 2, 1]
    assert json.loads(told[4].stdout)["notes"] == {"no_location": 1}


# The sample -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def liwan(database_url: str) -> str:
    """A small Liwan sample: its areas, streets and rivers are whole, its people fewer."""
    engine = data.db.engine(database_url)
    with data.db.transaction(engine) as session:
        api.actions.sample.load(session, seed=1, scale=0.05)
    engine.dispose()
    return database_url


def facilities_of(url: str) -> gpd.GeoDataFrame:
    engine = data.db.engine(url)
    with data.db.transaction(engine) as session:
        frame = data.facilities.frame(session, status=None)
    engine.dispose()
    return frame


def test_facilities_in_gcj02_declared_wgs84_are_refused_and_declared_right_land_where_they_belong(
    liwan, program, tmp_path
):
    """The sample's own facilities under other ids, as a map service would give them: found by the streets and rivers
    alone, and brought back to within a metre of where they are."""
    true = facilities_of(liwan)
    lon, lat = gis.crs.from_wgs84(true.geometry.x, true.geometry.y, "gcj02")
    path = tmp_path / "gcj02.csv"
    columns = {
        "编号": "again-" + true["id"],
        "名称": true["name"],
        "类型": true["kind"],
        "经度": lon.round(6),
        "纬度": lat.round(6),
    }
    pd.DataFrame(columns).to_csv(path, index=False)
    wangge = program(liwan)
    refused = wangge("facilities", path, "--datum", "wgs84", "--json")
    told = json.loads(refused.stdout)["refused"]
    assert (refused.returncode, told["code"], told["facts"]["fits"]) == (1, "datumgate.near", "gcj02")
    assert told["facts"]["share_fits"] > told["facts"]["share_declared"]
    assert "--datum gcj02" in refused.stderr
    assert wangge("facilities", path, "--datum", "gcj02").returncode == 0
    after = facilities_of(liwan).set_index("id")
    again, here = after.loc["again-" + true["id"]], after.loc[true["id"]]
    x, y = gis.crs.Metric(4547).forward(*np.array([again.geometry.x, again.geometry.y]))
    there = gis.crs.Metric(4547).forward(*np.array([here.geometry.x, here.geometry.y]))
    assert np.hypot(x - there[0], y - there[1]).max() < 1.0
    codes = ["street_code", "community_code", "grid_code"]
    assert again[codes].to_numpy().tolist() == here[codes].to_numpy().tolist()
