"""Who may do what to which row: every role x table x command x own or foreign street, written out by hand.

Of every personal table there is a row in street A, the asker's own, and one in street B. A cell of `EXPECTED` says for
which streets SELECT / INSERT / UPDATE / DELETE work: A, B, AB, `a` for nothing but the asker's own row, `.` for no row
although the role has the right as such, `-` where it has no such right at all.
"""

from __future__ import annotations

from itertools import product

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from worlds.squares import found

import data.db

pytestmark = pytest.mark.database

EXPECTED = """
                    public   inspector  community  street   planner  partner  auditor  admin
household           -/-/-/-  A/-/-/-    A/A/A/-    A/A/A/-  -/-/-/-  -/-/-/-  -/-/-/-  -/-/-/-
report              -/-/-/-  A/AB/-/-   A/-/A/-    A/-/A/-  -/-/-/-  -/-/-/-  -/-/-/-  -/-/-/-
coverage_household  -/-/-/-  A/-/-/-    A/-/-/-    A/-/-/-  -/-/-/-  -/-/-/-  -/-/-/-  -/-/-/-
coverage_area       -/-/-/-  A/-/-/-    A/-/-/-    A/-/-/-  -/-/-/-  -/-/-/-  -/-/-/-  -/-/-/-
app_user            -/-/-/-  a/-/-/-    A/-/-/-    A/-/-/-  a/-/-/-  a/-/-/-  a/-/-/-  AB/AB/AB/-
assignment          -/-/-/-  a/-/-/-    A/-/-/-    A/-/-/-  a/-/-/-  a/-/-/-  a/-/-/-  AB/AB/AB/-
audit_log           -/-/-/-  -/a/-/-    -/a/-/-    -/a/-/-  -/a/-/-  -/a/-/-  AB/a/-/- -/a/-/-
"""
HEADER, *LINES = EXPECTED.strip("\n").splitlines()
ROLES = HEADER.split()
CELLS = {
    (table, role): cell
    for table, *cells in map(str.split, LINES)
    for role, cell in zip(ROLES, cells, strict=True)
}  # fmt: skip
COMMANDS = ("SELECT", "INSERT", "UPDATE", "DELETE")
#: Tables without persons: all may read them but the auditor, who reads only the log; the catalogues have an editor.
OPEN = (
    "area", "area_level", "area_scheme", "facility", "facility_kind", "walknet", "walk_node", "walk_edge",
    "coverage_published",
)  # fmt: skip
EDITED_BY_ADMIN = ("area_scheme", "facility_kind")

CODES = "street_code, community_code, grid_code"
PLACES = {"A": {"s": "A", "c": "A0", "g": "A00"}, "B": {"s": "B", "c": "B1", "g": "B10"}}
#: One row in a place; `author` is whoever is asking.
INSERT = {
    "household": f"INSERT INTO household (ref, elders, synthetic, {CODES}) VALUES (:ref, 1, true, :s, :c, :g)",
    "report": f"""INSERT INTO report (author_id, client_id, category, captured_at, text, synthetic, {CODES})
        VALUES (:author, :ref, 'x', '2020-01-01T00:00Z', '', true, :s, :c, :g)""",
    "coverage_household": f"""INSERT INTO coverage_household (run_id, household_id, profile, seconds, metres,
        facility_ids, verdict_standard, verdict_personal, {CODES})
        VALUES (:run, hashtext(:ref), '', '{{}}', '{{}}', '{{}}', '', '', :s, :c, :g)""",
    "coverage_area": f"""INSERT INTO coverage_area (run_id, level, kind, verdict, code, households, elders, covered,
        uncovered, unknown, {CODES}) VALUES (:run, 'grid', :ref, 'standard', :g, 1, 1, 1, 0, 0, :s, :c, :g)""",
    "app_user": f"INSERT INTO app_user (login, name, synthetic, {CODES}) VALUES (:ref, '', true, :s, :c, :g)",
    "assignment": f"""INSERT INTO assignment (user_id, role, area_code, valid_from, {CODES})
        VALUES (:other, 'planner', :s, '2020-01-01', :s, :c, :g)""",
    "audit_log": "INSERT INTO audit_log (actor, action) VALUES (:actor, :s)",
}
RUN = """
    WITH net AS (INSERT INTO walknet (sha256, srid, nodes, edges, metres, stats, synthetic)
                 VALUES ('', 4547, 0, 0, 0, '{}', true) RETURNING id)
    INSERT INTO coverage_run (kinds, parameters, manifest, inputs_sha256, seconds, totals, walknet_id, as_of, synthetic)
    SELECT '{}', '{}', '{}', '', '{}', '{}', id, '2020-01-01', true FROM net RETURNING id"""
UPDATED = {"report": "status", "assignment": "valid_to", "app_user": "name", "household": "elders"}
ROLE_AREA = {"inspector": "g", "community": "c"}


