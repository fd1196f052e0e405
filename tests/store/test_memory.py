"""What the serving process reads for figures it keeps in memory, it reads by a role that may read just that."""

from __future__ import annotations

import pytest
from sqlalchemy import text

import data.db
import data.population
from gis.errors import NotAllowed

pytestmark = pytest.mark.database

#: Whole tables, and of others the columns; said here a second time on purpose.
WHOLE = {
    "area", "area_level", "area_scheme", "facility", "facility_kind", "walknet", "walk_node", "walk_edge", "basemap",
    "import_batch", "data_change", "alembic_version", "coverage_run", "coverage_household", "disclosure_draw",
}  # fmt: skip
PART = {
    "household": {
        "id", "ref", "geom", "elders", "elders_homebound", "elders_80", "elders_disabled", "age_max", "living_alone",
        "mobility", "in_institution", "floor", "lift", "consent", "synthetic", "street_code", "community_code",
        "grid_code",
    },
    "job": {"id", "kind", "run_at", "dead_at"},
    "job_held": {"job_id", "until"},
}  # fmt: skip
COLUMNS = """
    SELECT relname, attname FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace
    JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
    WHERE nspname IN ('public', 'wangge_private') AND relkind IN ('r', 'p', 'v')
      AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e')
      AND has_column_privilege('wangge_memory', pg_class.oid, attnum, :right)"""


def columns(session: data.db.Session, right: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for table, column in session.execute(text(COLUMNS), {"right": right}):
        found.setdefault(table, set()).add(column)
    return found


def test_it_reads_what_coverage_is_computed_from_and_no_person_address_or_report(session):
    read = columns(session, "SELECT")
    assert {name: read[name] for name in read.keys() - WHOLE} == PART
    assert read.keys() >= WHOLE
    assert "address" not in read["household"]


def test_it_changes_nothing_at_all(session):
    for right in ("INSERT", "UPDATE"):
        assert columns(session, right) == {}
    asked = "SELECT relname FROM pg_class WHERE relkind = 'r' AND has_table_privilege('wangge_memory', oid, :right)"
    for right in ("DELETE", "TRUNCATE", "TRIGGER"):
        assert session.scalars(text(asked), {"right": right}).all() == []


def test_of_our_functions_it_may_call_the_one_that_numbers_changes(session):
    asked = """
        SELECT proname FROM pg_proc WHERE pronamespace = 'wangge_private'::regnamespace
        AND has_function_privilege('wangge_memory', oid, 'EXECUTE')"""
    assert list(session.scalars(text(asked))) == ["change_number"]


def test_it_reads_every_household_but_not_where_it_is_said_to_live(session):
    session.execute(text("INSERT INTO household (ref, elders, synthetic, address) VALUES ('1', 1, true, '某街 1 号')"))
    session.execute(text("SET LOCAL ROLE wangge_memory"))
    assert data.population.frame(session)["ref"].tolist() == ["1"]
    with pytest.raises(NotAllowed), data.db.refusals():
        session.execute(text("SELECT address FROM household"))
