"""How long siting takes, how good the plans are, and what a modelling library needs for the same.

    python tests/bench/siting.py [--rounds 3] [--large]

Synthetic towns from a seed: homes in clusters, candidates beside homes, within 500 m as the crow flies. Each round
draws a new town for all methods; times are CPU seconds. `spopt` with PuLP and CBC joins in
when it is installed; it is no dependency of ours.
"""

from __future__ import annotations

import argparse
import importlib.util
import resource
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT)]

import gis.assignment  # noqa: E402
import gis.reach  # noqa: E402
from gis.siting import Effort, Problem, bounds, search, solve, table  # noqa: E402

LIMIT_M = 500.0


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def town(seed: int, *, candidates: int, homes: int, size_m: float = 8000.0) -> Problem:
    """Ten sites to open; metres stand for seconds."""
    random = np.random.default_rng(seed)
    centres = random.random((60, 2)) * size_m
    place = centres[random.integers(0, 60, homes)] + random.normal(0, 400, (homes, 2))
    site = place[random.integers(0, homes, candidates)] + random.normal(0, 50, (candidates, 2))
    near = cKDTree(site).query_ball_point(place, LIMIT_M)
    household = np.repeat(np.arange(homes), [len(one) for one in near])
    number = np.concatenate([np.asarray(one, dtype=int) for one in near])
    metres = np.hypot(*(place[household] - site[number]).T)
    reach = gis.reach.from_pairs(number, household, metres, households=homes, sites=candidates)
    return Problem(reach, np.ones(homes), np.zeros(candidates, bool), add=10, limit_s=LIMIT_M)


def timed(work: Callable[[], object]) -> tuple[float, object]:
    """CPU seconds, those of a solver in a process of its own included: a busy machine must not look like a slow one."""
    begin = cpu()
    answer = work()
    return cpu() - begin, answer


def cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def parts(asked: Problem) -> str:
    """Presolve, search and certificate apart, without HiGHS."""
    presolve, benefits = timed(lambda: table.build(asked, "mclp"))
    limits = search.rules(asked)
    found_in, found = timed(lambda: search.search(benefits, limits))
    proved_in, top = timed(lambda: bounds.ceiling(benefits, limits, found, rounds=Effort().rounds))
    first = float(table.best(benefits, found).sum())
    gap = (top.value - top.found) / top.value
    return (
        f"presolve {presolve * 1e3:7.1f} ms, search {found_in * 1e3:7.1f} ms -> {first:.0f}; "
        f"certificate {proved_in:6.3f} s -> {top.found:.0f} of at most {np.floor(top.value + 1e-6):.0f}, gap {gap:.3%}"
    )


def ours(asked: Problem, method: str, effort: Effort) -> tuple[float, str]:
    took, plan = timed(lambda: solve(asked, method=method, effort=effort))
    state = "proven" if plan.proven else f"gap {plan.gap:.3%}"
    return took, f"{plan.total:.0f} ({state}, {plan.proof})"


def by_spopt(asked: Problem) -> tuple[float, str]:
    """Maximal covering as spopt models it, solved by PuLP's CBC; model and solution in one time."""
    from pulp import PULP_CBC_CMD
    from spopt.locate import MCLP

    dense = np.full((asked.reach.household_count, asked.site_count), 1e6)
    dense[asked.reach.households, asked.reach.sites] = asked.reach.seconds

    def work() -> float:
        model = MCLP.from_cost_matrix(dense, asked.weights, service_radius=asked.limit_s, p_facilities=asked.add)
        return float(model.solve(PULP_CBC_CMD(msg=False)).problem.objective.value())

    took, total = timed(work)
    return took, f"{total:.0f} (optimal)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--large", action="store_true", help="2,000 candidates and 100,000 homes as well")
    asked = parser.parse_args()
    quick = Effort(alternatives=0)
    warm = town(0, candidates=30, homes=300)
    for method in ("mclp", "p-median", "lscp"):
        solve(replace(warm, add=3 if method != "lscp" else None), method=method, effort=quick)
    peer = importlib.util.find_spec("spopt") is not None
    say("spopt joins in" if peer else "spopt is not installed: its rows are left out")
    for seed in range(1, asked.rounds + 1):
        small = town(seed, candidates=300, homes=3000)
        say(f"\nround {seed}: 300 candidates, 3,000 homes, {len(small.reach.sites)} pairs")
        took, result = ours(small, "mclp", quick)
        say(f"  mclp     ours  {took:8.3f} s  {result}")
        if peer:
            theirs, their_result = by_spopt(small)
            say(f"  mclp     spopt {theirs:8.3f} s  {their_result}  {theirs / took:.0f} x ours")
        for method in ("p-median", "lscp"):
            took, result = ours(small, method, quick)
            say(f"  {method:<8} ours  {took:8.3f} s  {result}")
        if asked.large:
            large = town(seed, candidates=2000, homes=100_000)
            say(f"round {seed}: 2,000 candidates, 100,000 homes, {len(large.reach.sites)} pairs")
            say(f"  mclp     parts {parts(large)}")
            took, result = ours(large, "mclp", quick)
            say(f"  mclp     whole {took:8.3f} s  {result}")
            took, result = ours(replace(large, add=None), "lscp", quick)
            say(f"  lscp     ours  {took:8.3f} s  {result}")
        places(seed, large=asked.large)


#: Towns on which places are limited: candidates, homes, and whether HiGHS is asked for the best assignment.
LIMITED = ((300, 3_000, True), (500, 10_000, True), (1_000, 30_000, False))
LARGEST = (2_000, 100_000, False)


def places(seed: int, *, large: bool) -> None:
    """Ten sites for a twentieth of all homes each; then all sites, with just as many places as homes, filled."""
    for candidates, homes, best in (*LIMITED, *((LARGEST,) if large else ())):
        asked = replace(town(seed, candidates=candidates, homes=homes), capacity=np.full(candidates, homes / 20))
        took, result = ours(asked, "mclp", Effort(alternatives=0, exact_entries=0))
        pairs = len(asked.reach.sites)
        say(f"  places   {candidates:,} x {homes:,}, {pairs:,} pairs: siting {took:.2f} s  {result}")
        room = np.full(candidates, homes / candidates)
        given = asked.reach, asked.weights, room
        took, _ = timed(lambda given=given: gis.assignment.nearest_first(*given, limit_s=LIMIT_M))
        say(f"  places   nearest first {took:.2f} s, {took / pairs * 1e6:.2f} microseconds a pair")
        if best:
            took, _ = timed(lambda given=given: gis.assignment.optimal(*given, limit_s=LIMIT_M))
            say(f"  places   best assignment {took:.2f} s, {took / pairs * 1e6:.1f} microseconds a pair")


if __name__ == "__main__":
    main()
