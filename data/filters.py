"""A filter as OGC writes it (CQL2, as text or JSON) turned into a condition on columns that may be asked for.

`pygeofilter` reads it. What differs between its grammar and the standard (OGC 21-065r2) is put right here: AND binds
more tightly than OR, a quote within a text is doubled, a box is `BBOX(...)`, BETWEEN has three arguments.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import pygeofilter.parsers.cql2_json
import pygeofilter.parsers.cql2_text.parser as cql2_text
from lark import Lark, v_args
from pygeofilter import values
from pygeofilter.backends.evaluator import handle
from pygeofilter.backends.sqlalchemy.evaluate import SQLAlchemyFilterEvaluator
from sqlalchemy import ColumnElement, and_, func, true
from sqlalchemy.exc import DBAPIError, ProgrammingError, StatementError

from gis.errors import Invalid

#: Limits before anything is parsed: letters, brackets within brackets, and commas (which part coordinates).
LONGEST, DEEPEST, COMMAS = 4_000, 24, 500
#: What the database says of a comparison that makes no sense: a value that is none of the column's type, an operator
#: that two types do not have, a geometry that cannot be worked with.
SENSELESS = ("22", "42883", "42804", "42846", "XX000")

GRAMMAR = Path(cql2_text.__file__).with_name("grammar.lark")
CHANGES = {
    """?condition: condition_1
          | condition "AND"i condition_1                                 -> and_
          | condition "OR"i condition_1                                   -> or_""": """?condition: conjunction
          | condition "OR"i conjunction -> or_
?conjunction: condition_1
          | conjunction "AND"i condition_1 -> and_""",
    """SINGLE_QUOTED: "'" /.*?/ "'\"""": """SINGLE_QUOTED: /'([^']|'')*'/""",
    "?full_number: number": """box: "BBOX"i "(" full_number "," full_number "," full_number "," full_number ")"
?full_number: number""",
    "| envelope\n": "| box\n",
    """envelope: "ENVELOPE"i "(" number number number number ")"\n""": "",
    "%import common.WS_INLINE\n%ignore WS_INLINE": "%import common.WS\n%ignore WS",
}


@dataclass(frozen=True)
class Frame:
    """The coordinates a sender uses: its EPSG number, and whether the northern one comes first."""

    srid: int = 4326
    north_first: bool = False


def condition(
    said: str, language: str, *, columns: Mapping[str, ColumnElement[Any]], frame: Frame
) -> ColumnElement[bool]:
    """The condition that `said` puts on `columns`, and on no others; refuses what cannot be read (``ogc.filter``)."""
    _require_small(said)
    try:
        tree = _TEXT.parse(said) if language == "cql2-text" else _read_json(said)
        return and_(true(), _Columns(columns, frame).evaluate(tree))
    except Exception as error:  # whatever the library stumbles over is what the sender wrote
        raise Invalid("ogc.filter") from error


@contextmanager
def sense() -> Iterator[None]:
    """Around the statement with a sender's condition in it: what makes no sense to the database is refused."""
    try:
        yield
    except DBAPIError as error:
        code = getattr(error.orig, "pgcode", None)
        # Without a code it is either a value the driver cannot write, or a server that is gone.
        if not (isinstance(error, ProgrammingError) if code is None else code.startswith(SENSELESS)):
            raise
        raise Invalid("ogc.filter_sense") from error
    except StatementError as error:
        raise Invalid("ogc.filter_sense") from error


def _require_small(said: str) -> None:
    depth = max(accumulate((letter in "([{") - (letter in ")]}") for letter in said), default=0)
    if len(said) > LONGEST or depth > DEEPEST or said.count(",") > COMMAS:
        raise Invalid("ogc.filter_size", letters=LONGEST, depth=DEEPEST, commas=COMMAS)


# Reading --------------------------------------------------------------------------------------------------------------


@v_args(meta=False, inline=True)
class _Words(cql2_text.CQLTransformer):
    def SINGLE_QUOTED(self, token: str) -> str:
        return token[1:-1].replace("''", "'")

    def box(self, west: float, south: float, east: float, north: float) -> values.Geometry:
        return _box(west, south, east, north)


def _grammar() -> str:
    text = GRAMMAR.read_text("utf-8")
    for before, after in CHANGES.items():
        if before not in text:
            raise RuntimeError("the grammar of pygeofilter is another one than this was written for")
        text = text.replace(before, after)
    return text


_TEXT = Lark(
    _grammar(),
    parser="lalr",
    transformer=_Words(),
    maybe_placeholders=False,
    source_path=str(GRAMMAR),
    import_paths=[str(GRAMMAR.parent.parent)],
)


def _read_json(said: str) -> Any:
    return pygeofilter.parsers.cql2_json.parse(json.loads(said, object_hook=_as_the_library_expects))


def _as_the_library_expects(node: dict[str, Any]) -> Any:
    if "bbox" in node:
        return _box(*node["bbox"])
    if node.get("op") == "between" and len(node["args"]) == 3:
        value, *bounds = node["args"]
        return node | {"args": [value, bounds]}
    return node


def _box(west: float, south: float, east: float, north: float) -> values.Geometry:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return values.Geometry({"type": "Polygon", "coordinates": [ring]})


# Conditions -----------------------------------------------------------------------------------------------------------


class _Columns(SQLAlchemyFilterEvaluator):
    """An unknown name is an error, and a geometry is brought to degrees from the frame it was written in."""

    def __init__(self, columns: Mapping[str, ColumnElement[Any]], frame: Frame) -> None:
        super().__init__(columns, undefined_as_null=False)
        self.frame = frame

    @handle(values.Geometry)
    def geometry(self, node: values.Geometry) -> Any:
        return located(func.ST_GeomFromGeoJSON(json.dumps(node.geometry)), self.frame)


def located(shape: Any, frame: Frame) -> Any:
    """A geometry as somebody wrote it, in degrees, east first."""
    turned = func.ST_FlipCoordinates(shape) if frame.north_first else shape
    placed = func.ST_SetSRID(turned, frame.srid)
    return placed if frame.srid == 4326 else func.ST_Transform(placed, 4326)
