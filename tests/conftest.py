"""What every test may ask for: the real input folder, a database of its own, a browser."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import data.cluster
import data.postgres
from gis.errors import MissingPart

ROOT = Path(__file__).parent.parent
FULL = "WANGGE_TEST_FULL"  # set by `wangge test`: whatever a test needs must be there
TEMPLATE = "wangge_template"
BROWSER_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
numbers = count(1)


def lacking(what: str) -> None:
    """Skip by name where a part of the machine is missing; a full run fails on it instead."""
    if os.environ.get(FULL):
        pytest.fail(f"a full run needs {what}", pytrace=False)
    pytest.skip(f"no {what} here")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real input, which lies beside the checkout and not inside it."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no folder ../shared/data of real input")
    return folder


@pytest.fixture
def home() -> Iterator[Path]:
    """An empty home whose path the database's user may walk, as pytest's own folders forbid to root."""
    with tempfile.TemporaryDirectory(prefix="wangge-") as folder:
        os.chmod(folder, 0o711)
        yield Path(folder) / "home"


@pytest.fixture(scope="session")
def needs_postgis() -> None:
    """PostgreSQL's programs with PostGIS, for tests that start servers of their own."""
    try:
        data.postgres.programs()
    except MissingPart:
        lacking("PostgreSQL with PostGIS")


@pytest.fixture(scope="session")
def cluster(needs_postgis: None) -> Iterator[data.cluster.Cluster]:
    """One private PostGIS for all tests of this run."""
    with tempfile.TemporaryDirectory(prefix="wangge-") as folder:
        os.chmod(folder, 0o711)
        made = data.cluster.Cluster(Path(folder) / "home")
        with made.lease():
            yield made


@pytest.fixture(scope="session")
def template(cluster: data.cluster.Cluster) -> str:
    """The name of a migrated, empty database that others are copied from."""
    import data.db

    _command(cluster, f"CREATE DATABASE {TEMPLATE}")
    data.db.migrate(cluster.url_of(TEMPLATE))
    return TEMPLATE


@pytest.fixture(scope="module")
def database_url(cluster: data.cluster.Cluster, template: str) -> Iterator[str]:
    """A migrated, empty database for one test module; whoever commits cleans up or asks for `own_database_url`."""
    yield from _copy_of(template, cluster)


@pytest.fixture
def own_database_url(cluster: data.cluster.Cluster, template: str) -> Iterator[str]:
    """A migrated, empty database for one test."""
    yield from _copy_of(template, cluster)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """The machine's Chromium, driven by Playwright."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        lacking("Chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=BROWSER_FLAGS)
        yield started
        started.close()


def _copy_of(template: str, cluster: data.cluster.Cluster) -> Iterator[str]:
    name = f"test_{next(numbers)}"
    _command(cluster, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield cluster.url_of(name)
    _command(cluster, f"DROP DATABASE {name} WITH (FORCE)")


def _command(cluster: data.cluster.Cluster, statement: str) -> None:
    import psycopg2

    connection = psycopg2.connect(host=str(cluster.socket), user=data.cluster.SUPERUSER, dbname="postgres")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()
