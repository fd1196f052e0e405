"""Figures and verdicts as files, with the columns that design section 4 names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

import api.actions.coverage
import data.areas
import data.basemap
import data.coverage
import data.handover
import gis.coverage
import gis.ground
import gis.service_areas
import gis.verdicts
from api.actions.coverage import Inputs, Question
from gis.errors import Conflict, Invalid

if TYPE_CHECKING:
    import data.db

WHAT = ("areas", "households", "catchments")


def coverage(session: data.db.Session, run_id: int, *, what: str, path: Path) -> int:
    """Write one table of a run to `path`; the ending says the format. Returns the number of rows."""
    if what not in WHAT:
        raise Invalid("export.what", what=what, known=list(WHAT))
    data.handover.check(path)
    run = data.coverage.get(session, run_id)
    frame = {"areas": _areas, "households": _households, "catchments": catchments}[what](session, run)
    data.handover.write(frame, path, synthetic=run["synthetic"])
    return len(frame)


def published(session: data.db.Session, run: dict[str, Any], path: Path) -> None:
    """Write the figures that everybody may see, every level with outlines; missing is hidden, never zero."""
    frame = _areas(session, run, read=data.coverage.published)
    data.handover.write(frame, path, synthetic=run["synthetic"])


def _areas(
    session: data.db.Session, run: dict[str, Any], *, read: Callable[..., pd.DataFrame] = api.actions.coverage.figures
) -> pd.DataFrame:
    """Every level of the run, with outlines."""
    figures = [
        read(session, run["run_id"], level=level).assign(level=level)
        for level in data.coverage.levels(session, run["run_id"])
    ]
    outlines = data.areas.frame(session, as_of=run["as_of"])[["code", "geometry"]]
    joined = pd.concat(figures, ignore_index=True).merge(outlines, on="code", how="left")
    located: pd.DataFrame = gpd.GeoDataFrame(joined, geometry="geometry", crs=4326)
    return located


def _households(session: data.db.Session, run: dict[str, Any]) -> pd.DataFrame:
    """One row per household and kind, verdicts as words."""
    frame = data.coverage.households(session, run["run_id"])
    verdicts = {name: frame[name].map(gis.verdicts.WORDS) for name in map(str, frame) if name.startswith("verdict_")}
    return frame.assign(**verdicts)


def catchments(
    session: data.db.Session,
    run: dict[str, Any],
    *,
    among: Callable[[gpd.GeoDataFrame], npt.NDArray[np.bool_]] | None = None,
) -> pd.DataFrame:
    """For drawing only, never for counting: the ground within the standard distance of each facility on foot.

    Beside each outline stands how far it errs against the households themselves, or against those `among` them.
    """
    asked = run["parameters"]
    question = Question(area=asked["area"], facilities=asked.get("facilities", "all"), scenario=asked.get("scenario"))
    given = api.actions.coverage.inputs(session, question, today=run["as_of"])
    request = gis.coverage.Request(kinds=tuple(run["kinds"]), metres=run["parameters"]["metres"])
    _unchanged(given, run, request, api.actions.coverage.sealing(session, asked["area"]))
    judges = given.households if among is None else given.households[among(given.households)].reset_index(drop=True)
    stand = gis.ground.ground(given.net, judges, facilities=given.facilities, request=request)
    water = data.basemap.frame(session, what="water")
    drawn: pd.DataFrame = gis.service_areas.standard(stand, water=[] if water is None else list(water.geometry))
    return drawn


def _unchanged(given: Inputs, run: dict[str, Any], request: gis.coverage.Request, seal: Callable[[str], str]) -> None:
    """Outlines of other facilities than the run counted would be a lie."""
    now = gis.coverage.manifest(given.net, given.facilities, given.households, given.areas, request=request)
    alike = {name: {digest} for name, digest in now.items()}
    alike["households"] |= {seal(str(now["households"]))}  # runs of an earlier day are not sealed
    changed = [name for name in ("network", "facilities", "households") if run["manifest"][name] not in alike[name]]
    if changed:
        raise Conflict("export.changed", changed=changed)
