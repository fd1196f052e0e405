"""Folders and files of the home: made with the right permissions, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gis.errors import NotAllowed


def make(folder: Path) -> None:
    """Make one that the unprivileged user may pass through, but nobody else may list."""
    if not folder.exists():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o711 if os.geteuid() == 0 else 0o700)


def write(path: Path, text: str) -> None:
    """Put a file there in one go; everybody may read it."""
    beside = path.with_name(f"{path.name}.new")
    beside.write_text(text)
    beside.chmod(0o644)
    beside.replace(path)


def sync(folder: Path) -> None:
    """Wait until a new name in the folder would survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def owned(home: Path) -> Iterator[None]:
    """Make of a missing right in the home a refusal that says whose it is."""
    try:
        yield
    except PermissionError as error:
        raise NotAllowed("setup.not_owner", home=str(home)) from error
