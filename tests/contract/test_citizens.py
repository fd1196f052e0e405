"""People without an account file reports where that is switched on: little is kept, nothing is read back, and no one
learns what another has sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import uuid4

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

import data.audit
import data.db
from api.app import create_app
from api.door.rates import CITIZEN_AN_HOUR
from api.settings import read
from gis.errors import Invalid, NotAllowed

pytestmark = pytest.mark.database

A_DAY = 30
PLACE = {"lon": 113.205, "lat": 23.1025}
BODY = {"category": "handrail", "text": "楼道扶手断了", "captured_at": "2026-03-02T08:30:00+08:00"} | PLACE
FORM = {"service_code": "handrail", "description": "楼道扶手断了", "lat": "23.1025", "long": "113.205"}
PERSON = {
    "first_name": "李",
    "last_name": "四妹",
    "email": "li@example.cn",
    "phone": "13812345678",
    "device_id": "d-77",
}


@pytest.fixture
def citizens(client: TestClient, town: data.db.Engine) -> Iterator[TestClient]:
    """The application where citizens may file: thirty reports a day from all of them."""
    with data.db.transaction(town) as session:
        session.execute(text("DELETE FROM citizen_day"))
    settings = replace(client.app.state.settings, citizen_reports=True, citizen_reports_a_day=A_DAY)
    with TestClient(create_app(settings), raise_server_exceptions=False) as made:
        yield made


def put(client: TestClient, uuid: str | None = None, **other: object):
    return client.put(f"/api/reports/{uuid or uuid4()}", json=BODY | other)


def kept(town: data.db.Engine, uuid: str) -> list[dict[str, object]]:
    with data.db.transaction(town) as session:
        rows = session.execute(text("SELECT * FROM report WHERE client_id = :id"), {"id": uuid}).mappings()
        return [dict(row) for row in rows]


def test_unless_it_is_switched_on_nobody_files_without_a_name(client, town):
    uuid = str(uuid4())
    assert (put(client, uuid).status_code, client.post("/open311/v2/requests.json", data=FORM).status_code) == (
        401,
        403,
    )
    assert kept(town, uuid) == []
    assert read({}).citizen_reports is False
    assert read({"WANGGE_CITIZEN_REPORTS": "on"}).citizen_reports is True
    with pytest.raises(Invalid, match=r"settings\.one_of"):
        read({"WANGGE_CITIZEN_REPORTS": "yes"})


def test_a_report_of_nobody_is_filed_routed_and_found_by_its_number(citizens, town, as_):
    uuid = str(uuid4())
    answer = put(citizens, uuid)
    assert answer.status_code == 201, answer.text
    told = answer.json()
    (row,) = kept(town, uuid)
    assert (row["author_id"], row["status"], row["grid_code"], row["household_id"]) == (None, "received", "A00", None)
    assert row["due_at"] is not None
    (public,) = citizens.get(told["url"]).json()
    assert (public["service_request_id"], public["status"], public["description"]) == (told["id"], "open", None)
    seen = citizens.get(f"/api/reports/{told['id']}", headers=as_("street")).json()
    assert [(event["move"], event["actor_role"]) for event in seen["events"]] == [("receive", "citizen")]
    assert seen["moves"], "staff may go on with it"
    assert citizens.get(f"/api/reports/{told['id']}", headers=as_("street B")).status_code == 404
    assert citizens.get(f"/api/reports/{told['id']}").status_code == 401


def test_the_feed_and_the_log_hear_of_it_and_name_nobody(citizens, town, as_):
    number = put(citizens).json()["id"]
    changes = citizens.get("/api/changes?limit=1000", headers=as_("street")).json()["changes"]
    (heard,) = [each for each in changes if each["subject"] == number]
    assert (heard["action"], heard["facts"]) == (
        "receive",
        {"status": "received", "version": 1, "category": "handrail"},
    )
    with data.db.transaction(town) as session:
        asked = "SELECT actor, action, facts FROM audit_log WHERE subject = :id"
        (row,) = session.execute(text(asked), {"id": number}).all()
        assert tuple(row) == ("system", "report.receive", {"version": 1, "by": "citizen"})
        data.audit.verify(session)


def test_the_same_body_gets_the_same_answer_and_another_one_learns_nothing(citizens, town):
    """409 says that the id is taken, and neither by what, where nor when; the first report stays as it is."""
    uuid = str(uuid4())
    first, again = put(citizens, uuid), put(citizens, uuid)
    assert (first.status_code, again.status_code, again.json() == first.json()) == (201, 200, True)
    other = put(citizens, uuid, text="别的事")
    assert other.status_code == 409
    told = other.json()
    assert set(told) <= {"type", "title", "status", "code", "detail", "instance", "request_id"}
    for secret in (first.json()["id"], "A00", "handrail", BODY["text"]):
        assert secret not in json.dumps(told, ensure_ascii=False)
    (row,) = kept(town, uuid)
    assert row["text"] == BODY["text"]
    with data.db.transaction(town) as session:
        assert session.scalar(text("SELECT count(*) FROM report_conflict WHERE report_id = :id"), row) == 0


def test_an_id_of_somebody_with_an_account_is_as_good_as_a_new_one(citizens, as_):
    """Whether an inspector has used it, a citizen cannot find out, nor the other way round."""
    uuid = str(uuid4())
    assert citizens.put(f"/api/reports/{uuid}", json=BODY, headers=as_("inspector")).status_code == 201
    assert put(citizens, uuid).status_code == 201
    assert citizens.put(f"/api/reports/{uuid}", json=BODY, headers=as_("inspector")).status_code == 200


def test_a_hundred_times_the_same_at_once_is_one_report(citizens, town):
    uuid = str(uuid4())
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: put(citizens, uuid), range(16)))
    assert sorted({answer.status_code for answer in answers}) == [200, 201]
    assert len({answer.text for answer in answers}) == 1
    assert len(kept(town, uuid)) == 1


def test_open311_takes_it_and_the_same_form_again_is_the_same_request(citizens):
    first = citizens.post("/open311/v2/requests.json", data=FORM)
    assert first.status_code == 200, first.text
    again = citizens.post("/open311/v2/requests.json", data=FORM)
    assert again.json()[0]["service_request_id"] == first.json()[0]["service_request_id"]
    assert "phone" in first.json()[0]["service_notice"] or "电话" in first.json()[0]["service_notice"]
    number = first.json()[0]["service_request_id"]
    assert citizens.get(f"/open311/v2/requests/{number}.json").json()[0]["status"] == "open"
    keyed = [
        citizens.post("/open311/v2/requests.json", data=FORM | {"description": words}, headers={"Idempotency-Key": "1"})
        for words in ("甲", "甲", "乙")
    ]
    numbers = [each.json()[0]["service_request_id"] for each in keyed]
    assert numbers[0] == numbers[1] != numbers[2], "one key of two people is no reason to refuse the second"


def test_who_somebody_is_is_kept_nowhere(citizens, town):
    """Not in the report, its events, the feed, the log or the queue: every text of every table is looked through."""
    assert citizens.post("/open311/v2/requests.json", data=FORM | PERSON).status_code == 200
    with data.db.transaction(town) as session:
        tables = session.scalars(text(
            "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
            " WHERE nspname IN ('public', 'wangge_private') AND relkind = 'r' AND relname <> 'spatial_ref_sys'"
        )).all()  # fmt: skip
        for table in tables:
            for value in PERSON.values():
                found = f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE '%' || :value || '%'"
                assert session.scalar(text(found), {"value": value}) == 0, (table, value)


def test_no_photo_of_a_citizen_is_taken(citizens, town):
    home = citizens.app.state.settings.home
    before = set(home.glob("photos/*/*/*"))
    uuid = str(uuid4())
    refused = put(citizens, uuid, photos=["a" * 64])
    assert (refused.status_code, refused.json()["code"]) == (422, "citizens.photos")
    form = citizens.post(
        "/open311/v2/requests.json", data=FORM, files={"media": ("a.jpg", b"\xff\xd8\xff", "image/jpeg")}
    )
    assert form.status_code == 400
    assert (
        citizens.put(
            f"/api/photos/{'a' * 64}", content=b"\xff\xd8\xff", headers={"Content-Type": "image/jpeg"}
        ).status_code
        == 401
    )
    assert (kept(town, uuid), set(home.glob("photos/*/*/*"))) == ([], before)


@pytest.mark.parametrize(
    ("other", "code"),
    [({"lon": 10.0, "lat": 50.0}, "citizens.outside"), ({"category": "elder_help"}, "reports.refused"),
     ({"category": "nosuch"}, "reports.refused"), ({"text": " "}, "reports.refused")],
)  # fmt: skip
def test_what_nobody_here_could_deal_with_or_is_about_a_person_is_refused(citizens, other, code):
    refused = put(citizens, **other)
    assert (refused.status_code, refused.json()["code"]) == (422, code)


def test_so_many_come_from_one_address_an_hour(citizens):
    answers = [put(citizens).status_code for _ in range(CITIZEN_AN_HOUR + 2)]
    assert answers == [201] * CITIZEN_AN_HOUR + [429] * 2
    refused = put(citizens)
    assert (refused.json()["code"], int(refused.headers["retry-after"]) > 0) == ("citizens.an_hour", True)


def test_so_many_come_on_a_day_from_everybody_even_at_once(citizens, town):
    """29 have come; of four that come at once from different addresses one is kept."""
    with data.db.transaction(town) as session:
        session.execute(text("INSERT INTO citizen_day VALUES (current_date, :most)"), {"most": A_DAY - 1})
    citizens.app.state.citizens.let_in = lambda _: None
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: put(citizens), range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 429, 429, 429]
    refused = put(citizens)
    assert refused.json()["code"] == "citizens.a_day"
    assert int(refused.headers["retry-after"]) > 0
    with data.db.transaction(town) as session:
        assert session.scalar(text("SELECT filed FROM citizen_day")) == A_DAY


def test_people_with_an_account_are_not_counted_among_citizens(citizens, town, as_):
    assert citizens.put(f"/api/reports/{uuid4()}", json=BODY, headers=as_("inspector")).status_code == 201
    with data.db.transaction(town) as session:
        assert session.scalar(text("SELECT count(*) FROM citizen_day")) == 0


# The database itself --------------------------------------------------------------------------------------------------

ROW = """INSERT INTO report (id, client_id, category, captured_at, text, synthetic, status {columns})
    VALUES (gen_random_uuid(), :id, 'handrail', now(), '', false, 'received' {values})"""


@pytest.fixture
def nobody(town):
    """A transaction as the public role, where citizens may file; undone afterwards."""
    with data.db.undecided(town) as session:
        session.execute(
            text("SELECT set_config('wangge.citizens_a_day', '5', true), set_config('role', 'wangge_public', true)")
        )
        yield session


def test_a_report_of_nobody_may_be_put_in_and_not_read(nobody):
    nobody.execute(text(ROW.format(columns="", values="")), {"id": "1"})
    for asked in (
        "SELECT 1 FROM report",
        "SELECT 1 FROM report_event",
        "UPDATE report SET text = ''",
        "DELETE FROM report",
    ):
        with pytest.raises(NotAllowed), data.db.refusals(), nobody.begin_nested():
            nobody.execute(text(asked))


@pytest.mark.parametrize(
    ("columns", "values"),
    [(", author_id", ", 1"), (", household_id", ", 1"), (", photos", ", '{x}'"), (", version", ", 2"),
     (", merged_into", ", gen_random_uuid()"), (", import_id", ", 1")],
)  # fmt: skip
def test_no_more_than_that_may_be_put_in(nobody, columns, values):
    with pytest.raises(NotAllowed), data.db.refusals():
        nobody.execute(text(ROW.format(columns=columns, values=values)), {"id": "1"})


def test_where_it_is_switched_off_the_database_refuses_too(nobody):
    nobody.execute(text("SELECT set_config('wangge.citizens_a_day', '0', true)"))
    with pytest.raises(NotAllowed), data.db.refusals():
        nobody.execute(text(ROW.format(columns="", values="")), {"id": "1"})


def test_nothing_may_be_added_to_what_others_have_filed(nobody, town, as_, client):
    number = client.put(f"/api/reports/{uuid4()}", json=BODY, headers=as_("inspector")).json()["id"]
    event = """INSERT INTO report_event (report_id, version, move, actor_role, at, source, target)
        VALUES (CAST(:id AS uuid), :version, :move, :role, now(), '', 'received')"""
    for version, move, role in ((2, "receive", "citizen"), (1, "receive", "citizen"), (2, "close", "street")):
        values = {"id": number, "version": version, "move": move, "role": role}
        with pytest.raises((NotAllowed, data.db.Conflict)), data.db.refusals(), nobody.begin_nested():
            nobody.execute(text(event), values)


@pytest.mark.parametrize(
    ("table", "asked"),
    [("report", ROW.format(columns=", version", values=", 2")),
     ("report_event", "INSERT INTO report_event (report_id, version, move, actor_role, at, source, target)"
      " VALUES (CAST(:id AS uuid), 7, 'note', 'street', now(), '', 'received')")],
)  # fmt: skip
def test_a_loosened_policy_is_noticed(nobody, as_, client, table, asked):
    """What is refused as it stands is let in once the policy lets everything pass: these tests would fail."""
    known = client.put(f"/api/reports/{uuid4()}", json=BODY, headers=as_("inspector")).json()["id"]
    with pytest.raises(NotAllowed), data.db.refusals(), nobody.begin_nested():
        nobody.execute(text(asked), {"id": known})
    nobody.execute(text("RESET ROLE"))
    nobody.execute(text(f"ALTER POLICY citizen_add ON {table} WITH CHECK (true)"))
    nobody.execute(text("SELECT set_config('role', 'wangge_public', true)"))
    assert nobody.execute(text(asked), {"id": known}).rowcount == 1


def test_what_a_citizen_was_answered_is_there_for_the_same_body_alone(citizens, nobody):
    uuid = str(uuid4())
    put(citizens, uuid)
    asked = text("SELECT count(*) FROM citizen_filed(:id, :hash)")
    assert nobody.scalar(asked, {"id": uuid, "hash": "guessed"}) == 0
