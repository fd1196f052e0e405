"""Whole columns of texts made into values, with every cell that cannot be one named.

A parser takes an Arrow array of trimmed texts (null where empty) and gives values, missing where empty or bad, and the
masks of bad cells by their reason. None loops over rows except where a text is out of the ordinary.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Bad:
    """The cells that are wrong for one reason."""

    mask: Mask
    code: str
    facts: Mapping[str, object]


@dataclass(frozen=True)
class Parsed:
    values: Any
    bad: tuple[Bad, ...] = ()


Parser = Callable[[pa.ChunkedArray], Parsed]

#: What offices write for "not recorded" in a column of numbers or of yes and no.
NOT_RECORDED = ("-", "--", "—", "——", "/", "\\", "无", "未知", "不详", "未登记", "null", "none", "n/a")
YES = ("是", "有", "y", "yes", "t", "true", "1", "√", "✓", "对")
NO = ("否", "无", "没有", "n", "no", "f", "false", "0", "×", "✗", "错")

_NUMBER = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$"
_NOT_FINITE = r"(?i)^[+-]?(nan|inf|infinity|∞)$"
_THOUSANDS = r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$"
_SCIENTIFIC = r"^[+-]?\d+(\.\d+)?[eE]\+?\d+$"
_DATE = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?$|^\d{1,2}月\d{1,2}日$"
_CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
# The first and last day that a bare number in a time column can mean in a spreadsheet (1982 to 2119).
_SERIALS = (30_000.0, 80_000.0)


def text(*, longest: int = 2000) -> Parser:
    """Any text without control characters."""

    def parse(texts: pa.ChunkedArray) -> Parsed:
        bad = (
            Bad(_matches(texts, _CONTROL), "cell.control", {}),
            Bad(_mask(pc.greater(pc.utf8_length(texts), longest)), "cell.long", {"longest": longest}),
        )
        return Parsed(texts.to_pandas().astype("str"), _real(bad))

    return parse


def code(*, longest: int = 64) -> Parser:
    """A code or number that is a name: what a spreadsheet made of it is refused, since its digits are gone."""

    def parse(texts: pa.ChunkedArray) -> Parsed:
        texts = pc.replace_substring_regex(texts, r'^="(.*)"$', r"\1")
        texts = pc.replace_substring_regex(texts, r"^(\d+)\.0$", r"\1")
        bad = (
            Bad(_matches(texts, _SCIENTIFIC), "cell.scientific", {}),
            Bad(_matches(texts, _DATE), "cell.date", {}),
            Bad(_matches(texts, _CONTROL), "cell.control", {}),
            Bad(_mask(pc.greater(pc.utf8_length(texts), longest)), "cell.long", {"longest": longest}),
        )
        return Parsed(texts.to_pandas().astype("str"), _real(bad))

    return parse


def number(*, least: float | None = None, most: float | None = None, units: str = "") -> Parser:
    """(n,) float, NaN where missing; `units` is a pattern of what may stand behind it."""

    def parse(texts: pa.ChunkedArray) -> Parsed:
        values, bad = _floats(texts, units)
        return _ranged(values, bad, least, most)

    return parse


def whole(*, least: int | None = None, most: int | None = None, units: str = "") -> Parser:
    """(n,) Int64, missing where empty."""

    def parse(texts: pa.ChunkedArray) -> Parsed:
        values, bad = _floats(texts, units)
        broken = np.isfinite(values) & (values != np.round(values))
        values = np.where(broken, np.nan, values)
        ranged = _ranged(values, [*bad, Bad(broken, "cell.not_whole", {})], least, most)
        return Parsed(_integers(ranged.values), ranged.bad)

    return parse


def degrees() -> Parser:
    """(n,) float: decimal degrees, also with 度 or °, E/N or 东经/北纬 around them, or degrees, minutes and seconds."""

    def parse(texts: pa.ChunkedArray) -> Parsed:
        values, bad = _floats(texts, "度|°", other=_sexagesimal)
        return Parsed(values, _real(bad))

    return parse


def flag() -> Parser:
    """(n,) boolean, missing where empty or not recorded."""
    words = dict.fromkeys(YES, True) | dict.fromkeys(NO, False)

    def parse(texts: pa.ChunkedArray) -> Parsed:
        folded = _recorded(_folded(texts), NO)
        values, bad = _looked_up(folded, words)
        return Parsed(values.astype("boolean"), _real([Bad(bad, "cell.not_flag", {})]))

    return parse


def choice(words: Mapping[str, str], *, code: str = "cell.unknown_choice") -> Parser:
    """(n,) text: the value that each word stands for, any case and width; unknown words are bad, the known listed."""
    known = {_fold(word): value for word, value in words.items()}
    shown = _shown(words)

    def parse(texts: pa.ChunkedArray) -> Parsed:
        values, bad = _looked_up(_folded(texts), known)
        return Parsed(values.astype("str"), _real([Bad(bad, code, {"known": shown})]))

    return parse


def _shown(words: Mapping[str, str]) -> list[str]:
    """Each value beside the first other word for it: "canteen 长者饭堂"."""
    others: dict[str, str] = {}
    for word, value in words.items():
        if word != value:
            others.setdefault(value, word)
    return [f"{value} {others.get(value, '')}".strip() for value in dict.fromkeys(words.values())]


def moment(*, zone: str) -> Parser:
    """(n,) time in UTC; one without a zone of its own is in `zone`. A bare number is a day of a spreadsheet."""

    def parse(texts: pa.ChunkedArray) -> Parsed:
        plain = _moments(pc.utf8_upper(_folded(texts)).to_pandas().astype("str"))
        zoned = plain.str.contains(r"\d(?:Z|[+-]\d{2}:?\d{2})$", regex=True, na=False)
        values = pd.Series(pd.NaT, index=plain.index, dtype="datetime64[us, UTC]")
        values[zoned] = pd.to_datetime(plain[zoned], format="ISO8601", errors="coerce", utc=True)
        local = pd.to_datetime(plain[~zoned], format="ISO8601", errors="coerce")
        values[~zoned] = local.dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT").dt.tz_convert("UTC")
        bad = (plain.notna() & values.isna()).to_numpy()
        return Parsed(values, _real([Bad(bad, "cell.not_time", {})]))

    return parse


def outline() -> Parser:
    """(n,) shapely shapes from WKT."""

    def parse(texts: pa.ChunkedArray) -> Parsed:
        written = np.array(texts.to_pylist(), dtype=object)
        with np.errstate(invalid="ignore"):  # a NaN among the coordinates is named later, with its row
            shapes = shapely.from_wkt(written, on_invalid="ignore")
        bad = shapely.is_missing(shapes) & _mask(pc.is_valid(texts))
        return Parsed(np.asarray(shapes, dtype=object), _real([Bad(bad, "cell.not_wkt", {})]))

    return parse


# Texts ----------------------------------------------------------------------------------------------------------------


def arrow(column: pd.Series) -> pa.ChunkedArray:
    """A column of texts as trimmed Arrow, null where nothing is left."""
    array = pa.chunked_array(column.astype("str")).cast(pa.large_string())
    texts = pc.utf8_trim(array, " \t\r\n\u3000\xa0\ufeff\u200b")
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.large_string()), texts)


def _fold(word: str) -> str:
    return unicodedata.normalize("NFKC", word).strip().lower().replace(" ", "")


def _folded(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Full width made half, capitals small."""
    return pc.utf8_lower(pc.utf8_normalize(texts, "NFKC"))


