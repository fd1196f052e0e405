"""Every refusal on purpose, in one small family.

A refusal carries a stable `code` ("areas.overlap") and the facts as fields, never a sentence: the words, in Chinese
and English, stand in `maps/texts` under the same code, and a test fails when one is missing. Facts may be shown to
whoever caused the refusal, so they hold no personal value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


class Refusal(Exception):
    """Something asked for will not be done; `code` says which thing, `facts` say where and why."""

    def __init__(self, code: str, /, **facts: object) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts

    def __str__(self) -> str:
        shown = ", ".join(f"{key}={value!r}" for key, value in self.facts.items())
        return f"{self.code}({shown})"


class NotFound(Refusal):
    """No such thing, or none that the asker may see."""


class Invalid(Refusal):
    """What was given cannot be right, whoever gives it and whenever."""


class Conflict(Refusal):
    """It would be right on its own, but not beside what is already kept."""


class NotKnown(Refusal):
    """The asker has not shown who she is, or no longer may."""


class NotAllowed(Refusal):
    """The asker may not do this."""


class OutsideArea(Refusal):
    """A place lies outside the area it was given for."""


class WrongDatum(Refusal):
    """The points do not fit the datum they were declared in."""


class Busy(Refusal):
    """Somebody else is using it; the same call may succeed later."""


class TooMany(Refusal):
    """The asker has done this too often; `facts["retry_after_s"]` says when she may again."""


class TooLarge(Refusal):
    """It is bigger than what is taken; `facts["most"]` says how big it may be."""


class NoRoom(Refusal):
    """There is no room left to keep it; nothing of it was kept."""


class MissingPart(Refusal):
    """The machine lacks something; `facts["command"]` is the one line that installs it."""


@dataclass(frozen=True)
class Fault:
    """One thing wrong with one row of a table that came from outside.

    `row` is the number that a spreadsheet shows, its header counted (None: the whole table). `column` and `value` are
    as the sender wrote them (None where they do not apply; `value` is never kept for a personal column), `code` and
    `facts` as in `Refusal`.
    """

    row: int | None
    column: str | None
    value: str | None
    code: str
    facts: dict[str, object] = field(default_factory=dict)


class BadRows(Refusal):
    """A table was refused whole; `faults` names every bad row, not only the first."""

    def __init__(self, code: str, /, faults: Sequence[Fault], **facts: object) -> None:
        super().__init__(code, faults_count=len(faults), **facts)
        self.faults = tuple(faults)
