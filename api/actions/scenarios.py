"""Scenarios: read from what a shell names, kept under a name, and two runs set side by side."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import data.audit
import data.coverage
import data.population
import data.scenarios
import data.walknet
import gis.aggregates
import gis.coverage
import gis.crs
import gis.disclosure
import gis.scenarios
import gis.walknet
import gis.whatif
from gis.errors import Invalid
from gis.scenarios import Add, Change, Move, OpenPath
from gis.verdicts import RULES, Request

if TYPE_CHECKING:
    import data.db
    from api.auth import Caller

_NUMBER = r"(-?\d+(?:\.\d+)?)"
_PLACE = f"{_NUMBER},{_NUMBER}"


def read(session: data.db.Session, asked: Mapping[str, Sequence[str]]) -> list[Change]:
    """The changes a shell names, by the option they were given to; in the order of `FORMS`.

    Raises
    ------
    Invalid
        `whatif.nothing`: none at all; `scenarios.change`: one that cannot be read, with how it is written.
    """
    changes = [
        make(session, text.strip(), number)
        for option, make in FORMS.items()
        for number, text in enumerate(asked.get(option, ()), 1)
    ]
    if not changes:
        raise Invalid("whatif.nothing")
    return changes


def _parts(text: str, form: str, usage: str) -> tuple[str, ...]:
    found = re.fullmatch(form, text)
    if found is None:
        raise Invalid("scenarios.change", change=text, reason=usage)
    return found.groups()


def _add(_session: data.db.Session, text: str, number: int) -> Change:
    return gis.scenarios.parse_add(text, f"new-{number}")


def _close(_session: data.db.Session, text: str, _number: int) -> Change:
    return gis.scenarios.Close(text)


def _move(_session: data.db.Session, text: str, _number: int) -> Change:
    id_, lon, lat = _parts(text, f"(.+)@{_PLACE}", "ID@LON,LAT")
    return gis.scenarios.Move(id_, *_degrees(text, lon, lat))


def _resize(_session: data.db.Session, text: str, _number: int) -> Change:
    id_, capacity = _parts(text, r"(.+):(\d{1,9})", "ID:N")
    return gis.scenarios.Resize(id_, int(capacity))


def _hours(_session: data.db.Session, text: str, _number: int) -> Change:
    id_, opens = _parts(text, "([^=]+)=(.+)", "ID=OPENS")
    return gis.scenarios.Hours(id_, opens)


def _speed(_session: data.db.Session, text: str, _number: int) -> Change:
    profile, m_s = _parts(text, rf"(\w+)={_NUMBER}", "PROFILE=M/S")
    return gis.scenarios.Speed(profile, float(m_s))


def _open_path(_session: data.db.Session, text: str, _number: int) -> Change:
    lon, lat, to_lon, to_lat = _parts(text, f"{_PLACE}:{_PLACE}", "LON,LAT:LON,LAT")
    return gis.scenarios.OpenPath(*_degrees(text, lon, lat), *_degrees(text, to_lon, to_lat))


def _close_path(session: data.db.Session, text: str, _number: int) -> Change:
    """The edge of the newest network that lies nearest to the place."""
    lon, lat = _degrees(text, *_parts(text, _PLACE, "LON,LAT"))
    net = data.walknet.get(session)
    x, y = gis.crs.Metric(net.srid).forward([lon], [lat])
    snap = gis.walknet.snap(net, x, y, usable=np.ones(len(net.u), bool))
    if not snap.ok[0]:
        raise Invalid("scenarios.change", change=text, reason=str(snap.reason[0]))
    return gis.scenarios.ClosePath(int(snap.edge[0]))


def _degrees(text: str, lon: str, lat: str) -> tuple[float, float]:
    place = float(lon), float(lat)
    if abs(place[0]) > 180 or abs(place[1]) > 90:
        raise Invalid("scenarios.change", change=text, reason="LON,LAT")
    return place


#: How each option of the shell is read.
FORMS: dict[str, Callable[[data.db.Session, str, int], Change]] = {
    "close_path": _close_path, "open_path": _open_path, "close": _close, "move": _move, "add": _add,
    "resize": _resize, "hours": _hours, "speed": _speed,
}  # fmt: skip


def keep(session: data.db.Session, name: str, changes: Sequence[Change]) -> int:
    """Keep changes under a name; their number. One that names an edge belongs to the network it was found in."""
    if not name.strip():
        raise Invalid("scenario.name")
    named = any(isinstance(change, gis.scenarios.ClosePath) for change in changes)
    walknet_id = data.walknet.describe(session)["id"] if named else None
    plain = [gis.scenarios.to_dict(change) for change in changes]
    return data.scenarios.add(session, name=name.strip(), changes=plain, walknet_id=walknet_id)


def keep_for(session: data.db.Session, who: Caller, name: str, changes: Sequence[Change]) -> dict[str, Any]:
    """Keep a planner's changes, their places on the lattice; said in the log."""
    srid = data.walknet.describe(session)["srid"]
    number = keep(session, name, [settled(change, srid) for change in changes])
    data.audit.record(session, actor=who.actor, action="scenario.add", subject=str(number))
    return data.scenarios.get(session, number)


