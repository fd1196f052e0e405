"""The bytes of photos, in the home: on the disk before a row says so, whole or absent under their name.

photos/coming/       what is being received; anything old in it is left over
photos/quarantine/   originals as they were sent: never served, readable for us alone
photos/served/       what we have encoded ourselves, in two sizes
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

import data.folders
import gis.photos
from gis.errors import Invalid, NoRoom, TooLarge

#: The database writes on the same disk, and must still be able to when photos no longer are.
RESERVE_BYTES = 256 * 2**20
#: What a backup holds, and how files are called there.
KEPT = ("quarantine", "served")
NAME = re.compile(rf"photos/({'|'.join(KEPT)})/([0-9a-f]{{2}})/\2[0-9a-f-]{{34}}(\.[a-z]+\.jpg)?")
#: From a file up to the home: its folder of two digits, its kind, `photos`, the home.
DEPTH = 4
FULL = (errno.ENOSPC, errno.EDQUOT)


class Incoming:
    """A file that is being received: measured and digested on its way to the disk."""

    def __init__(self, file: IO[bytes], path: Path) -> None:
        self._file, self.path = file, path
        self._digest = hashlib.sha256()
        self.bytes = 0
        self.head = b""

    def write(self, part: bytes) -> None:
        """Take the next bytes; more than a photo may have are refused."""
        self.bytes += len(part)
        if self.bytes > gis.photos.BYTES_MOST:
            raise TooLarge("photos.bytes", most=gis.photos.BYTES_MOST)
        self.head += part[: gis.photos.HEAD_BYTES - len(self.head)]
        self._digest.update(part)
        self._file.write(part)

    @property
    def sha256(self) -> str:
        """The digest of what has come so far."""
        return self._digest.hexdigest()

    def finish(self, sha256: str) -> None:
        """Wait until all of it is on the disk; refuse it when it is not what it was called."""
        if self.sha256 != sha256:
            raise Invalid("photos.digest")
        self._file.flush()
        os.fsync(self._file.fileno())


@contextmanager
def incoming(home: Path) -> Iterator[Incoming]:
    """A place for a file to come to; what has not been kept by the end of the block is gone."""
    folder = _folder(home, "coming")
    if shutil.disk_usage(folder).free < RESERVE_BYTES:
        raise NoRoom("photos.no_room")
    path = folder / secrets.token_hex(16)
    with room():  # around it all: a file that could not be written fails once more when it is closed
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                yield Incoming(file, path)
        finally:
            path.unlink(missing_ok=True)


def keep(path: Path, home: Path, photo_id: str) -> None:
    """Give a file that is on the disk its place among the originals, for good."""
    _settle(path, original(home, photo_id))


def original(home: Path, photo_id: str) -> Path:
    """Where the bytes lie as they were sent."""
    return home / "photos" / "quarantine" / photo_id[:2] / photo_id


def served(home: Path, photo_id: str, size: str) -> Path:
    """Where the picture of a size (`gis.photos.SIDES`) lies as we show it."""
    return home / "photos" / "served" / photo_id[:2] / f"{photo_id}.{size}.jpg"


@contextmanager
def blanks(home: Path) -> Iterator[dict[str, IO[bytes]]]:
    """An empty file for each size; those that have not been published by the end of the block are gone."""
    folder = _folder(home, "coming")
    with room(), ExitStack() as opened:
        files: dict[str, IO[bytes]] = {}
        for size in gis.photos.SIDES:
            path = folder / secrets.token_hex(16)
            opened.callback(path.unlink, missing_ok=True)
            files[size] = opened.enter_context(path.open("wb"))
        yield files


def publish(home: Path, photo_id: str, files: Mapping[str, IO[bytes]]) -> None:
    """Let the files be shown, once they are on the disk."""
    for size, file in files.items():
        os.fsync(file.fileno())
        _settle(Path(file.name), served(home, photo_id, size))


def found(home: Path, kind: str) -> dict[str, Path]:
    """Files of a kind by name, which begins with the id of its photo once it is settled."""
    return {path.name: path for path in (home / "photos" / kind).rglob("*") if path.is_file()}


def put_back(home: Path, name: str, content: IO[bytes]) -> bool:
    """Let a file of a backup have its place again, unless it is there; False for a name that none of ours has."""
    if not NAME.fullmatch(name):
        return False
    if not (home / name).exists():
        path = _folder(home, "coming") / secrets.token_hex(16)
        with room(), path.open("xb") as file:
            path.chmod(0o600)
            shutil.copyfileobj(content, file)
            file.flush()
            os.fsync(file.fileno())
        _settle(path, home / name)
    return True


def names_served(photo_id: str) -> set[str]:
    """What the files of a photo that is ready are called."""
    return {f"{photo_id}.{size}.jpg" for size in gis.photos.SIDES}


def older(paths: Collection[Path], *, before: float) -> list[Path]:
    """Those last written before a time of the system's clock."""
    old = []
    for path in paths:
        with suppress(FileNotFoundError):  # just settled
            old += [path] if path.stat().st_mtime < before else []
    return old


@contextmanager
def room() -> Iterator[None]:
    """Make of a full disk a refusal."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise NoRoom("photos.no_room") from error


def _settle(path: Path, place: Path) -> None:
    """Move a file within the disk so that its new name survives a power cut.

    So must the names of all folders it lies in, whoever made them: another thread may have done so just now and not
    have synced them yet. Where there is nothing to write that takes microseconds.
    """
    with room():
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.replace(place)
        for folder in place.parents[:DEPTH]:
            data.folders.sync(folder)


def _folder(home: Path, name: str) -> Path:
    folder = home / "photos" / name
    with room():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
