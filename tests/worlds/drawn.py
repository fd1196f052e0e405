"""Published figures by their definition, one at a time and in whole numbers: the second method for `gis.disclosure`."""

from __future__ import annotations

import hashlib

SECRET = bytes(range(32))


def drawn(ref: str) -> bool:
    """The first 8 bytes of the keyed hash, as a number, are below three quarters of 2^64."""
    digest = hashlib.blake2b(ref.encode(), key=SECRET, digest_size=8, person=b"draw").digest()
    return int.from_bytes(digest, "big") * 4 < 3 * 2**64


def moved(code: str, count: int) -> int:
    """Byte `count` mod 64 of the area's keyed hash: its low two groups of three bits subtracted."""
    byte = hashlib.blake2b(code.encode(), key=SECRET, person=b"figure").digest()[count % 64]
    return byte % 8 - byte // 8 % 8


def figure(code: str, count: int) -> int | None:
    """Four thirds of the drawn, moved, and rounded half to even to a multiple of five; None below eleven."""
    return None if count < 11 else 5 * round((count * 4 / 3 + moved(code, count)) / 5)
