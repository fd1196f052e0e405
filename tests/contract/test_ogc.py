"""OGC API – Features: what the standard asks for, and what two clients of others make of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import geopandas as gpd
import pyogrio
import pyproj
import pytest
from owslib.ogcapi.features import Features
from starlette.testclient import TestClient

import data.db
from api.schemas.ogc import CONFORMANCE, CRS84, FRAMES
from contract import public_town
from contract.live import served

pytestmark = pytest.mark.database
ITEMS = "/ogc/collections/{}/items"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"


@pytest.fixture(scope="module")
def runs(town: data.db.Engine) -> list[int]:
    with data.db.transaction(town) as session:
        return public_town.settle(session)


@pytest.fixture(scope="module")
def ogc(client: TestClient, runs: list[int]) -> TestClient:
    return client


@pytest.fixture(scope="module")
def address(ogc: TestClient) -> Iterator[str]:
    with served(ogc.app) as base:
        yield f"{base}/ogc"


def asked(ogc: TestClient, collection: str, **query: str | int) -> dict:
    given = {name.replace("_", "-"): value for name, value in query.items()}
    answer = ogc.get(ITEMS.format(collection), params=given)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(page: dict) -> list[str]:
    return [feature["id"] for feature in page["features"]]


def href(document: dict, rel: str) -> str | None:
    return next((link["href"] for link in document["links"] if link["rel"] == rel), None)


# Part 1 ---------------------------------------------------------------------------------------------------------------


def test_from_the_landing_page_everything_is_found_by_its_links(ogc):
    landing = ogc.get("/ogc").json()
    for rel in ("self", "service-desc", "service-doc", "conformance", "data"):
        assert ogc.get(href(landing, rel)).status_code == 200, rel
    collections = ogc.get(href(landing, "data")).json()["collections"]
    assert [one["id"] for one in collections] == ["areas", "facilities", "coverage", "reports"]
    for one in collections:
        for rel in ("self", "items", "http://www.opengis.net/def/rel/ogc/1.0/queryables"):
            assert ogc.get(href(one, rel)).status_code == 200, (one["id"], rel)


def test_it_names_the_classes_it_keeps_and_no_class_it_does_not(ogc):
    """Neither HTML nor OpenAPI 3.0 (ours is 3.1), which we do not have."""
    named = ogc.get("/ogc/conformance").json()["conformsTo"]
    assert named == CONFORMANCE
    assert not [uri for uri in named if uri.endswith(("/html", "/oas30"))]


def test_a_collection_says_where_and_when_it_is_and_in_which_frames(ogc):
    """Facilities: 40 columns 0.0005 degrees apart, 30 rows 0.0006 apart; areas have held since 2020."""
    facilities = ogc.get("/ogc/collections/facilities").json()
    assert facilities["extent"]["spatial"] == {
        "bbox": [[113.2, 23.1, pytest.approx(113.2195), pytest.approx(23.1174)]],
        "crs": CRS84,
    }
    assert facilities["crs"][0] == facilities["storageCrs"] == CRS84
    areas = ogc.get("/ogc/collections/areas").json()
    assert areas["extent"]["temporal"]["interval"] == [["2020-01-01T00:00:00Z", None]]


def test_pages_follow_each_other_by_next_and_no_feature_is_met_twice(ogc):
    """1,200 facilities in pages of 500: 500, 500, 200, and the last page has no next."""
    page = asked(ogc, "facilities", limit=500)
    pages = [page]
    while link := href(pages[-1], "next"):
        pages.append(ogc.get(link).json())
    assert [page["numberReturned"] for page in pages] == [500, 500, 200]
    assert {page["numberMatched"] for page in pages} == {1200}
    assert len({one for page in pages for one in ids(page)}) == 1200
    assert all(page["timeStamp"].endswith("Z") for page in pages)


def test_a_limit_above_the_most_is_answered_with_the_most(ogc):
    assert asked(ogc, "facilities", limit=5000)["numberReturned"] == 1000


def test_a_box_finds_what_touches_it(ogc):
    """Columns 0 and 1 of rows 0 and 1: F-0000, F-0001, F-0040, F-0041."""
    page = asked(ogc, "facilities", bbox="113.1999,23.0999,113.2006,23.1007")
    assert ids(page) == ["F-0000", "F-0001", "F-0040", "F-0041"]
    assert ids(asked(ogc, "facilities", bbox="113.1999,23.0999,-5,113.2006,23.1007,5")) == ids(page)


def test_a_box_over_the_antimeridian_goes_round_the_back_of_the_world(ogc):
    """From 113.2192 east round to 113.2001 west: all but the middle columns, here the first and the last."""
    page = asked(ogc, "facilities", bbox="113.2192,23.09999,113.2001,23.10001")
    assert ids(page) == ["F-0000", "F-0039"]


@pytest.mark.parametrize(
    ("when", "found"),
    [
        ("2026-01-06", 1),
        ("2026-01-05/2026-01-06", 2),
        ("../2026-01-05", 1),
        ("2026-01-06/..", 2),
        ("2026-01-05T16:30:00Z", 1),  # half past midnight of the 6th in the district
        ("2026-02-01/..", 0),
    ],
)
def test_a_time_finds_the_reports_of_those_days(ogc, when, found):
    assert asked(ogc, "reports", datetime=when)["numberMatched"] == found


def test_an_area_holds_from_its_first_day_on(ogc):
    assert asked(ogc, "areas", datetime="2019-12-31")["numberMatched"] == 0
    assert asked(ogc, "areas", datetime="2020-01-01")["numberMatched"] == 15
    assert asked(ogc, "areas", datetime="2025-01-01/2025-02-01")["numberMatched"] == 15


def test_any_property_is_a_parameter_and_is_read_by_its_type(ogc):
    assert asked(ogc, "facilities", kind="clinic")["numberMatched"] == 400
    assert asked(ogc, "facilities", kind="clinic", capacity="3", synthetic="true")["numberMatched"] == 4
    assert ids(asked(ogc, "areas", level="street")) == ["A", "B"]


@pytest.mark.parametrize(
    "query",
    [
        "nosuch=1", "limit=0", "limit=-1", "limit=ten", "bbox=1,2,3", "bbox=a,b,c,d", "bbox=1,5,2,4", "bbox=1,2,nan,4",
        "bbox=190,1,191,2", "bbox=1,1,2,2&bbox-crs=EPSG:9", "crs=http://www.opengis.net/def/crs/EPSG/0/9", "datetime=x",
        "datetime=2026-02-01/2026-01-01", "datetime=2026-01-01T10:00:00", "capacity=many", "filter=kind", "f=html",
        "filter=nosuch=1", "filter=kind=5", "filter-lang=sql", "filter=1=1&filter-crs=x",
        "synthetic=yes", "bbox=1,1,2,2,3,4,5", "datetime=..", "filter=geom=1",
        "filter=S_INTERSECTS(kind,POINT(1 1))", "filter=capacity/0=1",
    ],
)  # fmt: skip
def test_a_bad_query_is_refused_as_400_in_words_and_repeats_nothing(ogc, query):
    answer = ogc.get(f"{ITEMS.format('facilities')}?{query}", headers={"Accept-Language": "en"})
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert "nosuch" not in answer.text
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    "query",
    ["", "/conformance", "/collections", "/collections/areas", "/collections/areas/queryables",
     "/collections/areas/items/A", "/tileMatrixSets", "/collections/areas/tiles"],
)  # fmt: skip
def test_every_resource_refuses_a_parameter_it_does_not_know(ogc, query):
    assert ogc.get(f"/ogc{query}").status_code == 200
    assert ogc.get(f"/ogc{query}?nosuch=1").status_code == 400


@pytest.mark.parametrize(
    "path",
    ["nosuch", "nosuch/items", "areas/items/nosuch", "nosuch/items/1", "nosuch/queryables", "nosuch/tiles",
     "nosuch/tiles/WebMercatorQuad", "nosuch/tiles/WebMercatorQuad/0/0/0", "reports/items/nosuch"],
)  # fmt: skip
def test_what_is_not_there_is_404(ogc, path):
    assert ogc.get(f"/ogc/collections/{path}").status_code == 404


def test_one_feature_is_a_geojson_feature_with_links(ogc):
    answer = ogc.get(ITEMS.format("areas") + "/A00")
    assert answer.headers["content-type"] == "application/geo+json"
    feature = answer.json()
    assert (feature["type"], feature["id"], feature["properties"]["name"]) == ("Feature", "A00", "A00")
    assert feature["geometry"]["type"] == "MultiPolygon"
    assert ogc.get(href(feature, "self")).json() == feature
    assert ogc.get(href(feature, "collection")).json()["id"] == "areas"


# Part 2 ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("crs", FRAMES)
def test_coordinates_come_in_the_frame_asked_for_in_the_order_of_its_authority(ogc, crs):
    """F-0000 is at 113.20 E, 23.10 N; pyproj, which keeps the order of axes, says where that is in each frame."""
    answer = ogc.get(ITEMS.format("facilities") + "/F-0000", params={"crs": crs})
    to = "OGC:CRS84" if crs == CRS84 else f"EPSG:{crs.rpartition('/')[2]}"
    where = pyproj.Transformer.from_crs("OGC:CRS84", to).transform(113.20, 23.10)
    assert answer.json()["geometry"]["coordinates"] == pytest.approx(where, abs=1e-3)
    assert answer.headers["content-crs"] == f"<{crs}>"


@pytest.mark.parametrize("crs", FRAMES)
def test_a_box_is_read_in_its_frame(ogc, crs):
    """Half a step around F-0041, in each frame: that facility alone."""
    to = "OGC:CRS84" if crs == CRS84 else f"EPSG:{crs.rpartition('/')[2]}"
    turned = pyproj.Transformer.from_crs("OGC:CRS84", to)
    low, high = (turned.transform(113.2005 + side * 0.0002, 23.1006 + side * 0.0002) for side in (-1, 1))
    page = asked(ogc, "facilities", bbox=",".join(map(repr, (*low, *high))), bbox_crs=crs)
    assert ids(page) == ["F-0041"]


def test_a_page_in_another_frame_says_so_in_a_header_and_keeps_it_in_next(ogc):
    answer = ogc.get(ITEMS.format("facilities"), params={"crs": f"{EPSG}4326", "limit": 1})
    assert answer.headers["content-crs"] == f"<{EPSG}4326>"
    following = ogc.get(href(answer.json(), "next"))
    assert following.headers["content-crs"] == f"<{EPSG}4326>"
    assert following.json()["features"][0]["geometry"]["coordinates"] == [23.1, 113.2005]


# Part 3 and CQL2 ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("kind = 'clinic'", 400),
        ("kind <> 'clinic'", 800),
        ("kind = 'clinic' AND capacity < 10", 40),
        ("kind = 'clinic' OR kind = 'canteen' AND capacity < 0", 400),  # AND binds first
        ("(kind = 'clinic' OR kind = 'canteen') AND capacity < 0", 0),
        ("NOT (kind = 'clinic')", 800),
        ("capacity IS NULL", 0),
        ("opens IS NULL AND capacity IS NOT NULL", 1200),
        ("capacity BETWEEN 10 AND 19", 120),
        ("capacity NOT BETWEEN 10 AND 99", 120),
        ("id IN ('F-0001')", None),
        ("name LIKE '饭堂11%'", 111),  # 11, 110 to 119, 1100 to 1199: 1 + 10 + 100
        ("name = 'o''brien'", 0),
        ("kind IN ('clinic', 'day_care')", 400),
        ("synthetic = TRUE", 1200),
        ("S_INTERSECTS(geom, BBOX(113.1999, 23.0999, 113.2006, 23.1007))", 4),
        ("S_INTERSECTS(geom, POINT(113.2005 23.1006))", 1),
        ("S_INTERSECTS(geom, POLYGON((113.19 23.09, 113.2006 23.09, 113.2006 23.1001, 113.19 23.09)))", 1),  # F-0001
    ],
)
def test_a_filter_in_text_finds_what_it_says(ogc, said, found):
    """1,200 facilities, a third clinics, capacities 0 to 99 twelve times each (so < 10: 120, 40 of them clinics)."""
    answer = ogc.get(ITEMS.format("facilities"), params={"filter": said, "limit": 1})
    assert answer.status_code == (400 if found is None else 200)
    assert answer.json().get("numberMatched") == found


def test_a_day_is_compared_as_a_day(ogc):
    assert asked(ogc, "reports", filter="reported_on > DATE('2026-01-05')")["numberMatched"] == 2


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"op": "=", "args": [{"property": "kind"}, "clinic"]}, 400),
        ({"op": "between", "args": [{"property": "capacity"}, 10, 19]}, 120),
        ({"op": "not", "args": [{"op": "in", "args": [{"property": "kind"}, ["clinic"]]}]}, 800),
        ({"op": "like", "args": [{"property": "name"}, "饭堂11%"]}, 111),
        ({"op": "s_intersects", "args": [{"property": "geom"}, {"bbox": [113.1999, 23.0999, 113.2006, 23.1007]}]}, 4),
        ({"op": "s_intersects", "args": [{"property": "geom"}, {"type": "Point", "coordinates": [113.2005, 23.1006]}]},
         1),
    ],
)  # fmt: skip
def test_a_filter_in_json_finds_what_it_says(ogc, said, found):
    page = asked(ogc, "facilities", filter=json.dumps(said), filter_lang="cql2-json", limit=1)
    assert page["numberMatched"] == found


def test_a_filter_may_be_written_in_another_frame(ogc):
    page = asked(ogc, "facilities", filter="S_INTERSECTS(geom, POINT(23.1006 113.2005))", filter_crs=f"{EPSG}4326")
    assert ids(page) == ["F-0041"]


@pytest.mark.parametrize(
    "said",
    ["(" * 30 + "kind='x'" + ")" * 30, "kind='" + "x" * 5000 + "'", "kind IN (" + ",".join(["'x'"] * 600) + ")",
     "{" * 30],
)  # fmt: skip
def test_a_filter_beyond_the_limits_is_refused_before_it_is_read(ogc, said):
    answer = ogc.get(ITEMS.format("facilities"), params={"filter": said})
    assert (answer.status_code, answer.json()["code"]) == (400, "ogc.filter_size")


@pytest.mark.parametrize("column", ["text", "author_id", "client_id", "household_id", "accuracy_m"])
def test_a_filter_reaches_no_column_that_is_not_public(ogc, column):
    answer = ogc.get(ITEMS.format("reports"), params={"filter": f"{column} IS NOT NULL"})
    assert (answer.status_code, answer.json()["code"]) == (400, "ogc.filter")


def test_queryables_list_what_a_filter_may_name(ogc):
    schema = ogc.get("/ogc/collections/facilities/queryables")
    assert schema.headers["content-type"] == "application/schema+json"
    properties = schema.json()["properties"]
    assert properties["capacity"] == {"type": "integer"}
    assert properties["geom"] == {"format": "geometry-any", "x-ogc-role": "primary-geometry"}
    for name in properties.keys() - {"geom"}:
        assert asked(ogc, "facilities", filter=f"{name} IS NULL")["numberMatched"] >= 0


# What is public -------------------------------------------------------------------------------------------------------


def test_coverage_is_of_the_newest_run_of_things_as_they_are(ogc, runs):
    """Three runs, the last of a scenario: the second, with 50 elders in each area, is shown."""
    page = asked(ogc, "coverage", code="A")
    assert ids(page) == ["A.circle.standard"]
    shown = page["features"][0]["properties"]
    assert (shown["run_id"], shown["elders"]) == (runs[1], 50)


def test_a_report_is_shown_without_person_and_to_about_a_hundred_metres(ogc):
    """113.20512, 23.10234 becomes 113.205, 23.102; reports of a household or for a person in need are absent."""
    page = asked(ogc, "reports")
    assert public_town.SECRET not in json.dumps(page, ensure_ascii=False)
    shown = {feature["properties"]["grid_code"]: feature for feature in page["features"]}
    assert sorted(shown) == ["A00", "A01", "B00"]
    assert shown["A00"]["geometry"]["coordinates"] == [113.205, 23.102]
    assert shown["A00"]["properties"] == {
        "category": "handrail", "status": "received", "reported_on": "2026-01-05",
        "changed_on": shown["A00"]["properties"]["changed_on"], "street_code": "A", "community_code": "A0",
        "grid_code": "A00", "synthetic": True,
    }  # fmt: skip


@pytest.mark.parametrize("role", ["inspector", "street", "planner", "partner"])
def test_every_role_gets_what_nobody_gets(ogc, as_, role):
    for collection in ("areas", "reports", "coverage"):
        nobody, somebody = (
            ogc.get(ITEMS.format(collection), headers=as_(who)).json()["features"] for who in ("nobody", role)
        )
        assert somebody == nobody


# Clients of others ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def gdal(address: str) -> Iterator[Any]:
    """GDAL's client reads a layer in a process of its own: in ours it would keep the interpreter from answering it."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as elsewhere:

        def read(layer: str, **options: Any) -> gpd.GeoDataFrame:
            return elsewhere.submit(pyogrio.read_dataframe, f"OAPIF:{address}", layer=layer, **options).result(60)

        yield read


