"""The hand-made sketch of the place (`liwan/sketch.toml`), read into shapes in metres."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Course:
    """A river's or a road's line. `follows_outline` where the real district outline is that line."""

    name: str
    line: Floats
    follows_outline: bool = False
    widths: tuple[float, ...] = ()
    canal: bool = False
    island: bool = False


@dataclass(frozen=True)
class StreetSeed:
    """Where a street lies, roughly, and how it is built up."""

    code: str
    at: Floats
    km2: float
    kind: str
    residents: float


@dataclass(frozen=True)
class Sketch:
    outline: shapely.Polygon
    rivers: tuple[Course, ...]
    roads: tuple[Course, ...]
    streets: tuple[StreetSeed, ...]
    lakes: tuple[dict[str, Any], ...] = field(default=())


def read(outline: shapely.Polygon) -> Sketch:
    """The sketch, with its rivers hung on the real outline (metres)."""
    text = (files("data.samples") / "liwan" / "sketch.toml").read_text(encoding="utf-8")
    drawn = tomllib.loads(text)
    ring = shapely.get_coordinates(outline.exterior)[:-1]
    return Sketch(
        outline,
        rivers=tuple(_river(entry, ring) for entry in drawn["river"]),
        roads=tuple(Course(entry["name"], smooth(np.array(entry["course"], float))) for entry in drawn["road"]),
        streets=tuple(StreetSeed(**{**entry, "at": np.array(entry["at"], float)}) for entry in drawn["street"]),
        lakes=tuple(drawn["lake"]),
    )


def _river(entry: dict[str, Any], ring: Floats) -> Course:
    first = entry["course"][0]
    follows = isinstance(first, dict)
    line = _span(ring, *first["along"]) if follows else smooth(np.array(entry["course"], float))
    return Course(
        entry["name"],
        line,
        follows_outline=follows,
        widths=tuple(entry["widths"]),
        canal=entry.get("canal", False),
        island=entry.get("island", False),
    )


def _span(ring: Floats, begin: list[float], end: list[float]) -> Floats:
    """The ring's points from the one nearest `begin` to the one nearest `end`, in the ring's direction."""
    i, j = (int(np.argmin(np.hypot(*(ring - point).T))) for point in (begin, end))
    return ring[i : j + 1] if i <= j else np.concatenate([ring[i:], ring[: j + 1]])


def smooth(points: Floats, rounds: int = 3) -> Floats:
    """Corners cut in quarters (Chaikin), so that a few points make a curve; the ends stay."""
    for _ in range(rounds):
        before, after = points[:-1], points[1:]
        cut = np.stack([before * 0.75 + after * 0.25, before * 0.25 + after * 0.75], axis=1).reshape(-1, 2)
        points = np.concatenate([points[:1], cut[1:-1], points[-1:]])
    return points
