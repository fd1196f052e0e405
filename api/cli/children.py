"""Processes of ours that a running `wangge up` keeps alive: started again when they die, and gone when it is gone."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from api.cli.terminal import say

STOP_PATIENCE_S = 15.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0
#: Who lived this long was healthy: the next start comes at once.
HEALTHY_S = 3.0
#: Who ends by itself this often in a row, and never lives long enough to be healthy, will not get better.
TRIES = 6


class Child:
    """One command of ours as a process, started again until we are told to end it."""

    def __init__(self, name: str, arguments: list[str], environment: Mapping[str, str], files: tuple[int, ...]) -> None:
        self.name, self._files = name, files
        self._command = [sys.executable, *(["-P"] if sys.flags.safe_path else []), "-m", "api.cli", *arguments]
        self._environment = {**os.environ, **environment}
        self._over, self._changing = threading.Event(), threading.Lock()
        self._process = self._start()

    def keep(self, give_up: Callable[[str], None]) -> None:
        """Start it again whenever it dies; when it cannot even start, leave it and say so."""
        early = 0
        while not self._over.is_set():
            began = time.monotonic()
            killed = self._process.wait() < 0
            early = 0 if killed or time.monotonic() - began > HEALTHY_S else early + 1
            if early == TRIES:
                return give_up(self.name)
            if not self._over.wait(min(FIRST_PAUSE_S * 2**early, LONGEST_PAUSE_S)):
                self._start_again()
        return None

    def end(self) -> None:
        """Ask it to leave, and make it leave when it does not."""
        with self._changing:
            self._over.set()
            self._process.terminate()
        try:
            self._process.wait(STOP_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _start_again(self) -> None:
        with self._changing:
            if not self._over.is_set():
                say("up.child_restarted", name=self.name)
                self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        """In a session of its own, so that Ctrl-C reaches it through us; its stdin closes when we die."""
        return subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            env=self._environment,
            pass_fds=self._files,
            start_new_session=True,
        )


@contextmanager
def kept_alive(
    name: str,
    *arguments: str,
    environment: Mapping[str, str],
    files: tuple[int, ...] = (),
    give_up: Callable[[str], None],
) -> Iterator[None]:
    """`wangge ARGUMENTS` runs for as long as the block does."""
    child = Child(name, list(arguments), environment, files)
    keeper = threading.Thread(target=child.keep, args=(give_up,), name=f"{name}-keeper", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        child.end()
        keeper.join()


def leave_with_parent(leave: Callable[[], None]) -> None:
    """In a child: call `leave` when the parent is gone, however it went."""

    stdin = sys.stdin.fileno()  # read without its buffer, whose lock would be missed when we end ourselves

    def watch() -> None:
        while os.read(stdin, 1):
            pass
        leave()

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
