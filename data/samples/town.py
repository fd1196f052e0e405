"""The steps from a seed to a town: ground, areas, network, people. Each noun draws from a stream of its own."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from data.samples import (
    areas,
    buildings,
    crossings,
    homes,
    lanes,
    official,
    partition,
    places,
    rivers,
    sketch,
    special,
    strays,
)
from data.samples import ground as grounds
from data.samples import network as networks
from data.samples.blocks import Floats, Ints, Shapes
from data.samples.ways import Ways
from gis.crs import Metric

HOUSEHOLDS, ELDERS = 100_000, 174_600
VILLAGE_PULL, COMPOUND_PULL = 2.4, 1.5
OCCUPANCY = 0.85
FAR_HOMES, HAMLET_HOMES = 90, 60
ASTRAY = 0.0016
STREAMS = ("water", "ground", "lanes", "crossings", "network", "special", "buildings", "places", "homes",
           "institutions", "astray", "strays", "reports", "registers")  # fmt: skip


@dataclass(frozen=True)
class Town:
    """The town before anybody lives in it; shapes in metres."""

    seed: int
    scale: float
    sketch: sketch.Sketch
    water: rivers.Water
    ground: grounds.Ground
    lanes: lanes.Lanes
    coverage: partition.Coverage
    division: areas.Division
    chosen: dict[str, Ints]
    hamlets: Shapes

    def rng(self, stream: str) -> np.random.Generator:
        return _rng(self.seed, stream)

    def grid_of_cell(self, cell: Ints) -> Ints:
        """Position of the basic grid; -1 outside the district."""
        return self.coverage.of_cell[cell]

    def areas(self) -> gpd.GeoDataFrame:
        grid = self.grid_of_cell(self.ground.block_cuts.roots)
        dedicated = special.frame(self.chosen, self.lanes, grid, self.division)
        return areas.frame(self.sketch.outline, self.coverage, self.division, special=dedicated)

    def water_frame(self) -> gpd.GeoDataFrame:
        around = self.sketch.outline.buffer(grounds.BEYOND_M)
        kinds = {"river": self.water.wide, "canal": self.water.narrow}
        parts = {kind: shapely.get_parts(shape & around) for kind, shape in kinds.items()}
        names = np.repeat(["合成江河", "合成河涌"], [len(shapes) for shapes in parts.values()])
        return _map_layer(np.concatenate(list(parts.values())), name=names, kind=np.repeat(
            list(parts), [len(shapes) for shapes in parts.values()]))  # fmt: skip

    def greens_frame(self) -> gpd.GeoDataFrame:
        shapes = special.greens(self.ground, self.lanes, self.chosen)
        return _map_layer(shapes, name=np.full(len(shapes), "合成绿地"))


@dataclass(frozen=True)
class Lived:
    """Who lives there and what serves them; `homes` are places of households in metres with their grid's code."""

    households: gpd.GeoDataFrame
    facilities: gpd.GeoDataFrame
    homes: Floats
    grid_code: np.ndarray


def _rng(seed: int, stream: str) -> np.random.Generator:
    return np.random.default_rng([seed, STREAMS.index(stream)])


def _map_layer(shapes: Shapes, **columns: np.ndarray) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {**columns, "synthetic": True}, geometry=Metric(official.SRID).inverse_shapes(shapes), crs=4326
    )


def lay_out(seed: int, scale: float) -> Town:
    """Water, ground, lanes, and the areas over them."""
    _, outline = official.district()
    plane = shapely.get_coordinates(Metric(official.SRID).forward_shapes(outline))
    drawn = sketch.read(shapely.Polygon(np.round(plane, 2)))
    water = rivers.draw(drawn, _rng(seed, "water"))
    ground = grounds.lay(drawn, water, _rng(seed, "ground"), scale=scale)
    inner = lanes.lay(ground, water, _rng(seed, "lanes"))
    coverage = partition.cover(drawn.outline, ground, water)
    division = areas.assign(coverage, drawn, built=_built(ground, coverage))
    chosen = special.choose(ground, inner, _rng(seed, "special"))
    hamlets = strays.hamlets(strays.fields(ground, inner.rooms))
    return Town(seed, scale, drawn, water, ground, inner, coverage, division, chosen, hamlets)


def _built(ground: grounds.Ground, coverage: partition.Coverage) -> Floats:
    """Built-up ground per grid in square metres, villages and compounds counting for more, fields for nothing."""
    use = ground.use[ground.cell_of]
    worth = np.select([use == "field", use == "village", ground.compound], [0.0, VILLAGE_PULL, COMPOUND_PULL], 1.0)
    home = coverage.of_cell >= 0
    area = shapely.area(ground.cells) * worth
    return np.bincount(coverage.of_cell[home], area[home], len(coverage.shapes)).astype(np.float64)


