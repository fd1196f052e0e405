"""What is read out of an OpenStreetMap extract, from small files written here as OSM XML."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from xml.sax.saxutils import quoteattr

import geopandas as gpd
import pytest
import shapely

import data.ingest.osm
import gis.frames
from data.ingest.osm import places
from gis.errors import Invalid, NotFound

Tags = dict[str, str]
WRITTEN = "2026-03-01T08:00:00Z"


class Extract:
    """An OSM file being written: nodes at (lon, lat), ways over them, relations of members (type, id, role)."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "small.osm"
        self.things: dict[str, list[str]] = {"node": [], "way": [], "relation": []}

    def node(self, id_: int, lon: float, lat: float, tags: Tags | None = None) -> None:
        self._add("node", id_, f' lat="{lat}" lon="{lon}"', "", tags)

    def way(self, id_: int, refs: list[int], tags: Tags | None = None) -> None:
        self._add("way", id_, "", "".join(f'<nd ref="{ref}"/>' for ref in refs), tags)

    def relation(self, id_: int, members: list[tuple[str, int, str]], tags: Tags) -> None:
        inside = "".join(f'<member type="{kind}" ref="{ref}" role="{role}"/>' for kind, ref, role in members)
        self._add("relation", id_, "", inside, tags)

    def box(self, first: int, west: float, south: float, side: float) -> list[int]:
        """Four nodes, and the ids that go round them."""
        corners = [(0, 0), (side, 0), (side, side), (0, side)]
        for number, (dx, dy) in enumerate(corners):
            self.node(first + number, west + dx, south + dy)
        return [first, first + 1, first + 2, first + 3, first]

    def write(self) -> Path:
        body = "".join(text for things in self.things.values() for text in things)
        self.path.write_text(f'<osm version="0.6" generator="test">{body}</osm>', encoding="utf-8")
        return self.path

    def _add(self, kind: str, id_: int, place: str, inside: str, tags: Tags | None) -> None:
        said = "".join(f"<tag k={quoteattr(k)} v={quoteattr(v)}/>" for k, v in (tags or {}).items())
        self.things[kind].append(f'<{kind} id="{id_}" version="1" timestamp="{WRITTEN}"{place}>{inside}{said}</{kind}>')


@pytest.fixture
def extract(tmp_path: Path) -> Extract:
    return Extract(tmp_path)


def test_a_street_with_a_crossing_becomes_a_network(extract: Extract) -> None:
    """Along the equator 0.001 degree is 111.3 m; the footway crosses the street at its signalled vertex 2."""
    for number, (lon, lat) in enumerate([(9, 0), (9.001, 0), (9.002, 0), (9.001, -0.001), (9.001, 0.001)], start=1):
        tags = {"highway": "crossing", "crossing": "traffic_signals"} if number == 2 else {}
        extract.node(number, lon, lat, tags)
    extract.way(20, [4, 2, 5], {"highway": "footway", "name": "Steg"})
    extract.way(10, [1, 2, 3], {"highway": "residential"})
    extract.way(30, [1, 5], {"waterway": "river"})
    net = data.ingest.osm.walknet(extract.write())
    assert net.edges["osm_way_id"].tolist() == [10, 10, 20, 20]
    assert net.edges["signals"].tolist() == [0, 0, 0.5, 0.5]
    assert net.edges["name"].tolist() == ["", "", "Steg", "Steg"]
    assert net.edges["metres"].to_numpy() == pytest.approx(111.2, abs=0.7)
    assert net.stats["ways_read"] == 2


def test_a_way_that_leaves_the_extract_is_broken_and_counted(extract: Extract) -> None:
    """Node 3 is not in the file."""
    extract.node(1, 9.0, 47.0)
    extract.node(2, 9.001, 47.0)
    extract.node(4, 9.003, 47.0)
    extract.way(10, [1, 2, 3, 4], {"highway": "path"})
    net = data.ingest.osm.walknet(extract.write())
    assert net.nodes["osm_id"].tolist() == [1, 2]
    assert net.stats["ways_broken"] == 1