def _matches(texts: pa.ChunkedArray, pattern: str) -> Mask:
    return _mask(pc.match_substring_regex(texts, pattern))


def _mask(flags: pa.ChunkedArray) -> Mask:
    return np.asarray(pc.fill_null(flags, False).to_numpy(zero_copy_only=False), dtype=bool)


def _real(bad: Any) -> tuple[Bad, ...]:
    return tuple(one for one in bad if one.mask.any())


def _recorded(folded: pa.ChunkedArray, kept: tuple[str, ...] = ()) -> pa.ChunkedArray:
    """Null where the text says that nothing is recorded, unless the word means something here."""
    words = pa.array([word for word in NOT_RECORDED if word not in kept], type=pa.large_string())
    return pc.if_else(pc.is_in(folded, value_set=words), pa.scalar(None, pa.large_string()), folded)


def _looked_up(folded: pa.ChunkedArray, words: Mapping[str, Any]) -> tuple[pd.Series, Mask]:
    """Each text looked up once, however often it stands there."""
    series = folded.to_pandas()
    codes, unique = pd.factorize(series)
    found = [words.get(str(word).replace(" ", "")) for word in unique]
    values = pd.Series(np.array([*found, None], dtype=object)[codes], index=series.index)
    return values, (values.isna() & series.notna()).to_numpy()


# Numbers --------------------------------------------------------------------------------------------------------------


