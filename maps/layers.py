"""A table -> one folium layer.

Each layer is a folium element that puts its table into the page as one JSON block; the modules of
`static/coverage/` draw it. GeoJSON with a style function per feature, folium's own way, is twenty times the bytes and
draws one kind and one verdict only (2,000 grids × 7 kinds × 2 verdicts: 60 MB against 2 MB).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from branca.element import MacroElement
from jinja2 import Template

import maps.codec
import maps.palette

#: Triangles below the square of this are cut off a border, in degrees: 4 m, one pixel at the zoom of a grid.
TOLERANCE = 4 / 111_320

#: Walking ways by how far out they are still drawn: main roads, streets, and all the rest (paths, steps, lanes).
MAIN = frozenset(("motorway", "trunk", "primary", "secondary", "tertiary"))
STREET = frozenset(("residential", "unclassified", "living_street", "pedestrian", "service", "road"))


class Layer(MacroElement):
    """A named block of JSON that the page's scripts look up by its id."""

    _template = Template(
        '{% macro html(this, kwargs) %}<script type="application/json" id="wangge-{{ this.layer }}">'
        "{{ this.json }}</script>{% endmacro %}"
    )

    def __init__(self, layer: str, block: object) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name, self._id = "layer", layer
        self.layer = layer
        self.json = safe_json(block)


def areas(levels: Mapping[str, gpd.GeoDataFrame]) -> Layer:
    """The areas of each level, coarse to fine, with the figures of every kind and verdict."""
    return Layer("areas", [_level(name, frame) for name, frame in levels.items()])


def facilities(frame: gpd.GeoDataFrame) -> Layer:
    """Points by kind, with what a person asks before walking there."""
    seen = frame[~(frame.geometry.isna() | frame.geometry.is_empty)]
    block: dict[str, object] = {**maps.codec.points(np.asarray(seen.geometry)), "facts": {}}
    columns = ("id", "name", "kind", "capacity", "opens", "operator", "delivery_mode", "status")
    return Layer("facilities", {**block, **{name: _plain(seen[name]) for name in columns if name in seen}})


def water(frame: gpd.GeoDataFrame | None) -> Layer:
    """Water faces, and the lines of streams too narrow to have one."""
    faces, lines = by_dimension(frame, 2), by_dimension(frame, 1)
    return Layer("water", {"faces": maps.codec.polygons(faces), "lines": maps.codec.lines(lines)})


def walkways(frame: gpd.GeoDataFrame | None) -> Layer:
    """The walking network in three ranks; edges that meet end to end are joined, so one line says many."""
    if frame is None:
        return Layer("walkways", [])
    rank_of = ranks(frame)
    return Layer("walkways", [maps.codec.lines(joined(frame.geometry[rank_of == rank])) for rank in range(3)])


def catchments(frame: gpd.GeoDataFrame | None) -> Layer:
    """The ground within reach of each facility by kind, for drawing only; a facility that reaches nothing has none."""
    if frame is None:
        return Layer("catchments", {"kind": [], "shape": maps.codec.polygons(np.array([], dtype=object))})
    seen = frame[~(frame.geometry.isna() | frame.geometry.is_empty)]
    outlines = shapely.simplify(np.asarray(seen.geometry, dtype=object), TOLERANCE)
    return Layer("catchments", {"kind": _plain(seen["kind"]), "shape": maps.codec.polygons(outlines)})


def safe_json(block: object) -> str:
    """JSON that may stand inside a script element and inside a template of branca, whoever chose the names.

    branca reads what it wrote as a template once more, so `{{` in a name would be carried out.
    """
    text = json.dumps(block, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    text = re.sub(r"\{(?=[{%#])", r"\\u007b", text)
    return re.sub("[<>&'\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", text)


def simplified(frame: gpd.GeoDataFrame) -> np.ndarray:
    """Outlines with fewer vertices: neighbours of a partition keep one shared border, overlapping areas go alone."""
    geometry = np.asarray(frame.geometry, dtype=object).copy()
    alone = dedicated(frame)
    geometry[~alone] = shapely.coverage_simplify(geometry[~alone], TOLERANCE)
    geometry[alone] = shapely.simplify(geometry[alone], TOLERANCE)
    return geometry


def places(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Each area once: a joined frame repeats it for every kind and verdict."""
    return frame.drop_duplicates("code").sort_values("code").reset_index(drop=True)


def figures(frame: pd.DataFrame, codes: pd.Series, kind: str, verdict: str) -> pd.DataFrame:
    """The figures of one kind and verdict, one row per code in the order given; rows without figures are null."""
    chosen = frame[(frame["kind"] == kind) & (frame["verdict"] == verdict)].set_index("code")
    return chosen.reindex(codes)


def pairs(frame: pd.DataFrame) -> Iterable[tuple[str, str]]:
    """The kinds and verdicts that a frame holds figures of."""
    held = frame[["kind", "verdict"]].dropna().drop_duplicates()
    return [(str(kind), str(verdict)) for kind, verdict in held.itertuples(index=False)]


def _level(name: str, frame: gpd.GeoDataFrame) -> dict[str, object]:
    once = places(frame)
    return {
        "level": name,
        "code": _plain(once["code"]),
        "name": _plain(once["name"]),
        "parent": _plain(once["parent_code"]) if "parent_code" in once else [],
        "dedicated": np.flatnonzero(dedicated(once)).tolist(),
        "shape": maps.codec.polygons(simplified(once)),
        "middle": maps.codec.points(shapely.point_on_surface(np.asarray(once.geometry))),
        "figures": {f"{k}|{v}": _columns(figures(frame, once["code"], k, v)) for k, v in pairs(frame)},
    }


def _columns(frame: pd.DataFrame) -> dict[str, object]:
    counts = {name: _plain(frame[name].astype("Int64")) for name in ("elders", "covered", "uncovered", "unknown")}
    facts: dict[str, object] = {"state": "".join(maps.palette.states(frame)), **counts}
    if "elder_coverage_rate" in frame:
        facts["rate"] = _plain(frame["elder_coverage_rate"].astype("Float64").round(4))
    return {**facts, "unsure": np.flatnonzero(maps.palette.unsure(frame)).tolist()}


def dedicated(frame: gpd.GeoDataFrame) -> np.ndarray:
    kind = frame["grid_kind"] if "grid_kind" in frame else pd.Series("", index=frame.index)
    return (kind == "dedicated").to_numpy()


def ranks(frame: gpd.GeoDataFrame) -> np.ndarray:
    highway = frame["highway"] if "highway" in frame else pd.Series("", index=frame.index)
    plain = highway.astype(str).str.removesuffix("_link")
    return np.select([plain.isin(MAIN), plain.isin(STREET)], [0, 1], 2)


def joined(lines: gpd.GeoSeries) -> np.ndarray:
    """Edges that meet end to end, each chain as one line."""
    merged = shapely.line_merge(shapely.multilinestrings(shapely.get_parts(np.asarray(lines, dtype=object))))
    return shapely.simplify(shapely.get_parts(merged), TOLERANCE / 4)


def by_dimension(frame: gpd.GeoDataFrame | None, dimension: int) -> np.ndarray:
    if frame is None:
        return np.array([], dtype=object)
    parts = shapely.get_parts(np.asarray(frame.geometry, dtype=object))
    return np.asarray(shapely.simplify(parts[shapely.get_dimensions(parts) == dimension], TOLERANCE / 4), dtype=object)


def _plain(column: pd.Series) -> list[object]:
    """A column as JSON has it: numbers and texts, null where it says nothing."""
    return column.astype(object).where(column.notna(), None).tolist()
