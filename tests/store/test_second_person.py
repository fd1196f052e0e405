"""What an administrator gives has no effect until a second person confirms it: who may, by hand, and what waits.

Two streets A and B. `first` and `second` are administrators; `puppet` is staff of street A by the word of `first`
alone, as could be before the rule; everybody else was made by the owner of the machine. `first` proposes everything.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

import data.confirmations
import data.db
import data.keys
import data.users
from gis.errors import Conflict, NotAllowed, NotFound, Refusal
from worlds.squares import DAY, found

pytestmark = pytest.mark.database

STAFF = {
    "first": ("admin", "A"), "second": ("admin", "B"), "street A": ("street", "A"), "street B": ("street", "B"),
    "community A0": ("community", "A0"), "community A1": ("community", "A1"), "puppet": ("street", "A"),
    "partner": ("partner", "A"),
}  # fmt: skip
#: Who is answered what when she confirms: y, or the refusal of the status.
EXPECTED = """
               first  second  street-A  street-B  community-A0  community-A1  puppet
inspector-A00  403    y       y         404       y             404           403
community-A0   403    y       y         404       404           404           403
street-A       403    y       y         404       404           404           403
street-B       403    y       404       y         404           404           404
admin-A        403    y       404       404       404           404           404
partner-A      403    y       y         404       404           404           403
partner-D      403    y       404       404       404           404           404
forged         403    y       404       y         404           404           404
second-herself 403    403     y         404       404           404           403
handed         403    403     409       404       404           404           403
changed        403    403     y         404       404           404           403
key            403    y       y         404       404           404           403
"""
HEADER, *LINES = EXPECTED.strip("\n").splitlines()
NAMES = [name.replace("-", " ") for name in HEADER.split()]
CELLS = {line.split()[0]: dict(zip(NAMES, line.split()[1:], strict=True)) for line in LINES}
STATUS = {NotAllowed: "403", NotFound: "404", Conflict: "409"}


@pytest.fixture
def known(session: data.db.Session) -> dict[str, int]:
    """Everybody's number."""
    found(session)
    numbers = {}
    for login, (role, place) in STAFF.items():
        numbers[login] = person(session, login)
        data.users.assign(session, numbers[login], role=role, area_code=place, valid_from=DAY)
    session.execute(
        text("UPDATE assignment SET proposed_by = :first, confirmed_by = :first WHERE user_id = :puppet"), numbers
    )
    return numbers


def person(session: data.db.Session, login: str) -> int:
    return data.users.add(session, login=login, name="", synthetic=True)


def become(session: data.db.Session, login: str, user: int) -> None:
    session.execute(
        text("SELECT set_config('role', :role, true), set_config('wangge.user_id', :user, true)"),
        {"role": f"wangge_{STAFF[login][0]}", "user": str(user)},
    )


def owner(session: data.db.Session) -> None:
    session.execute(text("SELECT set_config('role', 'none', true), set_config('wangge.user_id', '', true)"))


def proposed(session: data.db.Session, known: dict[str, int], what: str, by: str = "first") -> tuple[str, int]:
    """What is proposed under a name of `CELLS`; the answer names it as `decide` does."""
    owner(session)
    gains = known["second"] if what == "second-herself" else person(session, f"new {what}")
    if what in ("handed", "changed"):
        become(session, "second", known["second"])
        data.users.set(session, gains, password_hash="x")
    if what == "changed":
        owner(session)
        assert session.scalar(text("SELECT wangge_private.door_password(:who, 'x', 'y')"), {"who": gains})
    become(session, by, known[by])
    if what == "key":
        return "key", make_key(session, known["partner"], ["text"]).id
    role, _, place = {"forged": "street-B", "second-herself": "street-A"}.get(what, what).partition("-")
    role = "street" if what in ("handed", "changed") else role
    made = data.users.assign(session, gains, role=role, area_code=place or "A", valid_from=DAY)
    assert made.waits
    if what == "forged":
        owner(session)
        session.execute(text("UPDATE assignment SET street_code = 'A' WHERE id = :id"), {"id": made.id})
    return "assignment", made.id


def make_key(session: data.db.Session, user_id: int, fields: list[str]) -> data.keys.Made:
    later = session.scalar(text("SELECT now() + interval '1 day'"))
    return data.keys.add(session, user_id, name="", scopes=["reports:read"], fields=fields, expires_at=later)


