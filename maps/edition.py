"""Which edition of its pages this program draws: pages kept from another edition are drawn anew."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

ROOM = Path(__file__).parent
DRAWN_FROM = ("*.py", "templates/*", "texts/*.toml", "static/coverage/*")


@cache
def edition() -> str:
    """A digest of everything that a page is drawn from, except its figures."""
    files = sorted(path for pattern in DRAWN_FROM for path in ROOM.glob(pattern) if path.is_file())
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
