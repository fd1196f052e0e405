"""Any file an office has (csv, xlsx, geojson, gpkg, shp) read into texts, shapes, row numbers and a digest.

Nothing is interpreted here: columns are texts as they were written, shapes stand in the file's own CRS.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyogrio
import pyogrio.errors
import pyproj

import data.ingest.encodings
import data.ingest.sheets
from data.ingest.sheets import Known
from gis.errors import Fault, Invalid

FORMATS = (".csv", ".xlsx", ".geojson", ".json", ".gpkg", ".shp")
OSM = (".pbf", ".osm")


@dataclass(frozen=True)
class Table:
    """What a file holds: one row of `texts` (missing where empty) and of `shapes` (None: a table without any) each."""

    name: str
    sha256: str
    texts: pd.DataFrame
    rows: npt.NDArray[np.int64]
    shapes: npt.NDArray[np.object_] | None = None
    crs: pyproj.CRS | None = None
    is_geojson: bool = False
    faults: tuple[Fault, ...] = ()


def is_osm(path: Path) -> bool:
    """Whether this is an OpenStreetMap extract."""
    return path.name.lower().endswith((".osm.pbf", ".osm", ".pbf"))


def digest(path: Path) -> str:
    """sha256 of the file as it lies there."""
    if not path.is_file():
        raise Invalid("files.absent", file=str(path))
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read(path: Path, *, known: Known, encoding: str | None = None, layer: str | None = None) -> Table:
    """Read a file by its suffix; `known` tells column names that mean something, `layer` names a layer or sheet."""
    sha256, suffix = digest(path), path.suffix.lower()
    if suffix == ".csv":
        cells = data.ingest.sheets.read_csv(path.read_bytes(), name=path.name, known=known, encoding=encoding)
        return Table(path.name, sha256, cells.texts, cells.rows, faults=cells.faults)
    if suffix == ".xlsx":
        cells = data.ingest.sheets.read_xlsx(path, known=known, sheet=layer)
        return Table(path.name, sha256, cells.texts, cells.rows, faults=cells.faults)
    if suffix not in FORMATS:
        raise Invalid("files.format", file=path.name, formats=[*FORMATS, ".osm.pbf"])
    return _shaped(path, sha256, encoding, layer)


def _shaped(path: Path, sha256: str, encoding: str | None, layer: str | None) -> Table:
    suffix = path.suffix.lower()
    try:
        frame, crs = _shapefile(path, encoding) if suffix == ".shp" else _layer(path, suffix, encoding, layer)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, UnicodeDecodeError, ValueError) as error:
        raise Invalid("files.unreadable", file=path.name, reason=str(error).splitlines()[0]) from error
    shapes = frame.pop("geometry").to_numpy() if "geometry" in frame else np.full(len(frame), None)
    texts = pd.DataFrame({str(name): _texts(column) for name, column in frame.items()}, index=frame.index)
    rows = np.arange(1, len(frame) + 1, dtype=np.int64)
    return Table(path.name, sha256, texts, rows, shapes, crs, suffix in (".geojson", ".json"))


def _layer(path: Path, suffix: str, encoding: str | None, layer: str | None) -> tuple[pd.DataFrame, pyproj.CRS | None]:
    if suffix in (".geojson", ".json"):
        text = data.ingest.encodings.decoded(path.read_bytes(), name=path.name, encoding=encoding)
        return _plain(pyogrio.read_dataframe(text.encode(), datetime_as_string=True))
    return _plain(pyogrio.read_dataframe(path, layer=layer or _only_layer(path), datetime_as_string=True))


def _only_layer(path: Path) -> str:
    layers = pyogrio.list_layers(path)
    shaped = [str(title) for title, kind in layers if kind is not None]
    if len(shaped) > 1:
        raise Invalid("files.layers", file=path.name, layers=shaped)
    if not len(layers):
        raise Invalid("files.empty", file=path.name)
    return shaped[0] if shaped else str(layers[0][0])


def _plain(frame: pd.DataFrame) -> tuple[pd.DataFrame, pyproj.CRS | None]:
    """The frame with its shapes as a plain column named geometry, and its CRS."""
    found = getattr(frame, "crs", None)
    crs = None if found is None else pyproj.CRS.from_user_input(found)
    name = getattr(frame, "_geometry_column_name", None)
    plain = pd.DataFrame({column: frame[column] for column in frame.columns if column != name}, index=frame.index)
    if name is not None and name in frame:
        plain["geometry"] = np.asarray(frame[name].array, dtype=object)
    return plain, crs


# Shapefiles -----------------------------------------------------------------------------------------------------------


def _shapefile(path: Path, encoding: str | None) -> tuple[pd.DataFrame, pyproj.CRS | None]:
    """Read byte by byte as Latin-1 and decoded here: a name cut in the middle of a character must not stop it."""
    table = path.with_suffix(".dbf")
    if not table.is_file():
        table = path.with_suffix(".DBF")
    if not table.is_file():
        raise Invalid("files.shapefile_parts", file=path.name, missing=table.name)
    chosen = encoding or _cpg(path) or data.ingest.encodings.found(_dbf_texts(table.read_bytes()), name=path.name)
    frame, crs = _plain(pyogrio.read_dataframe(path, encoding="ISO-8859-1", datetime_as_string=True))
    frame.columns = pd.Index([_again(str(name), chosen, path.name) for name in frame.columns])
    for name in frame.columns:
        if name != "geometry" and not pd.api.types.is_numeric_dtype(frame[name].dtype):
            frame[name] = [_again(text, chosen, path.name) if isinstance(text, str) else None for text in frame[name]]
    return frame, crs


def _cpg(path: Path) -> str | None:
    for suffix in (".cpg", ".CPG"):
        said = path.with_suffix(suffix)
        if said.is_file():
            word = said.read_text(encoding="ascii", errors="ignore").strip().strip('"')
            return {"936": "gb18030", "OEM 936": "gb18030", "ANSI 936": "gb18030", "65001": "utf-8"}.get(
                word, word or None
            )
    return None


def _dbf_texts(raw: bytes) -> bytes:
    """Every name and value of a dbf on a line of its own, a last character cut in two left out."""
    count, header, record = struct.unpack("<IHH", raw[4:12])
    fields = [raw[at : at + 32] for at in range(32, header - 1, 32) if raw[at : at + 1] != b"\r"]
    widths = [(chr(field[11]), field[16]) for field in fields]
    parts = [field[:11].split(b"\0")[0] for field in fields]
    starts = np.cumsum([1, *(width for _, width in widths)])
    for row in range(count):
        base = header + row * record
        parts += [
            raw[base + start : base + start + width].strip()
            for start, (kind, width) in zip(starts, widths, strict=False)
            if kind == "C"
        ]
    return b"\n".join(_whole(part) for part in parts)


def _whole(part: bytes) -> bytes:
    """Without the beginning of a UTF-8 character at the end, if all before it is UTF-8."""
    for cut in range(3):
        try:
            part[: len(part) - cut].decode("utf-8")
        except UnicodeDecodeError:
            continue
        return part[: len(part) - cut]
    return part


def _again(text: str, encoding: str, name: str) -> str:
    raw = text.encode("latin-1", "ignore")
    if encoding.lower().replace("-", "").startswith("utf8"):
        raw = _whole(raw)
    try:
        return raw.decode(encoding)
    except (LookupError, UnicodeError) as error:
        if raw[:-1].isascii() or not _decodes(raw[:-1], encoding):
            raise Invalid("files.encoding_declared", file=name, encoding=encoding) from error
        return raw[:-1].decode(encoding)


def _decodes(raw: bytes, encoding: str) -> bool:
    try:
        raw.decode(encoding)
    except (LookupError, UnicodeError):
        return False
    return True


# Values as texts ------------------------------------------------------------------------------------------------------


def _texts(column: pd.Series) -> pd.Series:
    """A column as text: 3.0 as 3, true and false as words, times in ISO 8601, missing as missing."""
    if pd.api.types.is_bool_dtype(column.dtype):
        return column.map({True: "true", False: "false"}).astype("str")
    if pd.api.types.is_integer_dtype(column.dtype):
        return column.astype("string").astype("str")
    if pd.api.types.is_float_dtype(column.dtype):
        return pd.Series([_number(value) for value in column.to_numpy()], index=column.index, dtype="str")
    return pd.Series([_word(value) for value in column], index=column.index, dtype="str")


def _number(value: float) -> str | None:
    if np.isnan(value):
        return None
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _word(value: Any) -> str | None:
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number(float(value)) if isinstance(value, float) else str(value)
    return value.isoformat() if isinstance(value, datetime) else str(value).strip() or None
