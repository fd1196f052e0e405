"""How people walk: speeds and delays as data, each with its source and how far it can be trusted.

Speeds are proposals drawn from published measurements (`source`), not from a survey of the district: `confidence` says
"to be calibrated" until a timed walk (50 elders on known routes) has been made there. All times are seconds on top of
the walked metres.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import gis.slopes
from gis.errors import Invalid
from gis.frames import HOUSEHOLDS, require
from gis.walknet import WalkNet

#: Going of one outdoor step; turns the length of uncounted steps into a number. Design practice, clause unchecked.
METRES_PER_STEP = 0.30

#: Mean wait at a signal with cycle 120 s and green 30 s: (C - g)^2 / 2C. HCM form, unchecked; the value is arithmetic.
SIGNAL_WAIT_S = (120 - 30) ** 2 / (2 * 120)

#: Wait and ride of a public lift. Assumption, no source.
LIFT_S = 30.0

_CALIBRATE = "to be calibrated"


@dataclass(frozen=True)
class Profile:
    """One way of getting about.

    `steps`: "seconds" (each step costs `seconds_per_step`) or "forbidden". `wheels`: edges tagged wheelchair=no are
    closed, untagged ones open and reported. `seconds_per_floor`: one storey of a home without a lift; infinite where
    stairs cannot be taken at all. `slopes`: climbs slow down, see `gis.slopes`. `sd_m_s`: spread of speed between
    persons, for the uncertainty band.
    """

    name: str
    label_zh: str
    label_en: str
    speed_m_s: float
    steps: Literal["seconds", "forbidden"]
    seconds_per_step: float
    signal_delay_s: float
    seconds_per_floor: float
    source: str
    confidence: str
    wheels: bool = False
    lift_s: float = LIFT_S
    slopes: bool = True
    sd_m_s: float = 0.2


def _walks(
    name: str, zh: str, en: str, speed: float, *, step: float, floor: float, source: str, **more: object
) -> Profile:
    given: dict[str, object] = {
        "steps": "seconds", "seconds_per_step": step, "signal_delay_s": SIGNAL_WAIT_S, "seconds_per_floor": floor,
        "confidence": _CALIBRATE, **more,
    }  # fmt: skip
    return Profile(name, zh, en, speed, source=source, **given)  # type: ignore[arg-type]


#: `standard` is the living circle's own arithmetic, 500 m in 600 s, and delays nobody: metres alone decide it.
PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        _walks("standard", "标准（500 米）", "standard (500 m)", 500 / 600, step=0.0, floor=0.0,
               source="GB 50180-2018: 10 minutes on foot, about 500 m", confidence="high",
               signal_delay_s=0.0, lift_s=0.0, slopes=False, sd_m_s=0.0),
        _walks("active", "60–74 岁，行动自如", "60-74, active", 1.10, step=0.5, floor=20.0,
               source="below Bohannon & Andrews 2011 (1.24-1.34 healthy, indoors); Yang 2024 (1.08, Singapore)"),
        _walks("age75", "75–84 岁", "75-84", 0.90, step=0.7, floor=25.0,
               source="Asher 2012: 0.9 M / 0.8 F at 65+, random households; Bollard & Fleming 2013: 0.82"),
        _walks("age85", "85 岁及以上", "85 and over", 0.70, step=1.0, floor=35.0,
               source="The 90+ Study 2023: 0.66 without a device; Webb 2017: -0.0057 m/s a year, accelerating"),
        _walks("cane", "使用手杖", "with a cane", 0.60, step=1.5, floor=45.0,
               source="between The 90+ Study 2023 (0.38 with a device) and Arango & Montufar 2008 (below 1.2)"),
        _walks("walker", "使用助行器", "with a walker", 0.45, step=0.0, floor=60.0, steps="forbidden",
               source="The 90+ Study 2023: 0.38 with a device; steps with a walker: assumption"),
        _walks("wheelchair", "自行轮椅", "wheelchair, alone", 0.60, step=0.0, floor=float("inf"), steps="forbidden",
               wheels=True, source="Karmarkar 2011: 0.64, older manual users in the community"),
        _walks("wheelchair_escorted", "轮椅，有人陪同", "wheelchair, escorted", 0.80, step=0.0, floor=float("inf"),
               steps="forbidden", wheels=True, source="proposal: escort's pace with a chair; no measurement read"),
        _walks("provider", "送餐、上门人员", "staff who come to the home", 1.20, step=0.3, floor=15.0,
               source="proposal: adult pace; Gates 2006 (crossing, 1.16 at 65+, faster below)"),
    )
}  # fmt: skip

#: An independent elder of unknown age walks as the 75-84 do: the measured mean of all who are 65+.
UNKNOWN_AGE = "age75"

#: A household in which nobody goes out, or that lives in an institution, walks nowhere.
NOBODY = "-"


def find(name: str) -> Profile:
    """The profile of that name, or `Invalid("coverage.profile")` naming those there are."""
    if name not in PROFILES:
        raise Invalid("coverage.profile", profile=name, known=sorted(PROFILES))
    return PROFILES[name]


def of_households(frame: pd.DataFrame) -> NDArray[np.str_]:
    """The profile name of each household: that of its least mobile member who still goes out.

    Age counts only for the independent: `active` below 75, `age75`, `age85` from 85, and `age75` where not recorded.
    Homebound households and residents of institutions have `NOBODY`.

    Raises
    ------
    Invalid
        `coverage.mobility`: a mobility that no profile answers to.
    """
    require(frame, HOUSEHOLDS)
    mobility = frame["mobility"].to_numpy(str)
    known = np.isin(mobility, ["independent", "homebound", *PROFILES])
    if not known.all():
        raise Invalid("coverage.mobility", values=sorted(set(mobility[~known].tolist())))
    age = _ages(frame)
    by_age = np.select([np.isnan(age), age < 75, age < 85], [UNKNOWN_AGE, "active", "age75"], "age85")
    profile = np.where(mobility == "independent", by_age, mobility)
    return np.where(~goes_out(frame), NOBODY, profile)


def _ages(frame: pd.DataFrame) -> NDArray[np.float64]:
    if "age_max" not in frame.columns:
        return np.full(len(frame), np.nan)
    return np.asarray(frame["age_max"].astype("Float64").to_numpy(np.float64, na_value=np.nan))


def goes_out(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Households with somebody who walks to a service: neither homebound as a whole nor in an institution."""
    homebound = (frame["mobility"] == "homebound") | (frame["elders_homebound"] >= frame["elders"])
    return ~(homebound | frame["in_institution"].astype(bool)).to_numpy(bool)


