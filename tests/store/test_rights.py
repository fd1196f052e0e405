"""Who may do what to which row: every role x table x command x own or foreign street, written out by hand.

Of every personal table there is a row in street A, the asker's own, and one in street B. A cell of `EXPECTED`
says for which streets SELECT / INSERT / UPDATE / DELETE work: A, B or both, `a` for the asker's own account, right or
entry, `x` for a row in another's name, `.` for no row although the role has the right as such, `-` where it has none.
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
                    public   inspector  community  street   planner  partner  auditor  admin
household           -/-/-/-  A/-/-/-    A/A/A/-    A/A/A/-  -/-/-/-  -/-/-/-  -/-/-/-  -/-/-/-
report              -/./-/-  A/AB/A/-   A/AB/A/-   A/AB/A/- -/-/-/-  A/AB/A/- -/-/-/-  -/-/-/-
report_event        -/./-/-  A/A/-/-    A/A/-/-    A/A/-/-  -/-/-/-  A/A/-/-  -/-/-/-  -/-/-/-
report_conflict     -/-/-/-  A/A/-/-    A/./A/-    A/./A/-  -/-/-/-  A/./-/-  -/-/-/-  -/-/-/-
report_day          -/-/-/-  -/-/-/-    -/-/-/-    -/-/-/-  -/-/-/-  -/-/-/-  -/-/-/-  -/-/-/-
report_tally        ./-/-/-  A/-/-/-    A/-/-/-    A/-/-/-  ./-/-/-  ./-/-/-  -/-/-/-  ./-/-/-
coverage_household  -/-/-/-  A/-/-/-    A/-/-/-    A/-/-/-  -/-/-/-  -/-/-/-  -/-/-/-  -/-/-/-
coverage_area       -/-/-/-  A/-/-/-    A/-/-/-    A/-/-/-  -/-/-/-  -/-/-/-  -/-/-/-  -/-/-/-
app_user            -/-/-/-  a/-/-/-    Aa/-/-/-   Aa/-/-/- a/-/-/-  a/-/-/-  a/-/-/-  ABa/AB/ABa/-
assignment          -/-/-/-  a/-/-/-    Aa/-/-/-   Aa/-/-/- a/-/-/-  a/-/-/-  a/-/-/-  ABa/AB/AB/-
audit_log           -/-/-/-  -/-/-/-    -/-/-/-    -/-/-/-  -/-/-/-  -/-/-/-  AB/-/-/- -/-/-/-
change              -/-/-/-  A/-/-/-    A/-/-/-    A/-/-/-  -/-/-/-  A/-/-/-  -/-/-/-  AB/-/-/-
photo               -/-/-/-  A/a/-/-    A/a/-/-    A/a/-/-  -/-/-/-  ./a/-/-  -/-/-/-  -/-/-/-
report_photo        -/-/-/-  A/A/-/-    A/A/-/-    A/A/-/-  -/-/-/-  ./A/-/-  -/-/-/-  -/-/-/-
webhook             -/-/-/-  -/-/-/-    -/-/-/-    -/-/-/-  -/-/-/-  a/a/a/-  -/-/-/-  ABa/a/ABa/-
webhook_delivery    -/-/-/-  -/-/-/-    -/-/-/-    -/-/-/-  -/-/-/-  a/-/-/-  -/-/-/-  ABa/-/-/-
elder               -/-/-/-  A/-/-/-    A/-/-/-    A/-/-/-  -/-/-/-  -/-/-/-  -/-/-/-  -/-/-/-
login_session       -/-/-/-  -/-/-/-    -/-/-/-    -/-/-/-  -/-/-/-  -/-/-/-  -/-/-/-  ABa/-/-/-
api_key             -/-/-/-  -/-/-/-    -/-/-/-    -/-/-/-  -/-/-/-  -/-/-/-  -/-/-/-  ABa/x/ABa/-
login_throttle      -/-/-/-  -/-/-/-    -/-/-/-    -/-/-/-  -/-/-/-  -/-/-/-  -/-/-/-  -/-/-/-
second_factor       -/-/-/-  -/-/-/-    -/-/-/-    -/-/-/-  -/-/-/-  -/-/-/-  -/-/-/-  -/-/-/-
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
    "category", "unit", "routing_rule", "area", "area_level", "area_scheme", "facility_kind", "walknet", "walk_node",
    "walk_edge", "data_change", "report_published", "report_tallied", "category_unpublished",
    "public_area", "public_facility", "public_coverage", "public_report",
)  # fmt: skip
EDITED_BY_ADMIN = ("category", "unit", "routing_rule", "area_scheme", "facility_kind", "category_unpublished")

CODES = "street_code, community_code, grid_code"
PLACES = {"A": {"s": "A", "c": "A0", "g": "A00"}, "B": {"s": "B", "c": "B1", "g": "B10"}}
#: Digests begin with the letter of their street.
SHA256 = "lower(:s) || left(encode(sha256(convert_to(:ref, 'UTF8')), 'hex'), 63)"
#: One row in a place; `author` is whoever is asking.
INSERT = {
    "household": f"INSERT INTO household (ref, elders, synthetic, {CODES}) VALUES (:ref, 1, true, :s, :c, :g)",
    "report": f"""INSERT INTO report (author_id, client_id, category, captured_at, text, synthetic, {CODES})
        VALUES (:author, :ref, 'x', '2020-01-01T00:00Z', '', true, :s, :c, :g)""",
    "report_event": """INSERT INTO report_event (report_id, version, move, actor_id, actor_role, source, target)
        VALUES (CAST(:report AS uuid), 2 + abs(hashtext(:ref)) / 2, 'note', :author, '', '', '')""",
    "report_conflict": """INSERT INTO report_conflict (report_id, body_hash, body)
        VALUES (CAST(:report AS uuid), :ref, '{}')""",
    "report_day": "INSERT INTO report_day VALUES (:author, '2020-01-01', ascii(:s))",
    "report_tally": "INSERT INTO report_tally VALUES (false, :s, :c, :g, 1, 1, 1, 0, 0)",
    "coverage_household": f"""INSERT INTO coverage_household (run_id, household_id, profile, seconds, metres,
        facilities, verdict_standard, verdict_personal, {CODES})
        VALUES (:run, hashtext(:ref), '', '{{}}', '{{}}', '{{}}', '', '', :s, :c, :g)""",
    "coverage_area": f"""INSERT INTO coverage_area (run_id, level, kind, verdict, code, households, elders, covered,
        uncovered, unknown, {CODES}) VALUES (:run, 'grid', :ref, 'standard', :g, 1, 1, 1, 0, 0, :s, :c, :g)""",
    "app_user": f"INSERT INTO app_user (login, name, synthetic, {CODES}) VALUES (:ref, '', true, :s, :c, :g)",
    "assignment": f"""INSERT INTO assignment (user_id, role, area_code, valid_from, {CODES})
        VALUES (:other, 'planner', :s, '2020-01-01', :s, :c, :g)""",
    "audit_log": "INSERT INTO audit_log (actor, action) VALUES (:actor, :s)",
    "change": f"""INSERT INTO change (what, subject, action, facts, {CODES})
        VALUES ('report', :ref, 'accept', '{{}}', :s, :c, :g)""",
    "photo": f"INSERT INTO photo (author_id, sha256, bytes, media) VALUES (:author, {SHA256}, 1, 'image/jpeg')",
    "report_photo": f"""INSERT INTO report_photo (report_id, author_id, sha256, {CODES})
        VALUES (CAST(:report AS uuid), :author, {SHA256}, :s, :c, :g)""",
    "webhook": """INSERT INTO webhook (owner_id, role, url, what, secret, last_seq)
        VALUES (:author, 'partner', :s, '{}', '', 0)""",
    "webhook_delivery": """INSERT INTO webhook_delivery (webhook_id, seq, reason)
        SELECT id, 1, url FROM webhook WHERE owner_id = :author""",
    "elder": """INSERT INTO elder (household_id, name_masked, name_sealed, legal_basis, synthetic)
        SELECT id, '', '', 'x', true FROM household WHERE street_code = :s""",
    "login_session": """INSERT INTO login_session (user_id, role, expires_at)
        VALUES (:author, 'admin', CASE :s WHEN 'A' THEN 'infinity' ELSE timestamptz '2999-01-01' END)""",
    "api_key": """INSERT INTO api_key (user_id, name, prefix, secret_hash, scopes, fields, expires_at)
        VALUES (:author, :s, :ref || CAST(:author AS text), '', '{}', '{}', 'infinity')""",
    "second_factor": "INSERT INTO second_factor (user_id, secret_sealed, recovery) VALUES (:author, :s, '{}')",
    "login_throttle": "INSERT INTO login_throttle VALUES (convert_to(:s, 'UTF8'), 0, now(), now())",
}
#: What tells the street of a row where it has no code of its own, and what tells the asker's own rows.
STREET = {
    "login_session": "chr(ascii('A') + (expires_at < 'infinity')::integer)", "api_key": "name",
    "login_throttle": "convert_from(lane, 'UTF8')", "audit_log": "actor",
    "photo": "upper(left(sha256, 1))", "webhook": "url", "second_factor": "secret_sealed", "report_day": "chr(filed)",
    "webhook_delivery": "reason",
}  # fmt: skip
OWN = {
    "app_user": "id = {me}", "assignment": "user_id = {me}", "login_session": "user_id = {me}",
    "api_key": "user_id = {me}", "second_factor": "user_id = {me}", "webhook": "owner_id = {me}",
    "webhook_delivery": "webhook_id IN (SELECT id FROM webhook WHERE owner_id = {me})",
}  # fmt: skip
RUN = """
    WITH net AS (INSERT INTO walknet (sha256, srid, nodes, edges, metres, stats, synthetic)
                 VALUES ('', 4547, 0, 0, 0, '{}', true) RETURNING id)
    INSERT INTO coverage_run (kinds, parameters, manifest, inputs_sha256, seconds, totals, walknet_id, as_of, synthetic)
    SELECT '{}', '{}', '{}', '', '{}', '{}', id, '2020-01-01', true FROM net RETURNING id"""
#: What an update writes, to be recognised by.
MARKS = {
    "household": ("elders", "7"), "report": ("status", "'closed'"), "app_user": ("name", "'marked'"),
    "assignment": ("valid_to", "DATE '2999-01-01'"), "webhook": ("reason", "'marked'"),
    "report_conflict": ("decided_by", "wangge_private.my_id()"), "api_key": ("revoked_at", "now()"),
}  # fmt: skip
TO_B = "street_code = 'B', community_code = 'B1', grid_code = 'B10'"
ROLE_AREA = {"inspector": "g", "community": "c"}


@pytest.fixture
def seeded(session: data.db.Session) -> dict[str, int]:
    """Staff of every role in both streets, and a row of each of them in each table; says who has which number."""
    found(session)
    run = session.scalar(text(RUN))
    known = {"run": run}
    for street, role in product(PLACES, ROLES[1:]):
        known[f"{role} {street}"] = staff(session, f"{role} {street}", role, PLACES[street])
    for street, table in product(
        PLACES, ("household", "report", "report_tally", "coverage_household", "coverage_area", "audit_log")
    ):
        values = {"author": known[f"inspector {street}"], "run": run, "actor": street, "ref": street}
        session.execute(text(INSERT[table]), PLACES[street] | values)
    for street in PLACES:
        _queue(session, street, known)
    return known


def _queue(session: data.db.Session, street: str, known: dict[str, int]) -> None:
    """What hangs on a street's report and home; a webhook, a session and a key of its people; of its admin too."""
    known[f"report {street}"] = session.scalar(
        text("SELECT id::text FROM report WHERE street_code = :s"), {"s": street}
    )
    values = PLACES[street] | {"ref": street, "report": known[f"report {street}"]}
    for table, role in (
        ("report_event", "inspector"), ("report_conflict", "inspector"), ("change", "inspector"),
        ("photo", "inspector"), ("report_photo", "inspector"), ("webhook", "partner"), ("webhook", "admin"),
        ("webhook_delivery", "partner"), ("webhook_delivery", "admin"), ("report_day", "inspector"),
        ("elder", "inspector"), ("login_throttle", "inspector"), ("login_session", "inspector"),
        ("login_session", "admin"), ("second_factor", "admin"), ("api_key", "partner"), ("api_key", "admin"),
    ):  # fmt: skip
        session.execute(text(INSERT[table]), values | {"author": known[f"{role} {street}"]})


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
        self.session, self.table, self.role, self.me = session, table, role, seeded.get(f"{role} A")
        self.own = OWN.get(table, "false").format(me=self.me or 0)
        self.street = STREET.get(table, "street_code")
        self.expected = {street: self._count(self.rows_of(street)) for street in PLACES}
        other = seeded["planner B"]
        self.values = {"author": self.me, "other": other, "run": seeded["run"], "ref": f"new {role}"}
        self.reports = {street: {"report": seeded[f"report {street}"]} for street in PLACES}

    def _count(self, where: str) -> int:
        return int(self.session.scalar(text(f"SELECT count(*) FROM {self.table} WHERE {where}")) or 0)

    def may(self, command: str) -> bool:
        asked = "has_table_privilege" if command == "DELETE" else "has_any_column_privilege"
        return bool(
            self.session.scalar(text(f"SELECT {asked}(:table, :command)"), {"table": self.table, "command": command})
        )

    def cell(self, me: int | None = None) -> str:
        """What the asker reaches, or somebody who only pretends to have the role."""
        become(self.session, self.role, me or self.me)
        found = "/".join(self.reach(command) if self.may(command) else "-" for command in COMMANDS)
        self.session.execute(text("RESET ROLE"))
        return found

    def reach(self, command: str) -> str:
        return {"SELECT": self.selected, "INSERT": self.inserted, "UPDATE": self.updated}[command]()

    def selected(self) -> str:
        read = f"SELECT 1 FROM {self.table} WHERE"
        streets = [s for s in PLACES if tried(self.session, f"{read} {self.rows_of(s)}", {}) == self.expected[s]]
        return "".join(streets) + ("a" if tried(self.session, f"{read} {self.own}", {}) else "") or "."

    def updated(self) -> str:
        """Without a condition, which would bring in what may be read; then the owner looks which rows have changed."""
        point = self.session.begin_nested()
        column, mark = MARKS[self.table]
        self.session.execute(text(f"UPDATE {self.table} SET {column} = {mark}"))
        self.session.execute(text("RESET ROLE"))
        marked = f"AND {column} = {mark}"
        streets = [s for s in PLACES if self._count(f"{self.rows_of(s)} {marked}") == self.expected[s]]
        own = self._count(f"{self.own} {marked}")
        point.rollback()
        moved = self.table == "household" and tried(self.session, f"UPDATE household SET {TO_B}", {})
        return "".join(streets) + ("a" if own else "") + ("x" if moved else "") or "."

    def rows_of(self, street: str) -> str:
        return f"{self.street} = '{street}' AND NOT {self.own}"

    def inserted(self) -> str:
        """Rows of both streets, and one that is about somebody it must not be about."""
        mine, another = self.me, self.values["other"]
        tries = {
            "audit_log": {"a": {"actor": str(mine)}, "x": {"actor": str(another)}},
            "report": {**PLACES, "x": PLACES["A"] | {"author": another}},
            "assignment": {**PLACES, "a": PLACES["A"] | {"other": mine}},
            "photo": {"a": PLACES["A"], "x": PLACES["A"] | {"author": another}},
            "report_conflict": self.reports,
            "report_event": self.reports | {"x": self.reports["A"] | {"author": another}},
            "report_photo": {street: PLACES[street] | self.reports[street] for street in PLACES}
            | {"x": PLACES["A"] | self.reports["A"] | {"author": another}},
            "webhook": {"a": PLACES["A"], "x": PLACES["A"] | {"author": another}},
            "api_key": {"a": {}, "x": {"author": another}},
        }.get(self.table, PLACES)
        values = {"s": "", "actor": ""} | self.values
        return (
            "".join(name for name, row in tries.items() if tried(self.session, INSERT[self.table], values | row)) or "."
        )


