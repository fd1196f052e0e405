"""What is strange about a fix is said with its reason; nothing is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

import gis.crs
import gis.plausibility
import maps.texts
from gis.plausibility import Context, Fix

NOW = datetime.fromisoformat("2026-03-02T09:00+08:00")
HERE = Fix(113.24, 23.12, NOW, accuracy_m=10.0)


def reasons(fix: Fix = HERE, **context) -> list[str]:
    found = gis.plausibility.reasons(fix, Context(**({"received_at": NOW} | context)))
    said = [maps.texts.say(reason.code, lang, **reason.facts) for reason in found for lang in ("zh", "en")]
    assert not [text for text in said if "suspect." in text]  # every reason has words, and their facts
    return [reason.code.removeprefix("suspect.") for reason in found]


def east(metres: float, **changes) -> Fix:
    metric = gis.crs.metric(HERE.lon, HERE.lat)
    x, y = metric.forward(HERE.lon, HERE.lat)
    lon, lat = metric.inverse(x + metres, y)
    return replace(HERE, lon=float(lon), lat=float(lat), **changes)


def test_an_ordinary_fix_is_not_suspect():
    assert reasons(last=east(100, at=NOW - timedelta(minutes=5)), beyond_m=0, away_m=20, sent_at=NOW) == []


def test_what_is_not_known_is_not_held_against_anybody():
    assert reasons(replace(HERE, accuracy_m=None)) == []


@pytest.mark.parametrize(("accuracy_m", "expected"), [(100.0, []), (100.1, ["vague"])])
def test_too_vague(accuracy_m, expected):
    assert reasons(replace(HERE, accuracy_m=accuracy_m)) == expected


@pytest.mark.parametrize(
    ("metres", "seconds", "expected"),
    [
        (3500, 100, []),  # 3480 m at least, both circles of 10 m taken off: 34.8 m/s
        (3530, 100, ["fast"]),  # 35.1 m/s
        (3530, -100, ["fast"]),  # came out of order: as fast backwards
        (50, 0, []),  # two fixes in one second, 30 m apart at least
        (60, 0, ["fast"]),
    ],
)
def test_faster_than_anything_in_a_city(metres, seconds, expected):
    assert reasons(last=east(metres, at=NOW - timedelta(seconds=seconds))) == expected


def test_the_other_end_of_the_world_is_fast():
    assert reasons(last=Fix(-66.0, -23.0, NOW - timedelta(hours=1))) == ["fast"]


@pytest.mark.parametrize(("beyond_m", "expected"), [(60.0, []), (60.1, ["beyond"])])
def test_outside_its_grid_beyond_doubt(beyond_m, expected):
    """50 m, and the 10 m of the fix itself."""
    assert reasons(beyond_m=beyond_m) == expected


@pytest.mark.parametrize(("away_m", "expected"), [(110.0, []), (110.1, ["away"])])
def test_a_check_made_from_afar(away_m, expected):
    assert reasons(away_m=away_m) == expected


@pytest.mark.parametrize(("minutes", "expected"), [(5, []), (-5, []), (6, ["clock"]), (-6, ["clock"])])
def test_a_wrong_clock_is_said_once(minutes, expected):
    """The phone's clock is off by as much when the fix is taken and when it is sent."""
    off = NOW + timedelta(minutes=minutes)
    assert reasons(replace(HERE, at=off), sent_at=off) == expected


def test_taken_after_it_was_received():
    assert reasons(replace(HERE, at=NOW + timedelta(minutes=6))) == ["ahead"]


@pytest.mark.parametrize(("days", "expected"), [(7, []), (7.01, ["delayed"])])
def test_sent_long_after_it_was_taken(days, expected):
    assert reasons(replace(HERE, at=NOW - timedelta(days=days))) == expected


def test_every_reason_is_given_not_only_the_first():
    spoofed = replace(HERE, mocked=True, accuracy_m=500.0)
    assert reasons(spoofed, beyond_m=9000, sent_at=NOW + timedelta(hours=1)) == ["mocked", "vague", "beyond", "clock"]
