"""Nobody learns a small count from what is published: an attacker with a linear programme tries."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import gis.disclosure

COUNTS = ("elders", *gis.disclosure.COUNTS)


@st.composite
def towns(draw: st.DrawFn) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A district of one to three streets of one to four communities, some with grids; many small counts."""
    count = st.one_of(st.integers(0, 3), st.integers(0, 14), st.integers(0, 90))
    cells, above = {}, {"d": ""}
    for street in range(draw(st.integers(1, 3))):
        above[f"d{street}"] = "d"
        for community in range(draw(st.integers(1, 4))):
            code = f"d{street}{community}"
            above[code] = code[:-1]
            grids = draw(st.sampled_from([0, 0, 1, 2, 3]))
            above |= {f"{code}{grid}": code for grid in range(grids)}
            lowest = [f"{code}{grid}" for grid in range(grids)] or [code]
            cells |= {one: np.array(draw(st.tuples(count, count, count))) for one in lowest}
    rows = {code: sum(cells[one] for one in cells if one.startswith(code)) for code in above}
    counted = pd.DataFrame([*rows.values()], columns=list(gis.disclosure.COUNTS)).assign(
        code=list(above), level=[str(len(code)) for code in above], kind="clinic", verdict="standard"
    )
    return counted, pd.DataFrame({"code": list(above), "parent_code": list(above.values())})


def known_bounds(published: pd.DataFrame, parent: list[int]) -> tuple[list, list, list, list, list]:
    """What an attacker knows, as linear constraints over elders, covered, uncovered, unknown of every row."""
    n, equal, at_most = len(published), [], []
    bounds = []
    for row in published[list(COUNTS)].to_numpy(object):
        for value in row:
            bounds.append((0, None) if value is pd.NA else (max(11, value - 2), value + 2))
    for i in range(n):
        sums = np.zeros(4 * n)
        sums[4 * i : 4 * i + 4] = (1, -1, -1, -1)
        equal.append(sums)
    for p in sorted(set(parent) - {-1}):
        for count in range(4):
            sums = np.zeros(4 * n)
            sums[4 * p + count] = 1
            sums[[4 * i + count for i in range(n) if parent[i] == p]] = -1
            equal.append(sums)
    for i, (low, high) in enumerate(published[["rate_low", "rate_high"]].to_numpy(float)):
        if not np.isnan(low):
            for bound, sign in ((low, 1), (high, -1)):
                sums = np.zeros(4 * n)
                sums[4 * i + 1], sums[4 * i + 2] = -sign * (1 - bound), sign * bound
                at_most.append(sums)
    return bounds, equal, [0] * len(equal), at_most, [0] * len(at_most)


def narrowest(cell: int, known: tuple[list, list, list, list, list]) -> float:
    """The width of the interval to which the attacker can narrow one count down."""
    bounds, equal, zeros, at_most, limits = known
    ends = []
    for sign in (1, -1):
        aim = np.zeros(len(bounds))
        aim[cell] = sign
        solved = linprog(aim, A_ub=at_most or None, b_ub=limits or None, A_eq=equal, b_eq=zeros, bounds=bounds)
        if solved.status == 3:
            return np.inf
        assert solved.status == 0, solved.message
        ends.append(solved.fun * sign)
    return ends[1] - ends[0]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(towns())
def test_no_hidden_count_of_one_to_ten_can_be_narrowed_to_less_than_five(town):
    """Every hidden count of 1 to 10 is minimised and maximised under all that is published: the ends lie 5 apart."""
    counted, areas = town
    published = gis.disclosure.publish(counted, areas)
    codes = list(counted["code"])
    above = dict(zip(areas["code"], areas["parent_code"], strict=True))
    known = known_bounds(published, [codes.index(above[code]) if above[code] else -1 for code in codes])
    exact = counted[list(gis.disclosure.COUNTS)].to_numpy()
    exact = np.column_stack([exact.sum(axis=1), exact]).ravel()
    for cell in np.flatnonzero((exact >= 1) & (exact <= 10)):
        assert narrowest(int(cell), known) >= 5 - 1e-6, (codes[cell // 4], COUNTS[cell % 4])


@given(towns())
def test_what_is_published_is_rounded_to_five_and_comes_from_eleven_or_more(town):
    """A published figure differs by at most 2 from a true count of 11 or more; 11 and 12 print as 10."""
    counted, areas = town
    published = gis.disclosure.publish(counted, areas)
    exact = counted.assign(elders=counted[list(gis.disclosure.COUNTS)].sum(axis=1))
    for name in COUNTS:
        shown = published[name].notna().to_numpy()
        figures, truth = published[name][shown].to_numpy(int), exact[name][shown].to_numpy(int)
        assert (truth >= 11).all()
        assert (figures % 5 == 0).all()
        assert (abs(figures - truth) <= 2).all()


@given(towns())
def test_a_published_rate_holds_the_true_one(town):
    """The class has the width 0.2 and contains covered / (covered + uncovered), whose denominator is 20 or more."""
    counted, areas = town
    published = gis.disclosure.publish(counted, areas)
    shown = published["rate_low"].notna().to_numpy()
    covered, uncovered = (counted[name][shown].to_numpy(int) for name in ("covered", "uncovered"))
    low, high = (published[name][shown].to_numpy(float) for name in ("rate_low", "rate_high"))
    assert (covered + uncovered >= 20).all()
    assert np.allclose(high - low, 0.2)
    rate = covered / np.maximum(covered + uncovered, 1)
    assert ((low <= rate) & ((rate < high) | ((rate == 1) & (high == 1)))).all()
