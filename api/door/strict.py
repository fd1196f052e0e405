"""Strict JSON: what two readers could understand differently is not understood at all.

Python's own reader takes NaN, Infinity, 1e400 and the last of two equal keys; PostgreSQL takes no NUL in a text, and
no reader of UTF-8 takes half a pair of surrogates. Depth and vertices are counted before anything is parsed.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, NoReturn

from api.errors import Turned

DEEPEST = 32
#: Positions of a GeoJSON geometry, or any other innermost lists.
MOST_LISTS = 20_000
#: Everything but brackets: whole texts, the last one perhaps without its end, and what stands between. It always
#: goes on from where it is and never back, so its time grows with the length alone.
FILLING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[^][{}"]++', re.DOTALL)
STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
BROKEN = re.compile("[\0\ud800-\udfff]")


def check(body: bytes) -> None:
    """Refuse a body that is not JSON, or is JSON with a surprise."""
    brackets = FILLING.sub(b"", body)
    if max(accumulate((STEP.get(each, 0) for each in brackets), initial=0)) > DEEPEST:
        raise Turned(400, rule="too_deep")
    if brackets.count(b"[]") > MOST_LISTS:
        raise Turned(413, rule="too_many_vertices")
    try:
        value = json.loads(body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_none, parse_float=_finite)
    except UnicodeDecodeError:
        raise Turned(400, rule="not_utf8") from None
    except ValueError:  # not JSON, or an integer of thousands of digits
        raise Turned(400, rule="not_json") from None
    if b"\\u" in body and any(map(BROKEN.search, _texts(value))):
        raise Turned(400, rule="not_text")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Turned(400, rule="duplicate_key")
    return found


def _none(_written: str) -> NoReturn:
    raise Turned(400, rule="not_finite")


def _finite(written: str) -> float:
    value = float(written)
    return value if math.isfinite(value) else _none(written)


def _texts(value: object) -> Iterator[str]:
    """Every text in a parsed document, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, held in value.items():
            yield key
            yield from _texts(held)
    elif isinstance(value, list):
        for held in value:
            yield from _texts(held)
