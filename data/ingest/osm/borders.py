"""Administrative boundaries of an extract, as areas. Only whole relations: what is cut is named and left out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import osmium
import osmium.filter
import pandas as pd
import shapely

from data.ingest.osm.reading import Place, places, read, tags_of
from gis.errors import Invalid, NotFound

#: Tags that may hold an official code, best first; after them any `ref:…`, last the relation's own number.
_CODES = ("ref", "ISO3166-2", "ISO3166-1", "ISO3166-1:alpha2")
_ADMINISTRATIVE = ("boundary", "administrative")


@dataclass(frozen=True)
class Boundaries:
    """What was found at one admin_level."""

    frame: gpd.GeoDataFrame
    """`gis.frames.AREAS`, sorted by code."""
    left_out: pd.DataFrame
    """osm_id, name, reason: `incomplete` (the extract does not hold all of it) or `outside` (not in `within`)."""


def boundaries(
    path: Path, *, admin_level: int, level: str, within: str | None = None, above: gpd.GeoDataFrame | None = None
) -> Boundaries:
    """The boundaries of one `admin_level` as areas of our `level`.

    `within` names a boundary of any level, by name or relation id ("Liechtenstein", "1155955", "r1155955"): areas that
    do not lie in it are left out. `above` holds the areas of the level above (code, geometry): each area gets as
    parent the one that holds most of it, "" where none does.

    Raises `NotFound` `osm.within` where no whole boundary has that name, `Invalid` `osm.no_boundaries` where none of
    that level is left; its facts name what was left out.
    """
    named = _named(path)
    whole = [place for place in _relations(path) if place.shape is not None]
    found = [place for place in whole if place.tags.get("admin_level") == str(admin_level)]
    missing = set(named[named["admin_level"] == str(admin_level)].index) - {place.id for place in found}
    inside, outside = _split(found, _container(whole, within))
    gone = [_gone(named, missing, "incomplete"), _gone(named, {place.id for place in outside}, "outside")]
    left_out = pd.concat(gone, ignore_index=True)
    if not inside:
        levels = sorted(set(named["admin_level"]) - {""})
        raise Invalid("osm.no_boundaries", file=path.name, admin_level=admin_level, levels=levels,
                      left_out=left_out["name"].tolist())  # fmt: skip
    return Boundaries(_frame(inside, level, above), left_out)


def parents(shapes: Any, above: gpd.GeoDataFrame) -> list[str]:
    """For each shape the code of the area above that holds most of it, "" where none touches it."""
    upper = above.geometry.to_numpy()
    child, parent = shapely.STRtree(upper).query(shapes, predicate="intersects")
    shared = shapely.area(shapely.intersection(np.asarray(shapes, dtype=object)[child], upper[parent]))
    best = pd.DataFrame({"child": child, "parent": parent, "shared": shared}).query("shared > 0")
    best = best.sort_values(["shared", "parent"], ascending=[False, True]).drop_duplicates("child")
    code = dict(zip(best["child"], above["code"].to_numpy()[best["parent"]], strict=True))
    return [str(code.get(row, "")) for row in range(len(shapes))]


def _named(path: Path) -> pd.DataFrame:
    """Every administrative relation, whole or not: name and admin_level by id."""
    reader = osmium.FileProcessor(str(path), osmium.osm.RELATION)
    kept = reader.with_filter(osmium.filter.TagFilter(_ADMINISTRATIVE))
    rows = {thing.id: tags_of(thing, ("name", "admin_level", "type")) for thing in read(kept, path)}
    shapes = {id_: row for id_, row in rows.items() if row.get("type") in ("boundary", "multipolygon")}
    table = pd.DataFrame.from_dict(shapes, orient="index", columns=["name", "admin_level"], dtype=object)
    return table.fillna("")


def _relations(path: Path) -> list[Place]:
    found = places(path, osmium.filter.TagFilter(_ADMINISTRATIVE), areas_only=True)
    return [place for place in found if place.kind == "relation"]


def _container(whole: list[Place], within: str | None) -> Any:
    """The shape of the boundary called `within`; of several, the topmost."""
    if within is None:
        return None
    called = [
        place
        for place in whole
        if str(place.id) == within.removeprefix("r")
        or within in {value for key, value in place.tags.items() if key == "name" or key.startswith("name:")}
    ]
    if not called:
        names = sorted({place.tags.get("name", "") for place in whole} - {""})
        raise NotFound("osm.within", within=within, names=names)
    return min(called, key=lambda place: (place.tags.get("admin_level", "99").zfill(2), place.id)).shape


def _split(found: list[Place], container: Any) -> tuple[list[Place], list[Place]]:
    """Those of which most lies in the container, and the others."""
    if container is None:
        return found, []
    shapes = np.array([place.shape for place in found], dtype=object)
    inside = shapely.area(shapely.intersection(shapes, container)) > shapely.area(shapes) / 2
    return ([p for p, kept in zip(found, inside, strict=True) if kept],
            [p for p, kept in zip(found, inside, strict=True) if not kept])  # fmt: skip


def _gone(named: pd.DataFrame, ids: set[int], reason: str) -> pd.DataFrame:
    rows = np.array(sorted(ids), dtype=np.int64)
    return pd.DataFrame({"osm_id": rows, "name": named["name"].reindex(rows, fill_value="").tolist(), "reason": reason})


def _frame(found: list[Place], level: str, above: gpd.GeoDataFrame | None) -> gpd.GeoDataFrame:
    codes = pd.Series([_code(place) for place in found], dtype=object)
    own = pd.Series([f"r{place.id}" for place in found], dtype=object)
    shapes = [place.shape for place in found]
    columns = {
        "code": codes.where(~codes.duplicated(keep=False), own),
        "level": level,
        "name": [place.tags.get("name", place.ref) for place in found],
        "grid_kind": "basic" if level == "grid" else "",
        "parent_code": "" if above is None else parents(shapes, above),
    }
    frame = gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:4326")
    return frame.sort_values("code", ignore_index=True)


def _code(place: Place) -> str:
    """The official code where one is tagged, else the relation's number."""
    keys = (*_CODES, *sorted(key for key in place.tags if key.startswith("ref:")))
    return next((place.tags[key].strip() for key in keys if place.tags.get(key, "").strip()), f"r{place.id}")
