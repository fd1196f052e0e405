"""The program `wangge`: every command, and what becomes of an error.

Exit status: 0 done, 1 refused, 2 wrong usage, 3 a part of the system is missing.
A command group lives in a file of its own, which says `register(app)` and imports what is heavy only when it is run.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from importlib import import_module
from importlib.util import find_spec
from types import TracebackType
from typing import NoReturn

os.environ["TYPER_USE_RICH"] = "0"  # plain help comes in half the time; read when typer is imported

import typer
from typer.exceptions import TyperException

import api.cli.terminal
import api.logs
from api.cli.terminal import settings, tell, words
from gis.errors import MissingPart, Refusal

GROUPS = (
    "up",
    "serve",
    "worker",
    "test",
    "doctor",
    "db",
    "sample",
    "imports",
    "people",
    "areas",
    "coverage",
    "planning",
    "photos",
    "bench",
    "vendor",
    "reports",
)

DONE, REFUSED, USAGE, MISSING = range(4)
STOPPED = 128 + signal.SIGTERM


def program() -> typer.Typer:
    """All commands, put together."""
    app = typer.Typer(
        help=words("cli.help"),
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    for group in GROUPS:
        if find_spec(f"api.cli.{group}"):
            import_module(f"api.cli.{group}").register(app)
    return app


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run one command and exit with its status."""
    signal.signal(signal.SIGTERM, _stop)
    sys.excepthook = _unexpected
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Run one command; the exit status."""
    try:
        command = typer.main.get_command(program())  # calling the app itself would put Typer's own excepthook in
        status = command.main(arguments, prog_name="wangge", standalone_mode=False)
    except Refusal as refusal:
        api.cli.terminal.refuse(refusal)
        return MISSING if isinstance(refusal, MissingPart) else REFUSED
    except TyperException as error:
        return _wrong_usage(error)
    return status if isinstance(status, int) else DONE


def _wrong_usage(error: TyperException) -> int:
    """Repeat what the parser of the command line says, with where to read on in the user's language."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "wangge"
    tell(words("cli.usage", reason=error.format_message(), command=command))
    return USAGE


def _unexpected(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A fault of ours: a short line for the user, the trace for whoever mends it, no personal value in either."""
    if settings().debug:
        return sys.__excepthook__(kind, error, trace)
    api.logs.open_file(settings().home)
    logging.getLogger("api.cli").error("unexpected\n%s", api.logs.trace(error))
    tell(words("cli.unexpected", kind=kind.__name__, log=api.logs.file(settings().home)))


def _stop(_number: int, _frame: object) -> NoReturn:
    """Leave by the same way as always, so that what was started is stopped."""
    sys.exit(STOPPED)