def test_the_rim_of_a_square_drawn_as_a_relation_is_walked(extract: Extract) -> None:
    """Outer rim and the rim of the fountain inside; the member that is a street of its own stays one way."""
    outer, inner = extract.box(1, 9.0, 47.0, 0.001), extract.box(11, 9.0004, 47.0004, 0.0002)
    extract.way(100, outer[:3])
    extract.way(101, outer[2:], {"highway": "residential"})
    extract.way(102, inner)
    members = [("way", 100, "outer"), ("way", 101, "outer"), ("way", 102, "inner")]
    extract.relation(9, members, {"type": "multipolygon", "highway": "pedestrian", "name": "Platz"})
    net = data.ingest.osm.walknet(extract.write())
    assert net.edges["osm_way_id"].tolist() == [100, 101, 102]
    assert net.edges["highway"].tolist() == ["pedestrian", "residential", "pedestrian"]
    assert net.stats["squares"] == 2


def test_a_file_with_nothing_to_walk_is_refused(extract: Extract) -> None:
    extract.node(1, 9.0, 47.0)
    extract.node(2, 9.1, 47.0)
    extract.way(1, [1, 2], {"highway": "motorway"})
    with pytest.raises(Invalid) as refusal:
        data.ingest.osm.walknet(extract.write())
    assert (refusal.value.code, refusal.value.facts) == ("osm.no_ways", {"file": "small.osm", "ways": 1})


@pytest.mark.parametrize("content", [b"", b"this is no map", b"<osm version='0.6'><node id='1'"])
@pytest.mark.parametrize("name", ["cut.osm", "cut.osm.pbf"])
def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(Invalid) as refusal:
        data.ingest.osm.walknet(path)
    assert refusal.value.facts["file"] == name


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as refusal:
        data.ingest.osm.data_date(tmp_path / "none.osm.pbf")
    assert refusal.value.code == "osm.unreadable"


def test_without_a_date_in_the_header_the_newest_object_dates_the_data(extract: Extract) -> None:
    extract.node(1, 9.0, 47.0)
    assert data.ingest.osm.data_date(extract.write()) == datetime(2026, 3, 1, 8, tzinfo=UTC)


@pytest.fixture
def country(extract: Extract) -> Path:
    """A country of 0.02 x 0.01 degrees in two halves, the west one numbered; a third lies abroad, a fourth is cut."""
    for number, (lon, lat) in enumerate([(9, 47), (9.01, 47), (9.02, 47), (9.02, 47.01), (9.01, 47.01), (9, 47.01)], 1):
        extract.node(number, lon, lat)
    extract.way(10, [1, 2])
    extract.way(11, [2, 3, 4, 5])
    extract.way(12, [5, 6, 1])
    extract.way(13, [2, 5])
    extract.way(14, extract.box(21, 9.05, 47.0, 0.01))
    extract.way(15, [4, 99])
    admin = {"type": "boundary", "boundary": "administrative"}

    def border(id_: int, ways: list[int], tags: Tags) -> None:
        extract.relation(id_, [("way", way, "outer") for way in ways], admin | tags)

    border(1, [10, 11, 12], {"admin_level": "2", "name": "Land", "name:zh": "国", "ISO3166-1": "LD"})
    border(2, [10, 13, 12], {"admin_level": "8", "name": "West", "ref:gkz": "0801"})
    border(3, [11, 13], {"admin_level": "8", "name": "Ost"})
    border(4, [14], {"admin_level": "8", "name": "Fern"})
    border(5, [15, 11], {"admin_level": "8", "name": "Halb"})
    return extract.write()


def test_boundaries_of_one_level_become_areas_of_ours(country: Path) -> None:
    """Codes as tagged, else the relation's number; what is cut or abroad is named."""
    land = data.ingest.osm.boundaries(country, admin_level=2, level="district")
    found = data.ingest.osm.boundaries(country, admin_level=8, level="street", within="国", above=land.frame)
    gis.frames.require(found.frame, gis.frames.AREAS)
    assert land.frame["code"].tolist() == ["LD"]
    assert found.frame[["code", "name", "parent_code"]].to_numpy().tolist() == [
        ["0801", "West", "LD"],
        ["r3", "Ost", "LD"],
    ]
    assert found.left_out.to_numpy().tolist() == [[5, "Halb", "incomplete"], [4, "Fern", "outside"]]
    assert shapely.union_all(found.frame.geometry.to_numpy()).equals(land.frame.geometry[0])


