"""An extract read a second time, plainly: every vertex a node, every leg an edge of a networkx graph.

Nothing of `gis.walkways` or `data.ingest.osm` is used. The rule of access is stated anew, in the order of the design.
"""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import osmium
import pyproj

WALKED = (
    "footway", "path", "steps", "pedestrian", "living_street", "residential", "service", "unclassified", "track",
    "tertiary", "secondary", "secondary_link", "primary", "primary_link", "trunk", "cycleway", "bridleway", "rest_area",
)  # fmt: skip


def streets(path: Path) -> dict[int, tuple[dict[str, str], list[tuple[int, float, float]]]]:
    """Every way with a highway tag that one may walk: tags and vertices (id, lon, lat)."""
    found = {}
    for way in osmium.FileProcessor(str(path)).with_locations().with_filter(osmium.filter.KeyFilter("highway")):
        tags = dict(way.tags)
        if way.is_way() and may_walk(tags):
            found[way.id] = (tags, [(node.ref, node.lon, node.lat) for node in way.nodes if node.location.valid()])
    return found


def may_walk(tags: dict[str, str]) -> bool:
    """foot=no closes; foot=yes, designated or permissive opens; access=no or private closes; the class decides."""
    if tags.get("foot") in ("no", "private", "use_sidepath"):
        return False
    if tags.get("foot") in ("yes", "designated", "permissive"):
        return True
    return tags["highway"] in WALKED and tags.get("access") not in ("no", "private")


def graph(path: Path, srid: int) -> nx.Graph:
    """The streets of an extract with their legs in metres of a projection; nodes are OSM ids."""
    to_metres = pyproj.Transformer.from_crs(4326, srid, always_xy=True).transform
    made = nx.Graph()
    for _, vertices in streets(path).values():
        placed = [(ref, *to_metres(lon, lat)) for ref, lon, lat in vertices]
        for (a, ax, ay), (b, bx, by) in nx.utils.pairwise(placed):
            if a != b:
                made.add_edge(a, b, metres=((ax - bx) ** 2 + (ay - by) ** 2) ** 0.5)
    return made
