"""A table that comes from outside, described as a `Door`: its columns, what they may be called, and how each is read.

One engine reads them all. It works on whole columns and names every fault, so that whoever made the file can mend it
in one go. The row of a fault is the number a spreadsheet shows beside it, or the feature's number from 1 in a map file.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

import data.ingest.files
import data.ingest.parsers
from data.ingest.parsers import Bad, Mask, Parser
from gis.errors import Fault, Invalid

_EXCEL_ERROR = r"^#(N/A|REF!|DIV/0!|VALUE!|NAME\?|NUM!|NULL!|SPILL!|CALC!)$"
_FORMULA = '^=[^"]'


@dataclass(frozen=True)
class Column:
    """One column: `aliases` are other names for it, and of a `personal` one no value is ever repeated."""

    name: str
    parse: Parser
    aliases: tuple[str, ...] = ()
    required: bool = False
    personal: bool = False
    filled: bool = False
    """Whether every row must have a value once the column is there."""


@dataclass(frozen=True)
class Door:
    """One kind of table: `key` is the column whose values are unique, if any."""

    what: str
    columns: tuple[Column, ...]
    key: str | None = None

    def known(self, header: str) -> bool:
        """Whether a header means a column here."""
        return _folded(header) in self._names()

    def _names(self) -> dict[str, str]:
        return {_folded(word): column.name for column in self.columns for word in (column.name, *column.aliases)}

    def match(self, headers: Sequence[str], chosen: Mapping[str, str]) -> dict[str, str]:
        """Column name → header; `chosen` says it outright for some. Refused when two headers mean one column."""
        absent = sorted(header for header in chosen.values() if header not in headers)
        if absent:
            raise Invalid("columns.absent", columns=absent, found=list(headers))
        names, matched = self._names(), dict(chosen)
        for header in headers:
            name = names.get(_folded(header))
            if name is None or name in chosen or header in chosen.values():
                continue
            if name in matched:
                raise Invalid("columns.twice", column=name, headers=[matched[name], header])
            matched[name] = header
        return matched


@dataclass
class Rows:
    """What a table became: one row of `frame` per row read, the number of each, and everything to be said about it."""

    frame: pd.DataFrame
    rows: npt.NDArray[np.int64]
    headers: Mapping[str, str]
    personal: frozenset[str]
    unused: tuple[str, ...]
    texts: pd.DataFrame
    faults: list[Fault] = field(default_factory=list)
    notes: dict[str, object] = field(default_factory=dict)

    def blame(self, mask: Mask, column: str | None, code: str, /, **facts: object) -> None:
        """Add a fault for every row of the mask."""
        at = np.flatnonzero(mask)
        header = None if column is None else self.headers.get(column)
        shown = header in self.texts.columns and column not in self.personal
        values = self.texts[header].iloc[at].tolist() if shown else [None] * len(at)
        self.faults += [
            Fault(int(row), header, None if value is None or value != value else str(value), code, dict(facts))
            for row, value in zip(self.rows[at], values, strict=True)
        ]

    def total(self) -> int:
        """How many rows there are, those among them that could not be read at all."""
        return len({*self.rows.tolist()} | {fault.row for fault in self.faults if fault.row is not None})

    def good(self) -> Mask:
        """The rows without any fault."""
        return ~np.isin(self.rows, [fault.row for fault in self.faults if fault.row is not None])

    def keep(self, mask: Mask) -> None:
        """Go on with these rows alone."""
        if not mask.all():
            self.frame, self.rows = self.frame[mask].reset_index(drop=True), self.rows[mask]
            self.texts = self.texts[mask].reset_index(drop=True)


def read(table: data.ingest.files.Table, door: Door, *, chosen: Mapping[str, str] | None = None) -> Rows:
    """Read the columns of a door from a table; missing required ones are refused by name, bad cells become faults."""
    headers = [str(name) for name in table.texts.columns]
    if len(table.texts) == 0 and not table.faults:
        raise Invalid("files.no_rows", file=table.name)
    matched = door.match(headers, chosen or {})
    columns = [column for column in door.columns if column.name in matched]
    _require(door, matched, headers, table.shapes is not None)
    rows = Rows(
        pd.DataFrame(index=pd.RangeIndex(len(table.texts))),
        table.rows,
        matched,
        frozenset(column.name for column in door.columns if column.personal),
        tuple(header for header in headers if header not in matched.values()),
        table.texts.reset_index(drop=True),
        list(table.faults),
    )
    for column in columns:
        rows.frame[column.name] = _read(rows, column, rows.texts[matched[column.name]])
    if door.key is not None and door.key in rows.frame:
        _once(rows, door.key)
    return rows


def _read(rows: Rows, column: Column, cells: pd.Series) -> Any:
    texts = data.ingest.parsers.arrow(cells)
    texts, spoilt = _spoilt(texts)
    parsed = column.parse(texts)
    for bad in (*spoilt, *parsed.bad):
        rows.blame(bad.mask, column.name, bad.code, **bad.facts)
    if column.filled:
        empty = np.asarray(pc.is_null(texts).to_numpy(zero_copy_only=False), dtype=bool)
        for bad in spoilt:
            empty &= ~bad.mask
        rows.blame(empty, column.name, "cell.empty")
    return parsed.values  # noqa: PD011


def _spoilt(texts: pa.ChunkedArray) -> tuple[pa.ChunkedArray, list[Bad]]:
    """Cells that hold an error of Excel, or a formula that was never computed: no value of any kind."""
    bad = []
    for pattern, code in ((_EXCEL_ERROR, "cell.excel_error"), (_FORMULA, "cell.formula")):
        mask = np.asarray(pc.fill_null(pc.match_substring_regex(texts, pattern), False).to_numpy(zero_copy_only=False))
        if mask.any():
            bad.append(Bad(mask.astype(bool), code, {}))
            texts = pc.if_else(pa.chunked_array([pa.array(mask)]), pa.scalar(None, pa.large_string()), texts)
    return texts, bad


def _require(door: Door, matched: Mapping[str, str], headers: Sequence[str], shaped: bool) -> None:
    """Places come from the shapes when the file has any, so their columns are then not asked for."""
    from_shapes = {"lon", "lat", "outline"} if shaped else set()
    missing = [c for c in door.columns if c.required and c.name not in matched and c.name not in from_shapes]
    if not missing:
        return
    unused = [header for header in headers if header not in matched.values()]
    raise Invalid(
        "columns.missing",
        what=door.what,
        missing=[_called(column) for column in missing],
        found=headers,
        guesses=[guess for column in missing for guess in _guess(column, unused)] or ["–"],
    )


def _called(column: Column) -> str:
    """A column's name beside its first Chinese alias: "lon (经度)"."""
    return f"{column.name} ({column.aliases[0]})" if column.aliases else column.name


