"""Reports over HTTP: filed once however often they are sent, moved on by whoever may, never lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

import data.db
import gis.crs
from worlds import squares
from worlds.statements import heard

pytestmark = pytest.mark.database

numbers = count(1)
#: Middle of a grid, in hundredths of a degree from the corner of the town.
MIDDLE = {"A00": (0.5, 0.25), "A01": (0.5, 0.75), "A10": (0.5, 1.25), "B00": (1.5, 0.25)}
TAKEN = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)


def uuid() -> str:
    return str(UUID(int=next(numbers), version=4))


def place(grid: str) -> dict[str, float]:
    x, y = MIDDLE[grid]
    return {"lon": squares.WEST + x / 100, "lat": squares.SOUTH + y / 100}


def body(grid: str = "A00", **more: Any) -> dict[str, Any]:
    return {"category": "handrail", "text": "扶手断裂", "captured_at": TAKEN.isoformat(), **place(grid), **more}


@pytest.fixture
def file(client, as_):
    """File a report and say its public id."""

    def filed(grid: str = "A00", *, by: str = "inspector", **more: Any) -> str:
        answer = client.put(f"/api/reports/{uuid()}", json=body(grid, **more), headers=as_(by))
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    return filed


@pytest.fixture
def act(client, as_):
    """Make a move at the version the report has now."""

    def moved(report_id: str, move: str, *, by: str = "street", expect: int = 200, **more: Any) -> dict[str, Any]:
        version = client.get(f"/api/reports/{report_id}", headers=as_(by)).json()["version"]
        answer = client.post(
            f"/api/reports/{report_id}/moves", json={"move": move, "version": version, **more}, headers=as_(by)
        )
        assert answer.status_code == expect, answer.text
        return answer.json()

    return moved


# Filing ---------------------------------------------------------------------------------------------------------------


def test_the_same_body_again_gets_the_same_answer(client, as_):
    sent, me = uuid(), as_("inspector")
    first = client.put(f"/api/reports/{sent}", json=body(), headers=me)
    again = client.put(f"/api/reports/{sent}", json=body(sent_at=TAKEN.isoformat()), headers=me)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json()["areas"] == {"street": "A", "community": "A0", "grid": "A00"}


def test_a_report_with_photos_asks_the_database_six_times_and_no_more(client, as_):
    """To begin, to enter, to look round, for the report and all that is told of it, its photos, and to commit."""
    photos = ["a" * 64, "b" * 64]
    with heard(client.app.state.door) as asked:
        answer = client.put(f"/api/reports/{uuid()}", json=body(photos=photos), headers=as_("inspector"))
    assert answer.status_code == 201
    assert 2 + len(asked) == 6, asked


def test_too_many_reports_of_one_author_on_one_day_are_refused_until_tomorrow(client, as_, town, people):
    """Of a limit of 500, 498 are taken: two more pass, resends too; the third is told when, and passes then."""
    headers, me = as_("community A1"), people["community A1"]
    filed = text("""INSERT INTO report_day VALUES (:me, current_date, 498)
        ON CONFLICT (author_id, day) DO UPDATE SET filed = excluded.filed""")
    with data.db.transaction(town) as session:
        session.execute(filed, {"me": me})
    known = uuid()
    sent = [known, known, uuid(), uuid(), known]
    answers = [client.put(f"/api/reports/{each}", json=body("A10"), headers=headers) for each in sent]
    assert [answer.status_code for answer in answers] == [201, 200, 201, 429, 200]
    refused = answers[3]
    assert refused.json()["code"] == "reports.a_day"
    assert 0 < int(refused.headers["retry-after"]) <= 86400
    with data.db.transaction(town) as session:
        session.execute(text("UPDATE report_day SET day = day - 1 WHERE author_id = :me"), {"me": me})
    assert client.put(f"/api/reports/{sent[3]}", json=body("A10"), headers=headers).status_code == 201


def test_two_people_may_choose_the_same_id_and_neither_learns_of_it(client, as_):
    sent = uuid()
    one = client.put(f"/api/reports/{sent}", json=body(), headers=as_("inspector"))
    other = client.put(f"/api/reports/{sent}", json=body("B00"), headers=as_("inspector B00"))
    assert (one.status_code, other.status_code) == (201, 201)
    assert one.json()["id"] != other.json()["id"]


def test_a_report_tells_what_happened_what_may_follow_and_by_when(client, as_, file):
    answer = client.get(f"/api/reports/{file(photos=['a' * 64])}", headers=as_("community"))
    told = answer.json()
    assert answer.status_code == 200
    assert [event["move"] for event in told["events"]] == ["receive"]
    assert [open_["move"] for open_ in told["moves"]] == ["accept", "reject", "merge", "correct", "note"]
    assert told["photos"] == {"declared": 1, "here": 0, "missing": ["a" * 64]}
    assert told["due_at"] is not None or told["due_unknown"] == "calendar.unknown_year"


def test_another_body_under_the_same_id_is_kept_beside_the_first_and_never_lost(client, as_, town):
    sent, me = uuid(), as_("inspector")
    first = client.put(f"/api/reports/{sent}", json=body(), headers=me).json()
    for _ in range(2):
        other = client.put(f"/api/reports/{sent}", json=body(text="完全不同"), headers=me)
        assert other.status_code == 409
        assert other.json()["code"] == "reports.other_body"
        assert other.json()["report"] == first["url"]
    with data.db.transaction(town) as session:
        kept = session.execute(
            text("SELECT body->>'text' FROM report_conflict WHERE report_id = :id"), {"id": first["id"]}
        )
        assert kept.scalars().all() == ["完全不同"]
    assert client.get(first["url"], headers=me).json()["text"] == "扶手断裂"


def test_staff_decide_which_body_holds_and_the_other_is_kept(client, as_):
    """The other one holds from now on: a move says so, and resends of either still get their answers."""
    sent, me, staff = uuid(), as_("inspector"), as_("community")
    first = client.put(f"/api/reports/{sent}", json=body(), headers=me).json()
    other = client.put(f"/api/reports/{sent}", json=body("A01", category="lift"), headers=me).json()
    listed = client.get("/api/reports/conflicts?limit=1000", headers=staff).json()["conflicts"]
    assert other["conflict"] in [row["id"] for row in listed]
    choice = f"{first['url']}/conflicts/{other['conflict']}"
    decided = client.post(choice, json={"keep": "other", "reason": "照片是电梯"}, headers=staff)
    assert decided.status_code == 200, decided.text
    told = decided.json()
    assert (told["category"], told["grid_code"], told["disputes"]) == ("lift", "A01", 0)
    assert [event["move"] for event in told["events"]] == ["receive", "correct"]
    assert client.put(f"/api/reports/{sent}", json=body("A01", category="lift"), headers=me).status_code == 200
    again = client.put(f"/api/reports/{sent}", json=body(), headers=me)
    assert (again.status_code, again.json()["conflict"]) == (409, other["conflict"])
    assert client.post(choice, json={"keep": "first", "reason": "x"}, headers=staff).status_code == 409


def test_staff_may_leave_the_first_body_as_it_is(client, as_):
    sent, me = uuid(), as_("inspector")
    first = client.put(f"/api/reports/{sent}", json=body(), headers=me).json()
    number = client.put(f"/api/reports/{sent}", json=body(text="b"), headers=me).json()["conflict"]
    choice = f"{first['url']}/conflicts/{number}"
    told = client.post(choice, json={"keep": "first", "reason": "重复"}, headers=as_("street")).json()
    assert (told["text"], told["version"], told["disputes"]) == ("扶手断裂", 1, 0)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"category": "dragon"}, "reports.refused"),
        ({"text": "  "}, "reports.refused"),
        ({"text": "a\x01b"}, "reports.refused"),
        ({"lon": 0.0, "lat": 0.0}, "reports.refused"),
        ({"photos": ["a" * 64, "a" * 64]}, "reports.refused"),
        ({"captured_at": "2026-03-02T08:30:00"}, "http.malformed"),
        ({"lat": 91}, "http.malformed"),
        ({"datum": "mars"}, "http.malformed"),
        ({"surprise": 1}, "http.malformed"),
        ({"photos": ["A" * 64]}, "http.malformed"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_not_kept(client, as_, change, code):
    sent = uuid()
    answer = client.put(f"/api/reports/{sent}", json=body(**change), headers=as_("inspector"))
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert client.put(f"/api/reports/{sent}", json=body(), headers=as_("inspector")).status_code == 201


def test_every_datum_is_turned_back_at_the_door_and_the_pair_as_sent_is_kept(client, as_, town):
    """The same place sent in three datums lies within a hand's breadth of the place in WGS84."""
    want = place("A00")
    for datum in ("gcj02", "bd09", "cgcs2000"):
        lon, lat = (float(x) for x in gis.crs.from_wgs84(want["lon"], want["lat"], datum))
        answer = client.put(
            f"/api/reports/{uuid()}", json=body(lon=lon, lat=lat, datum=datum), headers=as_("inspector")
        ).json()
        with data.db.transaction(town) as session:
            kept = session.execute(
                text("SELECT ST_X(geom), ST_Y(geom), lon_sent, datum_sent FROM report WHERE id = :id"),
                {"id": answer["id"]},
            ).one()
        assert kept[:2] == pytest.approx((want["lon"], want["lat"]), abs=1e-7)
        assert kept[2:] == (lon, datum)


