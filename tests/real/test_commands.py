"""From a place's own files to its coverage map with nothing but commands, as a district's clerk would type them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import api.cli
import api.cli.terminal

pytestmark = [pytest.mark.real, pytest.mark.database]

Type = Callable[..., Any]


@pytest.fixture
def wangge(
    own_database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> Iterator[Type]:
    """Type a command: it must end with status 0; what it prints as JSON comes back."""
    monkeypatch.setenv("WANGGE_DATABASE_URL", own_database_url)
    monkeypatch.setenv("WANGGE_HOME", str(home))
    api.cli.terminal.settings.cache_clear()

    def typed(*words: object) -> Any:
        status = api.cli.run([str(word) for word in words])
        printed = capsys.readouterr()
        assert status == 0, printed.err
        return json.loads(printed.out) if "--json" in words else printed.out

    yield typed
    api.cli.terminal.settings.cache_clear()


def test_a_whole_country_goes_from_its_extract_to_its_map(wangge: Type, shared_data: Path, tmp_path: Path) -> None:
    """11 municipalities, some 7,900 buildings, one hospital, in Vaduz: only there is anybody covered by it."""
    extract = shared_data / "rehearsal" / "liechtenstein.osm.pbf"
    wangge("import", "areas", extract, "--level", "district", "--admin-level", 2, "--within", "Liechtenstein")
    wangge("import", "areas", extract, "--level", "street", "--admin-level", 8, "--within", "Liechtenstein")
    for what in ("walknet", "households", "facilities"):
        wangge("import", what, extract)
    answer = wangge("coverage", "run", "--kind", "clinic", "--json")
    streets = wangge("coverage", "show", answer["run_id"], "--level", "street", "--json")["areas"]
    page, sheet = tmp_path / "map.html", tmp_path / "map.png"
    wangge("map", "coverage", answer["run_id"], "--level", "street", "--single-file", "-o", page)
    wangge("map", "coverage", answer["run_id"], "--level", "street", "-o", sheet)
    assert answer["synthetic"]
    assert answer["data_date"] == "2015-07-27"
    for rule, total in answer["kinds"]["clinic"].items():
        of = [row for row in streets if row["verdict"] == rule and row["kind"] == "clinic"]
        assert len(of) == 11
        for count in ("households", "elders", "covered", "uncovered", "unknown"):
            assert sum(row[count] for row in of) == total[count]
        assert {row["name"] for row in of if row["covered"]} == {"Vaduz"}
        assert total["elders"] == total["covered"] + total["uncovered"] + total["unknown"] > 7500
    assert "Vaduz" in page.read_text(encoding="utf-8")
    assert sheet.stat().st_size > 100_000


HOMES = """户号,经度,纬度,老人数
a,113.2380,23.1100,1
b,113.2420,23.1090,2
c,113.2392,23.1097,1
d,113.2000,23.0600,1
"""
CANTEEN = """编号,名称,类型,经度,纬度
x,沙面试点饭堂,canteen,113.2410,23.1098
"""


def test_shamian_is_decided_on_its_real_streets_inside_the_real_outline(
    wangge: Type, shared_data: Path, tmp_path: Path
) -> None:
    """Four made homes: three on the island within 500 m of the made canteen, one 5 km off any street that is drawn.

    By the map: a degree of longitude is 102.5 km and one of latitude 110.8 km here, and the streets are a lattice, so a
    walk is about the sum of both legs: a 308 + 22 m, b 103 + 89 m, c 185 + 11 m, each well below 500 m.
    """
    outline = shared_data / "liwan_district.geojson"
    street = json.loads(outline.read_text(encoding="utf-8"))
    street["features"][0]["properties"] = {"编码": "440103999", "名称": "全区（虚构的街道）", "上级": "440103"}
    made = {"street.geojson": json.dumps(street), "homes.csv": HOMES, "canteen.csv": CANTEEN}
    for name, text in made.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    wangge("import", "areas", outline, "--level", "district", "--code", "adcode", "--name", "name")
    columns = ("--code", "编码", "--name", "名称", "--parent", "上级")
    wangge("import", "areas", tmp_path / "street.geojson", "--level", "street", "--synthetic", *columns)
    wangge("import", "walknet", shared_data / "shamian.osm.pbf", "--clip-to", "440103")
    wangge("import", "households", tmp_path / "homes.csv", "--datum", "wgs84", "--synthetic")
    wangge("import", "facilities", tmp_path / "canteen.csv", "--datum", "wgs84", "--synthetic")
    answer = wangge("coverage", "run", "--kind", "canteen", "--json")
    total = answer["kinds"]["canteen"]["standard"]
    assert (total["households"], total["elders"]) == (4, 5)
    assert (total["covered"], total["uncovered"], total["unknown"]) == (4, 0, 1)
    written = tmp_path / "homes_out.csv"
    wangge("coverage", "export", answer["run_id"], "--what", "households", "-o", written)
    assert "off_network" in written.read_text(encoding="utf-8-sig")
    wangge("map", "coverage", answer["run_id"], "--level", "district", "-o", tmp_path / "map.png")
