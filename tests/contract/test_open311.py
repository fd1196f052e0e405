"""Open311 GeoReport v2, asked as another city's system would ask: a key among the fields, XML read with a parser."""

from __future__ import annotations

import hashlib
import io
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image
from sqlalchemy import text
from starlette.testclient import TestClient

import api.worker
import data.db
from contract import people, public_town

pytestmark = pytest.mark.database
KEY = people.key_of("partner")
JPEG = {"Authorization": f"Bearer {KEY}", "Content-Type": "image/jpeg"}
PLACE = {"lat": "23.10234", "long": "113.20512"}
FIELDS = (
    "service_request_id", "status", "status_notes", "service_name", "service_code", "description", "agency_responsible",
    "service_notice", "requested_datetime", "updated_datetime", "expected_datetime", "address", "address_id", "zipcode",
    "lat", "long", "media_url",
)  # fmt: skip


@dataclass
class City:
    """A client of its own: knows the base address, a key, and no more of us than the standard says."""

    http: TestClient
    key: str = ""

    def xml(self, path: str, expected: int = 200, /, **query: str) -> ElementTree.Element:
        answer = self.http.get(f"/open311/v2/{path}.xml", params=query | ({"api_key": self.key} if self.key else {}))
        assert (answer.status_code, answer.headers["content-type"]) == (expected, "text/xml; charset=utf-8"), (
            answer.text
        )
        assert answer.content.startswith(b"<?xml version='1.0' encoding='utf-8'?>")
        return ElementTree.fromstring(answer.content)

    def json(self, path: str, expected: int = 200, /, **query: str) -> Any:
        answer = self.http.get(f"/open311/v2/{path}.json", params=query | ({"api_key": self.key} if self.key else {}))
        assert (answer.status_code, answer.headers["content-type"]) == (expected, "application/json; charset=utf-8")
        return answer.json()

    def post(self, expected: int = 200, /, headers: dict[str, str] | None = None, **fields: str) -> Any:
        sent = fields | ({"api_key": self.key} if self.key else {})
        answer = self.http.post("/open311/v2/requests.json", data=sent, headers=headers)
        assert answer.status_code == expected, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def filled(client: TestClient, town: data.db.Engine) -> TestClient:
    with data.db.transaction(town) as session:
        public_town.settle(session)
    return client


@pytest.fixture
def anybody(filled: TestClient) -> City:
    return City(filled)


@pytest.fixture
def city(filled: TestClient) -> City:
    return City(filled, KEY)


def picture(colour: tuple[int, int, int] = (200, 30, 30)) -> bytes:
    kept = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(kept, "JPEG")
    return kept.getvalue()


def test_discovery_leads_to_the_endpoint_in_both_formats(anybody):
    found = anybody.xml("discovery")
    endpoint = found.find("endpoints/endpoint")
    assert found.tag == "discovery"
    assert endpoint.findtext("specification") == "http://wiki.open311.org/GeoReport_v2"
    assert [one.text for one in endpoint.findall("formats/format")] == ["text/xml", "application/json"]
    assert anybody.http.get(f"{endpoint.findtext('url')}/services.xml").status_code == 200
    assert anybody.json("discovery")["endpoints"][0]["type"] == "production"


def test_services_are_the_categories_whose_reports_are_public(anybody):
    """Of the twelve categories one is about persons."""
    services = anybody.xml("services")
    assert (services.tag, {one.tag for one in services}) == ("services", {"service"})
    codes = [one.findtext("service_code") for one in services]
    assert len(codes) == 11
    assert "elder_help" not in codes
    handrail = next(one for one in services if one.findtext("service_code") == "handrail")
    assert [field.tag for field in handrail] == [
        "service_code", "service_name", "description", "metadata", "type", "keywords", "group"
    ]  # fmt: skip
    assert (handrail.findtext("service_name"), handrail.findtext("metadata")) == ("扶手", "false")
    assert anybody.json("services")[codes.index("handrail")]["metadata"] is False


def test_a_service_has_a_definition_without_attributes(anybody):
    definition = anybody.xml("services/handrail")
    assert (definition.tag, definition.findtext("service_code")) == ("service_definition", "handrail")
    assert definition.find("attributes") is not None
    assert anybody.json("services/handrail") == {"service_code": "handrail", "attributes": []}
    assert anybody.json("services/nosuch", 404)[0]["code"] == 404