def test_a_place_in_no_area_and_a_wrong_clock_are_accepted_marked_and_seen_by_somebody(client, as_):
    """A thousand kilometres away and ten years ahead: kept, handled where the author works, and said to be strange."""
    later = (TAKEN + timedelta(days=3650)).isoformat()
    answer = client.put(
        f"/api/reports/{uuid()}", json=body(lon=116.4, lat=39.9, captured_at=later), headers=as_("inspector")
    )
    assert answer.status_code == 201
    assert answer.json()["areas"]["grid"] == "A00"
    told = client.get(answer.json()["url"], headers=as_("community")).json()
    codes = {reason["code"] for reason in told["suspect"]}
    assert codes >= {"suspect.outside", "suspect.ahead"}
    assert told["captured_at"].startswith("2036")
    assert told["received_at"] < told["captured_at"]


def test_from_one_place_to_another_faster_than_any_car_is_marked(client, as_):
    """Grid A00 and grid A10 lie 1.1 km apart; ten seconds between them."""
    by = as_("inspector A01")
    client.put(f"/api/reports/{uuid()}", json=body("A01"), headers=by)
    later = (TAKEN + timedelta(seconds=10)).isoformat()
    answer = client.put(f"/api/reports/{uuid()}", json=body("A10", captured_at=later), headers=by).json()
    told = client.get(answer["url"], headers=by).json()
    assert "suspect.fast" in {reason["code"] for reason in told["suspect"]}
    assert "suspect.beyond" in {reason["code"] for reason in told["suspect"]}


