"""Load the Liwan sample: one transaction, only into an empty database, every row marked synthetic."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from datetime import date
from typing import TYPE_CHECKING, Any

import data.areas
import data.basemap
import data.facilities
import data.identity
import data.imports
import data.population
import data.reports
import data.users
import data.walknet
import gis.walknet
from gis.errors import Conflict

if TYPE_CHECKING:
    import data.db
    from data.keyring import Seal
    from data.samples.liwan import Sample

Step = Callable[[str], AbstractContextManager[object]]

#: The areas of the sample hold from here on: before its first report.
VALID_FROM = date(2025, 1, 1)
#: About so many households get a person by name: encrypting one for each of them would take longer than all the rest.
NAMED = 3000


def wanted(session: data.db.Session) -> bool:
    """Whether the database holds nothing of its owner's yet."""
    return not data.imports.search(session, limit=1)


def load(
    session: data.db.Session, *, seed: int = 1, scale: float = 1.0, seal: Seal | None = None,
    show: Step = lambda _name: nullcontext(),
) -> dict[str, int]:  # fmt: skip
    """Build the sample from its seed and keep it; how many rows of each sort. Persons need a `seal`."""
    import data.samples.liwan

    if not wanted(session):
        raise Conflict("sample.not_empty")
    with ExitStack() as shown:
        sample = data.samples.liwan.build(seed, scale=scale, progress=_progress(show, shown))
    kept: dict[str, int] = {}
    for what, (keep, frame) in _parts(sample).items():
        with show(what):
            batch = _batch(session, sample, what, rows=len(frame))
            kept[what] = keep(session, frame, batch)
    with show("staff"):
        kept["staff"] = _staff(session, sample)
    if seal is not None:
        with show("elders"):
            kept["elders"] = _elders(session, sample, seal)
    with show("check"):
        data.areas.check(session)
    return kept


def _progress(show: Step, shown: ExitStack) -> Callable[[str, float], None]:
    """Show each step of the building until the next one begins."""

    def begin(step: str, share: float) -> None:
        shown.close()
        if share < 1:
            shown.enter_context(show(f"build_{step}"))

    return begin


def _parts(sample: Sample) -> dict[str, tuple[Callable[[data.db.Session, Any, int], int], Any]]:
    """Each sort of row, how it is kept, and its table; areas come first because the rest lies in them."""
    return {
        "areas": (_areas, sample.areas),
        "walknet": (lambda session, _edges, batch: _walknet(session, sample, batch), sample.walk_edges),
        "facilities": (lambda s, frame, batch: data.facilities.add(s, frame, import_id=batch), sample.facilities),
        "households": (lambda s, frame, batch: data.population.add(s, frame, import_id=batch), sample.households),
        "reports": (lambda s, frame, batch: data.reports.add(s, frame, import_id=batch), sample.reports),
        "basemap": (lambda s, _water, batch: _basemap(s, sample, batch), sample.water),
    }


def _batch(session: data.db.Session, sample: Sample, what: str, *, rows: int) -> int:
    """Where the rows come from: a seed instead of a file."""
    return data.imports.add(
        session,
        what=what,
        file_name=f"sample:liwan:{sample.seed}",
        sha256="",
        datum="wgs84",
        rows_kept=rows,
        synthetic=True,
        attribution=sample.attribution,
        facts={"data_date": sample.data_date.isoformat(), "scale": sample.scale},
    )


def _areas(session: data.db.Session, frame: Any, batch: int) -> int:
    """The outline of the district is real; what it is divided into is not."""
    return sum(
        data.areas.add(session, rows, scheme="cn-stat", valid_from=VALID_FROM, synthetic=bool(made), import_id=batch)
        for made, rows in frame.groupby("synthetic")
    )


def _walknet(session: data.db.Session, sample: Sample, batch: int) -> int:
    net = gis.walknet.from_frames(sample.walk_nodes, sample.walk_edges, srid=sample.srid)
    data.walknet.add(
        session,
        sample.walk_nodes,
        sample.walk_edges,
        srid=sample.srid,
        sha256=net.sha256,
        data_date=sample.data_date.isoformat(),
        synthetic=True,
        stats={},
        import_id=batch,
    )
    return len(sample.walk_edges)


def _elders(session: data.db.Session, sample: Sample, seal: Seal) -> int:
    """Persons for some households all over the district."""
    import data.samples.persons

    households = sorted(data.population.numbers(session).values())
    named = households[:: -(-len(households) // NAMED)]
    persons = data.samples.persons.build(named, seed=sample.seed)
    batch = _batch(session, sample, "elders", rows=len(persons))
    return data.identity.add(session, persons, seal=seal, synthetic=True, import_id=batch)


def _staff(session: data.db.Session, sample: Sample) -> int:
    """People without names: a number is all they are called by."""
    staff = sample.registers["assignments"].rename(columns={"person_id": "login"})
    return data.users.add_frame(session, staff.assign(name=staff["login"]), valid_from=VALID_FROM, synthetic=True)


def _basemap(session: data.db.Session, sample: Sample, batch: int) -> int:
    water = data.basemap.add(session, sample.water, what="water", synthetic=True, import_id=batch)
    return water + data.basemap.add(session, sample.greens, what="green", synthetic=True, import_id=batch)
