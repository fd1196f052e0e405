"""Bad input of every kind: bodies, types, and values in addresses and forms, each class by its name.

What is written into a body is something personal: whoever refuses it must not repeat it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

#: Something personal, in every body below.
SECRET = "陈婆婆13800138000"
DEEP = 10_000


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _with(**more: Any) -> Callable[[dict[str, Any]], bytes]:
    """The sound body with some fields more or other."""
    return lambda sound: _json({**sound, "text": SECRET, **more})


def _every(value: Any) -> Callable[[dict[str, Any]], bytes]:
    """Every field of the sound body with one value that none of them wants."""
    return lambda sound: _json(dict.fromkeys([*sound, "text"], value))


def _raw(body: bytes) -> Callable[[dict[str, Any]], bytes]:
    return lambda sound: body


def _first(written: str) -> Callable[[dict[str, Any]], bytes]:
    """The sound body with the first field written as no JSON library would."""
    return lambda sound: (
        "{" + ",".join(f'"{name}": {written}' for name in [*sound, "lon"]) + f', "text": "{SECRET}"}}'
    ).encode()


SOUND = {"category": "handrail", "text": SECRET, "lon": 113.205, "lat": 23.1025, "captured_at": "2026-03-02T08:30:00Z"}
CLASSES: dict[str, Callable[[dict[str, Any]], bytes]] = {
    "nothing": _raw(b""),
    "spaces": _raw(b"   "),
    "no JSON": _raw(SECRET.encode()),
    "half a document": _raw(b'{"text": "' + SECRET.encode()),
    "two documents": _raw(b"{}{}"),
    "a comment": _raw(b"/* x */ {}"),
    "a trailing comma": _raw(b'{"a": 1,}'),
    "single quotes": _raw(b"{'a': 1}"),
    "null": _raw(b"null"),
    "true": _raw(b"true"),
    "a number": _raw(b"7"),
    "a text": _raw(_json(SECRET)),
    "a list": _raw(_json([SECRET])),
    "an empty list": _raw(b"[]"),
    "an empty object": _raw(b"{}"),
    "NaN": _first("NaN"),
    "Infinity": _first("Infinity"),
    "-Infinity": _first("-Infinity"),
    "1e400": _first("1e400"),
    "-1e400": _first("-1e400"),
    "an integer of 5,000 digits": _first("1" * 5000),
    "an integer beyond 64 bits": _first(str(2**70)),
    "a negative integer beyond 64 bits": _first(str(-(2**70))),
    "a double key": lambda sound: f'{{"text": "a", "text": "{SECRET}"}}'.encode(),
    "a double key deep inside": _raw(b'{"a": {"b": [{"c": 1, "c": 2}]}}'),
    "an unknown field": _with(unknown=SECRET),
    "a secret as a field": _with(**{SECRET: 1}),
    "__proto__": _with(__proto__={"admin": True}),
    "a role in the body": _with(role="admin", user_id=1, is_admin=True),
    "every field null": _every(None),
    "every field a text": _every(SECRET),
    "every field a number": _every(-1),
    "every field true": _every(True),
    "every field a list": _every([SECRET]),
    "every field an object": _every({"x": SECRET}),
    "every field an empty text": _every(""),
    "every field a long text": _every(SECRET * 5000),
    "numbers in quotes": _with(lon="113.2", lat="23.1"),
    "latitude 9999": _with(lat=9999),
    "longitude -9999": _with(lon=-9999),
    "the year 0001": _with(captured_at="0001-01-01T00:00:00+14:00"),
    "the year 9999": _with(captured_at="9999-12-31T23:59:59-14:00"),
    "a time without a zone": _with(captured_at="2026-01-01T00:00:00"),
    "a time as a number": _with(captured_at=1767225600),
    "the 31st of February": _with(captured_at="2026-02-31T00:00:00Z"),
    "NUL in a text": lambda sound: b'{"text": "\\u0000", "category": "\\u0000"}',
    "half a surrogate pair": lambda sound: b'{"text": "\\ud800", "category": "\\udfff"}',
    "control characters": _with(category="\x01\x02\x1b[31m"),
    "text that turns round": _with(category="\u202e\u2066abc"),
    "SQL": _with(category="'; DROP TABLE report; --"),
    "a script": _with(category="<script>alert(1)</script>"),
    "a formula": _with(category='=cmd|"/c calc"!A1'),
    "a path": _with(category="../../../../etc/passwd"),
    "a template": _with(category="{{7*7}}${7*7}{0.__class__}%s%n"),
    "latin-1": _raw(json.dumps({"text": "é"}, ensure_ascii=False).encode("latin-1")),
    "UTF-16": lambda sound: json.dumps(sound).encode("utf-16"),
    "a byte order mark": lambda sound: b"\xef\xbb\xbf" + _json(sound),
    "10,000 lists": _raw(b"[" * DEEP + b"]" * DEEP),
    "10,000 objects": _raw(b'{"a":' * DEEP + b"1" + b"}" * DEEP),
    "10,000 lists without an end": _raw(b"[" * DEEP),
    "25,000 positions": _raw(b'{"geometry": [' + b"[1,2]," * 25_000 + b"[1,2]]}"),
    "100,000 keys": _raw(_json({f"k{n}": n for n in range(70_000)})),
    "more than a megabyte": _raw(b'"' + b"x" * 1_000_001 + b'"'),
    "a polygon of NaN": _raw(b'{"geometry": {"type": "Polygon", "coordinates": [[[NaN, 1], [2, 2], [3, 3]]]}}'),
    "a reference system of its own": _with(crs={"type": "name", "properties": {"name": "EPSG:3857"}}),
    "another datum": _with(datum="xian80"),
}
TYPES = {
    "XML": ("application/xml", b"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><x>&e;</x>"),
    "a form": ("application/x-www-form-urlencoded", f"text={SECRET}&a=%00&a=1".encode()),
    "half a multipart": ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="a'),
    "multipart without a boundary": ("multipart/form-data", b"--x--"),
    "a picture that is none": ("image/jpeg", b"\xff\xd8\xff<script>"),
    "SVG": ("image/svg+xml", b"<svg onload='alert(1)'/>"),
    "JSON in an unknown charset": ("application/json; charset=utf-7", b"+AHs-"),
    "no type": ("", b"{}"),
    "a type that is none": ("application", b"{}"),
}
NAMED = re.compile(r"{(\w+)}")
#: What fills the names in a route; each is the id of nothing.
IDS = {
    "uuid": "00000000-0000-4000-8000-000000000001", "report_id": "00000000-0000-4000-8000-000000000002",
    "sha256": "0" * 64, "form": "json", "webhook_id": "00000000-0000-4000-8000-000000000003", "code": "none",
}  # fmt: skip
BAD_VALUES = (
    "%00", "%ff%fe", "..%2f..%2fetc%2fpasswd", "%27%3B--", "9" * 30, "-1", "1e400", "NaN", "%F0%9F%91%B5" * 50,
    "%0d%0aX-Y:1", "a" * 1500, "%E2%80%AE", "{}", "[]", "null", "0", "%20", "2026-02-31", "0001-01-01",
)  # fmt: skip
#: What no field of a JSON body wants, or only some do.
FIELDS: tuple[Any, ...] = (
    None, True, "", " ", SECRET, SECRET * 2000, -1, 0, 1e-320, 1.7e308, -1.7e308, 2**31, 2**63, 2**64, -(2**63) - 1,
    [], [[]], {}, {"": []}, [None], [SECRET] * 500, "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-02-30",
    "1e400", "\x7f\x1b[0m", "\u202e\ufeff\u0000".strip("\0"), "'; DROP TABLE report; --", "../../etc/passwd",
    "\N{OLDER WOMAN}\N{VARIATION SELECTOR-16}" * 300, "NaN", "\U0010ffff", "%00%s%n",
    "00000000-0000-0000-0000-000000000000",
    {"type": "Polygon", "coordinates": [[[113.2, 23.1], [113.2, 23.1], [113.2, 23.1], [113.2, 23.1]]]},
)  # fmt: skip
_HEAD = b"Host: 127.0.0.1\r\n"
#: What is no HTTP, or more than one reading of it.
BROKEN_HTTP = {
    "nothing": b"",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a line without an end": b"GET /" + b"a" * 200_000,
    "HTTP/0.9": b"GET /healthz\r\n\r\n",
    "HTTP/9.9": b"GET /healthz HTTP/9.9\r\n" + _HEAD + b"\r\n",
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /healthz HTTP/1.1\r\n" + _HEAD * 2 + b"\r\n",
    "bytes in the path": b"GET /api/areas/\xff\xfe HTTP/1.1\r\n" + _HEAD + b"\r\n",
    "NUL in a header": b"GET /healthz HTTP/1.1\r\n" + _HEAD + b"X: \0\r\n\r\n",
    "a header without a name": b"GET /healthz HTTP/1.1\r\n" + _HEAD + b": x\r\n\r\n",
    "a header of a megabyte": b"GET /healthz HTTP/1.1\r\n" + _HEAD + b"X: " + b"x" * 1_000_000 + b"\r\n\r\n",
    "ten thousand headers": b"GET /healthz HTTP/1.1\r\n" + _HEAD + b"X: x\r\n" * 10_000 + b"\r\n",
    "a negative length": b"POST /api/token HTTP/1.1\r\n" + _HEAD + b"Content-Length: -1\r\n\r\n",
    "two lengths": b"POST /api/token HTTP/1.1\r\n" + _HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
    "a length and pieces": b"POST /api/token HTTP/1.1\r\n" + _HEAD
    + b"Content-Type: application/json\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a piece of a size that is none": b"POST /api/token HTTP/1.1\r\n" + _HEAD
    + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    "a length that does not come": b"POST /api/token HTTP/1.1\r\n" + _HEAD
    + b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
    "a token of bytes": b"GET /api/me HTTP/1.1\r\n" + _HEAD + b"Authorization: Bearer \xff\xfe\r\n\r\n",
    "a token of a scheme alone": b"GET /api/me HTTP/1.1\r\n" + _HEAD + b"Authorization: Bearer\r\n\r\n",
    "an upgrade": b"GET /healthz HTTP/1.1\r\n" + _HEAD + b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n\r\n",
    "a proxy's address": b"GET http://10.0.0.1/ HTTP/1.1\r\n" + _HEAD + b"\r\n",
    "half a method": b"\r\n\r\nGE",
}  # fmt: skip
