"""Tables of cells, csv and xlsx, read as texts with their header found and their row numbers kept.

A header need not be the first row: offices put a title above it and merge cells over two rows. It is the row, or pair
of rows, among the first `_LOOK` in which most column names are known.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.csv

import data.ingest.encodings
from gis.errors import Fault, Invalid

Known = Callable[[str], bool]

_LOOK = 12
_HEAD = 1 << 16
_DELIMITERS = ",\t;|"
# Excel keeps 15 digits: a longer number in a cell has lost its end.
_EXACT = 10**15


@dataclass(frozen=True)
class Cells:
    """Texts by column, missing where empty; `rows` are the numbers a spreadsheet shows beside them."""

    texts: pd.DataFrame
    rows: np.ndarray
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class _Header:
    names: list[str]
    first: int
    """How many records stand before the first row of values."""
    score: int


# csv ------------------------------------------------------------------------------------------------------------------


def read_csv(raw: bytes, *, name: str, known: Known, encoding: str | None = None) -> Cells:
    """A csv file; rows with too many or too few cells are faults."""
    text = data.ingest.encodings.decoded(raw, name=name, encoding=encoding)
    if not text.strip():
        raise Invalid("files.empty", file=name)
    delimiter = _delimiter(text)
    records, lines = _first_records(text, delimiter)
    header = _header(records, known, name)
    start = _after_lines(text, lines[header.first - 1])
    return _typed(text[start:].encode(), header, delimiter)


def _delimiter(text: str) -> str:
    head = text[:_HEAD]
    return max(_DELIMITERS, key=lambda mark: (head.count(mark), mark == ","))


def _first_records(text: str, delimiter: str) -> tuple[list[list[str]], list[int]]:
    """The first records, and on which line each ends."""
    reader = csv.reader(io.StringIO(text[: _HEAD * 4], newline=""), delimiter=delimiter)
    records, lines = [], []
    for record in reader:
        records.append([_clean(cell) for cell in record])
        lines.append(reader.line_num)
        if len(records) == _LOOK:
            break
    return records, lines


def _after_lines(text: str, lines: int) -> int:
    """Where the text goes on after so many lines, whichever way they end."""
    ends = re.finditer(r"\r\n|\n|\r", text)
    last = None
    for _ in range(lines):
        last = next(ends, None)
    return len(text) if last is None else last.end()


def _typed(raw: bytes, header: _Header, delimiter: str) -> Cells:
    wrong: list[Any] = []
    names = [str(at) for at in range(len(header.names))]
    if not raw.strip():
        return Cells(pd.DataFrame({name: pd.Series(dtype="str") for name in header.names}), np.empty(0, dtype=np.int64))
    table = _arrow(raw, names, delimiter, wrong, threads=True)
    if wrong:  # the numbers of such rows are known only when they are read one after the other
        wrong.clear()
        table = _arrow(raw, names, delimiter, wrong, threads=False)
    numbers = np.setdiff1d(np.arange(1, table.num_rows + len(wrong) + 1), [row.number for row in wrong])
    return _named(table.to_pandas(), header, numbers + header.first, _ragged(wrong, header))


def _arrow(raw: bytes, names: list[str], delimiter: str, wrong: list[Any], *, threads: bool) -> pa.Table:
    def handle(row: Any) -> str:
        wrong.append(row)
        return "skip"

    return pa.csv.read_csv(
        pa.BufferReader(raw),
        pa.csv.ReadOptions(use_threads=threads, column_names=names, block_size=1 << 22),
        pa.csv.ParseOptions(
            delimiter=delimiter, newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=handle
        ),
        pa.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.large_string()), strings_can_be_null=True, null_values=[""]
        ),
    )


def _ragged(wrong: list[Any], header: _Header) -> tuple[Fault, ...]:
    return tuple(
        Fault(
            row.number + header.first,
            None,
            None,
            "row.cells",
            {"cells": row.actual_columns, "of": row.expected_columns},
        )
        for row in wrong
        if (row.text or "").strip()
    )


# xlsx -----------------------------------------------------------------------------------------------------------------


def read_xlsx(path: Path, *, known: Known, sheet: str | None = None) -> Cells:
    """One sheet of a workbook: the only one with a known header, or the one named."""
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise Invalid("files.unreadable", file=path.name, reason=str(error)) from error
    try:
        title = _sheet(book, known, sheet, path.name)
        rows = _rows(book[title])
    finally:
        book.close()
    if _has_formulas(path):
        _put_formulas(rows, path, title)
    header = _header(rows[:_LOOK], known, path.name)
    return _framed(rows[header.first :], header)


def _sheet(book: Any, known: Known, sheet: str | None, name: str) -> str:
    if sheet is not None:
        if sheet not in book.sheetnames:
            raise Invalid("files.no_layer", file=name, layer=sheet, layers=book.sheetnames)
        return sheet
    heads = {title: _rows(book[title], most=_LOOK) for title in book.sheetnames}
    scores = {title: _best(rows, known).score for title, rows in heads.items()}
    good = [title for title, score in scores.items() if score >= 2]
    if len(good) > 1:
        raise Invalid("files.layers", file=name, layers=good)
    if good:
        return str(good[0])
    filled = [title for title, rows in heads.items() if any(any(row) for row in rows)]
    if not filled:
        raise Invalid("files.empty", file=name)
    return str(filled[0])


def _rows(sheet: Any, most: int | None = None) -> list[list[str]]:
    sheet.reset_dimensions()
    return [[_text(cell) for cell in row] for row in sheet.iter_rows(max_row=most)]


def _text(cell: Any) -> str:
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date | time):
        return str(value.isoformat())
    if abs(value) >= _EXACT:
        return f"{value:.14e}"
    whole = str(int(value)) if float(value).is_integer() else repr(float(value))
    shown = str(cell.number_format or "")
    return str(whole.zfill(len(shown)) if re.fullmatch("0{2,}", shown) else whole)


def _has_formulas(path: Path) -> bool:
    with zipfile.ZipFile(path) as book:
        sheets = [name for name in book.namelist() if name.startswith("xl/worksheets/") and name.endswith(".xml")]
        return any(re.search(rb"<f[ >/]", book.read(name)) for name in sheets)


def _put_formulas(rows: list[list[str]], path: Path, title: str) -> None:
    """A formula whose result was never computed is an empty cell to the reader; show it, so that it is refused."""
    book = openpyxl.load_workbook(path, read_only=True, data_only=False)
    sheet = book[title]
    sheet.reset_dimensions()
    for row, cells in zip(rows, sheet.iter_rows(), strict=False):
        for at, cell in enumerate(cells):
            if cell.data_type == "f" and not row[at]:
                row[at] = f"={str(cell.value).lstrip('=')}"
    book.close()


def _framed(rows: list[list[str]], header: _Header) -> Cells:
    width = len(header.names)
    filled = np.array([any(row) for row in rows], dtype=bool)
    kept = [(row + [""] * width)[:width] for row in rows if any(row)]
    frame = pd.DataFrame({str(at): [row[at] or None for row in kept] for at in range(width)}, dtype="str")
    numbers = np.flatnonzero(filled) + 1 + header.first
    beyond = [
        _beyond(int(number), row, width) for number, row in zip(numbers, [r for r in rows if any(r)], strict=True)
    ]
    return _named(frame, header, numbers, tuple(fault for fault in beyond if fault))


def _beyond(number: int, row: list[str], width: int) -> Fault | None:
    if not any(row[width:]):
        return None
    return Fault(number, None, None, "row.cells", {"cells": len(row), "of": width})


# both -----------------------------------------------------------------------------------------------------------------


def _clean(cell: str) -> str:
    return cell.strip("\ufeff\u200b \t\r\n\u3000\xa0")


def _header(records: Sequence[list[str]], known: Known, name: str) -> _Header:
    if not any(any(record) for record in records):
        raise Invalid("files.empty", file=name)
    best = _best(records, known)
    names = best.names
    while names and not names[-1]:
        names = names[:-1]
    twice = sorted({column for column in names if column and names.count(column) > 1})
    if twice:
        raise Invalid("files.columns_twice", file=name, columns=twice)
    return _Header([column or f"#{at}" for at, column in enumerate(names, 1)], best.first, best.score)


def _best(records: Sequence[list[str]], known: Known) -> _Header:
    """The row, or pair of rows with merged cells, that holds most known names; the first row when none does."""
    singles = [_Header(list(row), at + 1, _known(row, known)) for at, row in enumerate(records)]
    pairs = [_pair(upper, lower, at, known) for at, (upper, lower) in enumerate(pairwise(records))]
    filled = next((one for one in singles if any(one.names)), _Header([], 1, 0))
    best = max([*singles, *pairs], key=lambda header: header.score, default=filled)
    return best if best.score else filled


def _pair(upper: list[str], lower: list[str], at: int, known: Known) -> _Header:
    width = max(len(upper), len(lower))
    above, below = upper + [""] * (width - len(upper)), lower + [""] * (width - len(lower))
    names = [b if b and (known(b) or not a) else a for a, b in zip(above, below, strict=True)]
    # Below a header of one row stand values: a second row belongs to it only when it adds to it.
    values = any(b and a and not known(b) for a, b in zip(above, below, strict=True))
    return _Header(names, at + 2, -1 if values else _known(names, known))


def _known(names: Sequence[str], known: Known) -> int:
    return len({name for name in names if name and known(name)})


def _named(frame: pd.DataFrame, header: _Header, numbers: np.ndarray, faults: tuple[Fault, ...]) -> Cells:
    """Columns without a name are dropped when they are empty; rows without a value are passed over."""
    frame.columns = pd.Index(header.names)
    nameless = [name for name in frame.columns if name.startswith("#") and frame[name].isna().all()]
    frame = frame.drop(columns=nameless)
    filled = frame.notna().any(axis=1).to_numpy()
    return Cells(frame[filled].reset_index(drop=True), numbers[filled], faults)
