"""Bad input at size, against the real server: 20,000 requests and more, none of which may make it fail.

    python tests/bench/bad_input.py [--examples 12] [--only PART ...]

Every class of bad input goes to every route it fits, with the token of each role, four at a time; then Schemathesis
asks with examples, with boundaries, at random and in sequences. No answer may be a fault of ours (503 neither: nothing
is overloaded here), repeat what was sent or show whose it is, or take more than two seconds, and the process that
answers may not grow. The clock stands still while the whole machine does. Prints a table; ends with 1 on a miss.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import re
import socket
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests
import schemathesis
import schemathesis.engine.events
from sqlalchemy import text

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import api.auth  # noqa: E402
import data.keyring  # noqa: E402
from contract import conftest, objects, people  # noqa: E402
from contract.test_rights_matrix import DECLARED, put_in  # noqa: E402
from worlds.asking import addresses as every_address  # noqa: E402
from worlds.awake import Clock  # noqa: E402
from worlds.bad_input import BAD_VALUES, BROKEN_HTTP, CLASSES, FIELDS, NAMED, SECRET, SOUND, TYPES  # noqa: E402
from worlds.serving import Service, children  # noqa: E402

#: The admin comes last: she may shut out the others.
ROLES = ("nobody", "inspector", "community", "street", "planner", "partner", "auditor", "admin")
LEAST, AT_ONCE = 20_000, 4
WORST_S, GROWTH_MB = 2.0, 100.0
#: After so many requests a thread takes another token and another address, as if it were another phone: the limits of
#: requests are not what is tried here.
A_PHONE = 200
#: What nobody may be told in a refusal: what was sent, who works here, what was reported, what the program is made of.
CANARY = "金丝雀王秀英13912345678"
UNSAID = [one.encode() for one in (SECRET, CANARY, "人员", "Traceback", "psycopg", 'File "/')]


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def rss_mb(pid: int) -> float:
    """What a process holds of the memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


# The town -------------------------------------------------------------------------------------------------------------


class Town:
    """A real server with somebody of every role and an object of everything, and headers for any number of phones."""

    def __init__(self, service: Service) -> None:
        self.service, self.number = service, itertools.count()
        self.keyring = data.keyring.Keyring(service.home / "keys")
        self.url = f"http://127.0.0.1:{service.port}"
        with service.database() as session:
            self.people = people.employ(session)
            conftest.furnish(session)
            self.keys = [people.key_of(login) for login in self._more_keys(session)]
            self.sessions = {role: self._session(session, role) for role in ROLES[1:]}
            self.values = {route: self._value(session, one) for route, one in DECLARED.items()}
            session.execute(text("UPDATE report SET text = :words"), {"words": CANARY})

    def _more_keys(self, session: Any) -> Iterator[str]:
        for number in range(40):
            login = f"partner {number}"
            people.PREFIXES[login] = f"partn{number:03d}"
            people.FIELDS[login] = people.FIELDS["partner"]
            people.give_key(session, login, self.people["partner"])
            yield login

    def _session(self, session: Any, role: str) -> str:
        made = ("INSERT INTO login_session (user_id, role, expires_at)"
                " VALUES (:user, :role, now() + interval '1 day') RETURNING id")  # fmt: skip
        return str(session.scalar(text(made), {"user": self.people[role], "role": role}))

    def _value(self, session: Any, one: dict[str, Any]) -> dict[str, Any]:
        made = getattr(objects, f"make_{one['of']}")(session, "own") if "of" in one else {}
        return made if isinstance(made, dict) else {"id": made}

    def headers(self, role: str) -> dict[str, str]:
        """Those of somebody in a role, with a token or key that has not been shown lately."""
        number = next(self.number)
        if role == "nobody":
            return {}
        if role == "partner":
            return people.bearer(self.keys[number % len(self.keys)])
        at = datetime.now(UTC) - timedelta(seconds=number % 240)
        token = api.auth.access_token(self.keyring, user_id=self.people[role], session_id=self.sessions[role], now=at)
        return people.bearer(token)

    def filled(self, route: str) -> str:
        """The path of a route, with the ids of what is there."""
        _, template = route.split(" ", 1)
        one, values = DECLARED[route], self.values[route]
        return one.get("path") or NAMED.sub(lambda name: str(values.get(name[1], values.get("id", "x"))), template)

    def service_pids(self) -> list[int]:
        """The one process that answers, unless it has died."""
        return children(self.service.process.pid, b"serve")

    @cached_property
    def api(self) -> dict[str, Any]:
        """What the server says of itself."""
        return requests.get(f"{self.url}/openapi.json", timeout=30).json()

    @cached_property
    def routes(self) -> dict[str, dict[str, Any]]:
        """Every documented route by method and path."""
        documented = self.api["paths"].items()
        return {f"{verb.upper()} {path}": one for path, verbs in documented for verb, one in verbs.items()}


