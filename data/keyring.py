"""Secrets in files of their own: beside the database, never in it, nor in its backup."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

import data.folders
from gis.errors import MissingPart

TOKEN_KEY = "token.key"
#: The password of `wangge_login` on a server that is not ours.
DOOR_PASSWORD = "door.password"
#: One key a line, the newest first: it closes, all of them open.
DATA_KEYS = "data.keys"


class Seal:
    """What closes personal values before they reach the database, and opens them for whoever may see them."""

    def __init__(self, keys: list[str]) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def close(self, value: str) -> str:
        """The value encrypted and authenticated (AES-128-CBC with HMAC-SHA256, as Fernet has it)."""
        return self._fernet.encrypt(value.encode()).decode()

    def open(self, sealed: str) -> str:
        """The value again; refused where the key is not, or no longer, there."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            raise MissingPart("identity.key") from None

    def renew(self, sealed: str) -> str:
        """The same value under the newest key."""
        try:
            return self._fernet.rotate(sealed).decode()
        except InvalidToken:
            raise MissingPart("identity.key") from None


class Keyring:
    """The folder of an installation's secrets; each file is made on its first use, for its owner's eyes alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def token_key(self) -> bytes:
        """What access tokens are signed with; without the file everybody has to log in again, and nothing is lost."""
        return bytes.fromhex(self._read(TOKEN_KEY, secrets.token_hex(32)))

    @property
    def door_password(self) -> str:
        """What requests come into the database with, where the server is somebody else's."""
        return self._read(DOOR_PASSWORD, secrets.token_hex(32))

    @property
    def seal(self) -> Seal:
        """Read anew each time, so that a running server follows a change of keys."""
        return Seal(self._data_keys())

    def add_data_key(self) -> None:
        """From now on a new key closes; the older ones still open."""
        self._write(DATA_KEYS, "\n".join([Fernet.generate_key().decode(), *self._data_keys()]))

    def drop_old_data_keys(self) -> int:
        """Only the newest key is left, once nothing is closed with another; how many were dropped."""
        newest, *older = self._data_keys()
        self._write(DATA_KEYS, newest)
        return len(older)

    def _data_keys(self) -> list[str]:
        return self._read(DATA_KEYS, Fernet.generate_key().decode()).split()

    def _write(self, name: str, text: str) -> None:
        """Put a file in the place of another, whole or not at all."""
        beside = _beside(self.folder / name, text)
        beside.replace(self.folder / name)
        data.folders.sync(self.folder)

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
    beside = _beside(path, text)
    with suppress(FileExistsError):
        os.link(beside, path)
    beside.unlink()
    data.folders.sync(path.parent)


def _beside(path: Path, text: str) -> Path:
    """The text on the disk under a passing name, for its owner alone."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(handle)
    return beside
