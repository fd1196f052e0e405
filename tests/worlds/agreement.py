"""Ours against the second methods, for real and made networks alike."""

from __future__ import annotations

from collections.abc import Iterable

import geopandas as gpd
import networkx as nx
import numpy as np
import pytest

import gis.coverage
import gis.profiles
import gis.walkways
from gis.coverage import Request
from gis.crs import Metric
from gis.verdicts import HORIZON
from gis.walknet import WalkNet
from worlds import second_method


def distances(net: gis.walkways.Network, whole: nx.Graph, *, sources: Iterable[int]) -> None:
    """Metres from some nodes to all others, on the cut network against the uncut one; the same nodes are reached."""
    ids, pieces = net.nodes["osm_id"].to_numpy(), nx.Graph()
    for u, v, metres in zip(net.edges["u"], net.edges["v"], net.edges["metres"], strict=True):
        a, b = int(ids[u]), int(ids[v])
        pieces.add_edge(a, b, metres=min(metres, pieces.get_edge_data(a, b, {"metres": np.inf})["metres"]))
    for source in sources:
        found = nx.single_source_dijkstra_path_length(pieces, source, weight="metres")
        truth = nx.single_source_dijkstra_path_length(whole, source, weight="metres")
        assert found == pytest.approx({node: truth[node] for node in pieces if node in truth}, abs=1e-5)


def coverage(net: WalkNet, households: gpd.GeoDataFrame, facilities: gpd.GeoDataFrame, request: Request) -> int:
    """Metres, seconds and verdicts of every household and kind against `second_method`, to 1e-3, unknown ones too.

    Returns how many figures within the horizon were compared.
    """
    verdicts = gis.coverage.decide(net, households, facilities, request)
    personal = gis.profiles.find(request.profile or "standard")
    rules = (
        ("standard", net.metres, 1.0, request.metres),
        ("personal", gis.profiles.edge_seconds(net, personal), personal.speed_m_s, request.seconds),
    )
    compared = 0
    for j, kind in enumerate(request.kinds):
        sites = _places(facilities[facilities["kind"] == kind], net.srid)
        for rule, cost, speed, limit in rules:
            truth = second_method.costs(net, _places(households, net.srid), sites, cost=cost, speed=speed)
            found, near = verdicts.rules[rule].value[:, j], ~(truth > limit * HORIZON)
            np.testing.assert_allclose(found[near], truth[near], rtol=0, atol=1e-3)
            assert np.isinf(found[~near]).all()
            letters = verdicts.rules[rule].letters[:, j]
            clear = ~(np.abs(truth - limit) < 1e-3)
            expected = np.where(np.isnan(truth), ord("k"), np.where(truth <= limit, ord("c"), ord("u")))
            np.testing.assert_array_equal(letters[clear], expected[clear])
            compared += int(np.isfinite(truth[near]).sum())
    return compared


def _places(frame: gpd.GeoDataFrame, srid: int) -> np.ndarray:
    shape = frame.geometry
    return np.column_stack(Metric(srid).forward(shape.x, shape.y))
