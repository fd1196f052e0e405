"""Files brought in: read, held against what is known of the place, and kept whole or not at all.

Every import goes the same way. Columns and places are read and every fault is named; the frame gate asks whether the
datum can be right; rows get the codes of their areas; the batch and its rows are kept in one transaction. A dry run
goes the whole way and is taken back at its end, so that what it says is what would happen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import data.imports
import data.ingest.files
import data.ingest.osm
from data.db import Session
from data.ingest.columns import Door, Rows
from data.ingest.files import Table
from data.ingest.places import Frame
from data.ingest.upsert import Counts
from gis.datumgate import Judgement
from gis.errors import BadRows, Fault, Invalid

#: Shows the name of a step (a key of the texts, with its facts) while it lasts.
Watch = Callable[..., AbstractContextManager[object]]


def quietly(_key: str, **_facts: object) -> AbstractContextManager[object]:
    """Show nothing."""
    return nullcontext()


OSM_DATUM = Frame("wgs84")


@dataclass(frozen=True)
class Asked:
    """What is common to all imports."""

    path: Path
    datum: str | None = None
    epsg: int | None = None
    encoding: str | None = None
    layer: str | None = None
    dry_run: bool = False
    skip_bad: bool = False
    accept_datum: bool = False
    synthetic: bool = False
    attribution: str = ""


@dataclass(frozen=True)
class Taken:
    """What was read and found sound, ready to be kept."""

    what: str
    sha256: str
    rows: int
    declared: Frame
    judgement: Judgement
    notes: Mapping[str, object] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    synthetic: bool = False
    attribution: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Done:
    """What an import did, or, after a dry run, would have done; `import_id` is then None."""

    taken: Taken
    file: str
    import_id: int | None
    kept: int
    counts: Counts

    def facts(self) -> dict[str, Any]:
        """All of it for JSON, the faults left to whoever has the words."""
        taken = self.taken
        return {
            "what": taken.what,
            "file": self.file,
            "sha256": taken.sha256,
            "import_id": self.import_id,
            "dry_run": self.import_id is None,
            "rows": taken.rows,
            "kept": self.kept,
            "skipped": taken.rows - self.kept,
            **asdict(self.counts),
            "datum": {"declared": taken.declared.name, **judged_facts(taken.judgement)},
            "synthetic": taken.synthetic,
            "attribution": taken.attribution,
            "notes": dict(taken.notes),
            **taken.facts,
        }


def judged_facts(judgement: Judgement) -> dict[str, Any]:
    shares = {name: dict(of) for name, of in judgement.shares.items()}
    return {"verdict": judgement.verdict, "fits": judgement.best, "judged": judgement.judged, "shares": shares}


# Steps ---------------------------------------------------------------------------------------------------------------


def read(asked: Asked, door: Door, watch: Watch) -> Table:
    """The file as a table."""
    with watch("imports.reading", file=asked.path.name):
        return data.ingest.files.read(asked.path, known=door.known, encoding=asked.encoding, layer=asked.layer)


def settle(rows: Rows, asked: Asked, file: str) -> npt.NDArray[np.bool_]:
    """The rows to go on with, as a mask over those before: all, or the good ones when bad ones may be skipped."""
    rows.faults.sort(key=lambda fault: (fault.row or 0, fault.column or ""))
    kept = rows.good()
    if rows.faults and not asked.skip_bad:
        raise BadRows("imports.bad_rows", rows.faults, file=file, rows=rows.total())
    if not kept.any():
        raise BadRows("imports.nothing_left", rows.faults, file=file)
    rows.keep(kept)
    return kept


def notes(rows: Rows) -> dict[str, object]:
    """What is to be said about rows that were kept."""
    return ({"unused": list(rows.unused)} if rows.unused else {}) | rows.notes


def not_judged(declared: Frame) -> Judgement:
    """The judgement of an import that has nothing to judge."""
    return Judgement("not_judged", declared.datum, declared.datum, 0, 1.0, {})


def keep(
    session: Session, asked: Asked, taken: Taken, kept: int, keeper: Callable[[int], Counts], watch: Watch
) -> Done:
    """Keep a batch and what belongs to it, or, in a dry run, do so and take it back."""
    with watch("imports.keeping", rows=kept), _tried(session, asked):
        import_id = data.imports.add(
            session,
            what=taken.what,
            file_name=asked.path.name,
            sha256=taken.sha256,
            datum=taken.declared.name,
            datum_accepted=asked.accept_datum and taken.judgement.verdict == "wrong",
            rows_kept=kept,
            rows_skipped=taken.rows - kept,
            synthetic=taken.synthetic,
            attribution=taken.attribution,
            facts={"datum": judged_facts(taken.judgement), "notes": dict(taken.notes), **taken.facts},
        )
        counts = keeper(import_id)
    return Done(taken, asked.path.name, None if asked.dry_run else import_id, kept, counts)


@contextmanager
def _tried(session: Session, asked: Asked) -> Iterator[None]:
    """A part of the transaction that a dry run undoes."""
    part = session.begin_nested()
    yield
    if asked.dry_run:
        part.rollback()
    else:
        part.commit()


# OpenStreetMap -------------------------------------------------------------------------------------------------------


def require_osm_datum(asked: Asked) -> None:
    """An extract is in WGS84, whatever anybody declares."""
    if asked.datum not in (None, "wgs84") or asked.epsg not in (None, 4326):
        raise Invalid("imports.no_osm_datum", declared=asked.datum or f"epsg:{asked.epsg}")


def data_date(path: Path) -> dict[str, str]:
    """The day an extract is of, as a fact of its batch."""
    return {"data_date": data.ingest.osm.data_date(path).date().isoformat()}
