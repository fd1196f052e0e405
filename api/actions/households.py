"""Households for the staff of their area: why one has the verdict it has."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import shapely

import api.actions.evidence
import data.population
import data.versions
from api.actions.coverage import Question
from api.kept import Kept, Version

if TYPE_CHECKING:
    import data.db


def coverage(
    session: data.db.Session, kept: Kept, household_id: int, question: Question, *, kind: str, today: date
) -> dict[str, Any]:
    """Why a household that the caller may see is covered by a kind or not, with the walks as lines."""
    seen = data.population.get(session, household_id)
    state = kept.state(Version(data.versions.count(session), today))
    facts, lines = api.actions.evidence.explained(state.given, question, ref=seen["ref"], kind=kind)
    named = zip(lines.geometry, facts["walks"], strict=True)
    drawn = [
        {"geometry": shapely.geometry.mapping(line), "properties": {"facility_id": walk["facility_id"], "rank": rank}}
        for rank, (line, walk) in enumerate(named, 1)
    ]
    return facts | {"household_id": household_id, "lines": drawn, "synthetic": state.synthetic}