@pytest.fixture
def seeded(session: data.db.Session) -> dict[str, int]:
    """Staff of every role in both streets, and a row of each of them in each table; says who has which number."""
    found(session)
    run = session.scalar(text(RUN))
    known = {"run": run}
    for street, role in product(PLACES, ROLES[1:]):
        known[f"{role} {street}"] = staff(session, f"{role} {street}", role, PLACES[street])
    for street, table in product(PLACES, ("household", "report", "coverage_household", "coverage_area", "audit_log")):
        values = {"author": known[f"inspector {street}"], "run": run, "actor": street, "ref": street}
        session.execute(text(INSERT[table]), PLACES[street] | values)
    return known


def staff(session: data.db.Session, login: str, role: str, place: dict[str, str], *, until: str | None = None) -> int:
    """Somebody with one role in one place."""
    values = place | {"login": login, "role": role, "code": place[ROLE_AREA.get(role, "s")], "until": until}
    user = session.scalar(text(f"""INSERT INTO app_user (login, name, synthetic, {CODES})
        VALUES (:login, '', true, :s, :c, :g) RETURNING id"""), values)  # fmt: skip
    session.execute(text(f"""INSERT INTO assignment (user_id, role, area_code, valid_from, valid_to, {CODES})
        VALUES (:user, :role, :code, '2020-01-01', :until, :s, :c, :g)"""), values | {"user": user})  # fmt: skip
    return int(user)


def become(session: data.db.Session, role: str, user: int | None) -> None:
    session.execute(
        text("SELECT set_config('role', :role, true), set_config('wangge.user_id', :user, true)"),
        {"role": f"wangge_{role}", "user": "" if user is None else str(user)},
    )


def tried(session: data.db.Session, statement: str, values: dict[str, object]) -> int | None:
    """How many rows it touched, or None where it was refused; undone in either case."""
    point = session.begin_nested()
    try:
        return session.execute(text(statement), values).rowcount
    except DBAPIError as error:
        if getattr(error.orig, "pgcode", "") != "42501":
            raise
        return None
    finally:
        point.rollback()


class Asker:
    """Somebody who tries all commands on one table."""

    def __init__(self, session: data.db.Session, table: str, role: str, seeded: dict[str, int]) -> None:
        self.session, self.table, self.me = session, table, seeded.get(f"{role} A")
        mine = {"app_user": "id", "assignment": "user_id"}.get(table)
        self.own = f"{mine} = {self.me or 0}" if mine else "false"
        self.street = "actor" if table == "audit_log" else "street_code"
        self.expected = {street: self._count(f"{self.street} = '{street}' AND NOT {self.own}") for street in PLACES}
        other = seeded["planner B"]
        self.values = {"author": self.me, "other": other, "run": seeded["run"], "ref": f"new {role}"}

    def _count(self, where: str) -> int:
        return int(self.session.scalar(text(f"SELECT count(*) FROM {self.table} WHERE {where}")) or 0)

    def may(self, command: str) -> bool:
        asked = "has_table_privilege" if command == "DELETE" else "has_any_column_privilege"
        return bool(
            self.session.scalar(text(f"SELECT {asked}(:table, :command)"), {"table": self.table, "command": command})
        )

    def cell(self) -> str:
        return "/".join(self.reach(command) if self.may(command) else "-" for command in COMMANDS)

    def reach(self, command: str) -> str:
        if command == "INSERT":
            return self.inserted()
        verb = {
            "SELECT": f"SELECT 1 FROM {self.table}",
            "UPDATE": f"UPDATE {self.table} SET {UPDATED.get(self.table)} = {UPDATED.get(self.table)}",
            "DELETE": f"DELETE FROM {self.table}",
        }[command]
        streets = "".join(
            street for street, there in self.expected.items()
            if tried(self.session, f"{verb} WHERE {self.street} = '{street}' AND NOT {self.own}", {}) == there
        )  # fmt: skip
        own = tried(self.session, f"{verb} WHERE {self.own}", {})
        return streets or ("a" if own else ".")

    def inserted(self) -> str:
        if self.table == "audit_log":
            return "".join(
                letter for letter, actor in (("a", self.me), ("B", self.values["other"]))
                if tried(self.session, INSERT[self.table], self.values | {"s": "", "actor": str(actor)})
            )  # fmt: skip
        streets = [s for s in PLACES if tried(self.session, INSERT[self.table], self.values | PLACES[s])]
        return "".join(streets) or "."


@pytest.mark.parametrize("role", ROLES)
def test_each_role_reaches_exactly_the_rows_it_is_meant_to(session, seeded, role):
    """The column of `role` in `EXPECTED`, tried out command by command."""
    tables = [table for table, one in CELLS if one == role]
    askers = {table: Asker(session, table, role, seeded) for table in tables}
    become(session, role, seeded.get(f"{role} A"))
    assert {table: asker.cell() for table, asker in askers.items()} == {table: CELLS[table, role] for table in tables}


