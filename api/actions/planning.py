"""What if, and for how many: questions a planner asks of the data as it stands; nothing is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import api.actions.coverage
import gis.access
import gis.aggregates
import gis.coverage
import gis.crs
import gis.demand
import gis.equity
import gis.ground
import gis.people
import gis.scenarios
import gis.walknet
import gis.whatif
from api.actions.coverage import Inputs, Question
from gis.errors import Invalid, NotFound

if TYPE_CHECKING:
    import data.db


def whatif(
    session: data.db.Session, question: Question, changes: Sequence[gis.scenarios.Change], *, today: date
) -> dict[str, Any]:
    """What changes would do: elders gained and lost, in all and by area."""
    given = api.actions.coverage.inputs(session, question, today=today)
    request = api.actions.coverage.ask(question, given.kinds)
    known_kinds(changes, request)
    board = _board(given, request)
    quick = gis.whatif.quick(board, changes)
    tried = gis.whatif.preview(board, changes) if quick else decided(board, given, request, changes)
    names = dict(zip(given.areas["code"], given.areas["name"], strict=True))
    differing = tried.areas
    rows = differing.assign(name=differing["code"].map(names).fillna("")).to_dict("records")
    top = list(board.rolled.codes)[-1]
    return {
        "changes": [gis.scenarios.to_dict(change) for change in changes],
        "walknet_id": given.walknet_id,
        "synthetic": _synthetic(session),
        "off_network": off_network(given, changes, request),
        "totals": [row for row in rows if row["level"] == top],
        "areas": [row for row in rows if row["level"] != top],
    }


def decided(
    board: gis.whatif.Board, given: Inputs, request: gis.coverage.Request, changes: Sequence[gis.scenarios.Change]
) -> gis.whatif.Preview:
    """What changes would do that a board is not made for: everything is decided anew."""
    after = gis.coverage.decide(
        gis.scenarios.network(given.net, changes),
        given.households,
        api.actions.coverage.changed(given.facilities, changes, areas=given.areas),
        gis.scenarios.request(request, changes),
    )
    letters = {rule: decision.letters for rule, decision in after.rules.items()}
    return gis.whatif.Preview(gis.whatif.compare(board.verdicts, after, board.rolled), letters)


def known_kinds(changes: Sequence[gis.scenarios.Change], request: gis.coverage.Request) -> None:
    """Refuse what would come of a kind that was not asked for."""
    for change in changes:
        if isinstance(change, gis.scenarios.Add) and change.kind not in request.kinds:
            raise Invalid("coverage.kind", kind=change.kind, known=list(request.kinds))


def off_network(given: Inputs, changes: Sequence[gis.scenarios.Change], request: gis.coverage.Request) -> list[str]:
    """Facilities that would come where nobody can walk to: they change nothing, which must not pass for a finding."""
    coming = [change for change in changes if isinstance(change, gis.scenarios.Add | gis.scenarios.Move)]
    places = np.array([(change.lon, change.lat) for change in coming], float).reshape(-1, 2)
    x, y = gis.crs.Metric(given.net.srid).forward(*places.T)
    open_to_all = np.ones(len(given.net.u), bool)
    snaps = gis.walknet.snap(given.net, x, y, usable=open_to_all, max_m=request.snap_m)
    return [change.id for change, ok in zip(coming, snaps.ok, strict=True) if not ok]


def access(
    session: data.db.Session, question: Question, *, kind: str, today: date, method: str = "e2sfca", decay: str = "step"
) -> dict[str, Any]:
    """How much of the supply of a kind each street's elders can count on, and how evenly it is spread."""
    given = api.actions.coverage.inputs(session, question, today=today)
    request = api.actions.coverage.ask(_only(question, kind), given.kinds)
    counted = given.facilities["kind"].eq(kind) & given.facilities["capacity"].notna()
    if not counted.any():
        raise NotFound("access.no_capacity", kind=kind)
    stand = gis.ground.ground(given.net, given.households, facilities=given.facilities[counted], request=request)
    sites = stand.facilities["id"].to_numpy(object)[stand.of_kind(kind)[0]]
    supply = given.facilities.set_index("id")["capacity"].loc[sites].to_numpy(float)
    elders = gis.people.people(given.households).walking[:, 0].astype(float)
    reach = gis.demand.personal(stand, kind)
    scored = gis.access.score(reach, elders, supply, decay=gis.access.Decay(decay, request.seconds), method=method)
    return {
        "kind": kind, "method": method, "decay": decay, "minutes": request.minutes, "synthetic": _synthetic(session),
        "supply": float(supply.sum()), "idle": float(scored.idle.sum()),
        "capacity_unknown": int((given.facilities["kind"].eq(kind) & given.facilities["capacity"].isna()).sum()),
        "elders": float(elders.sum()), "elders_without": float(elders[scored.score == 0].sum()),
        "places_per_100": _per_100(scored.score, elders),
        "gini": gis.equity.gini(scored.score, elders),
        "worst_decile_per_100": 100 * gis.equity.worst_mean(scored.score, elders),
        "streets": _by_street(given, scored.score, elders),
    }  # fmt: skip


def _board(given: Inputs, request: gis.coverage.Request) -> gis.whatif.Board:
    stand = gis.ground.ground(given.net, given.households, facilities=given.facilities, request=request)
    levels, codes = api.actions.coverage.levels_of(given), api.actions.coverage.codes_of(given.areas)
    rolled = gis.aggregates.roll(given.households, levels, codes=codes)
    return gis.whatif.Board(stand, gis.coverage.judge(stand), rolled)


def _only(question: Question, kind: str) -> Question:
    return replace(question, kinds=(kind,))


def _by_street(given: Inputs, score: np.ndarray, elders: np.ndarray) -> list[dict[str, Any]]:
    names = dict(zip(given.areas["code"], given.areas["name"], strict=True))
    table = pd.DataFrame({"code": given.households["street_code"], "elders": elders, "places": score * elders})
    summed = table[table["code"] != ""].groupby("code").sum().reset_index()
    per_100 = 100 * summed["places"] / summed["elders"].where(summed["elders"] > 0)
    rows = summed.assign(name=summed["code"].map(names), places_per_100=per_100)
    shown = rows[["code", "name", "elders", "places_per_100"]].astype(object)
    return [
        {str(name): value for name, value in row.items()} for row in shown.where(shown.notna(), None).to_dict("records")
    ]


def _per_100(score: np.ndarray, elders: np.ndarray) -> float | None:
    return float(100 * (score * elders).sum() / elders.sum()) if elders.sum() else None


def _synthetic(session: data.db.Session) -> bool:
    import data.provenance

    return data.provenance.synthetic(session)
