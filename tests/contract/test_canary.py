"""What an inspector writes about somebody's home shows up nowhere for those who have no business with it."""

from __future__ import annotations

import logging
import re

import pytest

import api.logs

pytestmark = pytest.mark.database

CANARY = "金丝雀王秀英13912345678"
NAMED = re.compile(r"{(\w+)}")
STRANGERS = (
    "nobody",
    "planner",
    "auditor",
    "admin",
    "inspector A01",
    "inspector B00",
    "community A1",
    "street B",
    "partner B",
)


@pytest.mark.parametrize("role", STRANGERS)
def test_words_of_a_report_reach_no_stranger_no_log_and_no_figure(client, as_, caplog, role):
    """Every route that reads is asked, with the report's own id wherever one fits."""
    caplog.set_level(logging.INFO)
    body = {
        "category": "handrail",
        "text": CANARY,
        "lon": 113.205,
        "lat": 23.1025,
        "captured_at": "2026-03-02T08:30:00Z",
    }
    uuid = "00000000-0000-4000-8000-00000000c0de"
    filed = client.put(f"/api/reports/{uuid}", json=body, headers=as_("inspector")).json()["id"]
    told = [client.app.state.metrics.text({}).decode()]
    for path, methods in client.app.openapi()["paths"].items():
        if "get" in methods:
            answer = client.get(NAMED.sub(filed, path), headers=as_(role))
            told.append(answer.text + str(answer.headers))
    told += [api.logs.Lines().format(record) for record in caplog.records]
    assert len(told) > 50
    assert not [one for one in told if CANARY in one or "13912345678" in one]
    assert CANARY in client.get(f"/api/reports/{filed}", headers=as_("inspector")).text
