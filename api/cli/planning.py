"""`wangge whatif`, `wangge site` and `wangge access run`: what a planner asks before a decision."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import api.cli.scenarios
from api.cli.hours import At
from api.cli.terminal import emit, emit_json, example, say, session, words

Json = Annotated[bool, typer.Option("--json", help=words("cli.json"))]
Kind = Annotated[str, typer.Option(help=words("planning.cli.kind"))]
Minutes = Annotated[float, typer.Option(min=0.1, max=180, help=words("coverage.cli.minutes"))]
Metres = Annotated[float, typer.Option(min=1, max=20000, help=words("coverage.cli.metres"))]


def register(app: typer.Typer) -> None:
    scored = typer.Typer(help=words("planning.cli.access_help"), no_args_is_help=True)
    api.cli.scenarios.register(app)
    once = example(
        "wangge whatif --add canteen@113.2305,23.1102:80 --save 'one more canteen'",
        "wangge whatif --close F-0101 --json",
        "wangge whatif --move F-0101@113.2310,23.1100 --speed walker=0.5",
        "wangge whatif --open-path 113.2305,23.1102:113.2312,23.1102",
    )
    app.command("whatif", help=words("planning.cli.whatif"), epilog=once)(whatif)
    sites = example(
        "wangge site --kind canteen --sites 5 --front",
        "wangge site --kind clinic --sites 3 --candidates rooms.csv --floor 0.3",
        "wangge site --kind canteen --candidates rooms.csv --budget 800000 --places",
    )
    app.command("site", help=words("planning.cli.site"), epilog=sites)(site)
    runs = example("wangge access run --kind canteen --method e2sfca")
    scored.command("run", help=words("planning.cli.access"), epilog=runs)(access)
    app.add_typer(scored, name="access")


def whatif(
    *,
    add: Annotated[list[str] | None, typer.Option(metavar="KIND@LON,LAT[:N]", help=words("planning.cli.add"))] = None,
    close: Annotated[list[str] | None, typer.Option(metavar="ID", help=words("planning.cli.close"))] = None,
    move: Annotated[list[str] | None, typer.Option(metavar="ID@LON,LAT", help=words("scenario.cli.move"))] = None,
    resize: Annotated[list[str] | None, typer.Option(metavar="ID:N", help=words("scenario.cli.resize"))] = None,
    hours: Annotated[list[str] | None, typer.Option(metavar="ID=OPENS", help=words("scenario.cli.hours"))] = None,
    speed: Annotated[list[str] | None, typer.Option(metavar="PROFILE=M/S", help=words("scenario.cli.speed"))] = None,
    open_path: Annotated[
        list[str] | None, typer.Option(metavar="LON,LAT:LON,LAT", help=words("scenario.cli.open_path"))
    ] = None,
    close_path: Annotated[
        list[str] | None, typer.Option(metavar="LON,LAT", help=words("scenario.cli.close_path"))
    ] = None,
    save: Annotated[str | None, typer.Option(metavar="NAME", help=words("scenario.cli.save"))] = None,
    at: At = None,
    minutes: Minutes = 10,
    metres: Metres = 500,
    json: Json = False,
) -> None:
    import api.actions.planning
    import api.actions.scenarios
    import api.deps
    from api.actions.coverage import Question

    named = {"add": add, "close": close, "move": move, "resize": resize, "hours": hours, "speed": speed,
             "open_path": open_path, "close_path": close_path}  # fmt: skip
    question = Question(minutes=minutes, metres=metres, at=at)
    with session() as opened:
        asked = api.actions.scenarios.read(opened, {option: texts or [] for option, texts in named.items()})
        answer = api.actions.planning.whatif(opened, question, asked, today=api.deps.today())
        kept = None if save is None else api.actions.scenarios.keep(opened, save, asked)
    if json:
        emit_json(answer | {"scenario_id": kept})
    else:
        _print_whatif(answer)
    if kept is not None:
        say("scenario.cli.saved", scenario_id=kept, name=save)


def _print_whatif(answer: dict[str, Any]) -> None:
    _mark(answer)
    if answer["off_network"]:
        say("scenario.cli.off_network", ids=answer["off_network"])
    for row in answer["totals"] + [row for row in answer["areas"] if row["level"] == "street"]:
        emit(words("planning.cli.whatif_line", **_named(row)))
    if not answer["totals"]:
        emit(words("planning.cli.whatif_none"))


def site(
    *,
    kind: Kind,
    sites: Annotated[int | None, typer.Option(min=0, max=500, help=words("planning.cli.sites"))] = None,
    candidates: Annotated[Path | None, typer.Option(exists=True, help=words("planning.cli.candidates"))] = None,
    datum: Annotated[str | None, typer.Option(help=words("planning.cli.datum"))] = None,
    method: Annotated[str, typer.Option(help=words("planning.cli.method"))] = "mclp",
    budget: Annotated[float | None, typer.Option(min=0, help=words("planning.cli.budget"))] = None,
    places: Annotated[bool, typer.Option("--places", help=words("planning.cli.places"))] = False,
    floor: Annotated[float | None, typer.Option(min=0, max=1, help=words("planning.cli.floor"))] = None,
    front: Annotated[bool, typer.Option("--front", help=words("planning.cli.front"))] = False,
    minutes: Minutes = 10,
    json: Json = False,
) -> None:
    import api.actions.siting
    import api.deps
    import data.ingest.candidates

    offered = None if candidates is None else data.ingest.candidates.read(candidates, datum=datum)
    sought = api.actions.siting.Sought(
        kind, add=1 if sites is None and budget is None else sites, method=method, minutes=minutes, candidates=offered,
        budget=budget, places=places, floor=floor, front=front,
    )  # fmt: skip
    with session() as opened:
        answer = api.actions.siting.site(opened, sought, today=api.deps.today())
    if json:
        emit_json(answer)
        return
    _mark(answer)
    emit(words("planning.cli.site_title", **_named(answer)))
    for place in answer["opened"]:
        emit(words("planning.cli.site_place", **place))
    emit(words("planning.cli.site_proof" if answer["proven"] else "planning.cli.site_gap", **answer))
    _print_beside(answer)


def _print_beside(answer: dict[str, Any]) -> None:
    """What a plan costs and whom it serves, who gains and who loses, and what else would be nearly as good."""
    for name in ("cost", "worst_share"):
        if answer[name] is not None:
            emit(words(f"planning.cli.site_{name}", **answer))
    for row in answer["places"]:
        emit(words("planning.cli.site_load", **row))
    for row in answer["streets"]:
        if row["gained"] or row["lost"]:
            emit(words("planning.cli.site_street", **row))
    for one in answer["alternatives"]:
        emit(words("planning.cli.site_alternative", **one))
    line = "planning.cli.site_front" if answer["cost"] is None else "planning.cli.site_front_paid"
    for one in answer["front"]:
        emit(words(line, **one))


def access(
    *,
    kind: Kind,
    method: Annotated[str, typer.Option(help=words("planning.cli.access_method"))] = "e2sfca",
    decay: Annotated[str, typer.Option(help=words("planning.cli.decay"))] = "step",
    minutes: Minutes = 10,
    json: Json = False,
) -> None:
    import api.actions.planning
    import api.deps
    from api.actions.coverage import Question

    with session() as opened:
        answer = api.actions.planning.access(
            opened, Question(minutes=minutes), kind=kind, today=api.deps.today(), method=method, decay=decay
        )
    if json:
        emit_json(answer)
        return
    _mark(answer)
    emit(words("planning.cli.access_title", **_named(answer)))
    for row in answer["streets"]:
        emit(words("planning.cli.access_line", **row))


def _mark(answer: dict[str, Any]) -> None:
    if answer["synthetic"]:
        emit(words("coverage.cli.synthetic"))


def _named(row: dict[str, Any]) -> dict[str, Any]:
    shown = {"what": words(f"page.kind.{row['kind']}")}
    return {**row, **shown, "rule": words(f"page.verdict.{row['verdict']}") if "verdict" in row else ""}