def _floats(
    texts: pa.ChunkedArray, units: str, *, other: Callable[[str], float | None] | None = None
) -> tuple[npt.NDArray[np.float64], list[Bad]]:
    plain = texts
    if not _mask(pc.fill_null(pc.match_substring_regex(texts, _NUMBER), True)).all():
        plain = _plain(texts, units)
    good = pc.fill_null(pc.match_substring_regex(plain, _NUMBER), False)
    values = _cast(pc.if_else(good, plain, pa.scalar(None, pa.large_string())))
    odd = _mask(pc.and_(pc.is_valid(plain), pc.invert(good)))
    if other is not None and odd.any():
        values[odd] = [_or_nan(other(str(word))) for word in plain.to_pandas()[odd]]
        odd &= np.isnan(values)
    boundless = odd & _matches(plain, _NOT_FINITE) | np.isinf(values)
    values[boundless] = np.nan
    return values, [Bad(boundless, "cell.not_finite", {}), Bad(odd & ~boundless, "cell.not_number", {})]


def _plain(texts: pa.ChunkedArray, units: str) -> pa.ChunkedArray:
    folded = _recorded(_folded(texts))
    if units:
        folded = pc.replace_substring_regex(folded, rf"\s*({units})$", "")
    thousands = pc.match_substring_regex(folded, _THOUSANDS)
    return pc.if_else(pc.fill_null(thousands, False), pc.replace_substring(folded, ",", ""), folded)


def _cast(texts: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    texts = pc.replace_substring_regex(texts, r"^\+", "")
    return np.array(pc.cast(texts, pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value


def _sexagesimal(word: str) -> float | None:
    """113°14′24″, E113.24, 东经113度14分24秒 and their like; None for anything else."""
    found = re.fullmatch(
        r"(?:东经|北纬|西经|南纬|[ewns])?([+-]?\d+(?:\.\d+)?)"
        r"(?:[°度:](?:(\d+(?:\.\d+)?)['′’分:](?:(\d+(?:\.\d+)?)(?:[\"″”秒]|''|′′)?)?)?)?(?:[ewns])?",
        word.replace(" ", ""),
    )
    if not found:
        return None
    parts: list[float] = [float(part) for part in found.groups() if part]
    if any(part >= 60 for part in parts[1:]):
        return None
    size = float(sum(abs(part) / 60**at for at, part in enumerate(parts)))
    return -size if re.search("西经|南纬|[ws]", word) or parts[0] < 0 else size


def _ranged(values: Any, bad: list[Bad], least: float | None, most: float | None) -> Parsed:
    low = np.zeros(len(values), dtype=bool) if least is None else values < least
    high = np.zeros(len(values), dtype=bool) if most is None else values > most
    out = Bad(low | high, "cell.range", {"least": least, "most": most})
    return Parsed(np.where(out.mask, np.nan, values), _real([*bad, out]))


def _integers(values: npt.NDArray[np.float64]) -> Any:
    missing = np.isnan(values)
    return pd.arrays.IntegerArray(np.where(missing, 0, values).astype(np.int64), missing)


# Times ----------------------------------------------------------------------------------------------------------------


def _moments(plain: pd.Series) -> pd.Series:
    """Chinese and slashed dates, and days of a spreadsheet, written as ISO 8601."""
    odd = plain.notna() & ~plain.str.match(r"^\d{4}-\d{2}-\d{2}", na=False)
    if odd.any():
        plain = plain.copy()
        plain[odd] = list(_iso(plain[odd]))
    return plain


def _iso(words: pd.Series) -> Iterator[str]:
    for word in words:
        yield _serial(word) or _written(word) or word


def _serial(word: str) -> str | None:
    if not re.fullmatch(r"\d{5}(\.\d+)?", word) or not _SERIALS[0] <= float(word) <= _SERIALS[1]:
        return None
    return (pd.Timestamp("1899-12-30") + pd.Timedelta(seconds=round(float(word) * 86400))).isoformat()


def _written(word: str) -> str | None:
    found = re.match(r"^(\d{4})[年/.\-](\d{1,2})[月/.\-](\d{1,2})日?[\sT]*(.*)$", word)
    if not found:
        return None
    year, month, day, clock = found.groups()
    clock = re.sub(r"[时点分]", ":", clock).rstrip("秒: ")
    clock = ":".join(part.zfill(2) for part in clock.split(":")) if re.fullmatch(r"[\d:]+", clock) else clock
    clock = f"{clock}:00" if re.fullmatch(r"\d{2}", clock) else clock
    return f"{year}-{month:0>2}-{day:0>2}" + (f"T{clock}" if clock else "")
