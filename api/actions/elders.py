"""The persons of households: brought in, and encrypted anew when the key is changed."""

from __future__ import annotations

import api.actions.intake as intake
import data.audit
import data.db
import data.factors
import data.identity
import data.ingest.columns
import data.ingest.elders
import data.population
import data.webhooks
from api.actions.intake import Asked, Done, Taken, Watch
from data.ingest.places import Frame
from data.ingest.upsert import Counts
from data.keyring import Keyring, Seal
from gis.errors import Invalid

#: How many persons are encrypted anew in one transaction.
BATCH = 2000


def bring_in(
    session: data.db.Session, asked: Asked, seal: Seal, *, legal_basis: str, watch: Watch = intake.quietly
) -> Done:
    """Bring in the persons of households that are known; they take the place of whoever was kept there before."""
    if not legal_basis.strip():
        raise Invalid("elders.no_basis")
    table = intake.read(asked, data.ingest.elders.DOOR, watch)
    with watch("imports.checking", rows=len(table.rows)):
        rows = data.ingest.columns.read(table, data.ingest.elders.DOOR)
        data.ingest.elders.link(rows, data.population.numbers(session))
        intake.settle(rows, asked, table.name)
        persons = data.ingest.elders.frame(rows, legal_basis=legal_basis.strip())
    nowhere = Frame("wgs84")
    taken = Taken(
        "elders", table.sha256, rows.total(), nowhere, intake.not_judged(nowhere), intake.notes(rows),
        tuple(rows.faults), asked.synthetic, asked.attribution,
    )  # fmt: skip

    def keep(import_id: int) -> Counts:
        gone = data.identity.replace(session, persons, seal=seal, synthetic=asked.synthetic, import_id=import_id)
        data.audit.record(session, actor="shell", action="elders.import", subject=f"import:{import_id}")
        changed = min(gone, len(persons))
        return Counts(len(persons) - changed, changed, 0, data.identity.count(session) - len(persons))

    return intake.keep(session, asked, taken, len(persons), keep, watch)


def change_key(engine: data.db.Engine, keyring: Keyring) -> int:
    """Encrypt everything anew under a new key, a batch at a time; how many persons there are.

    A run that is killed leaves both keys in place and everything readable; the next one finishes.
    """
    keyring.add_data_key()
    after: int | None = 0
    while after is not None:
        with data.db.transaction(engine) as session:
            after = data.identity.renew(session, keyring.seal, after=after, limit=BATCH)
    with data.db.transaction(engine) as session:
        data.webhooks.renew(session, keyring.seal)
        data.factors.renew(session, keyring.seal)
    keyring.drop_old_data_keys()
    with data.db.transaction(engine) as session:
        kept = data.identity.count(session)
        data.audit.record(session, actor="shell", action="key.rotate_data", facts={"persons": kept})
    return kept
