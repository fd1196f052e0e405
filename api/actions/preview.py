"""What changes would do, while a pin is being dragged: nothing is kept, and nobody sees more than she may."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import api.actions.planning
import api.actions.scenarios
import data.areas
import data.db
import data.population
import data.versions
import gis.disclosure
import gis.frames
import gis.scenarios
import gis.whatif
from api.actions.coverage import Question
from api.kept import Kept, Laid, Version
from gis.errors import Busy
from gis.scenarios import Change
from gis.verdicts import COVERED

if TYPE_CHECKING:
    from api.auth import Caller

#: Whoever may see the households of her area: there her places stay where they were put.
STAFF = ("community", "street")
#: How many households are named at most.
MOST_NAMED = 1000
#: How long a request waits for its turn on a board, or to have everything decided anew.
TURN_S = 5.0


def version(session: data.db.Session, today: date) -> Version:
    """The version of the data that the caller sees now."""
    return Version(data.versions.count(session), today)


def preview(
    session: data.db.Session, kept: Kept, who: Caller, question: Question, changes: Sequence[Change], *, today: date
) -> dict[str, Any]:
    """Elders gained and lost by district, street and community; to staff also the households of their own area.

    Only drawn households are counted (`gis.disclosure`), whoever asks.
    """
    laid = kept.laid(version(session, today), question)
    given = laid.state.given
    free = [_in_own_area(session, who, change, today) for change in changes]
    settled = partial(api.actions.scenarios.settled, srid=given.net.srid)
    asked = [change if may else settled(change) for change, may in zip(changes, free, strict=True)]
    api.actions.planning.known_kinds(asked, laid.request)
    tried = _tried(kept, laid, asked)
    names = dict(zip(given.areas["code"], given.areas["name"], strict=True))
    shown = gis.disclosure.published_changes(tried.areas, laid.state.secret)
    return {
        "changes": [gis.scenarios.to_dict(change) for change in asked],
        "moved_to_lattice": not all(free),
        "off_network": api.actions.planning.off_network(given, asked, laid.request),
        "walknet_id": given.walknet_id,
        "synthetic": laid.state.synthetic,
        "areas": gis.frames.records(shown.assign(name=shown["code"].map(names).fillna(""))),
        "households": _households(session, laid, tried) if who.role in STAFF else None,
    }


def _in_own_area(session: data.db.Session, who: Caller, change: Change, today: date) -> bool:
    """Whether a change may stand where it was put: elsewhere a pin moved by metres would tell where others live."""
    return who.role in STAFF and all(
        data.areas.is_mine(session, lon, lat, role=who.role, as_of=today)
        for lon, lat in api.actions.scenarios.places(change)
    )


def _tried(kept: Kept, laid: Laid, changes: list[Change]) -> gis.whatif.Preview:
    """On the board where it knows the answer, else decided anew; one at a time in either case."""
    quick = gis.whatif.quick(laid.board, changes)
    turn = laid.alone if quick else kept.anew
    if not turn.acquire(timeout=TURN_S):
        raise Busy("preview.busy")
    try:
        if quick:
            return gis.whatif.preview(laid.board, changes)
        return api.actions.planning.decided(laid.board, laid.state.given, laid.request, changes)
    finally:
        turn.release()


def _households(session: data.db.Session, laid: Laid, tried: gis.whatif.Preview) -> list[dict[str, Any]]:
    """Households that come to be covered or no longer are; the database names only those the caller may see."""
    found = pd.concat([_flips(laid, rule, letters) for rule, letters in tried.letters.items()], ignore_index=True)
    named = data.population.named(session, sorted(set(found["id"])), limit=MOST_NAMED)
    return gis.frames.records(found.assign(ref=found["id"].map(named)).dropna(subset="ref"))


def _flips(laid: Laid, rule: str, after: np.ndarray) -> pd.DataFrame:
    """One row per household and kind whose letter turns to covered or away from it."""
    before = laid.board.verdicts.rules[rule].letters
    rows, kinds = np.nonzero((before == COVERED) != (after == COVERED))
    gained = after[rows, kinds] == COVERED
    return pd.DataFrame({
        "id": laid.state.given.households["id"].to_numpy()[rows],
        "kind": np.array(laid.board.verdicts.kinds, object)[kinds],
        "verdict": rule,
        "change": np.where(gained, "gained", "lost"),
    })  # fmt: skip
