"""What may be published of exact counts: nothing that lets anybody work out a count of one to ten people.

The published tables form a tree: children add up to their parent, and in each row covered + uncovered + unknown are
the elders. A count is shown when it is at least 11, rounded to 5, so that it is known to within 2. Hiding only the
small counts is not enough, since they follow from the others by subtraction; so more are hidden until, for every
hidden count of 1 to 10, the truth could be changed in a way that nothing published shows and that count moves by 5.

Why that holds: look at all lowest rows whose counts are hidden and that hang together through hidden rows above them.
Among them people can be moved about freely as long as rows and columns keep their sums, because every sum that is
published stays as it is. In such a table (three or two columns, nothing below zero) a cell x with row sum r, column
sum c and total n can take any value from max(0, r + c - n) to min(r, c), by steps that change no cell by more than x
itself changes. The difference of the two is the cell's `span`, and it must be at least `SPAN`.

References: minimum 11 and rounding to 5 as decided for this project after NHS England and PCORnet practice; bounds of a
cell from its margins after Fréchet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

#: A count of people is shown from here on.
SHOWN_FROM = 11
#: Shown counts are multiples of this.
ROUNDED_TO = 5
#: Nobody may narrow a hidden count of 1 to 10 down to less than this.
SPAN = 5
#: A rate is shown as one of so many classes of equal width, when its denominator is at least `RATE_FROM`.
CLASSES = 5
RATE_FROM = 20

COUNTS = ("covered", "uncovered", "unknown")
PUBLISHED = ("level", "kind", "verdict", "code", "elders", *COUNTS, "rate_low", "rate_high")


def publish(counted: pd.DataFrame, areas: pd.DataFrame) -> pd.DataFrame:
    """The published figures of a run.

    Parameters
    ----------
    counted : columns level, kind, verdict, code, covered, uncovered, unknown
        Exact counts; one tree for every kind and verdict. Rows of code "" (outside every area) are left out.
    areas : columns code and parent_code

    Returns
    -------
    DataFrame of `PUBLISHED`, in the order of `counted`. Missing is hidden, never zero. A rate is covered / (covered +
    uncovered), given as the bounds of its class, [rate_low, rate_high), the last class with 1.
    """
    inside = counted[counted["code"] != ""]
    tables = [_publish(table, areas) for _, table in inside.groupby(["kind", "verdict"], sort=False)]
    columns = {name: inside[name] for name in PUBLISHED[:4]}
    if not tables:
        return pd.DataFrame(columns=list(PUBLISHED))
    return pd.DataFrame(columns).join(pd.concat(tables))


def _publish(table: pd.DataFrame, areas: pd.DataFrame) -> pd.DataFrame:
    tree = Tree.of(table["code"], areas)
    exact = table[list(COUNTS)].to_numpy(np.int64)
    hidden = hide(tree, exact)
    shown = np.column_stack([exact.sum(axis=1), exact])
    keep = ~np.column_stack([hidden.elders, hidden.covered, hidden.split, hidden.split]) & (shown >= SHOWN_FROM)
    rounded = np.rint(shown / ROUNDED_TO).astype(np.int64) * ROUNDED_TO
    made = {
        name: pd.array(np.where(keep[:, at], rounded[:, at], 0), dtype="Int64")
        for at, name in enumerate(("elders", *COUNTS))
    }
    frame = pd.DataFrame(made, index=table.index).mask(~keep)
    low, high = _classes(exact, hidden)
    return frame.assign(rate_low=low, rate_high=high)


# The tree -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tree:
    """Rows of one table: position of each one's parent (-1: topmost), and the rows by depth, the deepest first."""

    parent: Ints
    depths: tuple[Ints, ...]

    @staticmethod
    def of(codes: pd.Series, areas: pd.DataFrame) -> Tree:
        """The parent of a row is the nearest area above it that has a row as well."""
        above = dict(zip(areas["code"], areas["parent_code"], strict=True))
        here = {code: at for at, code in enumerate(codes)}
        parent = np.array([_nearest(above.get(code, ""), above, here) for code in codes], dtype=np.int64)
        return Tree.from_parents(parent)

    @staticmethod
    def from_parents(parent: Ints) -> Tree:
        depth, at = np.zeros(len(parent), dtype=np.int64), parent
        while (at >= 0).any():
            depth += at >= 0
            at = np.where(at >= 0, parent[at], -1)
        return Tree(parent, tuple(np.flatnonzero(depth == level) for level in range(depth.max(initial=0), -1, -1)))

    @property
    def leaf(self) -> Flags:
        found = np.ones(len(self.parent), dtype=bool)
        found[self.parent[self.parent >= 0]] = False
        return found

    def gathered(self, values: Ints, hidden: Flags) -> Ints:
        """(n, k) what each row has of the hidden lowest rows that hang on it through hidden rows only."""
        total = np.where((self.leaf & hidden)[:, None], values, 0)
        for rows in self.depths[:-1]:
            up = rows[hidden[rows] & (self.parent[rows] >= 0)]
            np.add.at(total, self.parent[up], total[up])
        return total

    def opens(self, hidden: Flags) -> Ints:
        """(n,) the first row above each hidden row that is not hidden, or -1 where all are."""
        found = self.parent.copy()
        for rows in reversed(self.depths):
            below = rows[found[rows] >= 0]
            through = below[hidden[found[below]]]
            found[through] = found[found[through]]
        return found


