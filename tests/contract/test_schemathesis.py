"""Generated requests over the whole API, with the token of each role: no fault of ours, whatever is sent.

The suite tries a few examples for each route and role; a long run asks for more:

    WANGGE_EXAMPLES=60 pytest tests/contract/test_schemathesis.py
"""

from __future__ import annotations

import os
import time
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from api.app import create_app
from api.settings import Settings

pytestmark = [pytest.mark.database, pytest.mark.timeout(3600)]

ROLES = ("nobody", "inspector", "community", "street", "planner", "partner", "auditor", "admin")
EXAMPLES = int(os.environ.get("WANGGE_EXAMPLES", "1"))
WORST_S = 2.0


@pytest.fixture(scope="module")
def app(town, database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The application without a limit of requests."""
    home = tmp_path_factory.mktemp("home")
    return create_app(Settings(home=home, database_url=database_url, rate_person=0, rate_address=0))


def _faults(app: Any, operation: Any, headers: dict[str, str], seed_of: Any) -> list[str]:
    """Answers that no request may ever get."""
    wrong: list[str] = []

    @seed_of
    @given(case=operation.as_strategy())
    def tried(case: Any) -> None:
        began = time.process_time()
        answer = case.call(headers={**dict(case.headers or {}), **headers})
        seconds = time.process_time() - began
        if answer.status_code >= 500 or "Traceback" in answer.text or seconds > WORST_S:
            wrong.append(f"{operation.label} {answer.status_code} {seconds:.1f} s: {case.as_curl_command()[:300]}")

    tried()
    return wrong


@pytest.mark.parametrize("role", ROLES)
def test_no_generated_request_makes_us_fail(app, client, as_, role):
    app.state.keyring = client.app.state.keyring  # the tokens of the town are signed with it
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    quick = settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    wrong = []
    for result in schema.get_all_operations():
        wrong += _faults(app, result.ok(), as_(role), quick)
    assert wrong == []
