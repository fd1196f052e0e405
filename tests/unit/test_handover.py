"""Files for others are whole or absent, and nothing in them is carried out."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pytest
import shapely

import data.handover
from gis.errors import Invalid, NotFound

TABLE = gpd.GeoDataFrame(
    {"code": ["440103001", "=1+1", "@x"], "elders": [12, 0, 7], "rate": [0.25, np.inf, np.nan]},
    geometry=[shapely.box(113.2, 23.1, 113.3, 23.2), None, None],
    crs=4326,
)


def test_a_text_that_looks_like_a_formula_is_harmless_in_csv(tmp_path):
    """Excel carries out a cell that begins with = or @; with an apostrophe in front it is shown."""
    data.handover.write(TABLE, tmp_path / "areas.csv", synthetic=True)
    read = pd.read_csv(tmp_path / "areas.csv", dtype=str)
    assert read["code"].tolist() == ["440103001", "'=1+1", "'@x"]
    assert read["synthetic"].tolist() == ["True"] * 3
    assert (tmp_path / "areas.csv").read_bytes().startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("cell", ["=1", "  =1", "\n=1", "\u3000=1", "＝1", "＋1", "－1", "＠x", "\t1"])
def test_no_start_of_a_formula_is_overlooked(tmp_path, cell):
    data.handover.write(pd.DataFrame({"text": [cell, "一=1"]}), tmp_path / "cells.csv", synthetic=True)
    assert pd.read_csv(tmp_path / "cells.csv")["text"].tolist() == [f"'{cell}", "一=1"]


def test_a_text_that_looks_like_a_formula_is_a_text_in_xlsx(tmp_path):
    data.handover.write(TABLE, tmp_path / "areas.xlsx", synthetic=False, notes={"elders": "60+"})
    sheet = openpyxl.load_workbook(tmp_path / "areas.xlsx")["wangge"]
    cell = sheet["A3"]
    assert (cell.value, cell.data_type) == ("=1+1", "s")


@pytest.mark.parametrize("ending", [".gpkg", ".geojson"])
def test_outlines_come_back_as_they_went(tmp_path, ending):
    data.handover.write(TABLE, tmp_path / f"areas{ending}", synthetic=True)
    read = gpd.read_file(tmp_path / f"areas{ending}")
    assert read.geometry.iloc[0].equals(TABLE.geometry.iloc[0])
    assert read["elders"].tolist() == [12, 0, 7]


def test_an_unknown_ending_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(Invalid, match=r"export\.ending"):
        data.handover.write(TABLE, tmp_path / "areas.doc", synthetic=True)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(NotFound, match=r"export\.folder"):
        data.handover.write(TABLE, tmp_path / "no" / "areas.csv", synthetic=True)


def test_a_failed_write_leaves_the_older_file_as_it_was(tmp_path, monkeypatch):
    """The draft breaks halfway: the old file is whole, and no draft lies about."""
    path = tmp_path / "areas.csv"
    path.write_text("old")
    monkeypatch.setitem(data.handover.WRITERS, ".csv", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        data.handover.write(TABLE, path, synthetic=True)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
