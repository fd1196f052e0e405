"""Who comes in with what: tokens, keys, and what is no longer, or never was, good for anything."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.database


def test_a_token_that_is_good_opens_and_others_do_not(client, as_):
    asked = {login: client.get("/api/areas", headers=as_(login)).status_code
             for login in ("nobody", "inspector", "partner", "expired", "revoked")}  # fmt: skip
    assert asked == {"nobody": 200, "inspector": 200, "partner": 200, "expired": 401, "revoked": 401}
