"""Layers -> a whole page.

`coverage` writes the folium map of one run. Its figures come as they may be shown: `CoveragePage.exact` says which of
the two wordings goes with them, this module hides nothing and computes nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import folium
import folium.template
import geopandas as gpd
import jinja2
from branca.element import Figure

import maps.fonts
import maps.layers
import maps.offline
import maps.palette
import maps.texts
from gis.errors import Invalid

LEVELS = ("district", "street", "community", "grid")

#: Letters that a page may need beyond those it is written with: what a reader can type or a browser insert.
ALWAYS = "".join(map(chr, range(32, 127))) + "…—–·×“”‘’（）：；，。、？！％°²"


@dataclass(frozen=True)
class CoveragePage:
    """What a coverage map shows.

    areas
        For each level, coarse to fine, a frame of `code name geometry kind verdict elders covered uncovered unknown`
        and `rate_low rate_high` (published) or `elder_coverage_rate` (exact), fractions of one; one row per area, kind
        and verdict; null means hidden. An area without figures has one row with null `kind` and `verdict`.
        Optional: `parent_code`, `grid_kind`.
    facilities, water, walk_lines
        `gis.frames.FACILITIES`; polygons and lines of water; lines with `highway`. EPSG:4326.
    run
        `run_id minutes metres verdicts data_date synthetic attribution created_at`, and `scenario` (id, name) where
        the run tried one: then `facilities` are those of the scenario.
    catchments
        Outlines to be drawn and never counted: `facility_id kind geometry`; None: none are offered.
    kinds
        Names of the facility kinds, (zh, en); kinds that are not given are named by `maps/texts`.
    level, kind, verdict
        What the page opens with; None: the level that suits the zoom, the circle, the first verdict.
    """

    areas: Mapping[str, gpd.GeoDataFrame]
    facilities: gpd.GeoDataFrame
    run: Mapping[str, Any]
    water: gpd.GeoDataFrame | None = None
    walk_lines: gpd.GeoDataFrame | None = None
    catchments: gpd.GeoDataFrame | None = None
    kinds: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    lang: str = "zh"
    exact: bool = False
    level: str | None = None
    kind: str | None = None
    verdict: str | None = None


def _only(name: str, assets: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [pair for pair in assets if pair[0] == name]


class CoverageMap(folium.Map):
    """folium's map with Leaflet alone: no jQuery, no Bootstrap, no icon fonts, and zoom by pinching left on."""

    default_js = _only("leaflet", folium.Map.default_js)
    default_css = _only("leaflet_css", folium.Map.default_css)
    _template = folium.template.Template(
        '{% macro html(this, kwargs) %}<div class="folium-map" id="{{ this.get_name() }}"></div>{% endmacro %}'
        "{% macro script(this, kwargs) %}var {{ this.get_name() }} = L.map({{ this.get_name()|tojson }}, "
        "{{ this.options|tojavascript }}).setView({{ this.location|tojson }}, {{ this.options.zoom }});{% endmacro %}"
    )


def coverage(page: CoveragePage, *, single_file: bool = False, home: bool = False, static: str = "static") -> str:
    """The map as HTML: with its scripts below the relative folder `static`, or with everything inside.

    `home` adds the links of the running server to the header.
    """
    html = figure(page, home=home).render()
    return maps.offline.single(html) if single_file else maps.offline.served(html, static=static)


def write(page: CoveragePage, path: Path, *, single_file: bool = False) -> None:
    """The map as a file; when it is not a single one, its scripts are laid beside it in `static/`."""
    html = coverage(page, single_file=single_file)
    if not single_file:
        _lay_out(maps.offline.files(html), path.parent / "static")
    draft = path.with_name(f".{path.name}.part")
    draft.write_text(html, encoding="utf-8")
    draft.replace(path)


def home(page: CoveragePage | None, *, lang: str = "zh", static: str = "static") -> str:
    """The first page of the running server: the map of the newest run, or what to do to get one."""
    return empty(lang=lang, static=static) if page is None else coverage(page, home=True, static=static)


def empty(*, lang: str = "zh", static: str = "static") -> str:
    """What to do when nothing has been computed yet."""
    html = _environment().get_template("empty.html").render(lang=lang, say=_sayer(lang))
    return maps.offline.served(html, static=static)


def figure(page: CoveragePage, *, home: bool = False) -> Figure:
    """The folium page before its addresses are made local: a caller may still add folium layers to it."""
    facts = page_facts(page)
    drawn = CoverageMap(location=_middle(page), tiles=None, zoom_start=12, zoom_control=False, max_zoom=19,
                        attribution_control=False, zoom_snap=0.5)  # fmt: skip
    drawn._id = "coverage"
    for layer in _layers(page, facts):
        drawn.add_child(layer)
    root = cast(Figure, drawn.get_root())
    root._template = _environment().get_template("coverage.html")
    shell = {
        "home": home,
        "say": _sayer(page.lang),
        "palette": maps.palette,
        "font": maps.fonts.embedded(_letters(page)),
    }
    vars(root)["page"] = {**facts, **shell}
    return root


