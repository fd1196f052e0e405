"""Work that a planner orders and a worker carries out: coverage runs, and sitings too large for a request."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import shapely

import api.actions.coverage
import api.actions.siting
import data.areas
import data.audit
import data.coverage
import data.db
import data.facilities
import data.jobs
import data.orders
import data.provenance
import data.scenarios
import gis.hours
from api.actions.coverage import Question, Step
from api.actions.siting import Sought
from gis.errors import Busy, Refusal, TooMany

if TYPE_CHECKING:
    from api.auth import Caller

#: Orders of one person that may wait at a time.
MOST_WAITING = 3
#: The kind of job that carries out an order.
JOB = "coverage_run"
#: What is said of an order whose worker died each time; of everything else, that it was unexpected.
LOST = {"jobs.lost": "orders.lost"}
#: The steps of a run, in their order, for the share that is done.
STEPS = {"run": ("read", "decide", "count", "manifest", "keep"), "siting": ("read", "solve")}


def order(session: data.db.Session, who: Caller, what: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Keep an order and queue it; an equal one that waits already is the same order.

    Refused at once is what cannot be done: an unknown kind, profile, area or scenario, an hour with a zone.
    """
    assert who.user_id is not None
    _check(session, what, parameters)
    number, new = data.orders.add(session, user_id=who.user_id, what=what, parameters=parameters)
    if new:
        if data.orders.waiting(session, user_id=who.user_id) > MOST_WAITING:
            raise TooMany("orders.too_many", most=MOST_WAITING, retry_after_s=30)
        data.jobs.put(session, JOB, {"order_id": number})
        data.audit.record(session, actor=who.actor, action=f"coverage.order.{what}", subject=str(number))
    return data.orders.get(session, number)


def _check(session: data.db.Session, what: str, parameters: Mapping[str, Any]) -> None:
    """Ask the question of the catalogue, without any data."""
    catalogue = data.facilities.kinds(session)
    if what == "siting":
        question = Question((parameters["kind"],), minutes=parameters["minutes"])
    else:
        question = question_of(session, parameters)
    api.actions.coverage.ask(question, catalogue)
    if question.area is not None:
        data.areas.get(session, question.area, as_of=data.areas.today(session))


def question_of(session: data.db.Session, parameters: Mapping[str, Any]) -> Question:
    """The question that was ordered."""
    asked = dict(parameters)
    kinds, at, scenario = (asked.pop(name) for name in ("kinds", "at", "scenario"))
    return Question(
        tuple(kinds) if kinds else None,
        at=None if at is None else gis.hours.when(at),
        scenario=None if scenario is None else data.scenarios.get(session, scenario),
        **asked,
    )


def sought_of(parameters: Mapping[str, Any]) -> Sought:
    """What was asked to be sited."""
    asked = dict(parameters)
    rooms = asked.pop("candidates")
    return Sought(**asked, candidates=None if rooms is None else candidates(rooms))


def candidates(rooms: list[dict[str, Any]]) -> gpd.GeoDataFrame:
    """Rooms as a frame: id, name, cost and a point each."""
    points = shapely.points([room["lon"] for room in rooms], [room["lat"] for room in rooms])
    columns = {name: [room[name] for room in rooms] for name in ("id", "name", "cost")}
    return gpd.GeoDataFrame(columns, geometry=points, crs=4326)


def carry_out(session: data.db.Session, payload: Mapping[str, Any], **_context: object) -> None:
    """Do what was ordered, in the transaction of its job. How far it is, others see while it is done.

    A refusal ends the order and says why; anything else goes back to the queue and is tried again.
    """
    number, engine = int(payload["order_id"]), session.get_bind().engine
    ordered = data.orders.get(session, number)
    _tell(engine, number, state="running", step=None, steps_done=0, error=None, tries=ordered["tries"] + 1)
    try:
        with session.begin_nested():
            done = WORK[ordered["what"]](session, ordered["parameters"], _progress(engine, number, ordered["what"]))
    except Refusal as refusal:
        if isinstance(refusal, Busy):
            raise
        error = {"code": refusal.code, "facts": refusal.facts}
        data.orders.set(session, number, state="failed", step=None, error=error)
    else:
        data.orders.set(session, number, state="done", step=None, steps_done=len(STEPS[ordered["what"]]), **done)


def interrupted(session: data.db.Session, payload: Mapping[str, Any], *, code: str, tries: int, over: bool) -> None:
    """The work on an order ended in a way nobody foresaw: it waits to be begun again; after the last try it failed."""
    number = int(payload["order_id"])
    if over:
        error = {"code": LOST.get(code, "orders.broken"), "facts": {"tries": tries, "reason": code}}
        data.orders.set(session, number, state="failed", step=None, error=error)
    else:
        data.orders.set(session, number, state="queued", step=None, steps_done=0)


def _run(session: data.db.Session, parameters: Mapping[str, Any], show: Step) -> dict[str, Any]:
    question = question_of(session, parameters)
    made = api.actions.coverage.run(session, question, today=data.areas.today(session), show=show)
    return {"run_id": made["run_id"]}


def _siting(session: data.db.Session, parameters: Mapping[str, Any], show: Step) -> dict[str, Any]:
    with show("read"):
        given = api.actions.coverage.inputs(session, Question(), today=data.areas.today(session))
        secret, synthetic = data.coverage.draw_secret(session), data.provenance.synthetic(session)
    with show("solve"):
        return {"answer": api.actions.siting.published(given, sought_of(parameters), secret, synthetic=synthetic)}


WORK: dict[str, Callable[[data.db.Session, Mapping[str, Any], Step], dict[str, Any]]] = {
    "run": _run,
    "siting": _siting,
}


def _progress(engine: data.db.Engine, number: int, what: str) -> Callable[[str], AbstractContextManager[object]]:
    """Says which step an order is at."""

    @contextmanager
    def show(name: str) -> Iterator[None]:
        _tell(engine, number, step=name, steps_done=STEPS[what].index(name))
        yield

    return show


def _tell(engine: data.db.Engine, number: int, **values: Any) -> None:
    """In a transaction of its own, which others see at once."""
    with data.db.transaction(engine) as own:
        data.orders.set(own, number, **values)
