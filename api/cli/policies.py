"""`wangge coverage policy …`: the straight radius that a clause states for a kind, quoted with its source."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.terminal import emit, emit_json, example, say, session, words

Json = Annotated[bool, typer.Option("--json", help=words("cli.json"))]
Kind = Annotated[str, typer.Option(help=words("planning.cli.kind"))]
Metres = Annotated[float, typer.Option(min=1, max=20000, help=words("policy.cli.metres"))]
Source = Annotated[str, typer.Option(help=words("policy.cli.source"))]


def register(group: typer.Typer) -> None:
    quoted = typer.Typer(help=words("policy.cli.help"), no_args_is_help=True)
    for name, command, line in (
        ("set", quote, "wangge coverage policy set --kind canteen --metres 1000 --source '粤民发〔2023〕1号 第5条'"),
        ("clear", clear, "wangge coverage policy clear --kind canteen"),
        ("list", list_policies, "wangge coverage policy list"),
    ):
        quoted.command(name, help=words(f"policy.cli.{name}"), epilog=example(line))(command)
    group.add_typer(quoted, name="policy")


def quote(*, kind: Kind, metres: Metres, source: Source) -> None:
    import api.actions.policies

    with session() as opened:
        api.actions.policies.quote(opened, kind, metres=metres, source=source)
    say("policy.cli.kept", kind=kind, metres=metres)


def clear(*, kind: Kind) -> None:
    import api.actions.policies

    with session() as opened:
        api.actions.policies.clear(opened, kind)
    say("policy.cli.cleared", kind=kind)


def list_policies(*, json: Json = False) -> None:
    import data.facilities
    import gis.frames

    with session() as opened:
        kinds = data.facilities.kinds(opened)
    rows = gis.frames.records(kinds[["code", "policy_radius_m", "policy_source"]].dropna(subset="policy_source"))
    if json:
        emit_json({"policies": rows})
        return
    for row in rows:
        emit(words("policy.cli.line", kind=row["code"], metres=row["policy_radius_m"], source=row["policy_source"]))
    if not rows:
        say("policy.cli.none")
