"""Whole columns into a table at once, and out of it: PostgreSQL's COPY, built and read without a loop over rows.

Inward, every column becomes `Cells`: for each row a four-byte length and the bytes of the value. The rows of a chunk
are laid side by side in one matrix of bytes as wide as the longest row, and taking out the bytes that are meant (a
boolean mask) leaves exactly the stream the server expects. No Python runs per row, whatever the types.
Outward the server writes CSV, which Arrow reads in parallel.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.csv as csv
import shapely
from geoalchemy2 import Geometry
from sqlalchemy import Boolean, Column, Date, DateTime, Float, Integer, SmallInteger, Table, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, REAL, UUID
from sqlalchemy.orm import Session
from sqlalchemy.types import BigInteger

from gis.compiled import at_once
from gis.errors import Invalid

Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Lengths = npt.NDArray[np.int64]

SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
#: How many bytes of matrix are laid out at a time: more would leave the processor's cache.
CHUNK = 1 << 22
#: From this many rows on it pays to build the indexes of an empty table after the load.
UNINDEXED_FROM = 20_000
PLAIN_INDEXES = """
    SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
    WHERE indrelid = %(table)s::regclass AND NOT indisunique
      AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
      AND pg_has_role((SELECT relowner FROM pg_class WHERE oid = indrelid), 'USAGE')
    ORDER BY 1"""
#: Types whose values all have the same number of bytes, as the server reads them.
WIRE = {SmallInteger: ">i2", Integer: ">i4", BigInteger: ">i8", REAL: ">f4", Float: ">f8", Boolean: "?"}
#: Object identifiers of what may stand in an array.
ELEMENTS = {">i2": 21, ">i4": 23, ">i8": 20, ">f4": 700, ">f8": 701, "?": 16, "text": 25}
#: How Arrow reads what the server writes, by object identifier; everything else is text.
READ = {
    16: pa.bool_(), 20: pa.int64(), 21: pa.int64(), 23: pa.int64(), 700: pa.float64(), 701: pa.float64(),
    1082: pa.date32(), 1184: pa.timestamp("us", "UTC"),
}  # fmt: skip
EPOCH = np.datetime64("2000-01-01", "us")


@dataclass(frozen=True)
class Cells:
    """One column as bytes: `flat` holds the rows one after another, each `sizes` long with its length field."""

    flat: Bytes
    sizes: Lengths

    @cached_property
    def edges(self) -> Lengths:
        """Where each row begins in `flat`, and where the last one ends."""
        return np.concatenate([[0], np.cumsum(self.sizes)])

    @cached_property
    def width(self) -> int:
        """The size of every row, or 0 where they differ."""
        return int(self.sizes[0]) if len(self.sizes) and (self.sizes == self.sizes[0]).all() else 0

    def laid(self, low: int, high: int) -> tuple[Bytes, Flags]:
        """Rows `low` to `high` as a matrix, each from the left, and which of its bytes are meant."""
        if self.width:
            matrix = self.flat[low * self.width : high * self.width].reshape(high - low, self.width)
            return matrix, np.broadcast_to(True, matrix.shape)
        sizes = self.sizes[low:high]
        meant = np.arange(sizes.max()) < sizes[:, None]
        matrix = np.empty(meant.shape, np.uint8)
        matrix[meant] = self.flat[self.edges[low] : self.edges[high]]
        return matrix, meant


@dataclass(frozen=True)
class Load:
    """Rows of a table as the server reads them: its columns by name, as cells."""

    table: Table
    cells: dict[str, Cells]

    @property
    def rows(self) -> int:
        return len(next(iter(self.cells.values())).sizes)


def lay(table: Table, columns: Mapping[str, Any] | pd.DataFrame) -> Load:
    """The rows of some columns, which need not be all.

    Columns are arrays or Series named as in the table; a missing value (None, NaN, NaT, pd.NA) is stored as null.
    A geometry column takes shapely geometries, or an (n, 2) array of longitudes and latitudes; an array column takes
    an (n, k) array or lists, whose NaN stay numbers.
    """
    given: dict[str, Any] = {str(name): values for name, values in columns.items()}
    cells = at_once(lambda name: encode(table.c[name], given[name]), given)
    counts = {len(one.sizes) for one in cells}
    if len(counts) != 1:
        raise Invalid("store.columns", table=table.name, lengths=sorted(counts))
    return Load(table, dict(zip(given, cells, strict=True)))


def copy(session: Session, table: Table, columns: Mapping[str, Any] | pd.DataFrame) -> int:
    """Add the rows to the table and say how many; `lay` says what they may be. Columns not given get their defaults."""
    return put(session, lay(table, columns))


def put(session: Session, load: Load) -> int:
    """`copy`, of rows already laid out."""
    table, names = load.table.name, ", ".join(f'"{name}"' for name in load.cells)
    raw: Any = session.connection().connection.driver_connection
    with ThreadPoolExecutor(1) as ahead, raw.cursor() as cursor:
        stream = _Stream(_messages(list(load.cells.values())), ahead)
        if session.scalar(text("SELECT row_security_active(:name)"), {"name": table}):
            _staged(cursor, table, names, stream)
        else:
            with _unindexed(cursor, table, load.rows):
                cursor.copy_expert(f"COPY {table} ({names}) FROM STDIN (FORMAT binary)", stream, CHUNK)
    return load.rows


@contextmanager
def _unindexed(cursor: Any, table: str, rows: int) -> Iterator[None]:
    """A first big load goes several times faster without indexes, which are built in one go afterwards.

    Only into an empty table, which nobody misses while it is locked, and only indexes that enforce nothing.
    """
    cursor.execute(f"SELECT NOT EXISTS (SELECT FROM {table})")  # noqa: S608
    if rows < UNINDEXED_FROM or not cursor.fetchone()[0]:
        yield
        return
    cursor.execute(PLAIN_INDEXES, {"table": table})
    indexes = cursor.fetchall()
    for name, _ in indexes:
        cursor.execute(f"DROP INDEX {name}")
    yield
    cursor.execute("SET LOCAL maintenance_work_mem = '256MB'")
    for _, definition in indexes:
        cursor.execute(definition)


def _staged(cursor: Any, table: str, names: str, stream: _Stream) -> None:
    """COPY cannot go straight into a table under row security; an owner who is no superuser goes by a temporary one."""
    cursor.execute(f"CREATE TEMP TABLE copying ON COMMIT DROP AS SELECT {names} FROM {table} WITH NO DATA")  # noqa: S608
    cursor.copy_expert(f"COPY copying ({names}) FROM STDIN (FORMAT binary)", stream, CHUNK)
    cursor.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM copying; DROP TABLE copying")  # noqa: S608


def fetch(session: Session, query: str, parameters: Mapping[str, Any] | None = None) -> pd.DataFrame:
    """What a query gives, column by column; parameters are named as psycopg2 names them: %(code)s.

    Counts and flags with missing values come as `Int64` and `boolean`, missing texts as NaN.
    """
    with session.connection().connection.driver_connection.cursor() as cursor:  # type: ignore[union-attr]
        bound = cursor.mogrify(query, parameters or {}).decode()
        cursor.execute(f"SELECT * FROM ({bound}) AS asked LIMIT 0")  # noqa: S608
        kinds = {column.name: READ.get(column.type_code, pa.string()) for column in cursor.description}
        spool = io.BytesIO()
        cursor.copy_expert(f"COPY ({bound}) TO STDOUT (FORMAT csv, HEADER)", spool, CHUNK)
    if spool.tell() == len(",".join(kinds)) + 1:
        return pd.DataFrame({name: _column(pa.array([], kind)) for name, kind in kinds.items()})
    spool.seek(0)
    table = csv.read_csv(
        spool,
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=kinds, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False,
            true_values=["t"], false_values=["f"]),
    )  # fmt: skip
    return pd.DataFrame({name: _column(table[name]) for name in kinds})


def _column(column: Any) -> pd.Series:
    nullable = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()} if column.null_count else {}
    made: pd.Series = column.to_pandas(types_mapper=nullable.get)
    return made


# Columns to cells -----------------------------------------------------------------------------------------------------


def encode(column: Column[Any], values: Any) -> Cells:
    """The values as the server reads a column of this type."""
    try:
        return _encoder(column.type)(values)
    except (ValueError, TypeError, OverflowError, pa.ArrowException) as error:
        raise Invalid("store.value", table=column.table.name, column=column.name) from error


def _encoder(kind: Any) -> Callable[[Any], Cells]:
    if isinstance(kind, Geometry):
        return lambda values: _geometries(values, kind.srid)
    if isinstance(kind, ARRAY):
        return lambda values: _arrays(values, kind.item_type)
    if isinstance(kind, JSONB):
        return lambda values: _texts(values, prefix=b"\x01")
    for family, encoder in ((DateTime, _moments), (Date, _dates), (UUID, _uuids), (Text, _texts)):
        if isinstance(kind, family):
            return encoder
    wire = _wire(kind)
    return lambda values: _numbers(values, wire)


def _wire(kind: Any) -> str:
    return next(WIRE[family] for family in type(kind).__mro__ if family in WIRE)


def _numbers(values: Any, wire: str) -> Cells:
    given = np.array(values, dtype=object) if isinstance(values, (list, tuple)) else values
    missing = np.asarray(pd.isna(given), dtype=bool)
    return _fixed(_cast(given, missing, wire), missing)


def _cast(values: Any, missing: Flags, wire: str) -> npt.NDArray[Any]:
    """Numbers in the server's byte order, 0 where missing; one that would not survive the change is an error."""
    plain = pd.Series(values).to_numpy(dtype=object, na_value=0) if missing.any() else np.asarray(values)
    plain = np.array(plain.tolist()) if plain.dtype == object else plain
    with np.errstate(invalid="ignore"):
        cast = plain.astype(wire)
    if not np.issubdtype(cast.dtype, np.floating) and (cast != plain).any():
        raise OverflowError(wire)
    return cast


