"""`wangge coverage explain`, `uncertainty` and `compare`: why a figure is what it is, and how far to trust it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import api.cli.scenarios
from api.cli.hours import At
from api.cli.terminal import emit, emit_json, example, say, session, settings, words

if TYPE_CHECKING:
    import data.db
    from api.actions.coverage import Question

Json = Annotated[bool, typer.Option("--json", help=words("cli.json"))]
Kind = Annotated[str, typer.Option(help=words("planning.cli.kind"))]
Minutes = Annotated[float, typer.Option(min=0.1, max=180, help=words("coverage.cli.minutes"))]
Metres = Annotated[float, typer.Option(min=1, max=20000, help=words("coverage.cli.metres"))]
Scenario = Annotated[int | None, typer.Option(min=1, help=words("scenario.cli.tried"))]


def register(group: typer.Typer) -> None:
    for name, command, line in (
        ("explain", explain, "wangge coverage explain H-0001 --kind canteen --at 2026-03-02T12:00:00 -o walk.geojson"),
        ("uncertainty", uncertainty, "wangge coverage uncertainty --kind canteen --scenario 7 --draws 200 --seed 1"),
        ("compare", api.cli.scenarios.compare, "wangge coverage compare 1 2"),
    ):
        group.command(name, help=words(f"evidence.cli.{name}"), epilog=example(line))(command)


def explain(
    ref: Annotated[str, typer.Argument(help=words("evidence.cli.ref"))],
    *,
    kind: Kind,
    minutes: Minutes = 10,
    metres: Metres = 500,
    at: At = None,
    scenario: Scenario = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help=words("evidence.cli.output"))] = None,
    json: Json = False,
) -> None:
    import api.actions.evidence
    import api.deps
    import data.handover

    if output is not None:
        data.handover.check(output)
    with session() as opened:
        question = _question(opened, scenario, minutes=minutes, metres=metres, at=at)
        facts, lines = api.actions.evidence.explain(opened, question, ref=ref, kind=kind, today=api.deps.today())
    if output is not None:
        data.handover.write(lines, output, synthetic=facts["synthetic"])
        say("coverage.cli.written", path=output, rows=len(lines))
    emit_json(facts) if json else _print_explained(facts)


def _print_explained(facts: dict[str, Any]) -> None:
    if facts["synthetic"]:
        emit(words("coverage.cli.synthetic"))
    profile = facts["profile"]
    label = profile["label_en" if settings().lang == "en" else "label_zh"]
    named = {"what": words(f"page.kind.{facts['kind']}"), "label": label, "speed": profile["speed_m_s"]}
    emit(words("evidence.cli.title", ref=facts["ref"], limit_s=facts["limit_s"], **named))
    for rule, verdict in facts["verdicts"].items():
        emit("  " + words("evidence.cli.verdict", rule=words(f"page.verdict.{rule}"), verdict=_word(verdict)))
    if facts["reason"]:
        emit("  " + words(f"coverage.reason.{facts['reason']}"))
        return
    emit("  " + words("evidence.cli.snap", snap_m=facts["snap_m"]))
    if facts["cause"]:
        emit("  " + words(f"evidence.cause.{facts['cause']}"))
    for rank, walk in enumerate(facts["walks"], 1):
        emit("  " + words("evidence.cli.walk", rank=rank, **{name: walk[name] for name in _WALK}))
        parts = [
            f"{words(f'evidence.part.{part}')} {seconds:.0f}" for part, seconds in walk["seconds"].items() if seconds
        ]
        emit("     " + words("evidence.cli.parts", parts=parts))


_WALK = ("facility_id", "facility", "total_s", "metres")


def _word(verdict: str) -> str:
    return words(f"evidence.verdict.{verdict}")


def uncertainty(
    *,
    kind: Kind,
    draws: Annotated[int, typer.Option(min=1, max=100_000, help=words("evidence.cli.draws"))] = 200,
    seed: Annotated[int, typer.Option(min=0, help=words("evidence.cli.seed"))] = 1,
    minutes: Minutes = 10,
    at: At = None,
    scenario: Scenario = None,
    json: Json = False,
) -> None:
    import api.actions.evidence
    import api.deps

    with session() as opened:
        question = _question(opened, scenario, minutes=minutes, at=at)
        answer = api.actions.evidence.uncertainty(
            opened, question, kind=kind, today=api.deps.today(), draws=draws, seed=seed
        )
    emit_json(answer) if json else _print_band(answer)


def _print_band(answer: dict[str, Any]) -> None:
    if answer["synthetic"]:
        emit(words("coverage.cli.synthetic"))
    rates = {name: _percent(answer[name]) for name in ("rate", "low", "median", "high")}
    emit(words("evidence.cli.band", what=words(f"page.kind.{answer['kind']}"), draws=answer["draws"], **rates))
    for row in answer["sensitivity"]:
        shown = {name: _percent(row[name]) for name in ("low", "high", "swing")}
        emit("  " + words("evidence.cli.factor", factor=words(f"evidence.factor.{row['factor']}"), **shown))


def _question(opened: data.db.Session, scenario: int | None, **asked: Any) -> Question:
    """The question, with the scenario it is asked under."""
    import data.scenarios
    from api.actions.coverage import Question

    return Question(**asked, scenario=None if scenario is None else data.scenarios.get(opened, scenario))


def _percent(rate: float | None) -> str:
    return "—" if rate is None else f"{rate:.1%}"
