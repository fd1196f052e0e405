"""What may become of a report: the table of moves written out a second time, by hand, and every proof."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

import gis.categories
import gis.reports
import maps.texts
from gis.errors import BadRows, Refusal
from gis.reports import Actor, Place, Proof, Report, Submission

NOW = datetime.fromisoformat("2026-03-02T09:00+08:00")
FULL = Proof("reason", "text", "unit", ("a" * 64,), Place(113.24, 23.12), 1, "other", "lift")

#: state -> move: who may (i inspector, c community, s street, p partner, y system), when nothing holds it up.
BY_HAND = {
    "received": {"accept": "csy", "reject": "cs", "merge": "cs", "correct": "cs", "note": "icsp"},
    "accepted": {"assign": "csy", "reject": "cs", "hold": "cs", "merge": "cs", "correct": "cs", "note": "icsp"},
    "assigned": {
        "resolve": "icsp", "return": "icsp", "hold": "cs", "extend": "cs", "merge": "cs", "correct": "cs",
        "note": "icsp",
    },
    "resolved": {"close": "ics", "reopen": "ics", "correct": "cs", "note": "icsp"},
    "closed": {"reopen": "ics", "correct": "cs", "note": "icsp"},
    "rejected": {"restore": "cs", "correct": "cs", "note": "icsp"},
    "reopened": {"assign": "csy", "reject": "cs", "hold": "cs", "merge": "cs", "correct": "cs", "note": "icsp"},
}  # fmt: skip
LEADS_TO = {
    "accept": "accepted", "reject": "rejected", "merge": "rejected", "assign": "assigned", "return": "accepted",
    "resolve": "resolved", "close": "closed", "reopen": "reopened", "restore": "reopened",
}  # fmt: skip
LETTERS = {
    "inspector": "i", "community": "c", "street": "s", "partner": "p", "system": "y", "citizen": "z", "planner": "l",
    "auditor": "u", "admin": "a",
}  # fmt: skip


def report(status: str = "received", **facts) -> Report:
    return Report("r1", status, 3, NOW, **facts)


def code_of(call, *arguments, **named) -> str:
    with pytest.raises(Refusal) as refused:
        call(*arguments, **named)
    return refused.value.code


def move(of: Report, name: str, role: str = "street", proof: Proof = FULL, *, person: int = 7, **named):
    return gis.reports.move(of, name, actor=Actor(person, role), at=NOW, proof=proof, **named)


@pytest.mark.parametrize("status", gis.reports.STATES)
@pytest.mark.parametrize("role", LETTERS)
def test_exactly_the_moves_of_the_table_are_made(status: str, role: str):
    """9 roles × 7 states × 14 moves, with every proof given and nobody having resolved it."""
    for name in gis.reports.MOVES:
        may = LETTERS[role] in BY_HAND[status].get(name, "")
        if name == "resume":
            assert code_of(move, report(status), name, role) in ("reports.role", "reports.move", "reports.not_on_hold")
        elif may:
            after, event = move(report(status), name, role)
            assert after.status == event.target == LEADS_TO.get(name, status)
            assert (event.source, event.version, after.version) == (status, 4, 4)
        else:
            assert code_of(move, report(status), name, role) in ("reports.role", "reports.move")
        assert (name in gis.reports.allowed(report(status), role)) is may


@pytest.mark.parametrize("status", ["accepted", "assigned", "reopened"])
def test_on_hold_nothing_goes_on_but_resume_merge_corrections_and_notes(status: str):
    held = report(status, on_hold="no access")
    assert gis.reports.allowed(held, "street") == ("resume", "merge", "correct", "note")
    for name in set(BY_HAND[status]) - {"merge", "correct", "note"}:
        assert code_of(move, held, name) == "reports.on_hold"
    assert move(held, "resume")[0].on_hold == ""
    assert move(held, "merge")[0].on_hold == ""


def test_putting_on_hold_keeps_the_state_and_the_reason():
    after, _ = move(report("assigned"), "hold", proof=Proof(reason="no access"))
    assert (after.status, after.on_hold) == ("assigned", "no access")


@pytest.mark.parametrize(
    ("status", "name", "needs"),
    [
        ("received", "reject", ["reason"]),
        ("accepted", "assign", ["unit"]),
        ("assigned", "return", ["reason"]),
        ("assigned", "resolve", ["text"]),
        ("assigned", "extend", ["reason", "amount"]),
        ("resolved", "close", ["photos", "place"]),
        ("closed", "reopen", ["reason"]),
        ("rejected", "restore", ["reason"]),
        ("accepted", "hold", ["reason"]),
        ("accepted", "merge", ["merged_into"]),
        ("closed", "correct", ["reason", "category"]),
        ("accepted", "note", ["text"]),
    ],
)
def test_a_move_without_its_proof_says_all_that_is_missing(status, name, needs):
    blank = Proof(reason="  ", text="\n", unit=" ", merged_into=" ")
    with pytest.raises(Refusal) as refused:
        move(report(status), name, proof=blank)
    assert (refused.value.code, refused.value.facts["missing"]) == ("reports.proof", needs)


def test_who_resolved_it_cannot_close_it_and_another_can():
    resolved, _ = move(report("assigned"), "resolve", "inspector", person=1)
    assert code_of(move, resolved, "close", "inspector", person=1) == "reports.same_person"
    assert code_of(move, resolved, "close", "street", person=1) == "reports.same_person"
    assert move(resolved, "close", "inspector", person=2)[0].status == "closed"


def test_it_cannot_be_closed_while_declared_photos_are_missing():
    """Three declared, one has not come: refused; once it has, closed."""
    waiting = report("resolved", photos_missing=1)
    assert code_of(move, waiting, "close") == "reports.photos_missing"
    assert move(replace(waiting, photos_missing=0), "close")[0].status == "closed"


def test_merging_points_to_the_other_and_restoring_takes_it_back():
    merged, _ = move(report("accepted"), "merge", proof=Proof(merged_into="r2"))
    assert (merged.status, merged.merged_into) == ("rejected", "r2")
    assert move(merged, "restore")[0].merged_into == ""
    assert code_of(move, report("accepted"), "merge", proof=Proof(merged_into="r1")) == "reports.merged_into_itself"


def test_two_who_act_at_once_do_not_overwrite_each_other():
    assert code_of(move, report(), "accept", version=2) == "reports.version"
    assert move(report(), "accept", version=3)[0].version == 4


def test_a_move_that_does_not_exist_is_named():
    assert code_of(move, report(), "delete") == "reports.move_unknown"


def test_a_server_clock_set_back_does_not_turn_history_round():
    _, event = gis.reports.move(report(), "accept", actor=Actor(1, "street"), at=NOW - timedelta(hours=1))
    assert event.at == NOW


def test_the_events_alone_give_the_report_back():
    first, filed = gis.reports.receive("r1", Actor(1, "inspector"), at=NOW)
    assigned, one = move(move(first, "accept")[0], "assign")
    accepted = move(first, "accept")[1]
    assert gis.reports.replay([filed, accepted, one]) == assigned
    assert code_of(gis.reports.replay, [filed, one]) in ("reports.move", "reports.version")
    assert code_of(gis.reports.replay, []) == "reports.history"
    assert code_of(gis.reports.replay, [accepted, one]) == "reports.history"
    forged = replace(one, target="closed")
    assert code_of(gis.reports.replay, [filed, accepted, forged]) == "reports.history"


def test_strangers_cannot_file():
    assert code_of(gis.reports.receive, "r1", Actor(1, "auditor"), at=NOW) == "reports.role"


# What is sent -------------------------------------------------------------------------------------------------------

ID = "0b9f6c1e-1f7a-4c57-9d56-2f3c8a3f0a11"
SENT = Submission("handrail", "扶手断裂", 113.24, 23.12, NOW)


def faults(*, id: str = ID, **changes) -> list[str]:
    try:
        gis.reports.check(id, replace(SENT, **changes), categories=gis.categories.STARTER)
    except BadRows as refused:
        return [fault.code for fault in refused.faults]
    return []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"text": "", "photos": ("a" * 64,)}, []),  # a photo speaks for itself
        ({"text": " "}, ["reports.nothing_said"]),
        ({"text": "字" * 4000}, []),
        ({"text": "字" * 4001}, ["reports.text_long"]),
        ({"text": "a\x00b"}, ["reports.text_unwritable"]),
        ({"text": "a\ud800b"}, ["reports.text_unwritable"]),
        ({"text": "one\n\ttwo 🏚"}, []),
        ({"lon": 180.0001}, ["reports.position"]),
        ({"lat": float("nan")}, ["reports.position"]),
        ({"lon": 0.0, "lat": 0.0}, ["reports.position"]),
        ({"accuracy_m": -1.0}, ["reports.accuracy"]),
        ({"accuracy_m": float("inf")}, ["reports.accuracy"]),
        ({"accuracy_m": 0.0}, []),
        ({"category": "dragon"}, ["reports.category"]),
        ({"id": "0B9F6C1E-1F7A-4C57-9D56-2F3C8A3F0A11"}, ["reports.id"]),
        ({"id": ID + "\n"}, ["reports.id"]),
        ({"captured_at": NOW.replace(tzinfo=None)}, ["reports.no_zone"]),
        ({"captured_at": NOW + timedelta(days=20000)}, []),  # a wrong clock must not block a phone's queue
        ({"captured_at": NOW - timedelta(days=20000)}, []),
        ({"sent_at": NOW.replace(tzinfo=None)}, ["reports.no_zone"]),
        ({"photos": tuple(f"{n:064x}" for n in range(21))}, ["reports.photos_many"]),
        ({"photos": ("a" * 64, "a" * 64)}, ["reports.photos_named"]),
        ({"photos": ("A" * 64,)}, ["reports.photos_named"]),
        ({"text": "", "lat": 91.0, "id": ""}, ["reports.id", "reports.nothing_said", "reports.position"]),
    ],
)
def test_every_fault_of_what_was_sent_is_said_at_once(changes, expected):
    assert faults(**changes) == expected
    assert all(maps.texts.has(code) for code in expected)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"a": 1, "b": [1, 2]}, {"b": [1, 2], "a": 1}, True),
        ({"lon": 113.0}, {"lon": 113}, True),
        ({"lon": -0.0}, {"lon": 0}, True),
        ({"a": None, "b": 1}, {"b": 1}, True),
        ({"b": [1, 2]}, {"b": [2, 1]}, False),
        ({"b": [None, 1]}, {"b": [1]}, False),
        ({"a": "1"}, {"a": 1}, False),
        ({"a": True}, {"a": 1}, False),
        ({"a": ""}, {}, False),
        ({"text": "é"}, {"text": "e\u0301"}, False),  # letter for letter
    ],
)
def test_the_same_body_has_the_same_hash_however_it_was_written(one, other, same):
    assert (gis.reports.body_hash(one) == gis.reports.body_hash(other)) is same


def test_the_hash_is_that_of_plain_sorted_json():
    """printf '{"a":1,"b":"\\\\u7f51"}' | sha256sum"""
    import hashlib

    assert gis.reports.body_hash({"b": "网", "a": 1.0}) == hashlib.sha256(b'{"a":1,"b":"\\u7f51"}').hexdigest()


@pytest.mark.parametrize("body", [{"a": float("nan")}, {"a": float("inf")}, {"a": {1}}, {"a": NOW}])
def test_what_is_no_json_has_no_hash(body):
    assert code_of(gis.reports.body_hash, body) == "reports.not_json"


def test_a_time_of_another_zone_is_the_same_time():
    assert faults(captured_at=NOW.astimezone(UTC)) == []


def test_every_state_and_step_has_its_words():
    named = [f"reports.state.{state}" for state in gis.reports.STATES]
    named += [f"reports.step.{name}" for name in ("receive", *gis.reports.MOVES)]
    assert [key for key in named if not maps.texts.has(key)] == []


def test_when_it_was_sent_and_in_which_zone_it_was_written_is_no_part_of_what_is_reported():
    utc = replace(SENT, captured_at=NOW.astimezone(UTC), sent_at=NOW)
    assert gis.reports.fingerprint(utc) == gis.reports.fingerprint(SENT)
    for change in ({"text": "别的"}, {"lon": 113.25}, {"datum": "gcj02"}, {"photos": ("a" * 64,)}, {"mocked": True}):
        assert gis.reports.fingerprint(replace(SENT, **change)) != gis.reports.fingerprint(SENT)


def test_a_report_from_elsewhere_begins_in_the_state_it_had_there():
    adopted, event = gis.reports.adopt("r1", "resolved", actor=Actor(None, "system"), at=NOW)
    closed, check = move(adopted, "close")
    assert gis.reports.replay([event, check]) == closed
    assert code_of(gis.reports.adopt, "r1", "lost", actor=Actor(None, "system"), at=NOW) == "reports.status"


def test_nobody_without_an_account_checks_a_report():
    assert code_of(move, report("resolved"), "close", person=None) == "reports.same_person"
