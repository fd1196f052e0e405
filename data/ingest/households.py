"""Households with elders from a table. One row is one household; a place may be missing, everything else must be sound.

No value of a personal column is ever repeated in a fault: the row number is enough to find it.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

import data.ingest.parsers as parsers
import data.ingest.stated
from data.ingest.columns import Column, Door, Rows, texts, words
from data.ingest.places import Points

_MOBILITY = {
    "independent": ("independent", "自理", "能自理", "完全自理", "正常", "健康", "行动自如", "无障碍"),
    "cane": ("cane", "拐杖", "手杖", "拄拐", "轻度失能", "半自理"),
    "walker": ("walker", "助行器", "助行架", "中度失能", "半失能"),
    "wheelchair": ("wheelchair", "轮椅", "自行轮椅"),
    "wheelchair_escorted": ("wheelchair_escorted", "轮椅陪护", "推轮椅", "重度失能"),
    "homebound": ("homebound", "不出门", "卧床", "长期卧床", "失能", "完全失能", "不能出门", "足不出户"),
}
_PEOPLE = "人|名|位|口"

DOOR = Door(
    "households",
    (
        Column("ref", parsers.code(), ("户号", "户编号", "家庭编号", "编号", "户籍号", "住户编号", "id"),
               required=True, personal=True, filled=True),
        Column("lon", parsers.degrees(), ("经度", "lng", "long", "longitude", "x"), required=True, personal=True),
        Column("lat", parsers.degrees(), ("纬度", "latitude", "y", "北纬"), required=True, personal=True),
        Column("address", parsers.text(longest=300), ("地址", "住址", "家庭住址", "居住地址"), personal=True),
        Column("floor", parsers.whole(least=-5, most=150, units="层|楼|f"), ("楼层", "所在楼层", "层数")),
        Column("lift", parsers.flag(), ("电梯", "有无电梯", "是否有电梯")),
        Column("elders", parsers.whole(least=1, most=9999, units=_PEOPLE),
               ("老人数", "老年人数", "老人人数", "60岁以上人数", "老年人口数", "长者人数")),
        Column("elders_homebound", parsers.whole(least=0, most=9999, units=_PEOPLE),
               ("不出门老人数", "居家老人数", "卧床人数", "失能不出门人数")),
        Column("elders_80", parsers.whole(least=0, most=9999, units=_PEOPLE),
               ("80岁以上人数", "高龄老人数", "高龄人数", "80岁以上老人数")),
        Column("elders_disabled", parsers.whole(least=0, most=9999, units=_PEOPLE),
               ("失能人数", "失能老人数", "残疾人数", "残疾老人数")),
        Column("age_max", parsers.whole(least=60, most=130, units="岁|周岁"), ("最大年龄", "年龄", "最高年龄")),
        Column("living_alone", parsers.flag(), ("独居", "是否独居")),
        Column("mobility", parsers.choice(words(_MOBILITY)), ("行动能力", "自理能力", "活动能力", "出行能力")),
        Column("in_institution", parsers.flag(), ("机构养老", "住养老机构", "是否住养老机构", "入住机构")),
        Column("consent", parsers.flag(), ("同意", "知情同意", "是否同意", "授权")),
        Column("legal_basis", parsers.text(longest=200), ("合法依据", "处理依据", "法律依据")),
        *data.ingest.stated.COLUMNS,
    ),
    key="ref",
)  # fmt: skip


def check(rows: Rows) -> None:
    """What no single column shows: parts larger than the whole, and words that contradict numbers."""
    frame = rows.frame
    elders = _elders(frame)
    for part in ("elders_homebound", "elders_80", "elders_disabled"):
        if part in frame:
            rows.blame(_true(frame[part] > elders), part, "households.part", part=part)
    homebound, mobility = _known(frame, "elders_homebound"), _words(frame)
    rows.blame(
        _true((mobility == "homebound") & homebound.notna() & (homebound < elders)), "mobility", "households.homebound"
    )
    going = mobility.notna() & (mobility != "homebound")
    rows.blame(_true(going & (homebound == elders)), "mobility", "households.going_out")
    if "age_max" in frame and "elders_80" in frame:
        rows.blame(_true((frame["age_max"] < 80) & (frame["elders_80"] > 0)), "age_max", "households.age")


def frame(rows: Rows, points: Points, *, synthetic: bool) -> gpd.GeoDataFrame:
    """`gis.frames.HOUSEHOLDS` with the pair as sent.

    An unstated number of elders is one. Who does not go out follows from `mobility` and the other way round; how many
    are 80 or older follows from the greatest age where that settles it.
    """
    elders, mobility = _elders(rows.frame), _words(rows.frame)
    homebound = _known(rows.frame, "elders_homebound")
    homebound = homebound.mask(homebound.isna() & (mobility == "homebound"), elders).fillna(0)
    mobility = mobility.mask(mobility.isna() & (homebound == elders), "homebound").fillna("independent")
    if unstated := int(_known(rows.frame, "elders").isna().sum()):
        rows.notes["elders_assumed_one"] = unstated
    columns = {
        "ref": rows.frame["ref"],
        "elders": elders,
        "elders_homebound": homebound.astype("int64"),
        "elders_80": _aged(rows.frame, elders),
        **{name: _known(rows.frame, name) for name in ("elders_disabled", "age_max", "floor")},
        **{name: _flags(rows.frame, name) for name in ("living_alone", "lift", "consent")},
        "mobility": mobility.to_numpy(dtype=object),
        "in_institution": _flags(rows.frame, "in_institution").fillna(False).to_numpy(dtype=bool),
        **{name: texts(rows.frame, name) for name in ("address", "legal_basis")},
        **points.sent(),
        "synthetic": synthetic,
    }
    return gpd.GeoDataFrame(columns, geometry=points.shapes(), crs="EPSG:4326")


def _elders(frame: pd.DataFrame) -> pd.Series:
    return _known(frame, "elders").fillna(1).astype("int64")


def _words(frame: pd.DataFrame) -> pd.Series:
    return frame["mobility"] if "mobility" in frame else pd.Series(None, index=frame.index, dtype="str")


def _known(frame: pd.DataFrame, name: str) -> pd.Series:
    return frame[name] if name in frame else pd.Series(pd.NA, index=frame.index, dtype="Int64")


def _flags(frame: pd.DataFrame, name: str) -> pd.Series:
    return frame[name] if name in frame else pd.Series(pd.NA, index=frame.index, dtype="boolean")


def _aged(frame: pd.DataFrame, elders: pd.Series) -> pd.Series:
    """Elders aged 80 or more, where stated or settled: none when the oldest is younger, one when there is but one."""
    stated, oldest = _known(frame, "elders_80"), _known(frame, "age_max")
    stated = stated.mask((stated.isna() & (oldest < 80)).fillna(False), 0)
    return stated.mask((stated.isna() & (oldest >= 80) & (elders == 1)).fillna(False), 1)


def _true(flags: pd.Series) -> npt.NDArray[np.bool_]:
    """Missing counts as false."""
    return flags.fillna(False).to_numpy(dtype=bool)
