"""The Liwan sample: a real outline and real codes, everything else made up from a seed and marked so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import geopandas as gpd
import pandas as pd

from data.samples import official, registers, reports, town
from gis.errors import Invalid

DATA_DATE = date(2026, 6, 30)
REPORTS = 2_000

#: The end of the sample's last day in Guangzhou.
_MIDNIGHT = pd.Timestamp(DATA_DATE, tz="Asia/Shanghai") + pd.Timedelta(days=1)

Progress = Callable[[str, float], None]


@dataclass(frozen=True, eq=False)
class Sample:
    """Tables as gis.frames has them, EPSG:4326, each with a column `synthetic`.

    `walk_nodes` and `walk_edges` are the tables of a walking network in the plane `srid`; `water` and `greens` are for
    the map; `registers` holds population, assignments, social_workers, organisations and volunteer_teams.
    """

    seed: int
    scale: float
    srid: int
    data_date: date
    attribution: str
    areas: gpd.GeoDataFrame
    walk_nodes: pd.DataFrame
    walk_edges: gpd.GeoDataFrame
    households: gpd.GeoDataFrame
    facilities: gpd.GeoDataFrame
    reports: gpd.GeoDataFrame
    water: gpd.GeoDataFrame
    greens: gpd.GeoDataFrame
    registers: dict[str, pd.DataFrame]


def build(seed: int = 1, *, scale: float = 1.0, progress: Progress | None = None) -> Sample:
    """The whole sample; the same seed and scale give the same bytes.

    Below scale 1 there are fewer households and coarser lanes, but still every street and community. `progress` is
    told the step that begins (a key of maps/texts: sample.load.build_<step>) and the share that is done.
    """
    if not 0 < scale <= 1:
        raise Invalid("sample.scale", scale=scale)
    if seed < 0:
        raise Invalid("sample.seed", seed=seed)
    tell = progress or _nobody
    tell("areas", 0.0)
    laid = town.lay_out(seed, scale)
    tell("network", 0.3)
    nodes, edges = town.network(laid)
    tell("people", 0.75)
    lived = town.people(laid, edges)
    tell("rest", 0.95)
    grids = laid.division.code
    elders = lived.households.groupby("street_code")["elders"].sum()
    sample = Sample(
        seed=seed,
        scale=scale,
        srid=official.SRID,
        data_date=DATA_DATE,
        attribution=official.ATTRIBUTION,
        areas=laid.areas(),
        walk_nodes=nodes,
        walk_edges=edges,
        households=lived.households,
        facilities=lived.facilities,
        reports=reports.filed(lived, round(REPORTS * scale), until=_MIDNIGHT, rng=laid.rng("reports")),
        water=laid.water_frame(),
        greens=laid.greens_frame(),
        registers=registers.tables(grids, elders, since=_MIDNIGHT, rng=laid.rng("registers")),
    )
    tell("done", 1.0)
    return sample


def _nobody(_step: str, _share: float) -> None:
    """Progress that nobody asked for."""
