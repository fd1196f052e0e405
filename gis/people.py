"""Whom a figure counts: elders who go out, those who stay at home, residents of institutions, and three groups."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gis.frames import HOUSEHOLDS, require

Longs = NDArray[np.int64]

#: Suffix of each group of elders: all, 80 and over, living alone, disabled.
GROUPS = ("", "_80", "_alone", "_disabled")
_COLUMNS = {"_80": "elders_80", "_alone": "living_alone", "_disabled": "elders_disabled"}


@dataclass(frozen=True, eq=False)
class People:
    """Elders of n households.

    `walking` (n, 4) those who go out, by group; `at_home` (n, 4) those a service may come to; neither counts
    institutions. `recorded` (n, 3) whether a household's groups after the first are known, `missing` the groups that no
    column speaks of. `homebound` and `institution` (n,) those a walking figure leaves out: with `walking[:, 0]` they
    make up all elders.
    """

    walking: Longs
    at_home: Longs
    recorded: NDArray[np.bool_]
    homebound: Longs
    institution: Longs
    missing: tuple[str, ...]


def people(households: pd.DataFrame) -> People:
    """Count the elders of each household.

    Where only part of a household goes out, nobody has recorded which part: a group counts as many of those as it can.
    """
    require(households, HOUSEHOLDS)
    elders, homebound = (households[name].to_numpy(np.int64) for name in ("elders", "elders_homebound"))
    inside = households["in_institution"].to_numpy(bool)
    homebound = np.where(households["mobility"].to_numpy(str) == "homebound", elders, homebound)
    groups = {suffix: _recorded(households, column) for suffix, column in _COLUMNS.items()}
    walking, at_home = np.where(inside, 0, elders - homebound), np.where(inside, 0, elders)
    return People(
        walking=np.column_stack([walking, *(_among(suffix, values, walking) for suffix, values in groups.items())]),
        at_home=np.column_stack([at_home, *(_among(suffix, values, at_home) for suffix, values in groups.items())]),
        recorded=np.column_stack([~np.isnan(values) for values in groups.values()]),
        homebound=np.where(inside, 0, homebound),
        institution=np.where(inside, elders, 0),
        missing=tuple(suffix for suffix, column in _COLUMNS.items() if column not in households.columns),
    )


def among(everybody: People, chosen: NDArray[np.bool_]) -> People:
    """The same households, with the elders of the chosen ones only."""
    row = chosen[:, None]
    return replace(
        everybody,
        walking=everybody.walking * row, at_home=everybody.at_home * row,
        homebound=everybody.homebound * chosen, institution=everybody.institution * chosen,
    )  # fmt: skip


def _recorded(households: pd.DataFrame, column: str) -> NDArray[np.float64]:
    if column not in households.columns:
        return np.full(len(households), np.nan)
    return np.asarray(households[column].astype("Float64").to_numpy(np.float64, na_value=np.nan))


def _among(suffix: str, values: NDArray[np.float64], counted: Longs) -> Longs:
    known = np.nan_to_num(values).astype(np.int64)
    return known * counted if suffix == "_alone" else np.minimum(known, counted)
