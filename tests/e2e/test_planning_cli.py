"""What a planner types, on a town of one street whose every figure can be worked out by hand.

The street runs east from 0 to 3,000 m. District D is its first 2,000 m: street A up to 1,000, street B beyond.

    metres     0      100     700     900   1000  1100    1900    2000    2100
               |       |       |       |      A|B   |       |      border   |
    elders             1       2       4            8      16
    home               h1      h2      h3           h4     h5
    canteen    f1 (30 places)                                              f2 (no capacity said)

Everybody is 70 and active: 1.10 m/s, so 600 s are 660 m; the standard is 500 m. Both cover h1 (100 m from f1) and h5
(200 m from f2, which lies beyond the border): 17 of 31 elders, 16 of them thanks to the neighbour. A canteen at 1,000
would reach h2, h3 and h4 (300, 100, 100 m): 14 more. Every other required service stands at 500 and at 1,500 and is
within 400 m of everybody, so that the circle is what the canteen is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import api.cli
import api.cli.terminal
import data.cluster
import data.db
import gis.crs
from worlds import towns

pytestmark = pytest.mark.database

Type = Callable[..., Any]
HOMES = {"h1": (100, 1), "h2": (700, 2), "h3": (900, 4), "h4": (1100, 8), "h5": (1900, 16)}
CANTEENS = {"f1": (0, "30"), "f2": (2100, "")}
OTHERS = ("day_care", "clinic", "activity", "family_centre", "care_home")
SPEED = 1.10


def place(x: float, y: float = 0.0) -> tuple[float, float]:
    """Metres from the west end of the street as longitude and latitude."""
    east, north = towns.CORNER
    lon, lat = gis.crs.Metric(towns.SRID).inverse([east + x], [north + y])
    return float(lon[0]), float(lat[0])


def at(x: float, y: float = 0.0) -> str:
    lon, lat = place(x, y)
    return f"{lon:.9f},{lat:.9f}"


def feature(shape: str, coordinates: Any, **properties: object) -> dict[str, Any]:
    return {"type": "Feature", "geometry": {"type": shape, "coordinates": coordinates}, "properties": properties}


def land(code: str, west: float, east: float, parent: str) -> dict[str, Any]:
    ring = [place(west, -300), place(east, -300), place(east, 300), place(west, 300), place(west, -300)]
    return feature("Polygon", [ring], code=code, name=f"name of {code}", parent=parent)


def piece(west: float, east: float) -> dict[str, Any]:
    """A piece of the street."""
    return feature("LineString", [place(west), place(east)], highway="residential")


def lane(x: float) -> dict[str, Any]:
    """A blind lane of 20 m, so that there is a crossing."""
    return feature("LineString", [place(x), place(x, 20)], highway="residential")


def write(path: Path, *features: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


def table(path: Path, head: str, *rows: str) -> Path:
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def town(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with the town, brought in by the commands that bring one in."""
    folder = tmp_path_factory.mktemp("town")
    columns = ("--code", "code", "--name", "name", "--parent", "parent")
    district = write(folder / "d.geojson", land("D", -100, 2000, ""))
    streets = write(folder / "s.geojson", land("A", -100, 1000, "D"), land("B", 1000, 2000, "D"))
    net = write(
        folder / "w.geojson", *(piece(x, x + 500) for x in range(0, 3000, 500)), *map(lane, range(0, 3001, 500))
    )
    rows = [f"{ref},{at(x)},{elders},70" for ref, (x, elders) in HOMES.items()]
    care = [f"{id_},{id_},canteen,{at(x)},{places}" for id_, (x, places) in CANTEENS.items()]
    care += [f"{kind}-{x},{kind},{kind},{at(x)}," for kind in OTHERS for x in (500, 1500)]
    with pytest.MonkeyPatch.context() as patch, at_home(patch, database_url, folder):
        for what, path, *options in (
            ("areas", district, "--level", "district", *columns),
            ("areas", streets, "--level", "street", *columns),
            ("walknet", net),
            ("households", table(folder / "h.csv", "ref,lon,lat,elders,age_max", *rows)),
            ("facilities", table(folder / "f.csv", "id,name,kind,lon,lat,capacity", *care)),
        ):
            assert api.cli.run(["import", what, str(path), "--synthetic", "--datum", "wgs84", *options]) == 0
    return database_url


