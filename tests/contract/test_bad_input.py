"""Bad input of every kind against every route that takes a body: a refusal in words, never a fault of ours.

The long form, against the real server and with the token of each role, is `tests/bench/bad_input.py`.
"""

from __future__ import annotations

import time
from typing import Any

import pytest

from worlds.bad_input import BAD_VALUES, CLASSES, IDS, NAMED, SECRET, SOUND, TYPES

pytestmark = pytest.mark.database

WORST_S = 2.0
ROLES = ("street", "planner", "admin", "inspector", "partner")


def test_there_are_enough_classes():
    assert len(CLASSES) + len(TYPES) >= 40


@pytest.fixture(scope="module")
def taking(client) -> list[tuple[str, str]]:
    """Every route that takes a body, with the names in its path filled."""
    found = []
    for path, methods in client.app.openapi()["paths"].items():
        for method, operation in methods.items():
            if "requestBody" in operation:
                found.append((method.upper(), NAMED.sub(lambda name: IDS.get(name[1], "999999999"), path)))
    assert len(found) >= 10
    return found


def _look_at(answer: Any, seconds: float) -> str | None:
    """What is wrong with an answer, if anything."""
    if answer.status_code >= 500:
        return str(answer.status_code)
    if answer.status_code >= 400 and (SECRET in answer.text or "Traceback" in answer.text or "psycopg" in answer.text):
        return f"says too much: {answer.text[:80]}"
    return f"{seconds:.1f} s" if seconds > WORST_S else None


def _tried(client: Any, headers: dict[str, str], routes: list[tuple[str, str]], content: bytes) -> list[str]:
    wrong = []
    for method, path in routes:
        began = time.process_time()  # of ours alone: other work on this machine is not counted
        answer = client.request(method, path, content=content, headers=headers)
        if fault := _look_at(answer, time.process_time() - began):
            wrong.append(f"{method} {path}: {fault}")
    return wrong


@pytest.mark.parametrize("name", CLASSES)
def test_a_bad_body_is_refused_in_words(client, as_, taking, name):
    content = CLASSES[name](SOUND)
    wrong = []
    for role in ROLES:
        wrong += _tried(client, as_(role) | {"Content-Type": "application/json"}, taking, content)
    assert wrong == []


@pytest.mark.parametrize("name", TYPES)
def test_a_body_of_another_type_is_refused_in_words(client, as_, taking, name):
    kind, content = TYPES[name]
    headers = {"Content-Type": kind} if kind else {}
    wrong = []
    for role in ROLES:
        wrong += _tried(client, as_(role) | headers, taking, content)
    assert wrong == []


@pytest.mark.parametrize("value", BAD_VALUES)
def test_a_bad_value_in_any_address_is_refused_in_words(client, as_, value):
    """In every name of every path and in every parameter of every route that reads."""
    wrong = []
    for path, methods in client.app.openapi()["paths"].items():
        for method, operation in methods.items():
            named = operation.get("parameters", [])
            filled = NAMED.sub(lambda _: value, path)
            query = "&".join(f"{one['name']}={value}" for one in named if one["in"] == "query")
            if named and "requestBody" not in operation:
                wrong += _tried(client, as_("street"), [(method.upper(), f"{filled}?{query}")], b"")
    assert wrong == []
