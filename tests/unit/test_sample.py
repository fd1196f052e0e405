"""The Liwan sample says what the project's seed document states, and is a town one could walk in."""

from __future__ import annotations

import csv
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

import gis.frames
import gis.walknet
import maps.texts
from data.samples import liwan
from data.samples.official import district
from gis.crs import Metric
from gis.errors import Invalid

PLANE = Metric(4547)
SHIPPED = Path(liwan.__file__).parent / "liwan"
CHILD = {"street": "district", "community": "street", "grid": "community"}


@pytest.fixture(scope="module")
def sample() -> liwan.Sample:
    return liwan.build(1)


@pytest.fixture(scope="module")
def lines(sample: liwan.Sample) -> np.ndarray:
    """Walk edges in metres."""
    return PLANE.forward_shapes(sample.walk_edges.geometry.to_numpy())


@pytest.fixture(scope="module")
def located(sample: liwan.Sample) -> gpd.GeoDataFrame:
    return sample.households[sample.households.geometry.notna()]


def level(sample: liwan.Sample, name: str, kind: str = "basic") -> gpd.GeoDataFrame:
    rows = sample.areas[sample.areas["level"] == name]
    return rows[rows["grid_kind"] == kind] if name == "grid" else rows


def official(name: str) -> list[dict[str, str]]:
    with (SHIPPED / name).open(encoding="utf-8") as opened:
        return list(csv.DictReader(opened))


# Official codes and names ---------------------------------------------------------------------------------------------


def test_streets_are_the_22_official_ones(sample: liwan.Sample):
    published = {row["code"]: row["name"] for row in official("liwan_streets.csv")}
    streets = level(sample, "street")
    assert dict(zip(streets["code"], streets["name"], strict=True)) == published
    assert len(published) == 22


def test_communities_are_the_201_official_ones_under_their_streets(sample: liwan.Sample):
    published = {row["code"]: (row["name"], row["street_code"]) for row in official("liwan_communities.csv")}
    communities = level(sample, "community")
    made = zip(communities["code"], zip(communities["name"], communities["parent_code"], strict=True), strict=True)
    assert dict(made) == published
    assert len(published) == 201


@pytest.mark.real
@pytest.mark.parametrize("name", ["liwan_district.geojson", "liwan_streets.csv", "liwan_communities.csv"])
def test_shipped_files_are_the_real_ones_byte_for_byte(shared_data: Path, name: str):
    assert (SHIPPED / name).read_bytes() == (shared_data / name).read_bytes()


def test_the_district_is_the_real_outline(sample: liwan.Sample):
    """Borders of grids add corners on it, moved to whole centimetres: nowhere is it 2 cm from the published line."""
    name, real = district()
    row = level(sample, "district").iloc[0]
    made, real = PLANE.forward_shapes(row.geometry), PLANE.forward_shapes(real)
    assert (row["code"], row["name"], row["synthetic"]) == ("440103", name, False)
    assert shapely.hausdorff_distance(made.boundary, real.boundary) < 0.02
    assert shapely.symmetric_difference(made, real).area < 150  # square metres, along a border of some 50 km


# Areas tile -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["street", "community", "grid"])
def test_a_level_has_neither_gap_nor_overlap_nor_unshared_corner(sample: liwan.Sample, name: str):
    shapes = level(sample, name).geometry.to_numpy()
    assert shapely.is_valid(shapes).all()
    assert shapely.coverage_is_valid(shapes)
    assert shapely.symmetric_difference(shapely.union_all(shapes), level(sample, "district").geometry.iloc[0]).area == 0


@pytest.mark.parametrize("name", ["street", "community", "grid"])
def test_children_tile_their_parent_exactly(sample: liwan.Sample, name: str):
    children = level(sample, name).dissolve("parent_code").geometry
    parents = level(sample, CHILD[name]).set_index("code").geometry.sort_index()
    assert children.index.tolist() == parents.index.tolist()
    assert shapely.area(shapely.symmetric_difference(children.to_numpy(), parents.to_numpy())).max() == 0


def test_grids_are_numbered_through_their_community_from_one(sample: liwan.Sample):
    grids = level(sample, "grid")
    number = grids["code"].str[-3:].astype(int)
    assert (grids["code"].str[:12] == grids["parent_code"]).all()
    for _, numbers in number.groupby(grids["parent_code"]):
        assert sorted(numbers) == list(range(1, len(numbers) + 1))


