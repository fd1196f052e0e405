"""How often one may ask: each token or key by itself, and whoever shows none, or a wrong one, by address.

The limits are there against programs that run wild, not against a phone that sends what it gathered in a day without
signal. They are counted in this process: `wangge up` serves with one, so the count is whole.
"""

from __future__ import annotations

import hashlib
import math
import time

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.requests import Request

from api.errors import Turned
from api.settings import Settings
from gis.errors import NotKnown, TooMany

#: Reports, sent anew or again, that one address may send without an account: a family and its neighbours, no program.
CITIZEN_AN_HOUR = 20


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


class Citizens:
    """Whether and how often somebody without an account may file, by address; without `open_` nobody may at all."""

    def __init__(self, *, open_: bool) -> None:
        self.open = open_
        self._limit, self._count = (
            RateLimitItemPerHour(CITIZEN_AN_HOUR),
            SlidingWindowCounterRateLimiter(MemoryStorage()),
        )

    def let_in(self, request: Request) -> None:
        """Count one more from this address; refused like anybody without a name where citizens may not file."""
        if not self.open:
            raise NotKnown("auth.nobody")
        address = _address(request)
        if not self._count.hit(self._limit, address):
            reset = self._count.get_window_stats(self._limit, address).reset_time
            raise TooMany(
                "citizens.an_hour", most=CITIZEN_AN_HOUR, retry_after_s=max(1, math.ceil(reset - time.time()))
            )


def _per_minute(count: int) -> RateLimitItem | None:
    return RateLimitItemPerMinute(count) if count else None


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
