"""`wangge scenario …` and `wangge coverage compare`: what might be otherwise, kept and set side by side."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from api.cli.terminal import emit, emit_json, example, say, session, words

Json = Annotated[bool, typer.Option("--json", help=words("cli.json"))]
Number = Annotated[int, typer.Argument(min=1, help=words("scenario.cli.number"))]


def register(app: typer.Typer) -> None:
    kept = typer.Typer(help=words("scenario.cli.help"), no_args_is_help=True)
    for name, command, line in (
        ("list", list_scenarios, "wangge scenario list"),
        ("show", show, "wangge scenario show 1 --json"),
        ("remove", remove, "wangge scenario remove 1"),
    ):
        kept.command(name, help=words(f"scenario.cli.{name}"), epilog=example(line))(command)
    app.add_typer(kept, name="scenario")


def list_scenarios(*, json: Json = False) -> None:
    import data.scenarios

    with session() as opened:
        found = data.scenarios.search(opened)
    if json:
        emit_json({"scenarios": found})
        return
    for one in found:
        emit(words("scenario.cli.line", count=len(one["changes"]), **one))


def show(scenario_id: Number, *, json: Json = False) -> None:
    import data.scenarios

    with session() as opened:
        found = data.scenarios.get(opened, scenario_id)
    if json:
        emit_json(found)
        return
    emit(words("scenario.cli.line", count=len(found["changes"]), **found))
    for change in found["changes"]:
        facts = ", ".join(f"{name}={value}" for name, value in change.items() if name != "do" and value is not None)
        emit("  " + words(f"scenario.cli.do.{change['do']}", facts=facts))
    say("scenario.cli.next", scenario_id=scenario_id)


def remove(scenario_id: Number) -> None:
    import data.scenarios

    with session() as opened:
        data.scenarios.remove(opened, scenario_id)
    say("scenario.cli.removed", scenario_id=scenario_id)


def compare(
    before: Annotated[int, typer.Argument(min=1, help=words("scenario.cli.before"))],
    after: Annotated[int, typer.Argument(min=1, help=words("scenario.cli.after"))],
    *,
    json: Json = False,
) -> None:
    import api.actions.scenarios

    with session() as opened:
        answer = api.actions.scenarios.compare(opened, before, after)
    emit_json(answer) if json else _print_compared(answer)


def _print_compared(answer: dict[str, Any]) -> None:
    if answer["synthetic"]:
        emit(words("coverage.cli.synthetic"))
    if not answer["same_people"]:
        emit(words("scenario.cli.other_people"))
    line = "planning.cli.whatif_line" if answer["same_people"] else "scenario.cli.net_line"
    for row in answer["totals"] + answer["streets"]:
        name = words("scenario.cli.whole") if row["level"] == "all" else row["name"] or words("scenario.cli.nowhere")
        named = {"what": words(f"page.kind.{row['kind']}"), "rule": words(f"page.verdict.{row['verdict']}")}
        emit(words(line, **{**row, **named, "name": name}))
    if not answer["totals"] + answer["streets"]:
        emit(words("planning.cli.whatif_none"))