def network(town: Town) -> tuple[pd.DataFrame, gpd.GeoDataFrame]:
    """Nodes and edges for walking."""
    across = crossings.lay(town.ground, town.lanes.rooms, town.water, town.sketch, rng=town.rng("crossings"))
    lines = Ways.join(town.lanes.ways, across, strays.paths(town.hamlets))
    graph = networks.weave(lines, town.rng("network"))
    return networks.frames(graph, town.sketch.roads)


def people(town: Town, edges: gpd.GeoDataFrame) -> Lived:
    """Buildings, facilities in some of them, households in most."""
    taken = np.zeros(len(town.lanes.lots), bool)
    taken[np.concatenate(list(town.chosen.values()))] = True
    stock = buildings.put_up(town.ground, town.lanes, taken, scale=town.scale, rng=town.rng("buildings"))
    grid = town.grid_of_cell(stock.cell)
    home = np.flatnonzero(grid >= 0)
    pull = np.zeros(len(grid))
    pull[home] = buildings.residents(stock.some(home), grid[home], town.division.residents)
    facilities = _facilities(town, stock, grid, pull)
    return _households(town, edges, stock.some(home), grid[home], pull=pull[home], facilities=facilities)


def _facilities(town: Town, stock: buildings.Buildings, grid: Ints, pull: Floats) -> gpd.GeoDataFrame:
    street = np.where(grid >= 0, town.division.street[grid], -1)
    community = np.where(grid >= 0, town.division.community[grid], -1)
    code = np.where(grid >= 0, town.division.code[grid], "")
    return places.found(stock, street, community, code=code, pull=pull, scale=town.scale, rng=town.rng("places"))


def _households(
    town: Town, edges: gpd.GeoDataFrame, stock: buildings.Buildings, grid: Ints, *, pull: Floats,
    facilities: gpd.GeoDataFrame
) -> Lived:  # fmt: skip
    """Elders in buildings, and elders in care homes, who are kept but walk nowhere."""
    rng, codes = town.rng("homes"), town.division.code
    boarders = _institutions(facilities, town.scale, town.rng("institutions"))
    size = homes.sizes(round(HOUSEHOLDS * town.scale) - len(boarders), round(ELDERS * town.scale) - len(boarders), rng)
    which = homes.in_buildings(size, pull, rng)
    xy, at = homes.astray(
        stock.xy[which], grid[which], _strays(town, edges, town.rng("strays")), share=ASTRAY, rng=town.rng("astray")
    )
    own = homes.frame(homes.live(size, rng), xy, codes[at], rng, institution=False)
    every = homes.table([homes.with_buildings(own, which, stock, rng), boarders])
    known = np.isfinite(xy[:, 0])
    return Lived(every, facilities, xy[known], codes[at][known])


def _institutions(facilities: gpd.GeoDataFrame, scale: float, rng: np.random.Generator) -> pd.DataFrame:
    care = facilities[facilities["kind"] == "care_home"]
    count = np.maximum(1, np.round(care["capacity"].to_numpy(float) * OCCUPANCY * scale).astype(np.int64))
    which = np.repeat(np.arange(len(care)), count)
    points: Shapes = care.geometry.to_numpy()[which]
    xy = np.column_stack(Metric(official.SRID).forward(shapely.get_x(points), shapely.get_y(points)))
    who = homes.live(np.ones(len(which), np.int64), rng, older=14)
    rows = homes.frame(who, xy, care["grid_code"].to_numpy()[which], rng, institution=True)
    return rows.assign(floor=None, lift=None, address=[f"合成地址 {name}" for name in care["name"].to_numpy()[which]])


def _strays(town: Town, edges: gpd.GeoDataFrame, rng: np.random.Generator) -> tuple[Floats, Ints]:
    """Places of homes in hamlets and in the open, and their grids."""
    lines: Shapes = Metric(official.SRID).forward_shapes(edges.geometry.to_numpy())
    open_fields = strays.fields(town.ground, town.lanes.rooms)
    places = np.concatenate([
        strays.within(town.hamlets, round(HAMLET_HOMES * town.scale), rng),
        strays.far(open_fields, lines, round(FAR_HOMES * town.scale), rng),
    ])  # fmt: skip
    return places, np.asarray(shapely.STRtree(town.coverage.shapes).nearest(shapely.points(places)))
