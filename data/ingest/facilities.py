"""Care facilities from a table: kinds by their codes or what people call them."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd

import data.ingest.parsers as parsers
import data.ingest.stated
from data.ingest.columns import Column, Door, Rows, texts, words
from data.ingest.places import Points

#: What the kinds of the first catalogue are called in lists; a catalogue's own names are added to them.
KIND_WORDS = {
    "canteen": (
        "长者饭堂", "老年食堂", "长者食堂", "老人饭堂", "社区食堂",
        "助餐点", "助餐配餐点", "配餐点", "老年助餐点", "长者配餐点",
    ),
    "day_care": ("日间托老", "日间照料中心", "日托中心", "日托", "老年人日间照料中心", "居家养老服务部", "托老所"),
    "family_centre": ("家庭综合服务中心", "家综", "社工服务站", "社工站"),
    "clinic": (
        "社区卫生服务机构", "社区卫生服务中心", "社区卫生服务站", "卫生服务中心", "卫生服务站", "社康中心", "社区医院",
    ),
    "care_home": ("养老机构", "养老院", "敬老院", "福利院", "护理院", "老人院", "颐养院", "老年公寓"),
    "activity": ("活动场所", "星光老年之家", "老年活动中心", "老年活动室", "长者活动中心", "老年人活动站"),
}  # fmt: skip
_LINKS = {
    "internal": ("internal", "内设", "内设医疗机构"),
    "contract": ("contract", "签约", "协议", "协议合作", "合作"),
    "none": ("none", "无", "没有"),
}
_DELIVERY = {
    "one_stop": ("one_stop", "一站式", "到店", "堂食", "现场", "到点"),
    "multi_point": ("multi_point", "多点", "配餐", "送餐到点"),
    "to_home": ("to_home", "上门", "送餐上门", "送到家"),
}
_STATUS = {
    "open": ("open", "营业", "运营", "运营中", "开放", "正常", "在用", "启用"),
    "closed": ("closed", "停业", "关闭", "停用", "已关闭", "暂停"),
    "planned": ("planned", "规划", "在建", "拟建", "筹建"),
}


def door(kinds: pd.DataFrame) -> Door:
    """The columns of a list of facilities; `kinds` is the catalogue (code, name_zh, name_en)."""
    return Door(
        "facilities",
        (
            Column("id", parsers.code(), ("编号", "设施编号", "机构编号", "编码", "序号"), required=True, filled=True),
            Column("name", parsers.text(longest=200), ("名称", "设施名称", "机构名称"), required=True, filled=True),
            Column("kind", parsers.choice(_kind_words(kinds), code="cell.unknown_kind"),
                   ("类型", "设施类型", "类别", "机构类型", "设施类别", "种类"), required=True, filled=True),
            Column("lon", parsers.degrees(), ("经度", "lng", "long", "longitude", "x", "东经"), required=True),
            Column("lat", parsers.degrees(), ("纬度", "latitude", "y", "北纬"), required=True),
            Column("capacity", parsers.whole(least=0, most=1_000_000, units="人|床|张|位|座|个|张床|人次"),
                   ("容量", "床位", "床位数", "座位数", "可容纳人数", "接待能力", "餐位")),
            Column("opens", parsers.text(longest=200), ("开放时间", "营业时间", "服务时间", "opening_hours")),
            Column("medical_link", parsers.choice(words(_LINKS)), ("医养结合", "医养结合方式", "医疗合作")),
            Column("operator", parsers.text(longest=200), ("运营方", "运营单位", "承办单位", "运营机构", "主办单位")),
            Column("delivery_mode", parsers.choice(words(_DELIVERY)), ("服务方式", "供餐方式", "配送方式")),
            Column("status", parsers.choice(words(_STATUS)), ("状态", "运营状态", "营业状态")),
            *data.ingest.stated.COLUMNS,
        ),
        key="id",
    )  # fmt: skip


def _kind_words(kinds: pd.DataFrame) -> dict[str, str]:
    """Every word for a kind of the catalogue; the codes come first, so that they head the list of what is known."""
    codes = [str(code) for code in kinds["code"]]
    said = {
        str(name): str(code)
        for column in ("name_zh", "name_en")
        for code, name in zip(codes, kinds[column], strict=True)
    }
    known = {word: code for code in codes for word in KIND_WORDS.get(code, ())}
    return dict(zip(codes, codes, strict=True)) | said | known


def frame(rows: Rows, points: Points, *, synthetic: bool) -> gpd.GeoDataFrame:
    """`gis.frames.FACILITIES` with the pair as sent; what was not stated has the table's own defaults."""
    lone = pd.Series("", index=rows.frame.index)
    columns = {
        "id": rows.frame["id"],
        "name": rows.frame["name"],
        "kind": rows.frame["kind"],
        "capacity": rows.frame.get("capacity", pd.Series(pd.NA, index=lone.index, dtype="Int64")),
        "delivery_mode": rows.frame.get("delivery_mode", lone).replace("", "one_stop").fillna("one_stop"),
        "status": rows.frame.get("status", lone).replace("", "open").fillna("open"),
        **{name: texts(rows.frame, name) for name in ("opens", "medical_link", "operator")},
        **points.sent(),
        "synthetic": synthetic,
    }
    return gpd.GeoDataFrame(columns, geometry=points.shapes(), crs="EPSG:4326")
