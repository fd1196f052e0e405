"""The columns of our tables, each said once.

A frame is a (Geo)DataFrame whose columns are one of the `Columns` below. Geometries are EPSG:4326, (lon, lat);
a missing point is None. Texts are str, flags are bool, counts are integers; where a column may be unknown it is
nullable (`Int64`, `boolean`, or float NaN) and the docstring of the set says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from gis.errors import Invalid


@dataclass(frozen=True)
class Columns:
    """A named set of columns: `required` must be there, `optional` may be."""

    name: str
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()


#: `grid_kind` is "basic" or "dedicated" at level grid and "" elsewhere; `parent_code` is "" for the topmost area.
AREAS = Columns("areas", ("code", "level", "name", "grid_kind", "parent_code", "geometry"), ("area_m2", "valid_from"))

#: `capacity` nullable; `delivery_mode` one_stop, multi_point or to_home; `status` open, closed or planned.
FACILITIES = Columns(
    "facilities",
    ("id", "name", "kind", "geometry", "capacity", "delivery_mode", "status"),
    ("opens", "medical_link", "operator", "street_code", "community_code", "grid_code", "synthetic"),
)

#: One row is one household with at least one elder. `elders` counts its people aged 60+, of whom `elders_homebound`
#: do not go out; `elders_80`, `elders_disabled`, `living_alone`, `age_max`, `floor` and `lift` are nullable: not
#: recorded. `mobility` is that of the least mobile member who still goes out, or "homebound" when nobody does.
HOUSEHOLDS = Columns(
    "households",
    ("ref", "geometry", "elders", "elders_homebound", "mobility", "in_institution", "grid_code"),
    ("id", "elders_80", "elders_disabled", "living_alone", "age_max", "floor", "lift",
     "community_code", "street_code", "address", "synthetic", "consent"),
)  # fmt: skip

REPORTS = Columns(
    "reports",
    ("id", "category", "captured_at", "text", "status", "geometry"),
    ("accuracy_m", "street_code", "community_code", "grid_code"),
)


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as plain dictionaries, None where nothing is known."""
    plain = frame.astype(object).where(frame.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in plain.to_dict("records")]


def require(frame: pd.DataFrame, columns: Columns) -> None:
    """Refuse a frame that lacks a required column, naming every missing one."""
    missing = [name for name in columns.required if name not in frame.columns]
    if missing:
        raise Invalid("frame.columns", table=columns.name, missing=missing)
