"""What the front door lets in, what it turns away, and what it says, counts and writes down about it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy
from starlette.requests import Request
from starlette.testclient import TestClient

import api.door.strict
import api.logs
import data.db
from api.app import create_app
from api.door import bodies
from api.door.rates import Rates
from api.errors import Turned
from api.settings import Settings
from gis.errors import Busy

pytestmark = pytest.mark.database

JSON = {"Content-Type": "application/json"}
SECRET = "陈婆婆 13800138000"


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What the program writes into its log."""
    kept: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            kept.append(api.logs.Lines().format(record))

    handler, root = Kept(), logging.getLogger()
    root.addHandler(handler)
    level = root.level
    root.setLevel(logging.INFO)
    yield kept
    root.removeHandler(handler)
    root.setLevel(level)


def rule(answer: Any) -> str:
    return answer.json()["faults"][0]["rule"]


@pytest.mark.parametrize(
    ("body", "status", "broken"),
    [
        (b'{"a": NaN}', 400, "not_finite"),
        (b'{"a": -Infinity}', 400, "not_finite"),
        (b'{"a": 1e400}', 400, "not_finite"),
        (b'{"a": 1, "a": 2}', 400, "duplicate_key"),
        (b'{"a": {"b": 1, "b": 1}}', 400, "duplicate_key"),
        (b"[" * 33 + b"]" * 33, 400, "too_deep"),
        (b"[" * 100_000, 400, "too_deep"),
        (b'{"a": "\\u0000"}', 400, "not_text"),
        (b'{"\\ud800": 1}', 400, "not_text"),
        (b'{"a": "\xff"}', 400, "not_utf8"),
        ("{}".encode("utf-16"), 400, "not_utf8"),
        (b"\xef\xbb\xbf{}", 400, "not_json"),
        (b"{", 400, "not_json"),
        (b"1" * 5000, 400, "not_json"),
        (b"[" + b"[1,2]," * 20_000 + b"[1,2]]", 413, "too_many_vertices"),
    ],
)
def test_json_with_a_surprise_is_turned_away_by_rule(client: TestClient, body: bytes, status: int, broken: str):
    answer = client.post("/api/token", content=body, headers=JSON)
    assert (answer.status_code, rule(answer)) == (status, broken)


@pytest.mark.parametrize("body", [b"[" * 32 + b"]" * 32, b'{"a": "[[{\\"[[' + b"[" * 40 + b'"}', b'{"a": "\\\\u0000"}'])
def test_depth_and_nul_are_those_of_the_document_not_of_what_its_texts_say(body: bytes):
    """32 lists are allowed; brackets in a text are no lists; an escaped backslash before u0000 is no NUL."""
    api.door.strict.check(body)