# Moving on ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def unit(client, as_) -> str:
    """A unit that handles things."""
    answer = client.put("/api/units/repair", json={"name_zh": "维修队", "reason": "新设"}, headers=as_("admin"))
    assert answer.status_code == 200, answer.text
    return "repair"


def photo_of(town, report_id: str, author: int, sha256: str) -> None:
    """A photo as it stands once it has come."""
    with data.db.transaction(town) as session:
        session.execute(
            text("INSERT INTO photo (author_id, sha256, bytes, media) VALUES (:author, :sha, 1, 'image/jpeg')"),
            {"author": author, "sha": sha256},
        )
        session.execute(
            text("""INSERT INTO report_photo (report_id, author_id, sha256) VALUES (:id, :author, :sha)
                    ON CONFLICT DO NOTHING"""),
            {"id": report_id, "author": author, "sha": sha256},
        )


def test_a_report_goes_all_the_way_and_is_closed_by_a_second_person_on_site(client, as_, file, act, unit, town, people):
    declared, proof = "b" * 64, "c" * 64
    report = file(photos=[declared])
    act(report, "accept", by="community")
    assert act(report, "assign", unit=unit)["unit"] == unit
    act(report, "resolve", by="inspector", text="已更换")
    checked = {"photos": [proof], "place": place("A00")}
    assert act(report, "close", by="inspector", expect=403, **checked)["code"] == "reports.same_person"
    assert act(report, "close", by="community", expect=409)["code"] == "reports.proof"
    assert act(report, "close", by="community", expect=409, **checked)["code"] == "reports.photos_missing"
    photo_of(town, report, people["inspector"], declared)
    photo_of(town, report, people["community"], proof)
    told = act(report, "close", by="community", **checked)
    assert (told["status"], told["photos"]["missing"]) == ("closed", [])
    assert [event["move"] for event in told["events"]] == ["receive", "accept", "assign", "resolve", "close"]
    back = act(report, "reopen", reason="又坏了")
    assert (back["status"], back["moves"][0]["move"]) == ("reopened", "reject")


