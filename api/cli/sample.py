"""`wangge sample`: the Liwan sample into an empty database."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.terminal import emit_json, example, keyring, say, session, step, words


def register(app: typer.Typer) -> None:
    examples = example("wangge sample", "wangge sample --seed 7 --scale 0.1")
    app.command("sample", help=words("sample.cli.help"), epilog=examples)(sample)


def sample(
    *,
    seed: Annotated[int, typer.Option(min=0, help=words("sample.cli.seed"))] = 1,
    scale: Annotated[float, typer.Option(min=0.01, max=1, help=words("sample.cli.scale"))] = 1.0,
    json: Annotated[bool, typer.Option("--json", help=words("cli.json"))] = False,
) -> None:
    import api.actions.sample

    with session() as opened:
        kept = api.actions.sample.load(
            opened, seed=seed, scale=scale, seal=keyring().seal, show=lambda name: step(words(f"sample.load.{name}"))
        )
    if json:
        emit_json({"seed": seed, "scale": scale, "synthetic": True, "rows": kept})
    else:
        say("sample.cli.done", **kept)
