"""`wangge photos`: whether rows and files agree."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from api.cli.terminal import emit, emit_json, example, say, session, settings, words


def register(app: typer.Typer) -> None:
    group = typer.Typer(help=words("photos.cli.help"), no_args_is_help=True)
    group.callback()(lambda: None)  # else Typer would make of a single command the group itself
    group.command("check", help=words("photos.check.help"), epilog=example("wangge photos check --mend"))(check)
    app.add_typer(group, name="photos")


def check(
    *,
    mend: Annotated[bool, typer.Option("--mend", help=words("photos.mend"))] = False,
    json: Annotated[bool, typer.Option("--json", help=words("cli.json"))] = False,
) -> None:
    """Exit status 1 when something is wrong and stays so."""
    import api.actions.photos
    import api.deps

    with session() as opened:
        found = api.actions.photos.check(opened, home=settings().home, now=api.deps.now())
        if mend:
            api.actions.photos.mend(opened, found)
    if json:
        emit_json(asdict(found))
    else:
        for each in (*found.lost, *found.unshown, *found.stray):
            emit(str(each))
        say("photos.checked", lost=len(found.lost), unshown=len(found.unshown), stray=len(found.stray))
        if mend:
            say("photos.mended")
    if found.lost or (not mend and (found.unshown or found.stray)):
        raise typer.Exit(1)
