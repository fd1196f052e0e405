"""PostgreSQL itself: the programs this machine has, with PostGIS beside them, and what a server says of itself."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gis.errors import MissingPart

OLDEST_POSTGRES = 15  # security_invoker views, which row security needs
OLDEST_POSTGIS = (3, 3)
INSTALL = "apt-get install -y postgresql postgresql-postgis"

SETTINGS = """
    SELECT name, setting FROM pg_settings
    WHERE name IN ('server_version', 'server_version_num', 'fsync', 'full_page_writes', 'synchronous_commit',
                   'data_checksums')
"""
POSTGIS = "SELECT extversion FROM pg_extension WHERE extname = 'postgis'"


@dataclass(frozen=True)
class Programs:
    """One installed PostgreSQL with PostGIS beside it."""

    major: int
    postgis: str
    folder: Path

    def path(self, name: str) -> str:
        """Return the full path of a program of this version, such as `pg_dump`."""
        return str(self.folder / name)


def installed() -> list[Programs]:
    """All usable versions, newest first."""
    found = {each.major: each for each in map(_inspect, *zip(*_places(), strict=True)) if each}
    return [found[major] for major in sorted(found, reverse=True)]


def programs(major: int | None = None) -> Programs:
    """Return the newest version, or exactly `major`: a cluster can only be run by the version that made it."""
    for each in installed():
        if major in (None, each.major):
            return each
    if major is None:
        raise MissingPart("setup.postgis", command=INSTALL, postgres=OLDEST_POSTGRES)
    raise MissingPart(
        "setup.postgres_major",
        command=f"apt-get install -y postgresql-{major} postgresql-{major}-postgis-3",
        major=major,
    )


def about(url: str) -> dict[str, str]:
    """What a server says of itself: version, PostGIS, schema, and the settings that decide whether it forgets."""
    import sqlalchemy  # here and not above: who only asks for programs need not wait for it

    import data.db

    with data.db.refusals():
        opened = sqlalchemy.create_engine(url, poolclass=sqlalchemy.pool.NullPool)
        with opened.connect() as connection:
            told = {row.name: row.setting for row in connection.execute(sqlalchemy.text(SETTINGS))}
            told["postgis"] = connection.scalar(sqlalchemy.text(POSTGIS)) or ""
    return told | {"revision": data.db.revision(url) or ""}


def _places() -> list[tuple[Path, Path]]:
    debian = [
        (folder, Path("/usr/share/postgresql") / folder.parent.name)
        for folder in Path("/usr/lib/postgresql").glob("*/bin")
    ]
    return [(Path("/nonexistent"), Path("/nonexistent")), *_configured(), *debian]


def _configured() -> Iterator[tuple[Path, Path]]:
    """Where a PostgreSQL built or packaged elsewhere says it lies."""
    if tool := shutil.which("pg_config"):
        told = subprocess.run([tool, "--bindir", "--sharedir"], capture_output=True, text=True, check=False)
        if len(lines := told.stdout.splitlines()) == 2:
            yield Path(lines[0]), Path(lines[1])


def _inspect(folder: Path, share: Path) -> Programs | None:
    control = share / "extension" / "postgis.control"
    if not (folder / "initdb").exists() or not control.exists():
        return None
    postgis = re.search(r"default_version = '([\d.]+)", control.read_text())
    major = int(_version(folder))
    if not postgis or major < OLDEST_POSTGRES or _numbers(postgis[1]) < OLDEST_POSTGIS:
        return None
    return Programs(major, postgis[1], folder)


def _version(folder: Path) -> str:
    if folder.parent.parent == Path("/usr/lib/postgresql"):
        return folder.parent.name
    told = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"(\d+)", told)
    return found[1] if found else "0"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])
