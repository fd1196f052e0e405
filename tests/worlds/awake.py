"""A clock that does not count while the whole machine stands still, as one does that others measure on."""

from __future__ import annotations

import threading
import time

LOOK_EVERY_S = 0.02
#: A gap between two looks that is longer was a pause, and not this process having to wait for its turn.
PAUSE_S = 0.5


class Clock(threading.Thread):
    """Seconds awake, from whenever it was made."""

    def __init__(self) -> None:
        super().__init__(name="awake", daemon=True)
        self._lost, self._last = 0.0, time.monotonic()
        self.start()

    def run(self) -> None:
        while True:
            time.sleep(LOOK_EVERY_S)
            self._look()

    def _look(self) -> None:
        now = time.monotonic()
        self._lost += now - self._last if now - self._last > PAUSE_S else 0.0
        self._last = now

    def __call__(self) -> float:
        now, last = time.monotonic(), self._last
        pending = now - last if now - last > PAUSE_S else 0.0  # a pause has just ended and was not looked at yet
        return now - self._lost - pending
