"""`wangge vendor`: the launcher's last step; copies what npm fetched to where the pages find it."""

from __future__ import annotations

import typer

from api.cli.terminal import words
from api.settings import ROOT


def register(app: typer.Typer) -> None:
    app.command("vendor", hidden=True, help=words("vendor.help"))(vendor)


def vendor() -> None:
    import maps.vendor

    maps.vendor.fill(ROOT / "node_modules")
