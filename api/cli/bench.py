"""`wangge bench`: how fast this machine answers, beside the libraries one would otherwise use."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.terminal import emit, emit_json, example, say, session, step, words
from gis.errors import Invalid, MissingPart

#: Nodes of the synthetic cities, and of the one that only `--large` adds.
CITIES, LARGE = (50_000, 500_000), 2_000_000


def register(app: typer.Typer) -> None:
    ways = example(
        "wangge bench", "wangge bench --large --json > bench.json",
        "wangge bench --no-sample --nodes 500000 --task nearest_6",
        "wangge bench --no-sample --nodes 0 --pbf region.osm.pbf",
    )  # fmt: skip
    app.command("bench", help=words("bench.help"), epilog=ways)(bench)


def bench(
    *,
    sample: Annotated[bool, typer.Option(help=words("bench.sample"))] = True,
    nodes: Annotated[list[int] | None, typer.Option(min=0, max=20_000_000, help=words("bench.nodes"))] = None,
    task: Annotated[list[str] | None, typer.Option(help=words("bench.tasks"))] = None,
    large: Annotated[bool, typer.Option("--large", help=words("bench.large"))] = False,
    pbf: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help=words("bench.pbf"))] = None,
    database: Annotated[bool, typer.Option(help=words("bench.database"))] = True,
    rounds: Annotated[int, typer.Option(min=1, max=1000, help=words("bench.rounds"))] = 7,
    seed: Annotated[int, typer.Option(help=words("bench.seed"))] = 1,
    json: Annotated[bool, typer.Option("--json", help=words("cli.json"))] = False,
) -> None:
    import api.actions.bench

    if unknown := sorted(set(task or ()) - set(api.actions.bench.TASKS)):
        raise Invalid("bench.task", names=unknown, known=list(api.actions.bench.TASKS))
    cities = {*(CITIES if nodes is None else nodes), *((LARGE,) if large else ())} - {0}
    plan = api.actions.bench.Plan(
        tasks=tuple(task or ()), sample=float(sample), cities=tuple(sorted(cities)), rounds=rounds, seed=seed,
        extract=pbf,
    )  # fmt: skip
    tell = (lambda _row: None) if json else (lambda row: emit(_line(row)))
    with ExitStack() as stack:
        opened = _opened(stack) if database else None
        if not json:
            _head(api.actions.bench.machine(), seed)
        report = api.actions.bench.run(plan, session=opened, show=_step, tell=tell)
    emit_json(report) if json else _foot(report)
    if not report["agreed"]:
        say("bench.disagree", limit=report["tolerance"])
        raise typer.Exit(1)


def _step(name: str) -> AbstractContextManager[None]:
    return step(words("bench.step", name=name))


def _opened(stack: ExitStack) -> Any:
    try:
        return stack.enter_context(session())
    except MissingPart:
        say("bench.no_database")
        return None


def _head(machine: dict[str, Any], seed: int) -> None:
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    emit(words("bench.machine", cores=machine["cores"], cpu=machine["cpu"], python=machine["python"]))
    emit(words("bench.versions", versions=versions))
    emit(words("bench.load", load=machine["load"]))
    emit(words("bench.synthetic", seed=seed))


def _foot(report: dict[str, Any]) -> None:
    emit("")
    if report["laws"]:
        emit(words("bench.laws"))
    for law in report["laws"]:
        emit(words("bench.law", **law))
    if report["missing"]:
        emit(words("bench.missing", names=report["missing"]))
    emit(words("bench.bounds", bounds=", ".join(f"{name} {most:,}" for name, most in report["bounds"].items())))
    emit(words("bench.load_after", load=report["load"][1]))
    emit(words("bench.lines"))
    for line in report["lines"]:
        emit(_judged(line))


def _judged(line: dict[str, Any]) -> str:
    """A promise, what was measured, and whether it is kept."""
    said = {True: "met", False: "missed", None: "unmeasured"}[line["met"]]
    key = "bench.line.ratio" if line["peer"] else "bench.line.time"
    facts = line | {"what": words(f"bench.task.{line['task']}"), "said": words(f"bench.{said}")}
    return words(key, **facts, found="-" if line["measured"] is None else f"{line['measured']:.2f}")


def _line(row: dict[str, Any]) -> str:
    """Ours opens a task and says its time; every other one follows with its ratio to it."""
    notes = [words("bench.part", part=row["part"])] if row["part"] < 1 else []
    notes += [words("bench.wall")] if row["clock"] == "wall" else []
    notes += [words("bench.walled", took=row["wall_ms"])] if row["clock"] != "wall" and _waited(row) else []
    notes += [words("bench.whole", took=row["whole_ms"])] if row["whole_ms"] is not None else []
    notes += [words("bench.gap", **row["certificate"])] if "certificate" in row else []
    notes += [_tiles(row["tiles"])] if "tiles" in row else []
    took = row["wall_ms"] if row["clock"] == "wall" else row["cpu_ms"]
    key = "bench.ours" if row["ours"] else "bench.peer"
    return words(key, what=words(f"bench.task.{row['task']}"), took=took, notes=" ".join(notes), **row).rstrip()


def _waited(row: dict[str, Any]) -> bool:
    """Whether a busy machine, or a disk, has held it up."""
    return bool(row["wall_ms"] > 1.1 * row["cpu_ms"])


def _tiles(facts: dict[str, Any]) -> str:
    """What each worker used on a line of its own, and the law on the next."""
    used = zip(facts["cpu_s"], facts["peak_mb"], strict=True)
    each = [words("bench.worker", cpu=cpu, peak=peak) for cpu, peak in used]
    return words("bench.tiles", workers="; ".join(each), **facts)
