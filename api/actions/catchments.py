"""The catchments of a run as a file, drawn once and then read: for drawing only, never for counting."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np

import api.actions.exports
import data.coverage
import data.db
import data.handover
import gis.disclosure
from gis.errors import Busy

if TYPE_CHECKING:
    from api.kept import Kept

#: A share of fewer households than this says more of them than of the outline.
SHARES_FROM = 20
SHARES = ("false_in", "false_out", "f1")


def kept(engine: data.db.Engine, memory: Kept, run: dict[str, Any], folder: Path) -> Path:
    """The file of a run whose existence the caller may know of, drawn if it is not there; GeoJSON."""
    path = folder / f"catchments-{run['run_id']}.geojson"
    if not path.exists():
        if not memory.anew.acquire(timeout=1.0):
            raise Busy("preview.busy")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            data.handover.write(_drawn(engine, run), path, synthetic=run["synthetic"])
        finally:
            memory.anew.release()
    return path


def _drawn(engine: data.db.Engine, run: dict[str, Any]) -> gpd.GeoDataFrame:
    """As the memory, which reads all households; judged by those of the draw, and without any count of them."""
    with data.db.transaction(engine, role=data.db.MEMORY, read_only=True, limit_ms=0) as session:
        secret = data.coverage.draw_secret(session)
        frame = api.actions.exports.catchments(
            session, run, among=lambda households: gis.disclosure.drawn(households["ref"], secret)
        )
    few = frame[["reached", "drawn"]].min(axis=1).to_numpy() < SHARES_FROM
    worth = {name: np.where(few, np.nan, frame[name].to_numpy(float).round(2)) for name in SHARES}
    return frame[["facility_id", "kind", "metres", "geometry"]].assign(**worth)
