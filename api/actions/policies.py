"""Policy radii: quoted from a clause that somebody has read, with its words as the source."""

from __future__ import annotations

from typing import TYPE_CHECKING

import data.facilities
from gis.errors import Invalid

if TYPE_CHECKING:
    import data.db


#: A title and a clause are longer than this; a dash or a question mark is no source.
SHORTEST = 6


def quote(session: data.db.Session, kind: str, *, metres: float, source: str) -> None:
    """Let rule `policy` speak of a kind; refused without a source, because an unread radius must not be printed."""
    words = source.strip()
    if len(words) < SHORTEST:
        raise Invalid("policy.source", kind=kind, shortest=SHORTEST)
    data.facilities.set_policy(session, kind, radius_m=metres, source=words)


def clear(session: data.db.Session, kind: str) -> None:
    """Let rule `policy` say nothing of a kind any more; runs that were made keep what they were asked."""
    data.facilities.set_policy(session, kind, radius_m=None, source=None)
