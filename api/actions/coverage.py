"""Coverage runs: gather the inputs, decide, count, hide small counts, keep."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

import data.areas
import data.coverage
import data.db
import data.facilities
import data.population
import data.provenance
import data.walknet
import gis.aggregates
import gis.areas
import gis.coverage
import gis.disclosure
import gis.frames
import gis.scale
import gis.scenarios
from gis.errors import Conflict, Invalid, NotFound
from gis.hours import When
from gis.verdicts import RULES
from gis.walknet import WalkNet

#: Shows the name of a step while it lasts.
Step = Callable[[str], AbstractContextManager[object]]


@dataclass(frozen=True)
class Question:
    """What a run is asked; None means what the catalogue says.

    `at` is a moment of local time, or a day: any time of it. `area` limits the households to those of one area.
    `facilities` "own" leaves out those beyond the border. `scenario` is one as `data.scenarios.get` gives it, tried
    before anything is decided.
    """

    kinds: tuple[str, ...] | None = None
    minutes: float = 10.0
    metres: float = 500.0
    profile: str | None = None
    at: When | None = None
    area: str | None = None
    facilities: Literal["all", "own"] = "all"
    scenario: Mapping[str, Any] | None = None

    @property
    def changes(self) -> list[gis.scenarios.Change]:
        """What the scenario changes."""
        return [gis.scenarios.from_dict(change) for change in self.scenario["changes"]] if self.scenario else []

    def also(self) -> dict[str, Any]:
        """What is asked beside the request: said only where it is not as usual."""
        own = {"facilities": self.facilities} if self.facilities != "all" else {}
        kept = {name: self.scenario[name] for name in ("id", "name", "changes")} if self.scenario else {}
        return own | ({"scenario": kept} if kept else {})


@dataclass(frozen=True, eq=False)
class Inputs:
    """Everything a run is computed from, as it stood."""

    net: WalkNet
    walknet_id: int
    areas: gpd.GeoDataFrame
    households: gpd.GeoDataFrame
    facilities: gpd.GeoDataFrame
    kinds: pd.DataFrame
    as_of: date
    left_out: int


@dataclass
class Clock:
    """Seconds by step; `show` also tells the user."""

    show: Step
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        with self.show(name):
            yield
        self.seconds[name] = round(time.perf_counter() - start, 3)


def run(
    session: data.db.Session,
    question: Question,
    *,
    today: date,
    show: Step = lambda _name: nullcontext(),
    scheduler: str | None = None,
) -> dict[str, Any]:
    """Decide, count and keep one run; `scheduler` is the address of one of Dask whose workers shall decide.

    Returns
    -------
    dict
        `run_id manifest parameters seconds kinds circle` as design section 4 fixes it: totals of the whole district by
        kind and verdict; and `left_out`, households that lie in no area.
    """
    clock = Clock(show)
    with clock.step("read"):
        given = inputs(session, question, today=today)
    request = ask(question, given.kinds)
    with clock.step("decide"):
        verdicts = _decide(given, request, scheduler)
    with clock.step("count"):
        rolled = gis.aggregates.roll(given.households, levels_of(given), codes=codes_of(given.areas))
        counted = gis.aggregates.count(verdicts, rolled)
        published = publish(session, verdicts, rolled, given.households)
    with clock.step("manifest"):
        manifest = gis.coverage.manifest(
            given.net, given.facilities, given.households, given.areas, request=request, also=_content(question),
            seal=sealing(session, question.area),
        )  # fmt: skip
    with clock.step("keep"):
        facts = _facts(session, given, question, request=request, manifest=manifest, verdicts=verdicts)
        # Exact like all totals: everybody reads the parameters, and those outside of all areas may be very few.
        facts |= {"totals": totals(counted) | {"left_out": given.left_out}, "seconds": clock.seconds}
        rows = _household_rows(verdicts, given.households)
        run_id = data.coverage.add(session, facts, areas=counted, published=published, households=rows)
    return document(data.coverage.exact(session, run_id) | {"run_id": run_id, "seconds": clock.seconds})


def _decide(given: Inputs, request: gis.coverage.Request, scheduler: str | None) -> gis.coverage.Verdicts:
    """In this process, or by the workers of a scheduler; the same to the last bit."""
    if scheduler is None:
        return gis.coverage.decide(given.net, given.households, given.facilities, request)
    return gis.scale.decide(given.net, given.households, given.facilities, request, scheduler=scheduler)


def sealing(session: data.db.Session, area: str | None) -> Callable[[str], str]:
    """What the digest of the households of an area is shown as."""
    return partial(gis.disclosure.sealed, area=area or "", secret=data.coverage.draw_secret(session))


def document(run: Mapping[str, Any]) -> dict[str, Any]:
    """A kept run as `coverage run --json` prints it."""
    shown = {name: run[name] for name in ("run_id", "manifest", "parameters", "seconds", "data_date", "synthetic")}
    return {**shown, **run["totals"]}


def inputs(session: data.db.Session, question: Question, *, today: date) -> Inputs:
    """Read what a run is computed from; says what is missing when it cannot be computed."""
    areas = data.areas.frame(session, as_of=today)
    if areas.empty:
        raise NotFound("coverage.no_areas")
    walknet_id = data.walknet.describe(session)["id"]
    everybody = data.population.frame(session, area=question.area)
    if everybody.empty and question.area is None:  # of an area not even that it is empty may be told
        raise NotFound("coverage.no_households", area="")
    lon, lat = _degrees(everybody)
    everybody = everybody.assign(top_code=gis.areas.topmost(areas, _finest(everybody), lon=lon, lat=lat))
    elsewhere = everybody["top_code"].eq("")
    facilities = data.facilities.frame(session)
    given = Inputs(
        net=data.walknet.get(session, walknet_id),
        walknet_id=walknet_id,
        areas=areas,
        households=everybody[~elsewhere].reset_index(drop=True),
        facilities=facilities,
        kinds=data.facilities.kinds(session),
        as_of=today,
        left_out=int(elsewhere.sum()),
    )
    return _turned(given, question)


def _turned(given: Inputs, question: Question) -> Inputs:
    """The inputs as the question wants them: its scenario tried, and of the facilities those it counts."""
    changes = question.changes
    pinned = question.scenario.get("walknet_id") if question.scenario else None
    if pinned not in (None, given.walknet_id):
        raise Conflict("scenario.walknet", walknet_id=pinned, newest=given.walknet_id)
    facilities = changed(given.facilities, changes, areas=given.areas)
    if question.facilities == "own":
        facilities = facilities[~facilities["outside"]].reset_index(drop=True)
    return replace(given, net=gis.scenarios.network(given.net, changes), facilities=facilities)


def changed(
    facilities: gpd.GeoDataFrame, changes: Sequence[gis.scenarios.Change], *, areas: gpd.GeoDataFrame
) -> gpd.GeoDataFrame:
    """Facilities as changes leave them, each where it now stands: outside, or in a street."""
    placed = {change.id for change in changes if isinstance(change, gis.scenarios.Add | gis.scenarios.Move)}
    left = gis.scenarios.facilities(facilities, changes)
    left = left.assign(outside=~_inside(left, areas))
    fresh = left["id"].isin(placed).to_numpy()
    if not fresh.any() or "street_code" not in left:
        return left
    codes = left["street_code"].to_numpy(object, copy=True)
    codes[fresh] = gis.areas.locate(*_degrees(left[fresh]), areas[areas["level"] == "street"])
    return left.assign(street_code=codes)


def _inside(facilities: gpd.GeoDataFrame, areas: gpd.GeoDataFrame) -> np.ndarray:
    """Whether each facility lies in the district, be it in no street."""
    lon, lat = _degrees(facilities)
    return np.asarray(gis.areas.topmost(areas, np.full(len(facilities), "", object), lon=lon, lat=lat) != "")


def _degrees(frame: gpd.GeoDataFrame) -> tuple[np.ndarray, np.ndarray]:
    points = frame.geometry.to_numpy()
    return shapely.get_x(points), shapely.get_y(points)


def publish(
    session: data.db.Session,
    verdicts: gis.coverage.Verdicts,
    rolled: gis.aggregates.Roll,
    households: pd.DataFrame,
) -> pd.DataFrame:
    """The figures everybody may see: those of the secret draw alone."""
    secret = data.coverage.draw_secret(session)
    drawn = gis.aggregates.among(rolled, gis.disclosure.drawn(households["ref"], secret))
    return gis.disclosure.publish(gis.aggregates.letters(verdicts, drawn), secret)


def totals(counted: pd.DataFrame) -> dict[str, Any]:
    """The whole district by kind and verdict: the sum over its topmost areas."""
    top = counted[counted["level"] == counted["level"].iloc[-1]]
    counts = top.select_dtypes("integer").columns
    summed = top.groupby(["kind", "verdict"], sort=False)[list(counts)].sum(min_count=1)
    whole = summed.assign(**gis.aggregates.rates(summed)).astype(object)
    rows = whole.where(whole.notna(), None).to_dict("index")
    shown: dict[str, dict[str, Any]] = {}
    for (kind, verdict), figures in rows.items():
        shown.setdefault(kind, {})[verdict] = figures
    circle = shown.pop(gis.aggregates.CIRCLE, {})
    return {"kinds": shown, "circle": circle}


def figures(
    session: data.db.Session, run_id: int, *, level: str | None = None, kind: str | None = None
) -> pd.DataFrame:
    """Exact counts of a kept run with their rates, one row per area, kind and verdict; for those entitled."""
    counted = data.coverage.areas(session, run_id, level=level, kind=kind)
    return counted.assign(**gis.aggregates.rates({name: counted[name] for name in gis.aggregates.COUNTED}))


def side_by_side(
    session: data.db.Session, before: int, after: int, *, level: str, kind: str | None = None
) -> list[dict[str, Any]]:
    """The published figures of two runs, area by area; nothing that either does not say by itself."""
    runs = []
    for run_id in (before, after):
        data.coverage.get(session, run_id)
        figures = data.coverage.published(session, run_id, level=level, kind=kind)
        runs.append(figures[["code", "name", "kind", "verdict", "covered", "rate_low", "rate_high"]])
    old, new = runs
    both = old.drop(columns="name").merge(new, on=["code", "kind", "verdict"], suffixes=("_before", ""))
    return gis.frames.records(both)


def ask(question: Question, catalogue: pd.DataFrame) -> gis.coverage.Request:
    known = catalogue["code"].tolist()
    kinds = question.kinds or tuple(known)
    if unknown := sorted(set(kinds) - set(known)):
        raise Invalid("coverage.unknown_kind", kinds=unknown, known=known)
    radius = catalogue.dropna(subset="policy_radius_m").set_index("code")["policy_radius_m"]
    required = catalogue.loc[catalogue["required"], "code"]
    asked = gis.coverage.Request(
        kinds=tuple(kinds),
        minutes=question.minutes,
        metres=question.metres,
        profile=question.profile,
        at=question.at,
        required=tuple(kind for kind in required if kind in kinds) if set(required) <= set(kinds) else (),
        radius_m={kind: float(metres) for kind, metres in radius.items() if kind in kinds},
    )
    return gis.scenarios.request(asked, question.changes)


def levels_of(given: Inputs) -> dict[str, np.ndarray]:
    """For each level there is, the code of every household's area; "" where it lies in none."""
    levels = gis.areas.ancestors(given.areas, _finest(given.households))
    return {**levels, list(levels)[-1]: given.households["top_code"].to_numpy(object)}