@pytest.mark.parametrize("within", ["Land", "国", "1", "r1"])
def test_a_place_is_named_by_any_of_its_names_or_its_number(country: Path, within: str) -> None:
    found = data.ingest.osm.boundaries(country, admin_level=8, level="street", within=within)
    assert found.frame["name"].tolist() == ["West", "Ost"]
    assert found.frame["parent_code"].tolist() == ["", ""]


def test_a_neighbour_that_reaches_in_a_little_stays_outside(extract: Extract) -> None:
    """B lies 20 % in A, C 80 %: only C belongs to A."""
    tags = {"type": "boundary", "boundary": "administrative"}
    for number, (name, level, west) in enumerate([("A", "6", 1.0), ("B", "8", 0.6), ("C", "8", 1.1)]):
        extract.way(number + 1, extract.box(10 * number + 10, west, 47.0, 0.5))
        extract.relation(number + 1, [("way", number + 1, "outer")], tags | {"admin_level": level, "name": name})
    found = data.ingest.osm.boundaries(extract.write(), admin_level=8, level="street", within="A")
    assert found.frame["name"].tolist() == ["C"]
    assert found.left_out[["name", "reason"]].to_numpy().tolist() == [["B", "outside"]]


def test_an_unknown_place_is_answered_with_those_there_are(country: Path) -> None:
    with pytest.raises(NotFound) as refusal:
        data.ingest.osm.boundaries(country, admin_level=8, level="street", within="Halb")
    assert refusal.value.facts == {"within": "Halb", "names": ["Fern", "Land", "Ost", "West"]}


def test_a_level_without_whole_boundaries_is_refused_with_the_levels_there_are(country: Path) -> None:
    with pytest.raises(Invalid) as refusal:
        data.ingest.osm.boundaries(country, admin_level=6, level="street")
    assert refusal.value.code == "osm.no_boundaries"
    assert refusal.value.facts["levels"] == ["2", "8"]


def test_two_areas_with_one_code_are_told_apart_by_their_numbers(extract: Extract) -> None:
    for number in (1, 2):
        extract.way(number, extract.box(number * 10, number, 47.0, 0.1))
        tags = {"type": "boundary", "boundary": "administrative", "admin_level": "8", "ref": "X", "name": str(number)}
        extract.relation(number, [("way", number, "outer")], tags)
    found = data.ingest.osm.boundaries(extract.write(), admin_level=8, level="street")
    assert found.frame["code"].tolist() == ["r1", "r2"]


def test_a_child_belongs_to_the_area_that_holds_most_of_it() -> None:
    """Shared edges and slivers give no parent: 0.9 of the child lies in b, the next one touches nothing."""
    above = gpd.GeoDataFrame({"code": ["a", "b"]}, geometry=[shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)])
    shapes = [shapely.box(0.9, 0, 1.9, 1), shapely.box(2, 0, 3, 1), shapely.box(0, 0, 1, 1)]
    assert data.ingest.osm.parents(shapes, above) == ["b", "", "a"]


@pytest.mark.parametrize(
    ("tags", "kind"),
    [
        ({"amenity": "hospital"}, "clinic"),
        ({"healthcare": "centre", "name": "沙面街社区卫生服务中心"}, "clinic"),
        ({"amenity": "pharmacy", "healthcare": "pharmacy"}, ""),
        ({"amenity": "nursing_home"}, "care_home"),
        ({"amenity": "social_facility", "social_facility": "nursing_home"}, "care_home"),
        (
            {"amenity": "social_facility", "social_facility": "group_home", "social_facility:for": "disabled;senior"},
            "care_home",
        ),
        ({"amenity": "social_facility", "social_facility": "group_home", "social_facility:for": "juvenile"}, ""),
        ({"amenity": "social_facility", "social_facility": "day_care", "social_facility:for": "senior"}, "day_care"),
        ({"amenity": "social_facility", "social_facility:for": "senior"}, "activity"),
        ({"amenity": "community_centre", "community_centre:for": "senior"}, "activity"),
        ({"amenity": "community_centre"}, ""),
        ({"amenity": "restaurant", "name": "岭南街长者饭堂"}, "canteen"),
        ({"amenity": "restaurant", "name": "广州酒家"}, ""),
        ({"amenity": "social_facility", "name": "荔湾区养老院"}, "care_home"),
        ({"highway": "bus_stop", "amenity": "social_facility", "name": "养老院站"}, ""),
        ({"name": "养老院"}, ""),
        ({}, ""),
    ],
)
def test_the_table_of_tags_names_our_kind(tags: Tags, kind: str) -> None:
    """The rules of `osm_tags.toml`, read by a person."""
    assert places.kind_of(tags, places.tags()) == kind


