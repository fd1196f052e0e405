"""An enemy with the token of a planner asks every route there is about two towns and subtracts the answers.

The towns differ in households that are not in the secret draw: one to ten more elders in cells that are empty, small,
covered, uncovered, unreached. Every body that a planner or anybody gets must be the same, byte for byte but for the
moment it was made and the digests of the inputs: then no count has an upper bound that could be computed from any
number of answers, over areas, kinds, runs, scenarios, pins or time. A household that is drawn does move figures: that
is what the draw does not hide, and the second test sees the first one fail for it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

import api.actions.orders
import api.auth
import api.worker
import data.cluster
import data.db
import gis.manifest
from api.app import create_app
from api.settings import Settings
from contract import conftest, people
from worlds import drawn
from worlds.asking import addresses, read

pytestmark = [pytest.mark.database, pytest.mark.timeout(1200)]

#: What says when and from what something was computed, and says it of any change whatever.
MOMENT = re.compile(
    r'"households": ?"[0-9a-f]{64}"|"(\w*_at|\w*sha256|seconds|timeStamp)": ?("[^"]*"|[\d.]+|{[^}]*})'
    r"|\d{4}-\d\d-\d\d[T ][\d:.]+(Z|\+[\d:]+)?"
)
#: The digest of no household at all, which anybody can compute.
NOBODY = gis.manifest.of_frame(conftest.homes().iloc[:0], gis.manifest._HOUSEHOLDS)
#: Elders in cells of their own by grid and place on the lane; and extra ones, with how many: into an empty grid, among
#: few, among many.
FEW = [("A01", 0.3), ("A01", 0.5), ("A10", 0.8), ("A10", 0.85), ("B10", 1.2), ("B01", 1.4), ("B00", 1.1),
       ("B11", 1.9), ("A00", 0.95)]  # fmt: skip
MORE = [("A11", 0.7, 3), ("A01", 0.6, 1), ("A00", 0.41, 2), ("B00", 1.81, 3), ("B10", 1.5, 1), ("A00", 0.9, 10)]


def living(extra: list[str]) -> gpd.GeoDataFrame:
    """The forty and forty, nine in cells of their own, and one for each extra name."""
    usual = conftest.homes()
    few = [(f"few-{n}", grid, x, 1 + n % 3) for n, (grid, x) in enumerate(FEW)]
    few += [(name, *more) for name, more in zip(extra, itertools.cycle(MORE), strict=False)]
    rows = usual.iloc[[0] * len(few)].assign(
        ref=[one[0] for one in few], elders=[one[3] for one in few], grid_code=[one[1] for one in few],
        community_code=[one[1][:2] for one in few], street_code=[one[1][0] for one in few], age_max=99, elders_80=1,
    ).set_geometry([conftest.place(one[2]) for one in few], crs=4326)  # fmt: skip
    return gpd.GeoDataFrame(pd.concat([usual, rows], ignore_index=True), crs=4326)


class Enemy:
    """A planner of one town, and all that she is told."""

    def __init__(self, url: str, home: Path, extra: list[str]) -> None:
        self.engine = data.db.engine(url)
        with data.db.transaction(self.engine) as session:
            known = people.settle(session)
            conftest.furnish(session, living(extra))
        data.db.open_door(url)
        door = url.replace(f"//{data.cluster.SUPERUSER}@", f"//{data.cluster.DOOR}@")
        given = Settings(home=home, database_url=url, door_url=door, rate_person=0, rate_address=0)
        self.settings, self.client = given, TestClient(create_app(given), raise_server_exceptions=False)
        sid = people.session_of(self.engine, known["planner"], "planner")
        with self.client:
            token = api.auth.access_token(
                self.client.app.state.keyring, user_id=known["planner"], session_id=sid, now=api.deps.now()
            )
            self.headers = people.bearer(token)
            self.order()
            self.told = dict(self.answers())
        self.engine.dispose()

    def order(self) -> None:
        """A scenario and runs of it, of one area, of other limits: as much as a planner may have computed."""
        change = {"do": "add", "kind": "canteen", "lon": conftest.place(1.8).x, "lat": conftest.place(1.8).y}
        made = self.client.post("/api/scenarios", json={"name": "x", "changes": [change]}, headers=self.headers)
        assert made.status_code == 201, made.text
        base = {"kinds": ["canteen"]}
        for more in ({"scenario": made.json()["id"]}, {"area": "A0"}, {"area": "A11"}, {"metres": 150}, {"minutes": 3},
                     {"facilities": "own"}, {"profile": "wheelchair"}):  # fmt: skip
            ordered = self.client.post("/api/coverage/runs", json=base | more, headers=self.headers)
            assert ordered.status_code == 202, ordered.text
            self.work()

    def work(self) -> None:
        while api.worker.step(self.engine, self.settings, [api.actions.orders.JOB]):
            pass

    def answers(self) -> Iterator[tuple[str, str]]:
        """Every GET with whatever fits into it; every pin and every room along the lane."""
        runs = [one["run_id"] for one in self.client.get("/api/coverage/runs", headers=self.headers).json()["runs"]]
        assert len(runs) >= 6
        fills = {"run_id": runs, "other_id": runs[-2:], "scenario_id": [1], "order_id": range(1, 8), "z": [14],
                 "layer": ["areas", "facilities", "coverage", "reports"], "code": ["D", "A", "A0", "A01", "B10"],
                 "name": ["areas", "facilities", "coverage", "reports", "households"], "form": ["json", "xml"],
                 "feature_id": ["1"], "facility_id": ["F-1"], "household_id": [1, 85]}  # fmt: skip
        for where in addresses(self.client.app.openapi(), fills):
            yield where, said(self.client.get(where, headers=self.headers))
        for page in ("/?lang=zh", "/?lang=en"):
            yield page, said(self.client.get(page))
        for ask, body in asked():
            yield f"{ask} {body}", said(self.client.post(ask, json=body, headers=self.headers))


def asked() -> Iterator[tuple[str, dict[str, Any]]]:
    for x in (0.1, 0.3, 0.6, 0.9, 1.1, 1.4, 1.8, 1.95):
        change = {"do": "add", "kind": "canteen", "lon": conftest.place(x).x, "lat": conftest.place(x).y}
        for metres, more in ((50, {}), (500, {"profile": "wheelchair"})):
            yield "/api/coverage/preview", {"kinds": ["canteen"], "metres": metres, "changes": [change], **more}
        room = {"id": "room", "lon": change["lon"], "lat": change["lat"]}
        yield "/api/siting", {"kind": "canteen", "candidates": [room]}
        yield "/api/siting", {"kind": "canteen", "candidates": [room, room | {"id": "far", "lon": 113.219}], "sites": 2}
    yield "/api/coverage/preview", {"kinds": ["canteen"], "changes": [{"do": "close", "id": "F-1"}]}


def said(answer: Any) -> str:
    """What an answer says, without the moment it was made; never that there is nobody."""
    told = read(answer)
    assert NOBODY not in told
    return f"{answer.status_code} {MOMENT.sub('~', told)}"


def names(*, of_drawn: bool) -> list[str]:
    """Names that are in the draw, or are not."""
    found = (f"extra-{n}" for n in itertools.count() if drawn.drawn(f"extra-{n}") == of_drawn)
    return list(itertools.islice(found, len(MORE)))


def different(one: dict[str, str], other: dict[str, str]) -> list[str]:
    assert one.keys() == other.keys()
    return [f"{key}\n   {_about(one[key], other[key])}" for key in one if one[key] != other[key]]


def _about(one: str, other: str) -> str:
    at = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)
    return f"{one[max(0, at - 60) : at + 60]!r}\n   {other[max(0, at - 60) : at + 60]!r}"


def test_nothing_a_planner_is_told_depends_on_who_is_not_drawn(template, cluster, tmp_path):
    """Twenty elders more, and not a figure, a feature, a tile or a file differs; with drawn ones something does."""
    told = []
    for number, extra in enumerate(([], names(of_drawn=False), names(of_drawn=True))):
        database = f"attacked_{number}"
        with data.db.engine(cluster.url_of("postgres")).connect() as owner:
            owner.execution_options(isolation_level="AUTOCOMMIT")
            owner.execute(text(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)"))
            owner.execute(text(f"CREATE DATABASE {database} TEMPLATE {template}"))
        told.append(Enemy(cluster.url_of(database), tmp_path / database, extra).told)
    assert len(told[0]) > 350
    assert sum(body.startswith("4") for body in told[0].values()) < len(told[0]) / 4
    assert different(told[0], told[1]) == []
    assert different(told[0], told[2])
    _no_small_figure(told[0])


def _no_small_figure(told: dict[str, str]) -> None:
    """No JSON that speaks of elders holds a figure of 1 to 9, or one that is no multiple of 5."""
    figure = re.compile(r'"(elders|covered|uncovered|unknown|gained|lost|covered_before)": ?(\d+)')
    found = {int(value) for body in told.values() for _, value in figure.findall(body)}
    assert len(found) > 3
    assert [value for value in found if value % 5 or 0 < value < 10] == []