def _nearest(code: str, above: dict[str, str], here: dict[str, int]) -> int:
    while code and code not in here:
        code = above.get(code, "")
    return here.get(code, -1)


# What is hidden -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Hidden:
    """(n,) flags each: rows that hide their elders; their covered; how the rest splits in uncovered and unknown.

    Who hides the elders hides the covered too, and who hides the covered hides the split.
    """

    elders: Flags
    covered: Flags
    split: Flags


def hide(tree: Tree, exact: Ints) -> Hidden:
    """Which counts of a table must be hidden; `exact` is (n, 3): covered, uncovered, unknown."""
    elders = exact.sum(axis=1)
    hidden_elders = _grown(tree, elders < SHOWN_FROM, elders, lambda hidden: _elders_at_risk(tree, elders, hidden))
    small, rest = _small(exact), exact[:, 1] + exact[:, 2]
    covered = hidden_elders | small[:, 0] | ((small[:, 1] | small[:, 2]) & (rest < SHOWN_FROM))

    def at_risk(hidden: Flags) -> Flags:
        return _row_at_risk(tree, exact, hidden, hidden_elders)

    covered = _grown(tree, covered, elders, at_risk)
    split = covered | small[:, 1] | small[:, 2]
    split = _grown(tree, split, rest, lambda hidden: _split_at_risk(tree, exact, hidden, hidden & ~covered))
    return Hidden(hidden_elders, covered, split)


def _small(counts: Ints) -> Flags:
    return (counts > 0) & (counts < SHOWN_FROM)


def _elders_at_risk(tree: Tree, elders: Ints, hidden: Flags) -> Flags:
    """Rows whose small number of elders cannot be exchanged with other hidden rows."""
    mass = tree.gathered(np.column_stack([elders, np.ones_like(elders)]), hidden)
    opened = tree.opens(hidden)
    others = mass[opened] - mass
    span = others[:, 0] + np.where(others[:, 1] > 0, mass[:, 0], 0)
    return hidden & _small(elders) & (opened >= 0) & (span < SPAN)


def _row_at_risk(tree: Tree, exact: Ints, hidden: Flags, hidden_elders: Flags) -> Flags:
    """Rows that hide covered, uncovered and unknown, one of which is small and can move by less than `SPAN`."""
    span = np.maximum(_spans(tree, exact, hidden), _loose_spans(tree, exact, hidden, hidden_elders))
    span[:, 1:] = np.maximum(span[:, 1:], _spans(tree, exact[:, 1:], hidden))
    return hidden & (_small(exact) & (span < SPAN)).any(axis=1)


def _split_at_risk(tree: Tree, exact: Ints, hidden: Flags, asked: Flags) -> Flags:
    """Of the rows asked about, those whose uncovered or unknown is small and can move by less than `SPAN`."""
    rest = exact[:, 1:]
    return asked & (_small(rest) & (_spans(tree, rest, hidden) < SPAN)).any(axis=1)


