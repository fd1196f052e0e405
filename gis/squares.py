"""Straight walks over open squares, between the places where streets enter them."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gis.crs import Metric
from gis.walkcourse import Bools, Ints

#: A square with more entrances is walked along its rim alone: pairs grow with the square of their number.
MAX_ENTRANCES = 40
#: Drawn rims wobble; a straight walk may leave the square by this much. Metres.
SLACK_M = 0.05


def across(
    nodes: pd.DataFrame, edges: gpd.GeoDataFrame, way: Ints, *, crossed: Bools, metric: Metric
) -> gpd.GeoDataFrame:
    """The straight walks over squares, as further edges.

    Parameters
    ----------
    nodes : lon, lat
    edges : the edges so far, those of one way one after the other
    way : (e,) the way each edge lies on
    crossed : (e,) True where the edge is part of the rim of a square that may be crossed
    metric : the projection in which squares are looked at

    Returns
    -------
    GeoDataFrame
        One edge for each two entrances (nodes where something else meets the rim) that see each other over the square
        and not merely along its rim; columns as the rim's own. A rim that does not close or crosses itself has none,
        nor has one with more than `MAX_ENTRANCES`.
    """
    ends = edges[["u", "v"]].to_numpy()
    entrance = np.bincount(ends.ravel(), minlength=len(nodes)) > 2
    rows = np.flatnonzero(crossed)
    rims = np.split(rows, np.flatnonzero(np.diff(way[rows])) + 1) if len(rows) else []
    seen = [_seen(ends[rim], entrance, edges.geometry.to_numpy()[rim], nodes, metric) for rim in rims]
    own = np.repeat(np.array([rim[0] for rim in rims], dtype=np.int64), [len(pairs) for pairs in seen])
    u, v = np.concatenate([*seen, np.zeros((0, 2), dtype=np.int32)]).T
    places = nodes[["lon", "lat"]].to_numpy()
    straight = _straight(places, u, v)
    metres = shapely.length(metric.forward_shapes(straight))
    return edges.take(own).assign(u=u, v=v, metres=metres, geometry=gpd.GeoSeries(straight, index=own, crs=edges.crs))


def _seen(
    ends: npt.NDArray[np.int32], entrance: Bools, lines: npt.NDArray[Any], nodes: pd.DataFrame, metric: Metric
) -> npt.NDArray[np.int32]:
    """(k, 2) the entrances of one square that see each other."""
    doors = ends[entrance[ends[:, 0]], 0]
    closed = bool((ends[:, 1] == np.roll(ends[:, 0], -1)).all())
    square = shapely.Polygon(shapely.get_coordinates(metric.forward_shapes(lines))) if closed else shapely.Polygon()
    if not 2 <= len(doors) <= MAX_ENTRANCES or square.is_empty or not square.is_valid:
        return np.zeros((0, 2), dtype=np.int32)
    a, b = (doors[side] for side in np.triu_indices(len(doors), k=1))
    straight = _straight(np.column_stack(metric.forward(nodes["lon"], nodes["lat"])), a, b)
    inside = shapely.covers(shapely.buffer(square, SLACK_M), straight)
    along = shapely.covers(shapely.buffer(square.boundary, SLACK_M), straight)
    return np.column_stack([a, b])[inside & ~along]


def _straight(places: npt.NDArray[np.float64], a: npt.NDArray[Any], b: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A line from place a to place b, for each pair."""
    return np.asarray(shapely.linestrings(np.stack([places[a], places[b]], axis=1)), dtype=object)
