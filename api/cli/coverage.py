"""`wangge coverage …` and `wangge map …`: compute runs, read them, hand them on, draw them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

import api.cli.evidence
import api.cli.policies
from api.cli.hours import At
from api.cli.terminal import emit, emit_json, example, say, session, settings, step, words

Json = Annotated[bool, typer.Option("--json", help=words("cli.json"))]
RunId = Annotated[int, typer.Argument(min=1, help=words("coverage.cli.run_id"))]
Output = Annotated[Path, typer.Option("-o", "--output", help=words("coverage.cli.output"))]
Whose = Literal["all", "own"]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help=words("coverage.cli.help"), no_args_is_help=True)
    drawn = typer.Typer(help=words("coverage.cli.map_help"), no_args_is_help=True)
    for name, command, examples in (
        (
            "run",
            run,
            (
                "wangge coverage run",
                "wangge coverage run --kind canteen --minutes 15 --metres 800 --json",
                "wangge coverage run --scenario 7",
                "wangge coverage run --facilities own",
                "wangge coverage run --scheduler tcp://planner:8786",
            ),
        ),
        ("list", list_runs, ("wangge coverage list",)),
        ("show", show, ("wangge coverage show 1 --level street",)),
        ("export", export, ("wangge coverage export 1 --what areas -o areas.xlsx",)),
    ):
        group.command(name, help=words(f"coverage.cli.{name}"), epilog=example(*examples))(command)
    api.cli.evidence.register(group)
    api.cli.policies.register(group)
    pages = ("wangge map coverage 1 -o coverage.html --single-file", "wangge map coverage 1 --kind canteen -o a3.pdf")
    drawn.command("coverage", help=words("coverage.cli.map"), epilog=example(*pages))(map_coverage)
    app.add_typer(group, name="coverage")
    app.add_typer(drawn, name="map")


def run(
    *,
    kind: Annotated[list[str] | None, typer.Option(help=words("coverage.cli.kind"))] = None,
    minutes: Annotated[float, typer.Option(min=0.1, max=180, help=words("coverage.cli.minutes"))] = 10,
    metres: Annotated[float, typer.Option(min=1, max=20000, help=words("coverage.cli.metres"))] = 500,
    profile: Annotated[str | None, typer.Option(help=words("coverage.cli.profile"))] = None,
    at: At = None,
    area: Annotated[str | None, typer.Option(help=words("coverage.cli.area"))] = None,
    scenario: Annotated[int | None, typer.Option(min=1, help=words("scenario.cli.tried"))] = None,
    facilities: Annotated[Whose, typer.Option(help=words("scenario.cli.facilities"))] = "all",
    scheduler: Annotated[str | None, typer.Option(metavar="ADDRESS", help=words("coverage.cli.scheduler"))] = None,
    json: Json = False,
) -> None:
    import api.actions.coverage
    import api.deps
    import data.scenarios

    with session() as opened:
        question = api.actions.coverage.Question(
            tuple(kind) if kind else None, minutes=minutes, metres=metres, profile=profile, at=at, area=area,
            facilities=facilities, scenario=None if scenario is None else data.scenarios.get(opened, scenario),
        )  # fmt: skip
        answer = api.actions.coverage.run(
            opened, question, today=api.deps.today(), show=lambda name: step(words(f"coverage.step.{name}")),
            scheduler=scheduler,
        )  # fmt: skip
    emit_json(answer) if json else _print_run(answer)


def list_runs(*, json: Json = False) -> None:
    import data.coverage

    with session() as opened:
        runs = data.coverage.search(opened, limit=1000)
    if json:
        emit_json({"runs": runs})
        return
    for kept in runs:
        emit(f"{kept['run_id']:>6}  {kept['created_at']:%Y-%m-%d %H:%M}  {', '.join(kept['kinds'])}")


def show(
    run_id: RunId,
    *,
    level: Annotated[str | None, typer.Option(help=words("coverage.cli.level"))] = None,
    json: Json = False,
) -> None:
    import api.actions.coverage
    import data.coverage
    import gis.frames

    with session() as opened:
        kept = data.coverage.get(opened, run_id)
        level = level or data.coverage.levels(opened, run_id)[0]
        frame = api.actions.coverage.figures(opened, run_id, level=level)
    rows = gis.frames.records(frame)
    if json:
        emit_json({"run_id": kept["run_id"], "level": level, "areas": rows})
    else:
        _print_areas(rows)


def export(
    run_id: RunId,
    *,
    what: Annotated[str, typer.Option(help=words("coverage.cli.what"))] = "areas",
    output: Output,
) -> None:
    import api.actions.exports

    with session() as opened:
        rows = api.actions.exports.coverage(opened, run_id, what=what, path=output)
    say("coverage.cli.written", path=output, rows=rows)


def map_coverage(
    run_id: RunId,
    *,
    output: Output,
    level: Annotated[str | None, typer.Option(help=words("coverage.cli.level"))] = None,
    kind: Annotated[str | None, typer.Option(help=words("coverage.cli.one_kind"))] = None,
    single_file: Annotated[bool, typer.Option("--single-file", help=words("coverage.cli.single_file"))] = False,
    exact: Annotated[bool, typer.Option("--exact", help=words("coverage.cli.exact"))] = False,
    catchments: Annotated[bool, typer.Option("--catchments", help=words("coverage.cli.catchments"))] = False,
    width_px: Annotated[int | None, typer.Option(min=400, max=8000, help=words("coverage.cli.width_px"))] = None,
) -> None:
    import api.actions.maps

    with session() as opened:
        page = api.actions.maps.page(
            opened, run_id, lang=settings().lang, exact=exact, level=level, kind=kind, catchments=catchments
        )
    api.actions.maps.write(page, output, single_file=single_file, width_px=width_px)
    say("coverage.cli.map_written", path=output)


def _print_run(answer: dict[str, Any]) -> None:
    """The totals as a table: one line for each kind and verdict."""
    emit(words("coverage.cli.run_title", run_id=answer["run_id"], data_date=answer["data_date"] or "—"))
    if answer["synthetic"]:
        emit(words("coverage.cli.synthetic"))
    asked = answer["parameters"]
    if "scenario" in asked:
        emit(words("scenario.cli.of_run", scenario_id=asked["scenario"]["id"], name=asked["scenario"]["name"]))
    if asked["facilities"] == "own":
        emit(words("scenario.cli.own_only"))
    for kind, rules in {**answer["kinds"], "circle": answer["circle"]}.items():
        for rule, figures in rules.items():
            emit(_line(words(f"page.kind.{kind}"), words(f"page.verdict.{rule}"), figures))
    say("coverage.cli.next", run_id=answer["run_id"])


def _print_areas(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        emit(f"{row['code']:<16}" + _line(f"{row['name']} {words('page.kind.' + row['kind'])}", row["verdict"], row))


def _line(what: str, rule: str, figures: dict[str, Any]) -> str:
    rate = figures["elder_coverage_rate"]
    facts = {name: figures[name] for name in ("elders", "covered", "uncovered", "unknown")}
    return words("coverage.cli.line", what=what, rule=rule, rate="—" if rate is None else f"{rate:.1%}", **facts)
