"""What a key names of a report is what it gets, at every door, and by no detour."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from functools import partial
from math import asinh, pi, radians, tan

import mapbox_vector_tile
import pytest
from sqlalchemy import text

import data.changes
import data.db
import data.webhooks
import gis.roles
from contract.people import bearer, key_of
from worlds import pictures

pytestmark = pytest.mark.database

UUID = "00000000-0000-4000-8000-0000000000f1"
#: In A00, 27 m from (113.205, 23.102), which is what the public sees of it.
LON, LAT = 113.20517, 23.10219
WORDS = "金丝雀一号"
PHOTO = pictures.jpeg(41)
SHA256, TO_COME = hashlib.sha256(PHOTO).hexdigest(), "d" * 64
DUE = datetime(2026, 3, 5, 1, 23, tzinfo=UTC)


@pytest.fixture(scope="module")
def report(client, as_, town) -> str:
    """A report with everything a key can name: words, photos (one has come), an exact place, a unit, a deadline."""
    body = {"category": "noise", "text": WORDS, "captured_at": datetime.now(UTC).isoformat(), "lon": LON,
            "lat": LAT, "photos": [SHA256, TO_COME]}  # fmt: skip
    filed = client.put(f"/api/reports/{UUID}", json=body, headers=as_("inspector")).json()["id"]
    client.put(f"/api/photos/{SHA256}", content=PHOTO, headers=as_("inspector") | {"Content-Type": "image/jpeg"})
    client.put("/api/units/canary-unit", json={"name_zh": "队", "reason": "新设"}, headers=as_("admin"))
    for version, move in enumerate(({"move": "accept"}, {"move": "assign", "unit": "canary-unit"}), 1):
        moved = client.post(f"/api/reports/{filed}/moves", json=move | {"version": version}, headers=as_("street"))
        assert moved.status_code == 200, moved.text
    facts = {"due_at": DUE.isoformat()}
    with data.db.transaction(town) as session:
        session.execute(
            text("UPDATE report SET due_at = :due, warn_at = :due WHERE id = :id"), {"due": DUE, "id": filed}
        )
        codes = {"street_code": "A", "community_code": "A0", "grid_code": "A00"}
        data.changes.record(session, "report", filed, "overdue", facts, codes=codes)
    return filed


@pytest.fixture
def naming(client, town):
    """Let the key of street A name these fields; asks as that key."""

    def named(*fields: str):
        with data.db.transaction(town) as session:
            session.execute(
                text("UPDATE api_key SET fields = :fields WHERE prefix = 'partnera'"), {"fields": list(fields)}
            )
        return partial(client.get, headers=bearer(key_of("partner")))

    yield named
    named(*gis.roles.FIELDS)


def everything(get, report: str) -> str:
    """All that a key is told of a report at any door that speaks in text."""
    near = f"/api/reports/near?lon={LON}&lat={LAT}&category=noise&text={WORDS}"
    doors = ("/api/reports", f"/api/reports/{report}", "/api/reports/export?format=csv", near, "/api/changes",
             "/open311/v2/requests.json?start_date=2026-01-01", f"/open311/v2/requests/{report}.json")  # fmt: skip
    answers = [get(door) for door in doors]
    assert {answer.status_code for answer in answers} == {200}
    asked = [answer.text.replace(near, "") for answer in answers]
    return "\n".join(asked)


#: What tells a field wherever it is told: the deadline in UTC and as Open311 writes it.
TRACES = {
    "text": (WORDS,), "photos": (TO_COME, '"photo"'), "place": (str(LON), str(LAT)), "unit": ("canary-unit",),
    "due": ("2026-03-05T01:23", "2026-03-05T09:23", '"overdue":true', '"action":"overdue"'),
}  # fmt: skip


@pytest.mark.parametrize("field", gis.roles.FIELDS)
def test_a_key_without_a_field_gets_no_value_of_it_at_any_door(naming, report, field):
    others = [name for name in gis.roles.FIELDS if name != field]
    told = everything(naming(*others), report)
    assert [trace for trace in TRACES[field] if trace in told] == []
    for name in others:
        assert [trace for trace in TRACES[name] if trace not in told] == []


def test_a_key_that_names_nothing_gets_state_category_days_and_areas(naming, report):
    told = naming()(f"/api/reports/{report}").json()
    assert {name for name, value in told.items() if value} == {
        "id", "client_id", "category", "status", "version", "lon", "lat", "captured_at", "received_at", "moved_at",
        "street_code", "community_code", "grid_code", "events", "moves",
    }  # fmt: skip
    assert (told["lon"], told["lat"]) == pytest.approx((113.205, 23.102))
    assert {(e["text"], e["reason"], e["unit"], e["photos"]) for e in told["events"]} == {(None, None, None, None)}


def found(answer) -> list[str]:
    return [row["id"] for row in answer.json()["reports"]]


def test_questions_about_what_it_may_not_see_are_answered_from_what_it_may(naming, report):
    """A narrow box, a distance and a filter are detours: the place is the public one, and nothing is late."""
    true, public = (f"{lon - 5e-5},{lat - 5e-5},{lon + 5e-5},{lat + 5e-5}" for lon, lat in
                    ((LON, LAT), (113.205, 23.102)))  # fmt: skip
    near = f"/api/reports/near?lon={LON}&lat={LAT}&category=noise"
    get = naming("text", "photos", "unit")
    assert report not in found(get("/api/reports", params={"bbox": true}))
    assert report in found(get("/api/reports", params={"bbox": public}))
    assert report not in found(get("/api/reports", params={"overdue": "true"}))
    assert [row["metres"] for row in get(near).json()["reports"] if row["id"] == report] == pytest.approx([27.4], abs=1)
    get = naming("place", "due")
    assert report in found(get("/api/reports", params={"overdue": "true"}))
    assert [row["metres"] for row in get(near).json()["reports"] if row["id"] == report] == pytest.approx([0], abs=0.1)


def test_alike_words_raise_no_score_for_a_key_that_does_not_name_text(naming, report):
    def score(get) -> float:
        rows = get(f"/api/reports/near?lon={LON}&lat={LAT}&category=noise&text={WORDS}").json()["reports"]
        return next(row["score"] for row in rows if row["id"] == report)

    assert score(naming("place")) < score(naming("place", "text"))


def test_its_tiles_have_the_place_and_the_deadline_that_its_key_names(naming, report):
    def drawn(get, lon: float, lat: float) -> list[dict]:
        column, row = tile_of(lon, lat)
        answer = get(f"/tiles/reports/20/{column}/{row}.mvt")
        layers = mapbox_vector_tile.decode(answer.content) if answer.content else {}
        return [one["properties"] for one in layers.get("reports", {"features": []})["features"]]

    get = naming("text", "photos", "unit")
    assert drawn(get, LON, LAT) == []
    assert [one.keys() & {"id", "due_at"} for one in drawn(get, 113.205, 23.102)] == [{"id"}]
    get = naming("place", "due")
    assert drawn(get, 113.205, 23.102) == []
    assert [one.keys() & {"id", "due_at"} for one in drawn(get, LON, LAT)] == [{"id", "due_at"}]


def tile_of(lon: float, lat: float) -> tuple[int, int]:
    """The tile of zoom 20 that holds a place; it is 35 m wide."""
    return int((lon + 180) / 360 * 2**20), int((1 - asinh(tan(radians(lat))) / pi) / 2 * 2**20)


def test_a_photo_is_not_there_for_a_key_that_does_not_name_photos(naming, report, town):
    with data.db.transaction(town) as session:
        photo = session.scalar(text("SELECT id::text FROM photo WHERE sha256 = :sha"), {"sha": SHA256})
    seen = {fields: naming(*fields)(f"/api/photos/{photo}").json()["code"] for fields in (("text",), ("photos",))}
    assert seen == {("text",): "photos.absent", ("photos",): "photos.received"}  # come, not yet encoded


def test_a_webhook_is_sent_what_its_key_names_at_that_moment(naming, report, town, people):
    with data.db.transaction(town) as session:
        made = data.webhooks.add(
            session, sealed="", owner_id=people["partner"], role="partner", url="https://a.example/", what=[],
            last_seq=0, key_id=session.scalar(text("SELECT id FROM api_key WHERE prefix = 'partnera'")),
        )  # fmt: skip
        until = data.changes.newest(session)

    def sent(*fields: str) -> set[str]:
        naming(*fields)
        with data.db.undecided(town) as session:
            events = data.webhooks.due(session, data.webhooks.get(session, made), until=until, limit=100)
        return {f"{event['what']}.{event['action']}" for event in events}

    assert sent() == {"report.receive", "report.accept", "report.assign"}
    assert sent("photos") == sent() | {"photo.received"}
    assert sent("due") == sent() | {"report.overdue"}


def test_a_move_of_a_key_that_names_nothing_loses_nothing(client, naming, report, town):
    """It hands the report back: the unit goes, which it never saw; a note leaves the unseen deadline as it was."""
    naming()
    now = {"headers": bearer(key_of("partner"))}
    noted = client.post(f"/api/reports/{report}/moves", json={"move": "note", "version": 3, "text": "看过"}, **now)
    assert noted.status_code == 200, noted.text
    asked = text("SELECT unit, due_at, text, photos FROM report WHERE id = :id")
    with data.db.transaction(town) as session:
        kept = session.execute(asked, {"id": report}).one()
    assert tuple(kept) == ("canary-unit", DUE, WORDS, [SHA256, TO_COME])
    given = client.post(
        f"/api/reports/{report}/moves", json={"move": "return", "version": 4, "reason": "非本队"}, **now
    )
    assert given.status_code == 200, given.text
    with data.db.transaction(town) as session:
        assert session.execute(asked, {"id": report}).one().unit is None


def test_what_it_filed_itself_it_gets_back_as_a_receipt_and_no_more(client, naming):
    """Its keys may be in several hands; a resend is still known for the same."""
    naming()
    body = {"category": "noise", "text": "自报", "captured_at": "2026-03-02T08:30:00Z", "lon": LON, "lat": LAT}
    send = partial(client.put, "/api/reports/00000000-0000-4000-8000-0000000000f2", headers=bearer(key_of("partner")))
    first, again, other = send(json=body), send(json=body), send(json=body | {"text": "改"})
    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 409)
    assert first.json() == again.json()
    assert naming()(first.json()["url"]).json()["text"] is None
    assert "自报" not in naming()("/api/reports").text
