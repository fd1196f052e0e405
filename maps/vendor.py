"""Scripts and styles of others: copied from where npm put them to where pages find them, checked byte for byte."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path

from gis.errors import Invalid

ROOT = Path(__file__).resolve().parent
LIST = ROOT / "vendor.toml"
FOLDER = ROOT / "static" / "vendor"


@dataclass(frozen=True)
class File:
    """One file of somebody else's package that a page needs."""

    package: str
    version: str
    path: str
    target: str
    sha256: str


def files() -> list[File]:
    """All that `vendor.toml` names."""
    return [File(**entry) for entry in tomllib.loads(LIST.read_text(encoding="utf-8"))["file"]]


def fill(modules: Path) -> int:
    """Copy every file out of npm's folder; refuses one that is not what we looked at when we chose it."""
    for file in files():
        source, target = modules / file.package / file.path, FOLDER / file.target
        content = source.read_bytes() if source.is_file() else b""
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise Invalid("vendor.changed", package=file.package, version=file.version, path=file.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return len(files())


def faulty() -> list[str]:
    """The targets that are missing or not as they should be."""
    return [file.target for file in files() if _digest(FOLDER / file.target) != file.sha256]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