def usable(net: WalkNet, profile: Profile) -> NDArray[np.bool_]:
    """The edges a profile may use, (e,) bool. Steps with a lift or a wheelchair ramp are passable for everybody."""
    open_to_all = np.ones(len(net.u), bool)
    if profile.steps == "forbidden":
        open_to_all &= (net.steps == 0) | net.lift | (net.wheelchair == 1)
    if profile.wheels:
        open_to_all &= net.wheelchair >= 0
    return open_to_all


def edge_seconds(net: WalkNet, profile: Profile, *, backwards: bool = False) -> NDArray[np.float64]:
    """Seconds to walk each edge from u to v, or from v to u, (e,) float; infinite where the profile may not."""
    return np.where(usable(net, profile), sum(edge_parts(net, profile, backwards=backwards).values()), np.inf)


def edge_parts(net: WalkNet, profile: Profile, *, backwards: bool = False) -> dict[str, NDArray[np.float64]]:
    """The same seconds in parts: walking, steps, signals, lifts, slopes where any are known; each (e,) and finite.

    Steps and lifts climb as they are counted, whatever heights say.
    """
    counted = np.where(net.steps < 0, np.ceil(net.metres / METRES_PER_STEP), net.steps)
    climbed = np.where(net.lift, 0, counted)
    parts = {
        "walking": net.metres / profile.speed_m_s,
        "steps": climbed * profile.seconds_per_step,
        "signals": net.signals.astype(np.float64) * profile.signal_delay_s,
        "lifts": np.where(net.lift, profile.lift_s, 0.0),
    }
    if net.sloped and profile.slopes:
        up, down = (net.down_m, net.up_m) if backwards else (net.up_m, net.down_m)
        climbs = gis.slopes.longer(net.metres, up, down) / profile.speed_m_s
        parts["slopes"] = np.where((net.steps != 0) | net.lift, 0.0, climbs)
    return parts


def floor_seconds(frame: pd.DataFrame, profile: Profile) -> NDArray[np.float64]:
    """Seconds from the door of the home to the street, (n,) float.

    Counted only where the floor is recorded and `lift` is known to be absent; 0 elsewhere, because an unknown lift is
    not a missing one. The ground floor is 1; -1 is one storey below it.
    """
    if "floor" not in frame.columns or "lift" not in frame.columns:
        return np.zeros(len(frame))
    floor = frame["floor"].astype("Float64").to_numpy(np.float64, na_value=1.0)
    climbs = frame["lift"].astype("boolean").eq(False).fillna(False).to_numpy(bool)
    storeys = np.where(climbs, np.where(floor > 0, floor - 1, -floor), 0.0)
    with np.errstate(invalid="ignore"):
        return np.where(storeys > 0, storeys * profile.seconds_per_floor, 0.0)


def at_speed(profile: Profile, factor: float) -> Profile:
    """The same person, `factor` times as fast; steps, signals and floors keep their seconds."""
    return scaled(profile, {"speed_m_s": factor})


def scaled(profile: Profile, factors: Mapping[str, float]) -> Profile:
    """A profile with some of its numbers multiplied; what is infinite stays so."""
    numbers = {name: getattr(profile, name) for name in factors}
    return replace(profile, **{name: n if np.isinf(n) else n * factors[name] for name, n in numbers.items()})
