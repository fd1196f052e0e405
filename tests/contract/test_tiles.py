"""Vector tiles, read by a decoder of others: what is in them, for whom, how large, and how they are described."""

from __future__ import annotations

import math

import mapbox_vector_tile
import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

import data.db
from contract import public_town

pytestmark = pytest.mark.database
#: The grids A00 and A01 of the town.
LON, LAT = 113.205, 23.105
MOST_BYTES = 500_000


def tile_of(zoom: int, lon: float = LON, lat: float = LAT) -> tuple[int, int]:
    """Column and row of the tile that holds a place: the usual formula of slippy maps."""
    turned = math.asinh(math.tan(math.radians(lat)))
    return int((lon + 180) / 360 * 2**zoom), int((1 - turned / math.pi) / 2 * 2**zoom)


@pytest.fixture(scope="module")
def tiles(client: TestClient, town: data.db.Engine) -> TestClient:
    with data.db.transaction(town) as session:
        public_town.settle(session)
    return client


def asked(tiles: TestClient, layer: str, zoom: int, headers: dict | None = None, **query: str):
    column, row = tile_of(zoom)
    return tiles.get(f"/tiles/{layer}/{zoom}/{column}/{row}.mvt", headers=headers, params=query)


def features(answer) -> list[dict]:
    if answer.status_code == 204:
        return []
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/vnd.mapbox-vector-tile")
    assert len(answer.content) < MOST_BYTES
    (layer,) = mapbox_vector_tile.decode(answer.content).values()
    assert layer["extent"] == 4096
    return [{**feature["properties"], "geometry": feature["geometry"]} for feature in layer["features"]]


@pytest.mark.parametrize(("zoom", "level"), [(8, "district"), (10, "street"), (13, "community"), (15, "grid")])
def test_the_zoom_decides_which_level_of_areas_is_drawn(tiles, zoom, level):
    drawn = features(asked(tiles, "areas", zoom))
    assert {one["level"] for one in drawn} == {level}


def test_a_level_may_be_asked_for_whatever_the_zoom(tiles):
    drawn = features(asked(tiles, "areas", 8, level="grid"))
    assert sorted(one["id"] for one in drawn if one["id"].startswith("A")) == ["A00", "A01", "A10", "A11"]


def test_a_place_is_drawn_where_it_is(tiles):
    """F-0000 at 113.20, 23.10; in 4096ths of its tile of zoom 15, counted from the lower left corner."""
    column, row = tile_of(15, 113.2000001, 23.0999999)
    answer = tiles.get(f"/tiles/facilities/15/{column}/{row}.mvt")
    first = next(one for one in features(answer) if one["id"] == "F-0000")
    x = (113.20 + 180) / 360 * 2**15 - column
    y = (1 - math.asinh(math.tan(math.radians(23.10))) / math.pi) / 2 * 2**15 - row
    assert first["geometry"]["coordinates"] == pytest.approx([x * 4096, (1 - y) * 4096], abs=1.5)


def test_points_that_are_too_many_become_counts_that_add_up(tiles):
    """All 1,200 facilities in one tile of zoom 8 are more than the 1,000 that a far view keeps apart."""
    drawn = features(asked(tiles, "facilities", 8))
    assert sum(one["points"] for one in drawn) == 1200
    assert not {"id", "name"} & {key for one in drawn for key in one}


def test_coverage_is_drawn_by_kind_and_level_as_published(tiles):
    drawn = features(asked(tiles, "coverage", 10))
    assert {(one["code"], one["kind"], one["elders"]) for one in drawn} == {("A", "circle", 50), ("B", "circle", 50)}
    assert features(asked(tiles, "coverage", 10, kind="canteen")) == []


@pytest.mark.parametrize(
    ("role", "seen"),
    [
        ("nobody", "A00 A01 B00"),  # the public status
        ("planner", "A00 A01 B00"),
        ("admin", "A00 A01 B00"),
        ("inspector", "A00 A00 A00"),  # her grid, whatever a report is about
        ("inspector A01", "A01"),
        ("community", "A00 A00 A00 A01"),
        ("community A1", ""),
        ("street", "A00 A00 A00 A01"),
        ("street B", "B00"),
        ("partner", "A00 A01"),  # of its area those that the public knows
        ("partner B", "B00"),
    ],
)
def test_a_role_is_drawn_the_reports_it_may_see_and_no_other(tiles, as_, town, role, seen):
    drawn = features(asked(tiles, "reports", 12, as_(role)))
    with data.db.transaction(town) as session:
        grids = dict(session.execute(text("SELECT id::text, grid_code FROM report")).all())
    assert " ".join(sorted(grids[one["id"]] for one in drawn)) == seen
    assert public_town.SECRET not in str(drawn)