@pytest.mark.parametrize("role", ROLES)
def test_each_role_reaches_exactly_the_rows_it_is_meant_to(session, seeded, role):
    """The column of `role` in `EXPECTED`, tried out command by command."""
    tables = [table for table, one in CELLS if one == role]
    askers = {table: Asker(session, table, role, seeded) for table in tables}
    assert {table: asker.cell() for table, asker in askers.items()} == {table: CELLS[table, role] for table in tables}


def test_every_policy_that_is_loosened_is_noticed(session, seeded):
    """Each policy in turn lets every row pass; then some cell of its table is no longer as written.

    What the memory reads and citizens put in is asked in `test_memory` and in `contract/test_citizens`.
    """
    policies = session.execute(text("""
        SELECT tablename, policyname, qual IS NOT NULL, with_check IS NOT NULL FROM pg_policies
        WHERE schemaname = 'public' AND policyname NOT IN ('owner_all', 'memory_read', 'citizen_add')
        AND tablename = ANY (:tables) ORDER BY 1, 2"""),
        {"tables": sorted({table for table, _ in CELLS})}).all()  # fmt: skip
    impostor = seeded["partner B"]
    unnoticed = []
    for table, policy, using, check in policies:
        askers = [Asker(session, table, role, seeded) for role in ROLES[1:]]
        point = session.begin_nested()
        loose = ("USING (true) " if using else "") + ("WITH CHECK (true)" if check else "")
        session.execute(text(f"ALTER POLICY {policy} ON {table} {loose}"))
        noticed = any(asker.cell() != CELLS[table, asker.role] for asker in askers)
        noticed |= any(set(asker.cell(impostor)) & set("AB") for asker in askers)
        point.rollback()
        unnoticed += [] if noticed else [f"{policy} on {table}"]
    assert len(policies) > 20
    assert not unnoticed


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