def page_facts(page: CoveragePage) -> dict[str, Any]:
    """Everything on the page that is not an area, a facility or a line."""
    held = dict.fromkeys(pair for frame in page.areas.values() for pair in maps.layers.pairs(frame))
    kinds = _ordered((kind for kind, _ in held), ("circle", *page.kinds, *maps.palette.GLYPHS))
    verdicts = _ordered((verdict for _, verdict in held), tuple(page.run.get("verdicts", ())))
    return {
        "lang": page.lang,
        "exact": page.exact,
        "place": place(page),
        "run": {"scenario": None, **page.run, "attribution": list(page.run["attribution"]),
                **{name: _moment(page.run[name]) for name in ("created_at", "data_date")}},
        "levels": {level: named(f"page.level.{level}") for level in page.areas},
        "kinds": {kind: page.kinds.get(kind) or named(f"page.kind.{kind}") for kind in kinds},
        "facility_kinds": facility_kinds(page),
        "verdicts": {verdict: named(f"page.verdict.{verdict}") for verdict in verdicts},
        "hidden": ["catchments"],
        "catchments": page.catchments is not None,
        "open": {"level": page.level, "kind": page.kind, "verdict": page.verdict},
    }  # fmt: skip


def facility_kinds(page: CoveragePage) -> dict[str, Any]:
    """The kinds that have a facility on the map, with their names and signs."""
    present = _ordered(page.facilities["kind"].unique(), tuple(maps.palette.GLYPHS))
    names = {kind: page.kinds.get(kind) or named(f"page.kind.{kind}") for kind in present}
    return {kind: {"names": names[kind], "glyph": maps.palette.glyph(kind, names[kind][0])} for kind in present}


def place(page: CoveragePage) -> str:
    """The name of the one area that holds all the others, if there is one."""
    topmost = next(iter(page.areas.values()), None)
    if topmost is None or topmost.empty:
        raise Invalid("maps.areas.none")
    names = topmost.drop_duplicates("code")["name"]
    return str(names.iloc[0]) if len(names) == 1 else ""


def named(key: str) -> tuple[str, str]:
    """A word in both languages; a level or kind that a district added itself is shown as it wrote it."""
    if not maps.texts.has(key):
        return (key.rpartition(".")[2],) * 2
    return maps.texts.say(key, "zh"), maps.texts.say(key, "en")


def _layers(page: CoveragePage, facts: dict[str, Any]) -> list[maps.layers.Layer]:
    words = {key: said for key, said in maps.texts.words().items() if key.startswith("page.")}
    shown = {**facts, "words": words, "facility_kinds": {k: v["names"] for k, v in facts["facility_kinds"].items()}}
    return [
        maps.layers.Layer("page", shown),
        maps.layers.areas(page.areas),
        maps.layers.facilities(page.facilities),
        maps.layers.water(page.water),
        maps.layers.walkways(page.walk_lines),
        maps.layers.catchments(page.catchments),
    ]


def _letters(page: CoveragePage) -> str:
    """Every letter that the page can show."""
    columns = [*(frame["name"] for frame in page.areas.values())]
    columns += [page.facilities[name] for name in ("name", "opens", "operator") if name in page.facilities]
    texts = [text for key, said in maps.texts.words().items() if key.startswith("page.") for text in said.values()]
    texts += [text for column in columns for text in column.dropna().astype(str).unique()]
    return "".join(sorted(set(ALWAYS.join([*texts, str(page.run), str(page.kinds)]))))


def _middle(page: CoveragePage) -> list[float]:
    place(page)
    west, south, east, north = next(iter(page.areas.values())).total_bounds
    return [float(south + north) / 2, float(west + east) / 2]


def _moment(when: Any) -> str:
    """Days as they are, moments in China's time: every reader of the page is there."""
    if not isinstance(when, datetime):
        return "" if when is None else str(when)
    return when.astimezone(ZoneInfo("Asia/Shanghai")).strftime("%Y-%m-%d %H:%M")


def _ordered(names: Any, first: tuple[str, ...]) -> list[str]:
    given = set(names)
    return [name for name in dict.fromkeys(first) if name in given] + sorted(given - set(first))


def _sayer(lang: str) -> Any:
    def say(key: str, **facts: object) -> str:
        return maps.texts.say(f"page.{key}", lang, **facts)

    return say


def _lay_out(names: set[str], folder: Path) -> None:
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(maps.offline.STATIC / name, target)


@cache
def _environment() -> jinja2.Environment:
    folder = Path(__file__).parent / "templates"
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.globals.update(named=named, sentence=maps.texts.say)
    return environment
