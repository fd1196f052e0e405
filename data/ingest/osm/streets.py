"""The streets of an extract: every way that might be walked with its vertices, and the network made of them."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import osmium
import osmium.filter
import osmium.geom
import pandas as pd
import shapely

import gis.walktags
import gis.walkways
from data.ingest.osm.reading import read
from gis.errors import Invalid

Row = list[str | None]
#: Tags that, without a highway, make a way worth judging.
_WALKED = (("place", "square"), ("railway", "platform"), ("public_transport", "platform"), ("route", "ferry"))
#: Tags that make a relation a square whose rim is walked.
_SQUARES = (("highway", "pedestrian"), ("highway", "footway"), ("place", "square"))


def walknet(path: Path, *, clip: Any = None, srid: int | None = None) -> gis.walkways.Network:
    """The walking network of an extract; `clip` (WGS84, buffer included) keeps the edges that touch it.

    Raises `Invalid` `osm.unreadable` for a file that cannot be read and `osm.no_ways` where nothing may be walked.
    """
    drawn, vertices = ways(path)
    if len(vertices.ids) == 0:
        raise Invalid("osm.no_ways", file=path.name, ways=len(drawn.ids))
    net = gis.walkways.build(drawn, vertices, srid=srid, clip=clip)
    if len(net.edges) == 0:
        raise Invalid("osm.no_ways", file=path.name, ways=len(drawn.ids))
    return net


def ways(path: Path) -> tuple[gis.walkways.Ways, gis.walkways.Vertices]:
    """Every way of an extract that might be walked, with its vertices, as drawn."""
    rims = _rims(path)
    found, tagged = _Lines(), _Tagged()
    reader = osmium.FileProcessor(str(path), osmium.osm.NODE | osmium.osm.WAY).with_locations()
    wanted = osmium.filter.KeyFilter("highway", "barrier", "kerb", "crossing", *(key for key, _ in _WALKED))
    for thing in read(reader.with_filter(wanted), path):
        if thing.is_node():
            tagged.take(thing)
        elif "highway" in thing.tags or any(thing.tags.get(key) == value for key, value in _WALKED):
            found.take(thing, _row(thing, gis.walktags.WAY_KEYS))
            rims.pop(thing.id, None)
    if rims:
        for thing in read(_by_id(path, rims), path):
            found.take(thing, rims[thing.id])
    return found.ways(), found.vertices(tagged)


@dataclass
class _Tagged:
    """Vertices with tags, gathered while reading."""

    ids: array[int] = field(default_factory=lambda: array("q"))
    tags: list[Row] = field(default_factory=list)

    def take(self, node: Any) -> None:
        self.ids.append(node.id)
        self.tags.append(_row(node, gis.walktags.NODE_KEYS))


@dataclass
class _Lines:
    """Ways gathered while reading."""

    ids: array[int] = field(default_factory=lambda: array("q"))
    tags: list[Row] = field(default_factory=list)
    refs: array[int] = field(default_factory=lambda: array("q"))
    counts: array[int] = field(default_factory=lambda: array("q"))
    shapes: list[str | None] = field(default_factory=list)
    places: dict[int, tuple[float, float]] = field(default_factory=dict)
    _factory: Any = field(default_factory=osmium.geom.WKBFactory)

    def take(self, way: Any, tags: Row) -> None:
        self.ids.append(way.id)
        self.tags.append(tags)
        refs = [node.ref for node in way.nodes]
        self.refs.extend(refs)
        self.counts.append(len(refs))
        self.shapes.append(self._shape(way))

    def _shape(self, way: Any) -> str | None:
        """The way's positions at one stroke; one by one where some are missing."""
        try:
            return str(self._factory.create_linestring(way, osmium.geom.use_nodes.ALL))
        except (osmium.InvalidLocationError, RuntimeError):
            self.places |= {n.ref: (n.lon, n.lat) for n in way.nodes if n.location.valid()}
            return None

    def ways(self) -> gis.walkways.Ways:
        offsets = np.concatenate([[0], np.cumsum(np.asarray(self.counts, dtype=np.int64))])
        return gis.walkways.Ways(
            np.asarray(self.ids, dtype=np.int64), _table(self.tags, gis.walktags.WAY_KEYS),
            np.asarray(self.refs, dtype=np.int64), offsets.astype(np.int64),
        )  # fmt: skip

    def vertices(self, tagged: _Tagged) -> gis.walkways.Vertices:
        whole = np.array([shape is not None for shape in self.shapes], dtype=bool)
        placed = np.repeat(whole, self.counts) if len(whole) else whole
        shapes = shapely.from_wkb([shape for shape in self.shapes if shape is not None])
        others = np.array([(lon, lat) for lon, lat in self.places.values()]).reshape(-1, 2)
        places = np.vstack([shapely.get_coordinates(shapes), others])
        refs = np.concatenate([np.asarray(self.refs, dtype=np.int64)[placed], np.array([*self.places], dtype=np.int64)])
        ids, first = np.unique(refs, return_index=True)
        lon, lat = places[first].T
        table = _table(tagged.tags, gis.walktags.NODE_KEYS)
        return gis.walkways.Vertices(ids, lon, lat, np.asarray(tagged.ids, dtype=np.int64), table)


def _rims(path: Path) -> dict[int, Row]:
    """The member ways of squares drawn as relations, with the tags of their square."""
    squares = osmium.FileProcessor(str(path), osmium.osm.RELATION).with_filter(osmium.filter.TagFilter(*_SQUARES))
    return {
        member.ref: [gis.walktags.RIM if key == "area" else square.tags.get(key) for key in gis.walktags.WAY_KEYS]
        for square in read(squares, path)
        for member in square.members
        if member.type == "w"
    }


def _by_id(path: Path, ids: dict[int, Any]) -> Any:
    """The ways of these ids, with positions."""
    reader = osmium.FileProcessor(str(path), osmium.osm.NODE | osmium.osm.WAY).with_locations()
    only_ways = osmium.filter.EntityFilter(osmium.osm.WAY)
    return reader.with_filter(only_ways).with_filter(osmium.filter.IdFilter(ids))


def _row(thing: Any, keys: tuple[str, ...]) -> Row:
    """Some tags of an object; asking for each is faster here than going through all of them."""
    get = thing.tags.get
    return [get(key) for key in keys]


def _table(rows: list[Row], keys: tuple[str, ...]) -> pd.DataFrame:
    """A table of tags, one column per key, None where untagged."""
    return pd.DataFrame(np.array(rows, dtype=object).reshape(-1, len(keys)), columns=list(keys))
