"""The persons of households from a table: one row is one person, her household named by its ref.

No value of any column is ever repeated in a fault: the row number is enough to find it.
"""

from __future__ import annotations

import pandas as pd

import data.ingest.parsers as parsers
from data.ingest.columns import Column, Door, Rows

DOOR = Door(
    "elders",
    (
        Column("ref", parsers.code(), ("户号", "户编号", "家庭编号", "住户编号"),
               required=True, personal=True, filled=True),
        Column("name", parsers.text(longest=60), ("姓名", "老人姓名"), required=True, personal=True, filled=True),
        Column("phone", parsers.code(longest=30), ("电话", "联系电话", "手机", "手机号"), personal=True),
        Column("id_card", parsers.code(longest=30), ("身份证", "身份证号", "证件号"), personal=True),
        Column("health", parsers.text(longest=500), ("健康", "健康状况", "病史"), personal=True),
        Column("consent", parsers.flag(), ("同意", "知情同意", "是否同意", "授权")),
        Column("legal_basis", parsers.text(longest=200), ("合法依据", "处理依据", "法律依据")),
    ),
)  # fmt: skip


def link(rows: Rows, known: dict[str, int]) -> None:
    """Name the household of each row by its number; a ref that is not known is a fault."""
    numbers = rows.frame["ref"].map(known)
    rows.blame((numbers.isna() & rows.frame["ref"].notna()).to_numpy(), "ref", "elders.no_household")
    rows.frame["household_id"] = numbers


def frame(rows: Rows, *, legal_basis: str) -> pd.DataFrame:
    """What `data.identity.add` takes; the basis of whoever imports stands where the row names none."""
    table = rows.frame.drop(columns="ref").assign(household_id=rows.frame["household_id"].astype("int64"))
    said = table["legal_basis"] if "legal_basis" in table else pd.Series(pd.NA, index=table.index)
    return table.assign(legal_basis=said.fillna(legal_basis))
