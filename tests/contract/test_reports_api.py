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
