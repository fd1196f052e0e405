"""Who may be what: the roles, and the level of area at which each is held."""

from __future__ import annotations

from gis.errors import Invalid

#: Role to the level of its area; None where an area of any level will do.
LEVELS: dict[str, str | None] = {
    "inspector": "grid",
    "community": "community",
    "street": "street",
    "planner": None,
    "partner": None,
    "auditor": None,
    "admin": None,
}
#: What a key may be made for, and what of a report it may name beyond its category, state, days and areas: what is
#: written in it and about it, its photos, its exact place, who deals with it, by when.
SCOPES = ("reports:read", "reports:write", "open311", "features", "webhooks", "areas")
FIELDS = ("text", "photos", "place", "unit", "due")


def check(role: str, *, level: str) -> None:
    """Refuse a role in an area of the wrong level, in which its holder would see nothing."""
    if role not in LEVELS:
        raise Invalid("users.role", role=role, roles=list(LEVELS))
    wanted = LEVELS[role]
    if wanted not in (None, level):
        raise Invalid("users.level", role=role, level=level, wanted=wanted)
