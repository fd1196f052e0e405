"""The one place that speaks to HiGHS: a sparse model in, a solution with its proven bound out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import highspy
import numpy as np
import scipy.sparse as sp

from gis.reach import BoolArray, FloatArray

INFINITY = highspy.kHighsInf


@dataclass
class Model:
    """Columns and rows, each added as whole blocks. Always a maximisation."""

    gain: list[FloatArray] = field(default_factory=list)
    lower: list[FloatArray] = field(default_factory=list)
    upper: list[FloatArray] = field(default_factory=list)
    integer: list[BoolArray] = field(default_factory=list)
    blocks: list[sp.coo_array] = field(default_factory=list)
    row_lower: list[FloatArray] = field(default_factory=list)
    row_upper: list[FloatArray] = field(default_factory=list)
    width: int = 0

    def columns(self, gain: FloatArray, *, lower: float = 0.0, upper: float = 1.0, integer: bool = False) -> int:
        """Add a block of columns; returns the number of its first."""
        count, first = len(gain), self.width
        self.gain.append(np.asarray(gain, dtype=float))
        self.lower.append(np.full(count, lower))
        self.upper.append(np.full(count, upper))
        self.integer.append(np.full(count, integer))
        self.width += count
        return first

    def rows(self, entries: Sequence[sp.coo_array], *, lower: FloatArray, upper: FloatArray) -> None:
        """Add a block of rows: `entries` are sparse parts with columns numbered over the whole model."""
        row = np.concatenate([part.coords[0] for part in entries])
        col = np.concatenate([part.coords[1] for part in entries])
        value = np.concatenate([part.data for part in entries])
        self.blocks.append(sp.coo_array((value, (row, col)), shape=(len(lower), self.width)))
        self.row_lower.append(np.asarray(lower, dtype=float))
        self.row_upper.append(np.asarray(upper, dtype=float))


@dataclass(frozen=True)
class Solution:
    """`status` is optimal, infeasible or stopped; `values` is None when nothing was found; `duals` only for an LP."""

    status: str
    values: FloatArray | None
    bound: float
    duals: FloatArray | None = None


def part(row: np.ndarray, col: np.ndarray, value: np.ndarray | float) -> sp.coo_array:
    """Entries of a block of rows; a single `value` stands for all."""
    values = np.broadcast_to(np.asarray(value, dtype=float), np.shape(row))
    shape = (int(np.max(row, initial=-1)) + 1, int(np.max(col, initial=-1)) + 1)
    return sp.coo_array((values, (np.asarray(row), np.asarray(col))), shape=shape)


def maximise(
    model: Model, *, time_limit_s: float, start: FloatArray | None = None, slack: float = 0.0, inner: bool = False
) -> Solution:
    """Solve within `time_limit_s` of HiGHS's own time; a bound closer than `slack` counts as proof.

    `inner`: a linear program by interior points, for its prices; several times faster than from corner to corner.

    One thread and a fixed seed: the same model gives the same answer unless the time runs out.
    """
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    for option, value in _OPTIONS.items():
        solver.setOptionValue(option, value)
    solver.setOptionValue("time_limit", float(time_limit_s))
    solver.setOptionValue("mip_abs_gap", max(slack, 1e-9))
    if inner:
        solver.setOptionValue("solver", "ipm")
        solver.setOptionValue("run_crossover", "off")
    _pass(solver, model)
    if start is not None:
        begin = highspy.HighsSolution()
        begin.col_value = start.tolist()
        solver.setSolution(begin)
    solver.run()
    return _solution(solver, bool(np.concatenate(model.integer).any()))


_OPTIONS = {"output_flag": False, "threads": 1, "random_seed": 1, "mip_rel_gap": 0.0}


def _pass(solver: highspy.Highs, model: Model) -> None:
    height = sum(len(one) for one in model.row_lower)
    blocks = [sp.csr_array((b.data, b.coords), shape=(b.shape[0], model.width)) for b in model.blocks]
    matrix = sp.vstack(blocks, format="csr") if blocks else sp.csr_array((0, model.width))
    joined = {name: np.concatenate(getattr(model, name)) for name in ("gain", "lower", "upper", "integer")}
    empty = np.empty(0)
    solver.passModel(
        model.width, height, matrix.nnz,
        int(highspy.MatrixFormat.kRowwise), int(highspy.ObjSense.kMaximize), 0.0,
        joined["gain"], joined["lower"], joined["upper"],
        np.concatenate([empty, *model.row_lower]), np.concatenate([empty, *model.row_upper]),
        matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32), matrix.data,
        joined["integer"].astype(np.int32),
    )  # fmt: skip


def _solution(solver: highspy.Highs, integer: bool) -> Solution:
    status, info = solver.getModelStatus(), solver.getInfo()
    found = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    values = np.array(solver.getSolution().col_value) if found else None
    if status == highspy.HighsModelStatus.kInfeasible:
        return Solution("infeasible", None, -np.inf)
    if status == highspy.HighsModelStatus.kModelEmpty:
        return Solution("optimal", np.empty(0), 0.0)
    done = status == highspy.HighsModelStatus.kOptimal
    if integer:
        return Solution("optimal" if done else "stopped", values, float(info.mip_dual_bound))
    bound = float(info.objective_function_value) if done else np.inf
    duals = np.array(solver.getSolution().row_dual)
    return Solution("optimal" if done else "stopped", values, bound, duals if len(duals) else None)
