"""Makers of one object in one place of the town, for the matrix of route rights; each part appends its own.

`make_<noun>(session, place)` works as the owner of the database. The place is `own` (grid A00), `neighbour` (A01),
`community` (A10), `street` (B00) or `deleted` (was in A00). It returns the object's id, or a dictionary with `id` and
whatever else a request about it says.
"""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

from sqlalchemy import text

import data.changes
import data.keys
import data.reports
import data.scenarios
import data.users
from data.db import Session
from worlds import squares

#: Where an object of each place lies.
GRIDS = {"own": "A00", "neighbour": "A01", "community": "A10", "street": "B00", "deleted": "A00"}


def make_report(session: Session, place: str) -> dict[str, object]:
    """A report of somebody who has left, and another one beside it; a report is never deleted, so `deleted` is none."""
    made, beside = (_report(session, GRIDS[place]) for _ in range(2))
    return {"id": UUID(int=made.int ^ 1) if place == "deleted" else made, "into": str(beside)}


def make_dispute(session: Session, place: str) -> dict[str, object]:
    """Another body under the id of a report."""
    report = _report(session, GRIDS[place])
    number = session.scalar(
        text("INSERT INTO report_conflict (report_id, body_hash, body) VALUES (:report, 'x', '{}') RETURNING id"),
        {"report": str(report)},
    )
    return {"id": number + 10**9 if place == "deleted" else number, "report_id": str(report)}


def _report(session: Session, grid: str) -> UUID:
    """A report that nobody in the town has written, with its first event."""
    made = uuid4()
    values = {"id": str(made), "street": grid[0], "community": grid[:2], "grid": grid}
    session.execute(
        text("""INSERT INTO report (id, client_id, category, captured_at, text, synthetic, street_code, community_code,
                    grid_code) VALUES (:id, :id, 'handrail', now(), '', true, :street, :community, :grid)"""),
        values,
    )
    data.reports.adopt(session)
    return made


# People ---------------------------------------------------------------------------------------------------------------


def make_user(session: Session, place: str) -> int:
    """An account that belongs to a grid; accounts are never deleted, so `deleted` is none."""
    made = data.users.add(session, login=str(uuid4()), name="", synthetic=True, grid_code=GRIDS[place])
    return made + 10**9 if place == "deleted" else made


def make_factor(session: Session, place: str) -> int:
    """An account with a second factor; `deleted`: one that has none."""
    user = data.users.add(session, login=str(uuid4()), name="", synthetic=True, grid_code=GRIDS[place])
    if place != "deleted":
        values = {"user": user}
        session.execute(
            text("INSERT INTO second_factor (user_id, secret_sealed, recovery) VALUES (:user, 'x', '{}')"), values
        )
    return user


def make_assignment(session: Session, place: str) -> dict[str, int]:
    """A planner's assignment, and whose it is."""
    user = data.users.add(session, login=str(uuid4()), name="", synthetic=True)
    made, _ = data.users.assign(session, user, role="planner", area_code=GRIDS[place], valid_from=squares.DAY)
    return {"id": made + 10**9 if place == "deleted" else made, "user_id": user}


def make_proposal(session: Session, place: str) -> dict[str, object]:
    """An inspector whom an administrator who has left proposed and nobody confirmed; none is deleted, nor is one."""
    user = data.users.add(session, login=str(uuid4()), name="", synthetic=True)
    made, _ = data.users.assign(session, user, role="inspector", area_code=GRIDS[place], valid_from=squares.DAY)
    session.execute(
        text("""UPDATE assignment SET confirmed_at = NULL, proposed_by = app_user.id FROM app_user
                WHERE assignment.id = :made AND login = 'gone'"""),
        {"made": made},
    )
    return {"id": made + 10**9 if place == "deleted" else made, "what": "assignment"}


def make_partner(session: Session, place: str) -> int:
    """An account that may be given a key."""
    user = data.users.add(session, login=str(uuid4()), name="", synthetic=True)
    data.users.assign(session, user, role="partner", area_code=GRIDS[place], valid_from=squares.DAY)
    return user + 10**9 if place == "deleted" else user


def make_key(session: Session, place: str) -> int:
    """A key of such an account; keys are never deleted, so `deleted` is none."""
    later = datetime(2099, 1, 1, tzinfo=UTC)
    user = make_partner(session, "own")
    made = data.keys.add(session, user, name="", scopes=[], fields=[], expires_at=later).id
    return made + 10**9 if place == "deleted" else made


def make_home(session: Session, place: str) -> int:
    """A household with one person; deleted with everybody in it."""
    grid = GRIDS[place]
    values = {"ref": str(uuid4()), "street": grid[0], "community": grid[:2], "grid": grid}
    made = session.scalar(
        text("""INSERT INTO household (ref, elders, synthetic, street_code, community_code, grid_code)
                VALUES (:ref, 1, true, :street, :community, :grid) RETURNING id"""),
        values,
    )
    if place == "deleted":
        session.execute(text("DELETE FROM household WHERE id = :id"), {"id": made})
    return int(made)


