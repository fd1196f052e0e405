"""How often one may ask: each token or key by itself, and whoever shows none, or a wrong one, by address.

The limits are there against programs that run wild, not against a phone that sends what it gathered in a day without
signal. They are counted in this process: `wangge up` serves with one, so the count is whole.
"""

from __future__ import annotations

import hashlib
import math
import time

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.requests import Request

from api.errors import Turned
from api.settings import Settings


class Rates:
    """The counts of this process; a limit of 0 is none."""

    def __init__(self, settings: Settings) -> None:
        self._person = _per_minute(settings.rate_person)
        self._address = _per_minute(settings.rate_address)
        self._count = SlidingWindowCounterRateLimiter(MemoryStorage())

    def check(self, request: Request) -> None:
        """Count the request; refuse it when its sender has asked too often."""
        shown = request.headers.get("authorization")
        if shown is None:
            self._spend(self._address, _address(request))
        else:
            self._open(self._address, _address(request))
            self._spend(self._person, hashlib.sha256(shown.encode()).hexdigest())

    def unknown(self, request: Request) -> None:
        """Count against the address what was asked with a token or key that let nobody in, so that guessing has an end.

        Where the answer needs no name, a new token with each request would otherwise be a new limit with each.
        """
        if self._address and "authorization" in request.headers:
            self._count.hit(self._address, _address(request))

    def _spend(self, limit: RateLimitItem | None, key: str) -> None:
        if limit and not self._count.hit(limit, key):
            raise self._too_often(limit, key)

    def _open(self, limit: RateLimitItem | None, key: str) -> None:
        if limit and not self._count.test(limit, key):
            raise self._too_often(limit, key)

    def _too_often(self, limit: RateLimitItem, key: str) -> Turned:
        reset = self._count.get_window_stats(limit, key).reset_time
        return Turned(429, headers={"Retry-After": str(max(1, math.ceil(reset - time.time())))})


def _per_minute(count: int) -> RateLimitItem | None:
    return RateLimitItemPerMinute(count) if count else None


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
