"""`wangge up`: everything the main job needs, one step after the other, then the web pages."""

from __future__ import annotations

import dataclasses
import fcntl
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.serve import OPEN_TO_ALL, address
from api.cli.terminal import emit, example, keyring, say, settings, step, transaction, words
from gis.errors import Busy, Conflict, Refusal

if TYPE_CHECKING:
    import data.cluster
    from api.settings import Settings

WATCH_EVERY_S = 1.0
#: The C library keeps what each thread once needed, 20 MB for a password: 240 MB more after 80,000 requests.
#: Two pools are enough for threads that take turns anyway, and blocks of 16 MB are given back.
MEMORY = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": str(2**24), "MALLOC_TRIM_THRESHOLD_": str(2**27)}


class SampleChoice(StrEnum):
    """What an empty database is filled with."""

    none = "none"
    liwan = "liwan"


def register(app: typer.Typer) -> None:
    examples = example("wangge up", "wangge up --port 8080 --sample none", "wangge up --no-serve", "wangge up --unit")
    app.command("up", help=words("up.help"), epilog=examples)(up)


def up(
    *,
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help=words("up.serve"))] = True,
    host: Annotated[str, typer.Option(help=words("up.host"))] = settings().host,
    port: Annotated[int, typer.Option(min=1, max=65535, help=words("up.port"))] = settings().port,
    sample: Annotated[SampleChoice, typer.Option(help=words("up.sample"))] = SampleChoice.liwan,
    unit: Annotated[bool, typer.Option("--unit", help=words("up.unit"))] = False,
) -> None:
    import api.cli.parts
    import api.cli.unit

    if unit:
        emit(api.cli.unit.unit(settings(), host=host, port=port).rstrip())
        return
    api.cli.parts.require(*(["postgis"] if settings().private else []), "fonts")
    with _only_one(address(host, port)), _door(host, port, wanted=serve) as door, _database() as url:
        door_url = _door_url(url) if door else ""
        if sample is SampleChoice.liwan:
            _fill(url)
        if door:
            _serve(dataclasses.replace(settings(), database_url=url, door_url=door_url, host=host, port=port), door)
        else:
            say("up.done", home=settings().home)


@contextmanager
def _only_one(url: str) -> Iterator[None]:
    """Hold the home for this `up`; the kernel lets go when we end, however we end."""
    import data.folders

    home = settings().home
    with data.folders.owned(home):
        data.folders.make(home)
        lock = (home / "up.lock").open("a+")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            pid, _, other = lock.read().partition(" ")
            raise Busy("up.second", home=str(home), pid=pid, url=other.strip()) from None
        lock.truncate(0)
        print(os.getpid(), url, file=lock, flush=True)
        yield


@contextmanager
def _door(host: str, port: int, *, wanted: bool) -> Iterator[socket.socket | None]:
    """Take the port before the long work, so that a taken one is known at once."""
    if not wanted:
        yield None
        return
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((host, port))
        except OSError as error:
            reason = error.strerror or str(error)
            raise Conflict("up.port_taken", host=host, port=port, other=port + 1, reason=reason) from None
        yield door


@contextmanager
def _database() -> Iterator[str]:
    """The database with its present schema; the private one is watched for as long as it is needed."""
    import data.db

    if not settings().private:
        with step(words("up.schema")):
            data.db.migrate(settings().database_url)
        yield settings().database_url
        return
    with _cluster() as cluster:
        with step(words("up.schema")):
            data.db.migrate(cluster.url)
            data.db.open_door(cluster.url)
        yield cluster.url


def _door_url(url: str) -> str:
    """How requests come into the database: never as its owner, who has only come to set things up."""
    import data.cluster
    import data.db

    if settings().private:
        return data.cluster.Cluster(settings().home).door_url
    if not settings().door_url:
        return data.db.door_of(url, keyring().door_password)
    data.db.check_door(settings().door_url)
    return settings().door_url


@contextmanager
def _cluster() -> Iterator[data.cluster.Cluster]:
    import data.cluster

    cluster = data.cluster.Cluster(settings().home)
    with ExitStack() as stack:
        with step(words("up.cluster")):
            stack.enter_context(cluster.lease())
        if cluster.elsewhere:
            say("up.elsewhere", place=cluster.place, home=settings().home)
        stack.enter_context(_watched(cluster))
        yield cluster


@contextmanager
def _watched(cluster: data.cluster.Cluster) -> Iterator[None]:
    """Start the server again should it die under us: the pages answer 503 for that second, and then go on."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(WATCH_EVERY_S):
            if not cluster.running:
                with suppress(Refusal):  # it will be tried again
                    cluster.start()
                    say("up.restarted")

    watcher = threading.Thread(target=watch, name="database-watch", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _fill(url: str) -> None:
    """Load the sample into a database that holds nothing yet and compute its first coverage, both or neither."""
    import api.actions.coverage
    import api.actions.maps
    import api.actions.sample
    import api.deps
    import maps.texts

    with transaction(url) as session:
        if not api.actions.sample.wanted(session):
            return
        api.actions.sample.load(session, seal=keyring().seal, show=lambda name: step(words(f"sample.load.{name}")))
        question, today = api.actions.coverage.Question(), api.deps.today()
        run = api.actions.coverage.run(
            session, question, today=today, show=lambda name: step(words(f"coverage.step.{name}"))
        )
        with step(words("up.page")):
            for lang in maps.texts.LANGUAGES:
                api.actions.maps.kept_page(session, run["run_id"], lang=lang, folder=settings().home / "pages")


def _serve(given: Settings, door: socket.socket) -> None:
    """Keep what serves alive until Ctrl-C or SIGTERM; from then on nothing hurries the clean stop."""
    from api.cli.children import kept_alive

    if given.host in OPEN_TO_ALL:
        say("up.open_to_all", host=given.host)
    told, tell = os.pipe()
    failed: list[str] = []

    def give_up(name: str) -> None:
        failed.append(name)
        os.write(tell, b".")

    _hear(lambda: os.write(tell, b"."))
    with ExitStack() as children:
        for name, (arguments, environment, files) in _children(given, door).items():
            kept = kept_alive(name, *arguments, environment=environment, files=files, give_up=give_up)
            children.enter_context(kept)
        os.read(told, 1)
    if failed:
        raise Conflict("up.child_failed", name=failed[0], home=str(given.home))
    say("up.stopped", home=given.home)


def _children(given: Settings, door: socket.socket) -> dict[str, tuple[list[str], dict[str, str], tuple[int, ...]]]:
    """The commands that run as long as we do: one faces the network and never learns how the owner comes in."""
    address = {"WANGGE_HOST": given.host, "WANGGE_PORT": str(given.port)}
    outside = {**address, **MEMORY, "WANGGE_DATABASE_URL": given.door_url, "WANGGE_DOOR_URL": given.door_url}
    inside = {**address, "WANGGE_DATABASE_URL": given.database_url, "WANGGE_DOOR_URL": ""}
    return {
        "serve": (["serve", "--door", str(door.fileno())], outside, (door.fileno(),)),
        "worker": (["worker", "--child"], inside, ()),
    }


def _hear(leave: Callable[[], object]) -> None:
    """Make every polite request to end the same one."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: leave())