def make_photo(session: Session, place: str) -> UUID:
    """A photo of a report of that place, refused as soon as it came: who sees it is told so, and nobody is shown it."""
    report, made = make_report(session, place)["id"], uuid4()
    author = session.scalar(text("SELECT id FROM app_user WHERE login = 'gone'"))
    values = {"id": str(made), "author": author, "report": str(report), "sha256": made.hex * 2}
    session.execute(
        text("""INSERT INTO photo (id, author_id, sha256, bytes, media, state, reason)
                VALUES (:id, :author, :sha256, 1, 'image/jpeg', 'refused', 'unreadable')"""),
        values,
    )
    if place != "deleted":
        session.execute(
            text("INSERT INTO report_photo (report_id, author_id, sha256) VALUES (:report, :author, :sha256)"), values
        )
    return made


def make_change(session: Session, place: str) -> dict[str, object]:
    """A change of that place, which is never deleted: for `deleted` one of no place at all."""
    grid = GRIDS[place]
    codes = {"street_code": grid[0], "community_code": grid[:2], "grid_code": grid} if place != "deleted" else {}
    subject = str(uuid4())
    since = data.changes.newest(session)
    data.changes.record(session, "report", subject, "accept", {"report_id": subject}, codes=codes)
    return {"id": subject, "since": str(since)}


def make_webhook(session: Session, place: str) -> int:
    """A webhook of the partner of street A (`own`), or of the one of street B; `deleted`: taken away again."""
    owner = "partner" if place in ("own", "deleted") else "partner B"
    return int(session.execute(
        text("""INSERT INTO webhook (owner_id, role, url, what, secret, last_seq, removed_at)
                SELECT id, 'partner', 'https://93.184.216.34/', '{}', 'x', 0, CASE WHEN :gone THEN now() END
                FROM app_user WHERE login = :owner RETURNING id"""),
        {"owner": owner, "gone": place == "deleted"},
    ).scalar_one())  # fmt: skip


# Coverage -------------------------------------------------------------------------------------------------------------


def make_lane(session: Session, _place: str) -> int:
    """The lane with its canteen and homes, laid out once; whoever may ask about it may ask from anywhere."""
    from contract.conftest import furnish

    if not session.scalar(text("SELECT count(*) FROM walknet")):
        furnish(session)
    return 1


def make_placed_home(session: Session, place: str) -> int:
    """A household that is asked about beside the lane."""
    make_lane(session, place)
    return make_home(session, place)


def make_facility(session: Session, place: str) -> str:
    """A facility of a grid."""
    grid, made = GRIDS[place], f"F-{uuid4()}"
    values = {"id": made, "street": grid[0], "community": grid[:2], "grid": grid}
    session.execute(
        text("""INSERT INTO facility (id, name, kind, geom, synthetic, street_code, community_code, grid_code)
                VALUES (:id, '', 'clinic', 'SRID=4326;POINT(113.2 23.1)', true, :street, :community, :grid)"""),
        values,
    )
    if place == "deleted":
        session.execute(text("DELETE FROM facility WHERE id = :id"), {"id": made})
    return made


def make_new_facility(_session: Session, place: str) -> dict[str, object]:
    """The id and the place of a facility that is not there yet; a tenth from the corner of its grid."""
    east, north = {"A00": (0.1, 0.1), "A01": (0.1, 0.6), "A10": (0.1, 1.1), "B00": (1.1, 0.1)}[GRIDS[place]]
    return {"id": 1, "new": f"F-{uuid4()}", "lon": squares.WEST + east / 100, "lat": squares.SOUTH + north / 100}


def make_run(session: Session, place: str) -> int:
    """A run of nothing, with one figure; its inputs are no longer there, so that nothing can be drawn of it."""
    make_lane(session, place)
    made = session.scalar(
        text("""INSERT INTO coverage_run
                    (kinds, parameters, manifest, inputs_sha256, seconds, totals, walknet_id, as_of, synthetic)
                SELECT '{canteen}', '{"area": null, "metres": 500, "minutes": 10}',
                    '{"network": "", "facilities": "", "households": ""}', '', '{}', '{}', max(id), '2026-01-01', true
                FROM walknet RETURNING id""")
    )
    figure = (
        "INSERT INTO coverage_published (run_id, level, kind, verdict, code) VALUES (:run, 'street', 'x', 'x', 'A')"
    )
    session.execute(text(figure), {"run": made})
    if place == "deleted":
        session.execute(text("DELETE FROM coverage_run WHERE id = :run"), {"run": made})
    return int(made)


def make_compared_run(session: Session, place: str) -> dict[str, int]:
    """A run and one to hold it against."""
    return {"id": make_run(session, place), "run_id": make_run(session, "own")}


def make_order(session: Session, place: str) -> int:
    """An order of the planner (`own`) or of somebody else; orders are never deleted, so `deleted` is none."""
    owner = "planner" if place in ("own", "deleted") else "gone"
    made = session.scalar(
        text("""INSERT INTO coverage_order (user_id, what, parameters, digest, state)
                SELECT id, 'run', '{}', :digest, 'done' FROM app_user WHERE login = :owner RETURNING id"""),
        {"digest": str(uuid4()), "owner": owner},
    )
    return int(made) + 10**9 if place == "deleted" else int(made)


def make_scenario(session: Session, place: str) -> int:
    """A scenario, which belongs to no place."""
    made = data.scenarios.add(session, name=str(uuid4()), changes=[{"do": "close", "id": "F-1"}])
    if place == "deleted":
        data.scenarios.remove(session, made)
    return made


def make_new_scenario(session: Session, place: str) -> dict[str, object]:
    """A name that no scenario has."""
    return {"id": make_lane(session, place), "name": str(uuid4())}
