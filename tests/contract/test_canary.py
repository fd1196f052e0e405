"""What is personal shows up nowhere for those who have no business with it: canaries in every place that keeps persons.

A report's words, a home's address, an elder's name and telephone, an inspector's name, and what a camera wrote into a
picture are looked for in every answer to every role, in the log, the figures, the files that are handed out, the tiles,
and the files of the home.
"""

from __future__ import annotations

import hashlib
import logging

import pandas as pd
import pytest
from sqlalchemy import text

import api.actions.maps
import api.logs
import api.worker
import data.db
import data.identity
import data.photofiles
from worlds import pictures
from worlds.asking import addresses, read

pytestmark = pytest.mark.database

CANARY = "金丝雀王秀英13912345678"
ADDRESS, NAME, PHONE, STAFF, CAMERA = (
    "金丝雀里7号501",
    "金丝雀欧阳",
    "13787654321",
    "金丝雀网格员",
    "CanaryCam-13655554444",
)
UUID = "00000000-0000-4000-8000-00000000c0de"
STRANGERS = (
    "nobody", "planner", "auditor", "admin", "inspector A01", "inspector B00", "community A1", "street B", "partner B",
)  # fmt: skip
#: Those who may see a home, a report or a colleague's name; in full they see no elder at sight, and no camera.
INSIDERS = ("inspector", "community", "street", "partner")


@pytest.fixture(scope="module")
def seeded(client, town, planned, people, as_):
    """A canary in each place; the ids of what holds them."""
    photo = pictures.written(pictures.seen(), exif=pictures.exif(maker=CAMERA))
    sha256 = hashlib.sha256(photo).hexdigest()
    with data.db.transaction(town) as session:
        home = session.scalar(text("SELECT min(id) FROM household WHERE grid_code = 'A00'"))
        session.execute(text("UPDATE household SET address = :words WHERE id = :id"), {"id": home, "words": ADDRESS})
        session.execute(text("UPDATE app_user SET name = :words WHERE login = 'inspector'"), {"words": STAFF})
        persons = pd.DataFrame({
            "household_id": [home], "name": [NAME], "phone": [PHONE], "id_card": ["44010319400101002X"],
            "health": ["高血压"], "consent": [True], "legal_basis": "agreement",
        })  # fmt: skip
        data.identity.add(session, persons, seal=client.app.state.keyring.seal, synthetic=True)
    body = {"category": "handrail", "text": CANARY, "lon": 113.205, "lat": 23.1025, "photos": [sha256],
            "captured_at": "2026-03-02T08:30:00Z"}  # fmt: skip
    report = client.put(f"/api/reports/{UUID}", json=body, headers=as_("inspector")).json()["id"]
    sent = {**as_("inspector"), "Content-Type": "image/jpeg"}
    picture = client.put(f"/api/photos/{sha256}", content=photo, headers=sent).json()["id"]
    while api.worker.step(town, client.app.state.settings, ["photo_encode", "photo_compare"]):
        pass
    return {"report_id": [report], "photo_id": [picture], "household_id": [home], "run_id": [planned],
            "other_id": [planned], "code": ["D", "A00"], "user_id": [people["inspector"]], "request_id": [report],
            "name": ["areas", "facilities", "coverage", "reports"], "feature_id": [report], "form": ["json", "xml"],
            "layer": ["areas", "facilities", "coverage", "reports"], "z": [10, 14, 16],
            "facility_id": ["F-1"]}  # fmt: skip


def told_to(client, as_, seeded, caplog, role):
    """Everything one role is answered, and what is written down about it."""
    caplog.set_level(logging.DEBUG)
    told = [client.app.state.metrics.text({}).decode()]
    for where in [*addresses(client.app.openapi(), seeded), "/?lang=zh", "/?lang=en", "/openapi.json"]:
        answer = client.get(where, headers=as_(role))
        told.append(read(answer) + str(answer.headers))
    for method, where in (("PUT", f"/api/reports/{UUID}"), ("POST", "/api/coverage/preview"), ("POST", "/api/siting")):
        answer = client.request(method, where, json={"text": CANARY, "kind": NAME}, headers=as_(role))
        told.append(answer.text + str(answer.headers))
    written = [api.logs.Lines().format(record) for record in caplog.records if record.name != "httpx"]
    assert len(told) > 150
    assert len(written) > 100
    return told, written


def holding(told, *words):
    return [one[:200] for one in told if any(word in one for word in words)]


@pytest.mark.parametrize("role", STRANGERS)
def test_no_canary_reaches_a_stranger(client, as_, seeded, caplog, role):
    """An administrator may know who works here; nobody of these what was reported, who lives where, or what camera."""
    told, written = told_to(client, as_, seeded, caplog, role)
    unsaid = [CANARY, "13912345678", ADDRESS, NAME, PHONE, CAMERA, *([] if role == "admin" else [STAFF])]
    assert holding(told, *unsaid) == []
    assert holding(written, *unsaid, STAFF) == []


@pytest.mark.parametrize("role", INSIDERS)
def test_those_whose_work_it_is_see_no_elder_in_full_and_no_camera_and_the_log_says_nothing(
    client, as_, seeded, caplog, role
):
    told, written = told_to(client, as_, seeded, caplog, role)
    assert holding(told, NAME, PHONE, CAMERA) == []
    assert holding(written, CANARY, "13912345678", ADDRESS, NAME, PHONE, STAFF, CAMERA) == []
    if role == "inspector":
        assert holding(told, CANARY)
        assert holding(told, ADDRESS)


def test_no_file_of_the_home_but_the_originals_of_photos_holds_a_canary(client, as_, seeded):
    """Pages, pictures as they are shown, keys: all that lies there, byte by byte."""
    home = client.app.state.settings.home
    client.get("/?lang=zh")
    kept = [path for path in home.rglob("*") if path.is_file()]
    originals = [path for path in kept if "quarantine" in path.parts]
    words = [word.encode() for word in (CANARY, "13912345678", ADDRESS, NAME, PHONE, STAFF, CAMERA)]
    holding_one = [path for path in kept if any(word in path.read_bytes() for word in words)]
    assert any("served" in path.parts for path in kept)
    assert holding_one == originals


def test_who_keeps_the_database_finds_no_elder_in_it_in_plain(town, seeded):
    """Names and telephones are sealed with a key that no dump holds."""
    with data.db.transaction(town) as session:
        tables = session.scalars(
            text("""
            SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
            WHERE relkind = 'r' AND nspname IN ('public', 'wangge_private')""")
        ).all()
        for table in tables:
            for word in (NAME, PHONE):
                found = f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE '%' || :word || '%'"
                assert session.scalar(text(found), {"word": word}) == 0, table
