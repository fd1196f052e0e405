"""The schema that migrations make is the one that data/tables.py says, and its rights are closed unless opened."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

import data.coverage
import data.db
from data.tables import metadata
from gis.errors import Busy, MissingPart

pytestmark = pytest.mark.database

#: Tables that hold no person; every other one must be under forced row security.
NO_PERSONS = {
    "alembic_version", "area", "area_level", "area_scheme", "import_batch", "facility_kind", "walknet", "walk_node",
    "walk_edge", "scenario", "basemap", "job", "job_held", "citizen_day", "data_change",
    "category", "unit", "routing_rule", "report_published", "report_tallied", "category_unpublished",
    "wangge_private.area_check", "wangge_private.disclosure_draw",
}  # fmt: skip
ROLES = (
    "public", "inspector", "community", "street", "planner", "partner", "auditor", "admin", "memory", "login", "owner",
)  # fmt: skip

#: What there is in our two schemas; whatever an extension brought is its own business.
OURS = """
    pg_namespace n ON n.nspname IN ('public', 'wangge_private')
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = thing.oid AND d.deptype = 'e')"""
SHAPE = """
    SELECT c.relname, 'column ' || a.attname, concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull,
           a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid))
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relname = ANY (:tables)
    UNION ALL
    SELECT c.relname, 'constraint ' || k.conname, pg_get_constraintdef(k.oid)
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid WHERE c.relname = ANY (:tables) AND k.contype <> 't'
    UNION ALL
    SELECT c.relname, 'index ' || x.relname, pg_get_indexdef(i.indexrelid)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
    WHERE c.relname = ANY (:tables)
    ORDER BY 1, 2"""


@pytest.fixture(scope="module")
def created(cluster, engine) -> Iterator[sqlalchemy.Engine]:
    """A database made from data/tables.py alone, without a migration."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CREATE DATABASE from_tables"))
    made = sqlalchemy.create_engine(cluster.url_of("from_tables"))
    with made.begin() as connection:
        connection.execute(text("CREATE EXTENSION postgis; CREATE EXTENSION btree_gist"))
        metadata.create_all(connection)
    yield made
    made.dispose()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("DROP DATABASE from_tables"))


def test_there_is_one_newest_version_and_each_has_its_sql_beside_it():
    scripts = ScriptDirectory(str(data.db.MIGRATIONS))
    assert len(scripts.get_heads()) == 1
    for version in scripts.walk_revisions():
        assert (data.db.MIGRATIONS / "versions" / f"{version.revision}.sql").is_file()


def test_alembic_finds_no_difference_between_the_migrated_database_and_the_tables(session):
    def ours(thing, name, kind, reflected, compare_to):
        return not (kind == "table" and reflected and compare_to is None)

    context = MigrationContext.configure(
        session.connection(), opts={"compare_type": True, "compare_server_default": True, "include_object": ours}
    )
    assert compare_metadata(context, metadata) == []


def test_the_catalogue_of_a_migrated_database_equals_that_of_the_tables(engine, created):
    """Columns, types, defaults, checks, keys, exclusions and indexes, as PostgreSQL itself prints them."""
    values = {"tables": sorted(metadata.tables)}
    with engine.connect() as migrated, created.connect() as made:
        one, other = (set(map(tuple, where.execute(text(SHAPE), values))) for where in (migrated, made))
    assert one == other


def test_migrating_twice_changes_nothing_and_says_the_version(database_url):
    assert data.db.migrate(database_url) == data.db.revision(database_url) == data.db.head()


def test_an_old_schema_is_not_ready(session):
    data.db.check_ready(session)
    session.execute(text("UPDATE alembic_version SET version_num = '2026_11_22_1_preparation'"))
    with pytest.raises(Busy, match=r"store\.schema"):
        data.db.check_ready(session)


@pytest.fixture
def plain(cluster, engine) -> Iterator[str]:
    """A database of an ordinary owner, who may make neither roles nor extensions; the URL connects as that owner."""
    superuser = engine.url.username
    server = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    server.execute(text("CREATE ROLE plain"))
    server.execute(text("CREATE DATABASE plain OWNER plain"))
    server.execute(text(f"ALTER ROLE {superuser} IN DATABASE plain SET role = 'plain'"))
    yield cluster.url_of("plain")
    server.execute(text("DROP DATABASE plain WITH (FORCE)"))
    server.execute(text("DROP ROLE plain"))
    server.close()


def test_who_may_not_make_extensions_is_given_the_sql_and_can_go_on_after_it(plain, engine):
    """An ordinary owner is refused with SQL; an administrator runs it; then the owner migrates, and sees all rows."""
    with pytest.raises(MissingPart, match=r"store\.preparation") as refused:
        data.db.migrate(plain)
    assert data.db.revision(plain) is None
    _run_as(engine.url.username, plain, refused.value.facts["command"], "GRANT wangge_owner TO plain")
    data.db.migrate(plain)
    made = data.db.engine(plain)
    with data.db.transaction(made) as session:
        assert session.scalar(text("SELECT current_user")) == "plain"
        _two_households(session)
        assert session.scalar(text("SELECT count(*) FROM household")) == 2
        session.execute(text("SET LOCAL ROLE wangge_inspector"))
        assert session.scalar(text("SELECT count(*) FROM household")) == 0
    made.dispose()


