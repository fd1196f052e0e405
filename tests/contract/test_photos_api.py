"""Photos over HTTP: any order and any number of times, whole or not at all, and shown only to whom its report is."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from datetime import UTC, datetime

import pytest
from PIL import Image
from sqlalchemy import event, text

import api.actions.photos
import api.worker
import data.changes
import data.db
import data.photofiles
import data.photos
import gis.photos
from worlds import pictures

pytestmark = pytest.mark.database

NOW = datetime(2999, 1, 1, tzinfo=UTC)
JPEG = {"Content-Type": "image/jpeg"}
PLACES = {"A00": {"s": "A", "c": "A0", "g": "A00"}, "B00": {"s": "B", "c": "B0", "g": "B00"}}


@pytest.fixture(scope="module")
def settings(client):
    return client.app.state.settings


@pytest.fixture
def work(town, settings):
    """Do all the jobs there are."""

    def until_done() -> None:
        while api.worker.step(town, settings, ["photo_encode", "photo_compare"]):
            pass

    return until_done


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def put(client, headers, content, *, name=None, media="image/jpeg"):
    address = f"/api/photos/{name or sha256(content)}"
    return client.put(address, content=content, headers=headers | {"Content-Type": media})


def file_report(town, people, author: str, hashes: list[str], *, place: str = "A00") -> str:
    """A report of an author that names photos."""
    codes = PLACES[place]
    with data.db.transaction(town) as session:
        report = session.scalar(
            text("""INSERT INTO report (author_id, client_id, category, captured_at, text, geom, synthetic,
                        street_code, community_code, grid_code)
                    VALUES (:author, gen_random_uuid()::text, 'x', '2026-01-01T00:01Z', '',
                        ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), true, :s, :c, :g) RETURNING id::text"""),
            codes | {"author": people[author], "lon": pictures.LON, "lat": pictures.LAT + 0.001},
        )
        names = dict(zip(("street_code", "community_code", "grid_code"), codes.values(), strict=True))
        data.photos.attach(session, report, people[author], hashes, names)
    return str(report)


@pytest.fixture
def shown(client, as_, town, people, work):
    """A photo of grid A00 that is ready: its id."""
    content = pictures.jpeg(1)
    file_report(town, people, "inspector", [sha256(content)])
    photo = put(client, as_("inspector"), content).json()["id"]
    work()
    return photo


def test_a_photo_is_new_once_and_afterwards_the_same_answer(client, as_):
    first, second = (put(client, as_("inspector"), pictures.jpeg(2)) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert first.json() | {"id": "", "href": ""} == {
        "id": "", "href": "", "sha256": sha256(pictures.jpeg(2)), "state": "received", "reason": None,
        "bytes": len(pictures.jpeg(2)), "width": None, "height": None,
    }  # fmt: skip


def test_the_same_bytes_of_somebody_else_are_another_photo(client, as_):
    """So nobody learns from an answer what others have sent."""
    ids = [put(client, as_(who), pictures.jpeg(3)) for who in ("inspector", "street")]
    assert [answer.status_code for answer in ids] == [201, 201]
    assert ids[0].json()["id"] != ids[1].json()["id"]


def test_what_was_sent_lies_on_the_disk_for_our_eyes_only_and_is_not_served(client, as_, settings):
    photo = put(client, as_("inspector"), pictures.jpeg(4)).json()
    original = data.photofiles.original(settings.home, photo["id"])
    assert original.read_bytes() == pictures.jpeg(4)
    assert stat.S_IMODE(original.stat().st_mode) == 0o600
    assert stat.S_IMODE(original.parent.stat().st_mode) == 0o700
    waiting = client.get(photo["href"], headers=as_("inspector"))
    assert (waiting.status_code, waiting.json()["code"]) == (409, "photos.received")


def test_a_photo_is_on_the_disk_before_its_row_is_and_before_the_answer(client, as_, monkeypatch, town, settings):
    """The order of events as the system is asked for them: file, name, folder, and only then the row."""
    events = []
    sync, rename, add = os.fsync, os.replace, data.photos.add

    def synced(handle):
        events.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        return sync(handle)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", lambda *names: (events.append("name"), rename(*names))[1])
    monkeypatch.setattr(data.photos, "add", lambda *given, **more: (events.append("row"), add(*given, **more))[1])
    assert put(client, as_("inspector"), pictures.jpeg(5)).status_code == 201
    assert events[:3] == ["file", "name", "folder"]
    assert events[-1] == "row"


def test_wrong_bytes_for_a_digest_are_refused_and_nothing_is_kept(client, as_, settings):
    answer = put(client, as_("inspector"), pictures.jpeg(6), name=sha256(b"other"))
    assert (answer.status_code, answer.json()["code"]) == (422, "photos.digest")
    assert data.photofiles.found(settings.home, "coming") == {}


@pytest.mark.parametrize("name", pictures.NO_PICTURE)
def test_what_does_not_begin_like_a_picture_is_refused(client, as_, name):
    answer = put(client, as_("inspector"), pictures.NO_PICTURE[name]())
    assert (answer.status_code, answer.json()["code"]) == (422, "photos.format")


def test_more_bytes_than_a_photo_may_have_are_refused(client, as_):
    content = b"\xff\xd8\xff" + bytes(gis.photos.BYTES_MOST)
    assert put(client, as_("inspector"), content).status_code == 413
    parts = (content[at : at + 2**20] for at in range(0, len(content), 2**20))
    unsaid = client.put(f"/api/photos/{sha256(content)}", content=parts, headers=as_("inspector") | JPEG)
    assert unsaid.status_code == 413


@pytest.mark.parametrize("name", ["x", "A" * 64, "..%2F" + "a" * 61, "a" * 63])
def test_a_name_that_is_no_digest_is_refused(client, as_, name):
    assert put(client, as_("inspector"), pictures.jpeg(), name=name).status_code in (404, 405, 422)


def test_what_cannot_be_decoded_stays_in_quarantine_with_its_reason_and_is_never_shown(client, as_, work, settings):
    make, reason = pictures.HOSTILE["bomb of 144 megapixels"]
    photo = put(client, as_("inspector"), make(), media="image/png").json()
    work()
    again = put(client, as_("inspector"), make(), media="image/png").json()
    assert (again["state"], again["reason"]) == ("refused", reason)
    refused = client.get(photo["href"], headers=as_("inspector"))
    assert (refused.status_code, refused.json()["code"]) == (409, "photos.refused")
    assert data.photofiles.original(settings.home, photo["id"]).exists()
    assert not [name for name in data.photofiles.found(settings.home, "served") if name.startswith(photo["id"])]


def test_a_photo_is_shown_in_two_sizes_with_headers_that_let_it_do_nothing(client, as_, shown):
    for query in ("", "?size=small"):
        answer = client.get(f"/api/photos/{shown}{query}", headers=as_("inspector"))
        assert answer.status_code == 200
        assert Image.open(io.BytesIO(answer.content)).format == "JPEG"
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-disposition"] == "inline"
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert answer.headers["cache-control"] == "private, no-cache"
    same = client.get(
        f"/api/photos/{shown}?size=small", headers=as_("inspector") | {"If-None-Match": answer.headers["etag"]}
    )
    assert (same.status_code, same.content) == (304, b"")
    assert client.get(f"/api/photos/{shown}?size=huge", headers=as_("inspector")).status_code == 422


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ("inspector", 200), ("community", 200), ("street", 200), ("partner", 200), ("inspector A01", 404),
        ("community A1", 404), ("street B", 404), ("partner B", 404), ("planner", 403), ("auditor", 403),
        ("admin", 403), ("nobody", 401), ("expired", 401), ("revoked", 401),
    ],
)  # fmt: skip
def test_a_photo_has_the_rights_of_its_report(client, as_, shown, who, status):
    assert client.get(f"/api/photos/{shown}", headers=as_(who)).status_code == status


def test_a_photo_that_no_report_names_is_its_authors_alone(client, as_, work):
    photo = put(client, as_("inspector"), pictures.jpeg(7)).json()
    work()
    seen = {who: client.get(photo["href"], headers=as_(who)).status_code for who in ("inspector", "street", "partner")}
    assert seen == {"inspector": 200, "street": 404, "partner": 404}


def test_somebody_who_names_anothers_digest_does_not_get_to_see_her_photo(client, as_, town, people, work):
    """The street's staff of B name it in a report of their own: a digest is not a right."""
    content = pictures.jpeg(8)
    photo = put(client, as_("inspector"), content).json()
    file_report(town, people, "street B", [sha256(content)], place="B00")
    work()
    assert client.get(photo["href"], headers=as_("street B")).status_code == 404