def remove(session: data.db.Session, who: Caller, scenario_id: int) -> None:
    """Remove a scenario; said in the log."""
    data.scenarios.remove(session, scenario_id)
    data.audit.record(session, actor=who.actor, action="scenario.remove", subject=str(scenario_id))


def settled(change: Change, srid: int) -> Change:
    """A change with its places moved to the lattice on which they may stand for who may not see households."""
    if not isinstance(change, Add | Move | OpenPath):
        return change
    lon, lat = _on_lattice(change.lon, change.lat, srid)
    if not isinstance(change, OpenPath):
        return replace(change, lon=lon, lat=lat)
    to_lon, to_lat = _on_lattice(change.to_lon, change.to_lat, srid)
    return replace(change, lon=lon, lat=lat, to_lon=to_lon, to_lat=to_lat)


def places(change: Change) -> list[tuple[float, float]]:
    """Where a change would alter something; empty where it names what stands already."""
    if not isinstance(change, Add | Move | OpenPath):
        return []
    ends = [(change.lon, change.lat)]
    return [*ends, (change.to_lon, change.to_lat)] if isinstance(change, OpenPath) else ends


def _on_lattice(lon: float, lat: float, srid: int) -> tuple[float, float]:
    x, y = gis.disclosure.place([lon], [lat], srid=srid)
    return float(x[0]), float(y[0])


# Two runs -------------------------------------------------------------------------------------------------------------


def compare(session: data.db.Session, before: int, after: int) -> dict[str, Any]:
    """What differs between two kept runs, in exact figures: covered elders before and after, gained and lost.

    Gained and lost are counted from household to household, so they need the same people on both sides: where the
    households changed in between they are None, and `same_people` is False.
    """
    runs = [data.coverage.exact(session, number) for number in (before, after)]
    kinds = [kind for kind in runs[0]["kinds"] if kind in runs[1]["kinds"]]
    if not kinds:
        raise Invalid("scenario.no_common_kind", before=before, after=after)
    moved = _moved(session, runs, kinds)
    old, new = _stored(session, before), _stored(session, after)
    streets = old.merge(new, left_index=True, right_index=True, suffixes=("_before", "")).reset_index()
    totals = _totals(runs)
    return {
        "before": _about(runs[0]), "after": _about(runs[1]), "same_people": moved is not None,
        "synthetic": any(run["synthetic"] for run in runs),
        "totals": _rows(totals.assign(level="all", code=""), moved),
        "streets": _rows(streets.assign(level="street"), moved),
    }  # fmt: skip


def _about(run: Mapping[str, Any]) -> dict[str, Any]:
    return {"run_id": run["id"], "parameters": run["parameters"], "inputs_sha256": run["inputs_sha256"]}


_FIGURES = ["elders", "covered", "uncovered", "unknown"]
_KEY = ["level", "kind", "verdict", "code"]


def _stored(session: data.db.Session, run_id: int) -> pd.DataFrame:
    figures = data.coverage.areas(session, run_id, level="street")
    return figures.set_index(["kind", "verdict", "code", "name"])[_FIGURES]


