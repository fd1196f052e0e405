"""A race: everybody gets the same fresh work in the same round, is timed, and is checked against the first.

Timed is what the task is about, with all it needs laid out before: for us the compiled search on ready arcs, for a peer
its own call on its own ready graph. Whoever is quick does other work of the same sort first, untimed, so that nobody
pays for the caches that the one before has filled.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Rounds of whoever is quick: as many as there are.
ALL = 1000

#: Costs this near to the limit may fall on either side of it: peers add in floats.
AT_LIMIT = 1e-3


@dataclass(frozen=True)
class Found:
    """An answer in a form that can be compared: `value` by ascending `key`, whole for keys below `end`."""

    key: NDArray[np.int64]
    value: NDArray[np.float64]
    end: int


@dataclass(frozen=True)
class Entrant:
    """Somebody who does the work.

    `ready` (not timed) makes of the work what this one wants to have, `run` (timed) does it, `read` (not timed) makes
    the answer comparable. `part` is the share of the work it is given and `rounds` how often it takes part, where all
    would take too long. `outside` says that it works in a process of its own, where only the wall clock sees it.
    `whole` (timed too) does all that a caller waits for, from the work as it was drawn, where `run` is only the inner
    part of it. `about` is what an answer says of itself; that of the last round is kept.
    """

    name: str
    run: Callable[[Any], Any]
    read: Callable[[Any, Any], Found]
    ready: Callable[[Any], Any] = lambda work: work
    part: float = 1.0
    rounds: int = ALL
    outside: bool = False
    whole: Callable[[Any], Any] | None = None
    about: Callable[[Any], dict[str, Any]] = lambda _answer: {}


@dataclass(frozen=True)
class Task:
    """What is to be done: `draw` makes fresh work for a round; the first entrant is ours; `limit` of the costs."""

    name: str
    draw: Callable[[np.random.Generator], Any]
    entrants: Sequence[Entrant]
    limit: float = np.inf


@dataclass(frozen=True)
class Spent:
    """Milliseconds of processor, our children's included, and of the clock on the wall."""

    cpu: float
    wall: float


@dataclass(frozen=True)
class Lap:
    """One entrant's part in a round; `whole` in milliseconds of processor."""

    number: int
    spent: Spent
    about: dict[str, Any]
    whole: float | None


def timed(work: Callable[[], Any]) -> tuple[Spent, Any]:
    """A busy machine stretches the wall clock, not the processor's: ratios are taken from the latter."""
    cpu, wall = _cpu(), time.perf_counter()
    answer = work()
    return Spent((_cpu() - cpu) * 1e3, (time.perf_counter() - wall) * 1e3), answer


def _cpu() -> float:
    children = os.times()
    return time.process_time() + children.children_user + children.children_system


def race(task: Task, *, rounds: int, seed: int) -> list[dict[str, Any]]:
    """One row an entrant: its times, how many times as long as ours it took, how far its answers lie from ours."""
    random = np.random.default_rng(seed)
    _warm(task.entrants[0], task.draw(random))
    laps: dict[str, list[Lap]] = {entrant.name: [] for entrant in task.entrants}
    apart: dict[str, list[tuple[float, int]]] = {entrant.name: [] for entrant in task.entrants}
    for lap in range(min(rounds, max(entrant.rounds for entrant in task.entrants))):
        found = _lap(task, task.draw(random), task.draw(random), lap, laps)
        for name, theirs in found.items():
            apart[name].append(differ(found[task.entrants[0].name], theirs, limit=task.limit))
    ours = {lap.number: lap.spent for lap in laps[task.entrants[0].name]}
    rows = [_row(entrant, laps[entrant.name], ours, apart[entrant.name]) for entrant in task.entrants]
    return [{"ours": place == 0, **row} for place, row in enumerate(rows)]


def _lap(task: Task, work: Any, other: Any, lap: int, laps: dict[str, list[Lap]]) -> dict[str, Found]:
    """Each who is in this round does the same work, a different one first each time; `other` is only to get warm."""
    turn, answers = lap % len(task.entrants), {}
    for entrant in [*task.entrants[turn:], *task.entrants[:turn]]:
        if lap < entrant.rounds:
            if entrant.rounds == ALL:
                _warm(entrant, other)
            given = entrant.ready(work)
            spent, answers[entrant.name] = timed(partial(entrant.run, given))
            laps[entrant.name].append(Lap(lap, spent, entrant.about(answers[entrant.name]), _whole(entrant, work)))
    return {one.name: one.read(work, answers[one.name]) for one in task.entrants if one.name in answers}


def _warm(entrant: Entrant, work: Any) -> None:
    entrant.run(entrant.ready(work))
    _whole(entrant, work)


def _whole(entrant: Entrant, work: Any) -> float | None:
    return None if entrant.whole is None else timed(partial(entrant.whole, work))[0].cpu / entrant.part


def differ(ours: Found, theirs: Found, *, limit: float) -> tuple[float, int]:
    """The largest difference between two answers, and how many keys only one of them has short of the limit."""
    known = ours.key < theirs.end
    key, value = ours.key[known], ours.value[known]
    _, here, there = np.intersect1d(key, theirs.key, assume_unique=True, return_indices=True)
    apart = float(np.abs(value[here] - theirs.value[there]).max(initial=0.0))
    alone = np.concatenate([np.delete(value, here), np.delete(theirs.value, there)])
    return apart, int((alone < limit - AT_LIMIT).sum())


def _row(entrant: Entrant, laps: list[Lap], ours: dict[int, Spent], apart: list[tuple[float, int]]) -> dict[str, Any]:
    clock = "wall" if entrant.outside else "cpu"
    took = [getattr(lap.spent, clock) / entrant.part for lap in laps]
    besides = [max(getattr(ours[lap.number], clock), 1e-6) for lap in laps]
    whole = [lap.whole for lap in laps if lap.whole is not None]
    return {
        "engine": entrant.name, "rounds": len(laps), "part": entrant.part, "clock": clock,
        "cpu_ms": None if entrant.outside else _middle([lap.spent.cpu / entrant.part for lap in laps]),
        "wall_ms": _middle([lap.spent.wall / entrant.part for lap in laps]),
        "least_ms": min(took), "most_ms": max(took), "whole_ms": _middle(whole) if whole else None,
        "ratio": _middle(took) / _middle(besides),
        "difference": max(one for one, _ in apart), "mismatches": sum(count for _, count in apart),
        **laps[-1].about,
    }  # fmt: skip


def _middle(values: Sequence[float]) -> float:
    return float(np.median(values))
