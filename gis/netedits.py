"""A walking network with edges left out, cut or added: new networks, the given one untouched."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gis.walknet import CLIMBS, EDGE_FIELDS, Snaps, WalkNet, from_arrays

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]


def only(net: WalkNet, kept: Flags) -> WalkNet:
    """The network with some of its edges, (e,) bool; nodes keep their numbers, edges close up."""
    sizes = np.diff(net.offsets)
    return _rebuilt(net, np.flatnonzero(kept), net.coords[np.repeat(kept, sizes)], sizes[kept], net.x, net.y)


def cut(net: WalkNet, at: Snaps) -> tuple[WalkNet, NDArray[np.int64]]:
    """The network with a node at each of the points, and which node it is; a point at an end is that end.

    What an edge carries is shared out by length: metres, signals and climbs; counted steps stay with the longer part.
    """
    nodes = np.empty(len(at.edge), np.int64)
    for i in np.argsort(-at.along_m, kind="stable"):
        net, nodes[i] = _cut(net, int(at.edge[i]), float(at.along_m[i]), (float(at.x[i]), float(at.y[i])))
    return net, nodes


def _cut(net: WalkNet, edge: int, along: float, place: tuple[float, float]) -> tuple[WalkNet, int]:
    """One edge cut in two; the first part keeps its number, so that cuts nearer its beginning still find it."""
    metres = net.metres[edge]
    if along <= 0 or along >= metres:
        return net, int(net.u[edge] if along <= 0 else net.v[edge])
    line, share, node = net.coords[net.offsets[edge] : net.offsets[edge + 1]], along / metres, len(net.x)
    run = np.append(0, np.cumsum(np.hypot(*np.diff(line, axis=0).T)))
    before = run < share * run[-1]
    parts = np.vstack([line[before], place]), np.vstack([place, line[~before]])
    columns = {name: np.append(getattr(net, name), getattr(net, name)[edge]) for name in ("u", "v", *EDGE_FIELDS)}
    columns["v"][edge] = columns["u"][-1] = node
    for name in ("metres", "signals", *CLIMBS):
        columns[name][edge], columns[name][-1] = columns[name][edge] * share, columns[name][edge] * (1 - share)
    if net.steps[edge] > 0:
        columns["steps"][-1 if share >= 0.5 else edge] = 0
    lines = np.split(net.coords, net.offsets[1:-1])
    lines[edge] = parts[0]
    return _assembled(net, [*lines, parts[1]], columns, np.append(net.x, place[0]), np.append(net.y, place[1])), node


def joined(net: WalkNet, nodes: NDArray[np.int64], line: Floats, *, steps: int, wheelchair: int) -> WalkNet:
    """The network with one more edge between two nodes, drawn as `line` (k, 2) and as long as that."""
    given = {"u": nodes[0], "v": nodes[1], "metres": np.hypot(*np.diff(line, axis=0).T).sum(), "steps": steps,
             "wheelchair": wheelchair}  # fmt: skip
    columns = {name: np.append(getattr(net, name), given.get(name, 0)) for name in ("u", "v", *EDGE_FIELDS)}
    return _assembled(net, [*np.split(net.coords, net.offsets[1:-1]), line], columns, net.x, net.y)


def _assembled(net: WalkNet, lines: list[Floats], columns: dict[str, NDArray], x: Floats, y: Floats) -> WalkNet:
    offsets = np.cumsum([0, *(len(line) for line in lines)])
    return from_arrays(x, y, srid=net.srid, coords=np.vstack(lines), offsets=offsets, **columns)


def _rebuilt(
    net: WalkNet, edges: NDArray[np.int64], coords: Floats, sizes: NDArray[np.int64], x: Floats, y: Floats
) -> WalkNet:
    columns = {name: getattr(net, name)[edges] for name in ("u", "v", *EDGE_FIELDS)}
    return from_arrays(x, y, srid=net.srid, coords=coords, offsets=np.append(0, np.cumsum(sizes)), **columns)