def test_a_public_report_is_drawn_at_its_rounded_place_alone(tiles):
    """At zoom 20 a tile is 35 m wide: the tile of the true place is empty, that of the rounded one is not."""
    true, rounded = tile_of(20, 113.20512, 23.10234), tile_of(20, 113.205, 23.102)
    assert tiles.get(f"/tiles/reports/20/{true[0]}/{true[1]}.mvt").status_code == 204
    assert len(features(tiles.get(f"/tiles/reports/20/{rounded[0]}/{rounded[1]}.mvt"))) == 1


def test_whoever_works_on_a_report_finds_it_where_it_is(tiles, as_):
    column, row = tile_of(20, 113.20512, 23.10234)
    answer = tiles.get(f"/tiles/reports/20/{column}/{row}.mvt", headers=as_("inspector"))
    (only,) = features(answer)
    assert only.keys() == {"id", "category", "status", "synthetic", "geometry"} | ({"due_at"} & only.keys())
    assert answer.headers["cache-control"] == "private, no-cache"


def test_a_tile_is_known_again_by_its_tag_and_an_empty_one_is_204(tiles):
    answer = asked(tiles, "facilities", 15)
    assert answer.headers["cache-control"].startswith("public")
    again = asked(tiles, "facilities", 15, {"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    empty = tiles.get("/tiles/facilities/15/0/0.mvt")
    assert (empty.status_code, empty.content) == (204, b"")


@pytest.mark.parametrize("path", ["nosuch/1/0/0", "areas/1/2/0", "areas/1/0/2", "areas/23/0/0", "areas/-1/0/0"])
def test_a_tile_outside_of_the_world_is_404(tiles, path):
    assert tiles.get(f"/tiles/{path}.mvt").status_code == 404


def test_the_auditor_is_drawn_nothing(tiles, as_):
    assert asked(tiles, "reports", 12, as_("auditor")).status_code == 403


def test_a_dense_town_stays_below_half_a_megabyte_at_every_zoom(tiles, town):
    """20,000 facilities with long names in one square kilometre."""
    crowd = """
        INSERT INTO facility (id, name, kind, geom, synthetic)
        SELECT 'X-' || n, repeat('网', 30) || n, 'canteen',
               ST_SetSRID(ST_MakePoint(113.2 + (n % 200) * 0.00005, 23.1 + (n / 200) * 0.0001), 4326), true
        FROM generate_series(1, 20000) AS n"""
    with data.db.transaction(town) as session:
        session.execute(text(crowd))
    sizes = [len(asked(tiles, "facilities", zoom).content) for zoom in range(8, 19)]
    with data.db.transaction(town) as session:
        session.execute(text("DELETE FROM facility WHERE id LIKE 'X-%'"))
    assert 0 < max(sizes) < MOST_BYTES


# OGC API – Tiles ------------------------------------------------------------------------------------------------------


def link(document: dict, rel: str) -> str:
    return next(one["href"] for one in document["links"] if one["rel"].endswith(rel))


def test_from_a_collection_its_tiles_are_found_by_links(tiles):
    """Collection → tilesets → tileset → the template of its tiles, with the row before the column."""
    collection = tiles.get("/ogc/collections/areas").json()
    (listed,) = tiles.get(link(collection, "tilesets-vector")).json()["tilesets"]
    tileset = tiles.get(link(listed, "self")).json()
    assert tileset["dataType"] == "vector"
    assert tileset["tileMatrixSetURI"] == "http://www.opengis.net/def/tilematrixset/OGC/1.0/WebMercatorQuad"
    column, row = tile_of(10)
    address = link(tileset, "item").format(tileMatrix=10, tileRow=row, tileCol=column)
    assert tiles.get(address).content == asked(tiles, "areas", 10).content


def test_the_tiling_is_that_of_the_web_mercator_quad(tiles):
    """Scales and cells as OGC 17-083r4, table D.1 gives them for levels 0 and 22."""
    landing = tiles.get("/ogc").json()
    (listed,) = tiles.get(link(landing, "tiling-schemes")).json()["tileMatrixSets"]
    matrices = tiles.get(link(listed, "self")).json()["tileMatrices"]
    assert matrices[0]["scaleDenominator"] == pytest.approx(559082264.028717, rel=1e-9)
    assert matrices[22]["scaleDenominator"] == pytest.approx(133.295598990000, rel=1e-6)
    assert (matrices[0]["matrixWidth"], matrices[22]["matrixHeight"]) == (1, 2**22)


def test_tiles_of_collections_are_public_whoever_asks(tiles, as_):
    column, row = tile_of(12)
    path = f"/ogc/collections/reports/tiles/WebMercatorQuad/12/{row}/{column}"
    assert tiles.get(path, headers=as_("inspector")).content == tiles.get(path).content
