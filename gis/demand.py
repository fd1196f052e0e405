"""Who can walk to which site, as one sparse table: what siting, assignment and accessibility start from."""

from __future__ import annotations

import numpy as np

import gis.pairs
import gis.profiles
import gis.reach
import gis.walking
from gis.ground import Ground, Ints
from gis.profiles import NOBODY
from gis.reach import Reach


def personal(stand: Ground, kind: str) -> Reach:
    """Seconds from each household to each site of a kind that is surely open, in the household's own profile.

    Floors without a lift are included, as in the verdict `personal`, so an entry within `Request.minutes` is one that
    covers. Rows as the households; sites as `stand.of_kind(kind)[0]`.
    """
    sites = stand.of_kind(kind)[0]
    parts = [_of_walkers(stand, profile, rows, sites) for profile, rows in stand.walkers]
    return _joined(stand, parts, sites)


def standard(stand: Ground, kind: str) -> Reach:
    """Metres on the network, for everybody who goes out: an entry within `Request.metres` is one that covers."""
    sites, limit = stand.of_kind(kind)[0], stand.request.metres
    rows = np.flatnonzero(stand.profile != NOBODY).astype(np.int32)
    homes, places = stand.snaps(gis.profiles.find("standard"))
    way = gis.walking.in_metres(stand.net, limit=limit)
    table = gis.pairs.table(way, homes.take(rows), places.take(sites), limit=limit)
    return _joined(stand, [(rows, table)], sites)


def _of_walkers(stand: Ground, profile: gis.profiles.Profile, rows: Ints, sites: Ints) -> tuple[Ints, Reach]:
    homes, places = stand.snaps(profile)
    limit = stand.request.seconds
    table = gis.pairs.table(stand.way(profile), homes.take(rows), places.take(sites), limit=limit)
    seconds = table.seconds + stand.floors(profile)[rows][table.households]
    inside = seconds <= limit
    kept = gis.reach.from_pairs(
        table.sites[inside], table.households[inside], seconds[inside], households=len(rows), sites=len(sites)
    )
    return rows, kept


def _joined(stand: Ground, parts: list[tuple[Ints, Reach]], sites: Ints) -> Reach:
    """The tables of groups of households as one; without anybody who walks, an empty one."""
    nobody = gis.reach.from_pairs(_none(), _none(), np.zeros(0), households=0, sites=len(sites))
    tables = [(_none(), nobody), *parts]
    site = np.concatenate([table.sites for _, table in tables])
    home = np.concatenate([rows[table.households] for rows, table in tables])
    cost = np.concatenate([table.seconds for _, table in tables])
    return gis.reach.from_pairs(site, home, cost, households=len(stand.profile), sites=len(sites))


def _none() -> Ints:
    return np.zeros(0, np.int32)
