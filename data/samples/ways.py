"""Kinds of walkable line, with the attributes that an edge gets from its kind, and bundles of typed lines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from data.samples.blocks import Ints, Shapes


@dataclass(frozen=True)
class Kind:
    """`signals` is the share of one wait that the edge carries: a crossing is two edges of a half each."""

    highway: str
    steps: int = 0
    signals: float = 0.0
    lift: bool = False
    bridge: bool = False
    tunnel: bool = False
    wheelchair: str = "unknown"


KINDS = {
    "sidewalk": Kind("footway", wheelchair="yes"),
    "quay": Kind("footway", wheelchair="yes"),
    "lane": Kind("residential"),
    "alley": Kind("living_street"),
    "spur": Kind("footway"),
    "private": Kind("service"),
    "gate": Kind("service"),
    "zebra": Kind("footway", wheelchair="yes"),
    "signal": Kind("footway", signals=0.5, wheelchair="yes"),
    "stairs": Kind("steps", steps=28, wheelchair="no"),
    "lifted": Kind("steps", steps=28, lift=True, wheelchair="yes"),
    "deck": Kind("footway", bridge=True),
    "passage": Kind("footway", tunnel=True),
    "down": Kind("steps", steps=24, wheelchair="no"),
    "bridge": Kind("footway", bridge=True),
    "ramp": Kind("footway", wheelchair="yes"),
    "climb": Kind("steps", steps=42, wheelchair="no"),
    "crook": Kind("footway", bridge=True),
    "hump": Kind("steps", steps=16, bridge=True, wheelchair="no"),
    "landing": Kind("steps", steps=9, wheelchair="no"),
}
NAMES = tuple(KINDS)


def number(kind: str) -> int:
    return NAMES.index(kind)


@dataclass(frozen=True)
class Ways:
    """Lines in metres and the number of the kind of each."""

    lines: Shapes
    kind: Ints

    @staticmethod
    def of(kind: str, lines: Shapes) -> Ways:
        """Parts of one kind, without what is empty or too short to walk."""
        parts = shapely.get_parts(lines)
        parts = parts[(shapely.get_dimensions(parts) == 1) & (shapely.length(parts) > 0.3)]
        return Ways(parts, np.full(len(parts), number(kind)))

    @staticmethod
    def join(*several: Ways) -> Ways:
        return Ways(np.concatenate([w.lines for w in several]), np.concatenate([w.kind for w in several]))
