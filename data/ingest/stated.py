"""The area that a row names, by code or by name: evidence for the frame gate, and the place of a row without point."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

import data.ingest.parsers as parsers
from data.ingest.columns import Column

LEVELS = ("grid", "community", "street")

COLUMNS = (
    Column("grid_code", parsers.code(), ("网格编码", "网格编号", "网格代码", "所属网格编码")),
    Column("community_code", parsers.code(), ("社区编码", "社区代码", "社区编号")),
    Column("street_code", parsers.code(), ("街道编码", "街道代码", "街道编号", "镇街代码")),
    Column("grid", parsers.text(), ("网格", "所属网格", "网格名称")),
    Column("community", parsers.text(), ("社区", "所属社区", "社区名称", "居委会", "村居")),
    Column("street", parsers.text(), ("街道", "所属街道", "街道名称", "镇街", "所属镇街")),
)


def codes(frame: pd.DataFrame, areas: pd.DataFrame) -> npt.NDArray[np.object_]:
    """(n,) the code of the smallest area that each row names; "" where it names none that there is.

    A name counts only when one area alone has it.
    """
    found = np.full(len(frame), "", dtype=object)
    for level in LEVELS:
        for column, key in ((f"{level}_code", "code"), (level, "name")):
            if column in frame:
                there = _looked_up(frame[column], areas[areas["level"] == level], key)
                found = np.where(found == "", there, found)
    return found


def _looked_up(column: pd.Series, areas: pd.DataFrame, key: str) -> npt.NDArray[np.object_]:
    single = areas[~areas[key].duplicated(keep=False)]
    known = dict(zip(single[key], single["code"], strict=True))
    numbers, unique = pd.factorize(column)
    return np.array([*(known.get(value, "") for value in unique), ""], dtype=object)[numbers]


def shapes(codes: npt.NDArray[np.object_], areas: pd.DataFrame) -> npt.NDArray[np.object_]:
    """(n,) the polygons of these codes, None for ""."""
    known = dict(zip(areas["code"], areas["geometry"], strict=True))
    numbers, unique = pd.factorize(codes)
    found = np.empty(len(unique) + 1, dtype=object)
    found[:-1] = [known.get(code) for code in unique]
    return found[numbers]


def lineage(codes: npt.NDArray[np.object_], areas: pd.DataFrame) -> dict[str, npt.NDArray[np.object_]]:
    """For each level of `LEVELS` the code of that level which is, or holds, the area of each row; None where none."""
    parent = dict(zip(areas["code"], areas["parent_code"], strict=True))
    level = dict(zip(areas["code"], areas["level"], strict=True))
    numbers, unique = pd.factorize(codes)
    above = [_above(str(code), parent, level) for code in unique]
    return {name: np.array([*(one.get(name) for one in above), None], dtype=object)[numbers] for name in LEVELS}


def _above(code: str, parent: dict[str, str], level: dict[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    while code in level and level[code] not in found:
        found[level[code]] = code
        code = parent[code]
    return found