@contextmanager
def at_home(patch: pytest.MonkeyPatch, url: str, home: Path) -> Iterator[None]:
    """The settings of one installation, in English."""
    for name, value in {"DATABASE_URL": url, "HOME": str(home), "LANG": "en"}.items():
        patch.setenv(f"WANGGE_{name}", value)
    api.cli.terminal.settings.cache_clear()
    yield
    api.cli.terminal.settings.cache_clear()


@pytest.fixture
def own_town(cluster: data.cluster.Cluster, town: str) -> Iterator[str]:
    """A copy of the town, to be changed."""
    server = data.db.engine(cluster.url_of("postgres")).connect().execution_options(isolation_level="AUTOCOMMIT")
    server.exec_driver_sql(f"CREATE DATABASE own_town TEMPLATE {town.partition('?')[0].rpartition('/')[2]}")
    yield cluster.url_of("own_town")
    server.exec_driver_sql("DROP DATABASE own_town WITH (FORCE)")
    server.close()


@pytest.fixture
def typed(
    own_town: str, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> Iterator[Callable[..., tuple[int, str, str]]]:
    """Type a command: its exit status, what it prints and what it tells."""

    def run(*words: object) -> tuple[int, str, str]:
        status = api.cli.run([str(word) for word in words])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    with at_home(monkeypatch, own_town, home):
        yield run


@pytest.fixture
def wangge(typed: Callable[..., tuple[int, str, str]]) -> Type:
    """Type a command that must succeed: JSON comes back as values."""

    def type_(*words: object) -> Any:
        status, out, err = typed(*words)
        assert status == 0, err
        return json.loads(out) if "--json" in words else out

    return type_


def whole(rows: list[dict[str, Any]], kind: str = "canteen", rule: str = "standard") -> dict[str, Any]:
    """The one row of a kind and rule."""
    (row,) = (row for row in rows if (row["kind"], row["verdict"]) == (kind, rule))
    return row


def moves(rows: list[dict[str, Any]], kind: str = "canteen", rule: str = "standard") -> dict[str, tuple[int, ...]]:
    """Covered before and after, gained and lost, by street."""
    of = [row for row in rows if (row["kind"], row["verdict"]) == (kind, rule) and row.get("level") == "street"]
    return {row["code"]: tuple(row[name] for name in ("covered_before", "covered", "gained", "lost")) for row in of}


def test_whatif_names_who_gains_and_who_loses(wangge: Type) -> None:
    """A canteen at 1,000 and none at 0: h2, h3, h4 gain (14), h1 loses (1); A 1 -> 6, B 16 -> 24."""
    answer = wangge("whatif", "--add", f"canteen@{at(1000)}:80", "--close", "f1", "--json")
    for rule in ("standard", "personal"):
        for kind in ("canteen", "circle"):
            row = whole(answer["totals"], kind, rule)
            assert [row[name] for name in ("covered_before", "covered", "gained", "lost")] == [17, 30, 14, 1]
            assert moves(answer["areas"], kind, rule) == {"A": (1, 6, 6, 1), "B": (16, 24, 8, 0)}
    assert answer["synthetic"]
    assert answer["off_network"] == []
    assert answer["scenario_id"] is None


@pytest.mark.parametrize(
    ("change", "gained", "lost"),
    [
        (("--move", f"f1@{at(1000)}"), 14, 1),
        (("--speed", "active=1.2"), 2, 0),  # 720 m: h2, 700 m from f1
        (("--speed", "active=0.3"), 0, 16),  # 180 m: h5 is 200 m from f2
        (("--close-path", at(1950)), 0, 16),  # the piece between h5 and f2 cannot be walked
        (("--resize", "f1:5"), 0, 0),
    ],
)
def test_every_sort_of_change_is_counted_in_personal_walks(
    wangge: Type, change: tuple[str, str], gained: int, lost: int
) -> None:
    rows = wangge("whatif", *change, "--json")["totals"]
    personal = [row for row in rows if (row["kind"], row["verdict"]) == ("canteen", "personal")]
    assert [(row["gained"], row["lost"]) for row in personal] == ([(gained, lost)] if gained or lost else [])


def test_a_path_along_the_street_changes_nothing_and_known_hours_do(wangge: Type) -> None:
    """A second way from 700 to 100 is no shorter. At noon no facility has known hours, so nobody is covered for sure;
    once f1 says that it is open then, h1 is."""
    straight = wangge("whatif", "--open-path", f"{at(700)}:{at(100)}", "--json")
    known = wangge("whatif", "--hours", "f1=Mo-Su 11:00-13:00", "--at", "2026-03-02T12:00:00", "--json")
    assert straight["totals"] == []
    row = whole(known["totals"])
    assert (row["covered_before"], row["covered"], row["gained"]) == (0, 1, 1)


def test_a_place_nobody_can_walk_to_is_said_and_not_passed_off_as_no_effect(wangge: Type, typed: Any) -> None:
    """400 m north of the street, which is joined within 150 m."""
    add = ("whatif", "--add", f"canteen@{at(1000, 400)}")
    assert wangge(*add, "--json")["off_network"] == ["new-1"]
    status, out, err = typed(*add)
    assert status == 0
    assert "Nobody's verdict would change" in out
    assert "new-1" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Nothing to change"),
        (("--add", "canteen@1,2,3"), "KIND@LON,LAT"),
        (("--add", "canteen@999,2"), "KIND@LON,LAT"),
        (("--move", "f1"), "ID@LON,LAT"),
        (("--close", "nobody"), "does not exist"),
        (("--add", f"pharmacy@{at(1000)}"), "pharmacy"),
        (("--speed", "active=0"), "speed of active"),
        (("--close-path", at(1000, 400)), "off_network"),
    ],
)
def test_a_change_that_cannot_be_made_is_refused_and_nothing_is_kept(
    wangge: Type, typed: Any, words: tuple[str, ...], said: str
) -> None:
    status, out, err = typed("whatif", *words, "--save", "bad")
    assert (status, out) == (1, "")
    assert said in err
    assert wangge("scenario", "list", "--json")["scenarios"] == []


