"""What the public sees of reports keeps in step with them, and says no more than it should."""

from __future__ import annotations

import json
from datetime import date

import pytest
from sqlalchemy import text

import data.db
import data.public
import data.tiles
from data.filters import Frame
from data.public import Wanted
from gis.errors import NotFound

pytestmark = pytest.mark.database
FILE = """
    INSERT INTO report (client_id, category, captured_at, received_at, text, geom, grid_code, synthetic)
    VALUES ('one', 'litter', '2026-01-05T10:00Z', '2026-01-05T18:00Z', '说明',
            ST_SetSRID(ST_MakePoint(113.20512, 23.10234), 4326),
            'A00', true) RETURNING id::text"""
SHOWN = "SELECT category, status, reported_on, grid_code, ST_AsText(geom) FROM public_report"


@pytest.fixture
def report(session: data.db.Session) -> str:
    return str(session.scalar(text(FILE)))


def shown(session: data.db.Session) -> list[tuple]:
    return [tuple(row) for row in session.execute(text(SHOWN))]


def test_a_filed_report_is_shown_by_day_and_rounded_place(session, report):
    """18:00 of the fifth in Greenwich is two in the morning of the sixth in the district."""
    assert shown(session) == [("litter", "received", date(2026, 1, 6), "A00", "POINT(113.205 23.102)")]


def test_a_move_is_shown_at_once_and_a_change_nobody_may_see_is_none(session, report):
    session.execute(text("UPDATE report SET status = 'closed'"))
    assert [row[1] for row in shown(session)] == ["closed"]
    session.execute(text("UPDATE report_published SET changed_on = '2026-01-07'"))
    session.execute(text("UPDATE report SET text = '另一种说明'"))
    assert session.scalar(text("SELECT changed_on FROM report_published")) == date(2026, 1, 7)


def test_a_report_that_turns_out_to_be_about_a_household_is_no_longer_shown(session, report):
    session.execute(text("INSERT INTO household (ref, elders, synthetic) VALUES ('h', 1, true)"))
    session.execute(text("UPDATE report SET household_id = (SELECT id FROM household WHERE ref = 'h')"))
    assert shown(session) == []
    assert session.scalar(text("SELECT count(*) FROM report_published")) == 0


def test_a_class_that_a_place_calls_personal_is_no_longer_shown(session, report):
    session.execute(text("INSERT INTO category_unpublished VALUES ('litter')"))
    assert shown(session) == []
    assert session.scalar(text("SELECT count(*) FROM report_published")) == 0


def test_a_report_of_such_a_class_never_enters_what_everybody_may_read(session, report):
    session.execute(text("UPDATE report SET category = 'elder_help'"))
    session.execute(text(FILE.replace("'one', 'litter'", "'two', 'elder_help'")))
    assert session.scalar(text("SELECT count(*) FROM report_published")) == 0
    session.execute(text("UPDATE report SET category = 'litter' WHERE client_id = 'one'"))
    assert [row[0] for row in shown(session)] == ["litter"]


@pytest.mark.parametrize("change", ["DELETE FROM {}", "UPDATE {} SET category = 'x'"])
def test_a_class_that_is_personal_no_longer_is_shown_again(session, report, change):
    session.execute(text("UPDATE report SET category = 'elder_help'"))
    session.execute(text(change.format("category_unpublished")))
    assert [row[0] for row in shown(session)] == ["elder_help"]


def test_what_is_taken_back_is_taken_from_the_public_as_well(session, report):
    session.execute(text("DELETE FROM report"))
    assert session.scalar(text("SELECT count(*) FROM report_published")) == 0


def test_the_public_reads_the_view_and_not_the_table_behind_it(session, report):
    session.execute(text("SET LOCAL ROLE wangge_public"))
    page = data.public.search(session, "reports", Wanted(), frame=Frame())
    assert (page.matched, json.loads(page.features[0])["geometry"]["coordinates"]) == (1, [113.205, 23.102])
    assert not session.scalar(text("SELECT has_any_column_privilege('report', 'SELECT')"))


def test_a_tile_of_no_layer_and_a_feature_of_no_id_are_not_found(session):
    with pytest.raises(NotFound, match=r"tiles\.absent"):
        data.tiles.get(session, "households", (0, 0, 0))
    with pytest.raises(NotFound, match=r"ogc\.feature"):
        data.public.get(session, "reports", "no uuid", frame=Frame())