def test_every_rule_of_the_table_names_a_kind_of_ours_and_speaks_both_languages() -> None:
    kinds = {"canteen", "day_care", "family_centre", "clinic", "care_home", "activity"}
    rules = places.tags()["care"]
    assert {rule["kind"] for rule in rules} == kinds
    assert all(rule["zh"] and rule["en"] and rule["when"] for rule in rules)


def test_care_facilities_are_found_as_points_and_inside_areas_once(extract: Extract) -> None:
    """A clinic drawn as an area with its node inside is one; a doctor of another name in it is a second."""
    extract.node(1, 9.5, 47.5, {"amenity": "doctors", "name": "B", "opening_hours": "Mo-Fr 08:00-18:00"})
    inside = {"amenity": "clinic", "name": "A"}
    extract.node(2, 9.0005, 47.0005, inside)
    extract.node(3, 9.0005, 47.0006, {"amenity": "doctors", "name": "C", "capacity": "viele"})
    extract.way(7, extract.box(11, 9.0, 47.0, 0.001), inside | {"building": "yes", "capacity": "30"})
    found = data.ingest.osm.care(extract.write())
    gis.frames.require(found.frame, gis.frames.FACILITIES)
    assert found.frame["id"].tolist() == ["osm:node/1", "osm:node/3", "osm:way/7"]
    assert found.frame["kind"].tolist() == ["clinic"] * 3
    assert found.frame["capacity"].isna().tolist() == [True, True, False]
    assert found.frame["opens"][0] == "Mo-Fr 08:00-18:00"
    assert not found.frame["synthetic"].any()
    assert found.passed_over == {"incomplete": 0, "repeated": 1}
    assert shapely.box(9.0, 47.0, 9.001, 47.001).contains(found.frame.geometry[2])


def test_homes_stand_in_for_households_and_say_so(extract: Extract) -> None:
    """A house, a house that is a shop, a garage, a shed of 4 x 3 m drawn as "yes", and a house beyond the place."""
    for number, tags in enumerate(
        [{"building": "house"}, {"building": "yes", "shop": "bakery"}, {"building": "garage"}], start=1
    ):
        extract.way(number, extract.box(number * 10, 9 + number / 1000, 47.0, 0.0002), tags)
    extract.way(4, extract.box(40, 9.004, 47.0, 0.00004), {"building": "yes"})
    extract.way(5, extract.box(50, 9.5, 47.0, 0.0002), {"building": "apartments"})
    found = data.ingest.osm.buildings(extract.write(), within=shapely.box(9, 46, 9.1, 48))
    gis.frames.require(found.frame, gis.frames.HOUSEHOLDS)
    assert found.frame["ref"].tolist() == ["osm:way/1"]
    assert found.frame["synthetic"].all()
    assert found.frame["address"].tolist() == [places.STAND_IN]
    assert found.frame[["elders", "elders_homebound"]].to_numpy().tolist() == [[1, 0]]
    assert found.passed_over == {"other_use": 2, "incomplete": 0, "small": 1, "outside": 1}


def test_an_extract_without_buildings_or_care_gives_empty_tables(extract: Extract) -> None:
    extract.node(1, 9.0, 47.0)
    path = extract.write()
    homes, facilities = data.ingest.osm.buildings(path).frame, data.ingest.osm.care(path).frame
    gis.frames.require(homes, gis.frames.HOUSEHOLDS)
    gis.frames.require(facilities, gis.frames.FACILITIES)
    assert len(homes) == len(facilities) == 0