def _spans(tree: Tree, counts: Ints, hidden: Flags) -> Ints:
    """(n, k) by how much each cell of the hidden rows can move while rows and columns keep their sums."""
    mass, opened = tree.gathered(counts, hidden), tree.opens(hidden)
    row, column = mass.sum(axis=1, keepdims=True), mass[opened]
    span = np.minimum(row, column) - np.maximum(0, row + column - column.sum(axis=1, keepdims=True))
    return np.where((opened < 0)[:, None], row, span)


def _loose_spans(tree: Tree, exact: Ints, hidden: Flags, hidden_elders: Flags) -> Ints:
    """The same for rows that hide their elders: they may also exchange people with each other, all columns alike."""
    elders = exact.sum(axis=1, keepdims=True)
    gathered, opened = tree.gathered(elders, hidden_elders), tree.opens(hidden_elders)
    together = np.where(opened < 0, elders.sum(), gathered[opened, 0])
    column = tree.gathered(exact, hidden)[tree.opens(hidden)]
    column = np.where((tree.opens(hidden) < 0)[:, None], elders.sum(), column)
    return np.where(hidden_elders[:, None], np.minimum(together[:, None], column), 0)


def _grown(tree: Tree, hidden: Flags, size: Ints, at_risk: Callable[[Flags], Flags]) -> Flags:
    """Hide further rows until none is at risk: first those beside, the smallest first, and then the row above."""
    hidden = _down(tree, hidden.copy(), size)
    while True:
        rows = np.flatnonzero(at_risk(hidden))
        more = _partners(tree, hidden, size, rows)
        if not len(more):
            return hidden
        hidden[more] = True
        hidden = _down(tree, hidden, size)


def _partners(tree: Tree, hidden: Flags, size: Ints, rows: Ints) -> Ints:
    """For each row at risk one more to hide: one beside it, or else the one above; first below it if it is hollow."""
    opened = tree.opens(hidden)[rows]
    hollow = tree.gathered(size[:, None], hidden)[rows, 0] < SPAN
    smallest = _smallest_child(tree, ~hidden, size)
    below, beside = smallest[rows], np.where(opened >= 0, smallest[opened], -1)
    outside = np.where(beside >= 0, beside, opened)
    chosen = np.where((hollow | (outside < 0)) & (below >= 0), below, outside)
    return np.unique(chosen[chosen >= 0])


def _down(tree: Tree, hidden: Flags, size: Ints) -> Flags:
    """A hidden row with open children only could not move: hide the smallest of them, down to the lowest rows."""
    child_hidden = np.zeros(len(hidden), dtype=bool)
    for rows in reversed(tree.depths):
        child_hidden[:] = False
        child_hidden[tree.parent[hidden & (tree.parent >= 0)]] = True
        stuck = rows[hidden[rows] & ~tree.leaf[rows] & ~child_hidden[rows]]
        hidden[_smallest_child(tree, ~hidden, size)[stuck]] = True
    return hidden


def _smallest_child(tree: Tree, allowed: Flags, size: Ints) -> Ints:
    """(n,) the smallest allowed child of each row that is not too small to help, else any allowed one, else -1."""
    rows = np.flatnonzero(allowed & (tree.parent >= 0))
    rows = rows[np.lexsort((-size[rows], size[rows] >= SPAN))]
    found = np.full(len(allowed), -1, dtype=np.int64)
    found[tree.parent[rows]] = rows
    return found


# Rates ----------------------------------------------------------------------------------------------------------------


def _classes(exact: Ints, hidden: Hidden) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The class of each rate; of rows that hide something, only when moving `SPAN` people would not leave the class."""
    covered, asked = exact[:, 0], exact[:, 0] + exact[:, 1]
    at = np.minimum(covered * CLASSES // np.maximum(asked, 1), CLASSES - 1)
    steady = ((at == 0) | ((covered - SPAN) * CLASSES >= at * asked)) & (
        (at == CLASSES - 1) | ((covered + SPAN) * CLASSES <= (at + 1) * asked)
    )
    shown = (asked >= RATE_FROM) & ~hidden.elders & (steady | ~hidden.split)
    return np.where(shown, at / CLASSES, np.nan), np.where(shown, (at + 1) / CLASSES, np.nan)