@pytest.mark.parametrize("photo_first", [True, False])
def test_how_far_the_pictures_place_is_from_the_reports_is_kept_whichever_came_first(
    client, as_, town, people, work, photo_first
):
    """0.001° of latitude north are 110.8 m there, and 08:00 +08:00 is a minute before 00:01 Z."""
    content = pictures.written(pictures.seen(80 + photo_first), exif=pictures.exif())
    if photo_first:
        put(client, as_("inspector"), content)
        work()
    report = file_report(town, people, "inspector", [sha256(content)])
    if not photo_first:
        put(client, as_("inspector"), content)
    work()
    with data.db.transaction(town) as session:
        (one,) = data.photos.of_report(session, report)
    assert (one["sha256"], one["state"], one["seconds"]) == (sha256(content), "ready", -60)
    assert one["metres"] == pytest.approx(110.8, abs=0.2)


def test_the_feed_says_when_a_photo_of_a_report_has_come_and_when_it_can_be_seen(client, as_, town, people, work):
    with data.db.transaction(town) as session:
        before = data.changes.newest(session)
    content = pictures.jpeg(9)
    report = file_report(town, people, "inspector", [sha256(content)])
    photo = put(client, as_("inspector"), content).json()["id"]
    work()
    feed = client.get(f"/api/changes?since={before}", headers=as_("inspector")).json()["changes"]
    assert [(row["what"], row["subject"], row["action"], row["facts"], row["grid_code"]) for row in feed] == [
        ("photo", photo, action, {"report_id": report}, "A00") for action in ("received", "ready")
    ]


