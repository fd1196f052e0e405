"""Tables as files for others: csv, xlsx, gpkg, geojson, parquet; whole or absent.

A text that a spreadsheet would carry out as a formula gets an apostrophe in front in csv, and is stored as text in
xlsx. Every row says whether it is synthetic, because a file travels without its page.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from gis.errors import Invalid, NotFound

#: What a spreadsheet takes for the start of a formula: blanks before it are skipped, and the wide forms of East Asian
#: keyboards count as well.
FORMULA = r"^(?:\s*[=+\-@＝＋－＠]|[\t\r\n])"
LAYER = "wangge"


def check(path: Path) -> None:
    """Refuse an ending that nothing is written for, or a folder that is not there, before the work begins."""
    if path.suffix.lower() not in WRITERS:
        raise Invalid("export.ending", ending=path.suffix, known=sorted(WRITERS))
    if not path.absolute().parent.is_dir():
        raise NotFound("export.folder", folder=str(path.absolute().parent))


def write(frame: pd.DataFrame, path: Path, *, synthetic: bool, notes: Mapping[str, str] | None = None) -> None:
    """Write `frame` to `path` in the format of its ending; an older file stays until the new one is whole.

    `notes`: what the figures mean, for formats with room for it (a second sheet in xlsx).
    """
    check(path)
    labelled = frame.assign(synthetic=synthetic)
    draft = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        WRITERS[path.suffix.lower()](labelled, draft, notes or {})
        _sync(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _csv(frame: pd.DataFrame, path: Path, _notes: Mapping[str, str]) -> None:
    """UTF-8 with a mark, without which Excel shows Chinese as rubble."""
    _harmless(_flat(frame)).to_csv(path, index=False, encoding="utf-8-sig", lineterminator="\r\n")


def _xlsx(frame: pd.DataFrame, path: Path, notes: Mapping[str, str]) -> None:
    flat = _flat(frame)
    if len(flat) >= 1_048_576:
        raise Invalid("export.too_many_rows", rows=len(flat), most=1_048_575)
    plain = {"options": {"strings_to_formulas": False, "strings_to_urls": False, "nan_inf_to_errors": True}}
    with pd.ExcelWriter(path, engine="xlsxwriter", engine_kwargs=plain) as book:
        flat.to_excel(book, sheet_name=LAYER, index=False, freeze_panes=(1, 0))
        book.sheets[LAYER].autofilter(0, 0, len(flat), max(len(flat.columns) - 1, 0))
        if notes:
            pd.DataFrame(list(notes.items())).to_excel(book, sheet_name="说明 notes", index=False, header=False)


def _geo(driver: str) -> Callable[[pd.DataFrame, Path, Mapping[str, str]], None]:
    def write_geo(frame: pd.DataFrame, path: Path, _notes: Mapping[str, str]) -> None:
        geometry = frame["geometry"] if "geometry" in frame else pd.Series([None] * len(frame), index=frame.index)
        located = gpd.GeoDataFrame(
            _listless(frame.drop(columns="geometry", errors="ignore")), geometry=geometry, crs=4326
        )
        located.to_file(path, driver=driver, layer=LAYER, engine="pyogrio")

    return write_geo


def _parquet(frame: pd.DataFrame, path: Path, _notes: Mapping[str, str]) -> None:
    frame.to_parquet(path, index=False)


WRITERS: dict[str, Callable[[pd.DataFrame, Path, Mapping[str, str]], None]] = {
    ".csv": _csv,
    ".xlsx": _xlsx,
    ".gpkg": _geo("GPKG"),
    ".geojson": _geo("GeoJSON"),
    ".parquet": _parquet,
}


def _flat(frame: pd.DataFrame) -> pd.DataFrame:
    """Without outlines, which a spreadsheet has no cell for."""
    return pd.DataFrame(_listless(frame.drop(columns="geometry", errors="ignore")))


def _listless(frame: pd.DataFrame) -> pd.DataFrame:
    """Infinite numbers and missing ones become empty cells."""
    numbers = [name for name in frame.columns if pd.api.types.is_float_dtype(frame[name])]
    return frame.assign(**{name: frame[name].replace([np.inf, -np.inf], np.nan) for name in numbers})


def _harmless(frame: pd.DataFrame) -> pd.DataFrame:
    texts = [
        name for name in frame.columns if frame[name].dtype == object or isinstance(frame[name].dtype, pd.StringDtype)
    ]
    return frame.assign(**{name: _quoted(frame[name]) for name in texts})


def _quoted(column: pd.Series) -> pd.Series:
    risky = column.map(lambda cell: isinstance(cell, str)).astype(bool) & column.astype(str).str.match(FORMULA)
    return column.where(~risky, "'" + column.astype(str))


def _sync(path: Path) -> None:
    with path.open("rb") as written:
        os.fsync(written.fileno())
