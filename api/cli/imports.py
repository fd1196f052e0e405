"""`wangge import`: a place's own files, brought in by the actions of the same name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.terminal import emit_json, example, keyring, progress, say, session, tell, words
from gis.errors import BadRows, Fault, Refusal

if TYPE_CHECKING:
    from api.actions.intake import Asked, Done
    from data.db import Session

#: Times in lists of Chinese offices seldom say their zone.
ZONE = "Asia/Shanghai"


def _said(option: str) -> str:
    return words(f"imports.option.{option}")


File = Annotated[Path, typer.Argument(help=words("imports.file"))]
Datum = Annotated[str | None, typer.Option("--datum", help=_said("datum"))]
Crs = Annotated[int | None, typer.Option("--crs", metavar="EPSG", help=_said("crs"))]
Encoding = Annotated[str | None, typer.Option("--encoding", help=_said("encoding"))]
Layer = Annotated[str | None, typer.Option("--layer", help=_said("layer"))]
DryRun = Annotated[bool, typer.Option("--dry-run", help=_said("dry_run"))]
Json = Annotated[bool, typer.Option("--json", help=_said("json"))]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help=_said("skip_bad"))]
AcceptDatum = Annotated[bool, typer.Option("--accept-datum", help=_said("accept_datum"))]
Synthetic = Annotated[bool, typer.Option("--synthetic", help=_said("synthetic"))]
Attribution = Annotated[str, typer.Option("--attribution", help=_said("attribution"))]

EXAMPLES = {
    "areas": "wangge import areas streets.geojson --level street --code 编码 --name 名称 --scheme cn-stat",
    "walknet": "wangge import walknet guangdong.osm.pbf --clip-to 440103 --buffer-m 1500",
    "facilities": "wangge import facilities 设施.xlsx --datum gcj02",
    "households": "wangge import households 老人家庭.csv --datum wgs84 --dry-run",
    "reports": "wangge import reports 上报.csv --datum gcj02 --skip-bad",
    "elders": "wangge import elders 老人名册.xlsx --legal-basis 居家养老服务协议",
}


def register(app: typer.Typer) -> None:
    group = typer.Typer(help=words("imports.help"), no_args_is_help=True)
    for command in (areas, walknet, facilities, households, reports, elders):
        said = command.__name__
        group.command(said, help=words(f"imports.help.{said}"), epilog=example(EXAMPLES[said]))(command)
    app.add_typer(group, name="import")


def areas(
    file: File, *,
    level: Annotated[str | None, typer.Option("--level", help=_said("level"))] = None,
    code: Annotated[str | None, typer.Option("--code", metavar="COL", help=_said("code"))] = None,
    name: Annotated[str | None, typer.Option("--name", metavar="COL", help=_said("name"))] = None,
    parent: Annotated[str | None, typer.Option("--parent", metavar="COL", help=_said("parent"))] = None,
    scheme: Annotated[str | None, typer.Option("--scheme", help=_said("scheme"))] = None,
    valid_from: Annotated[str | None, typer.Option("--valid-from", metavar="DATE", help=_said("valid_from"))] = None,
    admin_level: Annotated[int | None, typer.Option("--admin-level", help=_said("admin_level"))] = None,
    within: Annotated[str | None, typer.Option("--within", help=_said("within"))] = None,
    datum: Datum = None, crs: Crs = None, encoding: Encoding = None, layer: Layer = None, dry_run: DryRun = False,
    skip_bad: SkipBad = False, accept_datum: AcceptDatum = False, synthetic: Synthetic = False,
    attribution: Attribution = "", json: Json = False,
) -> None:  # fmt: skip
    import api.actions.import_areas as action

    asked = _asked(file, datum, crs, encoding, layer, dry_run, skip_bad, accept_datum, synthetic, attribution)
    plan = action.Plan(
        level or "", code=code, name=name, parent=parent, scheme=scheme, valid_from=_day(valid_from),
        admin_level=admin_level, within=within,
    )  # fmt: skip
    _run(json, lambda opened: action.areas(opened, asked, plan, watch=_watch))


def walknet(
    file: File, *,
    clip_to: Annotated[str | None, typer.Option("--clip-to", metavar="CODE", help=_said("clip_to"))] = None,
    buffer_m: Annotated[float, typer.Option("--buffer-m", help=_said("buffer_m"))] = 1500.0,
    datum: Datum = None, crs: Crs = None, encoding: Encoding = None, layer: Layer = None, dry_run: DryRun = False,
    synthetic: Synthetic = False, attribution: Attribution = "", json: Json = False,
) -> None:  # fmt: skip
    import api.actions.import_walknet as action

    asked = _asked(file, datum, crs, encoding, layer, dry_run, False, False, synthetic, attribution)
    _run(json, lambda opened: action.walknet(opened, asked, clip_to=clip_to, buffer_m=buffer_m, watch=_watch))


def facilities(
    file: File, *, datum: Datum = None, crs: Crs = None, encoding: Encoding = None, layer: Layer = None,
    dry_run: DryRun = False, skip_bad: SkipBad = False, accept_datum: AcceptDatum = False,
    synthetic: Synthetic = False, attribution: Attribution = "", json: Json = False,
) -> None:  # fmt: skip
    import api.actions.imports as action

    asked = _asked(file, datum, crs, encoding, layer, dry_run, skip_bad, accept_datum, synthetic, attribution)
    _run(json, lambda opened: action.facilities(opened, asked, watch=_watch))


def households(
    file: File, *, datum: Datum = None, crs: Crs = None, encoding: Encoding = None, layer: Layer = None,
    dry_run: DryRun = False, skip_bad: SkipBad = False, accept_datum: AcceptDatum = False,
    synthetic: Synthetic = False, attribution: Attribution = "", json: Json = False,
) -> None:  # fmt: skip
    import api.actions.imports as action

    asked = _asked(file, datum, crs, encoding, layer, dry_run, skip_bad, accept_datum, synthetic, attribution)
    _run(json, lambda opened: action.households(opened, asked, watch=_watch))


def reports(
    file: File, *, zone: Annotated[str, typer.Option("--zone", help=_said("zone"))] = ZONE,
    datum: Datum = None, crs: Crs = None, encoding: Encoding = None, layer: Layer = None,
    dry_run: DryRun = False, skip_bad: SkipBad = False, accept_datum: AcceptDatum = False,
    synthetic: Synthetic = False, attribution: Attribution = "", json: Json = False,
) -> None:  # fmt: skip
    import api.actions.imports as action

    asked = _asked(file, datum, crs, encoding, layer, dry_run, skip_bad, accept_datum, synthetic, attribution)
    _run(json, lambda opened: action.reports(opened, asked, zone=_zone(zone), watch=_watch))


def elders(
    file: File, *,
    legal_basis: Annotated[str, typer.Option("--legal-basis", help=_said("legal_basis"))] = "",
    encoding: Encoding = None, layer: Layer = None, dry_run: DryRun = False, skip_bad: SkipBad = False,
    synthetic: Synthetic = False, attribution: Attribution = "", json: Json = False,
) -> None:  # fmt: skip
    import api.actions.elders as action

    asked = _asked(file, None, None, encoding, layer, dry_run, skip_bad, False, synthetic, attribution)
    seal = keyring().seal
    _run(json, lambda opened: action.bring_in(opened, asked, seal, legal_basis=legal_basis, watch=_watch))


# What they share ------------------------------------------------------------------------------------------------------


def _asked(
    file: Path, datum: str | None, crs: int | None, encoding: str | None, layer: str | None, dry_run: bool,
    skip_bad: bool, accept_datum: bool, synthetic: bool, attribution: str,
) -> Asked:  # fmt: skip
    from api.actions.intake import Asked

    return Asked(
        file, datum=datum, epsg=crs, encoding=encoding, layer=layer, dry_run=dry_run, skip_bad=skip_bad,
        accept_datum=accept_datum, synthetic=synthetic, attribution=attribution,
    )  # fmt: skip


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(words("imports.not_day", text=text)) from error


def _zone(name: str) -> str:
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name).key
    except (ValueError, OSError, KeyError) as error:
        raise typer.BadParameter(words("imports.not_zone", zone=name)) from error


def _run(json: bool, action: Callable[[Session], Done]) -> None:
    """Nothing is said to be done before the transaction has ended and the rows are safe."""
    try:
        with session() as opened:
            done = action(opened)
    except BadRows as refused:
        _refused(refused, json)
    except Refusal as refused:
        if json:
            emit_json({"refused": _refusal(refused), "faults": []})
        raise
    else:
        if json:
            emit_json(done.facts() | {"faults": _faults(done.taken.faults)})
        else:
            _tell(done)


def _watch(key: str, **facts: Any) -> Any:
    rows = facts.get("rows", 1)
    return _whole(words(key, **facts), rows)


@contextmanager
def _whole(label: str, total: int) -> Iterator[None]:
    """A bar that is full when the step is over: whole columns have no halfway."""
    with progress(label, total) as advance:
        yield
        advance(total)


# Words ----------------------------------------------------------------------------------------------------------------


def _tell(done: Done) -> None:
    judgement, counts = done.taken.judgement, done.facts()
    say("imports.tried" if done.import_id is None else "imports.done", **counts)
    if judgement.judged:
        say(f"imports.datum_{judgement.verdict}", **_judged(judgement))
        _shares(judgement)
    for note, value in done.taken.notes.items():
        tell("  " + words(f"imports.note.{note}", value=_shown(value)))
    if done.taken.faults:
        rows = len({fault.row for fault in done.taken.faults})
        say("imports.skipped", rows=rows, faults=len(done.taken.faults))
        _list(done.taken.faults)


def _shares(judgement: Any) -> None:
    for datum, of in judgement.shares.items():
        told = [words(f"imports.share.{evidence}", share=share) for evidence, share in of.items()]
        say("imports.datum_shares", datum=datum, shares=told)


def _judged(judgement: Any) -> dict[str, object]:
    return {"declared": judgement.declared, "best": judgement.best, "judged": judgement.judged}


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(of)}" for key, of in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _refused(refused: BadRows, json: bool) -> None:
    """Every bad row, however many there are: whoever mends the file must see them all."""
    if json:
        emit_json({"refused": _refusal(refused), "faults": _faults(refused.faults)})
    else:
        say(refused.code, **refused.facts)
        _list(refused.faults)
    raise typer.Exit(1)


def _refusal(refused: Refusal) -> dict[str, object]:
    return {"code": refused.code, "facts": refused.facts, "text": words(refused.code, **refused.facts)}


def _list(faults: Sequence[Fault]) -> None:
    for fault in faults:
        tell("  " + _line(fault))


def _line(fault: Fault) -> str:
    place = [] if fault.row is None else [words("cli.row", row=fault.row)]
    place += [part for part in (fault.column, None if fault.value is None else f"“{fault.value}”") if part]
    return " ".join([*place, words(fault.code, **fault.facts)])


def _faults(faults: Sequence[Fault]) -> list[dict[str, object]]:
    return [
        {
            "row": fault.row,
            "column": fault.column,
            "value": fault.value,
            "code": fault.code,
            "facts": fault.facts,
            "text": words(fault.code, **fault.facts),
        }
        for fault in faults
    ]
