"""What may be learnt from many reports: the evaluation of a period, a file of them, and which ones are alike."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

import data.categories
import data.handover
import data.reports
import data.tiles
import gis.categories
import gis.crs
import gis.duplicates
import gis.evaluation
import gis.frames
from gis.duplicates import Sighting
from gis.errors import Invalid, NotAllowed

if TYPE_CHECKING:
    from data.db import Session
    from data.reports import Wanted

By = Literal["all", "street", "community", "grid", "unit", "category", "inspector"]
COLUMNS = {
    "street": "street_code", "community": "community_code", "grid": "grid_code", "unit": "unit",
    "category": "category", "inspector": "author_id",
}  # fmt: skip
#: Who answers for the people of a place; figures of single persons are for nobody else.
SUPERVISORS = (None, "community", "street")

Form = Literal["csv", "xlsx", "gpkg"]
MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "gpkg": "application/geopackage+sqlite3",
}
#: Roughly, and more than enough for a box around a place: metres in a degree of latitude.
METRES_A_DEGREE = 110_000.0


def of_period(
    session: Session, *, role: str | None, since: datetime, until: datetime, by: str, now: datetime
) -> list[dict[str, Any]]:
    """Counts and rates of the reports that the session sees, one row for each group (one of `By`)."""
    if by != "all" and by not in COLUMNS:
        raise Invalid("reports.figures_by", by=by, known=["all", *COLUMNS])
    if by == "inspector" and role not in SUPERVISORS:
        raise NotAllowed("reports.person_figures")
    named = [] if by == "all" else [COLUMNS[by]]
    cases, events = data.reports.history(session, role=role, since=since, until=until, by=named)
    counted = gis.evaluation.figures(cases, events, since=since, until=until, by=named, as_of=now)
    counted.index = pd.Index(["" if pd.isna(name) else str(name) for name in counted.index], name="group")
    return gis.frames.records(counted.reset_index())


def tally(session: Session, *, now: datetime) -> None:
    """Count where the reports of the days that are over lie, for the far views of tiles."""
    data.tiles.tally(session, now=now)


def near(
    session: Session, *, role: str | None, category: str, place: tuple[float, float, str], text: str, now: datetime
) -> pd.DataFrame:
    """Open reports that may be the same thing as what is about to be filed at (lon, lat, datum)."""
    listed = data.categories.catalogue(session)
    lon, lat = (float(degrees) for degrees in gis.crs.to_wgs84(*place))
    sighting = Sighting(gis.categories.find(listed, category), lon, lat, now, text)
    reach = 2 * sighting.category.near_m / METRES_A_DEGREE
    found = data.reports.near(session, role=role, bbox=(lon - 2 * reach, lat - reach, lon + 2 * reach, lat + reach))
    families = {code: each.family for code, each in listed.items()}
    alike = gis.duplicates.suggest(sighting, found, families=families)
    told = found[["id", "category", "status", "text", "captured_at"]]
    return alike[["id", "score", "metres"]].merge(told, on="id", how="left")


def exported(session: Session, wanted: Wanted, *, role: str | None, form: Form, now: datetime) -> bytes:
    """The reports that the session sees as a file."""
    with tempfile.TemporaryDirectory(prefix="wangge-export-") as folder:
        path = Path(folder) / f"reports.{form}"
        export(session, wanted, role=role, path=path, now=now)
        return path.read_bytes()


def export(session: Session, wanted: Wanted, *, role: str | None, path: Path, now: datetime) -> int:
    """Write them to a file; the ending says the format. Returns how many."""
    data.handover.check(path)
    found = data.reports.table(session, wanted, role=role, now=now)
    times = {name: _plain(found[name]) for name in ("captured_at", "received_at", "due_at")}
    data.handover.write(found.assign(**times), path, synthetic=bool(found["synthetic"].any()))
    return len(found)


def _plain(times: pd.Series) -> pd.Series:
    """A time as text with its zone: a spreadsheet knows times without one only."""
    aware = pd.to_datetime(times, utc=True)
    return aware.dt.strftime("%Y-%m-%dT%H:%M:%SZ").where(aware.notna(), None)