def _dates(values: Any) -> Cells:
    moments = pd.to_datetime(pd.Series(values)).to_numpy("datetime64[us]")
    missing = np.isnat(moments)
    days = np.where(missing, EPOCH, moments).astype("datetime64[D]") - EPOCH.astype("datetime64[D]")
    return _fixed(days.astype(np.int64).astype(">i4"), missing)


def _moments(values: Any) -> Cells:
    """Aware times; a time without a zone is an error, because nobody knows which one was meant."""
    series = pd.Series(values)
    aware = pd.to_datetime(series, utc=True)
    if getattr(series.dtype, "kind", "") == "M" and getattr(series.dt, "tz", None) is None:
        raise ValueError("no time zone")
    moments = aware.dt.tz_localize(None).to_numpy("datetime64[us]")
    missing = np.isnat(moments)
    return _fixed((np.where(missing, EPOCH, moments) - EPOCH).astype(np.int64).astype(">i8"), missing)


def _uuids(values: Any) -> Cells:
    joined = "".join(str(value) for value in values).replace("-", "")
    raw = np.frombuffer(bytes.fromhex(joined), np.uint8).reshape(-1, 16)
    return _fixed(raw, np.zeros(len(raw), bool))


def _texts(values: Any, *, prefix: bytes = b"") -> Cells:
    plain = values if isinstance(values, (pd.Series, pd.Index)) else pd.Series(values, dtype=object)
    return _binary(_arrow(plain, pa.large_string()), prefix=prefix)


