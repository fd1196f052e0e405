"""`wangge worker` and `wangge jobs`: who does the work for later, and what waits or could not be done."""

from __future__ import annotations

import signal
import threading
from contextlib import ExitStack
from typing import Annotated

import typer

from api.cli.terminal import database, emit, emit_json, example, say, session, settings, transaction, words

Json = Annotated[bool, typer.Option("--json", help=words("cli.json"))]


def register(app: typer.Typer) -> None:
    app.command("worker", help=words("worker.help"), epilog=example("wangge worker"))(worker)
    group = typer.Typer(help=words("jobs.help"), no_args_is_help=True)
    group.command("list", help=words("jobs.list.help"), epilog=example("wangge jobs list --dead"))(list_)
    group.command("retry", help=words("jobs.retry.help"), epilog=example("wangge jobs retry 12"))(retry)
    app.add_typer(group, name="jobs")


def worker(*, child: Annotated[bool, typer.Option("--child", hidden=True)] = False) -> None:
    import dataclasses

    import api.logs
    import api.worker
    from api.cli.children import leave_with_parent

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    if child:
        leave_with_parent(stop.set)
    api.logs.open_file(settings().home)
    with ExitStack() as stack:
        # What started us has migrated, and will stop the database only after us.
        url = settings().database_url if child else stack.enter_context(database())
        say("worker.working")
        api.worker.run(dataclasses.replace(settings(), database_url=url), stop)
    say("worker.stopped")


def list_(
    *,
    dead: Annotated[bool, typer.Option("--dead", help=words("jobs.dead"))] = False,
    limit: Annotated[int, typer.Option(min=1, help=words("jobs.limit"))] = 100,
    json: Json = False,
) -> None:
    import data.jobs

    with session() as opened:
        found, state = data.jobs.search(opened, dead=dead, limit=limit), data.jobs.state(opened)
    if json:
        emit_json({"state": state, "jobs": found})
        return
    for each in found:
        line = "dead_line" if each["dead_at"] else "doing_line" if each["held_since"] else "line"
        emit(words(f"jobs.{line}", **each))
    say("jobs.state", **state)


def retry(job_id: Annotated[int, typer.Argument(help=words("jobs.id"))]) -> None:
    import data.jobs

    with database() as url, transaction(url) as opened:
        data.jobs.retry(opened, job_id)
    say("jobs.again", id=job_id)
