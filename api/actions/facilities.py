"""Facilities opened, changed and closed by the staff of the area they stand in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import shapely

import data.areas
import data.audit
import data.changes
import data.facilities
import gis.crs
from gis.errors import Invalid

if TYPE_CHECKING:
    import data.db
    from api.auth import Caller

CODES = ("street", "community", "grid")


def add(session: data.db.Session, who: Caller, values: Mapping[str, Any], *, today: date) -> dict[str, Any]:
    """Keep a new facility in the area that holds it; the database lets in only what lies in the caller's own."""
    _known_kind(session, values)
    data.facilities.add_one(session, {**_placed(session, values, today), "synthetic": False})
    return _recorded(session, who, str(values["id"]), "added", sorted(values))


def change(
    session: data.db.Session, who: Caller, facility_id: str, values: Mapping[str, Any], *, version: int, today: date
) -> dict[str, Any]:
    """Change what `values` say of a facility, as it stood at `version`; one that is closed keeps its row."""
    _known_kind(session, values)
    data.facilities.set(session, facility_id, version=version, **_placed(session, values, today))
    return _recorded(session, who, facility_id, "changed", sorted(values))


def _known_kind(session: data.db.Session, values: Mapping[str, Any]) -> None:
    known = data.facilities.kinds(session)["code"].tolist()
    if values.get("kind", known[0]) not in known:
        raise Invalid("coverage.unknown_kind", kinds=[values["kind"]], known=known)


def _placed(session: data.db.Session, values: Mapping[str, Any], today: date) -> dict[str, Any]:
    """The values with a point, the pair as sent, and the codes of the areas that hold it, where a place was given."""
    plain = {name: value for name, value in values.items() if name not in ("lon", "lat", "datum")}
    if "lon" not in values:
        return plain
    sent = {"lon_sent": values["lon"], "lat_sent": values["lat"], "datum_sent": values["datum"]}
    lon, lat = (float(value) for value in gis.crs.to_wgs84(values["lon"], values["lat"], values["datum"]))
    held = data.areas.holding(session, lon, lat, as_of=today)
    codes = {f"{level}_code": held.get(level) for level in CODES}
    return {**plain, **sent, **codes, "geometry": shapely.Point(lon, lat)}


def _recorded(
    session: data.db.Session, who: Caller, facility_id: str, action: str, fields: list[str]
) -> dict[str, Any]:
    """Tell the feed and the log which fields were given, and say how the facility stands now."""
    now = data.facilities.get(session, facility_id)
    codes = {f"{level}_code": now[f"{level}_code"] for level in CODES}
    facts = {"kind": now["kind"], "status": now["status"], "version": now["version"], "fields": fields}
    data.changes.record(session, "facility", facility_id, action, facts, codes=codes)
    data.audit.record(session, actor=who.actor, action=f"facility.{action}", subject=facility_id, facts=facts)
    return now