@pytest.mark.parametrize("role", ROLES[1:])
def test_without_a_verified_user_no_role_reaches_any_personal_row(session, seeded, role):
    """The setting is empty, as it is after every transaction: nothing is seen, and nothing fails open."""
    become(session, role, None)
    for table in {table for table, _ in CELLS}:
        if session.scalar(text("SELECT has_any_column_privilege(:table, 'SELECT')"), {"table": table}):
            assert session.scalar(text(f"SELECT count(*) FROM {table}")) == 0


def test_a_connection_that_never_named_a_user_sees_no_personal_row(session):
    session.execute(text("SET LOCAL ROLE wangge_street"))
    assert session.scalar(text("SELECT count(*) FROM household")) == 0


@pytest.mark.parametrize("role", ROLES)
def test_tables_without_persons_are_read_by_all_but_the_auditor_and_changed_by_nobody_else(session, role):
    become(session, role, None)
    for table, command in product(OPEN, COMMANDS):
        granted = session.scalar(
            text("SELECT has_table_privilege(:table, :command)"), {"table": table, "command": command}
        )
        reads = command == "SELECT" and role != "auditor"
        edits = command in ("INSERT", "UPDATE") and role == "admin" and table in EDITED_BY_ADMIN
        assert granted == (reads or edits), (table, command)


def test_an_inspector_does_not_see_the_neighbouring_grid_of_her_own_community(session, seeded):
    """A01 lies beside A00 in community A0: the community's staff see both, the inspector of A00 sees one."""
    session.execute(text(INSERT["household"]), {"ref": "next", "s": "A", "c": "A0", "g": "A01"})
    for role, seen in (("inspector", 1), ("community", 2), ("street", 2)):
        become(session, role, seeded[f"{role} A"])
        assert session.scalar(text("SELECT count(*) FROM household")) == seen
        session.execute(text("RESET ROLE"))


def test_taking_on_a_role_one_does_not_hold_shows_nothing(session, seeded):
    """The inspector of A acts as street staff: she has no assignment as such."""
    become(session, "street", seeded["inspector A"])
    assert session.scalar(text("SELECT count(*) FROM household")) == 0


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE assignment SET valid_to = current_date WHERE user_id = :id",
        "UPDATE app_user SET active = false WHERE id = :id",
    ],
)
def test_an_ended_assignment_or_a_closed_account_gives_no_right_from_then_on(session, seeded, change):
    session.execute(text(change), {"id": seeded["street A"]})
    become(session, "street", seeded["street A"])
    assert session.scalar(text("SELECT count(*) FROM household")) == 0


def test_staff_cannot_move_a_household_out_of_their_reach(session, seeded):
    """Nor into it: an update must leave the row in their own area."""
    become(session, "street", seeded["street A"])
    assert tried(session, "UPDATE household SET street_code = 'B'", {}) is None


def test_an_inspector_reports_under_no_name_but_her_own(session, seeded):
    become(session, "inspector", seeded["inspector A"])
    values = PLACES["A"] | {"author": seeded["inspector B"], "ref": "1"}
    assert tried(session, INSERT["report"], values) is None


def test_an_inspector_keeps_seeing_what_she_reported_outside_her_grid(session, seeded):
    become(session, "inspector", seeded["inspector A"])
    session.execute(text(INSERT["report"]), PLACES["B"] | {"author": seeded["inspector A"], "ref": "far"})
    assert set(session.scalars(text("SELECT client_id FROM report"))) == {"A", "far"}


def test_an_administrator_gives_rights_to_others_and_never_to_herself(session, seeded):
    me = seeded["admin A"]
    become(session, "admin", me)
    assert tried(session, INSERT["assignment"], PLACES["A"] | {"other": me}) is None
    assert tried(session, f"UPDATE assignment SET valid_to = NULL WHERE user_id = {me}", {}) == 0


@pytest.mark.parametrize("role", ROLES)
def test_no_role_reads_a_password_hash_and_none_without_need_the_exact_totals(session, seeded, role):
    become(session, role, seeded.get(f"{role} A"))
    assert tried(session, "SELECT password_hash FROM app_user", {}) is None
    assert tried(session, "SELECT totals FROM coverage_run", {}) is None
    if role not in ("auditor", "admin"):
        assert tried(session, "SELECT kinds, manifest FROM coverage_run", {}) == 1


def test_a_policy_finds_its_rows_by_index(session, seeded):
    """PostGIS operators are not leakproof, so the plain index on the code must carry the policy."""
    session.execute(text("SET LOCAL enable_seqscan = off"))
    become(session, "inspector", seeded["inspector A"])
    plan = "\n".join(session.scalars(text("EXPLAIN SELECT * FROM household")))
    assert "household_grid_code_idx" in plan
