"""Files brought in: read, held against what is known of the place, and kept whole or not at all.

Every import goes the same way. Columns and places are read and every fault is named; the frame gate asks whether the
datum can be right; rows get the codes of their areas; the batch and its rows are kept in one transaction. A dry run
goes the whole way and is taken back at its end, so that what it says is what would happen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np

import data.facilities
import data.imports
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
import data.tables
import gis.datumgate
from data.db import Session
from data.ingest.columns import Door, Rows
from data.ingest.files import Table
from data.ingest.places import Frame, Points
from data.ingest.surroundings import Surroundings
from data.ingest.upsert import Counts
from gis.datumgate import Judgement
from gis.errors import BadRows, Fault, Invalid

#: Shows the name of a step (a key of the texts, with its facts) while it lasts.
Watch = Callable[..., AbstractContextManager[object]]

OSM_DATUM = Frame("wgs84")


@dataclass(frozen=True)
class Asked:
    """What is common to all imports."""

    path: Path
    datum: str | None = None
    epsg: int | None = None
    encoding: str | None = None
    layer: str | None = None
    dry_run: bool = False
    skip_bad: bool = False
    accept_datum: bool = False
    synthetic: bool = False
    attribution: str = ""


@dataclass(frozen=True)
class Taken:
    """What was read and found sound, ready to be kept."""

    what: str
    sha256: str
    rows: int
    declared: Frame
    judgement: Judgement
    notes: Mapping[str, object] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    synthetic: bool = False
    attribution: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Done:
    """What an import did, or, after a dry run, would have done; `import_id` is then None."""

    taken: Taken
    file: str
    import_id: int | None
    kept: int
    counts: Counts

    def facts(self) -> dict[str, Any]:
        """All of it for JSON, the faults left to whoever has the words."""
        taken = self.taken
        return {
            "what": taken.what,
            "file": self.file,
            "sha256": taken.sha256,
            "import_id": self.import_id,
            "dry_run": self.import_id is None,
            "rows": taken.rows,
            "kept": self.kept,
            "skipped": taken.rows - self.kept,
            **asdict(self.counts),
            "datum": {"declared": taken.declared.name, **_judged_facts(taken.judgement)},
            "synthetic": taken.synthetic,
            "attribution": taken.attribution,
            "notes": dict(taken.notes),
            **taken.facts,
        }


def _judged_facts(judgement: Judgement) -> dict[str, Any]:
    shares = {name: dict(of) for name, of in judgement.shares.items()}
    return {"verdict": judgement.verdict, "fits": judgement.best, "judged": judgement.judged, "shares": shares}


# Facilities, households, reports --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Sort:
    """One sort of thing that has a point."""

    door: Door
    frame: Callable[..., gpd.GeoDataFrame]
    keep: Callable[..., Counts]
    check: Callable[[Rows], None] = lambda rows: None
    placed: bool = True


def facilities(session: Session, asked: Asked, *, watch: Watch = nullcontext) -> Done:
    """Bring in care facilities; those with a known id are updated."""
    if data.ingest.files.is_osm(asked.path):
        return _facilities_of_osm(session, asked, watch)
    door = data.ingest.facilities.door(data.facilities.kinds(session))
    sort = _Sort(door, data.ingest.facilities.frame, _keep_facilities)
    return _points(session, asked, sort, watch)


def households(session: Session, asked: Asked, *, watch: Watch = nullcontext) -> Done:
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


def reports(session: Session, asked: Asked, *, zone: str, watch: Watch = nullcontext) -> Done:
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
    table = data.tables.report
    return data.ingest.upsert.keep_known(session, frame, table, key="client_id", import_id=import_id)


def _points(session: Session, asked: Asked, sort: _Sort, watch: Watch) -> Done:
    around = data.ingest.surroundings.of(session)
    table = read(asked, sort.door, watch)
    with watch("imports.checking", rows=len(table.rows)):
        rows, points = _placed(table, asked, sort, around)
        judgement = _judged(rows, points, around, asked)
        points = points.only(settle(rows, asked, table.name))
        frame = _coded(sort.frame(rows, points, synthetic=asked.synthetic), rows, points, around)
    taken = Taken(
        sort.door.what, table.sha256, len(table.rows) + _lost(table), points.frame, judgement, notes(rows),
        tuple(rows.faults), asked.synthetic, asked.attribution,
    )  # fmt: skip
    given = _given(rows, points)
    return keep(
        session, asked, taken, len(frame), lambda id_: sort.keep(session, frame, given=given, import_id=id_), watch
    )


def _lost(table: Table) -> int:
    """Rows that could not even be split into cells."""
    return len({fault.row for fault in table.faults} - {*table.rows.tolist()})


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
    held = np.isin(named, np.unique(codes)) & np.any([named == of for of in above.values()], axis=0)
    counted = {
        "no_location": int((~placed).sum()),
        "outside": int((placed & (codes == "")).sum()) if len(around.areas) else 0,
        "elsewhere": int((placed & (named != "") & ~held).sum()),
    }
    rows.notes |= {name: count for name, count in counted.items() if count}
    return frame.assign(**{f"{level}_code": np.where(of == None, "", of) for level, of in above.items()})  # noqa: E711


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
    require_osm_datum(asked)
    with watch("imports.reading", file=asked.path.name):
        sha256 = data.ingest.files.digest(asked.path)
        found = data.ingest.osm.care(asked.path)
    return _found(session, asked, "facilities", sha256, found, {}, _keep_facilities, watch, synthetic=asked.synthetic)


def _buildings_of_osm(session: Session, asked: Asked, watch: Watch) -> Done:
    """Buildings stand in for households, in the district alone where one is known. Synthetic whatever is asked."""
    require_osm_datum(asked)
    with watch("imports.reading", file=asked.path.name):
        sha256 = data.ingest.files.digest(asked.path)
        within = data.ingest.surroundings.of(session).outline
        found = data.ingest.osm.buildings(asked.path, within=within)
    stand_ins = {"stand_ins": len(found.frame)}
    return _found(session, asked, "households", sha256, found, stand_ins, _keep_households, watch, synthetic=True)


def _found(
    session: Session, asked: Asked, what: str, sha256: str, found: data.ingest.osm.Found, said: dict[str, object],
    keeper: Callable[..., Counts], watch: Watch, *, synthetic: bool,
) -> Done:  # fmt: skip
    if len(found.frame) == 0:
        raise Invalid("imports.none", file=asked.path.name, what=what)
    around = data.ingest.surroundings.of(session)
    frame = _osm_coded(found.frame, around).assign(synthetic=synthetic)
    passed = {name: count for name, count in found.passed_over.items() if count}
    taken = Taken(
        what, sha256, len(frame), OSM_DATUM, not_judged(OSM_DATUM), said | ({"passed_over": passed} if passed else {}),
        synthetic=synthetic, attribution=asked.attribution or data.ingest.osm.ATTRIBUTION,
        facts=data_date(asked.path),
    )  # fmt: skip
    given = frozenset(frame.columns) | {"geom"}
    return keep(
        session, asked, taken, len(frame), lambda id_: keeper(session, frame, given=given, import_id=id_), watch
    )


def _osm_coded(frame: gpd.GeoDataFrame, around: Surroundings) -> gpd.GeoDataFrame:
    lon, lat = frame.geometry.x.to_numpy(), frame.geometry.y.to_numpy()
    above = data.ingest.stated.lineage(around.held(lon, lat), around.areas)
    sent = {"lon_sent": lon, "lat_sent": lat, "datum_sent": OSM_DATUM.name}
    return frame.assign(**sent, **{f"{level}_code": np.where(of == None, "", of) for level, of in above.items()})  # noqa: E711


def require_osm_datum(asked: Asked) -> None:
    """An extract is in WGS84, whatever anybody declares."""
    if asked.datum not in (None, "wgs84") or asked.epsg not in (None, 4326):
        raise Invalid("imports.no_osm_datum", declared=asked.datum or f"epsg:{asked.epsg}")


def data_date(path: Path) -> dict[str, object]:
    """The day an extract is of, as a fact of its batch."""
    return {"data_date": data.ingest.osm.data_date(path).date().isoformat()}


# What every import shares ---------------------------------------------------------------------------------------------


def read(asked: Asked, door: Door, watch: Watch) -> Table:
    """The file as a table."""
    with watch("imports.reading", file=asked.path.name):
        return data.ingest.files.read(asked.path, known=door.known, encoding=asked.encoding, layer=asked.layer)


def settle(rows: Rows, asked: Asked, file: str) -> np.ndarray:
    """The rows to go on with, as a mask over those before: all, or the good ones when bad ones may be skipped."""
    rows.faults.sort(key=lambda fault: (fault.row or 0, fault.column or ""))
    kept = rows.good()
    if rows.faults and not asked.skip_bad:
        raise BadRows("imports.bad_rows", rows.faults, file=file, rows=len(kept))
    if not kept.any():
        raise BadRows("imports.nothing_left", rows.faults, file=file)
    rows.keep(kept)
    return kept


def notes(rows: Rows) -> dict[str, object]:
    """What is to be said about rows that were kept."""
    return ({"unused": list(rows.unused)} if rows.unused else {}) | rows.notes


def not_judged(declared: Frame) -> Judgement:
    """The judgement of an import that has nothing to judge."""
    return Judgement("not_judged", declared.datum, declared.datum, 0, 1.0, {})


def keep(
    session: Session, asked: Asked, taken: Taken, kept: int, keeper: Callable[[int], Counts], watch: Watch
) -> Done:
    """Keep a batch and what belongs to it, or, in a dry run, do so and take it back."""
    with watch("imports.keeping", rows=kept), _tried(session, asked):
        import_id = data.imports.add(
            session,
            what=taken.what,
            file_name=asked.path.name,
            sha256=taken.sha256,
            datum=taken.declared.name,
            datum_accepted=asked.accept_datum and taken.judgement.verdict == "wrong",
            rows_kept=kept,
            rows_skipped=taken.rows - kept,
            synthetic=taken.synthetic,
            attribution=taken.attribution,
            facts={"datum": _judged_facts(taken.judgement), "notes": dict(taken.notes), **taken.facts},
        )
        counts = keeper(import_id)
    return Done(taken, asked.path.name, None if asked.dry_run else import_id, kept, counts)


@contextmanager
def _tried(session: Session, asked: Asked) -> Iterator[None]:
    """A part of the transaction that a dry run undoes."""
    part = session.begin_nested()
    yield
    if asked.dry_run:
        part.rollback()
    else:
        part.commit()