@pytest.mark.parametrize("role", ROLES[1:])
def test_taking_on_a_role_one_does_not_hold_reaches_nothing_but_ones_own(session, seeded, role):
    """A partner of street B acts in every other role: she sees her account, and writes the log under her name."""
    impostor = seeded["partner A" if role != "partner" else "planner A"]
    for table in {table for table, _ in CELLS}:
        asker = Asker(session, table, role, seeded | {f"{role} A": impostor})
        assert not set(asker.cell(impostor)) & set("ABx"), table


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


@pytest.mark.parametrize("role", ["community", "street", "partner"])
def test_whoever_reports_about_another_place_keeps_seeing_it_and_what_became_of_it(session, seeded, role):
    """Report, event and dispute lie in street B; their author works in street A."""
    me = seeded[f"{role} A"]
    session.execute(text(INSERT["report"]), PLACES["B"] | {"author": me, "ref": "far"})
    far = session.scalar(text("SELECT id::text FROM report WHERE client_id = 'far'"))
    for table in ("report_event", "report_conflict"):
        session.execute(text(INSERT[table]), {"report": far, "author": me, "ref": "far"})
    become(session, role, me)
    for table, key in (("report", "id"), ("report_event", "report_id"), ("report_conflict", "report_id")):
        assert session.scalar(text(f"SELECT count(*) FROM {table} WHERE {key} = CAST(:id AS uuid)"), {"id": far}) == 1


