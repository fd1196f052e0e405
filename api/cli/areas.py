"""`wangge area …`: split, merge and redraw areas, and link what lies in them anew."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.terminal import emit, emit_json, example, session, words

if TYPE_CHECKING:
    from api.actions.areas import Change, Order

ACTOR = "shell"

Json = Annotated[bool, typer.Option("--json", help=words("cli.json"))]
Code = Annotated[str, typer.Argument(metavar="CODE", help=words("areas.cli.code"))]
Shape = Annotated[Path, typer.Argument(metavar="GEOJSON", exists=True, dir_okay=False, help=words("areas.cli.shape"))]
Datum = Annotated[str, typer.Option(help=words("areas.cli.datum"))]
ValidFrom = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help=words("areas.cli.valid_from"))]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help=words("areas.cli.help"), no_args_is_help=True)
    for name, command, shown in (
        ("split", split, "wangge area split 440103009021003 line.geojson --valid-from 2027-01-01"),
        ("merge", merge, "wangge area merge 440103009021003 440103009021004"),
        ("redraw", redraw, "wangge area redraw 440103009021003 outline.geojson --datum gcj02"),
        ("relink", relink, "wangge area relink"),
    ):
        group.command(name, help=words(f"areas.cli.{name}"), epilog=example(shown))(command)
    app.add_typer(group, name="area")


def split(
    code: Code,
    line: Shape,
    *,
    new_code: Annotated[list[str] | None, typer.Option(help=words("areas.cli.new_code"))] = None,
    datum: Datum = "wgs84",
    valid_from: ValidFrom = None,
    json: Json = False,
) -> None:
    import api.actions.areas

    drawn = _read(line, datum)
    with session() as opened:
        _print(api.actions.areas.split(opened, code, drawn, _order(valid_from), codes=new_code or None), json)


def merge(
    codes: Annotated[list[str], typer.Argument(metavar="CODE...", help=words("areas.cli.codes"))],
    *,
    into: Annotated[str | None, typer.Option(help=words("areas.cli.into"))] = None,
    valid_from: ValidFrom = None,
    json: Json = False,
) -> None:
    import api.actions.areas

    with session() as opened:
        _print(api.actions.areas.merge(opened, codes, _order(valid_from), into=into), json)


def redraw(
    code: Code, outline: Shape, *, datum: Datum = "wgs84", valid_from: ValidFrom = None, json: Json = False
) -> None:
    import api.actions.areas

    drawn = _read(outline, datum)
    with session() as opened:
        _print(api.actions.areas.redraw(opened, code, drawn, _order(valid_from)), json)


def relink(*, json: Json = False) -> None:
    import api.actions.areas
    import api.deps

    with session() as opened:
        _print(api.actions.areas.relink(opened, today=api.deps.today(), actor=ACTOR), json)


def _order(valid_from: datetime | None) -> Order:
    import api.deps
    from api.actions.areas import Order

    today = api.deps.today()
    return Order(valid_from=valid_from.date() if valid_from else today, today=today, actor=ACTOR)


def _read(path: Path, datum: str) -> Any:
    """The one shape of a GeoJSON file: a geometry, a feature, or all features together."""
    import shapely

    import gis.crs
    from gis.errors import Invalid

    try:
        drawn = shapely.from_geojson(path.read_text("utf-8"))
    except (shapely.GEOSException, UnicodeDecodeError) as error:
        raise Invalid("areas.no_shape", file=path.name) from error
    return shapely.union_all(gis.crs.shapes_to_wgs84(shapely.get_parts(drawn), datum))


def _print(change: Change, json: bool) -> None:
    if json:
        emit_json(asdict(change))
        return
    if change.begun:
        emit(words("areas.cli.changed", ended=list(change.ended) or "–", begun=list(change.begun)))
    if change.households is None:
        emit(words("areas.cli.later"))
    else:
        emit(words("areas.cli.linked", households=change.households, facilities=change.facilities))
    if change.assignments:
        emit(words("areas.cli.assignments", assignments=change.assignments))
