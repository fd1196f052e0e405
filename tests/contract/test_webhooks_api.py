"""Webhooks: signed, in order, at least once, with the rights of their owner, and to nowhere they must not go."""

from __future__ import annotations

import ipaddress
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from sqlalchemy import text
from standardwebhooks import Webhook, WebhookVerificationError

import api.actions.elders
import api.actions.webhooks
import api.outgoing
import api.worker
import data.changes
import data.db
from gis.errors import Invalid

pytestmark = pytest.mark.database

HOSTS = frozenset({"127.0.0.1"})
PLACES = {"A": ("A", "A0", "A00"), "B": ("B", "B0", "B00")}


class Receiver:
    """Another system: answers with the status it is told to, and remembers what it got."""

    def __init__(self) -> None:
        got: list[tuple[dict[str, str], bytes]] = []
        statuses: list[int] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                got.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(statuses.pop(0) if statuses else 200)
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.got, self.statuses = got, statuses
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?a=1"

    @property
    def subjects(self) -> list[str]:
        return [json.loads(body)["data"]["subject"] for _, body in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture(scope="module", autouse=True)
def settings(client):
    """This machine may be sent to, as an administrator has said."""
    client.app.state.settings = replace(client.app.state.settings, webhook_hosts=HOSTS)
    return client.app.state.settings


@pytest.fixture
def hook(client, as_, receiver):
    """A partner's webhook on the receiver; taken away afterwards."""
    made = client.post("/api/webhooks", json={"url": receiver.url}, headers=as_("partner")).json()
    yield made
    client.delete(f"/api/webhooks/{made['id']}", headers=as_("admin"))


@pytest.fixture
def work(town, settings):
    """Let the worker do what is due; `later` is how much later that is."""

    def until_done(*, later: timedelta = timedelta()) -> None:
        with data.db.transaction(town) as session:
            api.actions.webhooks.wake(session)
            session.execute(text("UPDATE job SET run_at = run_at - :later"), {"later": later})
        while api.worker.step(town, settings, ["webhook_deliver"]):
            pass

    return until_done


def happen(town: data.db.Engine, *subjects: object, place: str = "A", what: str = "report") -> None:
    names = dict(zip(("street_code", "community_code", "grid_code"), PLACES[place], strict=True))
    for subject in subjects:
        with data.db.transaction(town) as session:
            data.changes.record(session, what, str(subject), "accept", {"status": "accepted"}, codes=names)


def told(client, as_, hook, who="partner"):
    return client.get(f"/api/webhooks/{hook['id']}", headers=as_(who)).json()


# Sending --------------------------------------------------------------------------------------------------------------


def test_what_happens_is_sent_signed_in_order_and_once(client, as_, town, receiver, hook, work):
    happen(town, 1, 2, 3)
    work()
    work()
    assert receiver.subjects == ["1", "2", "3"]
    for headers, body in receiver.got:
        event = Webhook(hook["secret"]).verify(body, headers)
        assert event["type"] == "report.accept"
        assert set(event["data"]) == {
            "seq", "at", "what", "subject", "action", "facts", "street_code", "community_code", "grid_code",
        }  # fmt: skip
        assert headers["webhook-id"] == f"change_{event['data']['seq']}"
        assert headers["Host"] == receiver.url.split("/")[2]
        with pytest.raises(WebhookVerificationError):
            Webhook(hook["secret"]).verify(body + b" ", headers)


def test_it_begins_with_what_happens_after_it_was_made(town, client, as_, receiver, work):
    happen(town, "before")
    made = client.post("/api/webhooks", json={"url": receiver.url}, headers=as_("partner")).json()
    happen(town, "after")
    work()
    assert receiver.subjects == ["after"]
    client.delete(f"/api/webhooks/{made['id']}", headers=as_("partner"))


def test_only_what_its_owner_may_see_is_sent_and_it_gets_on_all_the_same(client, as_, town, receiver, hook, work):
    """The partner is responsible for street A: of what happens in B it only sees a number missing."""
    happen(town, "a")
    happen(town, "b", place="B")
    work()
    assert receiver.subjects == ["a"]
    with data.db.transaction(town) as session:
        assert told(client, as_, hook)["last_seq"] == data.changes.newest(session)


def test_only_the_kinds_that_were_asked_for_are_sent(client, as_, town, receiver, hook, work):
    client.patch(f"/api/webhooks/{hook['id']}", json={"what": ["photo"]}, headers=as_("partner"))
    happen(town, 1)
    happen(town, 2, what="photo")
    work()
    assert receiver.subjects == ["2"]


def test_after_a_failure_the_same_comes_again_before_anything_else(client, as_, town, receiver, hook, work):
    """1 goes well, 2 is answered 500; half a minute later 2 comes again with the same id, then 3."""
    receiver.statuses += [200, 500]
    happen(town, 1, 2, 3)
    work()
    assert receiver.subjects == ["1", "2"]
    work()
    assert receiver.subjects == ["1", "2"], "not before its time"
    work(later=timedelta(seconds=30))
    assert receiver.subjects == ["1", "2", "2", "3"]
    assert receiver.got[1][0]["webhook-id"] == receiver.got[2][0]["webhook-id"]
    listed = client.get(f"/api/webhooks/{hook['id']}/deliveries", headers=as_("partner")).json()["deliveries"]
    assert [row["status"] for row in listed] == [200, 200, 500, 200]
    assert told(client, as_, hook)["failures"] == 0


def test_what_fails_again_and_again_is_stopped_with_a_reason_and_can_be_started_again(
    client, as_, town, receiver, hook, work
):
    receiver.statuses += [503] * api.actions.webhooks.TRIES_MOST
    happen(town, 1)
    for _ in range(api.actions.webhooks.TRIES_MOST):
        work(later=timedelta(hours=2))
    stopped = told(client, as_, hook)
    assert (stopped["active"], stopped["reason"], stopped["failures"]) == (False, "failures", 20)
    work(later=timedelta(days=1))
    assert len(receiver.got) == 20
    client.patch(f"/api/webhooks/{hook['id']}", json={"active": True}, headers=as_("partner"))
    work()
    assert len(receiver.got) == 21
    assert told(client, as_, hook) | {"reason": None, "failures": 0, "active": True} == told(client, as_, hook)


def test_who_answers_410_wants_no_more(client, as_, town, receiver, hook, work):
    receiver.statuses.append(410)
    happen(town, 1)
    work()
    assert (told(client, as_, hook)["active"], told(client, as_, hook)["reason"]) == (False, "gone")


def test_a_redirect_is_a_failure_and_is_not_followed(client, as_, town, receiver, hook, work):
    receiver.statuses.append(307)
    happen(town, 1)
    work()
    assert len(receiver.got) == 1
    assert told(client, as_, hook)["failures"] == 1


def test_what_was_sent_can_be_sent_again_from_any_number_on_with_the_same_ids(client, as_, town, receiver, hook, work):
    happen(town, 1, 2, 3)
    work()
    first = json.loads(receiver.got[0][1])["data"]["seq"]
    assert client.post(f"/api/webhooks/{hook['id']}/replay?since={first}", headers=as_("partner")).status_code == 202
    work()
    assert receiver.subjects == ["1", "2", "3", "2", "3"]
    assert receiver.got[1][0]["webhook-id"] == receiver.got[3][0]["webhook-id"]
    ahead = client.post(f"/api/webhooks/{hook['id']}/replay?since={first + 99}", headers=as_("partner"))
    assert (ahead.status_code, ahead.json()["code"]) == (422, "webhooks.ahead")


def test_when_its_key_is_revoked_nothing_is_sent_any_more(client, as_, town, receiver, hook, work):
    with data.db.transaction(town) as session:
        session.execute(text("UPDATE api_key SET revoked_at = now() WHERE prefix = 'partnera'"))
    happen(town, 1)
    work()
    with data.db.transaction(town) as session:
        session.execute(text("UPDATE api_key SET revoked_at = NULL WHERE prefix = 'partnera'"))
    assert receiver.got == []
    assert told(client, as_, hook)["reason"] == "key"


@pytest.mark.parametrize("scope", ["webhooks", "reports:read"])
def test_it_brings_what_the_feed_says_and_so_needs_both_scopes(client, as_, town, receiver, hook, work, scope):
    change = "UPDATE api_key SET scopes = array_{}(scopes, :scope) WHERE prefix = 'partnera'"
    with data.db.transaction(town) as session:
        session.execute(text(change.format("remove")), {"scope": scope})
    refused = client.get(f"/api/webhooks/{hook['id']}", headers=as_("partner"))
    happen(town, 1)
    work()
    with data.db.transaction(town) as session:
        session.execute(text(change.format("append")), {"scope": scope})
    assert (refused.status_code, refused.json()["code"], receiver.got) == (403, "auth.scope", [])


def test_when_its_owner_loses_the_area_nothing_of_it_is_sent(client, as_, town, people, receiver, hook, work):
    change = text("UPDATE assignment SET valid_to = :until WHERE user_id = :user")
    with data.db.transaction(town) as session:
        session.execute(change, {"until": datetime.now(UTC).date(), "user": people["partner"]})
    happen(town, 1)
    work()
    with data.db.transaction(town) as session:
        session.execute(change, {"until": None, "user": people["partner"]})
    assert receiver.got == []


# Keeping --------------------------------------------------------------------------------------------------------------


def test_the_secret_is_shown_once_and_kept_sealed(client, as_, town, hook):
    assert hook["secret"].startswith("whsec_")
    for answer in (told(client, as_, hook), client.get("/api/webhooks", headers=as_("partner")).json()):
        assert "secret" not in json.dumps(answer)
    with data.db.transaction(town) as session:
        kept = session.scalar(text("SELECT secret FROM webhook WHERE id = :id"), hook)
    assert hook["secret"][6:20] not in kept
    assert client.app.state.keyring.seal.open(kept) == hook["secret"]


def test_after_a_change_of_the_key_it_is_sealed_with_secrets_still_open(client, town, hook):
    api.actions.elders.change_key(town, client.app.state.keyring)
    with data.db.transaction(town) as session:
        kept = session.scalar(text("SELECT secret FROM webhook WHERE id = :id"), hook)
    assert client.app.state.keyring.seal.open(kept) == hook["secret"]


def test_a_new_secret_takes_the_place_of_the_old(client, as_, town, receiver, hook, work):
    new = client.post(f"/api/webhooks/{hook['id']}/secret", headers=as_("partner")).json()["secret"]
    happen(town, 1)
    work()
    headers, body = receiver.got[0]
    Webhook(new).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(hook["secret"]).verify(body, headers)


def test_one_that_was_taken_away_is_gone_and_its_secret_with_it(client, as_, town, receiver, hook, work):
    assert client.delete(f"/api/webhooks/{hook['id']}", headers=as_("partner")).status_code == 204
    happen(town, 1)
    work()
    assert receiver.got == []
    assert client.get(f"/api/webhooks/{hook['id']}", headers=as_("partner")).status_code == 404
    with data.db.transaction(town) as session:
        assert session.scalar(text("SELECT secret FROM webhook WHERE id = :id"), hook) == ""


def test_an_owner_stops_and_starts_it(client, as_, town, receiver, hook, work):
    stopped = client.patch(f"/api/webhooks/{hook['id']}", json={"active": False}, headers=as_("partner")).json()
    assert (stopped["active"], stopped["reason"]) == (False, "owner")
    happen(town, 1)
    work()
    assert receiver.got == []
    client.patch(f"/api/webhooks/{hook['id']}", json={"active": True}, headers=as_("partner"))
    work()
    assert receiver.subjects == ["1"]


# Where to -------------------------------------------------------------------------------------------------------------

FORBIDDEN = [
    "https://127.0.0.1/", "https://10.0.0.1/", "https://192.168.1.1/", "https://172.16.0.1/", "https://169.254.169.254/",
    "https://100.100.100.200/", "https://0.0.0.0/", "https://224.0.0.1/", "https://255.255.255.255/", "https://[::1]/",
    "https://[fe80::1]/", "https://[fd00::1]/", "https://[::ffff:127.0.0.1]/", "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/", "https://2130706433/", "https://0x7f.1/", "https://localhost/",
]  # fmt: skip


@pytest.mark.parametrize("url", FORBIDDEN)
def test_no_address_of_this_machine_network_or_cloud_is_taken(url):
    """However it is written: the name is looked up and the addresses decide."""
    with pytest.raises(Invalid, match=r"webhooks\.(private|unknown_host)"):
        api.outgoing.target(url, hosts=())


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://93.184.216.34/", "scheme"), ("ftp://93.184.216.34/", "scheme"), ("file:///etc/passwd", "url"),
        ("https://user@93.184.216.34/", "url"), ("https://", "url"), ("https://a b/", "url"), ("nonsense", "url"),
        ("https://93.184.216.34/#x", "url"), ("https://[::1/", "url"), ("https://x:99999/", "url"),
        ("https://x/" + "a" * 2000, "url"),
    ],
)  # fmt: skip
def test_only_a_plain_https_address_is_one(url, code):
    with pytest.raises(Invalid, match=rf"webhooks\.{code}"):
        api.outgoing.target(url, hosts=())


