"""Makers of one object in one place of the town, for the matrix of route rights; each part appends its own.

`make_<noun>(session, place)` works as the owner of the database. The place is `own` (grid A00), `neighbour` (A01),
`community` (A10), `street` (B00) or `deleted` (was in A00). It returns the object's id, or a dictionary with `id` and
whatever else a request about it says.
"""

from __future__ import annotations

#: Where an object of each place lies.
GRIDS = {"own": "A00", "neighbour": "A01", "community": "A10", "street": "B00", "deleted": "A00"}
