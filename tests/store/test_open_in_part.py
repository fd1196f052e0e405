"""Tables without a name of an elder that are still not all for all: every role x table x command, written by hand.

A cell says which rows SELECT / INSERT / UPDATE reach, `.` for none although the right is there, `-` where it is not;
nobody deletes. Rows of `facility` lie in street A, the asker's own, and in B; a run and its figures are of things as
they are (A) or of a scenario that was tried (B); an order is the asker's own (A) or another planner's (B).
"""

from __future__ import annotations

from itertools import product

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

import data.db
from worlds.squares import found

pytestmark = pytest.mark.database

EXPECTED = """
                    public  inspector  community  street  planner  partner  auditor  admin
facility            AB/-/-  AB/-/-     AB/A/A     AB/A/A  AB/-/-   AB/-/-   -/-/-    AB/-/-
coverage_run        A/-/-   A/-/-      A/-/-      A/-/-   AB/-/-   A/-/-    -/-/-    A/-/-
coverage_published  A/-/-   A/-/-      A/-/-      A/-/-   AB/-/-   A/-/-    -/-/-    A/-/-
coverage_order      -/-/-   -/-/-      -/-/-      -/-/-   A/A/-    -/-/-    -/-/-    -/-/-
"""
HEADER, *LINES = EXPECTED.strip("\n").splitlines()
ROLES = HEADER.split()
CELLS = {
    (table, role): cell
    for table, *cells in map(str.split, LINES)
    for role, cell in zip(ROLES, cells, strict=True)
}  # fmt: skip
TABLES = sorted({table for table, _ in CELLS})

CODES = {"A": {"s": "A", "c": "A0", "g": "A00"}, "B": {"s": "B", "c": "B1", "g": "B10"}}
LEVEL = {"inspector": "g", "community": "c"}
#: Which of the two rows one is.
WHICH = {
    "facility": "street_code", "coverage_run": "CASE WHEN parameters ? 'scenario' THEN 'B' ELSE 'A' END",
    "coverage_published": "kind", "coverage_order": "digest",
}  # fmt: skip
INSERT = {
    "facility": """INSERT INTO facility (id, name, kind, geom, synthetic, street_code, community_code, grid_code)
        VALUES (:id, '', 'canteen', 'SRID=4326;POINT(113.2 23.1)', true, :s, :c, :g)""",
    "coverage_order": """INSERT INTO coverage_order (user_id, what, parameters, digest)
        VALUES (:user, 'run', '{}', :id)""",
}
RUN = """INSERT INTO coverage_run
    (kinds, parameters, manifest, inputs_sha256, seconds, totals, walknet_id, as_of, synthetic)
    VALUES ('{}', CAST(:parameters AS jsonb), '{}', '', '{}', '{}', :net, '2020-01-01', true) RETURNING id"""
NET = """INSERT INTO walknet (sha256, srid, nodes, edges, metres, stats, synthetic)
    VALUES ('', 4547, 0, 0, 0, '{}', true) RETURNING id"""
FIGURE = """INSERT INTO coverage_published (run_id, level, kind, verdict, code)
    VALUES (:run, 'street', :street, 'standard', 'A')"""


@pytest.fixture
def users(session: data.db.Session) -> dict[str, int]:
    """One user of every role in each street, and two rows in every table; who has which number."""
    found(session)
    known = {f"{role} {street}": _staff(session, role, street) for street, role in product(CODES, ROLES[1:])}
    net = session.scalar(text(NET))
    for street, parameters in (("A", "{}"), ("B", '{"scenario": {"id": 1}}')):
        run = session.scalar(text(RUN), {"parameters": parameters, "net": net})
        session.execute(text(FIGURE), {"run": run, "street": street})
        for table in INSERT:
            session.execute(text(INSERT[table]), CODES[street] | {"id": street, "user": known[f"planner {street}"]})
    return known


def _staff(session: data.db.Session, role: str, street: str) -> int:
    user = session.scalar(
        text("INSERT INTO app_user (login, name, synthetic) VALUES (:login, '', true) RETURNING id"),
        {"login": f"{role} {street}"},
    )
    code = CODES[street][LEVEL.get(role, "s")]
    session.execute(
        text(
            "INSERT INTO assignment (user_id, role, area_code, valid_from) VALUES (:user, :role, :code, '2020-01-01')"
        ),
        {"user": user, "role": role, "code": code},
    )
    return int(user)


def _tried(session: data.db.Session, statement: str, values: dict[str, object] | None = None) -> int | None:
    """How many rows it touched, None where it was refused; undone in either case."""
    point = session.begin_nested()
    try:
        return session.execute(text(statement), values or {}).rowcount
    except DBAPIError as error:
        if getattr(error.orig, "pgcode", "") != "42501":
            raise
        return None
    finally:
        point.rollback()


