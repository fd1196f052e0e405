"""pgRouting as a peer to be measured against: borrowed for a while, and nothing of it stays in the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from data.copying import fetch
from data.db import Session

#: Not `equicost`: in pgRouting 3.4 it gives some nodes a facility that is not their nearest.
NEAREST = """
SELECT node, min(agg_cost) AS cost
FROM pgr_drivingDistance('SELECT id, source, target, cost FROM peer_arc', %(starts)s::bigint[], %(limit)s, true)
GROUP BY node"""

BALLS = """
SELECT from_v AS start, node, agg_cost AS cost
FROM pgr_drivingDistance('SELECT id, source, target, cost FROM peer_arc', %(starts)s::bigint[], %(limit)s, true)"""


@contextmanager
def borrowed(
    session: Session, tail: NDArray[np.integer], head: NDArray[np.integer], cost: NDArray[np.floating]
) -> Iterator[bool]:
    """The extension and these arcs in a temporary table, undone at the end; False where it may not or cannot be."""
    point = session.begin_nested()
    try:
        yield _prepare(session, tail, head, cost)
    finally:
        point.rollback()


def _prepare(
    session: Session, tail: NDArray[np.integer], head: NDArray[np.integer], cost: NDArray[np.floating]
) -> bool:
    try:
        with session.begin_nested():
            session.execute(text("CREATE EXTENSION IF NOT EXISTS pgrouting"))
    except DBAPIError:
        return False
    session.execute(text("CREATE TEMPORARY TABLE peer_arc (id bigint, source bigint, target bigint, cost float8)"))
    session.execute(
        text(
            "INSERT INTO peer_arc SELECT row_number() OVER (), * FROM unnest(CAST(:tail AS bigint[]),"
            " CAST(:head AS bigint[]), CAST(:cost AS float8[]))"
        ),
        {"tail": tail.tolist(), "head": head.tolist(), "cost": cost.tolist()},
    )
    session.execute(text("ANALYZE peer_arc"))
    return True


def be_patient(session: Session) -> None:
    """Between two of its races the transaction may idle for longer than others may."""
    session.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))


def nearest(session: Session, starts: NDArray[np.integer], *, limit: float) -> pd.DataFrame:
    """Columns node, cost: the least cost from any of the starts."""
    return fetch(session, NEAREST, {"starts": starts.tolist(), "limit": limit})


def balls(session: Session, starts: NDArray[np.integer], *, limit: float) -> pd.DataFrame:
    """Columns start, node, cost: all that lies within the limit of each start."""
    return fetch(session, BALLS, {"starts": starts.tolist(), "limit": limit})
