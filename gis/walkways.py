"""Ways with tags and vertices, as OpenStreetMap draws them, turned into the nodes and edges people walk on.

Who may walk is said in `gis.walktags`. Here ways are cut: where they share a vertex, where they end, and where a vertex
carries something that matters (lights, a lift, a kerb, a shut barrier). Squares are walked along their rim and straight
over from entrance to entrance. What the drawing lacks is not invented: a way is broken where the extract has
no position for its vertex, and every such loss is counted in `Network.stats`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from scipy.spatial import cKDTree

from gis import slopes, squares, walkcourse, walkmarks, walktags
from gis.crs import Metric, metric_srid
from gis.errors import Invalid
from gis.walkcourse import Bools, Course, Floats, Ints, Pieces
from gis.walkmarks import Marks

EDGE_COLUMNS = (
    "u", "v", "metres", "oneway", "steps", "signals", "lift", "bridge", "tunnel", "wheelchair", "highway", "name",
    "osm_way_id", "up_m", "down_m", "geometry",
)  # fmt: skip

#: A dead end this near another edge was probably meant to join it; an estimate, used only to warn.
LOOSE_M = 1.0


@dataclass(frozen=True)
class Ways:
    """Ways as they were drawn: way `i` runs over the vertices `refs[offsets[i]:offsets[i + 1]]`."""

    ids: Ints
    """(w,) way ids."""
    tags: pd.DataFrame
    """One row per way; columns of `walktags.WAY_KEYS`, others are passed over, missing ones are untagged."""
    refs: Ints
    """(k,) ids of the vertices."""
    offsets: Ints
    """(w + 1,)."""


@dataclass(frozen=True)
class Vertices:
    """Positions of vertices, WGS84, and the tags of those few that have any."""

    ids: Ints
    """(n,) sorted, each once."""
    lon: Floats
    lat: Floats
    tagged: Ints
    """(t,) ids of vertices with tags; ids that are no vertex are passed over."""
    tags: pd.DataFrame
    """One row per `tagged`; columns of `walktags.NODE_KEYS`."""


@dataclass(frozen=True)
class Network:
    """A walking network as it is stored, and what was counted while it was made."""

    nodes: pd.DataFrame
    """lon, lat, osm_id; index 0..n-1."""
    edges: gpd.GeoDataFrame
    """`EDGE_COLUMNS`; u and v are rows of `nodes`, geometry a LineString from u to v, EPSG:4326."""
    srid: int
    """The projection the metres were measured in."""
    stats: dict[str, Any]


def build(
    ways: Ways, vertices: Vertices, *, srid: int | None = None, clip: Any = None, over_squares: bool = True
) -> Network:
    """Cut ways into the nodes and edges of a walking network.

    Parameters
    ----------
    ways, vertices : what was drawn; neither is changed
        Vertices missing from `vertices` break their way. Order does not matter: the result depends on ids alone.
    srid : int, optional
        EPSG code of the projection for metres; by default the one for the middle of the vertices.
    clip : polygon, optional
        WGS84. Edges that touch it are kept whole, also those that cross its border; the others go. Give it with the
        buffer already added: a street cut at the border itself would shut people in.
    over_squares : bool
        Whether squares may be walked straight over, see `gis.squares`, or along their rim only.

    Returns
    -------
    Network
        Edges in the order of way id and course, then those over squares; nodes in the order of their id. Parallel
        edges and loops are kept; no edge is without length. Empty when nothing may be walked.

    Raises
    ------
    Invalid
        `crs.nowhere`: no srid was given and no vertex has a position on earth.

    Notes
    -----
    * Lights: each edge for walkers alone that meets a signalled crossing carries half a wait, so who crosses waits once
      and who walks along the road does not. A crossing drawn and tagged as signalled, without such a vertex on it,
      carries one wait spread over its length.
    * A shut barrier in the middle of a way cuts it. At a place where one way passes and others end, those that end are
      cut off: the gate stands beside the street, not across it.
    * Steps of a flight that is cut are shared out by length; their sum stays what was tagged.
    * A lift drawn as a vertex is a lift on all flat edges for walkers that meet it but the longest: who passes from one
      to another rides once.
    """
    tags = walktags.plain(ways.tags, walktags.WAY_KEYS)
    reasons = walktags.closed(tags)
    srid = metric_srid(vertices.lon, vertices.lat) if srid is None else srid
    course, stands_for, stats = _course(ways, tags, reasons, vertices)
    marks = _marks(vertices, stands_for, course, walktags.foot_only(tags))
    pieces = walkcourse.cut(course, marks.any, marks.shut)
    x, y = Metric(srid).forward(vertices.lon, vertices.lat)
    metres = walkcourse.metres(course, pieces, x, y)
    edges = _edges(course, pieces, metres, tags, ways.ids, marks, vertices)
    nodes, way = _nodes(pieces, vertices), course.way[pieces.first]
    over = squares.across(nodes, edges, way, crossed=walktags.may_cross(tags)[way] & over_squares, metric=Metric(srid))
    stats["squares_crossed"] = len(over)
    edges = pd.concat([edges, over], ignore_index=True) if len(over) else edges
    nodes, edges = (nodes, edges) if clip is None else _clipped(nodes, edges, clip)
    return Network(nodes, edges, srid, stats | _totals(nodes, edges) | _seen(marks))


def from_lines(
    lines: gpd.GeoDataFrame, *, tolerance_m: float = 0.01, srid: int | None = None, clip: Any = None
) -> Network:
    """A walking network from a table of drawn lines, as a .geojson or .gpkg holds them.

    Parameters
    ----------
    lines : GeoDataFrame
        WGS84 lines (of several parts too); a polygon is a square, walked along its rim. Columns named as OSM tags are
        read as such; without that column every line is a "road", open to all. `osm_way_id` is kept where given.
    tolerance_m : float
        Vertices this near are one. Lines are joined where they share a vertex, not where they merely cross: what
        crosses on paper may be a bridge.
    srid, clip : as in `build`

    Returns
    -------
    Network
        Ids are 0 where the lines have none. `stats["loose_ends"]` counts the dead ends that all but touch another
        line: a sign of lines that were never joined.

    Raises
    ------
    Invalid
        `walkways.lines`: a geometry that is no line, is empty, or has a vertex outside longitude and latitude.
    """
    parts = _parts(lines)
    xy, part = shapely.get_coordinates(parts.geometry.to_numpy(), return_index=True)
    srid = metric_srid(xy[:, 0], xy[:, 1]) if srid is None else srid
    refs, first = _vertices(xy, Metric(srid), tolerance_m)
    vertices = Vertices(np.arange(len(first)), xy[first, 0], xy[first, 1], np.zeros(0, dtype=np.int64), pd.DataFrame())
    offsets = np.searchsorted(part, np.arange(len(parts) + 1))
    order = parts["osm_way_id"].to_numpy(dtype=np.int64)
    net = build(Ways(order, parts.drop(columns="geometry"), refs, offsets), vertices, srid=srid, clip=clip)
    stats = net.stats | {"loose_ends": _loose_ends(net)}
    return Network(net.nodes.assign(osm_id=0), net.edges, srid, stats)


def _parts(lines: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """One row per plain line, with its tags; rings of polygons are squares."""
    shape = lines.geometry
    bounds = shapely.bounds(shape.to_numpy())
    on_earth = (np.abs(bounds) <= (180, 90, 180, 90)).all(axis=1)
    drawn = shape.geom_type.isin(("LineString", "MultiLineString", "Polygon", "MultiPolygon")).to_numpy()
    if not (on_earth & drawn).all():
        wrong = np.flatnonzero(~(on_earth & drawn))
        raise Invalid("walkways.lines", rows=(wrong[:10] + 1).tolist(), count=len(wrong))
    surface = shape.geom_type.isin(("Polygon", "MultiPolygon"))
    given = {"osm_way_id": 0, "highway": "road"}
    tags = lines.assign(**{name: value for name, value in given.items() if name not in lines.columns})
    tags["osm_way_id"] = pd.to_numeric(tags["osm_way_id"], errors="coerce").fillna(0).astype(np.int64)
    area = walktags.plain(lines, ("area",))["area"].astype(object)
    tags["area"] = area.mask(surface, np.where(_rims(shape) > 1, walktags.RIM, "yes"))
    plain = np.where(surface, shapely.boundary(shape.to_numpy()), shape.to_numpy())
    parts = tags.set_geometry(gpd.GeoSeries(shapely.force_2d(plain), index=lines.index, crs=lines.crs))
    return parts.explode(ignore_index=True)


def _rims(shapes: gpd.GeoSeries) -> Ints:
    """(n,) how many rims a polygon has in all."""
    return (shapely.get_num_geometries(shapes) + shapely.get_num_interior_rings(shapes)).to_numpy(dtype=np.int64)


def _vertices(xy: Floats, metric: Metric, tolerance_m: float) -> tuple[Ints, Ints]:
    """For each position the vertex it is, and for each vertex the first position that stands for it."""
    places, first, which = np.unique(xy, axis=0, return_index=True, return_inverse=True)
    near = cKDTree(np.column_stack(metric.forward(*places.T))).query_pairs(tolerance_m, output_type="ndarray")
    label = walkcourse.components(near[:, 0], near[:, 1], len(places))
    kept = np.unique(label, return_index=True)[1]
    return label[which.ravel()], first[kept]


def _loose_ends(net: Network) -> int:
    """How many dead ends lie within `LOOSE_M` of an edge that they are not an end of."""
    ends = net.edges[["u", "v"]].to_numpy()
    dead = np.flatnonzero(np.bincount(ends.ravel(), minlength=len(net.nodes)) == 1)
    metric = Metric(net.srid)
    place = shapely.points(np.column_stack(metric.forward(net.nodes["lon"][dead], net.nodes["lat"][dead])))
    lines = metric.forward_shapes(net.edges.geometry.to_numpy())
    node, edge = shapely.STRtree(lines).query(place, predicate="dwithin", distance=LOOSE_M)
    apart = (ends[edge] != dead[node][:, None]).all(axis=1)
    return len(np.unique(node[apart]))


def _course(
    ways: Ways, tags: pd.DataFrame, reasons: npt.NDArray[Any], vertices: Vertices
) -> tuple[Course, Ints, dict[str, Any]]:
    """The course of the open ways, in the order of their ids, and what was lost on the way."""
    is_open = reasons == ""
    order = np.argsort(ways.ids, kind="stable")
    course, broken = walkcourse.lay(order[is_open[order]], ways.refs, ways.offsets, vertices.ids)
    course, stands_for = walkcourse.one_place_one_vertex(course, vertices.lon, vertices.lat)
    walked = np.zeros(len(ways.ids), dtype=bool)
    walked[course.way] = True
    rules, counts = np.unique(reasons[~is_open].astype(str), return_counts=True)
    stats = {
        "ways_read": len(ways.ids),
        "ways_walked": int(walked.sum()),
        "closed": dict(zip(rules.tolist(), counts.tolist(), strict=True)),
        "ways_broken": int(broken.sum()),
        "ways_lost": int((is_open & ~walked).sum()),
        "conditional": int((walktags.conditional(tags) & walked).sum()),
        "squares": int((walktags.is_square(tags) & walked).sum()),
        "flights": _flights(tags[walked]),
    }
    return course, stands_for, stats


def _flights(tags: pd.DataFrame) -> dict[str, int]:
    """How much is known of the flights of steps."""
    count = walktags.steps(tags)
    stairs = tags[count != 0]
    return {
        "ways": len(stairs),
        "counted": int((count > 0).sum()),
        "uncounted": int((count < 0).sum()),
        "handrail": int((~stairs["handrail"].isin(("", "no"))).sum()),
        "ramp": int((~stairs["ramp:wheelchair"].isin(("", "no"))).sum()),
    }


def _marks(vertices: Vertices, stands_for: Ints, course: Course, foot_only: Bools) -> Marks:
    """What the tagged vertices say; lights and kerbs count only where a way for walkers alone meets them."""
    tags = walktags.plain(vertices.tags, walktags.NODE_KEYS)
    row = np.minimum(np.searchsorted(vertices.ids, vertices.tagged), max(len(vertices.ids) - 1, 0))
    known = vertices.ids[row] == vertices.tagged if len(vertices.ids) else np.zeros(len(row), dtype=bool)
    passed, walked = (np.zeros(len(vertices.ids), dtype=bool) for _ in range(2))
    passed[course.node] = True
    walked[course.node[foot_only[course.way]]] = True

    def at(said: Bools, where: Bools) -> Bools:
        mark = np.zeros(len(vertices.ids), dtype=bool)
        mark[stands_for[row[known & said]]] = True
        return mark & where

    return Marks(
        lights=at(walktags.lights(tags), walked),
        lift=at(walktags.lift(tags), passed),
        kerb=at(walktags.kerb_stops_wheels(tags), walked),
        stile=at(walktags.barrier_stops_wheels(tags), passed),
        shut=at(walktags.shut(tags), passed),
    )


def _edges(
    course: Course, pieces: Pieces, metres: Floats, tags: pd.DataFrame, ids: Ints, marks: Marks, vertices: Vertices
) -> gpd.GeoDataFrame:
    """The edges with all their columns."""
    way = course.way[pieces.first]
    own = tags.take(way)
    ends = course.node[np.column_stack([pieces.first, pieces.last])]
    on_foot = walktags.foot_only(own)
    steps = walktags.steps(own)
    up, down = slopes.climbs(metres, slopes.tagged(own["incline"]), _heights(vertices)[ends])
    columns = {
        "u": pieces.u.astype(np.int32),
        "v": pieces.v.astype(np.int32),
        "metres": metres,
        "oneway": walktags.oneway(own),
        "steps": walkmarks.shared_steps(way, metres, steps),
        "signals": walkmarks.signals(way, metres, own, lit=marks.lights[ends] & on_foot[:, None]),
        "lift": walktags.lift(own) | walkmarks.into_lift(ends, metres, marks, on_foot & (steps == 0)),
        "bridge": walktags.raised(own, "bridge"),
        "tunnel": walktags.raised(own, "tunnel"),
        "wheelchair": walkmarks.wheelchair(own, ends, marks, on_foot),
        "highway": _class(own),
        "name": own["name"].to_numpy(),
        "osm_way_id": ids[way],
        "up_m": up.astype(np.float32),
        "down_m": down.astype(np.float32),
    }
    geometry = walkcourse.lines(course, pieces, vertices.lon, vertices.lat)
    return gpd.GeoDataFrame(columns, geometry=geometry, crs="EPSG:4326")[list(EDGE_COLUMNS)]


def _heights(vertices: Vertices) -> Floats:
    """(n,) metres above the sea of each vertex, NaN where no `ele` says so."""
    said = pd.to_numeric(walktags.plain(vertices.tags, ("ele",))["ele"].astype(object), errors="coerce")
    row = np.minimum(np.searchsorted(vertices.ids, vertices.tagged), max(len(vertices.ids) - 1, 0))
    heights = np.full(len(vertices.ids), np.nan)
    known = np.flatnonzero(vertices.ids[row] == vertices.tagged) if len(vertices.ids) else np.zeros(0, np.int64)
    heights[row[known]] = said.to_numpy(np.float64)[known]
    return heights


def _class(tags: pd.DataFrame) -> npt.NDArray[Any]:
    """What kind of way an edge lies on; squares and platforms that are no highway are named as such."""
    highway = tags["highway"].to_numpy()
    other = np.where(walktags.is_square(tags), "square", "platform").astype(object)
    return np.where(highway == "", other, highway)


def _nodes(pieces: Pieces, vertices: Vertices) -> pd.DataFrame:
    row = pieces.node_row
    return pd.DataFrame({"lon": vertices.lon[row], "lat": vertices.lat[row], "osm_id": vertices.ids[row]})


def _clipped(nodes: pd.DataFrame, edges: gpd.GeoDataFrame, clip: Any) -> tuple[pd.DataFrame, gpd.GeoDataFrame]:
    """Keep the edges that touch a polygon, whole, and the nodes they need."""
    shapely.prepare(clip)
    kept = edges[shapely.intersects(clip, edges.geometry.to_numpy())].reset_index(drop=True)
    used, ends = np.unique(kept[["u", "v"]].to_numpy(), return_inverse=True)
    ends = ends.reshape(-1, 2).astype(np.int32)
    return nodes.take(used).reset_index(drop=True), kept.assign(u=ends[:, 0], v=ends[:, 1])


def _totals(nodes: pd.DataFrame, edges: gpd.GeoDataFrame) -> dict[str, Any]:
    """What there is in the end."""
    u, v = edges["u"].to_numpy(), edges["v"].to_numpy()
    label = walkcourse.components(u, v, len(nodes))
    lengths = np.bincount(label[u], weights=edges["metres"]) if len(u) else np.zeros(0)
    main = int(np.argmax(lengths)) if len(u) else -1
    return {
        "nodes": len(nodes),
        "edges": len(edges),
        "metres": float(edges["metres"].sum()),
        "components": len(lengths),
        "main_nodes": int((label == main).sum()),
        "main_metres": float(lengths.max(initial=0.0)),
        "oneway": int((edges["oneway"] != 0).sum()),
        "loops": int((u == v).sum()),
        "wheelchair": {said: int((edges["wheelchair"] == said).sum()) for said in ("yes", "no", "unknown")},
    }


def _seen(marks: Marks) -> dict[str, int]:
    return {
        "lights": int(marks.lights.sum()),
        "lifts": int(marks.lift.sum()),
        "barriers_shut": int(marks.shut.sum()),
    }