def _guess(column: Column, unused: Iterable[str]) -> list[str]:
    """The header that looks most like the column: "lon ← 经度坐标"."""
    names = [_folded(name) for name in (column.name, *column.aliases)]
    scored = [(max(_likeness(_folded(header), name) for name in names), header) for header in unused]
    best = max(scored, default=(0.0, ""))
    return [f"{column.name} ← {best[1]}"] if best[0] >= 0.6 else []


def _likeness(header: str, name: str) -> float:
    within = 0.9 if min(len(header), len(name)) >= 2 and (name in header or header in name) else 0.0
    return max(within, difflib.SequenceMatcher(None, header, name).ratio())


def _once(rows: Rows, key: str) -> None:
    """A key that a row before has is a fault; which row had it first is said."""
    values = rows.frame[key]
    again = (values.duplicated() & values.notna()).to_numpy()
    if not again.any():
        return
    codes, _ = pd.factorize(values)
    _, starts = np.unique(codes, return_index=True)
    first = rows.rows[starts[codes - codes.min()]]
    header, hidden = rows.headers[key], key in rows.personal
    rows.faults += [
        Fault(
            int(rows.rows[at]), header, None if hidden else str(values.iloc[at]), "row.twice", {"first": int(first[at])}
        )
        for at in np.flatnonzero(again)
    ]


def words(values: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Each word → the value it stands for."""
    return {word: value for value, of in values.items() for word in of}


def texts(frame: pd.DataFrame, name: str) -> npt.NDArray[np.object_]:
    """(n,) the texts of a column, None where there is none."""
    column = frame[name] if name in frame else pd.Series(None, index=frame.index, dtype="str")
    return column.astype(object).where(column.notna(), None).to_numpy()


def _folded(header: str) -> str:
    """A header without width, case, spaces, underscores and what stands in brackets."""
    plain = unicodedata.normalize("NFKC", header).lower()
    return re.sub(r"[\s_\-:*]", "", re.sub(r"[(\[【].*?[)\]】]", "", plain)) or plain
