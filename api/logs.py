"""Where the program writes down what happened to it: one rotating file in the home folder."""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

#: Messages of these name code, files or the system; any other may quote a value from somebody's record.
IMPERSONAL = (ImportError, AttributeError, NameError, TypeError, OSError, AssertionError, NotImplementedError)


def file(home: Path) -> Path:
    """The log file of a home."""
    return home / "log" / "wangge.log"


def open_file(home: Path) -> None:
    """Send the log of everything to the home's file; five files of 5 MB are kept."""
    path = file(home)
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = RotatingFileHandler(path, maxBytes=5_000_000, backupCount=4, encoding="utf-8", delay=True)
    handler.setFormatter(Lines())
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)


class Lines(logging.Formatter):
    """One JSON document a line: when, how bad, who says it, what, and the facts given beside it as `extra`.

    An error is told by where it came from; what it may quote is left out.
    """

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info and record.exc_info[1]:
            told["trace"] = trace(record.exc_info[1])
        return json.dumps(told, ensure_ascii=False, default=str)


def trace(error: BaseException) -> str:
    """Where an error came from and what it is, without the values it may quote."""
    told = []
    cause: BaseException | None = error
    while cause is not None:
        told.append("".join(traceback.format_tb(cause.__traceback__)) + _name(cause))
        cause = cause.__cause__ or cause.__context__
    return "\nbecause of\n".join(told)


def _name(error: BaseException) -> str:
    kind = f"{type(error).__module__}.{type(error).__qualname__}"
    return f"{kind}: {error}" if isinstance(error, IMPERSONAL) else kind
