"""The feed over HTTP: complete for who may see everything, with holes for who may not, and always leading on."""

from __future__ import annotations

import pytest

import data.changes
import data.db

pytestmark = pytest.mark.database

PLACES = {"A00": ("A", "A0", "A00"), "A01": ("A", "A0", "A01"), "A10": ("A", "A1", "A10"), "B00": ("B", "B0", "B00")}


@pytest.fixture(scope="module")
def feed(town):
    """One change in each place, in this order, and one in none: numbers 1 to 5."""
    for subject, place in (*((grid, codes) for grid, codes in PLACES.items()), ("nowhere", (None, None, None))):
        names = dict(zip(("street_code", "community_code", "grid_code"), place, strict=True))
        with data.db.transaction(town) as session:
            data.changes.record(session, "report", subject, "accept", {"status": "accepted"}, codes=names)


def get(client, headers, **query):
    return client.get("/api/changes", params=query, headers=headers)


@pytest.mark.parametrize(
    ("who", "seen"),
    [
        ("admin", [1, 2, 3, 4, 5]), ("street", [1, 2, 3]), ("partner", [1, 2, 3]), ("community", [1, 2]),
        ("inspector", [1]), ("inspector A01", [2]), ("street B", [4]), ("partner B", [4]),
    ],
)  # fmt: skip
def test_everybody_sees_the_changes_of_their_place_and_gets_past_the_others(client, as_, feed, who, seen):
    answer = get(client, as_(who)).json()
    assert [row["seq"] for row in answer["changes"]] == seen
    assert (answer["next"], answer["more"]) == (5, False)


def test_an_administrator_sees_every_number(client, as_, feed):
    """Nobody's place hides anything from her: 1, 2, 3 … is the proof that nothing is missing."""
    assert [row["seq"] for row in get(client, as_("admin")).json()["changes"]] == [1, 2, 3, 4, 5]


def test_page_after_page_leads_through_all_of_it(client, as_, feed):
    seen, since = [], 0
    while True:
        answer = get(client, as_("street"), since=since, limit=2).json()
        seen += [row["seq"] for row in answer["changes"]]
        since = answer["next"]
        if not answer["more"]:
            break
    assert (seen, since) == ([1, 2, 3], 5)


def test_at_the_end_there_is_nothing_until_something_happens(client, as_, feed):
    assert get(client, as_("street"), since=5).json() == {"changes": [], "next": 5, "more": False}
    assert get(client, as_("street"), since=99).json() == {"changes": [], "next": 99, "more": False}


def test_a_change_says_what_happened_where_and_nothing_about_a_person(client, as_, feed):
    change = get(client, as_("inspector")).json()["changes"][0]
    change.pop("at")
    assert change == {
        "seq": 1, "what": "report", "subject": "A00", "action": "accept", "facts": {"status": "accepted"},
        "street_code": "A", "community_code": "A0", "grid_code": "A00",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("who", "status"), [("nobody", 401), ("expired", 401), ("revoked", 401), ("planner", 403), ("auditor", 403)]
)
def test_who_sees_no_report_gets_no_feed(client, as_, feed, who, status):
    assert get(client, as_(who)).status_code == status


@pytest.mark.parametrize("query", [{"since": -1}, {"since": "x"}, {"since": 2**63}, {"limit": 0}, {"limit": 1001}])
def test_a_question_that_means_nothing_is_refused(client, as_, feed, query):
    assert get(client, as_("street"), **query).status_code == 422