def _arrow(values: Any, kind: pa.DataType) -> pa.Array:
    made = pa.array(values, type=kind, from_pandas=True)
    return made.combine_chunks() if isinstance(made, pa.ChunkedArray) else made


def _binary(array: pa.Array, *, prefix: bytes = b"") -> Cells:
    """Values of any length, taken from Arrow's own buffers."""
    missing = array.is_null().to_numpy(zero_copy_only=False)
    array = array.fill_null(b"" if pa.types.is_large_binary(array.type) else "")
    offsets = np.frombuffer(array.buffers()[1], np.int64)[array.offset : array.offset + len(array) + 1]
    body = np.frombuffer(array.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]]
    widths = np.diff(offsets)
    front = np.tile(np.frombuffer(prefix, np.uint8), (len(array), 1))
    front = np.hstack([_lengths(np.where(missing, -1, widths + len(prefix))), front])
    return _joined([_clipped(front, np.where(missing, 4, front.shape[1])), Cells(body, widths)])


def _geometries(values: Any, srid: int) -> Cells:
    if isinstance(values, np.ndarray) and values.ndim == 2:
        return _points(values[:, 0], values[:, 1], srid)
    shapes = np.asarray(values, dtype=object)
    there = shapely.is_geometry(shapes)
    if not (there | pd.isna(shapes)).all():
        raise TypeError("not a geometry")
    if (shapely.get_type_id(shapes[there]) == shapely.GeometryType.POINT).all():
        return _points(shapely.get_x(shapes), shapely.get_y(shapes), srid)
    return _binary(pa.array(shapely.to_wkb(shapely.set_srid(shapes, srid), include_srid=True), pa.large_binary()))


def _points(lon: Any, lat: Any, srid: int) -> Cells:
    """EWKB, little-endian; a point without coordinates is a missing one."""
    layout = np.dtype([("order", "u1"), ("kind", "<u4"), ("srid", "<u4"), ("lon", "<f8"), ("lat", "<f8")])
    made = np.empty(len(lon), layout)
    made["order"], made["kind"], made["srid"], made["lon"], made["lat"] = 1, 0x20000001, srid, lon, lat
    return _fixed(made, np.isnan(made["lon"]) & np.isnan(made["lat"]))


def _arrays(values: Any, item: Any) -> Cells:
    """Arrays of one dimension: a header, then every element as a cell of its own."""
    if isinstance(values, np.ndarray) and values.ndim == 2:
        counts, flat = np.full(values.shape[0], values.shape[1]), values.ravel()
        missing = np.zeros(len(counts), bool)
    else:
        missing = np.asarray(pd.isna(pd.Series(values, dtype=object).map(lambda row: None if row is None else 0)))
        rows = [() if gone else row for row, gone in zip(values, missing, strict=True)]
        counts = np.fromiter(map(len, rows), np.int64, len(rows))
        flat = np.array([element for row in rows for element in row], dtype=object)
    return _packed(_elements(flat, item), np.asarray(counts, np.int64), missing, _oid(item))