def test_gdal_reads_all_pages_of_a_collection(gdal):
    frame = gdal("facilities", PAGE_SIZE=500)
    assert len(frame) == frame["id"].nunique() == 1200
    assert frame.crs.to_epsg() in (4326, None) or frame.crs == "OGC:CRS84"
    assert frame.total_bounds.tolist() == pytest.approx([113.2, 23.1, 113.2195, 23.1174])


def test_gdal_asks_by_box_and_by_attribute(gdal):
    inside = gdal("facilities", bbox=(113.1999, 23.0999, 113.2006, 23.1007))
    assert sorted(inside["id"]) == ["F-0000", "F-0001", "F-0040", "F-0041"]
    clinics = gdal("facilities", where="kind = 'clinic' AND capacity < 10")
    assert len(clinics) == 40


def test_gdal_reads_a_collection_in_a_projection(gdal):
    frame = gdal("areas", CRS="EPSG:4547")
    assert frame.crs.to_epsg() == 4547
    street = frame.set_index("id").loc["A"]
    assert street.geometry.area == pytest.approx(street["area_m2"], rel=1e-3)


def test_owslib_reads_collections_queryables_pages_and_a_filter(address):
    features = Features(address)
    assert features.feature_collections() == ["areas", "facilities", "coverage", "reports"]
    assert "capacity" in features.collection_queryables("facilities")["properties"]
    page = features.collection_items("facilities", limit=7, bbox=[113.19, 23.09, 113.25, 23.1001])
    assert (page["numberMatched"], page["numberReturned"]) == (40, 7)
    clinics = features.collection_items("facilities", filter="kind = 'clinic' AND capacity < 10")
    assert clinics["numberMatched"] == 40
    assert features.collection_item("areas", "A00")["id"] == "A00"
