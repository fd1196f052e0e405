"""The nearest point on any drawn edge, by a uniform grid over the segments: exact, compiled, and about forty times
faster than a tree over geometries."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, sqrt

import numpy as np
from numpy.typing import NDArray

from gis.compiled import compiled

Floats = NDArray[np.float64]

#: Upper bound on cells, so that a sparse but wide network does not ask for a huge empty grid.
CELLS_AT_MOST = 4_000_000
CELL_M = 40.0
#: By how much a squared distance may be off, in square metres and as a share, where it only decides what to look at.
ROUGH = 1e-6


@dataclass(frozen=True, eq=False)
class Index:
    """A grid of square cells; cell c holds segments `members[starts[c]:starts[c + 1]]`.

    Segment s runs from (ax, ay) to (bx, by), lies on edge `edge`, begins at `before` and ends at `after`: shares of the
    edge's drawn length, exactly 0 and 1 at its ends.
    """

    west: float
    south: float
    cell: float
    columns: int
    rows: int
    starts: NDArray[np.int64]
    members: NDArray[np.int32]
    segments: Floats
    edge: NDArray[np.int32]


def build(coords: Floats, offsets: NDArray[np.int64]) -> Index:
    """The grid over all segments of polylines `coords[offsets[i]:offsets[i + 1]]`, in metres."""
    if not len(coords):
        nothing = np.zeros(0, np.int32)
        return Index(0.0, 0.0, CELL_M, 0, 0, np.zeros(1, np.int64), nothing, np.zeros((0, 6)), nothing)
    segments, edge = _segments(coords, offsets)
    west, south = coords.min(axis=0)
    width, height = coords.max(axis=0) - (west, south)
    cell = max(CELL_M, sqrt(width * height / CELLS_AT_MOST), width / CELLS_AT_MOST, height / CELLS_AT_MOST)
    columns, rows = int(width / cell) + 1, int(height / cell) + 1
    starts, members = _fill(segments, west, south, cell, columns, rows)
    return Index(west, south, cell, columns, rows, starts, members, segments, edge)


def _segments(coords: Floats, offsets: NDArray[np.int64]) -> tuple[Floats, NDArray[np.int32]]:
    """One row a segment: ax ay bx by before after; and the edge of each."""
    pieces = np.diff(offsets) - 1
    edge = np.repeat(np.arange(len(pieces), dtype=np.int32), pieces)
    last = np.zeros(len(coords), bool)
    last[offsets[1:] - 1] = True
    start = np.flatnonzero(~last)
    length = np.hypot(*(coords[start + 1] - coords[start]).T)
    total = np.bincount(edge, weights=length, minlength=len(pieces))[edge]
    run = np.cumsum(length)
    before = run - length - np.repeat((run - length)[offsets[:-1] - np.arange(len(pieces))], pieces)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.nan_to_num(np.column_stack([before, before + length]) / total[:, None])
    shares[np.append(True, edge[1:] != edge[:-1]), 0] = 0.0
    shares[np.append(edge[1:] != edge[:-1], True), 1] = 1.0
    return np.column_stack([coords[start], coords[start + 1], shares]), edge


@compiled
def cells_across(ax: float, ay: float, bx: float, by: float, low: float, high: float) -> tuple[float, float]:
    """Westmost and eastmost x of the part of a segment between two heights."""
    if ay == by:
        return min(ax, bx), max(ax, bx)
    first = min(max((low - ay) / (by - ay), 0.0), 1.0)
    second = min(max((high - ay) / (by - ay), 0.0), 1.0)
    one, two = ax + first * (bx - ax), ax + second * (bx - ax)
    return min(one, two), max(one, two)


@compiled
def _fill(
    segments: Floats, west: float, south: float, cell: float, columns: int, rows: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Each segment into every cell it touches, a micron to spare: counted first, then placed."""
    spare = 1e-6
    starts = np.zeros(columns * rows + 1, np.int64)
    members = np.empty(0, np.int32)
    for placing in range(2):
        for s in range(len(segments)):
            ax, ay, bx, by = (
                segments[s, 0] - west,
                segments[s, 1] - south,
                segments[s, 2] - west,
                segments[s, 3] - south,
            )
            top = min(rows - 1, floor((max(ay, by) + spare) / cell))
            for row in range(max(0, floor((min(ay, by) - spare) / cell)), top + 1):
                left, right = cells_across(ax, ay, bx, by, row * cell - spare, (row + 1) * cell + spare)
                east = min(columns - 1, floor((right + spare) / cell))
                for column in range(max(0, floor((left - spare) / cell)), east + 1):
                    at = row * columns + column
                    if placing:
                        starts[at] -= 1
                        members[starts[at]] = s
                    else:
                        starts[at] += 1
        if not placing:
            starts = np.cumsum(starts)
            members = np.empty(starts[-1], np.int32)
    return starts, members