def test_a_check_needs_photos_that_whoever_checks_has_sent(file, act, unit, town, people):
    """One that nobody has sent, then one that only the inspector has sent, who resolved it; then her own."""
    report = file()
    act(report, "accept")
    act(report, "assign", unit=unit)
    photo_of(town, report, people["inspector"], "e" * 64)
    act(report, "resolve", by="inspector", text="好了", photos=["e" * 64])
    for named in ("9" * 64, "e" * 64):
        refused = act(report, "close", expect=409, photos=[named], place=place("A00"))
        assert refused["code"] == "reports.photos_missing"
    photo_of(town, report, people["street"], "f" * 64)
    assert act(report, "close", photos=["f" * 64], place=place("A00"))["status"] == "closed"


@pytest.mark.parametrize("by", ["inspector A01", "community A1", "street B"])
def test_who_wrote_a_report_decides_nothing_about_it_where_she_does_not_work(act, file, town, by):
    report = file("A00", by=by)
    for move in ("accept", "return", "resolve", "merge"):
        assert act(report, move, by=by, expect=403)["code"] == "reports.elsewhere"
    assert act(report, "note", by=by, text="还在")["status"] == "received"
    with data.db.transaction(town) as session:
        moves = session.scalars(text("SELECT move FROM report_event WHERE report_id = :id"), {"id": report})
        assert sorted(moves) == ["note", "receive"]


def test_a_check_made_far_from_the_place_is_kept_and_marked(client, as_, file, act, unit, town, people):
    report = file()
    act(report, "accept")
    act(report, "assign", unit=unit)
    act(report, "resolve", by="inspector", text="好了")
    photo_of(town, report, people["street"], "d" * 64)
    told = act(report, "close", photos=["d" * 64], place=place("B00"))
    assert [reason["code"] for reason in told["events"][-1]["suspect"]] == ["suspect.away"]


