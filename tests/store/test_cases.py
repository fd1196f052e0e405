"""Reports on a real database: never lost, never doubled, whatever the order, however many at once."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pandas as pd
import pytest
from sqlalchemy import text

import api.actions.figures
import api.actions.reports
import data.cases
import data.categories
import data.db
import data.reports
import data.users
import gis.categories
import gis.evaluation
import gis.reports
from api.auth import Caller
from data.reports import Wanted
from gis.reports import Proof, Submission
from worlds import squares

pytestmark = pytest.mark.database

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
X, Y = squares.WEST + 0.005, squares.SOUTH + 0.0025
SENT = Submission("lift", "电梯停运", X, Y, NOW - timedelta(minutes=5))


@pytest.fixture(scope="module")
def callers(engine: data.db.Engine) -> dict[str, Caller]:
    """An inspector of A00 and staff of street A, in the town of squares."""
    with data.db.transaction(engine) as session:
        squares.found(session)
        made = {}
        for role, place in (("inspector", "A00"), ("street", "A")):
            number = data.users.add(session, login=role, name="", synthetic=True)
            data.users.assign(session, number, role=role, area_code=place, valid_from=squares.DAY)
            made[role] = Caller(role, number, role)
        data.categories.set_unit(session, {"code": "repair", "name_zh": "维修队"})
    return made


def receive(engine: data.db.Engine, who: Caller, uuid: str, sent: Submission = SENT, *, now: datetime = NOW):
    with data.db.transaction(engine, role=who.db_role, user_id=who.user_id) as session:
        return api.actions.reports.receive(session, who, uuid, sent, now=now)


def move(
    engine: data.db.Engine, who: Caller, report: str, name: str, proof: Proof, *, version: int, now: datetime = NOW
):
    with data.db.transaction(engine, role=who.db_role, user_id=who.user_id) as session:
        return api.actions.reports.move(session, who, report, name, proof, version=version, now=now)


def one(engine: data.db.Engine, asked: str, **values: object):
    with data.db.transaction(engine) as session:
        return session.execute(text(asked), values).scalar()


def test_the_catalogue_we_ship_is_the_one_the_rules_know(session):
    """Every limit of it says that it is an example."""
    kept = data.categories.catalogue(session)
    assert kept == gis.categories.STARTER
    assert {each.source for each in kept.values()} == {gis.categories.EXAMPLE}


# All at once ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("turn", range(3))
def test_the_same_report_fifty_times_at_once_is_one_report(engine, callers, turn):
    """One is told 201 and 49 are told 200, all the same; one report, one event, one change, one line in the log."""
    uuid, who = str(uuid4()), callers["inspector"]
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: receive(engine, who, uuid), range(50)))
    assert Counter(status for status, _ in answers) == {201: 1, 200: 49}
    assert {str(told) for _, told in answers} == {str(answers[0][1])}
    report = answers[0][1]["id"]
    assert one(engine, "SELECT count(*) FROM report WHERE client_id = :id", id=uuid) == 1
    for asked in ("report_event WHERE report_id::text", "change WHERE subject", "audit_log WHERE subject"):
        assert one(engine, f"SELECT count(*) FROM {asked} = :id", id=report) == 1


def test_two_bodies_under_one_id_at_once_are_one_report_and_one_dispute(engine, callers):
    uuid, who = str(uuid4()), callers["inspector"]
    bodies = [SENT, replace(SENT, text="另一份")] * 10
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda body: receive(engine, who, uuid, body), bodies))
    assert Counter(status for status, _ in answers) == {201: 1, 200: 9, 409: 10}
    assert len({told["conflict"] for status, told in answers if status == 409}) == 1


def test_of_twenty_who_move_a_report_at_once_one_does_and_the_others_are_told(engine, callers):
    who = callers["street"]
    _, told = receive(engine, callers["inspector"], str(uuid4()))
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: move(engine, who, told["id"], "accept", Proof(), version=1), range(20)))
    assert Counter(status for status, _ in answers) == {200: 1, 409: 19}
    assert {document["version"] for _, document in answers} == {2}


# By when --------------------------------------------------------------------------------------------------------------


def test_a_year_the_calendar_does_not_know_refuses_no_report_and_is_said(engine, callers):
    """A handrail is owed in work days, and nobody knows the holidays of 2190; a lift in hours, which need none."""
    far = NOW.replace(year=2190)
    for category, unknown in (("handrail", "calendar.unknown_year"), ("lift", None)):
        status, told = receive(engine, callers["inspector"], str(uuid4()), replace(SENT, category=category), now=far)
        with data.db.transaction(engine) as session:
            columns = data.cases.get(session, told["id"]).columns
        assert status == 201
        assert (columns["due_unknown"], columns["due_at"] is None) == (unknown, unknown is not None)


def test_warning_and_lateness_are_told_once_each_and_again_only_for_a_new_deadline(engine, callers):
    """A lift: 24 hours, warned 4 before. Then it is dispatched, which begins a new limit."""
    who = callers["street"]
    _, told = receive(engine, callers["inspector"], str(uuid4()))
    report = told["id"]

    def said(hours: int) -> list[str]:
        with data.db.transaction(engine) as session:
            api.actions.reports.remind(session, now=NOW + timedelta(hours=hours))
        asked = "SELECT string_agg(action, ' ' ORDER BY id) FROM change WHERE subject = :id AND action <> 'receive'"
        return (one(engine, asked, id=report) or "").split()

    assert said(19) == []
    assert said(21) == said(22) == ["warned"]
    assert said(25) == said(99) == ["warned", "overdue"]
    late = NOW + timedelta(hours=99)
    move(engine, who, report, "accept", Proof(), version=1, now=late)
    move(engine, who, report, "assign", Proof(unit="repair"), version=2, now=late)
    assert said(100)[-1] == "assign"
    assert said(99 + 21)[-1] == "warned"
    assert one(engine, "SELECT status FROM report WHERE id = :id", id=report) == "assigned"


# Figures --------------------------------------------------------------------------------------------------------------


def test_the_figures_are_those_of_the_histories_replayed(engine, callers):
    """A second method: every history is replayed by the rules, and each count taken from the reports so made."""
    inspector, street = callers["inspector"], callers["street"]
    reports = [receive(engine, inspector, str(uuid4()))[1]["id"] for _ in range(4)]
    for number, report in enumerate(reports):
        steps = [("accept", Proof()), ("assign", Proof(unit="repair")), ("resolve", Proof(text="好"))][:number]
        for version, (name, proof) in enumerate(steps, start=1):
            who = inspector if name == "resolve" else street
            assert move(engine, who, report, name, proof, version=version)[0] == 200
    period = {"since": NOW - timedelta(days=1), "until": NOW + timedelta(days=1)}
    with data.db.transaction(engine) as session:
        rows = api.actions.figures.of_period(session, role=None, by="all", now=period["until"], **period)
        ids = session.scalars(
            text("SELECT id::text FROM report WHERE received_at >= :since AND received_at < :until"), period
        ).all()
        histories = [data.cases.get(session, report).events for report in ids]
    assert all(gis.reports.replay(events).version == len(events) for events in histories)
    for column, name in (("filed", "accept"), ("assigned", "assign"), ("resolved", "resolve"), ("closed", "close")):
        firsts = [next((event.at for event in events if event.move == name), None) for events in histories]
        assert rows[0][column] == sum(at is not None and at < period["until"] for at in firsts), column
    assert rows[0]["filed"] >= 3


def test_reports_from_elsewhere_have_a_history_that_begins_with_their_state(session):
    squares_ = squares.areas(("A", "street", "", squares.box(0, 0, 1, 1)))
    frame = pd.DataFrame({"id": ["R1"], "category": ["lift"], "captured_at": [pd.Timestamp(NOW)], "text": ["x"],
                          "status": ["resolved"], "synthetic": [True]})  # fmt: skip
    located = squares_.iloc[:1][["geometry"]].set_geometry(squares_.centroid[:1]).join(frame)
    data.reports.add(session, located)
    report = session.scalar(text("SELECT id::text FROM report WHERE client_id = 'R1'"))
    case = data.cases.get(session, report)
    assert [event.move for event in case.events] == ["adopt"]
    assert gis.reports.replay(case.events).status == case.report.status == "resolved"


def test_the_owner_lists_and_exports_every_report(engine, callers, tmp_path):
    """What the shell does: no role, nothing hidden; a text that a spreadsheet would carry out is quoted."""
    receive(engine, callers["inspector"], str(uuid4()), replace(SENT, text="=1+1"))
    with data.db.transaction(engine) as session:
        rows = data.reports.search(session, Wanted(), role=None, now=NOW, limit=1000)
        api.actions.figures.export(session, Wanted(), role=None, path=tmp_path / "reports.csv", now=NOW)
    written = pd.read_csv(tmp_path / "reports.csv")
    assert len(rows) == len(written) == one(engine, "SELECT count(*) FROM report")
    assert "'=1+1" in set(written["text"])
