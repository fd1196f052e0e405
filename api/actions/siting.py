"""Where to open more of a kind: the plan, its certificate, and who gains where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

import api.actions.coverage
import data.coverage
import data.provenance
import gis.candidates
import gis.crs
import gis.demand
import gis.disclosure
import gis.frames
import gis.ground
import gis.people
import gis.siting
from api.actions.coverage import Inputs, Question
from gis.errors import Invalid

if TYPE_CHECKING:
    import data.db

#: The id that a candidate gets when its place was read off the network.
CANDIDATE = "candidate-"


@dataclass(frozen=True)
class Sought:
    """What is looked for. `candidates` has columns id, name and points; cost with a budget, capacity with `places`.

    Without candidates, places on the network near the people are tried. `places`: an elder counts only with a place.
    `floor`: the covered share that the worst-off tenth, taken by community, must have on average. `front`: what fewer
    sites, or less money, would buy as well.
    """

    kind: str
    add: int | None = 1
    method: str = "mclp"
    minutes: float = 10.0
    candidates: gpd.GeoDataFrame | None = None
    budget: float | None = None
    places: bool = False
    floor: float | None = None
    front: bool = False


#: A front is shown by so many plans at most.
MOST_STEPS = 10
#: What a request may take upon itself: so many candidates and sites, by the method that needs no exact solver.
MOST_CANDIDATES, MOST_SITES = 300, 20


def parameters(asked: Mapping[str, Any], *, srid: int) -> dict[str, Any]:
    """What a planner seeks, as an order keeps it: rooms in WGS84, on the lattice on which hers may stand."""
    rooms = asked["candidates"]
    placed = None if rooms is None else [_on_lattice(room, srid) for room in rooms]
    same = {name: asked[name] for name in ("kind", "method", "minutes", "budget")}
    return {**same, "add": asked["sites"], "candidates": placed}


def _on_lattice(room: Mapping[str, Any], srid: int) -> dict[str, Any]:
    lon, lat = gis.crs.to_wgs84(room["lon"], room["lat"], room["datum"])
    x, y = gis.disclosure.place([float(lon)], [float(lat)], srid=srid)
    return {
        "id": room["id"],
        "name": room["name"] or room["id"],
        "cost": room["cost"],
        "lon": float(x[0]),
        "lat": float(y[0]),
    }


def small(asked: Mapping[str, Any]) -> bool:
    """Whether the answer comes within a request."""
    rooms = asked["candidates"]
    return rooms is not None and len(rooms) <= MOST_CANDIDATES and asked["add"] <= MOST_SITES


@dataclass(frozen=True, eq=False)
class Posed:
    """A problem with what its numbers stand for: the id of each site, and the candidates."""

    problem: gis.siting.Problem
    ids: np.ndarray
    offered: gpd.GeoDataFrame

    def named(self, sites: Sequence[int]) -> list[str]:
        return [str(id_) for id_ in self.ids[list(sites)]]

    def opened(self, plan: gis.siting.Plan) -> list[dict[str, Any]]:
        """The sites to open, with their places."""
        chosen = self.offered.set_index("id").loc[self.ids[list(plan.opened)]]
        lon, lat = shapely.get_x(chosen.geometry), shapely.get_y(chosen.geometry)
        where = zip(chosen.index, chosen["name"], lon, lat, strict=True)
        return [{"id": id_, "name": name, "lon": float(x), "lat": float(y)} for id_, name, x, y in where]


def pose(given: Inputs, sought: Sought, counted: np.ndarray) -> Posed:
    """The problem of opening more of a kind, existing ones staying; only households of `counted`, (n,) bool, weigh."""
    question = Question((sought.kind,), minutes=sought.minutes)
    request = api.actions.coverage.ask(question, given.kinds)
    offered = _near_people(given, counted) if sought.candidates is None else sought.candidates
    facilities = _with_candidates(given.facilities, offered, sought.kind)
    stand = gis.ground.ground(given.net, given.households, facilities=facilities, request=request)
    ids = stand.facilities["id"].to_numpy(object)[stand.of_kind(sought.kind)[0]]
    elders = gis.people.people(given.households).walking[:, 0]
    problem = gis.siting.Problem(
        gis.demand.personal(stand, sought.kind),
        weights=np.where(counted, elders, 0).astype(float),
        existing=~np.isin(ids, offered["id"].to_numpy(object)),
        add=None if sought.method == "lscp" else sought.add,
        limit_s=request.seconds,
    )
    problem = _floored(_paid(problem, sought, ids, offered), sought, given)
    return Posed(_with_places(problem, sought, ids, facilities), ids, offered)


def _paid(
    problem: gis.siting.Problem, sought: Sought, ids: np.ndarray, offered: gpd.GeoDataFrame
) -> gis.siting.Problem:
    """The problem with its budget; what stands already costs nothing."""
    if sought.budget is None:
        return problem
    _all_said("cost", offered)
    costs = offered.set_index("id")["cost"].reindex(ids).fillna(0.0).to_numpy(float)
    return replace(problem, costs=costs, budget=sought.budget)


def _floored(problem: gis.siting.Problem, sought: Sought, given: Inputs) -> gis.siting.Problem:
    """The problem with its floor under the worst-off, by community, or by street where there are none."""
    if sought.floor is None:
        return problem
    homes = given.households
    areas, _ = pd.factorize(homes["community_code"].where(homes["community_code"] != "", homes["street_code"]))
    return replace(problem, floor=gis.siting.Floor(areas, at_least=sought.floor))


def _with_places(
    problem: gis.siting.Problem, sought: Sought, ids: np.ndarray, facilities: gpd.GeoDataFrame
) -> gis.siting.Problem:
    """The problem with the places of each site, those that stand included."""
    if not sought.places:
        return problem
    known = facilities[facilities["id"].isin(ids)]
    _all_said("capacity", known)
    return replace(problem, capacity=known.set_index("id")["capacity"].reindex(ids).to_numpy(float))


def _all_said(column: str, sites: gpd.GeoDataFrame) -> None:
    """Refuse sites of which a number is asked and not known."""
    said = sites[column].notna() if column in sites else pd.Series(False, index=sites.index)
    if not said.all():
        raise Invalid("siting.unsaid", column=column, ids=sorted(sites.loc[~said, "id"])[:10], sites=int((~said).sum()))


def site(session: data.db.Session, sought: Sought, *, today: date) -> dict[str, Any]:
    """The plan in exact figures; for the owner of the machine."""
    given = api.actions.coverage.inputs(session, Question(), today=today)
    posed = pose(given, sought, np.ones(len(given.households), bool))
    plan = gis.siting.solve(posed.problem, method=sought.method)
    before = gis.siting.recount(posed.problem, posed.problem.existing)
    streets = gis.siting.by_area(posed.problem, plan, given.households["street_code"].to_numpy(object))
    return {
        **{name: getattr(plan, name) for name in ("method", "total", "bound", "gap", "proven", "proof", "unreachable")},
        "kind": sought.kind,
        "elders": plan.demand,
        "covered_before": before.covered,
        "covered": plan.covered,
        "candidates": len(posed.offered),
        "opened": posed.opened(plan),
        "alternatives": [
            {"without": posed.named([one.without])[0], "opened": posed.named(one.opened), "total": one.total}
            for one in plan.alternatives
        ],
        "streets": _named_streets(given, streets),
        "cost": None if sought.budget is None else plan.cost,
        "worst_share": plan.worst_share,
        "front": _front(posed, sought),
        "places": _places(posed, plan),
        "synthetic": data.provenance.synthetic(session),
    }


def _named_streets(given: Inputs, counted: pd.DataFrame) -> list[dict[str, Any]]:
    names = dict(zip(given.areas["code"], given.areas["name"], strict=True))
    frame = counted.rename_axis("code").reset_index()
    frame.insert(1, "name", frame["code"].map(names).fillna(""))
    return gis.frames.records(frame)


def _front(posed: Posed, sought: Sought) -> list[dict[str, Any]]:
    """The plans that no other beats in what they cost, or how many sites they take, and in whom they cover."""
    if not sought.front:
        return []
    most = sought.budget if sought.budget is not None else float(sought.add or 0)
    steps = np.linspace(0, most, MOST_STEPS + 1)[1:]
    if sought.budget is None:
        steps = np.unique(np.ceil(steps))
    plans = gis.siting.front(posed.problem, list(steps), effort=gis.siting.Effort(alternatives=0))
    return [
        {"sites": len(plan.opened), "cost": plan.cost, "covered": plan.covered, "gap": plan.gap, "proven": plan.proven,
         "opened": posed.named(plan.opened)} for plan in plans
    ]  # fmt: skip


def _places(posed: Posed, plan: gis.siting.Plan) -> list[dict[str, Any]]:
    """How many elders take a place at each open site, where places count."""
    served, capacity = plan.served, posed.problem.capacity
    if served is None or capacity is None:
        return []
    load = np.bincount(served.site, served.people, len(capacity))
    return [{"id": str(posed.ids[site]), "elders": float(load[site]), "capacity": float(capacity[site])}
            for site in plan.sites]  # fmt: skip


def published(given: Inputs, sought: Sought, secret: bytes, *, synthetic: bool) -> dict[str, Any]:
    """The plan as a planner may see it: found and counted on the drawn households alone.

    The choice itself would tell who is more and who is fewer, so it too must not depend on anybody else.
    """
    posed = pose(given, sought, gis.disclosure.drawn(given.households["ref"], secret))
    plan = gis.siting.solve(posed.problem, method=sought.method)
    before = gis.siting.recount(posed.problem, posed.problem.existing)
    elders, covered_before, covered = _figures([plan.demand, before.covered, plan.covered], secret)
    return {
        "kind": sought.kind,
        "method": plan.method,
        "sites": len(plan.opened),
        "elders": elders,
        "covered_before": covered_before,
        "covered": covered,
        "gap": round(float(plan.gap), 4) if np.isfinite(plan.gap) else None,
        "proven": plan.proven,
        "proof": plan.proof,
        "candidates": len(posed.offered),
        "opened": posed.opened(plan),
        "alternatives": _alternatives(posed, plan, secret),
        "streets": _streets(given, posed.problem, plan, secret),
        "moved_to_lattice": True,
        "synthetic": synthetic,
    }


def _alternatives(posed: Posed, plan: gis.siting.Plan, secret: bytes) -> list[dict[str, Any]]:
    made = []
    for one in plan.alternatives:
        opened = posed.problem.existing.copy()
        opened[list(one.opened)] = True
        opened[list(one.closed)] = False
        covered = gis.siting.recount(posed.problem, opened).covered
        made.append({"without": posed.named([one.without])[0], "opened": posed.named(one.opened),
                     "covered": _figures([covered], secret)[0]})  # fmt: skip
    return made


def _streets(given: Inputs, problem: gis.siting.Problem, plan: gis.siting.Plan, secret: bytes) -> list[dict[str, Any]]:
    """Streets in which something is gained or lost that may be shown."""
    codes = given.households["street_code"].to_numpy(object)
    counted = gis.siting.by_area(problem, plan, codes).rename_axis("code").reset_index()
    names = dict(zip(given.areas["code"], given.areas["name"], strict=True))
    changes = counted[["gained", "lost"]].to_numpy(np.int64)
    gained, lost = gis.disclosure.figures(counted["code"], changes, secret)
    named = {"code": counted["code"], "name": counted["code"].map(names).fillna("")}
    shown = pd.DataFrame({**named, "gained": gained, "lost": lost})
    return gis.frames.records(shown[(shown["code"] != "") & (shown["gained"].notna() | shown["lost"].notna())])


def _figures(counts: Sequence[float], secret: bytes) -> list[int | None]:
    """Figures of the whole district."""
    table = np.array([counts], float).astype(np.int64)
    shown = [column[0] for column in gis.disclosure.figures(pd.Series([""]), table, secret)]
    return [None if value is pd.NA else int(value) for value in shown]


def _near_people(given: Inputs, counted: np.ndarray) -> gpd.GeoDataFrame:
    """Candidates read off the network, near those who are counted."""
    homes = gis.ground.places(given.households[counted], given.net.srid)
    nodes = gis.candidates.on_network(given.net, homes.x, homes.y)
    lon, lat = gis.crs.Metric(given.net.srid).inverse(given.net.x[nodes], given.net.y[nodes])
    ids = [f"{CANDIDATE}{node}" for node in nodes]
    columns = {"id": ids, "name": ids, "cost": np.ones(len(ids))}
    return gpd.GeoDataFrame(columns, geometry=shapely.points(lon, lat), crs=4326)


def _with_candidates(facilities: gpd.GeoDataFrame, offered: gpd.GeoDataFrame, kind: str) -> gpd.GeoDataFrame:
    """The facilities that people walk to today, and the candidates as if they were open."""
    if taken := sorted(set(offered["id"]) & set(facilities["id"])):
        raise Invalid("siting.candidate_taken", ids=taken[:10])
    as_open = offered[["id", "name", "geometry"]].assign(
        kind=kind, capacity=offered.get("capacity"), delivery_mode="one_stop", status="open", street_code=""
    )
    return gpd.GeoDataFrame(pd.concat([facilities, as_open], ignore_index=True), geometry="geometry", crs=4326)
