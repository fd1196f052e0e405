"""Who gets a place, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

import gis.assignment
import gis.reach
from gis.errors import Invalid

NEVER = np.inf

#: Home 0 reaches only site 0; home 1, nearer to site 0, could also go to site 1.
CONTEST = gis.reach.from_matrix(np.array([[200.0, NEVER], [100.0, 300.0]]))


def test_nearest_first_lets_the_nearer_home_take_the_only_place():
    """Home 1 walks 100 s and takes the place of site 0; home 0 is left without, and site 1 stays empty."""
    found = gis.assignment.nearest_first(CONTEST, [1, 1], [1, 1], limit_s=600)
    assert found.load.tolist() == [1, 0]
    assert found.unserved.tolist() == [1, 0]
    assert (found.served_rate, found.elder_seconds) == (0.5, 100.0)


def test_the_best_assignment_sends_one_farther_so_that_both_are_served():
    found = gis.assignment.optimal(CONTEST, [1, 1], [1, 1], limit_s=600)
    assert found.load.tolist() == [1, 1]
    assert (found.served_rate, found.elder_seconds) == (1.0, 500.0)
    assert found.bound_s == pytest.approx(500.0)


def test_overlapping_catchments_are_not_added_up():
    """Ten elders beside two sites of 8 places: 100 % are served, not 160 %."""
    reach = gis.reach.from_matrix(np.array([[60.0, 60.0]]))
    found = gis.assignment.nearest_first(reach, [10], [8, 8], limit_s=600)
    assert (found.served_rate, found.load.tolist()) == (1.0, [8.0, 2.0])


def test_beyond_the_limit_nobody_goes():
    reach = gis.reach.from_matrix(np.array([[600.0], [600.001]]))
    for assign in (gis.assignment.nearest_first, gis.assignment.optimal):
        assert assign(reach, [1, 1], [9], limit_s=600).unserved.tolist() == [0, 1]


def test_without_places_or_people_there_is_nothing_to_do():
    reach = gis.reach.from_matrix(np.array([[60.0]]))
    for assign in (gis.assignment.nearest_first, gis.assignment.optimal):
        assert assign(reach, [3], [0], limit_s=600).served_rate == 0
        assert np.isnan(assign(reach, [0], [5], limit_s=600).served_rate)


def test_unknown_capacity_is_refused():
    with pytest.raises(Invalid, match=r"access\.number"):
        gis.assignment.optimal(CONTEST, [1, 1], [1, np.nan], limit_s=600)
