"""Reports of inspectors and citizens from a table. The id they came with is kept as `client_id`."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

import data.ingest.parsers as parsers
import data.ingest.stated
from data.ingest.columns import Column, Door, Rows, texts, words
from data.ingest.places import Points

_STATUS = {
    "received": ("received", "待受理", "已上报", "上报", "新建"),
    "accepted": ("accepted", "已受理", "受理", "立案", "已立案"),
    "assigned": ("assigned", "已派单", "已派遣", "派遣", "处理中", "办理中", "处置中"),
    "resolved": ("resolved", "已处理", "已处置", "待核查", "已解决"),
    "closed": ("closed", "已结案", "结案", "已办结", "办结", "归档"),
    "rejected": ("rejected", "不予受理", "退回", "已作废", "作废"),
    "reopened": ("reopened", "重新打开", "返工", "重办"),
}


def door(*, zone: str) -> Door:
    """The columns of a list of reports; a time without a zone of its own is in `zone`."""
    return Door(
        "reports",
        (
            Column("id", parsers.code(), ("编号", "案件编号", "工单号", "工单编号", "事件编号", "uuid"),
                   required=True, filled=True),
            Column("category", parsers.text(longest=100), ("类别", "类型", "案件类型", "事件类型", "分类"),
                   required=True, filled=True),
            Column("lon", parsers.degrees(), ("经度", "lng", "long", "longitude", "x", "东经"), required=True),
            Column("lat", parsers.degrees(), ("纬度", "latitude", "y", "北纬"), required=True),
            Column("captured_at", parsers.moment(zone=zone), ("上报时间", "时间", "发现时间", "采集时间", "创建时间"),
                   required=True, filled=True),
            Column("text", parsers.text(longest=20000), ("内容", "描述", "问题描述", "详情", "说明", "事项描述"),
                   required=True, personal=True, filled=True),
            Column("accuracy_m", parsers.number(least=0, most=1e6, units="m|米"), ("定位精度", "精度")),
            Column("status", parsers.choice(words(_STATUS)), ("状态", "办理状态", "案件状态")),
            *data.ingest.stated.COLUMNS,
        ),
        key="id",
    )  # fmt: skip


def frame(rows: Rows, points: Points, *, synthetic: bool) -> gpd.GeoDataFrame:
    """The columns of table report, with the pair as sent; `client_id` is the id as it was written."""
    status = rows.frame.get("status", pd.Series(None, index=rows.frame.index, dtype="str"))
    accuracy = rows.frame.get("accuracy_m", pd.Series(np.nan, index=rows.frame.index))
    columns = {
        "client_id": rows.frame["id"],
        "category": rows.frame["category"],
        "captured_at": rows.frame["captured_at"],
        "text": texts(rows.frame, "text"),
        "status": status.fillna("received").to_numpy(dtype=object),
        "accuracy_m": accuracy.to_numpy(dtype=float),
        **points.sent(),
        "synthetic": synthetic,
    }
    return gpd.GeoDataFrame(columns, geometry=points.shapes(), crs="EPSG:4326")