# Asking ---------------------------------------------------------------------------------------------------------------


@dataclass
class Tally:
    """What was answered, by part, role and status, and what should not have been."""

    clock: Clock = field(default_factory=Clock)
    statuses: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    slowest: dict[tuple[str, str], tuple[float, str]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, part: str, role: str, what: str, status: int, body: bytes, seconds: float) -> None:
        with self.lock:
            self.statuses[part, role, status] += 1
            self.slowest[part, role] = max(self.slowest.get((part, role), (0.0, "")), (seconds, what))
            if fault := _fault(status, body, seconds):
                self.faults.append(f"{part}, {role}: {what[:300]}: {fault}")


def _fault(status: int, body: bytes, seconds: float) -> str | None:
    if status == 0 or status >= 500:
        return f"{status or 'no answer'} {body[:200].decode(errors='replace')}"
    told = status == 409 and b'"present":' in body  # how a report stands, to who may read it and moved it too late
    if status >= 400 and not told and any(one in body for one in UNSAID):
        return f"says too much: {body[:200].decode(errors='replace')}"
    return f"{seconds:.1f} s" if seconds > WORST_S else None


class Phones(threading.local):
    """The phone of this thread: a line that is kept open, and headers; another one after a while."""

    def __init__(self, town: Town) -> None:
        self.town, self.left, self.role, self.session = town, 0, "", requests.Session()

    def take(self, role: str) -> Phones:
        if self.left == 0 or role != self.role:
            self.left, self.role = A_PHONE, role
            behind = f"10.{random.randrange(256)}.{random.randrange(256)}.{random.randrange(256)}"
            self.headers = self.town.headers(role) | {"X-Forwarded-For": behind}
        self.left -= 1
        return self


@dataclass(frozen=True)
class Asked:
    """One request: a role, a method and a path with its query, headers of its own, a body."""

    role: str
    method: str
    path: str
    headers: dict[str, str]
    content: bytes


def ask(part: str, phones: Phones, tally: Tally, one: Asked) -> None:
    """Send it as it is written, and look at the answer."""
    phone = phones.take(one.role)
    made = requests.Request(one.method, phones.town.url, headers=phone.headers | one.headers, data=one.content)
    prepared = phone.session.prepare_request(made)
    prepared.url = phones.town.url + one.path
    began = tally.clock()
    try:
        answer = phone.session.send(prepared, timeout=60, allow_redirects=False)
        status, body = answer.status_code, answer.content
    except requests.RequestException as error:
        status, body = 0, type(error).__name__.encode()
    tally.note(part, one.role, f"{one.method} {one.path} {one.content[:80]!r}", status, body, tally.clock() - began)


# Parts ----------------------------------------------------------------------------------------------------------------

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def bodies(town: Town) -> Iterator[Asked]:
    """Every class of body for every route that takes one."""
    for role, route, (_, made) in itertools.product(ROLES, _taking(town), CLASSES.items()):
        yield Asked(role, route.split()[0], town.filled(route), JSON, made(SOUND))


def types(town: Town) -> Iterator[Asked]:
    """Every body of another type."""
    for role, route, (kind, content) in itertools.product(ROLES, _taking(town), TYPES.values()):
        yield Asked(role, route.split()[0], town.filled(route), {"Content-Type": kind} if kind else {}, content)


def addresses(town: Town) -> Iterator[Asked]:
    """A bad value for every name in a path and every parameter at once."""
    for role, (route, one), value in itertools.product(ROLES, town.routes.items(), BAD_VALUES):
        method, template = route.split(" ", 1)
        query = "&".join(f"{name}={value}" for name in _queried(one))
        if query or "{" in template:
            yield Asked(role, method, f"{NAMED.sub(lambda _, value=value: value, template)}?{query}", {}, b"")