def answer(session: data.db.Session, known: dict[str, int], login: str, asked: tuple[str, int]) -> str:
    """What somebody is answered who confirms; undone again."""
    point = session.begin_nested()
    become(session, login, known[login])
    try:
        with data.db.refusals():
            data.confirmations.decide(session, *asked, granted=True)
        return "y"
    except Refusal as refusal:
        return STATUS[type(refusal)]
    finally:
        point.rollback()


def cells(session: data.db.Session, known: dict[str, int]) -> dict[str, dict[str, str]]:
    asked = {what: proposed(session, known, what) for what in CELLS}
    return {what: {login: answer(session, known, login, one) for login in NAMES} for what, one in asked.items()}


def test_each_proposal_is_confirmed_by_exactly_those_who_may(session, known):
    assert cells(session, known) == CELLS


def test_the_list_shows_to_each_what_she_is_answered_for(session, known):
    """Shown where the answer is not 404; `yours` where it is not 403; `ready` unless a given password is in use."""
    asked = {proposed(session, known, what): what for what in CELLS}
    for login in NAMES:
        become(session, login, known[login])
        shown = {
            asked[row["what"], row["id"]]: ("403" if not row["yours"] else "y" if row["ready"] else "409")
            for row in data.confirmations.search(session)
        }
        assert shown == {what: row[login] for what, row in CELLS.items() if row[login] != "404"}


#: What holds in which function, and what it would be without it; every one of these must be noticed above.
LOOSENED = (
    ("waiting", "ARRAY[u.id, asked.proposed_by, u.password_by]", "ARRAY[asked.proposed_by, u.password_by]"),
    ("waiting", "ARRAY[u.id, asked.proposed_by, u.password_by]", "ARRAY[u.id, u.password_by]"),
    ("waiting", "ARRAY[u.id, asked.proposed_by, u.password_by]", "ARRAY[u.id, asked.proposed_by]"),
    ("waiting", "asked.role <> 'admin'\n            AND", ""),
    ("waiting", "AND wangge_private.lie_in(asked.codes, wangge_private.my_codes('street'))", ""),
    ("waiting", "asked.role = 'inspector'\n            AND", ""),
    ("waiting", "AND wangge_private.lie_in(asked.codes, wangge_private.my_codes('community'))", ""),
    ("waiting", "acting = 'wangge_admin' AND cardinality(standing) > 0 OR wangge_private.lie_in(asked.codes, standing)",
     "true"),
    ("waiting", "NOT u.password_handed,", "true,"),
    ("my_standing", "AND (proposed_by IS DISTINCT FROM giver OR confirmed_by IS DISTINCT FROM giver)", ""),
    ("decide", "granted AND NOT asked.yours", "false"),
    ("decide", "granted AND NOT asked.ready AND NOT owns", "false"),
    ("lie_in", "bool_and(held)", "bool_or(true)"),
    ("way_in", "NEW.password_by := wangge_private.my_id();", ""),
    ("way_in", "NEW.password_handed := true;", ""),
)  # fmt: skip


def loosen(session: data.db.Session, function: str, held: str, loose: str) -> None:
    """Write a function anew with something else in it."""
    asked = "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname = :name"
    written = session.scalar(text(asked), {"name": function})
    assert held in written
    session.connection().exec_driver_sql(written.replace(held, loose).replace("%", "%%"))


@pytest.mark.parametrize("change", LOOSENED)
def test_every_condition_that_is_loosened_is_noticed(session, known, change):
    loosen(session, *change)
    assert cells(session, known) != CELLS


# What waits counts for nothing ----------------------------------------------------------------------------------------

PROBES = {
    "my_codes": "SELECT cardinality(wangge_private.my_codes('street')) > 0",
    "first_role": "SELECT wangge_private.first_role(:who, NULL) IS NOT NULL",
    "door_session": "SELECT EXISTS (SELECT FROM wangge_private.door_session(CAST(:sid AS uuid)))",
    "door_key": "SELECT EXISTS (SELECT FROM wangge_private.door_key(:prefix, :digest))",
    "my_fields": "SELECT cardinality(wangge_private.my_fields()) > 0",
}