def _oid(item: Any) -> int:
    return ELEMENTS["text" if isinstance(item, Text) else _wire(item)]


def _elements(flat: npt.NDArray[Any], item: Any) -> Cells:
    if isinstance(item, Text):
        return _texts(flat)
    wire = _wire(item)
    present = np.zeros(len(flat), bool)
    return _fixed(_cast(flat, present, wire), present)


def _packed(elements: Cells, counts: Lengths, missing: Flags, oid: int) -> Cells:
    """Length, dimensions, flag "may hold nulls", type, number of elements, first index 1; then the elements."""
    ends = np.cumsum(counts)
    bodies = elements.edges[ends] - elements.edges[ends - counts]
    heads = np.where(missing, 0, np.where(counts == 0, 12, 20))
    words = np.column_stack([heads + bodies, counts > 0, counts >= 0, np.full(len(counts), oid), counts, counts >= 0])
    words[missing, 0] = -1
    front = _clipped(_big_endian(words), 4 + heads)
    return _joined([front, Cells(elements.flat, bodies)])


def _fixed(values: npt.NDArray[Any], missing: Flags) -> Cells:
    """Values of one width, with their lengths before them."""
    width = values.dtype.itemsize * (values.shape[1] if values.ndim > 1 else 1)
    body = np.ascontiguousarray(values).view(np.uint8).reshape(len(missing), width)
    laid = np.hstack([_lengths(np.where(missing, -1, width)), body])
    return _clipped(laid, np.where(missing, 4, 4 + width))


def _lengths(sizes: Lengths) -> Bytes:
    return _big_endian(sizes[:, None])


def _big_endian(words: npt.NDArray[Any]) -> Bytes:
    return words.astype(">i4").view(np.uint8).reshape(len(words), 4 * words.shape[1])


def _clipped(laid: Bytes, sizes: Lengths) -> Cells:
    """The rows of a matrix, each up to its own size."""
    whole = len(sizes) == 0 or sizes.min() == laid.shape[1]
    return Cells(laid.ravel() if whole else laid[np.arange(laid.shape[1]) < sizes[:, None]], sizes)


# Cells to one stream --------------------------------------------------------------------------------------------------


def _messages(cells: list[Cells]) -> Iterator[bytes]:
    """The whole stream in pieces: the signature, the rows, the trailer."""
    yield SIGNATURE
    count = len(cells[0].sizes)
    fields = np.tile(np.frombuffer(len(cells).to_bytes(2, "big"), np.uint8), count)
    parts = [Cells(fields, np.full(count, 2)), *cells]
    for low, high in _chunks(_widths(parts)):
        yield _rows(parts, low, high).tobytes()
    yield TRAILER


def _joined(parts: list[Cells]) -> Cells:
    """Columns laid side by side: row by row, the bytes of each in turn."""
    sizes = _widths(parts)
    pieces = [_rows(parts, low, high) for low, high in _chunks(sizes)]
    return Cells(np.concatenate([*pieces, np.empty(0, np.uint8)]), sizes)


def _widths(parts: list[Cells]) -> Lengths:
    widths: Lengths = np.sum([part.sizes for part in parts], axis=0)
    return widths


def _rows(parts: list[Cells], low: int, high: int) -> Bytes:
    laid = [part.laid(low, high) for part in parts]
    matrix = np.hstack([matrix for matrix, _ in laid])
    return matrix.ravel() if all(part.width for part in parts) else matrix[np.hstack([meant for _, meant in laid])]


def _chunks(sizes: Lengths) -> Iterator[tuple[int, int]]:
    """Runs of rows whose matrix is small; one very long row stands alone and does not widen its neighbours'."""
    open_runs = [(0, len(sizes))] if len(sizes) else []
    while open_runs:
        low, high = open_runs.pop()
        if high - low > 1 and (high - low) * int(sizes[low:high].max()) > CHUNK:
            middle = (low + high) // 2
            open_runs += [(middle, high), (low, middle)]
        else:
            yield low, high


class _Stream:
    """The pieces as a file that psycopg2 reads from; the next one is laid out while the server takes this one in."""

    def __init__(self, pieces: Iterator[bytes], ahead: ThreadPoolExecutor) -> None:
        self._begin = partial(ahead.submit, next, pieces, b"")
        self._next, self._left = self._begin(), b""

    def read(self, size: int) -> bytes:
        if not self._left:
            self._left, self._next = self._next.result(), self._begin()
        taken, self._left = self._left[:size], self._left[size:]
        return taken
