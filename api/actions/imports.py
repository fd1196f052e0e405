"""Facilities, households and reports brought in: whatever has a point."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd

import api.actions.intake as intake
import data.categories
import data.facilities
import data.ingest.columns
import data.ingest.facilities
import data.ingest.files
import data.ingest.households
import data.ingest.osm
import data.ingest.places
import data.ingest.reports
import data.ingest.stated
import data.ingest.surroundings
import data.ingest.upsert
import data.reports
import data.tables
import gis.datumgate
from api.actions.intake import OSM_DATUM, Asked, Done, Taken, Watch
from data.db import Session
from data.ingest.columns import Door, Rows
from data.ingest.files import Table
from data.ingest.places import Points
from data.ingest.surroundings import Surroundings
from data.ingest.upsert import Counts
from gis.datumgate import Judgement
from gis.errors import Invalid


def _nothing(rows: Rows) -> None:
    """No check beyond those of the columns."""


# Facilities, households, reports --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Sort:
    """One sort of thing that has a point."""

    door: Door
    frame: Callable[..., gpd.GeoDataFrame]
    keep: Callable[..., Counts]
    check: Callable[[Rows], None] = _nothing
    placed: bool = True


def facilities(session: Session, asked: Asked, *, watch: Watch = intake.quietly) -> Done:
    """Bring in care facilities; those with a known id are updated."""
    if data.ingest.files.is_osm(asked.path):
        return _facilities_of_osm(session, asked, watch)
    door = data.ingest.facilities.door(data.facilities.kinds(session))
    sort = _Sort(door, data.ingest.facilities.frame, _keep_facilities)
    return _points(session, asked, sort, watch)


def households(session: Session, asked: Asked, *, watch: Watch = intake.quietly) -> Done:
    """Bring in households; those with a known ref are updated. Without coordinates they are kept all the same."""
    if data.ingest.files.is_osm(asked.path):
        return _buildings_of_osm(session, asked, watch)
    sort = _Sort(
        data.ingest.households.DOOR,
        data.ingest.households.frame,
        _keep_households,
        data.ingest.households.check,
        placed=False,
    )
    return _points(session, asked, sort, watch)


def reports(session: Session, asked: Asked, *, zone: str, watch: Watch = intake.quietly) -> Done:
    """Bring in reports; those already there stay as they are. Times without a zone of their own are in `zone`."""
    if data.ingest.files.is_osm(asked.path):
        raise Invalid("imports.not_osm", what="reports")
    sort = _Sort(data.ingest.reports.door(zone=zone), data.ingest.reports.frame, _keep_reports, placed=False)
    return _points(session, asked, sort, watch)


def _keep_facilities(session: Session, frame: gpd.GeoDataFrame, *, given: frozenset[str], import_id: int) -> Counts:
    table = data.tables.facility
    return data.ingest.upsert.upsert(session, frame, table, key="id", given=given, import_id=import_id)


def _keep_households(session: Session, frame: gpd.GeoDataFrame, *, given: frozenset[str], import_id: int) -> Counts:
    table = data.tables.household
    return data.ingest.upsert.upsert(session, frame, table, key="ref", given=given, import_id=import_id)


def _keep_reports(session: Session, frame: gpd.GeoDataFrame, *, given: frozenset[str], import_id: int) -> Counts:  # noqa: ARG001
    table, listed = data.tables.report, data.categories.catalogue(session)
    labels = {each.label_zh: code for code, each in listed.items()}
    named = frame.assign(category=frame["category"].replace(labels))
    counts = data.ingest.upsert.keep_known(session, named, table, key="client_id", import_id=import_id)
    data.reports.adopt(session)
    return counts


def _points(session: Session, asked: Asked, sort: _Sort, watch: Watch) -> Done:
    around = data.ingest.surroundings.of(session)
    table = intake.read(asked, sort.door, watch)
    with watch("imports.checking", rows=len(table.rows)):
        rows, points = _placed(table, asked, sort, around)
        judgement = _judged(rows, points, around, asked)
        points = points.only(intake.settle(rows, asked, table.name))
        frame = _coded(sort.frame(rows, points, synthetic=asked.synthetic), rows, points, around)
    taken = Taken(
        sort.door.what, table.sha256, rows.total(), points.frame, judgement, intake.notes(rows),
        tuple(rows.faults), asked.synthetic, asked.attribution,
    )  # fmt: skip
    given = _given(rows, points)
    return intake.keep(
        session, asked, taken, len(frame), lambda id_: sort.keep(session, frame, given=given, import_id=id_), watch
    )


def _placed(table: Table, asked: Asked, sort: _Sort, around: Surroundings) -> tuple[Rows, Points]:
    rows = data.ingest.columns.read(table, sort.door)
    declared = data.ingest.places.frame(table, datum=asked.datum, epsg=asked.epsg)
    points = data.ingest.places.points(rows, table, declared=declared, home=around.outline, required=sort.placed)
    sort.check(rows)
    return rows, points


def _judged(rows: Rows, points: Points, around: Surroundings, asked: Asked) -> Judgement:
    """Ask the frame gate about the rows that are sound; refuse unless the datum was accepted beforehand."""
    good = rows.good()
    lon, lat = (side[good] for side in points.degrees)
    named = data.ingest.stated.codes(rows.frame[good], around.areas)
    shapes = data.ingest.stated.shapes(named, around.areas) if (named != "").any() else None
    found = gis.datumgate.judge(lon, lat, points.frame.datum, place=around.ground, stated=shapes)
    if not asked.accept_datum:
        gis.datumgate.refuse(found)
    return found


def _coded(frame: gpd.GeoDataFrame, rows: Rows, points: Points, around: Surroundings) -> gpd.GeoDataFrame:
    """With the codes of the areas that hold each row: by its point or, where it has none, by what it says itself."""
    named = data.ingest.stated.codes(rows.frame, around.areas)
    placed = ~np.isnan(points.lon)
    codes = np.where(placed, "", named)
    codes[placed] = around.held(points.lon[placed], points.lat[placed])
    above = data.ingest.stated.lineage(codes, around.areas)
    held = np.any([named == of for of in above.values()], axis=0)
    counted = {
        "no_location": int((~placed).sum()),
        "outside": int((placed & (codes == "")).sum()) if len(around.areas) else 0,
        "elsewhere": int((placed & (named != "") & ~held).sum()),
    }
    rows.notes |= {name: count for name, count in counted.items() if count}
    return frame.assign(**_codes(above))


def _codes(above: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The columns of codes by level; "" where a place lies in no area of the level."""
    return {f"{level}_code": np.where(pd.isna(of), "", of) for level, of in above.items()}