def parameters(town: Town) -> Iterator[Asked]:
    """A bad value for one parameter of something that is there."""
    for role, (route, one), value in itertools.product(("street", "planner"), town.routes.items(), BAD_VALUES):
        for name in _queried(one):
            yield Asked(role, route.split()[0], f"{town.filled(route)}?{name}={value}", {}, b"")


def fields(town: Town) -> Iterator[Asked]:
    """A sound body of which one field is bad, from every role that is not turned away whatever it sends."""
    for role, (route, one) in itertools.product(ROLES, DECLARED.items()):
        if one[role][:3] in ("401", "403"):
            continue
        body = put_in(one.get("body", {}), town.values[route])
        names = [*body, *_described(town, route)] if "body" in one else []
        for name, value in itertools.product(dict.fromkeys(names), FIELDS):
            yield Asked(role, route.split()[0], town.filled(route), JSON, json.dumps({**body, name: value}).encode())


def forms(town: Town) -> Iterator[Asked]:
    """A sound form of which one field is bad."""
    for role, (route, one) in itertools.product(ROLES, DECLARED.items()):
        form = put_in(one.get("form", {}), town.values[route])
        for name, value in itertools.product([*form, "unknown"] if form else [], BAD_VALUES):
            sent = "&".join(f"{key}={value if key == name else quote(str(held))}" for key, held in form.items())
            yield Asked(role, route.split()[0], town.filled(route), FORM, f"{sent}&unknown={value}".encode())


PARTS: dict[str, Callable[[Town], Iterator[Asked]]] = {
    "bodies": bodies, "types": types, "addresses": addresses, "parameters": parameters, "fields": fields,
    "forms": forms,
}  # fmt: skip


def _taking(town: Town) -> list[str]:
    return [route for route, one in town.routes.items() if "requestBody" in one]


def _queried(one: dict[str, Any]) -> list[str]:
    return [each["name"] for each in one.get("parameters", []) if each["in"] == "query"]


def _described(town: Town, route: str) -> list[str]:
    """The fields that the description of a JSON body names."""
    content = town.routes.get(route, {}).get("requestBody", {}).get("content", {}).get("application/json", {})
    found: list[str] = []
    for name in re.findall(r"#/components/schemas/(\w+)", json.dumps(content)):
        found += town.api["components"]["schemas"][name].get("properties", {})
    return found


def broken(town: Town, tally: Tally) -> None:
    """What is no HTTP: refused or hung up on, and the next one is answered."""
    for name, sent in BROKEN_HTTP.items():
        began = tally.clock()
        with socket.create_connection(("127.0.0.1", town.service.port), timeout=30) as line, suppress(OSError):
            line.sendall(sent)
            line.shutdown(socket.SHUT_WR)
            said = b"".join(iter(lambda: line.recv(65536), b""))
        status = int(said.split(b" ", 2)[1]) if said.startswith(b"HTTP/") else 400
        tally.note("broken", "nobody", name, status, said, tally.clock() - began)
        assert requests.get(f"{town.url}/healthz", timeout=30).status_code == 200


def generated(town: Town, phones: Phones, tally: Tally, examples: int) -> None:
    """All phases of Schemathesis with the token of each role."""
    local, asking, untried = threading.local(), {"role": ROLES[0]}, Counter[str]()

    @schemathesis.hook
    def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
        phone = phones.take(asking["role"])
        case.headers = {**dict(case.headers or {}), **phone.headers}
        local.began = tally.clock()

    @schemathesis.hook
    def after_call(context: Any, case: Any, response: Any) -> None:
        what = f"{case.operation.label} {case.as_curl_command()[:600]}"
        tally.note("Schemathesis", asking["role"], what, response.status_code, response.content,
                   tally.clock() - local.began)  # fmt: skip

    for role in ROLES:
        asking["role"] = role
        schema = schemathesis.openapi.from_dict(town.api)
        schema.config.update(base_url=town.url, workers=AT_ONCE)
        schema.config.generation.update(max_examples=examples)
        for event in schemathesis.engine.from_schema(schema).execute():
            if isinstance(event, schemathesis.engine.events.NonFatalError | schemathesis.engine.events.FatalError):
                untried[f"{getattr(event, 'label', '')}: {getattr(event, 'value', event)}"[:150]] += 1
        (pid,) = town.service_pids()
        say(f"Schemathesis, {role}: {sum(tally.statuses.values())} requests so far, {rss_mb(pid):.0f} MB")
    for what, times in untried.items():
        say(f"  could not be tried, {times} times: {what}")