def reached(session: data.db.Session, who: int, partner: int, key: data.keys.Made) -> set[str]:
    """By which ways somebody who was proposed for a street, and a key that was, get anywhere."""
    owner(session)
    sid = session.scalar(text("""INSERT INTO login_session (user_id, role, expires_at)
        VALUES (:who, 'street', 'infinity') RETURNING id::text"""), {"who": who})  # fmt: skip
    values = {"who": who, "sid": sid, "prefix": key.key.split("_")[1], "digest": data.keys.digest(key.key)}
    got = set()
    for name, asked in PROBES.items():
        me = partner if name == "my_fields" else who
        session.execute(
            text("SELECT set_config('wangge.user_id', :me, true), set_config('wangge.key_id', :key, true)"),
            {"me": str(me), "key": str(key.id)},
        )
        got |= {name} if session.scalar(text(asked), values) else set()
    owner(session)
    return got


def waiting_pair(session, known) -> tuple[int, int, data.keys.Made, int]:
    who = person(session, "mei")
    become(session, "first", known["first"])
    made = data.users.assign(session, who, role="street", area_code="A", valid_from=DAY)
    return who, known["partner"], make_key(session, known["partner"], ["text"]), made.id


def test_what_waits_opens_nothing_and_once_confirmed_all(session, known):
    who, partner, key, number = waiting_pair(session, known)
    assert reached(session, who, partner, key) == set()
    become(session, "second", known["second"])
    data.confirmations.decide(session, "assignment", number, granted=True)
    data.confirmations.decide(session, "key", key.id, granted=True)
    assert reached(session, who, partner, key) == set(PROBES)


@pytest.mark.parametrize("function", PROBES)
def test_a_door_that_forgets_to_ask_is_noticed(session, known, function):
    held = "k.confirmed_at IS NOT NULL" if function == "door_key" else "confirmed_at IS NOT NULL"
    alias = "a." if function == "door_session" else ""
    loosen(session, function, alias + held, "true")
    assert reached(session, *waiting_pair(session, known)[:3]) == {function}


def test_a_key_of_an_area_that_waits_opens_nothing(session, known):
    """A partner's first area, not confirmed; a key that names nothing personal counts at once, and reaches nowhere."""
    office = person(session, "office")
    become(session, "first", known["first"])
    made = data.users.assign(session, office, role="partner", area_code="B", valid_from=DAY)
    key = make_key(session, office, ["unit", "due"])
    assert (made.waits, key.waits) == (True, False)
    assert "door_key" not in reached(session, known["first"], office, key)


@pytest.mark.parametrize(("fields", "waits"), [([], False), (["unit", "due"], False), (["due", "place"], True)])
def test_a_key_waits_when_it_names_more_than_unit_and_due_date(session, known, fields, waits):
    become(session, "first", known["first"])
    assert make_key(session, known["partner"], fields).waits is waits


@pytest.mark.parametrize(
    ("role", "waits"), [("planner", False), ("auditor", False), ("admin", True), ("partner", True)]
)
def test_who_sees_no_person_needs_no_second_one(session, known, role, waits):
    who = person(session, "mei")
    become(session, "first", known["first"])
    assert data.users.assign(session, who, role=role, area_code="A", valid_from=DAY).waits is waits


# A way in that somebody else has made ---------------------------------------------------------------------------------


def counting(session: data.db.Session, who: int) -> list[str]:
    """The roles that count today."""
    owner(session)
    return session.scalars(
        text("SELECT role FROM assignment WHERE user_id = :who AND confirmed_at IS NOT NULL ORDER BY role"),
        {"who": who},
    ).all()


@pytest.mark.parametrize("change", [{"password_hash": "another"}, {"active": True}])
def test_a_password_by_another_and_an_account_opened_again_put_what_sees_persons_back_to_waiting(
    session, known, change
):
    who = known["street A"]
    data.users.assign(session, who, role="planner", area_code="A", valid_from=DAY)
    data.users.set(session, who, active="active" not in change)
    assert counting(session, who) == ["planner", "street"]
    become(session, "first", known["first"])
    data.users.set(session, who, **change)
    assert counting(session, who) == ["planner"]


