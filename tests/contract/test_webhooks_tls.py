"""Webhooks over real TLS on this machine: who vouches for a receiver, and what becomes of one that is away."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import text
from standardwebhooks import Webhook

import api.actions.webhooks
import api.outgoing
import api.worker
import data.changes
import data.db

pytestmark = pytest.mark.database
NAME = "city.intranet"
HOSTS = frozenset({NAME})


class Authority:
    """Vouches for names, as a city's own certificate authority does."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"authority {folder.name}")])
        self.file = folder / "authority.pem"
        folder.mkdir()
        self.file.write_bytes(_pem(self._sign(self._name, self._key.public_key(), ca=True)))

    def vouched(self, name: str) -> ssl.SSLContext:
        """What a server of that name shows."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver")])
        file = self._folder / f"{name}.pem"
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file.write_bytes(secret + _pem(self._sign(subject, key.public_key(), ca=False, name=name)))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, *, ca: bool, name: str = ""
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(key)
        made = made.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(hours=1))
        made = made.not_valid_after(now + timedelta(hours=1))
        made = made.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        own = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        made = made.add_extension(own if ca else x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own),
                                  critical=False)  # fmt: skip
        if name:
            made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        return made.sign(self._key, hashes.SHA256())


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


class Receiver:
    """Another system behind TLS, which can go away and come back at the same port."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.redirects: list[str] = []
        self._context, self.port = context, 0
        self.up()

    @property
    def url(self) -> str:
        return f"https://{NAME}:{self.port}/hook"

    @property
    def subjects(self) -> list[str]:
        return [json.loads(body)["data"]["subject"] for _, body in self.got]

    def up(self) -> None:
        got, redirects = self.got, self.redirects

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                got.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(302 if redirects else 204)
                if redirects:
                    self.send_header("Location", redirects.pop())
                self.end_headers()

            do_GET = do_POST

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_port
        self._server.socket = self._context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def down(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "ours")


@pytest.fixture
def receiver(authority) -> Iterator[Receiver]:
    made = Receiver(authority.vouched(NAME))
    yield made
    made.down()


@pytest.fixture(autouse=True)
def names(monkeypatch):
    """The city's name leads to this machine; every other one is asked for as ever."""
    ask = socket.getaddrinfo

    def told(host, *rest, **more):
        return ask("127.0.0.1" if host == NAME else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", told)


@pytest.fixture
def settings(client, authority):
    before = client.app.state.settings
    client.app.state.settings = replace(before, webhook_hosts=HOSTS, webhook_ca=authority.file)
    yield client.app.state.settings
    client.app.state.settings = before


@pytest.fixture
def hook(client, as_, receiver, settings):
    made = client.post("/api/webhooks", json={"url": receiver.url}, headers=as_("partner")).json()
    yield made
    client.delete(f"/api/webhooks/{made['id']}", headers=as_("admin"))


@pytest.fixture
def work(town, settings):
    def until_done(*, later: timedelta = timedelta()) -> None:
        with data.db.transaction(town) as session:
            api.actions.webhooks.wake(session)
            session.execute(text("UPDATE job SET run_at = run_at - :later"), {"later": later})
        while api.worker.step(town, settings, ["webhook_deliver"]):
            pass

    return until_done


def happen(town: data.db.Engine, *subjects: object) -> None:
    codes = {"street_code": "A", "community_code": "A0", "grid_code": "A00"}
    for subject in subjects:
        with data.db.transaction(town) as session:
            data.changes.record(session, "report", str(subject), "accept", {"status": "accepted"}, codes=codes)


def test_over_tls_everything_comes_signed_and_in_order(town, receiver, hook, work):
    happen(town, 1, 2, 3)
    work()
    assert receiver.subjects == ["1", "2", "3"]
    for headers, body in receiver.got:
        assert Webhook(hook["secret"]).verify(body, headers)["type"] == "report.accept"
        assert headers["Host"] == f"{NAME}:{receiver.port}"


def test_a_receiver_that_was_away_gets_all_in_order_once_it_is_back(client, as_, town, receiver, hook, work):
    happen(town, 1)
    work()
    receiver.down()
    happen(town, 2, 3)
    work()
    happen(town, 4)
    work(later=timedelta(minutes=1))
    listed = client.get(f"/api/webhooks/{hook['id']}/deliveries", headers=as_("partner")).json()["deliveries"]
    assert [(row["status"], row["reason"]) for row in listed] == [(None, "ConnectError")] * 2 + [(204, None)]
    receiver.up()
    work(later=timedelta(hours=1))
    assert receiver.subjects == ["1", "2", "3", "4"]


def test_a_redirect_over_tls_is_not_followed(town, receiver, hook, work):
    receiver.redirects.append(f"https://{NAME}:{receiver.port}/elsewhere")
    happen(town, 1)
    work()
    assert len(receiver.got) == 1
    work(later=timedelta(minutes=1))
    assert receiver.subjects == ["1", "1"]


def test_only_an_authority_that_is_trusted_and_the_right_name_will_do(authority, receiver, tmp_path):
    """Ours for the right name; not without being told of it, not another's, not for another name."""
    other = Authority(tmp_path / "other")
    assert api.outgoing.post(receiver.url, b"{}", {}, hosts=HOSTS, ca=authority.file).status == 204
    assert api.outgoing.post(receiver.url, b"{}", {}, hosts=HOSTS).reason == "ConnectError"
    assert api.outgoing.post(receiver.url, b"{}", {}, hosts=HOSTS, ca=other.file).reason == "ConnectError"
    wrong = Receiver(authority.vouched("other.intranet"))
    assert api.outgoing.post(wrong.url, b"{}", {}, hosts=HOSTS, ca=authority.file).reason == "ConnectError"
    wrong.down()
    assert len(receiver.got) == 1
    assert wrong.got == []


def test_a_file_that_holds_no_certificate_is_said(receiver, tmp_path):
    (tmp_path / "empty.pem").write_text("")
    for file in (tmp_path / "empty.pem", tmp_path / "absent.pem"):
        assert api.outgoing.post(receiver.url, b"{}", {}, hosts=HOSTS, ca=file).reason == "webhooks.ca"


def test_a_name_that_turns_inward_between_two_deliveries_is_refused(client, as_, town, receiver, hook, work, settings):
    """The name is no longer one of ours, as if it had only been somebody's outside."""
    client.app.state.settings = replace(settings, webhook_hosts=frozenset())
    happen(town, 1)
    with data.db.transaction(town) as session:
        api.actions.webhooks.wake(session)
    while api.worker.step(town, client.app.state.settings, ["webhook_deliver"]):
        pass
    assert receiver.got == []
    listed = client.get(f"/api/webhooks/{hook['id']}/deliveries", headers=as_("partner")).json()["deliveries"]
    assert listed[0]["reason"] == "webhooks.private"
