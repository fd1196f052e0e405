"""Why a household has its verdict, and how sure a figure is."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd

import api.actions.coverage
import data.provenance
import gis.explain
import gis.ground
import gis.profiles
import gis.uncertainty
from api.actions.coverage import Inputs, Question
from gis.coverage import judge
from gis.errors import Conflict, NotFound
from gis.explain import Explanation
from gis.verdicts import WORDS

if TYPE_CHECKING:
    import data.db


def explain(
    session: data.db.Session, question: Question, *, ref: str, kind: str, today: date
) -> tuple[dict[str, Any], gpd.GeoDataFrame]:
    """Why one household is covered or not by a kind, in its own profile; and the walks as lines, the nearest first.

    Personal: for the owner of the machine.
    """
    given = api.actions.coverage.inputs(session, replace(question, kinds=(kind,)), today=today)
    facts, lines = explained(given, question, ref=ref, kind=kind)
    return facts | {"synthetic": data.provenance.synthetic(session)}, lines


def explained(given: Inputs, question: Question, *, ref: str, kind: str) -> tuple[dict[str, Any], gpd.GeoDataFrame]:
    """`explain`, for inputs that have been read already."""
    alone = given.households[given.households["ref"] == ref].reset_index(drop=True)
    if alone.empty:
        raise NotFound("coverage.household", ref=ref)
    request = api.actions.coverage.ask(replace(question, kinds=(kind,)), given.kinds)
    stand = gis.ground.ground(given.net, alone, facilities=given.facilities, request=request)
    if stand.profile[0] == gis.profiles.NOBODY:
        raise Conflict("evidence.nobody_walks", ref=ref)
    found = gis.explain.explain(stand, ref, kind)
    verdicts = judge(stand)
    letters = {rule: WORDS[chr(decided.letters[0, 0])] for rule, decided in verdicts.rules.items()}
    facts = _facts(found, given) | {
        "verdicts": letters,
        "standard_m": _number(verdicts.metres[0, 0]),
        "standard_limit_m": request.metres,
        "fragile": bool(verdicts.fragile[0, 0]),
    }
    return facts, _lines(found, facts)


def _facts(found: Explanation, given: Inputs) -> dict[str, Any]:
    """The explanation as plain values, with the names of facilities and profile."""
    names = given.facilities.set_index("id")["name"]
    profile = gis.profiles.find(found.profile)
    walks = [
        {
            "facility_id": walk.facility_id,
            "facility": names[walk.facility_id],
            "total_s": walk.total_s,
            "metres": walk.metres,
            "seconds": walk.seconds,
        }
        for walk in found.walks
    ]
    own = {"ref": found.ref, "kind": found.kind, "limit_s": found.limit_s, "snap_m": _number(found.snap_m),
           "reason": found.reason, "cause": found.cause, "margin_s": _number(found.margin_s)}  # fmt: skip
    about = {name: value for name, value in asdict(profile).items() if name in _PROFILE}
    return own | {"profile": {name: _number(value) for name, value in about.items()}, "walks": walks}


_PROFILE = ("name", "label_zh", "label_en", "speed_m_s", "steps", "seconds_per_step", "signal_delay_s",
            "seconds_per_floor", "source", "confidence")  # fmt: skip


def _lines(found: Explanation, facts: dict[str, Any]) -> gpd.GeoDataFrame:
    rows = [{**{name: value for name, value in walk.items() if name != "seconds"}, "rank": rank,
             **{f"{part}_s": seconds for part, seconds in walk["seconds"].items()}}
            for rank, walk in enumerate(facts["walks"], 1)]  # fmt: skip
    head = {name: facts[name] for name in ("ref", "kind", "limit_s", "cause")}
    frame = pd.DataFrame([head | row for row in rows])
    return gpd.GeoDataFrame(frame, geometry=[walk.line for walk in found.walks], crs=4326)


def uncertainty(
    session: data.db.Session, question: Question, *, kind: str, today: date, draws: int = 200, seed: int = 1
) -> dict[str, Any]:
    """The band of a kind's coverage rate in everybody's own profile, and what moves it most."""
    asked = replace(question, kinds=(kind,))
    given = api.actions.coverage.inputs(session, asked, today=today)
    request = api.actions.coverage.ask(asked, given.kinds)
    stand = gis.ground.ground(given.net, given.households, facilities=given.facilities, request=request)
    band = gis.uncertainty.band(stand, seed=seed, draws=draws)[0]
    table = gis.uncertainty.sensitivity(stand).drop(columns="kind")
    return {
        **{name: _number(value) for name, value in asdict(band).items()}, "seed": seed, "level": 0.9,
        "minutes": request.minutes, "synthetic": data.provenance.synthetic(session),
        "sensitivity": [{name: _number(value) for name, value in row.items()} for row in table.to_dict("records")],
    }  # fmt: skip


def _number(value: Any) -> Any:
    """A number that is none, as JSON says it."""
    return None if isinstance(value, float | np.floating) and not np.isfinite(value) else value