def test_whom_an_event_concerns_follows_from_its_report_whatever_is_said(session, seeded):
    """An event of street B's report that claims to lie in A: its codes are B's, and so A's inspector may not add it."""
    become(session, "inspector", seeded["inspector A"])
    values = {"report": seeded["report B"], "author": seeded["inspector A"], "grid": "A00"}
    forged = """INSERT INTO report_event (report_id, version, move, actor_id, actor_role, source, target, grid_code)
        VALUES (CAST(:report AS uuid), 9, 'note', :author, '', '', '', :grid)"""
    assert tried(session, forged, values) is None


COLUMNS_OF = {
    "text": {"on_hold", "text"}, "photos": {"photos"}, "unit": {"unit"}, "due": {"due_at", "warn_at", "due_unknown"},
    "place": set(),
}  # fmt: skip
CLOSED = ("text", "geom", "photos", "unit", "due_at", "warn_at", "due_unknown", "on_hold", "body_hash", "household_id",
          "accuracy_m", "lon_sent", "suspect", "routed")  # fmt: skip


@pytest.mark.parametrize("column", CLOSED)
def test_what_a_key_must_name_no_partner_reads_from_the_table_itself(session, seeded, column):
    become(session, "partner", seeded["partner A"])
    assert tried(session, f"SELECT {column} FROM report", {}) is None


