"""Photos: what may be sent, how much of it, and when a picture was taken."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

BYTES_MOST = 20_000_000
PIXELS_MOST = 40_000_000
#: Of one author within a day: more than an inspector can take, less than fills a disk.
DAY = timedelta(days=1)
DAY_PHOTOS_MOST = 500
DAY_BYTES_MOST = 2_000_000_000
#: Longest side in pixels of what is shown.
SIDES = {"large": 1600, "small": 320}

#: How many bytes of the beginning tell what it is.
HEAD_BYTES = 16
#: What cameras in China write their time in when they do not say.
LOCAL = timezone(timedelta(hours=8))


def media_of(head: bytes) -> str | None:
    """The media type that the first bytes of a file claim, or None where it is not one that we take.

    Magic numbers: JPEG (ISO/IEC 10918-1, B.2.1), PNG (ISO/IEC 15948, 5.2), WebP (RFC 9649, 2.4). Only a claim: whether
    the rest agrees is seen by decoding it.
    """
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    return None


def taken_at(written: str, offset: str) -> datetime | None:
    """The moment that EXIF's DateTimeOriginal and OffsetTimeOriginal mean, or None where they cannot be read.

    Cameras write zeros or blanks when they do not know the time; without an offset it is China's.
    """
    try:
        zone = datetime.strptime(offset.strip(), "%z").tzinfo if offset.strip() else LOCAL
        return datetime.strptime(written.strip(), "%Y:%m:%d %H:%M:%S").replace(tzinfo=zone)
    except ValueError:
        return None
