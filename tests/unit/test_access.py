"""Floating catchments on towns small enough for paper."""

from __future__ import annotations

import numpy as np
import pytest

import gis.access
import gis.reach
from gis.access import Decay
from gis.errors import Invalid

NEVER = np.inf
STEP = Decay("step", 600.0)


def test_two_steps_on_paper():
    """Homes of 10 and 20 elders; site 0 (6 places) is reached by both, site 1 (4 places) by the second only.

    6 / 30 = 0.2 and 4 / 20 = 0.2: the first home has 0.2, the second 0.4; 10 x 0.2 + 20 x 0.4 = 10 places.
    """
    reach = gis.reach.from_matrix(np.array([[100.0, NEVER], [100.0, 600.0]]))
    found = gis.access.score(reach, [10, 20], [6, 4], decay=STEP, method="2sfca")
    assert found.level.tolist() == pytest.approx([0.2, 0.2])
    assert found.score.tolist() == pytest.approx([0.2, 0.4])


def test_decay_weighs_both_steps():
    """Linear to 600 s: at 300 s a claim counts half. Demand 10 + 10 = 20, level 4 / 20; scores 0.2 and 0.1."""
    reach = gis.reach.from_matrix(np.array([[0.0], [300.0]]))
    found = gis.access.score(reach, [10, 20], [4], decay=Decay("linear", 600.0), method="e2sfca")
    assert found.score.tolist() == pytest.approx([0.2, 0.1])


def test_a_balanced_claim_counts_each_elder_once():
    """One home of 10 beside two like sites: 2SFCA sees 20 claims, the balanced forms 10, five at each site."""
    reach = gis.reach.from_matrix(np.array([[60.0, 60.0]]))
    plain = gis.access.score(reach, [10], [5, 5], decay=STEP, method="2sfca")
    fair = gis.access.score(reach, [10], [5, 5], decay=STEP, method="balanced")
    assert (plain.demand.sum(), fair.demand.sum()) == (20, 10)
    assert plain.score == fair.score == pytest.approx([1.0])


def test_the_published_balance_hands_out_the_level_of_service():
    """Two homes of 10 and 30 at one site of 8: level 0.2, shared by the columns: half each (Paez et al. 2019)."""
    reach = gis.reach.from_matrix(np.array([[60.0], [60.0]]))
    found = gis.access.score(reach, [10, 30], [8], decay=STEP, method="bfca")
    assert found.score.tolist() == pytest.approx([0.1, 0.1])


def test_nobody_in_reach_is_zero_for_homes_and_idle_for_sites():
    reach = gis.reach.from_matrix(np.array([[NEVER, 60.0], [NEVER, NEVER]]))
    found = gis.access.score(reach, [1, 1], [7, 2], decay=STEP)
    assert found.score.tolist() == [2.0, 0.0]
    assert found.idle.tolist() == [7.0, 0.0]
    assert np.isnan(found.level[0])


def test_the_limit_counts_and_a_thousandth_beyond_does_not():
    assert STEP([599.999, 600.0, 600.001, NEVER]).tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize(
    ("decay", "middle"),
    [
        (Decay("linear", 600), 0.5),
        (Decay("exponential", 600, scale_s=300 / np.log(2)), 0.5),
        (Decay("gaussian", 600), (np.exp(-0.125) - np.exp(-0.5)) / (1 - np.exp(-0.5))),
        (Decay("zones", 600, edges_s=(200, 400, 600), weights=(1, 0.68, 0.22)), 0.68),
    ],
)
def test_a_decay_is_one_at_the_door_and_its_middle_is_known(decay: Decay, middle: float):
    assert decay([0.0])[0] == pytest.approx(1)
    assert decay([300.0])[0] == pytest.approx(middle)


def test_the_gaussian_ends_at_zero():
    assert Decay("gaussian", 600)([600.0])[0] == pytest.approx(0)


@pytest.mark.parametrize(
    ("code", "work"),
    [
        ("access.decay", lambda: Decay("square", 600)),
        ("access.limit", lambda: Decay("step", np.inf)),
        ("access.scale", lambda: Decay("exponential", 600)),
        ("access.zones", lambda: Decay("zones", 600, edges_s=(200, 100), weights=(1, 0.5))),
        ("access.zones", lambda: Decay("zones", 600, edges_s=(100, 200), weights=(0.5, 0.6))),
        (
            "access.method",
            lambda: gis.access.score(gis.reach.from_matrix(np.ones((1, 1))), [1], [1], decay=STEP, method="x"),
        ),
        ("access.length", lambda: gis.access.score(gis.reach.from_matrix(np.ones((1, 1))), [1, 2], [1], decay=STEP)),
        ("access.number", lambda: gis.access.score(gis.reach.from_matrix(np.ones((1, 1))), [1], [np.nan], decay=STEP)),
    ],
)
def test_what_has_no_meaning_is_refused(code: str, work: object):
    with pytest.raises(Invalid) as refusal:
        work()
    assert refusal.value.code == code
