"""Where one might build when nobody has named a room: places on the network near the people, evenly spread.

A list of rooms that are really to be had is always better; these say where to look for one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from gis.errors import Invalid
from gis.walknet import WalkNet

Ints = NDArray[np.int64]


def on_network(
    net: WalkNet, x: NDArray[np.float64], y: NDArray[np.float64], *, spacing_m: float = 150.0, near_m: float = 150.0
) -> Ints:
    """Nodes of the network, at most one per square cell of side `spacing_m`, near somebody.

    Parameters
    ----------
    x, y : (n,) homes in metres, NaN where there is no location
    near_m : a node counts when a home lies so near in a straight line

    Returns
    -------
    (m,) node numbers, ascending: in each cell the node nearest to its middle, ties by the smaller number.
    """
    if not spacing_m > 0 or not near_m > 0:
        raise Invalid("candidates.spacing", spacing_m=spacing_m, near_m=near_m)
    known = ~np.isnan(x)
    if not known.any():
        return np.zeros(0, np.int64)
    far, _ = cKDTree(np.column_stack([x[known], y[known]])).query(np.column_stack([net.x, net.y]))
    nodes = np.flatnonzero(far <= near_m)
    column, row = np.floor(net.x[nodes] / spacing_m), np.floor(net.y[nodes] / spacing_m)
    from_middle = np.hypot(net.x[nodes] / spacing_m - column - 0.5, net.y[nodes] / spacing_m - row - 0.5)
    order = np.lexsort((nodes, from_middle, column, row))
    first = np.ones(len(nodes), bool)
    first[1:] = (np.diff(column[order]) != 0) | (np.diff(row[order]) != 0)
    return np.sort(nodes[order[first]])
