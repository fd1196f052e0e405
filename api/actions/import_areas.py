"""Areas of one level brought in. What changed begins a new version; the guard in the database has the last word."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

import api.actions.intake as intake
import data.areas
import data.facilities
import data.ingest.areas
import data.ingest.columns
import data.ingest.files
import data.ingest.osm
import data.ingest.places
import data.population
import gis.areas
import gis.datumgate
from api.actions.intake import OSM_DATUM, Asked, Done, Taken, Watch
from data.db import Session
from data.ingest.columns import Rows
from data.ingest.places import Frame
from data.ingest.upsert import Counts
from gis.errors import Invalid


@dataclass(frozen=True)
class Plan:
    """What the file is to become: areas of `level`; the columns that hold code, name and parent; from which day."""

    level: str
    code: str | None = None
    name: str | None = None
    parent: str | None = None
    scheme: str | None = None
    valid_from: date | None = None
    admin_level: int | None = None
    within: str | None = None

    def chosen(self) -> dict[str, str]:
        named = {"code": self.code, "name": self.name, "parent_code": self.parent}
        return {column: header for column, header in named.items() if header}


@dataclass(frozen=True, eq=False)
class _Above:
    """The areas that may be parents: those of higher levels, and of these the nearest level that has any."""

    all: gpd.GeoDataFrame
    nearest: gpd.GeoDataFrame


def areas(session: Session, asked: Asked, plan: Plan, *, watch: Watch = intake.quietly) -> Done:
    """Bring in the areas of one level, and name the areas of households and facilities anew."""
    levels = data.areas.levels(session)
    data.ingest.areas.require_level(plan.level, levels["level"].tolist())
    day = plan.valid_from or data.areas.today(session)
    above = _above(session, plan.level, levels, day)
    if data.ingest.files.is_osm(asked.path):
        taken, frame = _of_osm(asked, plan, above, watch)
    else:
        taken, frame = _of_file(session, asked, plan, above, watch)
    keeper = partial(_keep, session, frame, plan, day, taken.synthetic)
    return intake.keep(session, asked, taken, len(frame), keeper, watch)


def _above(session: Session, level: str, levels: pd.DataFrame, day: date) -> _Above:
    rank = levels.set_index("level")["rank"]
    there = data.areas.frame(session, as_of=day)
    ranks = there["level"].map(rank)
    higher = there[(ranks < rank[level]) & (there["grid_kind"] != "dedicated")]
    return _Above(higher, higher[ranks[higher.index] == ranks[higher.index].max()])


# From a file ----------------------------------------------------------------------------------------------------------


def _of_file(session: Session, asked: Asked, plan: Plan, above: _Above, watch: Watch) -> tuple[Taken, gpd.GeoDataFrame]:
    table = intake.read(asked, data.ingest.areas.DOOR, watch)
    with watch("imports.checking", rows=len(table.rows)):
        rows = data.ingest.columns.read(table, data.ingest.areas.DOOR, chosen=plan.chosen())
        declared = data.ingest.places.frame(table, datum=asked.datum, epsg=asked.epsg)
        sent = data.ingest.areas.shapes(rows, table)
        frame = data.ingest.areas.frame(rows, sent, level=plan.level, declared=declared)
        digits = _digits(session, plan)
        _check_codes(rows, frame, plan, digits)
        frame = frame.assign(parent_code=_parents(frame, plan, digits, above))
        judgement = _judged(rows, sent, frame, declared, above, asked)
        _check_parents(rows, frame, above)
        frame = frame[intake.settle(rows, asked, table.name)].reset_index(drop=True)
    taken = Taken("areas", table.sha256, rows.total(), declared, judgement, intake.notes(rows), tuple(rows.faults),
                  asked.synthetic, asked.attribution)  # fmt: skip
    return taken, frame


def _digits(session: Session, plan: Plan) -> dict[str, int]:
    """How long codes are down to each level; nothing is known without a scheme."""
    if plan.scheme is None:
        return {}
    schemes = data.areas.schemes(session)
    if plan.scheme not in schemes:
        raise Invalid("areas.scheme", scheme=plan.scheme, known=sorted(schemes))
    return schemes[plan.scheme]


def _check_codes(rows: Rows, frame: gpd.GeoDataFrame, plan: Plan, digits: dict[str, int]) -> None:
    if plan.level in digits:
        length = digits[plan.level]
        wrong = frame["code"].notna() & ~frame["code"].str.fullmatch(rf"\d{{{length}}}", na=False)
        rows.blame(wrong.to_numpy(), "code", "areas.code_length", scheme=plan.scheme, level=plan.level, digits=length)


def _parents(frame: gpd.GeoDataFrame, plan: Plan, digits: dict[str, int], above: _Above) -> npt.NDArray[Any]:
    """As stated; else by the beginning of the code where a scheme says how; else by where the area lies."""
    stated: npt.NDArray[Any] = frame["parent_code"].to_numpy(dtype=object)
    if (stated != "").all() or not len(above.all):
        return stated
    if plan.level in digits and digits[plan.level] > min(digits.values()):
        length = max(of for of in digits.values() if of < digits[plan.level])
        found = frame["code"].str[:length].fillna("").to_numpy(dtype=object)
    else:
        found = np.array(data.ingest.osm.parents(frame.geometry.to_numpy(), above.nearest), dtype=object)
    return np.asarray(np.where(stated == "", found, stated), dtype=object)


def _judged(
    rows: Rows, sent: npt.NDArray[Any], frame: gpd.GeoDataFrame, declared: Frame, above: _Above, asked: Asked
) -> gis.datumgate.Judgement:
    """The gate compares outlines with those of their parents; without any of a parent, with the nearest level whole."""
    good = rows.good() & ~shapely.is_missing(sent)
    known = dict(zip(above.all["code"], above.all.geometry, strict=True))
    whole = shapely.union_all(above.nearest.geometry.to_numpy()) if len(above.nearest) else None
    shapes = np.empty(int(good.sum()), dtype=object)
    shapes[:] = [known.get(code, whole) for code in frame["parent_code"][good]]
    found = gis.datumgate.judge_areas(declared.degree_shapes(sent[good]), declared.datum, parents=shapes)
    if not asked.accept_datum:
        gis.datumgate.refuse(found)
    return found


def _check_parents(rows: Rows, frame: gpd.GeoDataFrame, above: _Above) -> None:
    """Whoever names a parent that is not there is an orphan, as is whoever has none below the top."""
    known = set(above.all["code"])
    for code, of in frame["parent_code"].groupby(frame["parent_code"]):
        if (code or len(above.all)) and code not in known:
            orphans = np.isin(np.arange(len(frame)), of.index)
            rows.blame(orphans, "parent_code", "areas.orphan", parent=code or "–")


# From an extract ------------------------------------------------------------------------------------------------------


def _of_osm(asked: Asked, plan: Plan, above: _Above, watch: Watch) -> tuple[Taken, gpd.GeoDataFrame]:
    intake.require_osm_datum(asked)
    if plan.admin_level is None:
        raise Invalid("imports.admin_level")
    with watch("imports.reading", file=asked.path.name):
        sha256 = data.ingest.files.digest(asked.path)
        found = data.ingest.osm.boundaries(
            asked.path, admin_level=plan.admin_level, level=plan.level, within=plan.within,
            above=above.nearest if len(above.nearest) else None,
        )  # fmt: skip
    passed = {str(reason): names.tolist() for reason, names in found.left_out.groupby("reason")["name"]}
    taken = Taken(
        "areas", sha256, len(found.frame), OSM_DATUM, intake.not_judged(OSM_DATUM),
        {"passed_over": passed} if passed else {}, synthetic=asked.synthetic,
        attribution=asked.attribution or data.ingest.osm.ATTRIBUTION, facts=intake.data_date(asked.path),
    )  # fmt: skip
    return taken, found.frame


# Keeping --------------------------------------------------------------------------------------------------------------


def _keep(session: Session, frame: gpd.GeoDataFrame, plan: Plan, day: date, synthetic: bool, import_id: int) -> Counts:
    there = data.areas.frame(session, level=plan.level, as_of=day).set_index("code", drop=False)
    known = frame["code"].isin(there.index).to_numpy()
    same = known.copy()
    same[known] = _same(frame[known], there.loc[frame["code"][known]])
    _renew(session, frame[known & ~same], there, day, synthetic, import_id)
    _add(session, frame[~known], plan, day, synthetic, import_id)
    data.areas.check(session)
    if not same.all():
        data.facilities.relink(session)
        data.population.relink(session)
    changed = int((known & ~same).sum())
    return Counts(int((~known).sum()), changed, int(same.sum()), len(there) - int(known.sum()))


def _same(frame: gpd.GeoDataFrame, there: gpd.GeoDataFrame) -> npt.NDArray[Any]:
    """Which areas are already kept as they are in the file."""
    words = [
        frame[name].to_numpy(object) == there[name].to_numpy(object) for name in ("name", "parent_code", "grid_kind")
    ]
    shapes = shapely.equals_exact(gis.areas.multi(frame.geometry), gis.areas.multi(there.geometry), tolerance=0.0)
    same: npt.NDArray[np.bool_] = np.logical_and.reduce([*words, shapes])
    return same


def _add(session: Session, frame: gpd.GeoDataFrame, plan: Plan, day: date, synthetic: bool, import_id: int) -> None:
    if len(frame):
        data.areas.add(session, frame, valid_from=day, synthetic=synthetic, scheme=plan.scheme, import_id=import_id)


def _renew(
    session: Session, frame: gpd.GeoDataFrame, there: gpd.GeoDataFrame, day: date, synthetic: bool, import_id: int
) -> None:
    """A new version from that day; one that began on that very day is put right instead."""
    begun = there.loc[frame["code"], "valid_from"].to_numpy() == day
    if begun.any():
        data.ingest.areas.withdraw(session, frame["code"][begun], day=day)
        data.areas.add(session, frame[begun], valid_from=day, synthetic=synthetic, import_id=import_id)
    if not begun.all():
        data.areas.set(session, frame[~begun], valid_from=day, synthetic=synthetic, import_id=import_id)