def test_the_format_follows_the_suffix_then_accept_and_is_xml_otherwise(anybody):
    ask = anybody.http.get
    assert ask("/open311/v2/services").headers["content-type"].startswith("text/xml")
    assert (
        ask("/open311/v2/services", headers={"Accept": "application/json"})
        .headers["content-type"]
        .startswith("application/json")
    )
    assert (
        ask("/open311/v2/services.xml", headers={"Accept": "application/json"})
        .headers["content-type"]
        .startswith("text/xml")
    )


def test_nobody_sees_the_public_status_and_no_word_or_exact_place(anybody):
    """The report in A00: filed on the fifth, rounded to a thousandth of a degree."""
    listed = anybody.json("requests", start_date="2026-01-01T00:00:00Z", end_date="2026-02-01T00:00:00Z")
    assert public_town.SECRET not in str(listed)
    assert [one["service_code"] for one in listed] == ["litter", "litter", "handrail"]
    own = listed[-1]
    assert tuple(own) == FIELDS
    assert (own["status"], own["status_notes"], own["lat"], own["long"]) == ("open", "received", 23.102, 113.205)
    assert own["requested_datetime"] == "2026-01-05T00:00:00+08:00"
    assert own["description"] is own["media_url"] is None


def test_whoever_works_on_a_report_reads_it_whole(filled, as_):
    """The inspector of A00 sees hers, and of the others what everybody sees."""
    query = {"start_date": "2026-01-01T00:00:00Z"}
    listed = filled.get("/open311/v2/requests.json", params=query, headers=as_("inspector")).json()
    told = {one["service_code"] + one["status_notes"]: one for one in listed}
    assert told["handrailreceived"]["description"] == public_town.SECRET
    assert told["handrailreceived"]["requested_datetime"] == "2026-01-05T10:15:00+08:00"
    assert told["handrailreceived"]["lat"] == pytest.approx(23.10234)
    assert told["litterassigned"]["description"] is None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"status": "closed"}, 1),
        ({"status": "open"}, 2),
        ({"status": "open,closed"}, 3),
        ({"service_code": "litter"}, 2),
        ({"service_code": "litter,handrail"}, 3),
        ({"start_date": "2026-01-06T00:00:00+08:00", "end_date": "2026-01-06T23:59:59+08:00"}, 1),
        ({"end_date": "2026-01-05T23:00:00+08:00"}, 1),
        ({"page_size": "2"}, 2),
        ({"page_size": "2", "page": "2"}, 1),
        ({"page_size": "2", "page": "3"}, 0),
    ],
)
def test_requests_are_chosen_by_service_status_time_and_page(anybody, query, found):
    given = {"start_date": "2026-01-01T00:00:00Z"} if "end_date" not in query else {}
    assert len(anybody.json("requests", **given, **query)) == found


def test_ids_overrule_every_other_condition(anybody):
    ids = [one["service_request_id"] for one in anybody.json("requests", start_date="2026-01-01T00:00:00Z")]
    asked = anybody.json("requests", service_request_id=",".join(ids[:2]), status="closed", service_code="noise")
    assert {one["service_request_id"] for one in asked} == set(ids[:2])


@pytest.mark.parametrize("name", ["start_date", "end_date"])
@pytest.mark.parametrize("day", ["0001-01-01", "0001-01-01T00:00:00+14:00", "9999-12-31", "9999-12-31T23:59:59-14:00"])
def test_a_day_at_the_end_of_all_days_is_refused(anybody, name, day):
    """Ninety days before the first one, or after the last, there is no day."""
    anybody.xml("requests", 400, **{name: day})


def test_more_than_ninety_days_are_refused_and_without_dates_the_last_ninety_are_meant(anybody):
    refused = anybody.xml("requests", 400, start_date="2026-01-01T00:00:00Z", end_date="2026-04-02T00:00:00Z")
    assert (refused.tag, refused.findtext("error/code")) == ("errors", "400")
    assert "90" in refused.findtext("error/description")
    assert anybody.json("requests", start_date="2026-01-01T00:00:00Z", end_date="2026-04-01T00:00:00Z")
    assert not [one for one in anybody.json("requests") if one["requested_datetime"].startswith("2026-01")]


def test_extensions_are_there_when_asked_for(anybody):
    one = anybody.json("requests", start_date="2026-01-01T00:00:00Z", extensions="true")[-1]
    assert one["extended_attributes"] == {"detailed_status": "received", "area_code": "A00", "synthetic": True}