# Together -------------------------------------------------------------------------------------------------------------


def warm(town: Town, phones: Phones) -> None:
    """Every route once as it is meant, so that what is loaded and compiled at first use is not called a leak."""
    unheeded = Tally()
    fills = {"run_id": [1], "other_id": [1], "z": [14], "name": ["areas", "coverage", "facilities", "reports"],
             "layer": ["areas", "coverage", "facilities", "reports"], "form": ["json", "xml"]}  # fmt: skip
    for role, where in itertools.product(("street", "planner"), every_address(town.api, fills)):
        ask("warm", phones, unheeded, Asked(role, "GET", where, {}, b""))
    for role, (route, one) in itertools.product(("street", "planner", "admin"), DECLARED.items()):
        if route in town.routes:
            body = json.dumps(put_in(one["body"], town.values[route])).encode() if "body" in one else b""
            ask("warm", phones, unheeded, Asked(role, route.split()[0], town.filled(route), JSON if body else {}, body))


def carry_out(town: Town, tally: Tally, only: list[str], examples: int) -> tuple[float, float]:
    """Everything that is asked for; the memory of the server before and after."""
    phones = Phones(town)
    warm(town, phones)
    (pid,) = town.service_pids()
    before = rss_mb(pid)
    for name, part in PARTS.items():
        if name in only:
            with ThreadPoolExecutor(AT_ONCE) as pool:
                list(pool.map(lambda one, name=name: ask(name, phones, tally, one), part(town)))
            say(f"{name}: {sum(tally.statuses.values())} requests so far, {rss_mb(pid):.0f} MB")
    if "broken" in only:
        broken(town, tally)
    if "Schemathesis" in only:
        generated(town, phones, tally, examples)
    assert town.service_pids() == [pid], "the server died and was started again"
    return before, rss_mb(pid)


def show(tally: Tally) -> None:
    """One line for each part and role."""
    kinds = ("2xx", "3xx", "4xx", "5xx", "401", "403", "404", "422", "429")
    say(f"{'part':13}{'role':11}{'requests':>9}" + "".join(f"{kind:>7}" for kind in kinds) + f"{'slowest':>9}")
    for part, role in tally.slowest:
        found = {status: count for (*key, status), count in tally.statuses.items() if (part, role) == tuple(key)}
        counts = [
            sum(count for status, count in found.items() if str(status)[0] == kind[0])
            if kind.endswith("xx") else found.get(int(kind), 0) for kind in kinds
        ]  # fmt: skip
        say(f"{part:13}{role:11}{sum(found.values()):9}" + "".join(f"{count:7}" for count in counts)
            + f"{tally.slowest[part, role][0]:8.2f}s")  # fmt: skip
    say("slowest: {:.2f} s, {}".format(*max(tally.slowest.values())))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--examples", type=int, default=12)
    parser.add_argument("--only", nargs="*", default=[*PARTS, "broken", "Schemathesis"])
    asked = parser.parse_args()
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="wangge-") as folder:
        os.chmod(folder, 0o711)
        service = Service(Path(folder) / "home", inspectors=0)
        try:
            town = Town(service)
            before, after = carry_out(town, tally, asked.only, asked.examples)
            routes = len(town.routes)
        finally:
            service.end()
    show(tally)
    count, classes = sum(tally.statuses.values()), len(CLASSES) + len(TYPES) + len(BAD_VALUES) + len(FIELDS)
    classes += len(BROKEN_HTTP)
    say(f"{count} requests: {classes} classes x {routes} routes x {len(ROLES)} roles; "
        f"memory {before:.0f} MB, then {after:.0f} MB; faults {len(tally.faults)}")  # fmt: skip
    for fault in tally.faults[:100]:
        say(f"  {fault}")
    return 0 if not tally.faults and after - before <= GROWTH_MB and count >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