def cell(session: data.db.Session, table: str, role: str, user: int | None) -> str:
    """What somebody reaches of a table in a role."""
    session.execute(
        text("SELECT set_config('role', :role, true), set_config('wangge.user_id', :user, true)"),
        {"role": f"wangge_{role}", "user": str(user or "")},
    )
    reach = {"SELECT": _selected, "INSERT": _inserted, "UPDATE": _updated}
    asked = text("SELECT has_any_column_privilege(:table, :command)")
    said = [
        (made(session, table, user) or ".") if session.scalar(asked, {"table": table, "command": command}) else "-"
        for command, made in reach.items()
    ]
    assert not session.scalar(text(f"SELECT has_table_privilege('{table}', 'DELETE')"))
    session.execute(text("RESET ROLE"))
    return "/".join(said)


def _selected(session: data.db.Session, table: str, _user: int | None) -> str:
    return "".join(row for row in CODES if _tried(session, f"SELECT 1 FROM {table} WHERE {WHICH[table]} = '{row}'"))


def _inserted(session: data.db.Session, table: str, user: int | None) -> str:
    """An order in another's name is B."""
    other = {"A": user, "B": (user or 0) - 1}
    return "".join(
        row for row, codes in CODES.items()
        if _tried(session, INSERT[table], codes | {"id": f"new-{row}", "user": other[row]})
    )  # fmt: skip


def _updated(session: data.db.Session, table: str, _user: int | None) -> str:
    """Of all that an update without a condition reaches, which rows have changed; and none may be given away."""
    point = session.begin_nested()
    session.execute(text(f"UPDATE {table} SET name = 'marked'"))
    session.execute(text("RESET ROLE"))
    marked = session.scalars(text(f"SELECT {WHICH[table]} FROM {table} WHERE name = 'marked' ORDER BY 1")).all()
    point.rollback()
    away = _tried(session, f"UPDATE {table} SET street_code = 'B', community_code = 'B1'")
    return "".join(marked) + ("x" if away else "")


@pytest.mark.parametrize("role", ROLES)
def test_each_role_reaches_exactly_the_rows_it_is_meant_to(session, users, role):
    found = {table: cell(session, table, role, users.get(f"{role} A")) for table in TABLES}
    assert found == {table: CELLS[table, role] for table in TABLES}


def test_every_policy_that_is_loosened_is_noticed(session, users):
    """Each policy in turn lets every row pass; then some cell differs, for who has the role or who only pretends to."""
    policies = session.execute(
        text("""
        SELECT tablename, policyname, qual IS NOT NULL, with_check IS NOT NULL FROM pg_policies
        WHERE tablename = ANY (:tables) AND policyname NOT IN ('owner_all', 'all_read', 'memory_read')"""),
        {"tables": TABLES},
    )
    unnoticed = []
    for table, policy, using, check in policies.all():
        point = session.begin_nested()
        loose = ("USING (true) " if using else "") + ("WITH CHECK (true)" if check else "")
        session.execute(text(f"ALTER POLICY {policy} ON {table} {loose}"))
        noticed = any(cell(session, table, role, users.get(f"{role} A")) != CELLS[table, role] for role in ROLES)
        noticed |= cell(session, table, "planner", users["street A"]).startswith("AB") and table != "facility"
        point.rollback()
        unnoticed += [] if noticed else [f"{policy} on {table}"]
    assert unnoticed == []


def test_who_only_pretends_to_be_a_planner_sees_no_scenario_run_and_no_order(session, users):
    for table in ("coverage_run", "coverage_published", "coverage_order"):
        seen = cell(session, table, "planner", users["street A"]).partition("/")[0]
        assert seen == ("." if table == "coverage_order" else "A")


def test_a_facility_counts_its_versions(session, users):
    for version in (2, 3):
        session.execute(text("UPDATE facility SET capacity = 1 WHERE id = 'A'"))
        assert session.scalar(text("SELECT version FROM facility WHERE id = 'A'")) == version


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE facility SET capacity = 5", "DELETE FROM facility WHERE id = 'A'", "UPDATE household SET floor = 1",
        "UPDATE area SET name = name", "UPDATE facility_kind SET required = true", NET,
    ],
)  # fmt: skip
def test_every_change_of_what_coverage_is_computed_from_gives_the_data_a_new_version(session, users, statement):
    before = session.scalar(text("SELECT count(*) FROM data_change"))
    session.execute(text(statement))
    assert session.scalar(text("SELECT count(*) FROM data_change")) == before + 1


def test_an_edit_by_staff_gives_the_data_a_new_version_too(session, users):
    before = session.scalar(text("SELECT count(*) FROM data_change"))
    session.execute(
        text("SELECT set_config('role', 'wangge_street', true), set_config('wangge.user_id', :user, true)"),
        {"user": str(users["street A"])},
    )
    session.execute(text("UPDATE facility SET capacity = 1 WHERE id = 'A'"))
    assert session.scalar(text("SELECT count(*) FROM data_change")) == before + 1