def test_a_request_with_a_photo_goes_round(city):
    """The photo first, then the request that names it; the number at once; then read back by number and by token."""
    photo = picture()
    digest = hashlib.sha256(photo).hexdigest()
    kept = city.http.put(f"/api/photos/{digest}", content=photo, headers=JPEG)
    assert kept.status_code == 201, kept.text
    said = {"service_code": "handrail", "description": "扶手松动 & <断裂>", "media_url": f"/api/photos/{digest}",
            "jurisdiction_id": "D", "email": "someone@example.org", "phone": "13800000000"}  # fmt: skip
    filed = city.post(**said, **PLACE)
    assert set(filed[0]) == {"service_request_id", "service_notice", "account_id"}
    number = filed[0]["service_request_id"]
    back = city.xml(f"requests/{number}")
    assert (back.tag, len(back.findall("request"))) == ("service_requests", 1)
    assert tuple(field.tag for field in back[0]) == FIELDS
    assert back.findtext("request/description") == said["description"]
    assert (back.findtext("request/lat"), back.findtext("request/long")) == (PLACE["lat"], PLACE["long"])
    assert datetime.fromisoformat(back.findtext("request/requested_datetime")).utcoffset() is not None
    link = back.findtext("request/media_url")
    assert link.endswith(kept.json()["href"])
    token = city.xml(f"tokens/{number}")
    assert (token.findtext("request/service_request_id"), token.findtext("request/token")) == (number, number)
    public = City(city.http).json(f"requests/{number}")[0]
    assert (public["status"], public["description"], public["lat"]) == ("open", None, 23.102)


def test_names_and_phones_that_come_with_a_request_are_not_kept(city, town):
    number = city.post(service_code="noise", email="who@example.org", phone="13911112222", first_name="李雷", **PLACE)
    with data.db.transaction(town) as session:
        asked = text("SELECT report::text FROM report WHERE id = CAST(:id AS uuid)")
        row = session.scalar(asked, {"id": number[0]["service_request_id"]})
    assert not [word for word in ("who@example.org", "13911112222", "李雷") if word in row]


def test_a_photo_comes_with_the_form_and_is_shown_with_the_request(city, client, town):
    """As phones send it: one multipart form. It is encoded like any other, and the key's owner sees it."""
    said = {"service_code": "handrail", "description": "扶手断", "api_key": KEY} | PLACE
    sent = {"media": ("IMG_1.jpg", picture(), "image/jpeg")}
    first = client.post("/open311/v2/requests.json", data=said, files=sent)
    assert first.status_code == 200, first.text
    again = client.post("/open311/v2/requests.json", data=said, files=sent)
    assert again.json() == first.json()
    number = first.json()[0]["service_request_id"]
    while api.worker.step(town, client.app.state.settings, ["photo_encode", "photo_compare"]):
        pass
    (told,) = city.json(f"requests/{number}")
    shown = client.get(told["media_url"].partition("testserver")[2], headers={"Authorization": f"Bearer {KEY}"})
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")
    with Image.open(io.BytesIO(shown.content)) as seen:
        assert seen.size == (64, 48)
    with data.db.transaction(town) as session:
        counted = "SELECT count(*) FROM photo JOIN report_photo USING (author_id, sha256) WHERE report_id = :id"
        assert session.scalar(text(counted), {"id": number}) == 1


def test_several_photos_may_come_with_one_form_and_an_empty_field_is_none(city, client, town):
    said = {"service_code": "handrail", "description": "两张", "api_key": KEY} | PLACE
    files = [("media", (f"{n}.jpg", picture((n, n, n)), "image/jpeg")) for n in (1, 2)] + [("media", ("", b"", ""))]
    number = client.post("/open311/v2/requests.json", data=said, files=files).json()[0]["service_request_id"]
    with data.db.transaction(town) as session:
        assert session.scalar(text("SELECT cardinality(photos) FROM report WHERE id = :id"), {"id": number}) == 2


