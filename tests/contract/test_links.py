"""Links in answers lead to us, whatever a request says its host is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import api.door
from api.app import create_app
from api.settings import read
from gis.errors import Invalid

pytestmark = pytest.mark.database

EVIL = "evil.example"
#: Everything that has links in it, or is sent on to somewhere else.
PAGES = ("/ogc", "/ogc/", "/ogc/collections", "/ogc/collections/areas", "/ogc/collections/areas/items?limit=1",
         "/ogc/collections/areas/queryables", "/ogc/collections/areas/items/A", "/ogc/tileMatrixSets",
         "/ogc/collections/areas/tiles", "/ogc/collections/areas/tiles/WebMercatorQuad", "/ogc/collections/",
         "/open311/v2/discovery.json", "/open311/v2/discovery", "/open311/v2/requests.json", "/open311/v2/services/",
         "/api/areas?limit=1", "/openapi.json", "/", "/nowhere")  # fmt: skip


@pytest.fixture
def public(client: TestClient) -> Iterator[TestClient]:
    """The same application where its public address is known."""
    settings = replace(client.app.state.settings, public_url="https://wangge.example.cn")
    with TestClient(create_app(settings)) as made:
        yield made


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(
    "host", [EVIL, f"{EVIL}:80", f"localhost@{EVIL}", f"testserver.{EVIL}", "localhost:81", f"{EVIL}/testserver"]
)
def test_a_hostile_host_is_in_no_answer(client, public, path, host):
    """Neither in a body nor in a header, with a public address or without one."""
    for each in (client, public):
        answer = each.get(path, headers={"Host": host, "X-Forwarded-Host": EVIL}, follow_redirects=False)
        told = f"{answer.text} {answer.headers.items()}"
        assert EVIL not in told
        assert "localhost:81" not in told


def test_a_redirect_stays_where_it_is_asked(client):
    answer = client.get("/ogc/", headers={"Host": EVIL}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, "/ogc")


@pytest.mark.parametrize("slashes", ["//", "///", "/%5C/", "/\\"])
def test_a_path_that_looks_like_a_host_leads_nowhere_else(client, slashes):
    """However many slashes: where a browser is sent begins with one, and no second one or backslash after it."""
    for path in (f"{slashes}{EVIL}/ogc/", f"{slashes}{EVIL}/", f"{slashes}ogc/"):
        answer = client.get(f"http://testserver{path}", headers={"Host": EVIL}, follow_redirects=False)
        assert re.match(r"/(?![/\\])", answer.headers.get("location", "/"))


@pytest.mark.parametrize(
    ("said", "sent"),
    [(b"http://evil/ogc", b"/ogc"), (b"https://evil", b"/"), (b"http://evil//other/x", b"/other/x"), (b"/ogc", b"/ogc"),
     (b"//evil/x", b"/x"), (b"/api/areas/1?a=http://x", b"/api/areas/1?a=http://x")],
)  # fmt: skip
def test_of_an_address_only_what_is_here_is_left(said, sent):
    assert api.door._at_home((b"location", said)) == (b"location", sent)


def test_without_a_known_host_links_lead_from_the_root(client):
    page = client.get("/ogc/collections/areas/items?limit=1", headers={"Host": EVIL}).json()
    assert {each["rel"]: each["href"].partition("?")[0] for each in page["links"]} == {
        "self": "/ogc/collections/areas/items",
        "collection": "/ogc/collections/areas",
        "next": "/ogc/collections/areas/items",
    }
    assert client.get(page["links"][-1]["href"]).json()["numberReturned"] == 1


@pytest.mark.parametrize("host", ["testserver", "localhost", "127.0.0.1", "[::1]", "LOCALHOST", "127.0.0.1:80"])
def test_this_machine_is_called_as_it_was_asked_for(client, host):
    told = client.get("/ogc", headers={"Host": host}).json()["links"][0]["href"]
    assert told == f"http://{host.lower()}/ogc"


def test_a_public_address_is_what_all_links_begin_with(public):
    for path in ("/ogc", "/ogc/collections", "/ogc/collections/areas/items?limit=1"):
        links = public.get(path, headers={"Host": "127.0.0.1"}).json()["links"]
        assert all(each["href"].startswith("https://wangge.example.cn/") for each in links)
    (endpoint,) = public.get("/open311/v2/discovery.json").json()["endpoints"]
    assert endpoint["url"] == "https://wangge.example.cn/open311/v2"


def test_a_public_address_is_a_scheme_and_a_host():
    assert read({"WANGGE_PUBLIC_URL": "https://wangge.example.cn/"}).public_url == "https://wangge.example.cn"
    assert read({"WANGGE_PUBLIC_URL": "http://[::1]:8000"}).public_url == "http://[::1]:8000"
    assert read({"WANGGE_HOME": str(Path.home())}).public_url == ""
    for wrong in (
        "wangge.example.cn",
        "https://h/path",
        "https://u@h",
        "ftp://h",
        "https://h?q",
        "https://h:x",
        "https://",
    ):
        with pytest.raises(Invalid, match=r"settings\.public_url"):
            read({"WANGGE_PUBLIC_URL": wrong})
