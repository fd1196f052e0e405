"""Chinese letters for page and paper.

A page shows the reader's own Chinese font where there is one. Where there is none it would show empty boxes, so each
page carries the few hundred characters that it uses (Noto Sans CJK SC, SIL Open Font License, ~50 KB).
"""

from __future__ import annotations

import base64
import io
from functools import cache
from pathlib import Path

from fontTools import subset  # type: ignore[import-untyped]
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

from gis.errors import MissingPart

#: Where the systems we know put the collection; the face in it that writes mainland forms is found by name.
PLACES = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-{weight}.ttc",
    "/usr/share/fonts/noto-cjk/NotoSansCJK-{weight}.ttc",
    "/usr/share/fonts/google-noto-cjk/NotoSansCJK-{weight}.ttc",
    "/usr/share/fonts/google-noto-sans-cjk-fonts/NotoSansCJK-{weight}.ttc",
    "/usr/local/share/fonts/NotoSansCJK-{weight}.ttc",
)
FAMILY = "Noto Sans CJK SC"
COMMAND = "apt-get install -y fonts-noto-cjk"


def find(weight: str = "Regular") -> Path | None:
    """The font collection of this machine, if it has one."""
    paths = (Path(place.format(weight=weight)) for place in PLACES)
    return next((path for path in paths if path.is_file()), None)


@cache
def face(path: Path) -> int:
    """Which face of the collection writes mainland forms."""
    with path.open("rb") as stream:
        count = int.from_bytes(stream.read(12)[8:12], "big")
    named = (number for number in range(count) if _family(path, number) == FAMILY)
    return next(named, 0)


def _family(path: Path, number: int) -> str:
    with TTFont(path, fontNumber=number, lazy=True) as font:
        return str(font["name"].getDebugName(1))


def embedded(text: str) -> str:
    """A `data:` address of a font with the letters of `text`, or "" on a machine that has none to give."""
    path = find()
    return _cut(path, frozenset(text)) if path else ""


@cache
def _cut(path: Path, letters: frozenset[str]) -> str:
    options = subset.Options(flavor="woff", hinting=False, layout_features=[], notdef_outline=True, name_IDs=[])
    # Boxes of the whole font stay true of a part of it; measuring 700 outlines again would take a second.
    with TTFont(path, fontNumber=face(path), lazy=True, recalcTimestamp=False, recalcBBoxes=False) as font:
        cutter = subset.Subsetter(options)
        cutter.populate(unicodes=sorted(map(ord, letters)))
        cutter.subset(font)
        return _as_data(font)


def _as_data(font: TTFont) -> str:
    font.flavor = "woff"
    written = io.BytesIO()
    font.save(written)
    return f"data:font/woff;base64,{base64.b64encode(written.getvalue()).decode()}"


@cache
def for_print(weight: str = "Regular") -> Path:
    """The one face as a file of its own, because matplotlib reads only the first face of a collection."""
    path = find(weight) or find()
    if path is None:
        raise MissingPart("maps.font.missing", command=COMMAND)
    return path
