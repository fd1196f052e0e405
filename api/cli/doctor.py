"""`wangge doctor`: what is missing or wrong on this machine, and what to do about it."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from api.cli.terminal import emit, emit_json, example, settings, transaction, words
from gis.errors import Refusal

GIB = 2**30
DISK_GIB = 2.0
#: Without these an acknowledged change can be lost with the power.
DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
MARKS = {"ok": "✓", "hint": "·", "wrong": "✗"}


@dataclass(frozen=True)
class Finding:
    """One thing looked at: `ok`, `hint` (works, could be better) or `wrong` (something will not work)."""

    what: str
    state: str
    text: str


def register(app: typer.Typer) -> None:
    app.command("doctor", help=words("doctor.help"), epilog=example("wangge doctor", "wangge doctor --json"))(doctor)


def doctor(*, json: Annotated[bool, typer.Option("--json", help=words("cli.json"))] = False) -> None:
    findings = list(_look())
    wrong = any(each.state == "wrong" for each in findings)
    if json:
        emit_json({"ok": not wrong, "findings": [asdict(each) for each in findings]})
    else:
        emit("\n".join(f"{MARKS[each.state]} {each.text}" for each in findings))
    if wrong:
        raise typer.Exit(1)


def _look() -> Iterator[Finding]:
    yield from _python()
    yield from _system()
    yield from _pages()
    yield from _disk()
    yield from _database()
    yield _finding("https", "hint")


def _finding(what: str, state: str, **facts: object) -> Finding:
    """The words of a finding stand under what it is, or under what is wrong with it."""
    key = f"doctor.{what}" if state != "wrong" else f"doctor.{what}.wrong"
    return Finding(what, state, words(key, **facts))


def _python() -> Iterator[Finding]:
    inside = sys.prefix != sys.base_prefix
    yield _finding("python", "ok" if inside else "hint", version=platform.python_version(), folder=sys.prefix)


def _system() -> Iterator[Finding]:
    import api.cli.parts
    import data.postgres

    for each in data.postgres.installed():
        yield _finding("postgis", "ok", postgres=each.major, postgis=each.postgis, folder=each.folder)
    if settings().private and not data.postgres.installed():
        yield _finding("postgis", "wrong", command=api.cli.parts.command(["postgis"]))
    for part, state in (("fonts", "wrong"), ("chromium", "hint")):
        lacking = bool(api.cli.parts.missing(part))
        key, state = (f"{part}.missing", state) if lacking else (part, "ok")
        yield Finding(part, state, words(f"doctor.{key}", command=api.cli.parts.command([part])))


def _pages() -> Iterator[Finding]:
    import maps.vendor

    faulty = maps.vendor.faulty()
    yield _finding("vendor", "wrong" if faulty else "ok", files=faulty, count=len(maps.vendor.files()))


def _disk() -> Iterator[Finding]:
    there = next(folder for folder in (settings().home, *settings().home.parents) if folder.exists())
    free = shutil.disk_usage(there).free / GIB
    yield _finding("disk", "ok" if free >= DISK_GIB else "wrong", free=free, least=DISK_GIB, folder=there)


def _database() -> Iterator[Finding]:
    """Look without changing anything: a private cluster that does not run is not started for this."""
    import data.db
    import data.postgres

    if not (url := settings().database_url or _private_url()):
        yield _finding("database_off", "ok", home=settings().home)
        return
    try:
        told = data.postgres.about(url)
    except Refusal as refusal:
        yield Finding("database", "wrong", words(refusal.code, **refusal.facts))
        return
    yield _finding("database", "ok", **told)
    if weak := [f"{name}={told[name]}" for name, wanted in DURABLE.items() if told[name] != wanted]:
        yield _finding("durable", "wrong", settings=weak)
    if told["data_checksums"] != "on":
        yield _finding("checksums", "hint")
    if told["revision"] == data.db.head():
        yield from _queue(url)


def _queue(url: str) -> Iterator[Finding]:
    import data.jobs
    import gis.retries

    with transaction(url) as session:
        state = data.jobs.state(session)
    yield _finding("queue", "wrong" if state["overdue_s"] > gis.retries.STUCK_S else "ok", **state)
    if state["dead"]:
        yield _finding("queue_dead", "hint", **state)


def _private_url() -> str:
    import data.cluster

    cluster = data.cluster.Cluster(settings().home)
    return cluster.url if cluster.running else ""
