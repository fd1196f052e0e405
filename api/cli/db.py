"""`wangge db`: the database as a thing that is started, stopped, migrated, backed up and restored."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.terminal import database, emit, emit_json, example, say, settings, step, words
from gis.errors import Conflict, NotFound

Json = Annotated[bool, typer.Option("--json", help=words("cli.json"))]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help=words("db.help"), no_args_is_help=True)
    for command in (start, stop, status, migrate, backup, restore):
        said = command.__name__
        group.command(said, help=words(f"db.{said}.help"), epilog=example(EXAMPLES[said]))(command)
    app.add_typer(group, name="db")


EXAMPLES = {
    "start": "wangge db start",
    "stop": "wangge db stop",
    "status": "wangge db status --json",
    "migrate": "wangge db migrate",
    "backup": "wangge db backup wangge.backup",
    "restore": "wangge db restore wangge.backup",
}


def start() -> None:
    import api.cli.parts

    cluster = _cluster()
    api.cli.parts.require("postgis")
    cluster.keep()
    say("db.started", url=cluster.url)


def stop() -> None:
    cluster = _cluster()
    cluster.stop()
    say("db.stopped", home=settings().home)


def status(*, json: Json = False) -> None:
    cluster = _cluster()
    told = {"running": cluster.running, "place": str(cluster.place), "log": str(cluster.log), "url": cluster.url}
    if json:
        emit_json(told)
    else:
        emit(words("db.running" if told["running"] else "db.off", **told))


def migrate() -> None:
    with database():
        say("db.migrated")


def backup(file: Annotated[Path, typer.Argument(help=words("db.file"))], *, json: Json = False) -> None:
    import data.backup

    with database() as url, step(words("db.backing_up")):
        facts = data.backup.write(url, file, home=settings().home)
    if json:
        emit_json(facts)
    else:
        say("db.backed_up", **facts)


def restore(file: Annotated[Path, typer.Argument(help=words("db.file"))], *, json: Json = False) -> None:
    import data.backup
    import data.db

    if not file.is_file():
        raise NotFound("backup.no_file", file=str(file))
    with step(words("db.checking")):
        data.backup.check(file)
    with database() as url, step(words("db.restoring")):
        facts = data.backup.restore(url, file, home=settings().home)
        data.db.migrate(url)
    if json:
        emit_json(facts)
    else:
        say("db.restored", **facts)


def _cluster() -> Any:
    """The private cluster; a server of the owner's own is not ours to start, stop or look into."""
    import data.cluster

    if not settings().private:
        raise Conflict("db.not_ours")
    return data.cluster.Cluster(settings().home)