def test_a_new_name_and_a_closed_account_leave_the_rest_as_it_is(session, known):
    become(session, "first", known["first"])
    data.users.set(session, known["street A"], name="x", active=False)
    assert counting(session, known["street A"]) == ["street"]


def test_what_the_owner_of_the_machine_sets_counts_at_once(session, known):
    data.users.set(session, known["street A"], password_hash="another", active=True)
    assert counting(session, known["street A"]) == ["street"]


def test_one_that_waits_keeps_its_proposer_when_another_sets_a_password(session, known):
    """Else the first administrator could confirm what she has proposed herself."""
    asked = proposed(session, known, "street-A")
    who = session.scalar(text("SELECT user_id FROM assignment WHERE id = :id"), {"id": asked[1]})
    become(session, "second", known["second"])
    data.users.set(session, who, password_hash="x")
    assert [answer(session, known, login, asked) for login in ("first", "second", "street A")] == ["403", "403", "409"]


def test_the_way_in_is_not_forgotten_by_any_way_of_writing_it_loosely(session, known):
    loosen(session, "way_in", "handed OR NEW.active AND NOT OLD.active", "false")
    become(session, "first", known["first"])
    data.users.set(session, known["street A"], password_hash="another")
    assert counting(session, known["street A"]) == ["street"]