def named(session: data.db.Session, user: int, fields: list[str]) -> None:
    """Use a key of this account that names `fields`."""
    key = session.scalar(text("""
        UPDATE api_key SET fields = :fields, prefix = 'x' || id WHERE user_id = :user RETURNING id"""),
        {"fields": fields, "user": user})  # fmt: skip
    session.execute(text("SELECT set_config('wangge.key_id', :key, true)"), {"key": str(key)})


def test_of_a_report_a_key_reads_what_it_names_and_only_in_its_area(session, seeded):
    """Each field in turn fills its own columns and no other; street B's report is not there at all."""
    session.execute(text("INSERT INTO unit VALUES ('u', '甲', '')"))
    session.execute(text("""UPDATE report SET text = 't', on_hold = 'h', photos = '{p}', unit = 'u', due_at = now(),
        warn_at = now(), due_unknown = 'd', geom = ST_SetSRID(ST_MakePoint(113.2012, 23.1023), 4326)"""))  # fmt: skip
    asked = text("""SELECT report.*, ST_X(geom) AS lon FROM
        wangge_private.partner_reports(ARRAY[CAST(:a AS uuid), CAST(:b AS uuid)]) AS report""")
    for field, columns in COLUMNS_OF.items():
        named(session, seeded["partner A"], [field])
        become(session, "partner", seeded["partner A"])
        (row,) = session.execute(asked, {"a": seeded["report A"], "b": seeded["report B"]}).mappings().all()
        assert {name for name in set().union(*COLUMNS_OF.values()) if row[name] not in (None, "-")} == columns
        assert row["lon"] == pytest.approx(113.2012 if field == "place" else 113.201, abs=1e-9)
        assert row["author_id"] is None
        session.execute(text("RESET ROLE"))


def test_photos_of_others_and_what_becomes_of_them_are_for_a_key_that_names_photos(session, seeded):
    tables = ("photo", "report_photo")
    for fields, seen in ((["text", "due"], 0), (["photos"], 1)):
        named(session, seeded["partner A"], fields)
        become(session, "partner", seeded["partner A"])
        assert [session.scalar(text(f"SELECT count(*) FROM {table}")) for table in tables] == [seen, seen]
        session.execute(text("RESET ROLE"))


@pytest.mark.parametrize(
    "command",
    [
        "UPDATE report_event SET reason = ''", "DELETE FROM report_event", "TRUNCATE report_event",
        "DELETE FROM report_conflict", "TRUNCATE report_conflict",
    ],
)  # fmt: skip
def test_history_is_only_ever_added_to_even_by_the_owner(session, seeded, command):
    with pytest.raises(DBAPIError, match=r"reports\.append_only"):
        session.execute(text(command))


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
