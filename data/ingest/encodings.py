"""Which encoding a text file from a Chinese office is in: UTF-8, GB18030 (GBK), or a question to its sender.

GB18030 decodes nearly any bytes into some Chinese, so that it decodes proves nothing: the characters must also be
common ones. What is not clearly one or the other is refused rather than turned into mojibake.
"""

from __future__ import annotations

import codecs
import re

import numpy as np

from gis.errors import Invalid

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
# In GB2312 hanzi begin at 0xB0 (the 3755 common ones end before 0xD8); 0xA1 to 0xA9 are signs and full-width letters.
_SIGNS, _COMMON, _RARE = (0xA1, 0xA9), (0xB0, 0xD7), (0xD8, 0xF7)
#: Real Chinese text is nearly all GB2312, and mostly of its common half.
_KNOWN_SHARE, _COMMON_SHARE = 0.9, 0.6
_SAMPLE = 1 << 20


def decoded(raw: bytes, *, name: str, encoding: str | None = None) -> str:
    """The text of a file, by the encoding declared or found; refused where it does not hold or none is clear."""
    chosen = encoding or found(raw, name=name)
    try:
        return raw.decode("utf-8-sig" if chosen.lower().replace("-", "") == "utf8" else chosen)
    except (LookupError, UnicodeError) as error:
        raise Invalid("files.encoding_declared", file=name, encoding=chosen) from error


def found(raw: bytes, *, name: str) -> str:
    """The encoding that the bytes show; refused when they show none clearly."""
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return encoding
    if b"\0" in raw[:_SAMPLE]:
        raise Invalid("files.encoding", file=name)
    chinese = _is_gb(raw)
    if _is_utf8(raw):
        if chinese and _is_doubtful(raw):
            raise Invalid("files.encoding", file=name)
        return "utf-8"
    if not chinese:
        raise Invalid("files.encoding", file=name)
    return "gb18030"


def _is_utf8(raw: bytes) -> bool:
    try:
        codecs.utf_8_decode(raw, "strict", True)
    except UnicodeDecodeError:
        return False
    return True


def _is_gb(raw: bytes) -> bool:
    """Whether the bytes beyond ASCII read as common Chinese in GB18030."""
    try:
        raw.decode("gb18030")
    except UnicodeDecodeError:
        return False
    lead, trail = _pairs(raw[:_SAMPLE])
    if not len(lead):
        return False
    whole = (trail >= 0xA1) & (trail <= 0xFE)
    common = whole & _between(lead, _COMMON)
    known = common | (whole & (_between(lead, _RARE) | _between(lead, _SIGNS)))
    return bool(known.mean() >= _KNOWN_SHARE and common.sum() >= _COMMON_SHARE * max((known & (lead > 0xA9)).sum(), 1))


def _pairs(raw: bytes) -> tuple[np.ndarray, np.ndarray]:
    """First and second bytes of the pairs, where every byte beyond ASCII begins one unless it ends one."""
    starts = [at for run in re.finditer(rb"[\x80-\xff][\x00-\xff]?(?:[\x80-\xff][\x00-\xff]?)*", raw) for at in
              range(run.start(), run.end() - 1, 2)]  # fmt: skip
    array = np.frombuffer(raw, dtype=np.uint8)
    at = np.array(starts, dtype=np.int64)
    return array[at], array[at + 1]


def _between(values: np.ndarray, ends: tuple[int, int]) -> np.ndarray:
    return (values >= ends[0]) & (values <= ends[1])


def _is_doubtful(raw: bytes) -> bool:
    """Valid as UTF-8 without one Chinese character, yet with letters in a row that no Latin text has together."""
    text = raw[:_SAMPLE].decode("utf-8", "ignore")
    return not re.search(r"[\u0800-\uffff\U00010000-\U0010ffff]", text) and bool(re.search(r"[\x80-\u07ff]{2}", text))