@pytest.mark.parametrize("content", [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a" + b"0" * 40, b"MZ" * 50])
def test_what_is_no_photo_is_refused_and_nothing_is_filed(city, client, town, content):
    def filed() -> int:
        with data.db.transaction(town) as session:
            return session.scalar(text("SELECT count(*) FROM report"))

    before = filed()
    said = {"service_code": "handrail", "description": "图", "api_key": KEY} | PLACE
    answer = client.post("/open311/v2/requests.json", data=said, files={"media": ("a.jpg", content, "image/jpeg")})
    assert (answer.status_code, answer.json()[0]["code"]) == (400, 400)
    assert "photos." not in answer.json()[0]["description"]
    assert filed() == before


def test_without_a_key_no_photo_is_kept(client):
    kept = set(client.app.state.settings.home.glob("photos/*/*/*"))
    said = {"service_code": "handrail"} | PLACE
    answer = client.post("/open311/v2/requests.json", data=said, files={"media": ("a.jpg", picture(), "image/jpeg")})
    assert answer.status_code == 403
    assert set(client.app.state.settings.home.glob("photos/*/*/*")) == kept


def test_a_form_larger_than_a_photo_may_be_is_turned_away(client):
    said = {"service_code": "handrail", "api_key": KEY} | PLACE
    large = picture() + bytes(20_000_001)
    answer = client.post("/open311/v2/requests.json", data=said, files={"media": ("a.jpg", large, "image/jpeg")})
    assert answer.status_code == 413


def test_the_same_request_sent_again_is_one_request(city):
    """Without a key of its own: the same words, at once. With one: the same number, and other words are refused."""
    said = {"service_code": "ramp", "description": "坡道破损"} | PLACE
    assert city.post(**said) == city.post(**said)
    assert city.post(**said | {"description": "另一处"}) != city.post(**said)
    named = {"Idempotency-Key": "city-4711"}
    first = city.post(headers=named, **said)
    assert city.post(headers=named, **said) == first
    assert city.post(409, headers=named, **said | {"description": "别的"})[0]["code"] == 409


@pytest.mark.parametrize(
    "fields",
    [
        PLACE,
        {"service_code": "nosuch"} | PLACE,
        {"service_code": "elder_help"} | PLACE,
        {"service_code": "handrail"},
        {"service_code": "handrail", "lat": "23.1"},
        {"service_code": "handrail", "address_string": "逢源路 1 号"},
        {"service_code": "handrail", "lat": "nan", "long": "113"},
        {"service_code": "handrail", "lat": "91", "long": "113"},
        {"service_code": "handrail", "description": "长" * 4001} | PLACE,
        {"service_code": "handrail", "description": "\x00"} | PLACE,
    ],
)
def test_a_request_that_cannot_be_filed_is_400_in_words(city, fields):
    error = city.post(400, **fields)
    assert (error[0]["code"], list(error[0])) == (400, ["code", "description"])
    assert "georeport." not in error[0]["description"]


@pytest.mark.parametrize("key", ["", "wg_wrong", f"wg_partnera_{'x' * 43}"])
def test_without_a_good_key_nothing_is_filed(filled, key):
    error = City(filled, key).post(403, service_code="handrail", **PLACE)
    assert error[0]["code"] == 403


def test_another_jurisdiction_is_not_found(anybody, city):
    assert anybody.json("services", jurisdiction_id="D")
    assert anybody.json("services", 404, jurisdiction_id="paris.fr")[0]["code"] == 404
    assert city.post(404, service_code="handrail", jurisdiction_id="paris.fr", **PLACE)[0]["code"] == 404


def test_a_link_to_elsewhere_is_not_followed_and_that_is_said(city, monkeypatch):
    import socket

    def no_way_out(*_: object) -> None:
        raise AssertionError("nobody calls out")

    monkeypatch.setattr(socket, "getaddrinfo", no_way_out)
    filed = city.post(service_code="handrail", media_url="http://169.254.169.254/latest/meta-data", **PLACE)
    assert "media_url" in filed[0]["service_notice"]


def test_a_key_in_the_address_is_in_no_log(city, caplog):
    caplog.set_level(logging.DEBUG)
    city.xml("services")
    assert KEY not in "".join(record.getMessage() for record in caplog.records if record.name != "httpx2")


def test_what_is_about_a_person_is_not_found_by_anybody_without_a_right_to_it(anybody, town):
    with data.db.transaction(town) as session:
        hidden = session.scalars(text("SELECT id::text FROM report WHERE client_id IN ('person', 'home')")).all()
    for number in hidden:
        assert anybody.json(f"requests/{number}", 404)[0]["code"] == 404
        assert anybody.json("requests", service_request_id=number) == []
