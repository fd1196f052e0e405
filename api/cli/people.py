"""`wangge user` and `wangge key`: who may come in, as what, where, and until when."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from api.cli.terminal import database, emit, emit_json, example, keyring, say, session, words

if TYPE_CHECKING:
    import data.db

Kept = TypeVar("Kept")
Commands = dict[str, Callable[..., None]]
Login = Annotated[str, typer.Argument(metavar="LOGIN", help=words("people.login"))]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help=words("people.day"))]
Json = Annotated[bool, typer.Option("--json", help=words("cli.json"))]

USER_EXAMPLES = {
    "add": "wangge user add mei --name 梅 --area 440103001 --role street",
    "list": "wangge user list --json",
    "assign": "wangge user assign mei inspector 440103001001001 --duty 网格员",
    "release": "wangge user release 12 --on 2027-01-01",
    "password": "wangge user password mei",
    "revoke": "wangge user revoke mei --device-lost",
    "reopen": "wangge user reopen mei",
    "confirm": "wangge user confirm mei",
    "forget-factor": "wangge user forget-factor mei",
}
KEY_EXAMPLES = {
    "add": "wangge key add city-hall --name 一网统管 --scope open311 --scope reports:read --field due",
    "list": "wangge key list --json",
    "revoke": "wangge key revoke 3",
    "confirm": "wangge key confirm 3",
    "rotate-data": "wangge key rotate-data",
}


def register(app: typer.Typer) -> None:
    users: Commands = {"add": add, "list": list_, "assign": assign, "release": release, "password": password,
             "revoke": revoke, "reopen": reopen, "confirm": confirm, "forget-factor": forget_factor}  # fmt: skip
    keys: Commands = {"add": add_key, "list": list_keys, "revoke": revoke_key, "confirm": confirm_key,
             "rotate-data": rotate_data}  # fmt: skip
    for name, commands, examples in (("user", users, USER_EXAMPLES), ("key", keys, KEY_EXAMPLES)):
        group = typer.Typer(help=words(f"people.{name}.help"), no_args_is_help=True)
        for said, command in commands.items():
            group.command(said, help=words(f"people.{name}.{said}"), epilog=example(examples[said]))(command)
        app.add_typer(group, name=name)


# Users ----------------------------------------------------------------------------------------------------------------


def add(
    login: Login,
    *,
    name: Annotated[str, typer.Option(help=words("people.name"))] = "",
    area: Annotated[str | None, typer.Option(metavar="CODE", help=words("people.area"))] = None,
    role: Annotated[str | None, typer.Option(help=words("people.role"))] = None,
    without_password: Annotated[bool, typer.Option("--without-password", help=words("people.no_password"))] = False,
) -> None:
    from api.actions import people

    typed = None if without_password else _password()
    account = people.Account(login, name or login, typed, area)

    def made(opened: data.db.Session) -> int:
        user_id = people.add(opened, _shell(), account, today=_today())
        if role and area:
            people.assign(opened, _shell(), user_id, people.Duty(role, area, _today()))
        return user_id

    if role and not area:
        raise typer.BadParameter(words("people.role_needs_area"))
    say("people.added", login=login, user_id=_in_session(made))


def list_(*, json: Json = False) -> None:
    import data.users

    def read(opened: data.db.Session) -> list[dict[str, Any]]:
        users = data.users.search(opened, limit=1_000_000)
        held = data.users.history(opened, [user["id"] for user in users])
        return [user | {"assignments": held[user["id"]]} for user in users]

    users = _in_session(read)
    if json:
        emit_json(users)
        return
    for user in users:
        emit(_line(user["id"], user["login"], user["name"], "" if user["active"] else words("people.closed")))
        for one in user["assignments"]:
            until = words("people.until", day=one["valid_to"]) if one["valid_to"] else ""
            waits = "" if one["confirmed_at"] else words("people.waits", user_id=one["proposed_by"])
            said = (one["id"], one["role"], one["area_code"], one["duty"] or "", one["valid_from"], until, waits)
            emit("    " + _line(*said))


def assign(
    login: Login,
    role: Annotated[str, typer.Argument(metavar="ROLE", help=words("people.role"))],
    area: Annotated[str, typer.Argument(metavar="CODE", help=words("people.area"))],
    *,
    duty: Annotated[str | None, typer.Option(help=words("people.duty"))] = None,
    on: Day = None,
) -> None:
    from api.actions import people

    given = people.Duty(role, area, on.date() if on else _today(), duty)
    made = _in_session(lambda opened: people.assign(opened, _shell(), people.numbered(opened, login), given))
    say("people.assigned", login=login, role=role, area=area, assignment=made.id)


def release(
    assignment: Annotated[int, typer.Argument(metavar="ASSIGNMENT", help=words("people.assignment"))],
    *,
    on: Day = None,
) -> None:
    from api.actions import people

    day = on.date() if on else _today()
    _in_session(lambda opened: people.release(opened, _shell(), assignment, valid_to=day))
    say("people.released", assignment=assignment, day=day)


def password(login: Login) -> None:
    from api.actions import people

    typed = _password()
    _in_session(lambda opened: people.change(opened, _shell(), people.numbered(opened, login), password=typed))
    say("people.password_set", login=login)


def revoke(
    login: Login,
    *,
    device_lost: Annotated[bool, typer.Option("--device-lost", help=words("people.device_lost"))] = False,
) -> None:
    from api.actions import people

    def ended(opened: data.db.Session) -> int:
        user_id = people.numbered(opened, login)
        sessions = people.end_sessions(opened, _shell(), user_id, lost=device_lost)
        if not device_lost:
            people.change(opened, _shell(), user_id, active=False)
        return sessions

    say("people.logged_out" if device_lost else "people.revoked", login=login, sessions=_in_session(ended))


def reopen(login: Login) -> None:
    from api.actions import people

    _in_session(lambda opened: people.change(opened, _shell(), people.numbered(opened, login), active=True))
    say("people.reopened", login=login)


def confirm(login: Login) -> None:
    from api.actions import people

    confirmed = _in_session(lambda opened: people.confirm(opened, people.numbered(opened, login)))
    say("people.confirmed", login=login, assignments=confirmed)


def forget_factor(login: Login) -> None:
    from api.actions import people

    _in_session(lambda opened: people.end_factor(opened, _shell(), people.numbered(opened, login)))
    say("people.factor_gone", login=login)


# Keys -----------------------------------------------------------------------------------------------------------------


def add_key(
    login: Login,
    *,
    name: Annotated[str, typer.Option(help=words("people.key_name"))],
    scope: Annotated[list[str], typer.Option(help=words("people.scope"))],
    field: Annotated[list[str] | None, typer.Option(help=words("people.field"))] = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help=words("people.days"))] = 365,
) -> None:
    from api.actions import people

    now = datetime.now(UTC)
    asked = people.KeyFor(name, scope, field or [], now + timedelta(days=days))
    made = _in_session(lambda opened: people.add_key(opened, _shell(), people.numbered(opened, login), asked, now=now))
    say("people.key_added", name=name)
    emit(made.key)


def list_keys(*, json: Json = False) -> None:
    import data.keys

    keys = _in_session(lambda opened: data.keys.search(opened, limit=1_000_000))
    if json:
        emit_json(keys)
        return
    for key in keys:
        state = (
            words("people.key_revoked") if key["revoked_at"] else words("people.until", day=key["expires_at"].date())
        )
        fields = "+".join(key["fields"]) or words("people.no_fields")
        waits = "" if key["confirmed_at"] else words("people.waits", user_id=key["proposed_by"])
        emit(_line(key["id"], f"wg_{key['prefix']}_…", key["name"], " ".join(key["scopes"]), fields, state, waits))


def revoke_key(key: Annotated[int, typer.Argument(metavar="KEY", help=words("people.key"))]) -> None:
    from api.actions import people

    _in_session(lambda opened: people.revoke_key(opened, _shell(), key))
    say("people.key_gone", key=key)


def confirm_key(key: Annotated[int, typer.Argument(metavar="KEY", help=words("people.key"))]) -> None:
    import data.confirmations

    _in_session(lambda opened: data.confirmations.decide(opened, "key", key, granted=True))
    say("people.key_confirmed", key=key)


def rotate_data() -> None:
    import api.actions.elders
    import data.db

    with database() as url:
        persons = api.actions.elders.change_key(data.db.engine(url), keyring())
    say("people.data_rotated", persons=persons, folder=keyring().folder)


# Shared ---------------------------------------------------------------------------------------------------------------


def _in_session(work: Callable[[data.db.Session], Kept]) -> Kept:
    """Do it in one transaction; nothing is said to be done before that has ended."""
    with session() as opened:
        return work(opened)


def _password() -> str:
    """Typed twice at a terminal, else the first line of stdin; never an argument, which everybody can read in `ps`."""
    if sys.stdin.isatty():
        return str(typer.prompt(words("people.password"), hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\r\n")


def _shell() -> Any:
    import api.auth

    return api.auth.SHELL


def _today() -> date:
    import api.deps

    return api.deps.today()


def _line(*parts: object) -> str:
    return "  ".join(str(part) for part in parts if part != "")
