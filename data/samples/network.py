"""From loose typed lines to a graph: noded where they meet, chains joined into edges, stray pieces left out."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from data.samples.blocks import Floats, Ints, Shapes
from data.samples.official import SRID
from data.samples.sketch import Course
from data.samples.ways import KINDS, Kind, Ways, number
from gis.crs import Metric

ISLAND_EDGES = 4


@dataclass(frozen=True)
class Graph:
    """Edges as lines in metres from node `u` to node `v`, and the kind of each; `xy` of the nodes."""

    xy: Floats
    u: Ints
    v: Ints
    lines: Shapes
    kind: Ints


def weave(ways: Ways, rng: np.random.Generator) -> Graph:
    """Node, name the kind of every piece again, join the pieces between junctions, drop the strays."""
    noded: Shapes = shapely.get_parts(shapely.union_all(ways.lines, grid_size=0.01))
    pieces: Shapes = shapely.linestrings(_segments(noded))
    tree = shapely.STRtree(ways.lines)
    piece, way = tree.query_nearest(shapely.line_interpolate_point(pieces, 0.5, normalized=True), all_matches=False)
    kind = np.empty(len(pieces), np.int64)
    kind[piece] = ways.kind[way]
    graph = _graph(*_chains(pieces, kind))
    return _with_landings(_connected(graph), rng)


def _segments(noded: Shapes) -> Floats:
    """Every single straight piece of the noded lines."""
    ends, of = shapely.get_coordinates(noded, return_index=True)
    inner = of[1:] == of[:-1]
    pairs: Floats = np.stack([ends[:-1], ends[1:]], axis=1)[inner]
    return pairs


def _ends(lines: Shapes) -> tuple[Floats, Ints, Ints]:
    """Distinct end points, and which of them each line begins and ends at."""
    both = np.concatenate([shapely.get_point(lines, 0), shapely.get_point(lines, -1)])
    points = np.round(shapely.get_coordinates(both), 2)
    xy, place = np.unique(points, axis=0, return_inverse=True)
    return xy, place[: len(lines)], place[len(lines) :]


def _chains(pieces: Shapes, kind: Ints) -> tuple[Shapes, Ints]:
    """Pieces that follow one another without a junction and are of one kind become one line."""
    xy, u, v = _ends(pieces)
    node = np.concatenate([u, v])
    piece = np.concatenate([np.arange(len(u))] * 2)
    order = np.argsort(node, kind="stable")
    passing = np.flatnonzero(np.bincount(node, minlength=len(xy)) == 2)
    first = order[np.searchsorted(node[order], passing)]
    second = order[np.searchsorted(node[order], passing) + 1]
    a, b = piece[first], piece[second]
    like = (kind[a] == kind[b]) & (kind[a] != number("signal")) & (a != b)
    chain = _components(a[like], b[like], len(pieces))
    order = np.argsort(chain, kind="stable")
    merged = shapely.line_merge(shapely.multilinestrings(pieces[order], indices=chain[order]))
    whole = shapely.get_type_id(merged) == 1
    if not whole.all():
        raise ArithmeticError("a chain of the sample's network does not make one line")
    return merged, kind[np.unique(chain, return_index=True)[1]]


def _components(a: Ints, b: Ints, count: int) -> Ints:
    links = coo_array((np.ones(len(a), np.int8), (a, b)), shape=(count, count))
    return connected_components(links, directed=False)[1].astype(np.int64)


def _graph(lines: Shapes, kind: Ints) -> Graph:
    """Edges in a stable order: by their ends, west to east, then by length."""
    xy, u, v = _ends(lines)
    order = np.lexsort((shapely.length(lines), np.maximum(u, v), np.minimum(u, v)))
    return Graph(xy, u[order], v[order], lines[order], kind[order])


def _connected(graph: Graph) -> Graph:
    """The main network and the compounds without a gate; what else hangs loose is an accident and goes."""
    label = _components(graph.u, graph.v, len(graph.xy))[graph.u]
    size = np.bincount(label)
    private = np.bincount(label, graph.kind == number("private"), len(size))
    keep = (label == np.argmax(size)) | ((size >= ISLAND_EDGES) & (private > 0))[label]
    return _graph(graph.lines[keep], graph.kind[keep])


def _with_landings(graph: Graph, rng: np.random.Generator) -> Graph:
    """Some lanes come down to the waterside by steps."""
    quay = np.zeros(len(graph.xy), bool)
    at_quay = graph.kind == number("quay")
    quay[graph.u[at_quay]] = quay[graph.v[at_quay]] = True
    lane = np.isin(graph.kind, [number("lane"), number("alley")]) & (quay[graph.u] ^ quay[graph.v])
    down = lane & (rng.random(len(graph.u)) < 0.15)
    return Graph(graph.xy, graph.u, graph.v, graph.lines, np.where(down, number("landing"), graph.kind))


def frames(graph: Graph, roads: tuple[Course, ...]) -> tuple[pd.DataFrame, gpd.GeoDataFrame]:
    """The two tables of a walking network; geometries in EPSG:4326, metres of the plane."""
    plane = Metric(SRID)
    lon, lat = (np.round(axis, 8) for axis in plane.inverse(*graph.xy.T))
    none = pd.array([pd.NA] * len(graph.xy), dtype="Int64")
    nodes = pd.DataFrame({"lon": lon, "lat": lat, "osm_id": none})
    columns = {name: np.array([getattr(kind, name) for kind in KINDS.values()])[graph.kind] for name in _FIELDS}
    edges = pd.DataFrame({"u": graph.u, "v": graph.v, "metres": shapely.length(graph.lines), "oneway": 0, **columns})
    edges["name"] = _names(graph, roads)
    edges["osm_way_id"] = pd.array([pd.NA] * len(edges), dtype="Int64")
    return nodes, gpd.GeoDataFrame(edges, geometry=_degrees(graph.lines, plane), crs=4326)


_FIELDS = tuple(Kind.__dataclass_fields__)


def _degrees(lines: Shapes, plane: Metric) -> Shapes:
    points = shapely.get_coordinates(lines)
    degrees = np.round(np.column_stack(plane.inverse(*points.T)), 8)
    return shapely.set_coordinates(lines.copy(), degrees)


def _names(graph: Graph, roads: tuple[Course, ...]) -> np.ndarray:
    """Pavements and bridges along a main road bear its name; all names are marked as made up."""
    along = np.isin(graph.kind, [number("sidewalk"), number("bridge")])
    middles = shapely.line_interpolate_point(graph.lines[along], 0.5, normalized=True)
    curves = shapely.STRtree([shapely.LineString(road.line) for road in roads])
    edge, road = curves.query_nearest(middles, max_distance=22.0, all_matches=False)
    names = np.full(len(graph.u), "", dtype=object)
    names[np.flatnonzero(along)[edge]] = np.array([f"合成{each.name}" for each in roads], dtype=object)[road]
    return names
