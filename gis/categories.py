"""What may be reported: components (部件), events (事件) and local classes, each with a time limit.

The national table of classes and limits (GB/T 30428) has not been read here; no national code is claimed, and **every
limit below is an example**. A place loads its own list (`from_frame`), which replaces ours whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pandas as pd

from gis.deadlines import Limit
from gis.errors import BadRows, Fault, Invalid, NotFound, Refusal
from gis.frames import Columns, require

FAMILIES = {"component": "部件", "event": "事件", "local": "本地"}
EXAMPLE = "example, to be replaced by the place's own list"

#: `amount`, `unit` and `warn_before` as in `gis.deadlines.Limit`; `near_m` and `near_days`: see `Category`.
CATEGORIES = Columns(
    "categories",
    ("code", "family", "name_zh", "name_en", "amount", "unit", "warn_before"),
    ("near_m", "near_days", "source"),
)


@dataclass(frozen=True)
class Category:
    """One class of reports.

    `near_m`, `near_days`: how near and how recent an open report is worth offering as the same one
    (`gis.duplicates`). `source`: where the limit stands; `EXAMPLE` when nowhere.
    """

    code: str
    family: str
    name_zh: str
    name_en: str
    limit: Limit
    near_m: float = 50.0
    near_days: float = 30.0
    source: str = EXAMPLE

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise Invalid("categories.family", family=self.family, families=list(FAMILIES))
        if not self.code.strip() or not self.near_m > 0 or not self.near_days > 0:
            raise Invalid("categories.row", category=self.code)

    @property
    def label_zh(self) -> str:
        """As the lists of districts write it: 部件-井盖."""
        return f"{FAMILIES[self.family]}-{self.name_zh}"


Catalogue = dict[str, Category]


def catalogue(categories: Iterable[Category]) -> Catalogue:
    """By code; the same code twice is refused (``categories.twice``)."""
    listed = list(categories)
    codes = [each.code for each in listed]
    twice = sorted({code for code in codes if codes.count(code) > 1})
    if twice:
        raise Invalid("categories.twice", codes=twice)
    return dict(zip(codes, listed, strict=True))


def find(listed: Catalogue, word: str) -> Category:
    """The category with this code, or with this Chinese label (部件-井盖); refuses an unknown one."""
    found = listed.get(word) or next((each for each in listed.values() if each.label_zh == word), None)
    if found is None:
        raise NotFound("categories.absent")
    return found


def from_frame(frame: pd.DataFrame) -> Catalogue:
    """A place's own catalogue from a table with the columns of `CATEGORIES`; every bad row is named at once."""
    require(frame, CATEGORIES)
    faults: list[Fault] = []
    made = list(_made(frame, faults))
    if faults:
        raise BadRows("categories.refused", faults)
    return catalogue(made)


def _made(frame: pd.DataFrame, faults: list[Fault]) -> Iterator[Category]:
    for number, row in enumerate(frame.to_dict("records"), start=1):
        given = {str(name): value for name, value in row.items() if not pd.isna(value)}
        try:
            yield _category(given)
        except Refusal as refusal:
            faults.append(Fault(number, None, None, refusal.code, refusal.facts))
        except (KeyError, TypeError, ValueError):
            faults.append(Fault(number, None, None, "categories.row", {"category": given.get("code", "")}))


def _category(given: dict[str, object]) -> Category:
    amount, warn = (int(str(given[name])) for name in ("amount", "warn_before"))
    code, family, name_zh, name_en = (str(given[name]) for name in ("code", "family", "name_zh", "name_en"))
    return Category(
        code,
        family,
        name_zh,
        name_en,
        limit=Limit(amount, str(given["unit"]), warn),
        near_m=float(str(given.get("near_m", 50))),
        near_days=float(str(given.get("near_days", 30))),
        source=str(given.get("source", "")),
    )


def _hours(amount: int, warn_before: int) -> Limit:
    return Limit(amount, "work_hours", warn_before)


def _days(amount: int, warn_before: int) -> Limit:
    return Limit(amount, "work_days", warn_before)


#: Ours, for a start: what the sample of Liwan reports. All limits are examples.
STARTER: Catalogue = catalogue(
    (
        Category("manhole_cover", "component", "井盖", "manhole cover", Limit(4, "urgent_hours", 1), near_m=15),
        Category("street_lamp", "component", "路灯", "street lamp", _days(2, 1), near_m=30),
        Category("handrail", "component", "扶手", "handrail", _days(3, 1), near_m=20),
        Category("ramp", "component", "无障碍坡道", "step-free ramp", _days(5, 1), near_m=20),
        Category("lift", "component", "电梯", "lift", Limit(24, "urgent_hours", 4), near_m=30),
        Category("water_pipe", "component", "水管", "water pipe", _hours(8, 2), near_m=30),
        Category("litter", "event", "暴露垃圾", "exposed litter", _hours(4, 1), near_m=50, near_days=3),
        Category("parking", "event", "违停占道", "illegal parking", _hours(4, 1), near_m=50, near_days=1),
        Category("fire_lane", "event", "消防通道", "blocked fire lane", Limit(4, "urgent_hours", 1), near_days=7),
        Category("noise", "event", "噪音", "noise", _hours(4, 1), near_m=150, near_days=1),
        Category("flooding", "event", "内涝", "flooding", Limit(8, "urgent_hours", 2), near_m=100, near_days=2),
        Category("elder_help", "local", "长者求助", "elder asks for help", Limit(24, "urgent_hours", 6), near_days=2),
    )
)
