"""Care facilities and homes of an extract, by the table `osm_tags.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import osmium
import osmium.filter
import pandas as pd
import shapely

import gis.crs
from data.ingest.osm.reading import Place, places

TAGS = Path(__file__).parent.parent / "osm_tags.toml"
#: What stands where an address would: nobody shall take a building for a household.
STAND_IN = "building stand-in 建筑替身"


@dataclass(frozen=True)
class Found:
    """What was found, and how many places were looked at and passed over, by reason."""

    frame: gpd.GeoDataFrame
    passed_over: dict[str, int]


def care(path: Path) -> Found:
    """Care facilities as `gis.frames.FACILITIES`, an area by a point inside it, sorted by id.

    An area whose shape the extract does not hold whole is passed over (`incomplete`), as is a node that repeats an
    area of the same kind and name around it (`repeated`).
    """
    table = tags()
    seen = [(kind_of(place.tags, table), place) for place in places(path, osmium.filter.KeyFilter(*table["keys"]))]
    matched = [(kind, place) for kind, place in seen if kind]
    whole = [(kind, place) for kind, place in matched if place.shape is not None]
    frame = _facilities(whole)
    once = ~_repeated(frame, np.array([place.shape for _, place in whole], dtype=object))
    counts = {"incomplete": len(matched) - len(whole), "repeated": int((~once).sum())}
    return Found(frame[once].sort_values("id", ignore_index=True), counts)


def buildings(path: Path, *, within: Any = None) -> Found:
    """Homes as stand-ins for households (`gis.frames.HOUSEHOLDS`): one elder each, synthetic, never real people.

    Passed over: `other_use` by tag, `small`, `incomplete`, and `outside` the polygon `within` (WGS84).
    """
    table = tags()["buildings"]
    found = list(places(path, osmium.filter.KeyFilter("building"), areas_only=True))
    homes = [place for place in found if _home(place.tags, table)]
    whole = [place for place in homes if place.shape is not None]
    shapes = np.array([place.shape for place in whole], dtype=object)
    large = _area_m2(shapes) >= table["min_area_m2"]
    points = shapely.point_on_surface(shapes)
    inside = np.ones(len(shapes), dtype=bool) if within is None else shapely.intersects(within, points)
    kept = np.flatnonzero(large & inside)
    frame = _households([whole[row].ref for row in kept], points[kept])
    counts = {
        "other_use": len(found) - len(homes),
        "incomplete": len(homes) - len(whole),
        "small": int((~large).sum()),
        "outside": int((large & ~inside).sum()),
    }
    return Found(frame, counts)


@cache
def tags() -> dict[str, Any]:
    """The table of tags."""
    return tomllib.loads(TAGS.read_text(encoding="utf-8"))


def kind_of(tags: dict[str, str], table: dict[str, Any]) -> str:
    """Our kind of a place with these tags, "" where it is no care facility."""
    if any(key in tags for key in table["never"]) or not any(key in tags for key in table["keys"]):
        return ""
    return next((rule["kind"] for rule in table["care"] if _fits(rule, tags)), "")


def _fits(rule: dict[str, Any], tags: dict[str, str]) -> bool:
    has = all(_value_in(tags.get(key, ""), values) for key, values in rule["when"].items())
    names = " ".join(tags.get(key, "") for key in ("name", "name:zh"))
    return has and ("name_has" not in rule or any(word in names for word in rule["name_has"]))


def _value_in(value: str, wanted: list[str]) -> bool:
    said = {part.strip().lower() for part in value.split(";")} - {""}
    return bool(said) and ("*" in wanted or not said.isdisjoint(wanted))


def _home(tags: dict[str, str], table: dict[str, Any]) -> bool:
    return tags.get("building") in table["residential"] and not any(key in tags for key in table["unless"])


def _facilities(found: list[tuple[str, Place]]) -> gpd.GeoDataFrame:
    def column(value: Callable[[dict[str, str]], str | None]) -> list[str | None]:
        return [value(place.tags) for _, place in found]

    columns = {
        "id": [place.ref for _, place in found],
        "name": [place.tags.get("name") or place.ref for _, place in found],
        "kind": [kind for kind, _ in found],
        "capacity": pd.array([_count(place.tags.get("capacity", "")) for _, place in found], dtype="Int64"),
        "delivery_mode": "one_stop",
        "status": "open",
        "opens": column(lambda tags: tags.get("opening_hours")),
        "medical_link": None,
        "operator": column(lambda tags: tags.get("operator")),
        "synthetic": False,
    }
    points = shapely.point_on_surface(np.array([place.shape for _, place in found], dtype=object))
    return gpd.GeoDataFrame(columns, geometry=points, crs="EPSG:4326")


def _repeated(frame: gpd.GeoDataFrame, shapes: Any) -> Any:
    """(n,) True for a node inside an area of the same kind and name: one facility drawn twice."""
    nodes, areas = (np.flatnonzero(shapely.get_dimensions(shapes) == dimension) for dimension in (0, 2))
    outer, inner = shapely.STRtree(shapes[nodes]).query(shapes[areas], predicate="intersects")
    outer, inner = areas[outer], nodes[inner]
    pair = frame[["kind", "name"]].to_numpy()
    twice = np.zeros(len(frame), dtype=bool)
    twice[inner[(pair[outer] == pair[inner]).all(axis=1)]] = True
    return twice


def _households(refs: list[str], points: Any) -> gpd.GeoDataFrame:
    columns = {
        "ref": pd.Series(refs, dtype=object),
        "elders": 1,
        "elders_homebound": 0,
        "mobility": "independent",
        "in_institution": False,
        "grid_code": "",
        "address": STAND_IN,
        "synthetic": True,
    }
    frame = gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries(points, crs="EPSG:4326"))
    return frame.sort_values("ref", ignore_index=True)


def _area_m2(shapes: Any) -> Any:
    if len(shapes) == 0:
        return np.zeros(0)
    bounds = shapely.total_bounds(shapes)
    return shapely.area(gis.crs.metric(bounds[[0, 2]], bounds[[1, 3]]).forward_shapes(shapes))


def _count(text: str) -> int | None:
    return int(text) if text.isdecimal() else None
