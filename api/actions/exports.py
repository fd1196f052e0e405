"""Figures and verdicts as files, with the columns that design section 4 names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd

import api.actions.coverage
import data.areas
import data.coverage
import data.handover
from gis.errors import Invalid

if TYPE_CHECKING:
    import data.db

WHAT = ("areas", "households", "catchments")


def coverage(session: data.db.Session, run_id: int, *, what: str, path: Path) -> int:
    """Write one table of a run to `path`; the ending says the format. Returns the number of rows."""
    if what not in WHAT:
        raise Invalid("export.what", what=what, known=list(WHAT))
    data.handover.check(path)
    run = data.coverage.get(session, run_id)
    frame = {"areas": _areas, "households": _households, "catchments": _catchments}[what](session, run)
    data.handover.write(frame, path, synthetic=run["synthetic"])
    return len(frame)


def _areas(session: data.db.Session, run: dict) -> pd.DataFrame:
    """Every level of the run, with outlines."""
    figures = [
        api.actions.coverage.figures(session, run["run_id"], level=level).assign(level=level)
        for level in data.coverage.levels(session, run["run_id"])
    ]
    outlines = data.areas.frame(session, as_of=run["as_of"])[["code", "geometry"]]
    joined = pd.concat(figures, ignore_index=True).merge(outlines, on="code", how="left")
    return gpd.GeoDataFrame(joined, geometry="geometry", crs=4326)


def _households(session: data.db.Session, run: dict) -> pd.DataFrame:
    """One row per household and kind."""
    return data.coverage.households(session, run["run_id"])