def test_hold_resume_extend_and_return_leave_their_reasons_and_move_the_deadline(file, act, unit):
    """24 urgent hours for a lift, extended by 5: the deadline is five hours later, and open while on hold."""
    report = file(category="lift")
    act(report, "accept")
    assigned = act(report, "assign", unit=unit)
    due = datetime.fromisoformat(assigned["due_at"])
    assert due - datetime.fromisoformat(assigned["events"][-1]["at"]) == timedelta(hours=24)
    assert due - datetime.fromisoformat(assigned["warn_at"]) == timedelta(hours=4)
    extended = act(report, "extend", reason="等配件", amount=5)
    assert datetime.fromisoformat(extended["due_at"]) - due == timedelta(hours=5)
    held = act(report, "hold", reason="住户不在")
    assert (held["on_hold"], held["due_at"]) == ("住户不在", None)
    assert [each["move"] for each in held["moves"]] == ["resume", "merge", "correct", "note"]
    act(report, "resolve", by="inspector", expect=409, text="x")
    assert act(report, "resume")["due_at"] is not None
    assert act(report, "return", by="inspector", reason="不归我管")["unit"] == ""


def test_who_acts_on_what_has_changed_is_told_how_it_stands_now(client, as_, file, act):
    report = file()
    act(report, "accept")
    stale = client.post(f"/api/reports/{report}/moves", json={"move": "reject", "version": 1, "reason": "x"},
                        headers=as_("street"))  # fmt: skip
    assert (stale.status_code, stale.json()["code"]) == (409, "reports.version")
    assert (stale.json()["present"]["status"], stale.json()["present"]["version"]) == ("accepted", 2)


def test_an_unknown_unit_is_refused_by_name(file, act):
    report = file()
    act(report, "accept")
    assert act(report, "assign", unit="nobody", expect=422)["code"] == "reports.unit"


def test_a_corrected_category_has_its_own_limit(file, act, unit):
    report = file(category="lift")
    act(report, "accept")
    act(report, "assign", unit=unit)
    told = act(report, "correct", reason="是井盖", category="manhole_cover")
    assert datetime.fromisoformat(told["due_at"]) - datetime.fromisoformat(told["events"][2]["at"]) == timedelta(
        hours=4
    )
    assert act(report, "correct", reason="x", category="dragon", expect=404)["code"] == "categories.absent"


def test_merging_keeps_both_reporters(client, as_, file):
    first, second = file(), file("A01", by="inspector A01")
    merged = client.post(f"/api/reports/{second}/merge", json={"into": first, "version": 1, "reason": "同一处"},
                         headers=as_("community"))  # fmt: skip
    assert (merged.status_code, merged.json()["merged_into"]) == (200, first)
    assert client.get(f"/api/reports/{second}", headers=as_("inspector A01")).json()["mine"] is True
    assert client.get(f"/api/reports/{first}", headers=as_("community")).json()["merged"] == [second]
    circle = client.post(f"/api/reports/{first}/merge", json={"into": second, "version": 1}, headers=as_("community"))
    assert (circle.status_code, circle.json()["code"]) == (409, "reports.merge_target")
    unseen = client.post(f"/api/reports/{first}/merge", json={"into": file("B00", by="inspector B00"), "version": 1},
                         headers=as_("community"))  # fmt: skip
    assert unseen.status_code == 404


# Finding --------------------------------------------------------------------------------------------------------------


def listed(client, headers, **asked: Any) -> list[dict[str, Any]]:
    """Every page of a list, three at a time."""
    rows, link, query = [], "/api/reports", {"limit": 3, **asked}
    while link:
        answer = client.get(link, params=query, headers=headers)
        assert answer.status_code == 200, answer.text
        rows += answer.json()["reports"]
        link, query = answer.json()["next"], None
    return rows


@pytest.mark.parametrize("who", ["inspector", "community", "street", "partner", "inspector A01", "street B"])
def test_pages_give_each_report_once_in_order_and_only_to_those_entitled(client, as_, file, town, people, who):
    for grid, by in (("A00", "inspector"), ("A01", "inspector A01"), ("B00", "inspector B00"), ("B00", "inspector")):
        file(grid, by=by)
    rows = listed(client, as_(who))
    mine = {
        "inspector": "grid_code = 'A00'",
        "community": "community_code = 'A0'",
        "street": "street_code = 'A'",
        "partner": "street_code = 'A'",
        "inspector A01": "grid_code = 'A01'",
        "street B": "street_code = 'B'",
    }
    with data.db.transaction(town) as session:
        asked = f"SELECT id::text FROM report WHERE {mine[who]} OR author_id = :me ORDER BY received_at DESC, id DESC"
        expected = session.scalars(text(asked), {"me": people[who]}).all()
    assert [row["id"] for row in rows] == expected
    assert len(expected) > 3


