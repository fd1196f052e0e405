"""Secrets in files of their own: beside the database, never in it, nor in its backup."""

from __future__ import annotations

import os
import secrets
from functools import cached_property
from pathlib import Path

import data.folders

TOKEN_KEY = "token.key"


class Keyring:
    """The folder of an installation's secrets; each file is made on its first use, for its owner's eyes alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def token_key(self) -> bytes:
        """What access tokens are signed with; without the file everybody has to log in again, and nothing is lost."""
        return bytes.fromhex(self._read(TOKEN_KEY, secrets.token_hex(32)))

    def _read(self, name: str, first: str) -> str:
        """The file's text; of two processes that make it at once, one wins and both read the same."""
        path = self.folder / name
        if not path.exists():
            with data.folders.owned(self.folder.parent):
                self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                _make(path, first)
        return path.read_text("ascii")


def _make(path: Path, text: str) -> None:
    """Write beside and link: the name appears with its whole content, and never replaces another's."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(handle)
    try:
        os.link(beside, path)
    except FileExistsError:
        pass
    finally:
        beside.unlink()
    data.folders.sync(path.parent)
