"""The process that decodes what somebody sent: `python -I encoder.py PIXELS_MOST [DESCRIPTOR:SIDE ...]`.

A picture may be made to break its decoder, so it is decoded here, where nothing else is: the picture comes on stdin,
each JPEG goes to a file that was opened before, what was found goes to stdout as JSON, and the limits below hold. The
file imports nothing of ours, opens no file by name and no connection.
"""

import json
import os
import resource
import sys
from typing import Any

MEMORY_BYTES = 1 << 30
CPU_S = 20
FILE_BYTES = 16 << 20

FORMATS = ("JPEG", "PNG", "WEBP")
QUALITY = 85
#: Numbers of EXIF 2.32: the two inner tables, and their fields.
EXIF, GPS = 0x8769, 0x8825
TAKEN, OFFSET = 0x9003, 0x9011
LAT_REF, LAT, LON_REF, LON = 1, 2, 3, 4


class Refused(Exception):
    """It is not a picture that we take; the word says why."""


def main(pixels_most: int, wanted: list[tuple[int, int]]) -> dict[str, Any]:
    """What was found in the picture on stdin, or why it is refused; whatever a decoder trips over ends the process."""
    try:
        return _encode(pixels_most, wanted)
    except Refused as refused:
        return {"refused": str(refused)}
    except MemoryError:
        return {"refused": "too_costly"}


def _encode(pixels_most: int, wanted: list[tuple[int, int]]) -> dict[str, Any]:
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = None  # it only warns up to twice its number: the limit below is exact
    with Image.open(sys.stdin.buffer, formats=FORMATS) as image:
        if image.width * image.height > pixels_most:
            raise Refused("too_many_pixels")
        if image.format != "MPO" and getattr(image, "is_animated", False):  # MPO: a JPEG with further views behind it
            raise Refused("animated")
        found = _written(image.getexif())
        if wanted:
            image.draft("RGB", (max(side for _, side in wanted),) * 2)
        upright = _plain(ImageOps.exif_transpose(image))
    sizes = [_save(upright.copy(), descriptor, side) for descriptor, side in wanted]
    return found | ({"width": sizes[0][0], "height": sizes[0][1]} if sizes else {})


def _plain(image: Any) -> Any:
    """Three bands of eight bits on white: what is see-through must not show what lies under it."""
    from PIL import Image

    if image.mode.startswith("I"):
        image = image.point(lambda value: value / 256).convert("L")
    if image.mode in ("LA", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image)
        image = white
    return image.convert("RGB")


def _save(image: Any, descriptor: int, side: int) -> tuple[int, int]:
    """Write it at most `side` pixels wide and high, with nothing but the pixels."""
    image.thumbnail((side, side))
    image.info.clear()
    with os.fdopen(descriptor, "wb") as file:
        image.save(file, "JPEG", quality=QUALITY, optimize=True)
    size: tuple[int, int] = image.size
    return size


def _written(exif: Any) -> dict[str, Any]:
    """Place and time that the camera wrote into it; whatever cannot be read was not written."""
    return _tried(_place, exif.get_ifd(GPS)) | _tried(_time, exif.get_ifd(EXIF))


def _tried(read: Any, table: dict[int, Any]) -> dict[str, Any]:
    try:
        found: dict[str, Any] = read(table)
    except (KeyError, TypeError, ValueError, ZeroDivisionError, UnicodeError):
        return {}
    return found


def _place(gps: dict[int, Any]) -> dict[str, Any]:
    lat, lon = _degrees(gps[LAT], gps[LAT_REF] in ("S", b"S")), _degrees(gps[LON], gps[LON_REF] in ("W", b"W"))
    if not (abs(lat) <= 90 and abs(lon) <= 180):  # false for NaN, too
        raise ValueError
    return {"lon": lon, "lat": lat}


def _degrees(parts: Any, negative: bool) -> float:
    degrees, minutes, seconds = map(float, parts)
    value = degrees + minutes / 60 + seconds / 3600
    return -value if negative else value


def _time(table: dict[int, Any]) -> dict[str, Any]:
    return {"taken": str(table[TAKEN]), "offset": str(table.get(OFFSET, ""))}


def _confine() -> None:
    """From here on a hostile picture costs no more than this, and starts nothing."""
    for limit, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (most, most))


if __name__ == "__main__":
    _confine()
    targets = [tuple(map(int, each.split(":"))) for each in sys.argv[2:]]
    sys.stdout.write(json.dumps(main(int(sys.argv[1]), [(each[0], each[1]) for each in targets])))