@pytest.mark.parametrize("unit", [b'"', b'\\"', b'"\\', b"[", b'":"', b'"\\"'])
def test_no_text_makes_the_count_of_brackets_slow(unit: bytes):
    """A megabyte takes a few hundredths of a second whatever it is; going back over it would take hours."""
    with pytest.raises(Turned):
        api.door.strict.check(unit * (1_000_000 // len(unit)))


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status"),
    [
        ("POST", "/api/token", {"Content-Type": "text/xml"}, b"<a/>", 415),
        ("POST", "/api/token", {}, b"{}", 415),
        ("POST", "/api/token", JSON | {"Content-Encoding": "gzip"}, b"{}", 415),
        ("POST", "/api/token", JSON, b" " * 1_000_001, 413),
        ("GET", "/api/areas?level=" + "x" * 8000, {}, b"", 414),
        ("GET", "/api/areas/" + "x" * 2000, {}, b"", 414),
        ("GET", "/api/areas/%00", {}, b"", 400),
        ("GET", "/api/areas?within=%00", {}, b"", 400),
        ("GET", "/healthz", {"X-Long": "x" * 16_000}, b"", 431),
        ("GET", "/healthz", {f"X-{n}": "1" for n in range(100)}, b"", 431),
        ("TRACE", "/healthz", {}, b"", 405),
        ("CONNECT", "/healthz", {}, b"", 405),
        ("OPTIONS", "/healthz", {"Origin": "https://elsewhere.example"}, b"", 405),
        ("DELETE", "/healthz", {}, b"", 405),
        ("GET", "/no-such-page", {}, b"", 404),
    ],
)
def test_what_is_no_request_of_ours_is_a_problem_document(client, method, path, headers, body, status):
    answer = client.request(method, path, headers=headers, content=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == f"http.{status}"
    assert "access-control-allow-origin" not in answer.headers


def test_the_words_come_in_the_language_asked_for(client: TestClient):
    said = {lang: client.get("/no", headers={"Accept-Language": lang}).json()["title"] for lang in ("zh", "en")}
    assert said == {"zh": "没有找到，或者您看不到它。", "en": "There is no such thing, or none that you may see."}


def test_head_says_what_get_would_without_the_body(client: TestClient):
    shown, asked = client.get("/healthz"), client.head("/healthz")
    assert asked.status_code == 200
    assert asked.content == b""
    assert asked.headers["content-length"] == shown.headers["content-length"]


def test_every_answer_is_marked_and_closed(client: TestClient):
    """Those of the door itself, of a route and of a page alike; what is for programs is kept by no cache."""
    for path in ("/healthz", "/no-such-page", "/api/areas/none", "/docs"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'self'" in headers["content-security-policy"]
        assert len(headers["x-request-id"]) == 16
    assert client.get("/api/areas/none").headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("sent", "kept"), [("phone-7.42", True), ("short", False), ("x" * 65, False), ("a b c d e", False)]
)
def test_a_sane_request_id_is_kept(client: TestClient, sent: str, kept: bool):
    assert (client.get("/healthz", headers={"X-Request-Id": sent}).headers["x-request-id"] == sent) is kept


def test_a_fault_of_ours_is_a_500_whose_log_quotes_nothing(client: TestClient, lines: list[str], monkeypatch):
    def fails(*_: object, **__: object) -> None:
        raise ValueError(SECRET)

    monkeypatch.setattr("data.areas.search", fails)
    answer = client.get("/api/areas", headers={"X-Request-Id": "fault-of-ours"})
    assert (answer.status_code, answer.json()["code"]) == (500, "http.500")
    assert answer.headers["x-request-id"] == "fault-of-ours"
    assert any("in fails" in line for line in lines)
    assert SECRET not in answer.text + "".join(lines)


def test_one_line_of_json_for_each_request_names_route_and_person_and_no_address(client, as_, people, lines):
    client.get("/api/areas/S-ecret?as_of=2026-01-01", headers=as_("street") | {"X-Request-Id": "line-of-json"})
    told = [json.loads(line) for line in lines]
    (line,) = [one for one in told if one["logger"] == "api.requests"]
    assert line | {"at": "", "seconds": 0} == {
        "at": "", "level": "INFO", "logger": "api.requests", "message": "request", "method": "GET",
        "route": "/api/areas/{code}", "status": 404, "seconds": 0, "request_id": "line-of-json",
        "user_id": people["street"],
    }  # fmt: skip


# Rates ----------------------------------------------------------------------------------------------------------------


def asker(address: str, token: str | None = None) -> Request:
    headers = [] if token is None else [(b"authorization", token.encode())]
    return Request({"type": "http", "headers": headers, "client": (address, 1)})


def test_who_asks_too_often_is_told_when_to_come_again_and_others_are_not_held_up(tmp_path):
    """Two a minute for a token; a third is refused, another token from the same address is not."""
    rates = Rates(Settings(home=tmp_path, rate_person=2, rate_address=2))
    for _ in range(2):
        rates.check(asker("10.0.0.1", "Bearer a"))
    with pytest.raises(Turned) as refused:
        rates.check(asker("10.0.0.1", "Bearer a"))
    assert refused.value.status_code == 429
    assert 1 <= int(refused.value.headers["Retry-After"]) <= 60
    rates.check(asker("10.0.0.1", "Bearer b"))


def test_guessing_tokens_has_an_end(tmp_path):
    """Each guess is another token, but two wrong ones from one address are all it may show."""
    rates = Rates(Settings(home=tmp_path, rate_person=2, rate_address=2))
    for guess in ("a", "b"):
        rates.check(asker("10.0.0.1", guess))
        rates.unknown(asker("10.0.0.1", guess))
    with pytest.raises(Turned):
        rates.check(asker("10.0.0.1", "c"))
    rates.check(asker("10.0.0.2", "c"))


def test_a_token_that_opens_nothing_counts_where_none_is_asked_for(database_url, tmp_path):
    """The description of the API is anybody's: a third made-up token within a minute is refused all the same."""
    settings = Settings(home=tmp_path, database_url=database_url, rate_address=2)
    with TestClient(create_app(settings)) as client:
        tried = [client.get("/docs", headers={"Authorization": f"Bearer {guess}"}) for guess in "abc"]
    assert [answer.status_code for answer in tried] == [200, 200, 429]


def test_a_limit_of_none_is_none(tmp_path):
    rates = Rates(Settings(home=tmp_path, rate_person=0, rate_address=0))
    for _ in range(5000):
        rates.check(asker("10.0.0.1"))


def test_too_many_requests_are_a_problem_document(database_url, tmp_path):
    settings = Settings(home=tmp_path, database_url=database_url, rate_address=1)
    with TestClient(create_app(settings)) as client:
        assert [client.get("/no").status_code for _ in range(2)] == [404, 429]
        assert client.get("/healthz").status_code == 200
        assert client.get("/no", headers={"Accept-Language": "en"}).json()["title"].startswith("Too many")


# Load -----------------------------------------------------------------------------------------------------------------


def test_more_than_can_be_answered_soon_is_refused_at_once(client: TestClient, monkeypatch):
    """Nobody waits, and whoever watches over the server is answered all the same."""
    monkeypatch.setattr(api.door, "MOST_WAITING", 0)
    answer = client.get("/api/areas")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert client.get("/healthz").status_code == 200


def test_a_report_waits_for_no_photo_map_or_table():
    """Every place for photos and for everything else is taken; the one for a report is free. All places together are
    as many as there are connections."""
    lanes = api.door.Lanes()
    told = {"photo": ("PUT", "/api/photos/ab"), "table": ("GET", "/api/reports"), "report": ("PUT", "/api/reports/ab")}
    lane = {name: lanes.of({"method": method, "path": path}) for name, (method, path) in told.items()}
    free = {name: lane[name].places._value for name in lane}

    async def taken() -> None:
        for name in ("photo", "table"):
            for _ in range(free[name]):
                await lane[name].places.acquire()

    asyncio.run(taken())
    assert (lane["photo"].places.locked(), lane["table"].places.locked()) == (True, True)
    assert not lane["report"].places.locked()
    assert sum(free.values()) == data.db.POOL


def test_an_empty_pool_is_said_within_a_second(database_url):
    """A pool of one whose one connection is taken: the next is refused as busy, not as a fault of ours."""
    assert data.db.engine(database_url).pool.timeout() == 1.0
    small = sqlalchemy.create_engine(database_url, pool_size=1, max_overflow=0, pool_timeout=0.01)
    with small.connect(), pytest.raises(Busy, match=r"store\.crowded"), data.db.transaction(small) as session:
        session.connection()
    small.dispose()


def test_a_body_that_stops_coming_is_given_up(monkeypatch):
    """A sender that is silent for longer than allowed holds nothing of ours."""
    monkeypatch.setattr(bodies, "SILENCE_S", 0.01)
    request = Request({"type": "http", "path": "/api/token", "method": "POST", "headers": [
        (b"content-type", b"application/json"), (b"content-length", b"10")]})  # fmt: skip

    async def silent() -> dict[str, object]:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(Turned) as refused:
        asyncio.run(bodies.checked(request, silent))
    assert refused.value.status_code == 408


def test_a_body_longer_than_it_says_is_cut(monkeypatch):
    """Without a length, as pieces of a megabyte: twenty are taken, the next is too many."""
    request = Request({"type": "http", "path": "/api/photos/x", "method": "PUT", "headers": [
        (b"content-type", b"image/jpeg"), (b"transfer-encoding", b"chunked")]})  # fmt: skip

    async def endless() -> dict[str, object]:
        return {"type": "http.request", "body": b"x" * 1_000_000, "more_body": True}

    async def read() -> None:
        receive = await bodies.checked(request, endless)
        for _ in range(20):
            await receive()
        with pytest.raises(Turned, match="413"):
            await receive()

    asyncio.run(read())


# Metrics --------------------------------------------------------------------------------------------------------------


def test_figures_are_for_this_machine_or_for_a_key(database_url, tmp_path):
    settings = Settings(home=tmp_path, database_url=database_url, metrics_key="k" * 20)
    app = create_app(settings)
    local, far = TestClient(app, client=("127.0.0.1", 1)), TestClient(app, client=("10.0.0.9", 1))
    assert local.get("/metrics").status_code == 200
    assert local.get("/metrics", headers={"X-Forwarded-For": "10.0.0.9"}).status_code == 404
    assert far.get("/metrics").status_code == 404
    assert far.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 404
    assert far.get("/metrics", headers={"Authorization": "Bearer " + "k" * 20}).status_code == 200


def test_figures_count_by_route_and_name_nobody(client: TestClient, as_):
    for _ in range(3):
        client.get("/api/areas/S-ecret", headers=as_("street"))
    told = client.app.state.metrics.text({"waiting": 2}).decode()
    assert 'wangge_requests_total{method="GET",route="/api/areas/{code}",status="404"}' in told
    assert 'wangge_jobs{state="waiting"} 2.0' in told
    assert "wangge_connections_in_use 0.0" in told
    assert "S-ecret" not in told