def test_a_scenario_is_kept_run_and_compared_with_how_things_are(wangge: Type, typed: Any) -> None:
    """The run of the scenario says what the what-if said: 17 -> 30 of 31; nobody depends on the neighbour more than
    before (16, h5); and comparing both runs gives back the what-if."""
    kept = wangge("whatif", "--add", f"canteen@{at(1000)}:80", "--close", "f1", "--save", "new canteen", "--json")
    number = kept["scenario_id"]
    before, after = wangge("coverage", "run", "--json"), wangge("coverage", "run", "--scenario", number, "--json")
    for run, covered in ((before, 17), (after, 30)):
        total = run["kinds"]["canteen"]["standard"]
        assert (total["covered"], total["elders"], total["outside"]) == (covered, 31, 16)
        assert run["circle"]["standard"]["covered"] == covered
    assert before["parameters"].get("scenario") is None
    assert after["parameters"]["scenario"] == {"id": number, "name": "new canteen", "changes": kept["changes"]}
    differing = {name for name, digest in before["manifest"].items() if after["manifest"][name] != digest}
    assert differing == {"facilities", "parameters", "inputs_sha256"}

    compared = wangge("coverage", "compare", before["run_id"], after["run_id"], "--json")
    assert compared["same_people"]
    for kind in ("canteen", "circle"):
        row = whole(compared["totals"], kind)
        assert [row[name] for name in ("covered_before", "covered", "gained", "lost")] == [17, 30, 14, 1]
        assert moves(compared["streets"], kind) == {"A": (1, 6, 6, 1), "B": (16, 24, 8, 0)}
    assert {row["kind"] for row in compared["totals"]} == {"canteen", "circle"}
    assert "gained 14, lost 1" in typed("coverage", "compare", before["run_id"], after["run_id"])[1]
    again = wangge("coverage", "run", "--scenario", number, "--json")
    assert again["manifest"] == after["manifest"]