def test_filters_narrow_the_list(client, as_, file, act):
    since = datetime.now(UTC).isoformat()
    accepted, other = file(category="noise"), file("A01", by="inspector A01")
    act(accepted, "accept")
    ids = {
        name: {row["id"] for row in listed(client, as_("street"), since=since, **asked)}
        for name, asked in {
            "status": {"status": "accepted"}, "both": {"status": ["accepted", "received"]},
            "category": {"category": "noise"},
            "area": {"area": "A01"}, "none": {"area": "B"}, "overdue": {"overdue": "true"},
            "bbox": {"bbox": ",".join(map(str, squares.box(0, 0, 1, 0.5).bounds))},
        }.items()
    }  # fmt: skip
    assert ids == {"status": {accepted}, "both": {accepted, other}, "category": {accepted}, "area": {other},
                   "none": set(), "overdue": set(), "bbox": {accepted}}  # fmt: skip


@pytest.mark.parametrize("after", ["x", "2026-01-01_x", "_", "2026-01-01T00:00:00Z"])
def test_a_place_to_go_on_from_that_was_not_given_is_refused(client, as_, after):
    answer = client.get("/api/reports", params={"after": after}, headers=as_("street"))
    assert (answer.status_code, answer.json()["code"]) == (422, "reports.cursor")


def test_what_is_near_is_offered_before_filing(client, as_, file):
    report = file(category="noise", text="夜间施工噪音", captured_at=datetime.now(UTC).isoformat())
    asked = {**place("A00"), "category": "noise", "text": "施工噪音"}
    found = client.get("/api/reports/near", params=asked, headers=as_("inspector")).json()["reports"]
    assert found[0]["score"] > 0.5
    assert report in {row["id"] for row in found}
    far = client.get("/api/reports/near", params=asked | place("A10"), headers=as_("inspector")).json()
    assert far["reports"] == []


def test_a_partner_sees_its_area_and_no_more_columns_than_it_was_granted(client, as_, file):
    report = file()
    told = client.get(f"/api/reports/{report}", headers=as_("partner")).json()
    assert told["text"] == "扶手断裂"
    assert told["suspect"] is told["routed"] is told["accuracy_m"] is told["events"][0]["actor_id"] is None
    assert client.get(f"/api/reports/{report}", headers=as_("partner B")).status_code == 404


def test_who_did_it_is_told_to_staff_alone(client, as_, file, people):
    report = file()
    seen = {
        who: client.get(f"/api/reports/{report}", headers=as_(who)).json()["events"][0]
        for who in ("inspector", "street")
    }
    assert (seen["inspector"]["actor_id"], seen["inspector"]["mine"]) == (None, True)
    assert (seen["street"]["actor_id"], seen["street"]["mine"]) == (people["inspector"], False)


# Many of them ---------------------------------------------------------------------------------------------------------


def period() -> dict[str, str]:
    now = datetime.now(UTC)
    return {"since": (now - timedelta(days=1)).isoformat(), "until": (now + timedelta(days=1)).isoformat()}


def test_figures_of_persons_are_for_the_staff_of_their_place(client, as_, file, act, people):
    act(file(), "accept")
    asked = {**period(), "by": "inspector"}
    mine = client.get("/api/reports/figures", params=asked, headers=as_("inspector"))
    assert (mine.status_code, mine.json()["code"]) == (403, "reports.person_figures")
    staff = client.get("/api/reports/figures", params=asked, headers=as_("community")).json()
    counted = {row["group"]: row["filed"] for row in staff["groups"]}
    assert counted[str(people["inspector"])] >= 1
    assert str(people["inspector B00"]) not in counted
    assert client.get("/api/reports/figures", params=period(), headers=as_("planner")).status_code == 403