def _given(rows: Rows, points: Points) -> frozenset[str]:
    """The columns of the table that this file speaks of; what follows from them comes along."""
    given = {*rows.headers, "synthetic"}
    if not np.isnan(points.lon).all():
        given |= {"geom", "lon_sent", "lat_sent", "datum_sent", "street_code", "community_code", "grid_code"}
    if given & {"elders_homebound", "mobility"}:
        given |= {"elders_homebound", "mobility"}
    return frozenset(given | ({"elders_80"} if "age_max" in given else set()))


# OpenStreetMap --------------------------------------------------------------------------------------------------------


def _facilities_of_osm(session: Session, asked: Asked, watch: Watch) -> Done:
    intake.require_osm_datum(asked)
    with watch("imports.reading", file=asked.path.name):
        sha256 = data.ingest.files.digest(asked.path)
        found = data.ingest.osm.care(asked.path)
    return _found(session, asked, "facilities", sha256, found, {}, _keep_facilities, watch, synthetic=asked.synthetic)


def _buildings_of_osm(session: Session, asked: Asked, watch: Watch) -> Done:
    """Buildings stand in for households, in the district alone where one is known. Synthetic whatever is asked."""
    intake.require_osm_datum(asked)
    with watch("imports.reading", file=asked.path.name):
        sha256 = data.ingest.files.digest(asked.path)
        within = data.ingest.surroundings.of(session).outline
        found = data.ingest.osm.buildings(asked.path, within=within)
    stand_ins = {"stand_ins": len(found.frame)}
    return _found(session, asked, "households", sha256, found, stand_ins, _keep_households, watch, synthetic=True)


def _found(
    session: Session, asked: Asked, what: str, sha256: str, found: data.ingest.osm.Found, said: Mapping[str, object],
    keeper: Callable[..., Counts], watch: Watch, *, synthetic: bool,
) -> Done:  # fmt: skip
    if len(found.frame) == 0:
        raise Invalid("imports.none", file=asked.path.name, what=what)
    around = data.ingest.surroundings.of(session)
    frame = _osm_coded(found.frame, around).assign(synthetic=synthetic)
    passed = {name: count for name, count in found.passed_over.items() if count}
    taken = Taken(
        what, sha256, len(frame), OSM_DATUM, intake.not_judged(OSM_DATUM),
        {**said} | ({"passed_over": passed} if passed else {}),
        synthetic=synthetic, attribution=asked.attribution or data.ingest.osm.ATTRIBUTION,
        facts=intake.data_date(asked.path),
    )  # fmt: skip
    given = frozenset(frame.columns) | {"geom"}
    return intake.keep(
        session, asked, taken, len(frame), lambda id_: keeper(session, frame, given=given, import_id=id_), watch
    )


def _osm_coded(frame: gpd.GeoDataFrame, around: Surroundings) -> gpd.GeoDataFrame:
    lon, lat = frame.geometry.x.to_numpy(), frame.geometry.y.to_numpy()
    above = data.ingest.stated.lineage(around.held(lon, lat), around.areas)
    sent = {"lon_sent": lon, "lat_sent": lat, "datum_sent": OSM_DATUM.name}
    return frame.assign(**sent, **_codes(above))
