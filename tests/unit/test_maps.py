"""Map pages and prints without a browser: what is packed, what is inside, what is refused."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import io
import json
import re
from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from PIL import Image

import maps.codec
import maps.fonts
import maps.layers
import maps.offline
import maps.pages
import maps.palette
import maps.printed
from gis.errors import Invalid
from worlds import mapped

HOSTILE = """</script><script>bad()</script>{{ 7*7 }}{% raw %}'"“”& src='//evil.example/x.js' 🏮"""


def page(**changes: object) -> maps.pages.CoveragePage:
    made = maps.pages.CoveragePage(
        areas=mapped.levels(), facilities=mapped.facilities(), run=mapped.RUN,
        water=mapped.water(), walk_lines=mapped.walk_lines(),
    )  # fmt: skip
    return dataclasses.replace(made, **changes)


def unpacked(text: str) -> list[int]:
    """The format read a second way: octet by octet, as its description says."""
    numbers, value, place = [], 0, 0
    for octet in base64.b64decode(text):
        value |= (octet & 127) << place
        place += 7
        if octet < 128:
            numbers.append(value // 2 if value % 2 == 0 else -(value + 1) // 2)
            value = place = 0
    return numbers


def block(html: str, name: str) -> object:
    found = re.search(rf'<script type="application/json" id="wangge-{name}">(.*?)</script>', html, re.DOTALL)
    assert found
    return json.loads(found[1])


needs_scripts = pytest.mark.skipif(
    not (maps.offline.STATIC / "vendor").is_dir(), reason="the set-up has not installed the scripts of others"
)
needs_font = pytest.mark.skipif(maps.fonts.find() is None, reason="no Chinese font on this machine")


def test_packed_numbers_are_read_back_whatever_their_size():
    numbers = [0, 1, -1, 63, 64, -64, -65, 8191, -8192, 18_000_000, -18_000_000, 2**31, -(2**31)]
    assert unpacked(maps.codec.pack(np.array(numbers))) == numbers


def test_small_differences_take_one_octet_each():
    """A hundred numbers between -64 and 63: 100 octets, 136 letters of base64."""
    assert len(maps.codec.pack(np.arange(100) % 128 - 64)) == 136


def test_nothing_packs_to_nothing():
    assert maps.codec.pack(np.array([], dtype=int)) == ""
    assert maps.codec.polygons(np.array([], dtype=object)) == {"xy": "", "rings": "", "parts": "", "areas": ""}


def test_a_polygon_with_a_hole_and_an_island_keeps_its_rings():
    """A 3 × 3 box with a 1 × 1 hole, and a 1 × 1 box beside it: rings of 5, 5, 5 vertices in parts of 2 and 1."""
    holed = shapely.box(0, 0, 3, 3) - shapely.box(1, 1, 2, 2)
    packed = maps.codec.polygons(np.array([shapely.union(holed, shapely.box(5, 0, 6, 1))], dtype=object))
    assert [unpacked(packed[name]) for name in ("rings", "parts", "areas")] == [[5, 5, 5], [2, 1], [2]]


def test_coordinates_come_back_within_half_a_metre_and_a_bit():
    """Half of 1e-5 degrees is 0.56 m."""
    line = shapely.LineString([(113.2345678, 23.1234567), (113.2399999, 23.1000001)])
    back = np.cumsum(np.reshape(unpacked(maps.codec.lines(np.array([line]))["xy"]), (-1, 2)), axis=0) / maps.codec.SCALE
    assert np.abs(back - shapely.get_coordinates(line)).max() <= 0.5e-5 + 1e-12


def test_neighbours_still_share_their_border_after_simplifying():
    """A wavy border of 200 vertices between two areas: fewer vertices, no gap, no overlap."""
    lat = np.linspace(23.10, 23.11, 200)
    wave = np.column_stack([113.2 + 3e-5 * np.sin(np.arange(200) / 5), lat])
    west = shapely.Polygon([(113.19, 23.10), *wave, (113.19, 23.11)])
    east = shapely.Polygon([(113.21, 23.10), *wave, (113.21, 23.11)])
    frame = gpd.GeoDataFrame({"code": ["w", "e"]}, geometry=[west, east], crs=4326)
    thin = maps.layers.simplified(frame)
    assert shapely.get_num_coordinates(thin).sum() < 0.6 * shapely.get_num_coordinates([west, east]).sum()
    assert thin[0].intersection(thin[1]).area == 0
    assert shapely.union_all(thin).area == pytest.approx(sum(shape.area for shape in thin), rel=1e-12)


def test_joined_ways_say_the_same_length():
    """A street cut into ten edges becomes one line of two vertices."""
    xs = np.linspace(113.2, 113.21, 11)
    cut = [shapely.LineString([(a, 23.1), (b, 23.1)]) for a, b in pairwise(xs)]
    frame = gpd.GeoDataFrame({"highway": ["residential"] * 10}, geometry=cut, crs=4326)
    ranks = [unpacked(rank["sizes"]) for rank in json.loads(maps.layers.walkways(frame).json)]
    assert ranks == [[], [2], []]


def test_a_hostile_name_cannot_leave_its_block():
    text = maps.layers.safe_json({"name": HOSTILE})
    assert json.loads(text) == {"name": HOSTILE}
    assert not re.search(r"[<>&']|\{\{|\{%|\{#", text)


@needs_scripts
def test_hostile_names_reach_the_page_as_text():
    areas = mapped.levels(names=[HOSTILE])
    html = maps.pages.coverage(page(areas=areas, facilities=mapped.facilities(names=[HOSTILE])))
    assert "<script>bad()" not in html
    assert HOSTILE in block(html, "areas")[1]["name"]
    assert HOSTILE in block(html, "facilities")["name"]


@needs_scripts
def test_the_served_page_names_only_files_of_ours():
    html = maps.pages.coverage(page())
    named = re.findall(r'<(?:script|link)[^>]* (?:src|href)="([^"]+)"', html)
    assert sorted(named) == ["data:,", "static/coverage/page.css", "static/coverage/page.js",
                             "static/vendor/leaflet/leaflet.css", "static/vendor/leaflet/leaflet.js"]  # fmt: skip


@needs_scripts
def test_the_single_file_names_no_file_at_all():
    html = maps.pages.coverage(page(), single_file=True)
    assert re.findall(r'<(?:script|link)[^>]* (?:src|href)="(?!data:)', html) == []
    assert "url(images/" not in html


@needs_scripts
def test_a_page_is_the_same_bytes_every_time():
    assert maps.pages.coverage(page(), single_file=True) == maps.pages.coverage(page(), single_file=True)


@needs_scripts
def test_a_written_page_brings_its_scripts(tmp_path: Path):
    maps.pages.write(page(), tmp_path / "map.html")
    html = (tmp_path / "map.html").read_text(encoding="utf-8")
    assert all((tmp_path / "static" / name).is_file() for name in maps.offline.files(html))
    assert (tmp_path / "static/coverage/codec.js").is_file()
    assert (tmp_path / "static/vendor/leaflet/images/layers.png").is_file()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["map.html", "static"]


def test_an_address_without_a_file_of_ours_is_refused():
    with pytest.raises(Invalid, match=r"maps\.asset\.unknown") as caught:
        maps.offline.served('<script src="https://cdn.example/jquery.min.js"></script>')
    assert caught.value.facts == {"url": "https://cdn.example/jquery.min.js"}


@pytest.mark.parametrize(
    "tag", ['<img src="//cdn.example/a.png">', "<link rel='icon' href='https://cdn.example/i.ico'>"]
)
def test_an_address_in_a_tag_we_do_not_expect_is_refused_too(tag: str):
    with pytest.raises(Invalid, match=r"maps\.asset\.unknown"):
        maps.offline.served(tag)


def test_a_newer_leaflet_than_the_one_we_hold_is_refused():
    with pytest.raises(Invalid, match=r"maps\.asset\.unknown"):
        maps.offline.local("https://cdn.example/npm/leaflet@9.9.9/dist/leaflet.js")


@needs_scripts
@pytest.mark.parametrize("name", sorted(set(maps.offline.vendored().values())))
def test_a_script_of_others_is_the_one_that_was_read(name: str):
    listed = maps.offline.tomllib.loads((maps.offline.STATIC.parent / "vendor.toml").read_text(encoding="utf-8"))
    hashes = {f"vendor/{row['target']}": row["sha256"] for row in listed["file"]}
    assert hashlib.sha256(maps.offline.read(name)).hexdigest() == hashes[name]


def test_each_module_is_enclosed_once_after_those_it_needs():
    order = maps.offline.modules("coverage/page.js")
    files = {path.name for path in (maps.offline.STATIC / "coverage").glob("*.js")}
    assert set(order) == files
    assert order[-1] == "page.js"
    assert order.index("codec.js") < order.index("atlas.js") < order.index("areas.js")


def test_modules_keep_to_what_can_be_enclosed():
    """`export` before a function or a const, `import { … } from "./…"`; anything else would break the single file."""
    for path in (maps.offline.STATIC / "coverage").glob("*.js"):
        source = path.read_text(encoding="utf-8")
        assert len(re.findall(r"^export\b", source, re.MULTILINE)) == len(maps.offline._EXPORT.findall(source)), (
            path.name
        )
        assert len(re.findall(r"^import\b", source, re.MULTILINE)) == len(maps.offline._IMPORT.findall(source)), (
            path.name
        )
        assert source.count("\n") < 300
        assert "innerHTML =" not in source


def test_figures_reach_the_page_as_they_were_given():
    """The sixth street is hidden, so its counts are null; the tenth has no row at all."""
    street = json.loads(maps.layers.areas(mapped.levels()).json)[1]
    table = street["figures"]["canteen|standard"]
    assert table["state"] == "01234hk-3n01"
    assert table["elders"][:7] == [100, 100, 100, 100, 100, None, 40]
    assert table["covered"][9] is None
    assert table["unsure"] == [6, 8]


def test_a_page_without_areas_is_refused():
    with pytest.raises(Invalid, match=r"maps\.areas\.none"):
        maps.pages.figure(page(areas={}))


def test_kinds_and_levels_of_a_districts_own_are_shown_as_they_are():
    areas = mapped.levels()
    facts = maps.pages.page_facts(page(areas={"片区": areas["street"]}, kinds={"clinic": ("诊所", "Surgery")}))
    assert facts["levels"] == {"片区": ("片区", "片区")}
    assert facts["kinds"]["clinic"] == ("诊所", "Surgery")
    assert next(iter(facts["kinds"])) == "circle"


@needs_font
def test_the_letters_a_page_carries_are_those_it_uses():
    from fontTools.ttLib import TTFont

    data = maps.fonts.embedded("荔湾网格 abc")
    with TTFont(io.BytesIO(base64.b64decode(data.partition(",")[2]))) as font:
        assert set(map(ord, "荔湾网格 abc")) <= set(font.getBestCmap())
    assert len(data) < 10_000


# Print ----------------------------------------------------------------------------------------------------------------


@needs_font
@pytest.mark.parametrize("name", ["map.pdf", "map.png"])
def test_a_print_is_the_same_bytes_every_time(tmp_path: Path, name: str):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        maps.printed.coverage(page(), tmp_path / folder / name)
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@needs_font
def test_a_pdf_is_a4_lying_and_its_chinese_can_be_copied(tmp_path: Path):
    """297 × 210 mm are 841.9 × 595.3 points; the text is read back, so the fonts are in the file."""
    pdfium = pytest.importorskip("pypdfium2")
    maps.printed.coverage(page(), tmp_path / "map.pdf")
    document = pdfium.PdfDocument(tmp_path / "map.pdf")
    assert document[0].get_size() == pytest.approx((841.9, 595.3), abs=1)
    text = document[0].get_textpage().get_text_range()
    for words in ("试验区10分钟居家养老服务圈", "合成数据", "synthetic", "老人覆盖率", "分子", "分母", "80–100%",
                  "无法判定", "数据日期 2026-09-23", "© OpenStreetMap contributors", "km", "华林街"):  # fmt: skip
        assert words in text, words


@needs_font
def test_a_picture_for_a_readme_is_small_and_keeps_its_class_colours(tmp_path: Path):
    maps.printed.coverage(page(), tmp_path / "map.png", width_px=1600, colours=128)
    with Image.open(tmp_path / "map.png") as picture:
        seen = {colour for _, colour in picture.convert("RGB").getcolors(1 << 24)}
        assert picture.width == 1600
    assert (tmp_path / "map.png").stat().st_size <= 300_000
    assert {tuple(bytes.fromhex(colour[1:])) for colour in maps.palette.CLASSES} <= seen


@needs_font
def test_a_level_too_long_for_the_table_shows_its_worst_and_counts_the_rest(tmp_path: Path):
    """192 grids alone, no level above: 26 rows and 166 left out; no name is drawn on the map."""
    maps.printed.coverage(page(areas={"grid": mapped.levels()["grid"]}), tmp_path / "map.pdf")
    pdfium = pytest.importorskip("pypdfium2")
    text = pdfium.PdfDocument(tmp_path / "map.pdf")[0].get_textpage().get_text_range()
    assert "另 166 个未列出" in text
    assert "0–20%" in text


@needs_font
def test_names_with_marks_of_typesetting_are_printed_as_they_are(tmp_path: Path):
    areas = mapped.levels(names=["$x_1$街", r"\frac街"])
    maps.printed.coverage(page(areas=areas), tmp_path / "map.pdf")
    pdfium = pytest.importorskip("pypdfium2")
    text = pdfium.PdfDocument(tmp_path / "map.pdf")[0].get_textpage().get_text_range()
    assert "$x_1$街" in text
    assert r"\frac街" in text


def test_another_format_is_refused_by_name(tmp_path: Path):
    with pytest.raises(Invalid, match=r"maps\.format\.unknown"):
        maps.printed.coverage(page(), tmp_path / "map.docx")
    assert list(tmp_path.iterdir()) == []