def test_dedicated_grids_lie_inside_their_community_and_apart(sample: liwan.Sample):
    special = level(sample, "grid", "dedicated")
    communities = level(sample, "community").set_index("code").geometry
    assert len(special) >= 36
    assert shapely.contains_properly(communities[special["parent_code"]].to_numpy(), special.geometry.to_numpy()).all()
    shapes = special.geometry.to_numpy()
    a, b = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    assert (a == b).all()


def test_shamian_is_an_island_of_about_its_real_size(sample: liwan.Sample):
    """The island is about 0.3 km2 of land; its street reaches to the middle of the water round it."""
    shamian = level(sample, "street").iloc[0]
    land = PLANE.forward_shapes(shamian.geometry - shapely.union_all(sample.water.geometry.to_numpy()))
    assert shamian["name"] == "沙面街道"
    assert 0.2e6 < land.area < 0.4e6


# Figures of the seed document -----------------------------------------------------------------------------------------


def test_each_street_has_exactly_one_family_centre(sample: liwan.Sample):
    centres = sample.facilities[sample.facilities["kind"] == "family_centre"]
    assert sorted(centres["street_code"]) == sorted(row["code"] for row in official("liwan_streets.csv"))


def test_each_street_has_day_care(sample: liwan.Sample):
    assert (
        sample.facilities.loc[sample.facilities["kind"] == "day_care", "street_code"].replace("", None).nunique() == 22
    )


def test_30_care_homes_7_with_a_clinic_23_with_a_contract(sample: liwan.Sample):
    homes = sample.facilities[sample.facilities["kind"] == "care_home"]
    assert homes["medical_link"].value_counts().to_dict() == {"contract": 23, "internal": 7}


def test_more_than_170000_elders_are_24_4_per_cent_of_the_registered(sample: liwan.Sample):
    """ "17 万多" is 170,000 to 179,999; then the registered population lies between 696,721 and 737,701."""
    population = sample.registers["population"]
    elders, registered = int(sample.households["elders"].sum()), int(population["registered"].sum())
    assert 170_000 <= elders <= 179_999
    assert elders == population["elders_60"].sum()
    assert round(100 * elders / registered, 1) == 24.4
    assert 696_721 <= registered <= 737_701


def test_913_social_workers_meet_five_per_10000(sample: liwan.Sample):
    workers = sample.registers["social_workers"]
    assert len(workers) == workers["person_id"].nunique() == 913
    assert len(workers) / sample.registers["population"]["registered"].sum() * 10_000 > 5


def test_615_organisations_54_6_per_cent_of_them_in_communities(sample: liwan.Sample):
    """336 is the only whole number that 54.6 % of 615 can be: 335 is 54.5 %, 337 is 54.8 %."""
    community = sample.registers["organisations"]["community_organisation"]
    assert (len(community), community.sum()) == (615, 336)
    assert round(100 * community.mean(), 1) == 54.6


def test_15772_volunteers_in_164_teams(sample: liwan.Sample):
    teams = sample.registers["volunteer_teams"]
    assert len(teams) == 164
    assert teams[["volunteers", "activities", "hours"]].sum().tolist() == [15_772, 7_575, 354_000]
    assert (teams[["volunteers", "activities", "hours"]] > 0).all(axis=None)


def test_every_grid_has_one_head_and_an_inspector(sample: liwan.Sample):
    staff = sample.registers["assignments"]
    grids = set(level(sample, "grid")["code"])
    heads = staff.loc[staff["duty"] == "网格长", "area_code"]
    assert sorted(heads) == sorted(grids)
    assert set(staff.loc[staff["duty"] == "网格员", "area_code"]) == grids
    assert set(staff["area_code"]) == grids


def test_the_full_sample_has_the_promised_size(sample: liwan.Sample):
    """About 100,000 households, 2,000 grids, 500 facilities, 50,000 walk nodes: within a tenth."""
    sizes = [len(sample.households), len(level(sample, "grid")), len(sample.facilities), len(sample.walk_nodes)]
    assert np.abs(np.array(sizes) / [100_000, 2_000, 500, 50_000] - 1).max() < 0.1


def wet_metres(lines: np.ndarray, water: shapely.Geometry) -> np.ndarray:
    """How much of each line lies in water."""
    shapely.prepare(water)
    touched = shapely.intersects(water, lines)
    metres = np.zeros(len(lines))
    metres[touched] = shapely.length(shapely.intersection(lines[touched], water))
    return metres


# Walking --------------------------------------------------------------------------------------------------------------


