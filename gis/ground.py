"""The network with households and facilities standing on it: what every rule and every what-if starts from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

import gis.crs
import gis.hours
import gis.profiles
import gis.walking
from gis.compiled import at_once
from gis.frames import FACILITIES, HOUSEHOLDS, require
from gis.profiles import NOBODY, Profile
from gis.verdicts import HORIZON, Request
from gis.walking import Way
from gis.walknet import Snaps, WalkNet, snap

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Flags = NDArray[np.bool_]
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Places:
    """Points in metres, and what is wrong with those that are not points."""

    x: Floats
    y: Floats
    reason: NDArray[np.str_]

    def take(self, rows: NDArray) -> Places:
        """Some of the points, by position or mask."""
        return Places(self.x[rows], self.y[rows], self.reason[rows])

    def only(self, rows: NDArray) -> Places:
        """As many points, but nowhere except in these rows."""
        x = np.full(len(self.x), np.nan)
        x[rows] = self.x[rows]
        return Places(x, self.y, self.reason)


def places(frame: pd.DataFrame, srid: int) -> Places:
    """Points of a frame in metres: `no_location` where there is none, `bad_datum` where it is not in degrees."""
    points = np.asarray(frame["geometry"], dtype=object)
    lon, lat = shapely.get_x(points), shapely.get_y(points)
    missing = np.isnan(lon) | np.isnan(lat)
    with np.errstate(invalid="ignore"):
        good = (np.abs(lon) <= 180) & (np.abs(lat) <= 90)
    x, y = np.full(len(lon), np.nan), np.full(len(lon), np.nan)
    x[good], y[good] = gis.crs.Metric(srid).forward(lon[good], lat[good])
    return Places(x, y, np.select([missing, ~good], ["no_location", "bad_datum"], "").astype("<U11"))


@dataclass(frozen=True, eq=False)
class Ground:
    """n households and m facilities in metres, and the profile each household walks with.

    `facilities` has the columns id, kind, outside, delivers, open (`gis.hours`); `homes` and `sites` are the places.
    Snapping and weighing are done on first use and kept.
    """

    net: WalkNet
    request: Request
    households: pd.DataFrame
    facilities: pd.DataFrame
    homes: Places
    sites: Places
    profile: NDArray[np.str_]
    _kept: dict[object, Any] = field(default_factory=dict)

    def prepare(self) -> None:
        """Make what searches share, so that they may run at once."""
        at_once(lambda part: getattr(self.net, part), ("index", "topology"))
        walking = [gis.profiles.find("standard"), *(profile for profile, _ in self.walkers)]
        at_once(self.snaps, {(one.steps, one.wheels): one for one in walking}.values())

    def way(self, profile: Profile) -> Way:
        """The network as this profile walks it, as far as the horizon."""
        limit = self.request.seconds * HORIZON
        return self._once(("way", profile), lambda: gis.walking.in_seconds(self.net, profile, limit=limit))

    def snaps(self, profile: Profile) -> tuple[Snaps, Snaps]:
        """Homes and sites on the edges a profile may use; profiles with the same edges share them.

        On the edges open to everybody all homes are snapped, on fewer only those of households that need it.
        """
        access = (profile.steps, profile.wheels)
        return self._once(access, lambda: self._snap_all(profile))

    def floors(self, profile: Profile) -> Floats:
        """Seconds from the door of each home to the street."""
        return self._once(("floors", profile), lambda: gis.profiles.floor_seconds(self.households, profile))

    @property
    def walkers(self) -> list[tuple[Profile, Ints]]:
        """Each profile that occurs, and the households that walk with it."""
        return self._once("walkers", lambda: list(_grouped(self.profile, self.request)))

    def _once(self, key: object, make: Callable[[], T]) -> T:
        if key not in self._kept:
            self._kept[key] = make()
        return cast(T, self._kept[key])

    def _snap_all(self, profile: Profile) -> tuple[Snaps, Snaps]:
        usable, homes = gis.profiles.usable(self.net, profile), self.homes
        if not usable.all():
            same = [
                rows for other, rows in self.walkers if (other.steps, other.wheels) == (profile.steps, profile.wheels)
            ]
            homes = homes.only(np.concatenate([*same, np.zeros(0, np.int32)]))
        return self._snap(homes, usable), self._snap(self.sites, usable)

    def _snap(self, where: Places, usable: Flags) -> Snaps:
        snaps = snap(self.net, where.x, where.y, usable=usable, max_m=self.request.snap_m)
        reason = np.where(where.reason == "", snaps.reason, where.reason)
        return replace(snaps, reason=reason)

    def of_kind(self, kind: str, *, delivers: bool = False) -> tuple[Ints, Ints]:
        """Rows of the facilities of a kind: surely open, and possibly open (the former among them)."""
        wanted = (self.facilities["kind"] == kind).to_numpy() & (self.facilities["delivers"].to_numpy() == delivers)
        certain = wanted & (self.facilities["open"].to_numpy() == gis.hours.OPEN)
        return np.flatnonzero(certain).astype(np.int32), np.flatnonzero(wanted).astype(np.int32)


def _grouped(profile: NDArray[np.str_], request: Request) -> Iterator[tuple[Profile, Ints]]:
    names, which = np.unique(profile, return_inverse=True)
    for i, name in enumerate(names):
        if name != NOBODY:
            yield request.walker(str(name)), np.flatnonzero(which == i).astype(np.int32)


def ground(net: WalkNet, households: pd.DataFrame, *, facilities: pd.DataFrame, request: Request) -> Ground:
    """Place households and facilities on the network.

    Left out are facilities whose `status` is not open, of a kind not asked for, or surely closed at the time asked.
    The rest stand in ascending id, so that ties do not depend on the order of rows.
    """
    require(households, HOUSEHOLDS)
    require(facilities, FACILITIES)
    counted = facilities[(facilities["status"] == "open") & facilities["kind"].isin(request.kinds)]
    counted = counted.sort_values("id", kind="stable").reset_index(drop=True)
    facts = _facts(counted, request)
    here = (facts["open"] != gis.hours.CLOSED).to_numpy()
    profile = gis.profiles.of_households(households)
    if request.profile:
        profile = np.where(profile == NOBODY, NOBODY, request.profile)
    homes, sites = places(households, net.srid), places(counted, net.srid)
    return Ground(net, request, households, facts[here].reset_index(drop=True), homes, sites.take(here), profile)


def _facts(facilities: pd.DataFrame, request: Request) -> pd.DataFrame:
    """What a decision needs to know of each facility."""
    outside = pd.Series(pd.NA, index=facilities.index, dtype="boolean")
    if "outside" in facilities.columns:
        outside = facilities["outside"].astype("boolean")
    elif "street_code" in facilities.columns:
        outside = (facilities["street_code"].fillna("") == "").astype("boolean")
    hours = np.full(len(facilities), gis.hours.OPEN, np.int8)
    if request.at is not None:
        opens = facilities["opens"] if "opens" in facilities.columns else [None] * len(facilities)
        hours = gis.hours.state(opens, request.at)
    return pd.DataFrame({
        "id": facilities["id"].astype(object), "kind": facilities["kind"].astype(object), "outside": outside,
        "delivers": (facilities["delivery_mode"] == "to_home").to_numpy(bool), "open": hours,
    })  # fmt: skip
