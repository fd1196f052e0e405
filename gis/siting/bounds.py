"""A ceiling that no plan can break through, by Lagrangian relaxation and subgradient steps.

Relaxed is the rule that a household draws its benefit from one site only: with a price u >= 0 on each household,
    ceiling(u) = sum of u  +  the best permitted choice of sites, each worth  sum of max(0, benefit - u)
is never below the best plan, for any prices (Geoffrion 1974; for the MCLP Galvao & ReVelle 1996). A budget is priced
the same way. Steps are Polyak's, deflected by the step before. Sites that no better plan can use are struck out on the
way, which makes later rounds cheap and leaves HiGHS a small problem.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gis.compiled import compiled
from gis.reach import BoolArray, FloatArray
from gis.siting.search import Rules, improve
from gis.siting.table import Table, best


@dataclass(frozen=True)
class Ceiling:
    """`value` is the bound on the benefit beyond the base; `alive` (m,) marks the sites a better plan could use."""

    value: float
    alive: BoolArray
    open_sites: BoolArray
    found: float


def ceiling(table: Table, limits: Rules, open_sites: BoolArray, *, rounds: int) -> Ceiling:
    """Bound the best plan, starting from the prices that a found plan suggests, and better the plan on the way."""
    prices = best(table, open_sites)
    found, dual = float(prices.sum()), np.zeros(1)
    movable = limits.openable | limits.closable
    state = Ceiling(float(best(table, movable).sum()), movable, open_sites, found)
    step = 1.0 if table.whole else 1e-9 * max(found, 1.0)
    done, pace, last = 0, np.array([1.0]), np.zeros(table.row_count + 1)
    while done < rounds and state.value - state.found >= step - 1e-6 * step:
        state = _leg(table, limits, state, prices, dual, last, pace, step)
        done += LEG
    return state


#: Subgradient rounds between two attempts to turn the chosen sites into a better plan.
LEG = 25


def _leg(
    table: Table, limits: Rules, state: Ceiling, prices: FloatArray, dual: FloatArray, last: FloatArray,
    pace: FloatArray, step: float,
) -> Ceiling:  # fmt: skip
    """Some rounds of subgradient steps (prices, dual, last and pace are carried on in place), then a new plan."""
    columns, alive = table.columns, state.alive.copy()
    value, chosen = _descend(
        columns.indptr, columns.households, columns.values, prices, dual, last, pace, alive, limits.closable,
        limits.add, limits.closures, limits.costs, limits.budget, state.found, state.value, step, LEG,
    )  # fmt: skip
    ceiling_now = min(state.value, value)
    tried = _polished(table, limits, chosen, state)
    return Ceiling(max(ceiling_now, tried[1]), alive | tried[0], *tried)


def _polished(table: Table, limits: Rules, chosen: BoolArray, state: Ceiling) -> tuple[BoolArray, float]:
    """The chosen sites, exchanged until nothing helps, if that is better than what is held."""
    if limits.money(chosen) < -1e-9:
        return state.open_sites, state.found
    tried = improve(table, limits, chosen, per_cost=False)
    value = float(best(table, tried).sum())
    return (tried, value) if value > state.found else (state.open_sites, state.found)


@compiled
def choose(worth: Any, alive: Any, closable: Any, add: Any, closures: Any) -> Any:
    """The most valuable permitted set, its value, and the least worth that any site in it had to show."""
    m = len(worth)
    chosen = np.zeros(m, np.bool_)
    order = np.argsort(-worth, kind="mergesort")
    fresh = np.array([j for j in order if alive[j] and not closable[j] and worth[j] > 0.0] + [-1])[:-1]
    held = np.array([j for j in order[::-1] if closable[j]] + [-1])[:-1]
    total = 0.0
    for j in held:
        total += worth[j]
        chosen[j] = True
    for n in range(min(add, len(fresh))):
        total += worth[fresh[n]]
        chosen[fresh[n]] = True
    most, steps = total, 0
    for n in range(min(closures, len(held))):
        total -= worth[held[n]]
        if add + n < len(fresh):
            total += worth[fresh[add + n]]
        if total > most + 1e-12:
            most, steps = total, n + 1
    for n in range(steps):
        chosen[held[n]] = False
        if add + n < len(fresh):
            chosen[fresh[add + n]] = True
    last = add + min(closures, len(held)) - 1
    return chosen, most, worth[fresh[last]] if 0 <= last < len(fresh) else 0.0


@compiled
def _descend(
    indptr: Any, homes: Any, values: Any, prices: Any, dual: Any, last: Any, pace: Any, alive: Any, closable: Any,
    add: Any, closures: Any, costs: Any, budget: Any, found: Any, lowest: Any, step: Any, rounds: Any,
) -> Any:  # fmt: skip
    """So many rounds: the lowest ceiling met and the set chosen there; sites no better plan can use are struck out.

    After eight rounds without a lower ceiling the steps get shorter, and begin again where it was lowest.
    """
    goal, money, scale = found + step * (1 - 1e-6), budget + costs[closable].sum(), _scale(indptr, homes, costs, budget)
    worth, slope = np.zeros(len(indptr) - 1), np.zeros(len(prices) + 1)
    kept_prices, kept_dual, kept, stale = prices.copy(), dual[0], closable.copy(), 0
    for _ in range(rounds):
        _weigh(indptr, homes, values, prices, dual[0] * scale, costs, alive, worth)
        chosen, value, least = choose(worth, alive, closable, add, closures)
        value += prices.sum() + (dual[0] * scale * money if scale > 0.0 else 0.0)
        alive &= closable | (value + worth - least >= goal)
        stale += 1
        if value < lowest:
            lowest, stale = value, 0
            kept_prices[:], kept_dual, kept = prices, dual[0], chosen
        if lowest < goal:
            break
        if stale == 8:
            pace[0], stale = 0.6 * pace[0], 0
            prices[:], dual[0], last[:] = kept_prices, kept_dual, 0.0
            continue
        _slope(indptr, homes, values, prices, scale, costs, money, chosen, slope)
        if not _take_step(slope, last, prices, dual, pace[0] * (value - found), scale > 0.0):
            break
    return lowest, kept


@compiled
def _scale(indptr: Any, homes: Any, costs: Any, budget: Any) -> float:
    """What brings the price of money into the size of the others; 0 where money does not matter."""
    if not np.isfinite(budget):
        return 0.0
    sites = len(indptr) - 1
    return np.sqrt(max(len(homes) / max(sites, 1), 1.0)) / max(costs.max(), 1e-9) if sites else 1.0


@compiled
def _weigh(indptr: Any, homes: Any, values: Any, prices: Any, money: Any, costs: Any, alive: Any, worth: Any) -> None:
    """What each living site is worth above the prices of its homes and of the money it costs, into `worth`."""
    for j in range(len(worth)):
        worth[j] = 0.0
        if alive[j]:
            for k in range(indptr[j], indptr[j + 1]):
                worth[j] += max(values[k] - prices[homes[k]], 0.0)
            worth[j] -= money * costs[j]


@compiled
def _slope(
    indptr: Any, homes: Any, values: Any, prices: Any, scale: Any, costs: Any, money: Any, chosen: Any, slope: Any
) -> None:
    """How the ceiling changes with each price, that of money last, into `slope`."""
    slope[:-1], slope[-1] = 1.0, scale * money if scale > 0.0 else 0.0
    for j in np.flatnonzero(chosen):
        for k in range(indptr[j], indptr[j + 1]):
            if values[k] > prices[homes[k]]:
                slope[homes[k]] -= 1.0
        slope[-1] -= scale * costs[j]


@compiled
def _take_step(slope: Any, last: Any, prices: Any, dual: Any, length: Any, priced: Any) -> bool:
    """Move the prices, none below 0, along the slope bent towards the last step; False where there is nowhere to go."""
    for i in range(len(last)):
        held = prices[i] if i < len(prices) else dual[0]
        last[i] = slope[i] + 0.8 * last[i]
        if held <= 0.0 and last[i] > 0.0:
            last[i] = 0.0
    size = np.sum(last * last)
    if size <= 0.0:
        return False
    for i in range(len(prices)):
        prices[i] = max(prices[i] - length / size * last[i], 0.0)
    if priced:
        dual[0] = max(dual[0] - length / size * last[-1], 0.0)
    return True