# What the database itself refuses -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        """INSERT INTO assignment (user_id, role, area_code, valid_from, confirmed_at)
           VALUES (:street, 'admin', 'A', current_date, now())""",
        """INSERT INTO assignment (user_id, role, area_code, valid_from, proposed_by)
           VALUES (:street, 'admin', 'A', current_date, :second)""",
        "UPDATE assignment SET confirmed_at = now()",
        "UPDATE assignment SET role = 'street'",
        "UPDATE assignment SET area_code = 'B'",
        "UPDATE assignment SET user_id = :street",
        "UPDATE assignment SET valid_to = NULL WHERE user_id = :street",
        "UPDATE api_key SET confirmed_at = now()",
        "UPDATE api_key SET fields = '{text}'",
        "UPDATE api_key SET user_id = :street",
        "UPDATE api_key SET revoked_at = NULL",
        "UPDATE app_user SET password_handed = false",
        "UPDATE app_user SET password_by = NULL",
        "UPDATE app_user SET login = 'somebody-elses' WHERE id = :street",
        "INSERT INTO login_session (user_id, role, expires_at) VALUES (:street, 'street', now())",
        "UPDATE area SET code = code",
        "INSERT INTO area DEFAULT VALUES",
        "DELETE FROM area",
    ],
)
def test_no_administrator_writes_herself_past_it(session, known, statement):
    """Who confirmed, for whom, where, an end that was set, and what an area is: none of it is hers to write."""
    key = make_key(session, known["partner"], [])
    session.execute(text("UPDATE api_key SET revoked_at = now() WHERE id = :id"), {"id": key.id})
    session.execute(
        text("UPDATE assignment SET valid_to = current_date WHERE user_id = :id"), {"id": known["street A"]}
    )
    become(session, "first", known["first"])
    with pytest.raises(DBAPIError) as refused:
        session.execute(text(statement), {"street": known["street A"], "second": known["second"]})
    assert refused.value.orig.pgcode == "42501"


def test_whoever_may_see_it_refuses_it_and_it_never_counts(session, known):
    asked, key = (proposed(session, known, what) for what in ("street-A", "key"))
    become(session, "street A", known["street A"])
    for one in (asked, key):
        data.confirmations.decide(session, *one, granted=False)
        with pytest.raises(NotFound), session.begin_nested(), data.db.refusals():
            data.confirmations.decide(session, *one, granted=True)
    assert data.confirmations.search(session) == []


def test_the_proposer_withdraws_and_the_log_says_who_did_what(session, known):
    what, number = proposed(session, known, "street-A")
    _, key = proposed(session, known, "key")
    become(session, "first", known["first"])
    data.confirmations.decide(session, "assignment", number, granted=False)
    become(session, "second", known["second"])
    data.confirmations.decide(session, "key", key, granted=True)
    session.execute(text("RESET ROLE"))
    session.execute(text("SET CONSTRAINTS wangge_private.audit_at_commit IMMEDIATE"))
    logged = session.execute(text("SELECT actor, action, facts FROM audit_log ORDER BY id DESC LIMIT 2")).all()
    assert [tuple(row) for row in reversed(logged)] == [
        (str(known["first"]), f"{what}.refuse", {"assignment": number, "proposed_by": known["first"]}),
        (str(known["second"]), "key.confirm", {"key": key, "proposed_by": known["first"]}),
    ]


def test_the_owner_of_the_machine_confirms_anything_and_makes_nothing_that_waits(session, known):
    asked = [proposed(session, known, what) for what in CELLS]
    owner(session)
    assert {(row["what"], row["id"]) for row in data.confirmations.search(session)} == set(asked)
    for one in asked:
        data.confirmations.decide(session, *one, granted=True)
    assert data.confirmations.search(session) == []
    made = data.users.assign(session, known["second"], role="street", area_code="A", valid_from=DAY)
    assert not made.waits
    assert not make_key(session, known["partner"], ["text"]).waits


def test_who_confirms_while_a_password_is_being_handed_out_waits_and_is_refused(own_database_url):
    """The password is set and not yet committed; the confirmation sees it afterwards, not what was before."""
    engine = data.db.engine(own_database_url)
    with data.db.transaction(engine) as session:
        found(session)
        numbers = {}
        for login in ("first", "second", "street A"):
            numbers[login] = person(session, login)
            role, place = STAFF[login]
            data.users.assign(session, numbers[login], role=role, area_code=place, valid_from=DAY)
        asked = proposed(session, numbers, "street-A")
        owner(session)
        who = session.scalar(text("SELECT user_id FROM assignment WHERE id = :id"), {"id": asked[1]})

    def confirm() -> None:
        with data.db.transaction(engine, role="wangge_street", user_id=numbers["street A"]) as session:
            data.confirmations.decide(session, *asked, granted=True)

    with ThreadPoolExecutor() as pool:
        with data.db.transaction(engine, role="wangge_admin", user_id=numbers["second"]) as session:
            data.users.set(session, who, password_hash="x")
            confirming = pool.submit(confirm)
            _until_somebody_waits(engine)
        with pytest.raises(Conflict, match=r"confirm\.password"):
            confirming.result(30)
    engine.dispose()


def _until_somebody_waits(engine: data.db.Engine) -> None:
    asked = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    for _ in range(100_000):
        with data.db.transaction(engine) as session:
            if session.scalar(asked):
                return
    pytest.fail("nobody waits for the lock")


# What was there before ------------------------------------------------------------------------------------------------


def test_what_was_given_before_the_rule_stands_on_one_word_and_administrators_by_administrators_wait(cluster, engine):
    """From the log: `first` has given all but what the owner of the machine gave, who is `shell` there."""
    from alembic import command
    from alembic.script import ScriptDirectory

    server = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    server.execute(text("CREATE DATABASE before_the_rule"))
    rule = ScriptDirectory(str(data.db.MIGRATIONS)).get_revision("2026_11_26_4_second_person")
    old = data.db.engine(cluster.url_of("before_the_rule"))
    with old.begin() as connection:
        command.upgrade(data.db._alembic(connection), rule.down_revision)
        connection.execute(
            text("INSERT INTO app_user (login, name, synthetic) VALUES ('first', '', true), ('x', '', true)")
        )
        connection.execute(
            text("""INSERT INTO assignment (user_id, role, area_code, valid_from)
            SELECT 2, unnest(ARRAY['street', 'admin', 'street']), 'A', current_date""")
        )
        connection.execute(
            text("""INSERT INTO audit_log (actor, action, facts) VALUES
            ('1', 'user.assign', '{"assignment": 1}'), ('1', 'user.assign', '{"assignment": 2}'),
            ('shell', 'user.assign', '{"assignment": 3}')""")
        )
        command.upgrade(data.db._alembic(connection), rule.revision)
        asked = "SELECT proposed_by, confirmed_by, confirmed_at IS NOT NULL FROM assignment ORDER BY id"
        assert [tuple(row) for row in connection.execute(text(asked))] == [
            (1, 1, True), (1, None, False), (None, None, True)
        ]  # fmt: skip
    old.dispose()
    server.execute(text("DROP DATABASE before_the_rule WITH (FORCE)"))
    server.close()
