"""Who gets a place where, when places are limited: realised load, and the unserved by name.

Two answers to two questions. `nearest_first` is what happens when everybody walks to the nearest site that still has
room and the nearer go first (a stable matching, Gale & Shapley 1962, with distance as everyone's preference).
`optimal` is what a dispatcher could do at best: as many served as can be, and then with the least walking.
A coverage rate under capacity is served people / people, never the sum of catchments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gis.compiled import compiled
from gis.errors import Invalid
from gis.reach import FloatArray, IntArray, Reach
from gis.siting.highs import INFINITY, Model, maximise, part


@dataclass(frozen=True)
class Assignment:
    """People on each used pair; a household may be split over sites.

    `load` (m,) and `unserved` (h,) are people; `served_rate` is realised load / demand, NaN without demand;
    `elder_seconds` is the walking of the served. `bound_s` is the least walking that serving so many could take
    (from the dual of the linear program), NaN where no such claim is made.
    """

    household: IntArray
    site: IntArray
    people: FloatArray
    seconds: FloatArray
    load: FloatArray
    unserved: FloatArray
    served_rate: float
    elder_seconds: float
    bound_s: float = float("nan")


def nearest_first(reach: Reach, people: npt.ArrayLike, capacity: npt.ArrayLike, *, limit_s: float) -> Assignment:
    """Serve pairs from the shortest walk to the longest, each as far as people and places are left.

    Among walks of equal length the smaller household number goes first, and to the smaller site number.
    """
    near, people, capacity = _checked(reach, people, capacity, limit_s)
    household = near.households
    order = np.lexsort((near.sites, household, near.seconds))
    flow = np.zeros(len(order))
    flow[order] = _take(household[order], near.sites[order], people, capacity)
    return _assignment(near, household, flow, people)


def optimal(
    reach: Reach, people: npt.ArrayLike, capacity: npt.ArrayLike, *, limit_s: float, time_limit_s: float = 60.0
) -> Assignment:
    """Serve as many as possible, and those with the least walking: a transportation problem, solved by HiGHS.

    Each person served is worth more than any detour that serving him can cause others, so numbers come first. Raises
    `assignment.unsolved` when HiGHS's time runs out.
    """
    near, people, capacity = _checked(reach, people, capacity, limit_s)
    household = near.households
    if len(household) == 0:
        return _assignment(near, household, np.zeros(0), people)
    worth = _worth(near)
    model = Model()
    pair = model.columns(worth - near.seconds, upper=INFINITY) + np.arange(len(household))
    model.rows([part(household, pair, 1.0)], lower=np.full(len(people), -INFINITY), upper=people)
    model.rows([part(near.sites, pair, 1.0)], lower=np.full(len(capacity), -INFINITY), upper=capacity)
    answer = maximise(model, time_limit_s=time_limit_s)
    if answer.values is None or answer.duals is None or answer.status != "optimal":
        raise Invalid("assignment.unsolved", time_limit_s=time_limit_s, pairs=len(household))
    flow = np.where(answer.values > 1e-7, answer.values, 0.0)
    return _assignment(near, household, flow, people, bound=_ceiling(near, people, capacity, worth, answer.duals))


def _worth(near: Reach) -> float:
    """More than the longest chain of people that one more served person can push along, each onto a longer walk."""
    longest = float(near.seconds.max())
    sites = len(np.unique(near.sites))
    return (sites + 1) * longest + 1.0


def _ceiling(near: Reach, people: FloatArray, capacity: FloatArray, worth: float, duals: FloatArray) -> float:
    """A bound that holds for any duals, however the solver came by them: prices cut to >= 0 and made to fit."""
    site_price = np.maximum(duals[len(people) :], 0.0)
    left = np.zeros(len(people))
    np.maximum.at(left, near.households, worth - near.seconds - site_price[near.sites])
    return float(left @ people + site_price @ capacity)


def _assignment(
    near: Reach, household: IntArray, flow: FloatArray, people: FloatArray, *, bound: float | None = None
) -> Assignment:
    used = np.flatnonzero(flow > 0)
    load = np.bincount(near.sites[used], flow[used], near.site_count).astype(float)
    taken = np.bincount(household[used], flow[used], near.household_count)
    walked = float(flow[used] @ near.seconds[used])
    least = float("nan") if bound is None else _worth(near) * float(load.sum()) - bound
    return Assignment(
        household=household[used],
        site=near.sites[used],
        people=flow[used],
        seconds=near.seconds[used],
        load=load,
        unserved=np.maximum(people - taken, 0.0),
        served_rate=float(load.sum() / people.sum()) if people.sum() > 0 else float("nan"),
        elder_seconds=walked,
        bound_s=max(least, 0.0) if bound is not None else least,
    )


def _checked(
    reach: Reach, people: npt.ArrayLike, capacity: npt.ArrayLike, limit_s: float
) -> tuple[Reach, FloatArray, FloatArray]:
    columns = {"people": (people, reach.household_count), "capacity": (capacity, reach.site_count)}
    checked = []
    for name, (values, length) in columns.items():
        column = np.asarray(values, dtype=float)
        if column.shape != (length,):
            raise Invalid("access.length", column=name, length=column.shape, expected=length)
        wrong = ~np.isfinite(column) | (column < 0)
        if wrong.any():
            raise Invalid("access.number", column=name, rows=int(wrong.sum()), first=int(np.flatnonzero(wrong)[0]))
        checked.append(column)
    return reach.within(limit_s), checked[0], checked[1]


@compiled
def _take(household: Any, site: Any, people: Any, capacity: Any) -> Any:
    left, room = people.copy(), capacity.copy()
    flow = np.zeros(len(household))
    for n in range(len(household)):
        amount = min(left[household[n]], room[site[n]])
        left[household[n]] -= amount
        room[site[n]] -= amount
        flow[n] = amount
    return flow