def test_runs_over_other_people_are_compared_by_their_totals_alone(wangge: Type, tmp_path: Path) -> None:
    """Between the runs a sixth household comes, of 32 elders, at 50 m: covered 17 -> 49, and no word of who gained."""
    first = wangge("coverage", "run", "--kind", "canteen", "--json")["run_id"]
    more = table(tmp_path / "more.csv", "ref,lon,lat,elders,age_max", f"h6,{at(50)},32,70")
    wangge("import", "households", more, "--synthetic", "--datum", "wgs84")
    second = wangge("coverage", "run", "--kind", "canteen", "--json")["run_id"]
    compared = wangge("coverage", "compare", first, second, "--json")
    row = whole(compared["totals"])
    assert not compared["same_people"]
    assert [row[name] for name in ("covered_before", "covered", "gained", "lost")] == [17, 49, None, None]
    assert moves(compared["streets"]) == {"A": (1, 33, None, None)}
    assert ", gained" not in wangge("coverage", "compare", first, second)


def test_scenarios_are_listed_shown_and_removed(wangge: Type, typed: Any) -> None:
    number = wangge("whatif", "--close", "f1", "--save", "less", "--json")["scenario_id"]
    assert [one["name"] for one in wangge("scenario", "list", "--json")["scenarios"]] == ["less"]
    assert wangge("scenario", "show", number, "--json")["changes"] == [{"do": "close", "id": "f1"}]
    assert "close id=f1" in wangge("scenario", "show", number)
    assert "already" in typed("whatif", "--close", "f2", "--save", "less")[2]
    wangge("scenario", "remove", number)
    for words in (
        ("scenario", "show", number),
        ("scenario", "remove", number),
        ("coverage", "run", "--scenario", number),
    ):
        status, out, err = typed(*words)
        assert (status, out) == (1, "")
        assert "There is no scenario" in err


def test_a_closed_street_belongs_to_the_network_it_was_named_in(wangge: Type, typed: Any, tmp_path: Path) -> None:
    number = wangge("whatif", "--close-path", at(1950), "--save", "no street", "--json")["scenario_id"]
    lost = wangge("coverage", "run", "--kind", "canteen", "--scenario", number, "--json")
    assert lost["kinds"]["canteen"]["standard"]["covered"] == 1
    line = feature("LineString", [place(0), place(1500), place(3000)], highway="residential")
    wangge("import", "walknet", write(tmp_path / "other.geojson", line), "--synthetic", "--datum", "wgs84")
    status, _, err = typed("coverage", "run", "--scenario", number)
    assert status == 1
    assert "--close-path" in err


def test_only_facilities_of_ones_own_leave_out_what_lies_beyond_the_border(wangge: Type) -> None:
    """Without f2, at 2,100, h5 has nothing: 1 of 31, and nobody depends on a neighbour."""
    everything = wangge("coverage", "run", "--kind", "canteen", "--json")
    own = wangge("coverage", "run", "--kind", "canteen", "--facilities", "own", "--json")
    figures = [run["kinds"]["canteen"]["standard"] for run in (everything, own)]
    assert [(row["covered"], row["outside"]) for row in figures] == [(17, 16), (1, 0)]
    assert [run["parameters"]["facilities"] for run in (everything, own)] == ["all", "own"]
    assert everything["manifest"]["parameters"] != own["manifest"]["parameters"]