def nearest(
    index: Index, x: Floats, y: Floats, *, allowed: NDArray[np.bool_], max_m: float
) -> tuple[NDArray[np.int32], Floats, Floats, Floats, Floats]:
    """Nearest point on an allowed edge within `max_m`: edge (-1 none), share of its length, distance, x, y.

    NaN beside edge -1; a point that is not finite has none. Equally near: smaller x, then y, then edge.
    """
    order = _along_rows(index, x, y)
    edge, share, leg, sx, sy = _nearest(
        x[order], y[order], allowed, float(max_m), index.west, index.south, index.cell, index.columns, index.rows,
        index.starts, index.members, index.segments, index.edge,
    )  # fmt: skip
    back = np.empty(len(order), np.int64)
    back[order] = np.arange(len(order))
    return edge[back], share[back], leg[back], sx[back], sy[back]


def _along_rows(index: Index, x: Floats, y: Floats) -> NDArray[np.int64]:
    """The points row by row of cells, so that neighbours read the same streets: twice to four times as fast."""
    with np.errstate(invalid="ignore"):
        row, column = (np.nan_to_num((v - low) / index.cell) for v, low in ((y, index.south), (x, index.west)))
        return np.argsort(np.floor(row) * index.columns + column)


@compiled
def _rough(px: float, py: float, segment: Floats) -> float:
    """Squared distance to a segment without a branch, off by less than `ROUGH`."""
    dx, dy = segment[2] - segment[0], segment[3] - segment[1]
    rx, ry = px - segment[0], py - segment[1]
    t = min(max((rx * dx + ry * dy) / max(dx * dx + dy * dy, 1e-300), 0.0), 1.0)
    ex, ey = rx - t * dx, ry - t * dy
    return ex * ex + ey * ey


@compiled
def _closest(px: float, py: float, segment: Floats) -> tuple[float, float, float, float]:
    """Squared distance, share of the segment, x and y of its point closest to p; ends come out exact."""
    ax, ay, bx, by = segment[0], segment[1], segment[2], segment[3]
    dx, dy = bx - ax, by - ay
    square = dx * dx + dy * dy
    t = ((px - ax) * dx + (py - ay) * dy) / square if square > 0.0 else 0.0
    if t <= 0.0:
        t, x, y = 0.0, ax, ay
    elif t >= 1.0:
        t, x, y = 1.0, bx, by
    else:
        x, y = ax + t * dx, ay + t * dy
    return (px - x) * (px - x) + (py - y) * (py - y), t, x, y


@compiled
def _nearest(
    x: Floats, y: Floats, allowed: NDArray[np.bool_], max_m: float, west: float, south: float, cell: float,
    columns: int, rows: int, starts: NDArray[np.int64], members: NDArray[np.int32], segments: Floats,
    edge: NDArray[np.int32],
) -> tuple[NDArray[np.int32], Floats, Floats, Floats, Floats]:  # fmt: skip
    found = np.full(len(x), -1, np.int32)
    share, leg = np.full(len(x), np.nan), np.full(len(x), np.nan)
    sx, sy = np.full(len(x), np.nan), np.full(len(x), np.nan)
    for i in range(len(x)):
        px, py = x[i], y[i]
        if not (np.isfinite(px) and np.isfinite(py)):
            continue
        if abs(px - west) > 1e8 or abs(py - south) > 1e8:
            continue
        column, row = floor((px - west) / cell), floor((py - south) / cell)
        inside_x, inside_y = px - west - column * cell, py - south - row * cell
        margin = min(min(inside_x, cell - inside_x), min(inside_y, cell - inside_y))
        best, at, along, near_x, near_y = max_m * max_m, -1, 0.0, 0.0, 0.0
        for ring in range(ceil(max_m / cell) + 1):
            seen = (ring - 1) * cell + margin
            if ring and seen > 0.0 and seen * seen > best:
                break
            for r in range(max(0, row - ring), min(rows - 1, row + ring) + 1):
                whole = r == row - ring or r == row + ring  # else only the two cells at its ends
                for side in range(1 if whole else 2):
                    low = max(0, column + (ring if side else -ring))
                    high = min(columns - 1, column + (ring if side or whole else -ring))
                    if low > high:
                        continue
                    for k in range(starts[r * columns + low], starts[r * columns + high + 1]):
                        s = members[k]
                        if _rough(px, py, segments[s]) > best * (1 + ROUGH) + ROUGH or not allowed[edge[s]]:
                            continue
                        square, t, nx, ny = _closest(px, py, segments[s])
                        if square > best or (square == best and at >= 0 and nx > near_x):
                            continue
                        tied = square == best and at >= 0 and nx == near_x
                        if tied and (ny > near_y or (ny == near_y and edge[s] >= edge[at])):
                            continue
                        best, at, along, near_x, near_y = square, s, t, nx, ny
        if at >= 0:
            found[i], leg[i], sx[i], sy[i] = edge[at], sqrt(best), near_x, near_y
            share[i] = segments[at, 4] + along * (segments[at, 5] - segments[at, 4])
            if along == 1.0:
                share[i] = segments[at, 5]
    return found, share, leg, sx, sy
