"""Areas change: one action each for split, merge and redraw, every one a single transaction of the caller.

The old rows are closed on the day the new ones begin. Households and facilities are linked to the new areas in the same
transaction; reports keep the areas of their day. The guard in the database has the last word at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date

import geopandas as gpd
import shapely

import data.areas
import data.audit
import data.db
import data.facilities
import data.population
import data.users
import gis.areas
import gis.redraw
from gis.errors import Invalid
from gis.frames import AREAS


@dataclass(frozen=True)
class Order:
    """From which day on the new areas hold, which day it is, and who does it."""

    valid_from: date
    today: date
    actor: str


@dataclass(frozen=True)
class Change:
    """What an action did. `households` and `facilities` are how many moved to another area, None while the new areas
    are not in force yet: `relink` on that day. `assignments` are those that name an area which has ended."""

    ended: tuple[str, ...]
    begun: tuple[str, ...]
    households: int | None
    facilities: int | None
    assignments: int


def split(
    session: data.db.Session, code: str, line: shapely.Geometry, order: Order, *, codes: Sequence[str] | None = None
) -> Change:
    """Cut one area in parts along a line; without `codes` they get the next free numbers, from north to south."""
    areas = _of_level(session, code, order.valid_from)
    one = areas[areas["code"] == code].iloc[0]
    proposed = codes or gis.redraw.next_codes(
        one["parent_code"],
        data.areas.used_codes(session, one["parent_code"]),
        len(gis.redraw.cut(one.geometry, line)),
    )
    return _carry_out(session, "areas.split", [code], gis.redraw.split(areas, code, line, codes=proposed), order)


def merge(session: data.db.Session, codes: Sequence[str], order: Order, *, into: str | None = None) -> Change:
    """Make several neighbouring areas one; it keeps the smallest of their codes unless another is given."""
    areas = _of_level(session, codes[0], order.valid_from)
    return _carry_out(session, "areas.merge", codes, gis.redraw.merge(areas, codes, into=into or min(codes)), order)


def redraw(session: data.db.Session, code: str, shape: shapely.Geometry, order: Order) -> Change:
    """Give one area a new outline; its neighbours lose what it gains and get what it gives up."""
    new = gis.redraw.redraw(_of_level(session, code, order.valid_from), code, shape)
    if new.empty:
        raise Invalid("areas.unchanged", codes=[code])
    return _carry_out(session, "areas.redraw", new["code"].tolist(), new, order)


def relink(session: data.db.Session, *, today: date, actor: str) -> Change:
    """Link every household and facility to the areas of today."""
    households, facilities = _linked(session, None, today)
    change = Change((), (), households, facilities, assignments=0)
    facts = {"households": change.households, "facilities": change.facilities}
    data.audit.record(session, actor=actor, action="areas.relink", facts=facts)
    return change


def _of_level(session: data.db.Session, code: str, day: date) -> gpd.GeoDataFrame:
    """All areas of the level that the area has on the day."""
    return data.areas.frame(session, level=data.areas.get(session, code, as_of=day)["level"], as_of=day)


def _carry_out(
    session: data.db.Session, action: str, ended: Sequence[str], new: gpd.GeoDataFrame, order: Order
) -> Change:
    """Close the old versions, open the new ones, hang children below those that hold them, link what lies there."""
    day = order.valid_from
    old = data.areas.get(session, ended[0], as_of=day)
    children = _moved_children(session, ended, new, day)
    data.areas.end(session, ended, valid_to=day)
    scheme = data.areas.scheme(session, ended[0])
    data.areas.add(session, new, valid_from=day, synthetic=old["synthetic"], scheme=scheme)
    data.areas.set(session, children, valid_from=day, synthetic=old["synthetic"])
    data.areas.check(session)
    households, facilities = _linked(session, ended, order.today) if day <= order.today else (None, None)
    gone = set(ended) - set(new["code"])
    assigned = data.users.assignments(session, as_of=day)["area_code"].isin(gone)
    begun = tuple(sorted(new["code"]))
    change = Change(tuple(sorted(gone)), begun, households, facilities, assignments=int(assigned.sum()))
    facts = {**asdict(change), "valid_from": day.isoformat()}
    data.audit.record(session, actor=order.actor, action=action, subject=", ".join(ended), facts=facts)
    return change


def _linked(session: data.db.Session, within: Sequence[str] | None, today: date) -> tuple[int, int]:
    return (
        data.population.relink(session, within=within, as_of=today),
        data.facilities.relink(session, within=within, as_of=today),
    )


def _moved_children(
    session: data.db.Session, ended: Sequence[str], new: gpd.GeoDataFrame, day: date
) -> gpd.GeoDataFrame:
    """The areas below those that change, where another one is above them from now on."""
    below = data.areas.frame(session, as_of=day)
    below = below[below["parent_code"].isin(ended)]
    middle = shapely.point_on_surface(below.geometry.to_numpy())
    parent = gis.areas.locate(shapely.get_x(middle), shapely.get_y(middle), new)
    moved = below.assign(parent_code=parent)[parent != below["parent_code"].to_numpy(object)]
    return moved[list(AREAS.required)]