def test_a_household_is_explained_in_metres_and_seconds(wangge: Type, tmp_path: Path) -> None:
    """h2 is 700 m from f1: 700 / 1.10 = 636.4 s, 36.4 s too late; f2 is next, 1,400 m and 1,272.7 s away."""
    path = tmp_path / "walk.geojson"
    facts = wangge("coverage", "explain", "h2", "--kind", "canteen", "--json", "-o", path)
    assert facts["verdicts"]["standard"] == facts["verdicts"]["personal"] == "uncovered"
    assert (facts["cause"], facts["reason"], facts["profile"]["name"]) == ("too_far", "", "active")
    assert facts["margin_s"] == pytest.approx(600 - 700 / SPEED, abs=0.05)
    assert facts["fragile"]  # 10 % faster it would be 578.5 s
    assert [walk["facility_id"] for walk in facts["walks"]] == ["f1", "f2"]
    for walk, metres in zip(facts["walks"], (700, 1400), strict=True):
        assert walk["metres"] == pytest.approx(metres, abs=0.05)
        assert walk["total_s"] == pytest.approx(metres / SPEED, abs=0.05)
        assert sum(walk["seconds"].values()) == pytest.approx(walk["total_s"], abs=1e-3)
    lines = json.loads(path.read_text(encoding="utf-8"))["features"]
    assert [line["properties"]["facility_id"] for line in lines] == ["f1", "f2"]
    for line, x in zip(lines, (0, 2100), strict=True):
        assert line["geometry"]["type"] == "LineString"
        assert line["geometry"]["coordinates"][0] == pytest.approx(place(700), abs=1e-6)
        assert line["geometry"]["coordinates"][-1] == pytest.approx(place(x), abs=1e-6)
        assert line["properties"]["synthetic"] is True
    said = wangge("coverage", "explain", "h2", "--kind", "canteen")
    assert "1. f1 (f1): 636 s, 700 m" in said
    assert "too far" in said


def test_who_cannot_be_explained_is_told_why(wangge: Type, typed: Any, tmp_path: Path) -> None:
    """Nobody of that name; nobody who goes out; and a home off every street, which has a reason and no walk."""
    rows = (f"out,{at(500, 200)},1,70,independent,0", f"in,{at(500)},1,90,homebound,1")
    more = table(tmp_path / "more.csv", "ref,lon,lat,elders,age_max,mobility,elders_homebound", *rows)
    wangge("import", "households", more, "--synthetic", "--datum", "wgs84")
    assert "There is no household who" in typed("coverage", "explain", "who", "--kind", "canteen")[2]
    status, _, err = typed("coverage", "explain", "in", "--kind", "canteen")
    assert status == 1
    assert "Nobody of household in goes out" in err
    path = tmp_path / "walk.geojson"
    facts = wangge("coverage", "explain", "out", "--kind", "canteen", "--json", "-o", path)
    assert (facts["reason"], facts["walks"], facts["margin_s"]) == ("off_network", [], None)
    assert json.loads(path.read_text(encoding="utf-8"))["features"] == []
    assert "too far from the walking network" in wangge("coverage", "explain", "out", "--kind", "canteen")


def test_the_band_holds_the_rate_and_the_table_says_what_moves_it(wangge: Type) -> None:
    """17 of 31 now. A tenth more time reaches h2 (660 s are 726 m): 19 of 31; a tenth less (594 m) loses nobody. A
    fifth faster (792 m) gains h2 as well; a fifth slower (528 m) loses nobody. No signals, steps, floors."""
    asked = ("coverage", "uncertainty", "--kind", "canteen", "--draws", 50, "--seed", 3)
    answer = wangge(*asked, "--json")
    assert answer["rate"] == pytest.approx(17 / 31)
    assert answer["low"] <= answer["median"] <= answer["high"]
    factors = {row["factor"]: (row["low"], row["high"]) for row in answer["sensitivity"]}
    assert factors["limit"] == factors["speed"] == (pytest.approx(17 / 31), pytest.approx(19 / 31))
    assert {factors[name] for name in ("signals", "steps", "floors", "snapping", "unknown")} == {(17 / 31, 17 / 31)}
    assert answer["sensitivity"][0]["swing"] == pytest.approx(2 / 31)
    assert wangge(*asked, "--json") == answer
    assert "54.8%" in wangge(*asked)