def test_http_is_for_this_machine_alone_even_on_a_host_of_our_own(monkeypatch):
    answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.7", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answer)
    assert api.outgoing.target("https://city.intranet/", hosts={"city.intranet"}).address == ipaddress.ip_address(
        "10.0.0.7"
    )
    with pytest.raises(Invalid, match=r"webhooks\.scheme"):
        api.outgoing.target("http://city.intranet/", hosts={"city.intranet"})


def test_a_name_that_has_one_inner_address_among_others_is_refused(monkeypatch):
    answer = [(socket.AF_INET, 1, 6, "", (address, 443)) for address in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answer)
    with pytest.raises(Invalid, match=r"webhooks\.private"):
        api.outgoing.target("https://two.example/", hosts=())


def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch, receiver):
    """The name is looked up once: who changes its address afterwards changes nothing (DNS rebinding)."""
    asked = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *_, **__: asked.append(host) or LOOPBACK)
    url = receiver.url.replace("127.0.0.1", "city.intranet")
    answer = api.outgoing.post(url, b"{}", {}, hosts={"city.intranet"})
    assert (answer.status, asked[0], len([name for name in asked if name == "city.intranet"])) == (
        200,
        "city.intranet",
        1,
    )
    assert receiver.got[0][0]["Host"].startswith("city.intranet:")


LOOPBACK = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]


def test_an_address_that_has_turned_inward_since_is_a_failed_delivery(client, as_, town, hook, work, settings):
    client.app.state.settings = settings
    with data.db.transaction(town) as session:
        session.execute(text("UPDATE webhook SET url = 'https://10.0.0.1/' WHERE id = :id"), hook)
    happen(town, 1)
    work()
    listed = client.get(f"/api/webhooks/{hook['id']}/deliveries", headers=as_("partner")).json()["deliveries"]
    assert (listed[0]["status"], listed[0]["reason"]) == (None, "webhooks.private")


def test_a_receiver_that_never_answers_is_given_up(monkeypatch):
    monkeypatch.setattr(api.outgoing, "TOTAL_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        assert api.outgoing.post(url, b"{}", {}, hosts=HOSTS).reason in ("timeout", "ReadTimeout")


def test_an_inner_address_is_refused_when_it_is_given(client, as_):
    answer = client.post("/api/webhooks", json={"url": "https://169.254.169.254/latest"}, headers=as_("partner"))
    assert (answer.status_code, answer.json()["code"]) == (422, "webhooks.private")
