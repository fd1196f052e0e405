"""Colours that everybody can tell apart, and which class an area falls into."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pandas as pd
import pytest

import maps.palette

#: Machado, Oliveira & Fernandes 2009, severity 1, on linear RGB.
BLINDNESS = {
    "none": np.eye(3),
    "protan": np.array([[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.0520]]),
    "deutan": np.array([[0.3673, 0.8606, -0.2280], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689]]),
    "tritan": np.array([[1.2555, -0.0767, -0.1788], [-0.0784, 0.9308, 0.1476], [0.0047, 0.6914, 0.3039]]),
}  # fmt: skip


def linear(colour: str) -> np.ndarray:
    channels = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE Lab under D65, from linear sRGB."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    ratio = to_xyz @ rgb.clip(0, 1) / (0.9505, 1.0, 1.089)
    x, y, z = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast of two colours."""
    bright = sorted(float(linear(colour) @ (0.2126, 0.7152, 0.0722)) for colour in (one, other))
    return (bright[1] + 0.05) / (bright[0] + 0.05)


def row(**facts: object) -> pd.DataFrame:
    """One area with a hundred elders of whom ten are undecided, unless said otherwise."""
    usual = {"kind": "canteen", "verdict": "standard", "elders": 100, "unknown": 10, "rate_low": 0.6}
    counts = {"elders": "Int64", "unknown": "Int64", "rate_low": "Float64"}
    frame = pd.DataFrame([{**usual, **facts}])
    return frame.astype({name: kind for name, kind in counts.items() if name in frame})


@pytest.mark.parametrize("eyes", BLINDNESS)
def test_no_two_classes_look_alike_to_any_eye(eyes: str):
    """Distance in Lab of at least 15; about 2 can just be seen, on adjoining plain faces."""
    seen = [lab(BLINDNESS[eyes] @ linear(colour)) for colour in maps.palette.CLASSES]
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) >= 15


def test_classes_darken_step_by_step_so_that_a_grey_print_keeps_them():
    lightness = [lab(linear(colour))[0] for colour in maps.palette.CLASSES]
    assert all(lighter - darker >= 10 for lighter, darker in pairwise(lightness))


@pytest.mark.parametrize("eyes", BLINDNESS)
def test_water_is_not_taken_for_a_class(eyes: str):
    water = lab(BLINDNESS[eyes] @ linear(maps.palette.WATER))
    distances = [np.linalg.norm(water - lab(BLINDNESS[eyes] @ linear(colour))) for colour in maps.palette.CLASSES]
    assert min(distances) >= 15


def test_states_without_a_rate_differ_in_more_than_colour():
    marks = [hatch.mark for hatch in maps.palette.HATCHES.values()]
    assert len(set(marks)) == len(marks) == len(maps.palette.STATES)


@pytest.mark.parametrize("kind", maps.palette.GLYPHS)
def test_the_white_character_of_a_sign_is_readable(kind: str):
    """4.5 to 1 is what WCAG AA asks of text."""
    assert contrast(maps.palette.GLYPHS[kind].colour, "#ffffff") >= 4.5


def test_each_kind_has_a_shape_and_a_character_of_its_own():
    signs = maps.palette.GLYPHS.values()
    assert len({sign.shape for sign in signs}) == len({sign.character for sign in signs}) == len(signs)
    assert {sign.shape for sign in signs} < set(maps.palette.OUTLINES) == set(maps.palette.MARKERS)


def test_a_kind_that_a_district_added_gets_a_sign_with_its_first_character():
    assert maps.palette.glyph("barber", "理发").character == "理"


@pytest.mark.parametrize(
    ("rate", "state"),
    [(0.0, "0"), (0.199, "0"), (0.2, "1"), (0.39999, "1"), (0.6, "3"), (0.7999, "3"), (0.8, "4"), (1.0, "4")],
)
def test_a_rate_falls_into_the_class_whose_lower_bound_it_reaches(rate: float, state: str):
    assert maps.palette.states(row(rate_low=rate)).tolist() == [state]


def test_a_bound_that_was_stored_as_a_four_byte_number_stays_in_its_class():
    """The four-byte number just below each of 0.2, 0.4, 0.6, 0.8 still belongs to the class that begins there."""
    bounds = [float(np.nextafter(np.float32(bound), np.float32(0))) for bound in maps.palette.BREAKS[1:]]
    assert [maps.palette.states(row(rate_low=bound))[0] for bound in bounds] == ["1", "2", "3", "4"]


def test_hidden_undecided_empty_and_missing_are_told_apart():
    hidden = row(elders=None, unknown=None, rate_low=None)
    undecided = row(unknown=100, rate_low=None)
    empty = row(elders=0, unknown=0, rate_low=None)
    missing = row(kind=None, verdict=None, elders=None, unknown=None, rate_low=None)
    assert [maps.palette.states(one)[0] for one in (hidden, undecided, empty, missing)] == ["h", "k", "-", "n"]


def test_a_rate_hidden_beside_a_shown_count_is_hidden():
    assert maps.palette.states(row(rate_low=None)).tolist() == ["h"]


def test_exact_figures_use_their_rate():
    exact = row(elder_coverage_rate=0.41).drop(columns="rate_low")
    assert maps.palette.states(exact).tolist() == ["2"]


@pytest.mark.parametrize(("unknown", "striped"), [(0, False), (19, False), (20, True), (None, False)])
def test_an_area_is_striped_from_a_fifth_undecided(unknown: int | None, striped: bool):
    assert maps.palette.unsure(row(unknown=unknown)).tolist() == [striped]