def _totals(runs: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The whole of both runs, by kind (and circle) and rule."""
    frames = []
    for run in runs:
        kinds = {**run["totals"]["kinds"], gis.aggregates.CIRCLE: run["totals"]["circle"]}
        flat = {(kind, rule): figures for kind, rules in kinds.items() for rule, figures in rules.items()}
        frames.append(pd.DataFrame.from_dict(flat, orient="index", columns=None)[_FIGURES])
    joined = frames[0].merge(frames[1], left_index=True, right_index=True, suffixes=("_before", ""))
    return joined.rename_axis(["kind", "verdict"]).reset_index().assign(name="")


def _rows(figures: pd.DataFrame, moved: pd.DataFrame | None) -> list[dict[str, Any]]:
    """Rows in which anything differs."""
    if moved is None:
        shown = figures.assign(gained=None, lost=None)
        differs = (shown[_FIGURES].to_numpy() != shown[[f"{name}_before" for name in _FIGURES]].to_numpy()).any(axis=1)
    else:
        shown = figures.merge(moved[[*_KEY, "gained", "lost"]], on=_KEY, how="left")
        shown[["gained", "lost"]] = shown[["gained", "lost"]].fillna(0).astype(int)
        differs = ((shown["gained"] > 0) | (shown["lost"] > 0)).to_numpy()
    columns = [*_KEY, "name", "elders", "covered_before", "covered", "gained", "lost"]
    rows = shown.loc[differs, columns].sort_values(["code", "kind", "verdict"]).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def _moved(session: data.db.Session, runs: Sequence[Mapping[str, Any]], kinds: Sequence[str]) -> pd.DataFrame | None:
    """Gained and lost by street and in all; None where the people are not, or no longer, the same."""
    first, second = (data.coverage.letters(session, run["id"]) for run in runs)
    people = data.population.frame(session).set_index("id").reindex(first["household_id"])
    same = len(first) == len(second) and first["household_id"].equals(second["household_id"])
    if not same or runs[0]["manifest"]["households"] != runs[1]["manifest"]["households"] or people["ref"].isna().any():
        return None
    codes = {"street": first["street_code"].to_numpy(object), "all": ""}
    rolled = gis.aggregates.roll(people.reset_index(), codes)
    found = gis.whatif.gains(rolled, _topics(runs, (first, second), kinds))
    return found if _as_kept(runs, found) else None


def _topics(
    runs: Sequence[Mapping[str, Any]], letters: Sequence[pd.DataFrame], kinds: Sequence[str]
) -> list[tuple[str, str, Any, Any]]:
    """The letters before and after, of every kind that both runs decided and of the circle."""
    topics = []
    for rule in RULES:
        tables = [_table(run, frame[f"verdict_{rule}"]) for run, frame in zip(runs, letters, strict=True)]
        if tables[0] is None or tables[1] is None:
            continue
        for kind in kinds:
            one, other = (table[:, run["kinds"].index(kind)] for run, table in zip(runs, tables, strict=True))
            topics.append((kind, rule, one, other))
        asked = [_request(run) for run in runs]
        if all(gis.coverage.whole(request, rule) for request in asked):
            circles = [gis.coverage.circle(*pair) for pair in zip(asked, tables, strict=True)]
            topics.append((gis.aggregates.CIRCLE, rule, circles[0], circles[1]))
    return topics


def _table(run: Mapping[str, Any], words: pd.Series) -> Any:
    """One word a household as letters, (n, k) bytes; None where the rule was not decided."""
    if words.isna().any():
        return None
    kinds = len(run["kinds"])
    return words.to_numpy(f"S{kinds}").view(np.uint8).reshape(len(words), kinds)


def _request(run: Mapping[str, Any]) -> Request:
    asked = run["parameters"]
    return Request(tuple(run["kinds"]), required=tuple(asked["required"]), radius_m=asked["radius_m"])


def _as_kept(runs: Sequence[Mapping[str, Any]], found: pd.DataFrame) -> bool:
    """Whether today's elders still give the difference that the runs have kept."""
    whole = found[found["level"] == "all"].set_index(["kind", "verdict"])
    kept = _totals(runs).set_index(["kind", "verdict"])
    net = (whole["gained"] - whole["lost"]).reindex(kept.index).fillna(0)
    return bool((net == kept["covered"] - kept["covered_before"]).all())
