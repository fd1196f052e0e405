"""A walking network brought in as a new version; a file that gives the newest one again changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import shapely

import api.actions.intake as intake
import data.areas
import data.ingest.columns
import data.ingest.files
import data.ingest.lines
import data.ingest.osm
import data.ingest.places
import data.walknet
import gis.crs
import gis.walknet
import gis.walktags
import gis.walkways
from api.actions.intake import OSM_DATUM, Asked, Done, Taken, Watch
from data.db import Session
from data.ingest.columns import Door
from data.ingest.places import Frame
from data.ingest.upsert import Counts
from gis.errors import Invalid, NotFound

_TAGS = frozenset(gis.walktags.WAY_KEYS)


class _Tagged(Door):
    """Columns are tags here."""

    def known(self, header: str) -> bool:
        return header in _TAGS


LINES = _Tagged("walknet", ())


@dataclass(frozen=True)
class _Read:
    net: gis.walkways.Network
    declared: Frame
    sha256: str
    facts: dict[str, str]


def walknet(
    session: Session,
    asked: Asked,
    *,
    clip_to: str | None = None,
    buffer_m: float = 1500.0,
    watch: Watch = intake.quietly,
) -> Done:
    """Bring in the walking network of a file, of all of it or only in and around one area."""
    clip = None if clip_to is None else _around(session, clip_to, buffer_m)
    with watch("imports.reading", file=asked.path.name):
        found = _of_osm(asked, clip) if data.ingest.files.is_osm(asked.path) else _of_lines(asked, clip)
    edges = len(found.net.edges)
    arrays = gis.walknet.from_frames(found.net.nodes, found.net.edges, srid=found.net.srid)
    attribution = asked.attribution or (data.ingest.osm.ATTRIBUTION if "data_date" in found.facts else "")
    said = {
        "network": {"nodes": len(found.net.nodes), "edges": edges, "km": round(float(arrays.metres.sum()) / 1000, 3)}
    }
    taken = Taken(
        "walknet", found.sha256, edges, found.declared, intake.not_judged(found.declared), said,
        synthetic=asked.synthetic, attribution=attribution,
        facts={**found.facts, "srid": found.net.srid, "clip_to": clip_to, "stats": found.net.stats},
    )  # fmt: skip
    keeper = partial(_keep, session, asked, found, arrays.sha256)
    return intake.keep(session, asked, taken, edges, keeper, watch)


def _keep(session: Session, asked: Asked, found: _Read, sha256: str, import_id: int) -> Counts:
    newest = _newest(session)
    before = 0 if newest is None else int(newest["edges"])
    if newest is not None and newest["sha256"] == sha256:
        return Counts(0, 0, before, 0)
    data.walknet.add(
        session,
        found.net.nodes,
        found.net.edges,
        srid=found.net.srid,
        sha256=sha256,
        synthetic=asked.synthetic,
        stats=found.net.stats,
        data_date=found.facts.get("data_date"),
        import_id=import_id,
    )
    return Counts(len(found.net.edges), 0, 0, 0)


def _newest(session: Session) -> dict[str, Any] | None:
    try:
        return data.walknet.describe(session)
    except NotFound:
        return None


def _of_osm(asked: Asked, clip: Any) -> _Read:
    intake.require_osm_datum(asked)
    sha256 = data.ingest.files.digest(asked.path)
    return _Read(data.ingest.osm.walknet(asked.path, clip=clip), OSM_DATUM, sha256, intake.data_date(asked.path))


def _of_lines(asked: Asked, clip: Any) -> _Read:
    table = intake.read(asked, LINES, intake.quietly)
    declared = data.ingest.places.frame(table, datum=asked.datum, epsg=asked.epsg)
    return _Read(data.ingest.lines.network(table, declared=declared, clip=clip), declared, table.sha256, {})


def _around(session: Session, code: str, buffer_m: float) -> Any:
    """The outline of an area and so many metres around it, in degrees."""
    if buffer_m < 0:
        raise Invalid("imports.buffer", buffer_m=buffer_m)
    areas = data.areas.frame(session)
    found = areas[areas["code"] == code]
    if not len(found):
        raise NotFound("areas.absent", code=code)
    shape = found.geometry.iloc[0]
    west, south, east, north = shape.bounds
    metric = gis.crs.metric([west, east], [south, north])
    return metric.inverse_shapes(shapely.buffer(metric.forward_shapes(shape), buffer_m))
