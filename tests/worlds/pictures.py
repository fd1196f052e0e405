"""Pictures as phones take them, and as somebody sends them who wants to do harm."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

#: In grid A00 of the town of squares.
LON, LAT = 113.205, 23.1025
TAKEN = "2026:01:01 08:00:00"
PNG = b"\x89PNG\r\n\x1a\n"


def seen(width: int = 64, height: int = 48) -> Image.Image:
    """Red on the left, blue on the right: so that a turned or mirrored one is told from an upright one."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2] = (255, 0, 0)
    pixels[:, width // 2 :] = (0, 0, 255)
    return Image.fromarray(pixels)


def written(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def jpeg(seed: int = 0) -> bytes:
    """The same picture in other bytes for each seed."""
    return written(seen(), comment=b"%d" % seed)


def degrees(value: float) -> tuple[float, float, float]:
    whole, rest = divmod(value, 1)
    minutes, rest = divmod(rest * 60, 1)
    return whole, minutes, rest * 60


def exif(*, orientation: int = 1, lon: float = LON, lat: float = LAT, maker: str = "Phone") -> Image.Exif:
    """What a phone writes: maker, orientation, place and time."""
    table = Image.Exif()
    table[0x010F], table[0x0112] = maker, orientation
    table.get_ifd(0x8825).update({1: "N", 2: degrees(lat), 3: "E", 4: degrees(lon)})
    table.get_ifd(0x8769).update({0x9003: TAKEN, 0x9011: "+08:00"})
    return table


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def bomb() -> bytes:
    """A PNG of a few kilobytes that says it has 144 million pixels, and does."""
    side = 12_000
    rows = zlib.compress(bytes((1 + side // 8) * side), 9)
    return PNG + _header(side, side) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def _header(width: int, height: int) -> bytes:
    """Black or white, one bit a pixel."""
    return _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))


def animated() -> bytes:
    return written(seen(), "WEBP", save_all=True, append_images=[seen().rotate(180)], duration=100)


def sixteen_bits() -> bytes:
    """A grey of a quarter: 0x4000 of 0xffff."""
    return written(Image.fromarray(np.full((8, 8), 0x4000, np.uint16)), "PNG")


def see_through() -> bytes:
    """Black that is not there: the white of the paper must be seen."""
    return written(Image.new("RGBA", (8, 8), (0, 0, 0, 0)), "PNG")


def two_views() -> bytes:
    """A JPEG with a second one behind it, as phones write for screens of high contrast."""
    return written(seen(), "MPO", save_all=True, append_images=[seen()])


SCRIPT = b"<script>alert(1)</script>"
ZIP = b"PK\x03\x04" + bytes(26)
#: What is refused before it is kept, since its first bytes are of no picture.
NO_PICTURE: dict[str, Callable[[], bytes]] = {
    "svg": lambda: b'<svg xmlns="http://www.w3.org/2000/svg">' + SCRIPT + b"</svg>",
    "gif": lambda: written(seen(), "GIF"),
    "renamed document": lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
    "zip": lambda: ZIP,
    "html": lambda: b"<!doctype html>" + SCRIPT,
    "tiff": lambda: written(seen(), "TIFF"),
    "nothing": lambda: b"",
}
#: What is kept, is found out while decoding, and is never shown; and why.
HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "bomb of 144 megapixels": (bomb, "too_many_pixels"),
    "truncated": (lambda: written(seen(640, 480))[:900], "unreadable"),
    "only the first bytes of a JPEG": (lambda: b"\xff\xd8\xff\xe0" + bytes(100), "unreadable"),
    "only the first bytes of a PNG": (lambda: b"\x89PNG\r\n\x1a\n", "unreadable"),
    "only the first bytes of a WebP": (lambda: b"RIFF\x00\x00\x00\x00WEBP", "unreadable"),
    "GIF behind the first bytes of a JPEG": (lambda: b"\xff\xd8\xff" + written(seen(), "GIF"), "unreadable"),
    "animated": (animated, "animated"),
    "a PNG without pixels": (lambda: PNG + _header(64, 48) + _chunk(b"IEND", b""), "unreadable"),
}
#: What is an honest picture, or can be made into one: it is shown, with nothing but its pixels.
SHOWN: dict[str, Callable[[], bytes]] = {
    "jpeg": jpeg,
    "png": lambda: written(seen(), "PNG"),
    "webp": lambda: written(seen(), "WEBP", lossless=True),
    "grey": lambda: written(seen().convert("L")),
    "cmyk": lambda: written(seen().convert("CMYK")),
    "palette": lambda: written(seen().convert("P"), "PNG"),
    "two views": two_views,
    "script behind the end": lambda: jpeg() + SCRIPT,
    "archive behind the end": lambda: jpeg() + ZIP,
    "script in EXIF": lambda: written(seen(), exif=exif(maker=SCRIPT.decode())),
    "script in a comment": lambda: written(seen(), comment=SCRIPT),
}