def test_no_edge_crosses_water_but_bridges(sample: liwan.Sample, lines: np.ndarray):
    water = PLANE.forward_shapes(shapely.union_all(sample.water.geometry.to_numpy()))
    wet = wet_metres(lines, water)
    bridge = sample.walk_edges["bridge"].to_numpy()
    assert wet[~bridge].max() < 0.05
    assert (wet[bridge] > 10).sum() > 60


def test_wide_rivers_have_few_bridges(sample: liwan.Sample, lines: np.ndarray):
    rivers = sample.water[sample.water["kind"] == "river"].geometry.to_numpy()
    across = wet_metres(lines, PLANE.forward_shapes(shapely.union_all(rivers))) > 40
    assert 8 <= across.sum() <= 20


def test_metres_are_those_of_the_drawn_line(sample: liwan.Sample, lines: np.ndarray):
    np.testing.assert_allclose(sample.walk_edges["metres"], shapely.length(lines), atol=0.01)


def test_edges_run_from_node_to_node(sample: liwan.Sample):
    nodes = sample.walk_nodes[["lon", "lat"]].to_numpy()
    edges = sample.walk_edges
    for end, place in (("u", 0), ("v", -1)):
        points = shapely.get_coordinates(shapely.get_point(edges.geometry.to_numpy(), place))
        assert (points == nodes[edges[end]]).all()


def test_nearly_all_is_one_network_and_shut_compounds_are_islands(sample: liwan.Sample):
    edges, n = sample.walk_edges, len(sample.walk_nodes)
    links = coo_array((np.ones(len(edges)), (edges["u"], edges["v"])), shape=(n, n))
    size = np.sort(np.bincount(connected_components(links, directed=False)[1]))
    assert size[-1] / n > 0.99
    assert 4 <= len(size) - 1 <= 20


def test_there_are_steps_lifts_signals_and_underpasses(sample: liwan.Sample):
    edges = sample.walk_edges
    assert (edges["steps"] > 0).sum() > 200
    assert (edges["lift"] & (edges["steps"] > 0)).sum() > 20
    assert set(edges["signals"].unique()) == {0.0, 0.5}
    assert edges["tunnel"].any()
    assert set(edges["wheelchair"]) == {"yes", "no", "unknown"}


def test_the_network_reaches_a_kilometre_and_a_half_past_the_border(sample: liwan.Sample, lines: np.ndarray):
    """Seen from every border point a kilometre and a half out, a line on foot is near."""
    border = PLANE.forward_shapes(level(sample, "district").geometry.iloc[0])
    points = shapely.line_interpolate_point(border.buffer(1_500).exterior, np.linspace(0, 1, 200), normalized=True)
    away = shapely.distance(points, lines[shapely.STRtree(lines).nearest(points)])
    assert np.median(away) < 60
    assert away.max() < 500  # the river mouths


# Who lives there ------------------------------------------------------------------------------------------------------


def test_tables_have_the_columns_of_the_house(sample: liwan.Sample):
    gis.frames.require(sample.areas, gis.frames.AREAS)
    gis.frames.require(sample.facilities, gis.frames.FACILITIES)
    gis.frames.require(sample.households, gis.frames.HOUSEHOLDS)
    gis.frames.require(sample.reports, gis.frames.REPORTS)


def test_households_are_on_land(sample: liwan.Sample, located: gpd.GeoDataFrame):
    water = shapely.union_all(sample.water.geometry.to_numpy())
    assert not shapely.intersects_xy(water, located.geometry.x, located.geometry.y).any()


def test_households_lie_in_the_grid_they_name(sample: liwan.Sample, located: gpd.GeoDataFrame):
    grids = level(sample, "grid").set_index("code").geometry
    assert shapely.contains(grids[located["grid_code"]].to_numpy(), located.geometry.to_numpy()).all()
    assert (sample.households["grid_code"].isin(grids.index)).all()


def test_facilities_lie_in_the_grid_they_name_or_outside_the_district(sample: liwan.Sample):
    grids, made = level(sample, "grid").set_index("code").geometry, sample.facilities
    inside = made[made["grid_code"] != ""]
    assert shapely.contains(grids[inside["grid_code"]].to_numpy(), inside.geometry.to_numpy()).all()
    beyond = made[made["grid_code"] == ""].geometry.to_numpy()
    outline = level(sample, "district").geometry.iloc[0]
    assert len(beyond) >= 30
    assert not shapely.intersects(outline, beyond).any()


