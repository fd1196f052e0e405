"""Who gets what from which route: every route x role x place, written by hand in `rights/*.toml` and really asked for.

A declaration names its route as the API does and says what each of the ten roles is answered:

    kind = "plain"    one status
    kind = "object"   one status for each place the object may be in: own, neighbour, community, street, deleted, absent
    kind = "list"     the status, then y or n for each of the first five places: is the object of that place listed?

Everybody works in street A, community A0, grid A00. `of` names the maker in `contract/objects.py` that puts an object
into a place and says its number, or the values that fill `{name}` in the route and `"$name"` in `body`, `form` and
`query`. `path` fills the route by hand.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from starlette.routing import Mount
from starlette.testclient import TestClient

import api.app
import data.db
from contract import objects

pytestmark = pytest.mark.database

ROLES = (
    "nobody", "expired", "revoked", "inspector", "community", "street", "planner", "partner", "auditor", "admin",
)  # fmt: skip
PLACES = ("own", "neighbour", "community", "street", "deleted", "absent")
LISTED = PLACES[:5]
FOLDER = Path(__file__).parent / "rights"
LEAST_CELLS = 3_000
#: Ids of no object there is, one for each form an id may have.
ABSENT = {int: 999_999_999, str: "no-such-thing", UUID: UUID("00000000-0000-4000-8000-000000000000")}
CELL = {
    "plain": re.compile(r"\d{3}"),
    "object": re.compile(r"\d{3}( \d{3}){5}"),
    "list": re.compile(r"\d{3}( [yn]{5})?"),
}
CELLS_OF = {"plain": 1, "object": len(PLACES), "list": len(LISTED)}

Declaration = dict[str, Any]


def declared() -> dict[str, Declaration]:
    """Every declaration by its route; one route is declared in one file."""
    found: dict[str, Declaration] = {}
    for path in sorted(FOLDER.glob("*.toml")):
        for route, one in tomllib.loads(path.read_text("utf-8")).items():
            assert route not in found, f"{route} is declared twice"
            found[route] = one
    return found


DECLARED = declared()


def served(app: Any) -> set[str]:
    """Every route there is, those that the documentation leaves out included."""
    routed = {
        f"{method} {route.path}"
        for module in api.app.ROUTES for route in module.router.routes for method in route.methods
    }  # fmt: skip
    mounted = {f"GET {route.path}/{{path}}" for route in app.routes if isinstance(route, Mount)}
    return routed | mounted | {f"GET {app.openapi_url}"}


# What is declared -----------------------------------------------------------------------------------------------------


def test_every_route_is_declared_and_nothing_else(client):
    documented = {
        f"{method.upper()} {path}"
        for path, methods in client.app.openapi()["paths"].items() for method in methods
    }  # fmt: skip
    routes = served(client.app)
    assert documented <= routes
    assert sorted(routes - DECLARED.keys()) == []
    assert sorted(DECLARED.keys() - routes) == []


@pytest.mark.parametrize("route", sorted(DECLARED))
def test_a_declaration_says_something_for_every_role(route):
    one = DECLARED[route]
    assert {role for role in ROLES if CELL[one["kind"]].fullmatch(one.get(role, ""))} == set(ROLES)
    assert one.keys() <= {*ROLES, "kind", "of", "path", "body", "form", "query", "headers"}


def test_there_are_enough_cells():
    assert sum(CELLS_OF[one["kind"]] * len(ROLES) for one in DECLARED.values()) >= LEAST_CELLS


# What is answered -----------------------------------------------------------------------------------------------------


class Asker:
    """Somebody of one role who asks one route about objects in every place."""

    def __init__(self, client: TestClient, town: data.db.Engine, headers: dict[str, str], route: str) -> None:
        self.client, self.town, self.headers = client, town, headers
        self.method, self.template = route.split(" ", 1)
        self.one = DECLARED[route]

    def cell(self) -> str:
        """What is answered, written as in the declaration."""
        kind = self.one["kind"]
        if kind == "plain":
            return str(self.ask({}).status_code)
        if kind == "object":
            return " ".join(str(self.ask(self.made(place)).status_code) for place in PLACES)
        placed = [self.made(place) for place in LISTED]
        answer = self.ask(placed[0])
        shown = set(ids_in(answer.json())) if answer.status_code == 200 else set()
        marks = "".join("y" if str(values["id"]) in shown else "n" for values in placed)
        return f"{answer.status_code} {marks}" if answer.status_code == 200 else str(answer.status_code)

    def made(self, place: str) -> dict[str, Any]:
        """An object in a place, and what is to be said of it in a request."""
        make = getattr(objects, f"make_{self.one['of']}")
        with data.db.transaction(self.town) as session:
            values = make(session, "own" if place == "absent" else place)
        values = values if isinstance(values, dict) else {"id": values}
        if place == "absent":
            values = values | {"id": ABSENT[type(values["id"])]}
        return values

    def ask(self, values: dict[str, Any]) -> Any:
        names = re.findall(r"{(\w+)}", self.template)
        filled = {name: values.get(name, values.get("id")) for name in names}
        path = self.one.get("path") or self.template.format(**filled)
        sent: dict[str, Any] = {"headers": self.headers | self.one.get("headers", {})}
        if "body" in self.one:
            sent["json"] = put_in(self.one["body"], values)
        if "form" in self.one:
            sent["data"] = put_in(self.one["form"], values)
        return self.client.request(self.method, path, params=put_in(self.one.get("query", {}), values), **sent)


def put_in(template: Any, values: dict[str, Any]) -> Any:
    """The template with every `"$name"` replaced by the value of that name."""
    if isinstance(template, dict):
        return {key: put_in(held, values) for key, held in template.items()}
    if isinstance(template, list):
        return [put_in(held, values) for held in template]
    if isinstance(template, str) and template.startswith("$"):
        value = values[template[1:]]
        return str(value) if isinstance(value, UUID) else value
    return template


def ids_in(document: Any) -> Iterator[str]:
    """Whatever a document shows under a name that ends in `id`, `code` or `ref`."""
    if isinstance(document, list):
        for held in document:
            yield from ids_in(held)
    elif isinstance(document, dict):
        for key, held in document.items():
            if key.endswith(("id", "code", "ref")) and isinstance(held, str | int):
                yield str(held)
            yield from ids_in(held)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("route", sorted(DECLARED))
def test_a_role_is_answered_as_declared(client, town, as_, route, role):
    assert Asker(client, town, as_(role), route).cell() == DECLARED[route][role]
