"""Opening an extract: what it yields, its date, and the shapes of its places."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import osmium
import osmium.filter
import osmium.geom
import shapely

from gis.errors import Invalid

ATTRIBUTION = "© OpenStreetMap contributors, ODbL 1.0"


@dataclass(frozen=True)
class Place:
    """A node or an area of an extract."""

    kind: str
    """node, way or relation."""
    id: int
    tags: dict[str, str]
    shape: Any
    """Point or MultiPolygon, WGS84; None where the extract does not hold the whole of it."""

    @property
    def ref(self) -> str:
        """The name by which OpenStreetMap finds it again: osm:way/123."""
        return f"osm:{self.kind}/{self.id}"


def data_date(path: Path) -> datetime:
    """When the data of an extract was true: the time its header states, else that of its newest object (UTC)."""
    reader = osmium.FileProcessor(str(path))
    try:
        stated = reader.header.get("osmosis_replication_timestamp")
    except RuntimeError as error:
        raise _unreadable(path, error) from error
    if stated:
        return datetime.fromisoformat(stated.replace("Z", "+00:00"))
    times = (thing.timestamp for thing in read(reader, path))
    return max(times, default=datetime.fromtimestamp(0, UTC))


def places(path: Path, *filters: Any, areas_only: bool = False) -> Iterator[Place]:
    """Nodes and areas (closed ways, multipolygons) that pass all filters; an area that is cut has no shape."""
    entities = osmium.osm.AREA if areas_only else osmium.osm.AREA | osmium.osm.NODE
    reader = osmium.FileProcessor(str(path)).with_areas(*filters)
    for wanted in (osmium.filter.EntityFilter(entities), *filters):
        reader = reader.with_filter(wanted)
    factory = osmium.geom.WKBFactory()
    for thing in read(reader, path):
        yield _place(thing, factory)


def read(reader: Any, path: Path) -> Iterator[Any]:
    """What a reader yields; a file that is none, or is cut short, is refused by name."""
    try:
        yield from reader
    except RuntimeError as error:
        raise _unreadable(path, error) from error


def tags_of(thing: Any, keys: Collection[str] | None = None) -> dict[str, str]:
    """The tags of an object, or those among `keys`."""
    return {tag.k: tag.v for tag in thing.tags if keys is None or tag.k in keys}


def _place(thing: Any, factory: Any) -> Place:
    if thing.is_node():
        return Place("node", thing.id, tags_of(thing), shapely.Point(thing.lon, thing.lat))
    kind = "way" if thing.from_way() else "relation"
    try:
        shape = shapely.from_wkb(factory.create_multipolygon(thing))
    except (osmium.InvalidLocationError, RuntimeError):
        shape = None
    return Place(kind, thing.orig_id(), tags_of(thing), shape)


def _unreadable(path: Path, error: Exception) -> Invalid:
    return Invalid("osm.unreadable", file=path.name, reason=str(error))