def test_households_obey_the_checks_of_their_table(sample: liwan.Sample):
    rows = sample.households
    assert rows["ref"].is_unique
    assert rows["elders"].between(1, 3).all()
    assert ((rows["mobility"] == "homebound") == (rows["elders_homebound"] == rows["elders"])).all()
    for part in ("elders_homebound", "elders_80", "elders_disabled"):
        assert (rows[part] <= rows["elders"]).all()
    assert ((rows["elders_80"] > 0) == (rows["age_max"] >= 80)).all()
    assert rows["age_max"].between(60, 105).all()
    assert not (rows["living_alone"] & (rows["elders"] > 1)).any()
    assert not (rows["lift"].isna() & ~rows["in_institution"]).any()


def test_residents_of_care_homes_live_in_care_homes(sample: liwan.Sample):
    inside = sample.households[sample.households["in_institution"]]
    homes = sample.facilities[sample.facilities["kind"] == "care_home"]
    assert set(inside["grid_code"]) <= set(homes["grid_code"])
    assert len(inside) < homes["capacity"].sum()


def test_a_few_hundred_homes_come_out_as_unknown_for_three_reasons(sample: liwan.Sample):
    """No location, in a field where no lane is within 150 m, or in a hamlet whose paths lead nowhere."""
    net = gis.walknet.from_frames(sample.walk_nodes, sample.walk_edges, srid=sample.srid)
    points = sample.households.geometry.to_numpy()
    x, y = PLANE.forward(shapely.get_x(points), shapely.get_y(points))
    reasons = gis.walknet.snap(net, x, y, usable=np.ones(len(net.u), bool)).reason
    why, count = np.unique(reasons[reasons != ""], return_counts=True)
    assert why.tolist() == ["island", "no_location", "off_network"]
    assert ((count >= 40) & (count <= 200)).all()


def test_the_old_town_is_denser_than_fangcun(sample: liwan.Sample):
    """Elders per area: every old-town street (…002 to …009) above every southern one."""
    streets = level(sample, "street").set_index("code")
    dense = sample.households.groupby("street_code")["elders"].sum() / streets["area_m2"]
    old = dense[[f"440103{n:03d}" for n in range(2, 10)]]
    south = dense[[f"440103{n:03d}" for n in (14, 18, 19, 20, 21, 22)]]
    assert old.min() > 1.2 * south.max()


def test_reports_are_of_the_last_year_and_inside_the_district(sample: liwan.Sample):
    rows = sample.reports
    end = pd.Timestamp("2026-07-01", tz="Asia/Shanghai")
    assert len(rows) == 2_000
    assert rows["id"].is_unique
    assert rows["captured_at"].between(end - pd.Timedelta(days=365), end).all()
    assert shapely.intersects(level(sample, "district").geometry.iloc[0], rows.geometry.to_numpy()).all()


def test_everything_made_up_says_so(sample: liwan.Sample):
    for frame in (sample.households, sample.facilities, sample.reports, sample.water, sample.greens):
        assert frame["synthetic"].all()
    assert all(table["synthetic"].all() for table in sample.registers.values())
    assert sample.areas.loc[sample.areas["level"] != "district", "synthetic"].all()
    assert sample.households["address"].str.startswith("合成").all()
    assert sample.facilities["name"].str.startswith("合成").all()
    assert sample.facilities["operator"].str.startswith("合成").all()
    assert sample.reports["text"].str.startswith("（合成）").all()
    named = sample.walk_edges["name"] != ""
    assert named.any()
    assert sample.walk_edges.loc[named, "name"].str.startswith("合成").all()
    assert sample.registers["organisations"]["name"].str.startswith("合成").all()


# The door -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [0.0, -1.0, 1.01, float("nan")])
def test_a_scale_that_cannot_be_is_refused(scale: float):
    with pytest.raises(Invalid, match=r"sample\.scale") as refused:
        liwan.build(1, scale=scale)
    assert maps.texts.say("sample.scale", "zh", **refused.value.facts)


def test_a_negative_seed_is_refused():
    with pytest.raises(Invalid, match=r"sample\.seed") as refused:
        liwan.build(-1)
    assert "-1" in maps.texts.say("sample.seed", "en", **refused.value.facts)


def test_progress_names_steps_that_have_words():
    told: list[tuple[str, float]] = []
    liwan.build(1, scale=0.01, progress=lambda step, share: told.append((step, share)))
    assert [share for _, share in told] == sorted(share for _, share in told)
    assert told[-1] == ("done", 1.0)
    for step, _ in told[:-1]:
        assert maps.texts.has(f"sample.load.build_{step}")
