"""The option `--at`: a moment or a day, as people write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.terminal import words

if TYPE_CHECKING:
    from gis.hours import When

TODAY = ("today", "今天", "今日")


def _when(text: str) -> When:
    import api.deps
    import gis.hours

    read = api.deps.today() if text.strip().lower() in TODAY else gis.hours.when(text)
    if read is None:
        raise typer.BadParameter(words("coverage.at", at=text))
    return read


#: A moment of local time, or a whole day.
At = Annotated[Any, typer.Option(parser=_when, metavar="WHEN", help=words("coverage.cli.at"))]
