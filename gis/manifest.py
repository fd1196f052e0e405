"""What a run was made from, as digests: equal manifests mean equal answers, whatever the order of the rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import shapely

from gis.frames import AREAS, FACILITIES, HOUSEHOLDS, require
from gis.verdicts import Request
from gis.walknet import WalkNet

#: The columns that can change a figure, per table, after the one that names the row.
_HOUSEHOLDS = ("ref", "geometry", "elders", "elders_homebound", "elders_80", "elders_disabled", "living_alone",
               "age_max", "mobility", "floor", "lift", "in_institution", "grid_code", "community_code",
               "street_code")  # fmt: skip
_FACILITIES = ("id", "geometry", "kind", "delivery_mode", "status", "opens", "street_code")
_AREAS = ("code", "geometry", "level", "grid_kind", "parent_code")


def manifest(
    net: WalkNet, facilities: pd.DataFrame, households: pd.DataFrame, areas: pd.DataFrame, *, request: Request,
    also: Mapping[str, object] | None = None, seal: Callable[[str], str] = str,
) -> dict[str, object]:  # fmt: skip
    """The digests of everything a figure depends on.

    Parameters
    ----------
    also : what else was asked, such as a scenario, as plain values; counted among the parameters
    seal : what is shown instead of the digest of the households (`gis.disclosure.sealed`)

    Returns
    -------
    dict
        `network`, `facilities`, `households`, `areas`, `parameters`, `code`: sha256 in hex; `inputs_sha256`: that of
        all of them together. Orders of rows and columns, and columns that change no figure, do not matter.
    """
    require(facilities, FACILITIES)
    require(households, HOUSEHOLDS)
    require(areas, AREAS)
    parts = {
        "network": net.sha256,
        "facilities": of_frame(facilities, _FACILITIES),
        "households": seal(of_frame(households, _HOUSEHOLDS)),
        "areas": of_frame(areas, _AREAS),
        "parameters": of_values({**request.parameters(), **(also or {})}),
        "code": of_code(),
    }
    return {**parts, "inputs_sha256": of_values(parts)}


def of_values(values: object) -> str:
    """Digest of plain values: JSON with sorted keys."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def of_frame(frame: pd.DataFrame, columns: Sequence[str]) -> str:
    """Digest of some columns of a frame, rows in the order of the first; an absent column counts as an empty one."""
    order = np.argsort(frame[columns[0]].to_numpy(str), kind="stable")
    digest = hashlib.sha256()
    for name in columns:
        digest.update(f"|{name}|{len(order)}|".encode())
        values = frame[name].iloc[order] if name in frame.columns else pd.Series([None] * len(order), dtype=object)
        digest.update(_bytes(values))
    return digest.hexdigest()


def _bytes(values: pd.Series) -> bytes:
    """A column as bytes that depend on its values, not on its type: texts, numbers and flags, shapes, nothing."""
    if values.name == "geometry":
        return _shape_bytes(np.asarray(values, dtype=object))
    missing = values.isna()
    if missing.all():
        return b"nothing"
    if isinstance(values[~missing].iloc[0], str):
        return "\x1f".join(values.astype(object).where(~missing, "\x00").tolist()).encode()
    numbers = values.astype(object).where(~missing, np.nan).astype(np.float64).to_numpy()
    return (numbers + 0.0).astype("<f8").tobytes()


def _shape_bytes(shapes: np.ndarray) -> bytes:
    """Points as their coordinates; polygons in a normal form, since the start of a ring means nothing."""
    if (shapely.get_type_id(shapes) <= 0).all():
        return np.column_stack([shapely.get_x(shapes), shapely.get_y(shapes)]).astype("<f8").tobytes()
    return b"".join(shapely.to_wkb(shapely.normalize(shapes), byte_order=1))


@cache
def of_code() -> str:
    """Digest of the sources of this room."""
    digest = hashlib.sha256()
    room = Path(__file__).parent
    for path in sorted(room.rglob("*.py"), key=lambda path: path.relative_to(room).as_posix()):
        digest.update(path.relative_to(room).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
