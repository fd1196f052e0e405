"""Has a picture decoded and encoded anew by a process of its own (`api/encoder.py`)."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import gis.photos

ENCODER = Path(__file__).with_name("encoder.py")
#: A machine under load is slow, but a decoder that hangs is ended.
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Found:
    """What was found in a picture: why it is refused, or its size as encoded, and what the camera wrote into it."""

    refused: str | None = None
    width: int = 0
    height: int = 0
    lon: float | None = None
    lat: float | None = None
    taken_at: datetime | None = None


def encode(original: Path, into: Mapping[str, IO[bytes]]) -> Found:
    """Write the picture in each size of `gis.photos.SIDES` into its file; with none, only look at it."""
    wanted = {file.fileno(): gis.photos.SIDES[size] for size, file in into.items()}
    arguments = [str(gis.photos.PIXELS_MOST), *(f"{descriptor}:{side}" for descriptor, side in wanted.items())]
    with original.open("rb") as picture:
        done = subprocess.run(
            [sys.executable, "-I", str(ENCODER), *arguments],
            stdin=picture,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=tuple(wanted),
            env={},
            cwd="/",
            timeout=PATIENCE_S,
            check=False,
        )
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return Found(refused="too_costly")
    if done.returncode:
        return Found(refused="unreadable")
    return _found(json.loads(done.stdout))


def _found(told: dict[str, Any]) -> Found:
    if "refused" in told:
        return Found(refused=str(told["refused"]))
    taken = gis.photos.taken_at(told["taken"], told["offset"]) if "taken" in told else None
    sizes = {name: told[name] for name in ("width", "height", "lon", "lat") if name in told}
    return Found(**sizes, taken_at=taken)
