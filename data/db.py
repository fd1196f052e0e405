"""The way to the database: engine, transaction, migration, and the one place where its errors become refusals."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg2
import sqlalchemy
from alembic.config import Config
from psycopg2.extensions import encrypt_password
from sqlalchemy import text
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.orm import Session

from data.cluster import DOOR
from data.copying import copy
from gis.errors import BadRows, Busy, Conflict, Fault, Invalid, MissingPart, NotAllowed, NotFound, Refusal, TooMany

__all__ = [
    "Engine", "Session", "ask", "check_ready", "copy", "engine", "migrate", "open_door", "refusals", "revision",
    "transaction", "undecided",
]  # fmt: skip

MIGRATIONS = Path(__file__).parent / "migrations"
#: What only the server's administrator may do; each may be done again.
PREPARATIONS = tuple(sorted((MIGRATIONS / "versions").glob("*_preparation.sql")))

#: FastAPI answers on 40 threads, and the door lets in no more; a smaller pool would make them wait for each other.
POOL = 40
#: Who gets no connection within a second is told to come again: waiting longer only makes the queue longer.
POOL_S = 1.0
#: Requests from outside; shell commands may take as long as they need.
REQUEST_MS = 15_000
#: Who reads what the serving process keeps in memory, and the numbers of jobs and changes: just that, and no person.
MEMORY = "wangge_memory"
#: Nested loops over PostGIS functions gain nothing from compiling the query, which takes longer than most of them.
#: `current_date` is the district's day, as in `api.deps`: rights and areas change at its midnight.
OPTIONS = "-c jit=off -c timezone=Asia/Shanghai -c idle_in_transaction_session_timeout=600000"


def engine(url: str, *, reports_a_day: int = 0, citizens_a_day: int = 0) -> Engine:
    """A pool of connections; none is opened before it is needed. Over them one may file so many reports a day (0: any),
    and all people without an account together so many (0: none).

    A connection is not asked before each use whether it still lives: after a restart of the server the first request
    finds out, is told to come again, and all connections are renewed.
    """
    limits = f"-c wangge.reports_a_day={reports_a_day} -c wangge.citizens_a_day={citizens_a_day}"
    return sqlalchemy.create_engine(
        url,
        pool_size=POOL,
        max_overflow=10,
        pool_timeout=POOL_S,
        pool_use_lifo=True,  # those used last have everything at hand; the others are for the rush
        isolation_level="READ COMMITTED",
        connect_args={"options": f"{OPTIONS} {limits}", "application_name": "wangge"},
    )


def connections_in_use(engine: Engine) -> int:
    """How many connections of the pool somebody is working with."""
    pool = engine.pool
    return pool.checkedout() if isinstance(pool, sqlalchemy.pool.QueuePool) else 0


@contextmanager
def transaction(
    engine: Engine,
    *,
    role: str | None = None,
    user_id: int | None = None,
    read_only: bool = False,
    limit_ms: int = REQUEST_MS,
) -> Iterator[Session]:
    """One transaction: kept when the block ends well, undone when it does not.

    With a `role` it has that role's rights for the user already verified as `user_id`, and the time limit of a
    request unless another is said (0: none); without one it has the rights of whoever the engine connects as. Errors
    of the database leave as refusals.
    """
    with refusals(), Session(engine, autoflush=False) as session, session.begin():
        _enter(session, role, user_id, read_only, limit_ms)
        yield session


@contextmanager
def undecided(engine: Engine) -> Iterator[Session]:
    """A transaction that is undone unless the block ends it with `session.commit()`; errors leave as refusals."""
    with refusals(), Session(engine, autoflush=False) as session:
        yield session


def _enter(session: Session, role: str | None, user_id: int | None, read_only: bool, limit_ms: int) -> None:
    if read_only:
        session.execute(text("SET TRANSACTION READ ONLY"))
    if role is None:
        return
    who = "" if user_id is None else str(user_id)
    session.execute(
        text(
            "SELECT set_config('role', :role, true), set_config('wangge.user_id', :who, true),"
            " set_config('statement_timeout', :ms, true)"
        ),
        {"role": role, "who": who, "ms": str(limit_ms)},
    )


def ask(session: Session, statement: str, values: Mapping[str, Any]) -> tuple[Any, ...]:
    """The one row that a statement of ours answers, empty where there is none; for the few that each report needs.

    The driver is asked directly: what SQLAlchemy makes of a result costs as much as a quarter of filing. That a
    connection is lost is left for it to find out, so that it renews all of them.
    """
    connection = session.connection()
    try:
        with closing(connection.connection.cursor()) as cursor:
            cursor.execute(statement, values)
            return cursor.fetchone() or ()
    except LOST:
        driver = connection.connection.driver_connection
        if driver is None or driver.closed:
            connection.exec_driver_sql("SELECT 1")
        raise


# Schema ---------------------------------------------------------------------------------------------------------------


def migrate(url: str) -> str:
    """Bring the schema to the newest version and say which that is; a second caller waits for the first."""
    from alembic import command

    with refusals(), _one(url) as opened, opened.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('wangge.migration', 0))"))
        try:
            command.upgrade(_alembic(connection), "head")
        except (DBAPIError, psycopg2.Error) as error:
            if _sqlstate(error) == "42501":
                raise _unprepared(error) from error
            raise
    return head()


def open_door(url: str) -> None:
    """Let `wangge_login` log in, on a server that is our own and lets in nobody but its owner."""
    with refusals(), _one(url) as opened, opened.begin() as connection:
        connection.execute(text("ALTER ROLE wangge_login LOGIN"))


def door_of(url: str, password: str) -> str:
    """The address of the same database as `wangge_login`, who is let in by our password on somebody else's server.

    Nobody's password is changed: a role that may log in already, and not with ours, is refused, for it may serve
    another installation. The server is given what it checks passwords with, never the password.
    """
    door = sqlalchemy.make_url(url).set(username=DOOR, password=password)
    said = door.render_as_string(hide_password=False)
    with suppress(Refusal):
        check_door(said)
        return said
    with refusals(), _one(url) as opened, opened.begin() as connection:
        try:
            _admit(connection, password)
        except (DBAPIError, psycopg2.Error) as error:
            raise MissingPart("store.door", reason=_first_line(error)) from error
    check_door(said)
    return said


def _admit(connection: Connection, password: str) -> None:
    if connection.scalar(text("SELECT rolcanlogin FROM pg_roles WHERE rolname = :door"), {"door": DOOR}):
        raise MissingPart("store.door", reason=f"{DOOR}: LOGIN")
    proof = encrypt_password(password, DOOR, connection.connection.driver_connection, "scram-sha-256")
    # As it is: a colon of the proof is no parameter, and its other characters are those of Base64 and $.
    connection.exec_driver_sql(f"ALTER ROLE {DOOR} LOGIN PASSWORD '{proof}'")


def check_door(url: str) -> None:
    """Refuse an address by which requests would have more rights than a caller has: they come in without any."""
    with refusals(), _one(url) as opened, opened.connect() as connection:
        if connection.scalar(text(MIGHTY)):
            raise NotAllowed("store.door_mighty", role=sqlalchemy.make_url(url).username or "")


def revision(url: str) -> str | None:
    """The version the schema has, or None for a database without one."""
    with refusals(), _one(url) as opened, opened.connect() as connection:
        return _revision(connection)


def head() -> str:
    """The version this code needs."""
    from alembic.script import ScriptDirectory

    newest = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    assert newest is not None
    return newest


def check_ready(session: Session) -> None:
    """Refuse while the schema is not the one this code was written for."""
    found = session.scalar(text("SELECT version_num FROM alembic_version"))
    if found != head():
        raise Busy("store.schema", found=found or "", wanted=head())


#: Whether a connection may act as owner, pass by row security or make roles, or is not a door of ours at all.
MIGHTY = """
    SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR pg_has_role(oid, 'wangge_owner', 'MEMBER')
        OR NOT pg_has_role(oid, 'wangge_public', 'MEMBER')
        OR EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
                   AND pg_has_role(session_user, relowner, 'MEMBER'))
    FROM pg_roles WHERE rolname = session_user"""


@contextmanager
def _one(url: str) -> Iterator[Engine]:
    made = sqlalchemy.create_engine(url, poolclass=sqlalchemy.pool.NullPool, connect_args={"options": OPTIONS})
    try:
        yield made
    finally:
        made.dispose()


def _alembic(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _revision(connection: Connection) -> str | None:
    there = connection.scalar(text("SELECT to_regclass('alembic_version') IS NOT NULL"))
    return connection.scalar(text("SELECT version_num FROM alembic_version")) if there else None


def _unprepared(error: Exception) -> MissingPart:
    command = "\n\n".join(file.read_text("utf-8") for file in PREPARATIONS)
    return MissingPart("store.preparation", command=command, reason=_first_line(error))


# Errors ---------------------------------------------------------------------------------------------------------------

#: SQLSTATE, or its first two characters, to the refusal it means. Facts name tables and columns, never values.
MEANINGS: dict[str, tuple[type[Refusal], str]] = {
    "23505": (Conflict, "store.duplicate"),
    "23P01": (Conflict, "store.duplicate"),
    "23503": (Conflict, "store.reference"),
    "23514": (Invalid, "store.check"),
    "23502": (Invalid, "store.missing"),
    "22": (Invalid, "store.value"),
    "40": (Busy, "store.busy"),
    "55P03": (Busy, "store.busy"),
    "57014": (Busy, "store.timeout"),
    "42501": (NotAllowed, "store.rights"),
    "25006": (NotAllowed, "store.rights"),
    "53": (Busy, "store.full"),
    "57P": (Busy, "store.unreachable"),
    "08": (Busy, "store.unreachable"),
}
#: What functions of ours raise: a code as message, and beside it the facts as JSON.
OWN: dict[str, type[Refusal]] = {
    "WG403": NotAllowed, "WG404": NotFound, "WG409": Conflict, "WG422": Invalid, "WG429": TooMany,
}  # fmt: skip
#: Constraints whose breach has a plainer name.
CONSTRAINTS: dict[str, tuple[type[Refusal], str]] = {
    "area_code_once": (Conflict, "areas.code_taken"),
    "area_geom_check": (Invalid, "areas.geometry"),
    "app_user_login_key": (Conflict, "users.login_taken"),
    "household_ref_key": (Conflict, "households.ref_taken"),
    "facility_pkey": (Conflict, "facilities.id_taken"),
    "report_author_id_client_id_key": (Conflict, "reports.id_taken"),
    "report_unit_fkey": (Invalid, "reports.unit"),
    "routing_rule_unit_fkey": (Invalid, "reports.unit"),
}


#: Raised without a SQLSTATE when there is no server to talk to, or no longer.
LOST = (OperationalError, InterfaceError, psycopg2.OperationalError, psycopg2.InterfaceError)


@contextmanager
def refusals() -> Iterator[None]:
    """Let what the database refuses leave as one of our refusals; what it cannot mean passes as it is."""
    try:
        yield
    except sqlalchemy.exc.TimeoutError as error:
        raise Busy("store.crowded") from error
    except (DBAPIError, psycopg2.Error) as error:
        refusal = refusal_of(error)
        if refusal is None:
            raise
        raise refusal from error


def refusal_of(error: Exception) -> Refusal | None:
    """What an error of the database means, or None where it is a fault of ours."""
    state = _sqlstate(error)
    if state == "WG001":
        return _guard(error)
    if state in OWN:
        diagnostics = _original(error).diag
        return OWN[state](diagnostics.message_primary, **json.loads(diagnostics.message_detail))
    facts = _named(error)
    known = CONSTRAINTS.get(facts.get("constraint", ""))
    meaning = known or next((MEANINGS[key] for key in (state, state[:3], state[:2]) if key in MEANINGS), None)
    if (
        meaning is None
        and not state
        and isinstance(error, (OperationalError, InterfaceError, psycopg2.OperationalError))
    ):
        meaning = (Busy, "store.unreachable")
    return None if meaning is None else meaning[0](meaning[1], **facts)


def _guard(error: Exception) -> Refusal:
    """What our own triggers say: a code as message, and as JSON beside it every fault they found."""
    diagnostics = _original(error).diag
    faults = [_fault(one) for one in json.loads(diagnostics.message_detail)]
    if len(faults) > 1:
        return BadRows("areas.refused", faults)
    return Conflict(diagnostics.message_primary, **(faults[0].facts if faults else {}))


def _fault(one: dict[str, object]) -> Fault:
    facts = {key: value for key, value in one.items() if key != "fault"}
    return Fault(row=None, column=None, value=None, code=str(one["fault"]), facts=facts)


def _named(error: Exception) -> dict[str, str]:
    diagnostics = getattr(_original(error), "diag", None)
    names = {"table": "table_name", "column": "column_name", "constraint": "constraint_name"}
    found = {fact: getattr(diagnostics, name, None) for fact, name in names.items()}
    return {fact: value for fact, value in found.items() if value}


def _original(error: Exception) -> Any:
    return error.orig if isinstance(error, DBAPIError) else error


def _sqlstate(error: Exception) -> str:
    return getattr(_original(error), "pgcode", None) or ""


def _first_line(error: Exception) -> str:
    return str(_original(error)).strip().splitlines()[0]
