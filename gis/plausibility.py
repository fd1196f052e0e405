"""Whether a place and a time are believable: marks with reasons for a person to judge, never a refusal.

A phone under a bridge is 200 m off and honest; a spoofed one is exact. So a mark says what is strange and by how much,
and nothing here decides. The thresholds are ours, to be calibrated on a place's own reports.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

import gis.crs

#: Half the way round the Earth.
FARTHEST_M = 20_037_508.0
#: A fix vaguer than this does not tell one grid from the next.
ACCURACY_MOST_M = 100.0
#: No street or metro of a city is faster (126 km/h).
SPEED_MOST_M_S = 35.0
#: Beyond the border by more than streets are wide.
BEYOND_MOST_M = 50.0
#: Farther from the thing it is about than one can see it.
AWAY_MOST_M = 100.0
#: Phones that ask the network for the time are right within seconds.
SKEW_MOST = timedelta(minutes=5)
#: Longer than a patrol without a network.
DELAY_MOST = timedelta(days=7)


@dataclass(frozen=True)
class Fix:
    """Where a device was: EPSG:4326 degrees, radius claimed by the phone (None: not said), and its own time."""

    lon: float
    lat: float
    at: datetime
    accuracy_m: float | None = None
    mocked: bool = False


@dataclass(frozen=True)
class Context:
    """What a fix is held against; None: not known, and then nothing is said about it.

    `received_at` and `sent_at`: the server's and the phone's clock at the moment of sending. `beyond_m`: how far
    outside its grid the fix lies (0 inside). `away_m`: how far from the thing a check is about. `last`: the device's
    last fix that was accepted. `outside`: no area that is known here holds the fix.
    """

    received_at: datetime
    sent_at: datetime | None = None
    beyond_m: float | None = None
    away_m: float | None = None
    last: Fix | None = None
    outside: bool = False


@dataclass(frozen=True)
class Reason:
    """One strange thing; the words stand under `code`, as with a refusal."""

    code: str
    facts: dict[str, object] = field(default_factory=dict)


def reasons(fix: Fix, context: Context) -> tuple[Reason, ...]:
    """Why a fix is suspect; empty when nothing is strange.

    `suspect.mocked`, `.outside`, `.vague`, `.fast`, `.beyond`, `.away`, `.clock` (the phone's clock
    is wrong), `.ahead` (taken after it was received), `.delayed`. Distances count only as far as both radii leave no
    doubt.
    """
    found = (
        Reason("suspect.mocked") if fix.mocked else None,
        Reason("suspect.outside") if context.outside else None,
        _vague(fix),
        _fast(fix, context.last),
        _far("suspect.beyond", context.beyond_m, fix, BEYOND_MOST_M),
        _far("suspect.away", context.away_m, fix, AWAY_MOST_M),
        _clock(context),
        *_taken(fix, context),
    )
    return tuple(reason for reason in found if reason is not None)


def metres(one: Fix, other: Fix) -> float:
    """Between two fixes; half the Earth's girth where they are too far apart for one plane."""
    x, y = gis.crs.metric(one.lon, one.lat).forward([one.lon, other.lon], [one.lat, other.lat])
    apart = float(np.hypot(x[1] - x[0], y[1] - y[0]))
    return apart if np.isfinite(apart) else FARTHEST_M


def _vague(fix: Fix) -> Reason | None:
    if fix.accuracy_m is None or fix.accuracy_m <= ACCURACY_MOST_M:
        return None
    return Reason("suspect.vague", {"accuracy_m": fix.accuracy_m})


def _fast(fix: Fix, last: Fix | None) -> Reason | None:
    """At least so fast, if both stood at the near rims of their circles; two fixes of one second count as a second."""
    if last is None:
        return None
    least_m = max(0.0, metres(last, fix) - (fix.accuracy_m or 0.0) - (last.accuracy_m or 0.0))
    seconds = max(1.0, abs((fix.at - last.at).total_seconds()))
    if least_m / seconds <= SPEED_MOST_M_S:
        return None
    return Reason("suspect.fast", {"km_h": 3.6 * least_m / seconds, "metres": least_m, "seconds": seconds})


def _far(code: str, away_m: float | None, fix: Fix, most_m: float) -> Reason | None:
    if away_m is None or away_m - (fix.accuracy_m or 0.0) <= most_m:
        return None
    return Reason(code, {"metres": away_m})


def _clock(context: Context) -> Reason | None:
    if context.sent_at is None or abs(skew := context.sent_at - context.received_at) <= SKEW_MOST:
        return None
    return Reason("suspect.clock", {"minutes": skew / timedelta(minutes=1)})


def _taken(fix: Fix, context: Context) -> tuple[Reason | None, Reason | None]:
    """A wrong clock that the phone admits (`sent_at`) is put right first, so it is said once."""
    waited = (context.sent_at or context.received_at) - fix.at
    ahead = Reason("suspect.ahead", {"minutes": -waited / timedelta(minutes=1)}) if waited < -SKEW_MOST else None
    delayed = Reason("suspect.delayed", {"days": waited / timedelta(days=1)}) if waited > DELAY_MOST else None
    return ahead, delayed
