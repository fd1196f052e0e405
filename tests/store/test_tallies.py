"""The counts of days that are over are those of the reports themselves, whatever is put right afterwards."""

from __future__ import annotations

from datetime import UTC, datetime

import mapbox_vector_tile
import numpy as np
import pytest
from sqlalchemy import text
from store.test_rights import PLACES, become, staff

import data.db
import data.tiles
from worlds.squares import found

pytestmark = pytest.mark.database

NOW = datetime.now(UTC)
#: Ten old reports in each of two streets, no two in one place, and one of today in street A.
FILL = """
    INSERT INTO report (client_id, author_id, category, captured_at, received_at, text, geom, street_code,
                        community_code, grid_code, synthetic)
    SELECT :s || n, :author, 'litter', '2026-01-05T10:00Z', {at}, '',
           ST_SetSRID(ST_MakePoint({west} + n * 0.00031, 23.1 + n * 0.00017), 4326), :s, :c, :g, true
    FROM generate_series(1, {many}) AS n"""
#: The squares counted anew by another way: PROJ projects, and what is counted is decided here.
RECOUNT = """
    SELECT {published} AS published, coalesce(street_code, ''), coalesce(community_code, ''), coalesce(grid_code, ''),
           floor((20037508.342789244 + ST_X(spot)) / (20037508.342789244 / 2 ^ 19)) AS x,
           floor((20037508.342789244 - ST_Y(spot)) / (20037508.342789244 / 2 ^ 19)) AS y, count(*),
           round(sum(ST_X(spot))::numeric, 2), round(sum(ST_Y(spot))::numeric, 2)
    FROM (SELECT *, ST_Transform(geom, 3857) AS spot FROM {table}) AS report, report_tallied
    WHERE {when} AND geom IS NOT NULL GROUP BY 1, 2, 3, 4, 5, 6"""
TALLY = """
    SELECT published, street_code, community_code, grid_code, x, y, points, round(east::numeric, 2),
           round(north::numeric, 2) FROM report_tally WHERE points <> 0"""


@pytest.fixture
def people(session: data.db.Session) -> dict[str, int]:
    """Two streets with old reports, a newer one, and staff."""
    found(session)
    known = {f"{role} {street}": staff(session, f"{role} {street}", role, PLACES[street])
             for role in ("inspector", "community", "street", "partner") for street in PLACES}  # fmt: skip
    for number, street in enumerate(PLACES):
        values = PLACES[street] | {"author": known[f"inspector {street}"]}
        asked = FILL.format(at="'2026-01-05T18:00Z'", west=113.2 + number * 0.01, many=10)
        session.execute(text(asked), values)
    values = PLACES["A"] | {"s": "A", "author": known["inspector B"]}
    session.execute(text(FILL.format(at="now()", west=113.19, many=1).replace(":s || n", "'new'")), values)
    return known


def recounted(session: data.db.Session) -> set[tuple]:
    own = RECOUNT.format(published="false", table="report", when="received_at < until")
    shown = RECOUNT.format(published="true", table="report_published", when="reported_on < day")
    return set(map(tuple, session.execute(text(f"{own} UNION ALL {shown}"))))


def tallied(session: data.db.Session) -> set[tuple]:
    return set(map(tuple, session.execute(text(TALLY))))


def test_what_is_over_is_counted_once_however_often_it_is_asked_and_today_is_left(session, people):
    for _ in range(2):
        data.tiles.tally(session, now=NOW)
        assert tallied(session) == recounted(session)
    counted = session.execute(text("SELECT published, sum(points) FROM report_tally GROUP BY 1 ORDER BY 1")).all()
    assert counted == [(False, 20), (True, 20)]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE report SET geom = ST_SetSRID(ST_MakePoint(113.25, 23.11), 4326) WHERE client_id IN ('A3', 'new')",
        "UPDATE report SET geom = NULL WHERE client_id = 'A3'",
        "UPDATE report SET geom = ST_SetSRID(ST_MakePoint(113.25, 88), 4326) WHERE client_id = 'B3'",
        "UPDATE report SET grid_code = 'A01' WHERE client_id LIKE 'A%'",
        "UPDATE report SET status = 'closed'",
        "DELETE FROM report WHERE client_id IN ('A1', 'A2', 'new')",
        "INSERT INTO category_unpublished VALUES ('litter')",
        "INSERT INTO category_unpublished VALUES ('litter'); DELETE FROM category_unpublished",
        """INSERT INTO report (client_id, category, captured_at, received_at, text, geom, synthetic)
           VALUES ('late', 'litter', now(), '2025-12-31T23:59Z', '', 'SRID=4326;POINT(113.2 23.1)', true)""",
    ],
)
def test_what_is_put_right_taken_back_or_comes_late_is_put_right_in_the_counts(session, people, change):
    data.tiles.tally(session, now=NOW)
    before = tallied(session)
    session.execute(text(change))
    # A place beyond the projection lies in no tile, and so is in no count.
    expected = {row for row in recounted(session) if row[5] >= 0}
    assert tallied(session) == expected
    assert (tallied(session) == before) == ("status" in change or change.endswith("FROM category_unpublished"))


@pytest.mark.parametrize("role", ["public", "inspector", "community", "street", "partner"])
@pytest.mark.parametrize("zoom", [10, 14, 15, 16])
def test_a_tile_of_counts_is_the_same_with_a_tally_and_without(session, people, monkeypatch, role, zoom):
    """What lies in street A, the old and the new, and for somebody with a name the one she has filed in street B."""
    monkeypatch.setattr(data.tiles, "MOST_FAR", 2)
    monkeypatch.setattr(data.tiles, "MOST_NEAR", 2)
    values = {"author": people.get(f"{role} A")}
    session.execute(text("UPDATE report SET author_id = :author WHERE client_id = 'B1'"), values)
    drawn = []
    for _ in range(2):
        become(session, role, people.get(f"{role} A"))
        drawn.append([counts for tile in around(zoom) for counts in counted(session, tile, role)])
        session.execute(text("RESET ROLE"))
        data.tiles.tally(session, now=NOW)
    assert drawn[0] == drawn[1] or zoom == 15  # whose squares are as large as those of zoom 14 once they are kept
    assert [sum(points for points, _ in each) for each in drawn] == [21 if role == "public" else 12] * 2


def around(zoom: int) -> list[tuple[int, int, int]]:
    """The tiles of a zoom that hold the whole town, by the formula of Web Mercator."""
    columns = {int((lon + 180) / 360 * 2**zoom) for lon in np.arange(113.189, 113.22, 0.001)}
    north = {(1 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2 for lat in np.arange(23.099, 23.104, 0.001)}
    return [(zoom, column, row) for column in sorted(columns) for row in sorted({int(n * 2**zoom) for n in north})]


def counted(session: data.db.Session, tile: tuple[int, int, int], role: str) -> list[tuple[int, tuple[int, int]]]:
    body = data.tiles.get(session, "reports", tile, role=None if role == "public" else role)
    layers = mapbox_vector_tile.decode(body) if body else {"reports": {"features": []}}
    drawn = [
        (one["properties"].get("points", 1), one["geometry"]["coordinates"]) for one in layers["reports"]["features"]
    ]
    # A few points are drawn each by itself, and then those a little outside as well.
    return sorted((points, (x, y)) for points, (x, y) in drawn if 0 <= x < 4096 and 0 < y <= 4096)