def _finest(households: gpd.GeoDataFrame) -> Any:
    """The smallest area known of each household."""
    grid, community, street = (
        households[f"{level}_code"].to_numpy(object) for level in ("grid", "community", "street")
    )
    return np.where(grid != "", grid, np.where(community != "", community, street))


def codes_of(areas: gpd.GeoDataFrame) -> dict[str, list[str]]:
    counted = areas[areas["grid_kind"] != "dedicated"]
    return {str(level): codes.tolist() for level, codes in counted.groupby("level", sort=False)["code"]}


def _content(question: Question) -> dict[str, Any]:
    """`Question.also` without the number and the name a scenario happens to have."""
    also = question.also()
    return also | ({"scenario": also["scenario"]["changes"]} if "scenario" in also else {})


def _facts(
    session: data.db.Session,
    given: Inputs,
    question: Question,
    *,
    request: gis.coverage.Request,
    manifest: dict[str, Any],
    verdicts: gis.coverage.Verdicts,
) -> dict[str, Any]:
    rules = [rule for rule in RULES if rule in verdicts.rules]
    asked = {**request.parameters(), "area": question.area, "verdicts": rules}
    asked |= {"facilities": question.facilities} | question.also()
    unsnapped = {
        "facilities_not_on_network": verdicts.unsnapped["id"].tolist(),
        "hours_unknown": list(verdicts.hours_unknown),
    }
    return {
        "kinds": list(request.kinds),
        "facility_ids": verdicts.facilities["id"].tolist(),
        "parameters": {**asked, **unsnapped},
        "manifest": manifest,
        "inputs_sha256": manifest["inputs_sha256"],
        "walknet_id": given.walknet_id,
        "as_of": given.as_of,
        "data_date": data.provenance.data_date(session),
        "synthetic": data.provenance.synthetic(session),
    }


def _household_rows(verdicts: gis.coverage.Verdicts, households: gpd.GeoDataFrame) -> dict[str, Any]:
    """The verdicts as table `coverage_household` keeps them."""
    codes = {name: households[name] for name in ("street_code", "community_code", "grid_code")}
    letters = {f"verdict_{name}": rule.text() for name, rule in verdicts.rules.items()}
    return {
        "household_id": households["id"],
        "profile": verdicts.profile,
        "snap_m": verdicts.snap_m,
        "reason": pd.Series(verdicts.reason, dtype=object).replace("", None),
        "seconds": verdicts.seconds,
        "metres": verdicts.metres,
        "facilities": verdicts.nearest + 1,
        **letters,
        **codes,
    }