def _run_as(superuser: str, url: str, *statements: str) -> None:
    administrator = sqlalchemy.create_engine(url)
    with administrator.begin() as connection:
        cursor = connection.connection.cursor()
        for statement in (f"SET ROLE {superuser}", *statements):
            cursor.execute(statement)
    administrator.dispose()


def _two_households(session: data.db.Session) -> None:
    from data.tables import household

    data.db.copy(session, household, {"ref": ["1", "2"], "elders": [1, 2], "synthetic": [True, True]})


# Rights ---------------------------------------------------------------------------------------------------------------


def test_every_table_with_persons_is_under_forced_row_security_with_policies(session):
    """A new table fails here until it is put under row security or on the list of those without persons."""
    asked = text(f"""
        SELECT CASE nspname WHEN 'public' THEN relname ELSE nspname || '.' || relname END,
               relrowsecurity AND relforcerowsecurity AND EXISTS (SELECT FROM pg_policy WHERE polrelid = thing.oid)
        FROM pg_class AS thing JOIN {OURS} AND n.oid = thing.relnamespace WHERE thing.relkind IN ('r', 'p')""")
    tables = dict(session.execute(asked).all())
    assert {name for name, closed in tables.items() if not closed} == NO_PERSONS
    assert tables.keys() >= set(metadata.tables)


def test_no_role_of_ours_owns_anything_or_may_pass_by_row_security(session):
    rows = session.execute(text(
        "SELECT rolname, rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolinherit AND rolcanlogin,"
        " EXISTS (SELECT FROM pg_class WHERE relowner = pg_roles.oid)"
        " FROM pg_roles WHERE rolname LIKE 'wangge_%' AND rolname <> 'wangge_template'"
    )).all()  # fmt: skip
    assert {name for name, *_ in rows} >= {f"wangge_{role}" for role in ROLES}
    assert not [name for name, mighty, owns in rows if mighty or owns]


def test_the_login_role_may_do_nothing_before_it_takes_on_another(session):
    session.execute(text("SET LOCAL ROLE wangge_login"))
    for table in metadata.tables:
        assert not session.scalar(
            text("SELECT has_table_privilege(:table, 'SELECT, INSERT, UPDATE, DELETE')"), {"table": table}
        )


def test_every_view_sees_with_the_eyes_of_its_reader(session):
    asked = f"""SELECT thing.relname FROM pg_class AS thing JOIN {OURS} AND n.oid = thing.relnamespace
        WHERE thing.relkind IN ('v', 'm') AND NOT coalesce(thing.reloptions, '{{}}') @> '{{security_invoker=true}}'"""
    assert session.scalars(text(asked)).all() == []


def test_every_function_that_runs_with_its_owners_rights_pins_its_search_path(session):
    """And so do all our other functions: none may be led astray by a schema of the caller's."""
    asked = f"""SELECT thing.proname FROM pg_proc AS thing JOIN {OURS} AND n.oid = thing.pronamespace
        WHERE NOT coalesce(thing.proconfig, '{{}}')::text LIKE '%search_path=pg_catalog, public, pg_temp%'"""
    assert session.scalars(text(asked)).all() == []


def test_the_private_schema_is_closed_to_nobody_in_particular(session):
    """Of its functions the roles may call only those that answer about themselves, that act with the rights of whoever
    calls them, or that log what they show."""
    asked = """SELECT proname FROM pg_proc WHERE pronamespace = 'wangge_private'::regnamespace
        AND has_function_privilege('wangge_inspector', oid, 'EXECUTE') ORDER BY 1"""
    known = ["audit_record", "change_number", "change_record", "i_am", "my_codes", "my_id", "photos_attach",
             "report_about", "report_file", "reveal"]  # fmt: skip
    assert session.scalars(text(asked)).all() == known
    assert not session.scalar(text("SELECT has_schema_privilege('wangge_public', 'wangge_private', 'USAGE')"))


@pytest.mark.parametrize("role", [role for role in ROLES if role not in ("owner", "memory")])
def test_nobody_but_the_owner_and_the_memory_reads_which_households_are_drawn(session, role):
    """Whoever knew the secret could take what is published apart."""
    assert len(data.coverage.draw_secret(session)) == 32
    rights = "SELECT has_table_privilege(:role, 'wangge_private.disclosure_draw', 'SELECT, INSERT, UPDATE, DELETE')"
    assert not session.scalar(text(rights), {"role": f"wangge_{role}"})
