"""Every address of the API that reads, with whatever fits into it, and what is in an answer, files opened."""

from __future__ import annotations

import io
import itertools
import re
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from worlds import squares

LEVELS = ("district", "community", "grid")
NAMED = re.compile(r"{(\w+)}")
#: A point of the southern lane of the town of squares, and its row of tiles as a share of the whole.
LON, ROW = squares.WEST + 0.005, 0.43399


def addresses(documented: Mapping[str, Any], fills: Mapping[str, Iterable[object]]) -> Iterator[str]:
    """Each GET of a description but /metrics, with every filling of its path and every level, kind and format."""
    for path, methods in documented["paths"].items():
        if "get" in methods and path != "/metrics":
            names = NAMED.findall(path)
            for filled in itertools.product(*(fills.get(name, ["1"]) for name in names)):
                where = _tiled(path, dict(zip(names, filled, strict=True)))
                yield from (where + query for query in _queries(methods["get"]))


def _tiled(path: str, filled: dict[str, Any]) -> str:
    """The path with its names filled; a tile is the one that holds the lane's beginning."""
    z = int(filled.get("z", 0))
    column, row = int((LON + 180) / 360 * 2**z), int(ROW * 2**z)
    return path.format(**filled | {"x": column, "y": row, "column": column, "row": row})


def _queries(operation: dict[str, Any]) -> list[str]:
    """Every level and kind, every format, where a route knows them."""
    names = {one["name"]: one["schema"] for one in operation.get("parameters", []) if one["in"] == "query"}
    known = {"level": LEVELS, "kind": ("canteen", "circle"), "verdict": ("standard", "personal"),
             "format": names.get("format", {}).get("enum", ()), "by": names.get("by", {}).get("enum", ())}  # fmt: skip
    used = [[f"{name}={value}" for value in known[name]] for name in names if known.get(name)]
    return ["?" + "&".join(each) for each in itertools.product(*used)]


def read(answer: Any) -> str:
    """All that an answer holds, as text; the tables of a file with all their columns."""
    kind = answer.headers.get("content-type", "")
    if "spreadsheet" in kind:
        return "".join(table.to_csv() for table in pd.read_excel(io.BytesIO(answer.content), sheet_name=None).values())
    if "parquet" in kind:
        return pd.read_parquet(io.BytesIO(answer.content)).to_csv()
    if "geopackage" in kind:
        return _tables(answer.content)
    return answer.content.decode("utf-8", "replace")


def _tables(content: bytes) -> str:
    """Every table of a GeoPackage, its own ones too."""
    with tempfile.NamedTemporaryFile(suffix=".gpkg") as file:
        file.write(content)
        file.flush()
        database = sqlite3.connect(file.name)
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        told = [str(database.execute(f'SELECT * FROM "{name}"').fetchall()) for name in names if "rtree" not in name]
        database.close()
    return "".join(told)