def test_the_best_room_of_a_list_is_found_and_proven(wangge: Type, typed: Any, tmp_path: Path) -> None:
    """Within 660 m: the room at 1,000 wins h2, h3, h4 (14); at 400 only h2 and h3 (6); at 1,600 only h4 (8)."""
    rows = [f"r{x},room at {x},{at(x)}" for x in (400, 1000, 1600)]
    rooms = table(tmp_path / "rooms.csv", "id,name,lon,lat", *rows)
    asked = ("site", "--kind", "canteen", "--sites", 1, "--candidates", rooms, "--datum", "wgs84")
    answer = wangge(*asked, "--json")
    assert [room["id"] for room in answer["opened"]] == ["r1000"]
    assert (answer["covered_before"], answer["covered"], answer["elders"]) == (17, 31, 31)
    assert (answer["proven"], answer["gap"], answer["candidates"]) == (True, 0, 3)
    said = wangge(*asked)
    assert "room at 1000" in said
    assert "Proven" in said
    taken = table(tmp_path / "taken.csv", "id,name,lon,lat", f"f1,again,{at(400)}")
    status, _, err = typed("site", "--kind", "canteen", "--candidates", taken, "--datum", "wgs84")
    assert status == 1
    assert "f1" in err


def rooms_at(path: Path, rooms: dict[int, str], head: str = "cost") -> Path:
    """Rooms at so many metres, with what stands in one more column."""
    rows = [f"r{x},room at {x},{at(x)},{said}" for x, said in rooms.items()]
    return table(path, f"id,name,lon,lat,{head}", *rows)


def opened(answer: dict[str, Any]) -> list[str]:
    return sorted(room["id"] for room in answer["opened"])


def test_a_budget_buys_what_covers_most_for_it(wangge: Type, typed: Any, tmp_path: Path) -> None:
    """The room at 1,000 would do alone but costs 5; for 3 the two others do (6 and 8), for 2 the one at 1,600."""
    rooms = rooms_at(tmp_path / "rooms.csv", {400: "1", 1000: "5", 1600: "2"})
    asked = ("site", "--kind", "canteen", "--candidates", rooms, "--datum", "wgs84", "--budget")
    answer = wangge(*asked, 3, "--front", "--json")
    assert (opened(answer), answer["covered"], answer["cost"]) == (["r1600", "r400"], 31, 3)
    front = [(one["cost"], one["covered"], one["proven"]) for one in answer["front"]]
    assert front == [(0, 17, True), (1, 23, True), (2, 25, True), (3, 31, True)]
    gains = {row["code"]: (row["name"], row["gained"], row["lost"]) for row in answer["streets"]}
    assert gains == {"A": ("name of A", 6, 0), "B": ("name of B", 8, 0)}
    assert (opened(two := wangge(*asked, 2, "--json")), two["covered"]) == (["r1600"], 25)
    said = wangge(*asked, 3, "--front")
    assert "Costs 3 together." in said
    assert "A name of A: 6 gained, 0 lost" in said
    assert "2 sites, cost 3: 31 elders covered" in said
    status, _, err = typed(*asked[:4], rooms_at(tmp_path / "free.csv", {400: "", 1000: "5"}), *asked[5:], 3)
    assert (status, "cost" in err, "r400" in err) == (1, True, True)


