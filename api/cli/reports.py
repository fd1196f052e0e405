"""`wangge report`: what was reported, what became of it, and the figures of a period."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.terminal import database, emit, emit_json, example, say, session, transaction, words

if TYPE_CHECKING:
    import data.db
    from api.auth import Caller
    from data.reports import Wanted

Json = Annotated[bool, typer.Option("--json", help=words("cli.json"))]
ReportId = Annotated[str, typer.Argument(metavar="ID", help=words("reports.cli.id"))]
Status = Annotated[list[str] | None, typer.Option("--status", help=words("reports.cli.status"))]
Category = Annotated[str | None, typer.Option("--category", help=words("reports.cli.category"))]
Area = Annotated[str | None, typer.Option("--area", metavar="CODE", help=words("reports.cli.area"))]
Overdue = Annotated[bool, typer.Option("--overdue", help=words("reports.cli.overdue"))]

EXAMPLES = {
    "list": "wangge report list --area 440103001 --status assigned --overdue",
    "show": "wangge report show 0b9f6c1e-1f7a-4c57-9d56-2f3c8a3f0a11",
    "move": "wangge report move 0b9f6c1e-1f7a-4c57-9d56-2f3c8a3f0a11 assign --by mei --unit repair",
    "figures": "wangge report figures --since 2026-03-01 --until 2026-04-01 --by street",
    "export": "wangge report export -o 上报.xlsx --area 440103001",
}
#: In which of her roles somebody acts who has several.
ACTING = ("street", "community", "inspector")


def register(app: typer.Typer) -> None:
    group = typer.Typer(help=words("reports.cli.help"), no_args_is_help=True)
    commands: dict[str, Callable[..., None]] = {
        "list": list_,
        "show": show,
        "move": move,
        "figures": figures,
        "export": export,
    }
    for said, command in commands.items():
        group.command(said, help=words(f"reports.cli.{said}"), epilog=example(EXAMPLES[said]))(command)
    app.add_typer(group, name="report")


def list_(
    *, status: Status = None, category: Category = None, area: Area = None, overdue: Overdue = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help=words("reports.cli.limit"))] = 20, json: Json = False,
) -> None:  # fmt: skip
    import data.reports

    with session() as opened:
        wanted = _wanted(status, category, area, overdue)
        rows = data.reports.search(opened, wanted, role=None, now=_now(), limit=limit)
    if json:
        emit_json({"reports": rows})
        return
    for row in rows:
        _line(row["id"], _state(row), row["category"], row["grid_code"], row["due_at"])


def show(report_id: ReportId, *, json: Json = False) -> None:
    import api.actions.reports
    import data.cases
    from api.auth import Caller

    with session() as opened:
        case = data.cases.get(opened, _uuid(report_id))
        told = api.actions.reports.document(case, Caller("system"), now=_now())
    if json:
        emit_json(told)
        return
    _line(told["id"], _state(told), told["category"], told["grid_code"])
    emit(words("reports.cli.photos", here=told["photos"]["here"], declared=told["photos"]["declared"]))
    for event in told["events"]:
        _line(event["version"], event["at"], words(f"reports.step.{event['move']}"), event["actor_role"])


def move(
    report_id: ReportId,
    name: Annotated[str, typer.Argument(metavar="MOVE", help=words("reports.cli.name"))],
    *,
    by: Annotated[str, typer.Option("--by", metavar="LOGIN", help=words("reports.cli.by"))],
    reason: Annotated[str, typer.Option(help=words("reports.cli.reason"))] = "",
    text: Annotated[str, typer.Option(help=words("reports.cli.text"))] = "",
    unit: Annotated[str, typer.Option(help=words("reports.cli.unit"))] = "",
    amount: Annotated[int, typer.Option(min=0, help=words("reports.cli.amount"))] = 0,
    into: Annotated[str, typer.Option(metavar="ID", help=words("reports.cli.into"))] = "",
    json: Json = False,
) -> None:
    """With the rights of the one it is done for, and under her name."""
    import api.actions.reports
    import data.cases
    import data.db
    from gis.reports import Proof

    with database() as url:
        with transaction(url) as opened:
            who = _who(opened, by)
            version = data.cases.get(opened, _uuid(report_id)).report.version
        engine = data.db.engine(url)
        with data.db.transaction(engine, role=who.db_role, user_id=who.user_id) as opened:
            proof = Proof(reason=reason, text=text, unit=unit, amount=amount, merged_into=into)
            _, told = api.actions.reports.move(opened, who, report_id, name, proof, version=version, now=_now())
        engine.dispose()
    emit_json(told) if json else emit(_state(told))


def figures(
    *,
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help=words("reports.cli.since"))] = None,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help=words("reports.cli.until"))] = None,
    by: Annotated[str, typer.Option(help=words("reports.cli.figures_by"))] = "street",
    json: Json = False,
) -> None:
    import api.actions.figures

    now = _now()
    first, last = _day(since) or now - timedelta(days=30), _day(until) or now
    with session() as opened:
        rows = api.actions.figures.of_period(opened, role=None, since=first, until=last, by=by, now=now)
    if json:
        emit_json({"since": first, "until": last, "by": by, "groups": rows})
        return
    for row in rows:
        emit(words("reports.cli.figure", **(row | {"rate": _percent(row["on_time_rate"])})))


def export(
    *,
    output: Annotated[Path, typer.Option("-o", "--output", help=words("reports.cli.output"))],
    status: Status = None,
    category: Category = None,
    area: Area = None,
    overdue: Overdue = False,
) -> None:
    import api.actions.figures

    with session() as opened:
        wanted = _wanted(status, category, area, overdue)
        rows = api.actions.figures.export(opened, wanted, role=None, path=output, now=_now())
    say("reports.cli.written", rows=rows, file=output.name)


def _wanted(status: list[str] | None, category: str | None, area: str | None, overdue: bool) -> Wanted:
    from data.reports import Wanted
    from gis.errors import Invalid
    from gis.reports import STATES

    if strange := [each for each in status or () if each not in STATES]:
        raise Invalid("reports.status", states=list(STATES), strange=strange)
    return Wanted(tuple(status or ()), category, area, overdue=overdue)


def _who(opened: data.db.Session, login: str) -> Caller:
    """Somebody with an account, in the first of her roles that may move reports."""
    import api.deps
    import data.users
    from api.auth import Caller
    from gis.errors import NotFound

    account = data.users.find(opened, login)
    held = [] if account is None else data.users.roles(opened, account["id"], as_of=api.deps.today())
    role = next((role for role in ACTING if role in held), None)
    if account is None or role is None:
        raise NotFound("reports.cli.nobody", login=login)
    return Caller(role, account["id"], login)


def _line(*cells: object) -> None:
    """Cells of one row, with times to the minute."""
    shown = (f"{cell:%Y-%m-%d %H:%M}" if isinstance(cell, datetime) else cell for cell in cells)
    emit("  ".join("" if cell is None else str(cell) for cell in shown))


def _state(row: dict[str, Any]) -> str:
    return words(f"reports.state.{row['status']}")


def _uuid(given: str) -> str:
    from uuid import UUID

    from gis.errors import NotFound

    try:
        return str(UUID(given))
    except ValueError:
        raise NotFound("reports.absent") from None


def _now() -> datetime:
    return datetime.now(UTC)


def _day(given: datetime | None) -> datetime | None:
    """Midnight in the district."""
    import api.deps

    return None if given is None else given.replace(tzinfo=api.deps.ZONE)


def _percent(rate: Any) -> str:
    return "—" if rate is None else f"{100 * rate:.1f} %"
