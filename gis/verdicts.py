"""What is asked of the network, and the answer: one verdict per household, kind and rule.

Rules (never blended; design section 5):

standard  metres on the network to the facility nearest in metres, at most `Request.metres`; everybody walks every edge
personal  seconds in the household's own profile, floors without a lift included, at most `Request.minutes`
policy    straight metres, at most the radius the catalogue quotes for the kind
to_home   seconds of the provider from a facility that delivers to the home, at most `Request.minutes`

The walking rules apply to households with somebody who goes out; `to_home` to all but institutions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import gis.profiles
from gis.errors import Invalid
from gis.hours import When
from gis.profiles import Profile
from gis.walknet import SNAP_M

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Flags = NDArray[np.bool_]
Letters = NDArray[np.uint8]

#: One letter a verdict, as the byte it is stored as.
COVERED, UNCOVERED, UNKNOWN, NOT_APPLICABLE = (ord(letter) for letter in "cuk-")

RULES = ("standard", "personal", "policy", "to_home")

#: Times and distances are known up to this multiple of the limit; what is farther is infinite.
HORIZON = 3.0

#: A limit is met up to this many seconds or metres beyond it: less than coordinates or costs can tell.
SLACK = 1e-6

#: A verdict that flips when the walker is this much faster or slower is fragile (design section 5).
FRAGILE = 0.10


#: Numbers of a profile that a request may scale.
_SCALED = ("speed_m_s", "seconds_per_step", "signal_delay_s", "seconds_per_floor", "lift_s")


@dataclass(frozen=True)
class Request:
    """What is asked.

    `kinds` in the order of the answer; `required` those that make up the circle; `radius_m` straight radius of a kind
    whose policy clause states one; `profile` lets everybody walk as that one; `at` moment or day at which a facility
    must be open (None: at some time); `speeds` m/s of profiles that shall differ from the catalogue;
    `scales` factors on a number of every profile, such as `signal_delay_s`.
    """

    kinds: tuple[str, ...]
    minutes: float = 10.0
    metres: float = 500.0
    profile: str | None = None
    at: When | None = None
    required: tuple[str, ...] = ()
    radius_m: Mapping[str, float] = field(default_factory=dict)
    provider: str = "provider"
    snap_m: float = SNAP_M
    speeds: Mapping[str, float] = field(default_factory=dict)
    scales: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kinds", tuple(self.kinds))
        object.__setattr__(self, "required", tuple(self.required))
        if not self.kinds or len(set(self.kinds)) < len(self.kinds):
            raise Invalid("coverage.kinds", kinds=list(self.kinds))
        for name in ("minutes", "metres", "snap_m"):
            value = getattr(self, name)
            if not (0 < value < 1e6):
                raise Invalid("coverage.limit", name=name, value=value)
        for name in filter(None, (self.profile, self.provider, *self.speeds)):
            gis.profiles.find(name)
        for name, factor in self.scales.items():
            if name not in _SCALED or not 0 <= factor < 100:
                raise Invalid("coverage.limit", name=name, value=factor)
        for name, speed in self.speeds.items():
            if not 0 < speed < 10:
                raise Invalid("coverage.limit", name=f"speed of {name}", value=speed)

    @property
    def seconds(self) -> float:
        return self.minutes * 60.0

    def walker(self, name: str) -> Profile:
        """A profile of the catalogue, as the request turns it."""
        profile = gis.profiles.find(name)
        profile = replace(profile, speed_m_s=self.speeds.get(name, profile.speed_m_s))
        return gis.profiles.scaled(profile, self.scales) if self.scales else profile

    def parameters(self) -> dict[str, object]:
        """All that shapes the answer, as plain values: what a run keeps."""
        return {
            "kinds": list(self.kinds), "minutes": self.minutes, "metres": self.metres, "profile": self.profile,
            "at": self.at.isoformat() if self.at else None, "required": sorted(self.required),
            "radius_m": {kind: self.radius_m[kind] for kind in sorted(self.radius_m)}, "provider": self.provider,
            "snap_m": self.snap_m, "speeds": dict(sorted(self.speeds.items())),
            "scales": dict(sorted(self.scales.items())), "horizon": HORIZON, "fragile": FRAGILE,
        }  # fmt: skip


@dataclass(frozen=True, eq=False)
class Decision:
    """One rule's answer for n households and k kinds.

    `letters` (n, k) bytes c u k -. `value` (n, k) seconds or metres to the nearest facility: infinite beyond the
    horizon, NaN where unknown or not applicable. `facility` (n, k) position in `Verdicts.facilities`, -1 none.
    """

    letters: Letters
    value: Floats
    facility: Ints

    def text(self) -> NDArray[np.str_]:
        """One word a household, one letter a kind."""
        kinds = self.letters.shape[1]
        return np.ascontiguousarray(self.letters).view(f"S{kinds}").ravel().astype(f"U{kinds}")


@dataclass(frozen=True, eq=False)
class Verdicts:
    """Everything decided about n households; rows stand in the order the households were given.

    `rules`: the rules that apply to at least one kind, by name. `circle`: (n,) letters by rule, where every required
    kind was asked for. `fragile` (n, k): the personal verdict flips within +-10 % speed; `circle_fragile` (n,).
    `through_unknown` (n, k): a wheelchair user is covered only over edges whose passability nobody has recorded.
    `facilities`: those that count, in ascending id, with columns id, kind, delivers, outside, snapped, reason;
    `outside` is True where a facility is said to lie outside, or else in none of our streets; missing where neither
    is recorded.
    `hours_unknown`: ids whose hours are missing or unreadable, when a time was asked for.
    """

    request: Request
    refs: NDArray
    profile: NDArray[np.str_]
    snap_m: Floats
    reason: NDArray[np.str_]
    rules: dict[str, Decision]
    circle: dict[str, Letters]
    fragile: Flags
    circle_fragile: Flags
    through_unknown: Flags
    facilities: pd.DataFrame
    hours_unknown: tuple[str, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        return self.request.kinds

    def says(self, rule: str, kind: str) -> bool:
        """Whether a rule speaks of a kind at all, be it about nobody."""
        if rule in ("standard", "personal"):
            return True
        spoken = (
            self.request.radius_m if rule == "policy" else set(self.facilities.loc[self.facilities["delivers"], "kind"])
        )
        return rule in self.rules and kind in spoken

    @property
    def seconds(self) -> Floats:
        return self.rules["personal"].value

    @property
    def metres(self) -> Floats:
        return self.rules["standard"].value

    @property
    def nearest(self) -> Ints:
        """(n, k) position in `facilities` of the one nearest in personal seconds, or else in metres; -1 none."""
        personal, standard = self.rules["personal"].facility, self.rules["standard"].facility
        return np.where(personal >= 0, personal, standard)

    @property
    def facility_ids(self) -> NDArray:
        """(n, k) id of each `nearest` facility; None where there is none."""
        return np.array([*self.facilities["id"], None], dtype=object)[self.nearest]

    @cached_property
    def unsnapped(self) -> pd.DataFrame:
        """Facilities that could not be joined to the network, with the reason."""
        return self.facilities.loc[~self.facilities["snapped"], ["id", "kind", "reason"]].reset_index(drop=True)

    def frame(self) -> pd.DataFrame:
        """One row per household and kind, as `coverage export --what households` gives it (without the grid)."""
        n, k = len(self.refs), len(self.kinds)
        columns = {
            "ref": np.repeat(self.refs, k), "kind": np.tile(np.array(self.kinds, object), n),
            "seconds": self.seconds.ravel(), "metres": self.metres.ravel(), "facility_id": self.facility_ids.ravel(),
            **{f"verdict_{name}": _WORDS[rule.letters.ravel()] for name, rule in self.rules.items()},
            "fragile": self.fragile.ravel(), "through_unknown": self.through_unknown.ravel(),
            "snap_m": np.repeat(self.snap_m, k), "reason": np.repeat(self.reason, k),
            "profile": np.repeat(self.profile, k),
        }  # fmt: skip
        return pd.DataFrame(columns)


#: What each letter is called where people or other systems read it.
WORDS = {"c": "covered", "u": "uncovered", "k": "unknown", "-": "not_applicable"}
_WORDS = np.full(256, None, dtype=object)
_WORDS[[ord(letter) for letter in WORDS]] = list(WORDS.values())