def test_a_full_disk_is_said_and_leaves_nothing(client, as_, settings, monkeypatch):
    """`/dev/full` takes no byte, as a disk does that has no room."""
    before = data.photofiles.found(settings.home, "quarantine").keys()
    opened = os.fdopen
    full = os.open("/dev/full", os.O_WRONLY)
    monkeypatch.setattr(os, "fdopen", lambda handle, mode: (os.close(handle), opened(full, mode))[1])
    answer = put(client, as_("inspector"), pictures.jpeg(10))
    monkeypatch.undo()
    assert (answer.status_code, answer.json()["code"]) == (507, "photos.no_room")
    assert data.photofiles.found(settings.home, "quarantine").keys() == before
    assert data.photofiles.found(settings.home, "coming") == {}
    assert put(client, as_("inspector"), pictures.jpeg(10)).status_code == 201


def test_a_photo_is_refused_before_it_would_take_what_the_database_needs(client, as_, monkeypatch):
    monkeypatch.setattr(data.photofiles, "RESERVE_BYTES", 2**62)
    assert put(client, as_("inspector"), pictures.jpeg(11)).status_code == 507


def test_an_author_sends_no_more_than_so_many_a_day(client, as_, monkeypatch):
    monkeypatch.setattr(gis.photos, "DAY_PHOTOS_MOST", 1)
    assert put(client, as_("community"), pictures.jpeg(12)).status_code == 201
    refused = put(client, as_("community"), pictures.jpeg(13))
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "3600")
    assert put(client, as_("community"), pictures.jpeg(12)).status_code == 200


@pytest.mark.parametrize(("who", "status"), [("nobody", 401), ("expired", 401), ("planner", 403), ("admin", 403)])
def test_who_may_not_send_one_is_refused_before_a_byte_is_taken(client, as_, settings, monkeypatch, who, status):
    monkeypatch.setattr(data.photofiles, "incoming", None)
    assert put(client, as_(who), pictures.jpeg(14)).status_code == status


def test_rows_and_files_are_compared_both_ways_and_mended(client, as_, town, settings, work):
    lost, unshown = (put(client, as_("street"), pictures.jpeg(n)).json()["id"] for n in (15, 16))
    work()
    data.photofiles.original(settings.home, lost).unlink()
    data.photofiles.served(settings.home, unshown, "small").unlink()
    stray = data.photofiles.original(settings.home, "00000000-0000-0000-0000-000000000000")
    stray.parent.mkdir(parents=True, exist_ok=True)
    stray.write_bytes(b"")
    os.utime(stray, (0, 0))
    with data.db.transaction(town) as session:
        found = api.actions.photos.check(session, home=settings.home, now=NOW)
        api.actions.photos.mend(session, found)
    assert found == api.actions.photos.Differences([lost], [unshown], [stray])
    put(client, as_("street"), pictures.jpeg(15))
    work()
    with data.db.transaction(town) as session:
        mended = api.actions.photos.check(session, home=settings.home, now=NOW)
    assert mended == api.actions.photos.Differences([], [], [])


# On the disk before it is said --------------------------------------------------------------------------------------


def test_a_photo_and_every_folder_it_lies_in_are_on_the_disk_before_its_row_is(client, as_, settings, monkeypatch):
    """Synced, then named, then the names synced up to the home, then committed: a power cut at any point leaves no row
    without its bytes. The real server is seen to do so by `tests/bench/full_disk.py`."""
    seen: list[tuple[str, str]] = []
    sync, replace = os.fsync, os.replace

    def synced(handle: int) -> None:
        seen.append(("sync", os.readlink(f"/proc/self/fd/{handle}")))
        sync(handle)

    def named(old: object, new: object) -> None:
        seen.append(("name", str(new)))
        replace(old, new)

    def committed(_: object) -> None:
        seen.append(("commit", ""))

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", named)
    event.listen(client.app.state.door, "commit", committed)
    photo = put(client, as_("inspector"), pictures.jpeg(7001)).json()["id"]
    event.remove(client.app.state.door, "commit", committed)
    place = data.photofiles.original(settings.home, photo)
    first, *rest = [one for one in seen if one[1].startswith(str(settings.home)) or one[0] == "commit"]
    assert first[0] == "sync"
    assert "/photos/coming/" in first[1]
    assert rest[0] == ("name", str(place))
    assert rest[1:5] == [("sync", str(folder)) for folder in place.parents[:4]]
    assert rest[5] == ("commit", "")