@pytest.mark.parametrize("by", ["all", "street", "community", "grid", "unit", "category"])
def test_figures_add_up_whatever_they_are_counted_by(client, as_, file, act, by):
    act(file(), "accept")
    total, parts = (
        client.get("/api/reports/figures", params={**period(), "by": each}, headers=as_("street")).json()["groups"]
        for each in ("all", by)
    )
    assert sum(row["filed"] for row in parts) == total[0]["filed"]


@pytest.mark.parametrize("form", ["csv", "xlsx", "gpkg"])
def test_a_file_holds_the_callers_reports_and_no_formula(client, as_, file, tmp_path, form):
    import geopandas as gpd
    import pandas as pd

    file(text="=cmd|' /C calc'!A0")
    answer = client.get("/api/reports/export", params={"format": form}, headers=as_("community"))
    assert answer.status_code == 200
    path = tmp_path / f"reports.{form}"
    path.write_bytes(answer.content)
    read = {"csv": pd.read_csv, "xlsx": pd.read_excel, "gpkg": gpd.read_file}[form](path)
    assert set(read["community_code"].dropna()) == {"A0"}
    risky = read["text"][read["text"].str.contains("cmd")]
    assert risky.str.startswith("'" if form == "csv" else "=").all()


# The catalogue --------------------------------------------------------------------------------------------------------


def test_the_catalogue_says_which_limits_are_examples(client, as_):
    answer = client.get("/api/categories").json()["categories"]
    assert len(answer) >= 12
    assert all(each["example"] for each in answer if each["code"] == "lift")


def test_an_administrator_changes_a_limit_and_says_why(client, as_, town):
    change = {"family": "event", "name_zh": "积雪", "name_en": "snow", "amount": 3, "unit": "work_days",
              "source": "本区 2026 年目录", "reason": "新目录"}  # fmt: skip
    answer = client.put("/api/categories/snow", json=change, headers=as_("admin"))
    assert (answer.status_code, answer.json()["example"]) == (200, False)
    with data.db.transaction(town) as session:
        logged = session.execute(
            text("SELECT subject, purpose FROM audit_log WHERE action = 'category.set' ORDER BY id DESC LIMIT 1")
        ).one()
    assert tuple(logged) == ("snow", "新目录")
    assert client.put("/api/categories/snow", json=change, headers=as_("street")).status_code == 403
    assert (
        client.put("/api/categories/snow", json={**change, "warn_before": 3}, headers=as_("admin")).status_code == 422
    )


def test_rules_route_a_report_and_say_why_and_contradictions_are_refused(client, as_, unit):
    admin = as_("admin")
    client.put("/api/units/other", json={"name_zh": "另一队", "reason": "x"}, headers=admin)
    rule = {"category": "component", "area": "A0", "unit": unit, "reason": "分工"}
    assert client.put("/api/routing-rules/r1", json=rule, headers=admin).status_code == 200
    clash = client.put("/api/routing-rules/r2", json={**rule, "unit": "other"}, headers=admin)
    assert (clash.status_code, clash.json()["code"]) == (409, "routing.clash")
    crossed = client.put("/api/routing-rules/r3", json={**rule, "category": "lift", "area": "", "unit": "other"},
                         headers=admin)  # fmt: skip
    assert [each["sort"] for each in crossed.json()["clashes"]] == ["crossed"]
    receipt = client.put(f"/api/reports/{uuid()}", json=body(), headers=as_("inspector")).json()
    routed = client.get(receipt["url"], headers=as_("street")).json()["routed"]
    assert routed == {"unit": unit, "rule_id": "r1", "by_category": "family", "by_area": "A0", "passed_over": []}
