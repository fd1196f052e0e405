"""Figures of fairness, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gis.equity
from gis.errors import Invalid

shares = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 9)), min_size=1, max_size=12)


def test_the_gini_of_0_0_10_30_60_is_six_tenths():
    """Differences of the ten pairs:

    0-0 0, 0-10 twice 20, 0-30 twice 60, 0-60 twice 120, 10-30 20, 10-60 50, 30-60 30: 300. Both ways 600, over
    2 x 25 pairs x a mean of 20 = 1,000: 0.6.
    """
    assert gis.equity.gini([0, 0, 10, 30, 60]) == pytest.approx(600 / 1000)


def test_two_zeros_merged_into_one_of_weight_two_leave_the_gini():
    assert gis.equity.gini([0, 10, 30, 60], [2, 1, 1, 1]) == pytest.approx(0.6)


def test_equal_shares_have_no_gini_and_nobody_has_none():
    assert gis.equity.gini([3, 3, 3]) == pytest.approx(0)
    assert gis.equity.gini([0, 0]) == 0
    assert np.isnan(gis.equity.gini([]))
    assert np.isnan(gis.equity.gini([1, 2], [0, 0]))


@given(shares)
def test_the_gini_is_the_mean_difference_over_twice_the_mean(rows: list):
    """The definition over all pairs, against the area under the Lorenz curve."""
    value, weight = np.array(rows, dtype=float).T
    if value.sum() == 0:
        return
    mean = np.average(value, weights=weight)
    pairs = np.sum(np.abs(value[:, None] - value) * weight[:, None] * weight) / weight.sum() ** 2
    assert gis.equity.gini(value, weight) == pytest.approx(pairs / (2 * mean))


def test_the_lorenz_curve_of_one_and_three():
    people, good = gis.equity.lorenz([3, 1], [1, 1])
    assert (people.tolist(), good.tolist()) == ([0, 0.5, 1], [0, 0.25, 1])


def test_the_worst_tenth_takes_part_of_the_group_on_its_edge():
    """20 people, so 2: the one at 0.2 and one of the four at 0.5."""
    assert gis.equity.worst_mean([0.5, 0.2, 0.9], [4, 1, 15]) == pytest.approx((0.2 + 0.5) / 2)


@given(shares, st.sampled_from([0.1, 0.25, 1.0]))
def test_the_worst_share_counts_people_one_by_one(rows: list, share: float):
    """Every person written out 20 times over, the worst of them averaged."""
    value, weight = np.array(rows, dtype=int).T
    people = np.sort(np.repeat(value, 20 * weight))
    worst = people[: round(share * len(people))]
    assert gis.equity.worst_mean(value, weight, share=share) == pytest.approx(worst.mean())


def test_shortfall_beyond_ten_minutes():
    """Walks of 5, 10, 15 and 30 minutes by 1, 1, 2 and 1 elders: 3 of 5 are beyond, by 5, 5 and 20 minutes."""
    found = gis.equity.shortfall([5, 10, 15, 30], [1, 1, 2, 1], limit=10)
    assert (found.people, found.share, found.person_minutes) == (3, 0.6, 30)
    assert found.minutes == pytest.approx(10)
    assert found.depth == pytest.approx((0.5 + 0.5 + 2) / 5)
    assert found.severity == pytest.approx((0.25 + 0.25 + 4) / 5)


def test_who_reaches_nothing_counts_as_an_hour():
    assert gis.equity.shortfall([np.inf], [1], limit=10).person_minutes == 50


def test_a_group_is_held_against_everybody_else():
    """Living alone: (0 + 1) / 2 elders; the others 3 of 4."""
    table = gis.equity.by_group([0, 1, 1, 0], [1, 1, 3, 1], ["alone", "alone", "not", "not"])
    assert table["mean"].tolist() == [0.5, 0.75]
    assert table["gap"].tolist() == [-0.25, 0.25]


@pytest.mark.parametrize(
    ("code", "work"),
    [
        ("equity.number", lambda: gis.equity.gini([np.nan], [1])),
        ("equity.number", lambda: gis.equity.gini([1], [-1])),
        ("equity.negative", lambda: gis.equity.gini([-1], [1])),
        ("equity.lengths", lambda: gis.equity.gini([1, 2], [1])),
        ("equity.share", lambda: gis.equity.worst_mean([1], [1], share=0)),
        ("equity.limit", lambda: gis.equity.shortfall([1], [1], limit=0)),
    ],
)
def test_what_has_no_meaning_is_refused(code: str, work: object):
    with pytest.raises(Invalid) as refusal:
        work()
    assert refusal.value.code == code
