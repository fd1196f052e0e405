"""Parts of the system that pip cannot bring: which are missing, and how they come."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import data.postgres
from api.cli.terminal import say
from gis.errors import MissingPart

FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Part:
    """Something of the system, and the packages of Debian and Ubuntu that hold it."""

    present: Callable[[], bool]
    packages: tuple[str, ...]


def chinese_font() -> Path | None:
    """A font file that draws Chinese."""
    for folder in FONT_FOLDERS:
        for pattern in ("NotoSansCJK*", "SourceHanSans*", "NotoSansSC*"):
            if found := next(Path(folder).expanduser().rglob(pattern), None):
                return found
    return None


def browser() -> str | None:
    """The machine's Chromium."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


PARTS = {
    "postgis": Part(lambda: bool(data.postgres.installed()), ("postgresql", "postgresql-postgis")),
    "fonts": Part(lambda: chinese_font() is not None, ("fonts-noto-cjk",)),
    "chromium": Part(lambda: browser() is not None, ("chromium",)),
}


def missing(*names: str) -> list[str]:
    """Which of the named parts are not there."""
    return [name for name in names if not PARTS[name].present()]


def command(names: list[str]) -> str:
    """The one line that installs parts."""
    packages = [package for name in names for package in PARTS[name].packages]
    return f"sudo apt-get install -y {' '.join(packages)}"


def require(*names: str) -> None:
    """Have the named parts: install what is missing when we may, else say which line does it."""
    if not (lacking := missing(*names)):
        return
    packages = [package for name in lacking for package in PARTS[name].packages]
    if (allowed := _allowed()) is not None:
        say("setup.installing", packages=packages)
        _install(allowed, packages)
    if still := missing(*names):
        raise MissingPart("setup.parts", parts=still, command=command(still))


def _allowed() -> list[str] | None:
    """What to put before apt-get: nothing for root, sudo where it asks no password; None where we may not."""
    if shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return []
    if (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
    ):
        return ["sudo", "-n"]
    return None


def _install(before: list[str], packages: list[str]) -> None:
    """Ask apt once more with fresh lists when the known ones do not suffice."""
    install = [*before, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-q"]
    install += ["--no-install-recommends", *packages]
    for attempt in (install, [*before, "apt-get", "update", "-q"], install):
        done = subprocess.run(attempt, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)
        if attempt is install and done.returncode == 0:
            return