def test_one_or_two_sites_are_set_beside_each_other(wangge: Type, tmp_path: Path) -> None:
    """One room covers the 8 of h4, two also the 6 of h2 and h3."""
    rooms = rooms_at(tmp_path / "rooms.csv", {400: "", 1600: ""})
    asked = ("site", "--kind", "canteen", "--candidates", rooms, "--datum", "wgs84", "--sites", 2, "--front", "--json")
    assert [(one["sites"], one["covered"]) for one in wangge(*asked)["front"]] == [(1, 25), (2, 31)]


def test_a_floor_under_the_worst_off_comes_before_the_sum(wangge: Type, typed: Any, tmp_path: Path) -> None:
    """In street A one of seven is covered. The room at 1,600 gains 8, all in B; the one at 400 gains 6 and covers A."""
    rooms = rooms_at(tmp_path / "rooms.csv", {400: "", 1600: ""})
    asked = ("site", "--kind", "canteen", "--candidates", rooms, "--datum", "wgs84")
    assert opened(wangge(*asked, "--json")) == ["r1600"]
    floored = wangge(*asked, "--floor", 0.5, "--json")
    assert (opened(floored), floored["covered"], floored["worst_share"]) == (["r400"], 23, pytest.approx(16 / 24))
    status, _, err = typed(*asked, "--floor", 0.9)
    assert status == 1
    assert "proven" in err


def test_where_places_count_a_room_is_worth_its_places(wangge: Type, typed: Any, tmp_path: Path) -> None:
    """f1 serves h1; f2 has 10 places for the 16 of h5. The room at 1,600 takes h4 and the 6 left over: 14 of its 20."""
    rooms = rooms_at(tmp_path / "rooms.csv", {1000: "5", 1600: "20"}, head="capacity")
    asked = ("site", "--kind", "canteen", "--candidates", rooms, "--datum", "wgs84", "--places")
    status, _, err = typed(*asked)
    assert (status, "capacity" in err, "f2" in err) == (1, True, True)
    care = table(tmp_path / "f.csv", "id,name,kind,lon,lat,capacity", f"f2,f2,canteen,{at(2100)},10")
    assert typed("import", "facilities", care, "--synthetic", "--datum", "wgs84")[0] == 0
    answer = wangge(*asked, "--json")
    assert (opened(answer), answer["covered"], answer["proven"]) == (["r1600"], 25, True)
    load = {one["id"]: one["elders"] for one in answer["places"]}
    assert load["f1"] == 1
    assert load["f2"] + load["r1600"] == 24
    assert all(one["elders"] <= one["capacity"] for one in answer["places"])
    assert "in 20 places" in wangge(*asked)


def test_without_a_list_a_place_on_the_street_is_proposed(wangge: Type) -> None:
    """A node near 1,000 m wins all 14; the network has one there."""
    answer = wangge("site", "--kind", "canteen", "--sites", 1, "--json")
    (opened,) = answer["opened"]
    assert answer["covered"] == 31
    assert place(560)[0] < opened["lon"] < place(1360)[0]


def test_places_per_hundred_count_only_what_has_a_capacity(wangge: Type, typed: Any) -> None:
    """Only f1 says its 30 places, and only h1's one elder reaches it: 30 / 31 per elder on average, 30 of 31 elders
    without; Gini 30 / 31; A's seven elders have 30 places, B's twenty-four none."""
    answer = wangge("access", "run", "--kind", "canteen", "--method", "2sfca", "--json")
    assert (answer["supply"], answer["idle"], answer["capacity_unknown"]) == (30, 0, 1)
    assert (answer["elders"], answer["elders_without"]) == (31, 30)
    assert answer["places_per_100"] == pytest.approx(100 * 30 / 31)
    assert answer["gini"] == pytest.approx(30 / 31)
    assert answer["worst_decile_per_100"] == 0
    rows = {row["code"]: (row["elders"], row["places_per_100"]) for row in answer["streets"]}
    assert rows == {"A": (7, pytest.approx(100 * 30 / 7)), "B": (24, 0)}
    assert "30 places" in wangge("access", "run", "--kind", "canteen")
    assert "capacity" in typed("access", "run", "--kind", "clinic")[2]
