"""What every command shares: words, progress, JSON, and a database that is there while the command runs."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import api.settings
import maps.texts
from gis.errors import BadRows, Refusal

if TYPE_CHECKING:
    import data.db
    import data.keyring

SHOWN_FAULTS = 50


@cache
def settings() -> api.settings.Settings:
    """The settings of this process."""
    return api.settings.read()


def keyring() -> data.keyring.Keyring:
    """The secrets of this installation, which are not in its database."""
    import data.keyring

    return data.keyring.Keyring(settings().keys_folder)


def words(key: str, /, **facts: object) -> str:
    """The words of `key` in the user's language."""
    return maps.texts.say(key, api.settings.language(), **facts)


def say(key: str, /, **facts: object) -> None:
    """Tell the user something, on stderr: stdout is for what was asked for."""
    tell(words(key, **facts))


def tell(text: str) -> None:
    """Write one line to stderr at once."""
    print(text, file=sys.stderr, flush=True)


def emit(text: str) -> None:
    """Write one line of what was asked for to stdout."""
    print(text, flush=True)


def emit_json(answer: object) -> None:
    """Write the one JSON document of a command to stdout."""
    print(json.dumps(answer, ensure_ascii=False, indent=2, allow_nan=False, default=_plain), flush=True)


def _plain(value: Any) -> object:
    """Numbers of numpy, times and paths, as JSON knows them."""
    if hasattr(value, "tolist"):
        return value.tolist()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def example(*lines: str) -> str:
    """The last part of a command's help: how it is called."""
    return "\n".join(["\b", words("cli.example"), *(f"  {line}" for line in lines)])


def refuse(refusal: Refusal) -> None:
    """Say why something will not be done, and what to do next."""
    say(refusal.code, **refusal.facts)
    if isinstance(refusal, BadRows):
        for fault in refusal.faults[:SHOWN_FAULTS]:
            tell("  " + _fault(fault))
        if (more := len(refusal.faults) - SHOWN_FAULTS) > 0:
            say("cli.more_faults", count=more)


def _fault(fault: Any) -> str:
    reason = words(fault.code, **fault.facts)
    place = [] if fault.row is None else [words("cli.row", row=fault.row)]
    place += [] if fault.column is None else [str(fault.column)]
    place += [] if fault.value is None else [repr(fault.value)]
    return ": ".join([" ".join(place), reason]) if place else reason


# --- progress ------------------------------------------------------------------------------------------------------


@contextmanager
def step(label: str) -> Iterator[None]:
    """Name a piece of work, and how long it took."""
    start = time.perf_counter()
    print(f"{label} … ", end="", file=sys.stderr, flush=True)
    try:
        yield
    except BaseException:
        tell("")
        raise
    tell(f"{time.perf_counter() - start:.1f} s")


@contextmanager
def progress(label: str, total: int) -> Iterator[Callable[..., None]]:
    """A bar on a terminal, one line elsewhere; call what it yields with how many are done more (1 when unsaid)."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        with step(label):
            yield lambda _done=1: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=total)
        yield lambda done=1: bar.advance(task, done)


# --- database ------------------------------------------------------------------------------------------------------


@contextmanager
def database() -> Iterator[str]:
    """The address of a migrated database: the owner's, or the private one, running for as long as the block lasts."""
    import data.db

    if not settings().private:
        data.db.migrate(settings().database_url)
        yield settings().database_url
        return
    import api.cli.parts
    import data.cluster

    api.cli.parts.require("postgis")
    with data.cluster.running(settings().home) as cluster:
        data.db.migrate(cluster.url)
        yield cluster.url


@contextmanager
def transaction(url: str) -> Iterator[data.db.Session]:
    """One transaction on the database at `url`."""
    import data.db

    engine = data.db.engine(url)
    try:
        with data.db.transaction(engine) as opened:
            yield opened
    finally:
        engine.dispose()


@contextmanager
def session() -> Iterator[data.db.Session]:
    """One transaction on the database of this installation."""
    with database() as url, transaction(url) as opened:
        yield opened
