"""What coverage is computed from, kept in memory for as long as the data stay as they are.

Reading a district takes seconds, trying a change on it milliseconds. So one process keeps one state of the data, and a
few boards laid out on it. Every request says which version of the data it sees; what is older than that is never used.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple, TypeVar

import api.actions.coverage
import data.coverage
import data.db
import data.provenance
import data.versions
import gis.aggregates
import gis.coverage
import gis.disclosure
import gis.ground
import gis.whatif
from api.actions.coverage import Inputs, Question
from gis.errors import Busy

T = TypeVar("T")

#: How long a request waits for a board that is being laid out, before it is asked to come again.
WAIT_S = 8.0
#: A board of 100,000 households and six kinds takes about 150 MB.
MOST_BOARDS = 3


class Version(NamedTuple):
    """Which state of the data: how often they have changed, and the day whose areas hold."""

    changes: int
    day: date


@dataclass(frozen=True, eq=False)
class State:
    """Everything a question is answered from, and the secret that decides who counts in published figures."""

    version: Version
    given: Inputs
    synthetic: bool
    secret: bytes = field(repr=False)


@dataclass(frozen=True, eq=False)
class Laid:
    """A board on which one at a time may try a change; `gis.whatif` takes it back afterwards."""

    state: State
    request: gis.coverage.Request
    board: gis.whatif.Board
    alone: threading.Lock = field(default_factory=threading.Lock)


class Kept:
    """The memory of one process. It reads all households: what leaves it must have passed disclosure control."""

    def __init__(self, engine: data.db.Engine) -> None:
        self._engine = engine
        self._builder = ThreadPoolExecutor(max_workers=1, thread_name_prefix="kept")
        self._lock = threading.Lock()
        self._version = Version(-1, date.min)
        self._state: State | None = None
        self._boards: OrderedDict[Question, Future[Laid]] = OrderedDict()
        #: What no board can answer quickly takes a second of one core: one at a time.
        self.anew = threading.Semaphore(1)

    def close(self) -> None:
        """Begin nothing more."""
        self._builder.shutdown(wait=False, cancel_futures=True)

    def state(self, version: Version) -> State:
        """The data at least as new as `version`; `Busy` while they are still being read."""
        return _waited(self._builder.submit(self._read, version))

    def laid(self, version: Version, question: Question) -> Laid:
        """The board of a question on data at least as new as `version`; `Busy` while it is being laid out."""
        with self._lock:
            if version > self._version:
                self._boards.clear()
                self._version = version
            board = self._boards.get(question)
            if board is None or (board.done() and board.exception() is not None):
                board = self._builder.submit(self._lay, version, question)
            self._boards[question] = board
            self._boards.move_to_end(question)
            if len(self._boards) > MOST_BOARDS:
                self._boards.popitem(last=False)
        return _waited(board)

    def _lay(self, version: Version, question: Question) -> Laid:
        state = self._read(version)
        given, request = state.given, api.actions.coverage.ask(question, state.given.kinds)
        stand = gis.ground.ground(given.net, given.households, facilities=given.facilities, request=request)
        levels, codes = api.actions.coverage.levels_of(given), api.actions.coverage.codes_of(given.areas)
        drawn = gis.disclosure.drawn(given.households["ref"], state.secret)
        rolled = gis.aggregates.among(gis.aggregates.roll(given.households, levels, codes=codes), drawn)
        return Laid(state, request, gis.whatif.Board(stand, gis.coverage.judge(stand), rolled))

    def _read(self, version: Version) -> State:
        """In the builder's one thread: the version is counted before anything is read, so it is never too new."""
        if self._state is None or self._state.version < version:
            self._state = None
            with data.db.transaction(self._engine, role=data.db.MEMORY, read_only=True, limit_ms=0) as session:
                counted = Version(data.versions.count(session), version.day)
                given = api.actions.coverage.inputs(session, Question(), today=version.day)
                synthetic, secret = data.provenance.synthetic(session), data.coverage.draw_secret(session)
            self._state = State(counted, given, synthetic, secret)
        return self._state


def _waited(future: Future[T]) -> T:
    done, _ = wait([future], timeout=WAIT_S)
    if not done:
        raise Busy("preview.preparing")
    return future.result()
