"""What may be published of counts of people: figures of a fixed secret draw, never of everybody.

Each household is in the draw or out of it, for ever, with probability `DRAWN`; a secret decides, which planners cannot
read. Every published figure, of any area, kind, verdict, day, scenario or preview, counts the drawn only: it is shown
from `SHOWN_FROM` drawn elders on, divided by `DRAWN` to stand for everybody, moved by at most `MOVED_BY` and rounded to
`ROUNDED_TO`. By how much it is moved depends on the secret, the area and the count, so asking again tells nothing new.

What that guarantees, however many figures are put together in whatever way: they are all functions of the drawn
households alone. So another household more or less, if it is not drawn, changes none of them, and no count of people
can be narrowed down from above; and a figure that is shown comes from at least `SHOWN_FROM` people. Noise alone (the
cell-key method: Thompson, Broadfoot & Elazar 2013) cannot promise this where somebody may ask about sets of her own
making, as who moves a pin does: bounded noise averages out (Asghar & Kaafar 2020). It is the second line here, not the
first: it makes guessing from a few figures hard.

What it does not: that an elder is drawn can show, when a figure changes with her and nothing else has changed; and a
lower bound can be learnt. How often a hidden count can be guessed is measured in `tests/property/test_disclosure.py`.

References: random sample queries, Denning 1980 (here the same sample for every question); minimum 11 and rounding to 5
as decided for this project after NHS England and PCORnet practice.
"""

from __future__ import annotations

import hashlib
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pandas as pd

import gis.crs

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

#: The share of households that count in published figures.
DRAWN = Fraction(3, 4)
#: A count of people is shown from so many drawn elders on.
SHOWN_FROM = 11
#: Shown counts are multiples of this, and were moved by at most so many people before.
ROUNDED_TO = 5
MOVED_BY = 7
#: A rate is shown as one of so many classes of equal width, when its denominator is at least `RATE_FROM` drawn elders.
CLASSES = 5
RATE_FROM = 20
#: Who may not see households may put a facility only on a lattice of this many metres, so that a pin moved step by step
#: does not tell on which metre a home lies.
LATTICE_M = 100.0
#: Changes are published for these levels, nothing finer.
LEVELS_OF_CHANGE = ("district", "street", "community")

COUNTS = ("covered", "uncovered", "unknown")
PUBLISHED = ("level", "kind", "verdict", "code", "elders", *COUNTS, "rate_low", "rate_high")
CHANGES = ("level", "kind", "verdict", "code", "covered", "covered_before", "gained", "lost")


def drawn(refs: npt.ArrayLike, secret: bytes) -> Flags:
    """Whether each household is in the draw, (n,) bool.

    Parameters
    ----------
    refs : what names a household for ever, (n,)
    secret : 16 to 64 bytes; who knows it knows the draw

    Notes
    -----
    BLAKE2b keyed with the secret (RFC 7693) gives each ref a number below 2^64, and the lowest `DRAWN` of them are in.
    """
    keyed, keys = hashlib.blake2b(digest_size=8, key=secret, person=b"draw"), []
    for ref in np.asarray(refs, dtype=object).tolist():
        draw = keyed.copy()  # half the work of a fresh one
        draw.update(str(ref).encode())
        keys.append(draw.digest())
    return np.frombuffer(b"".join(keys), ">u8") < int(DRAWN * 2**64)


def publish(counted: pd.DataFrame, secret: bytes) -> pd.DataFrame:
    """The published figures of a run.

    Parameters
    ----------
    counted : columns level, kind, verdict, code, covered, uncovered, unknown
        Counts of the drawn: `gis.aggregates.letters` of a roll `among` them. Rows of code "" (outside every area) are
        left out.

    Returns
    -------
    DataFrame of `PUBLISHED`, in the order of `counted`. Missing is hidden, never zero. A rate is covered / (covered +
    uncovered) of the drawn, given as the bounds of its class, [rate_low, rate_high), the last class with 1.
    """
    inside = counted[counted["code"] != ""]
    counts = inside[list(COUNTS)].to_numpy(np.int64)
    shown = figures(inside["code"], np.column_stack([counts.sum(axis=1), counts]), secret)
    low, high = _classes(counts[:, 0], counts[:, 0] + counts[:, 1])
    made = dict(zip(("elders", *COUNTS), shown, strict=True))
    return inside[list(PUBLISHED[:4])].assign(**made, rate_low=low, rate_high=high)


def published_changes(changes: pd.DataFrame, secret: bytes) -> pd.DataFrame:
    """What somebody without rights to households may know of a change.

    Parameters
    ----------
    changes : columns of `CHANGES`, as `gis.whatif.preview` and `compare` give them
        Counts of the drawn: from a board or roll of `gis.aggregates.among`.

    Returns
    -------
    DataFrame of `CHANGES`; missing is hidden. Only levels of `LEVELS_OF_CHANGE`, and rows in which something is gained
    or lost that may be shown: that there is another row would tell of a few people.
    """
    coarse = changes[changes["level"].isin(LEVELS_OF_CHANGE) & (changes["code"] != "")]
    shown = figures(coarse["code"], coarse[list(CHANGES[4:])].to_numpy(np.int64), secret)
    made = coarse[list(CHANGES[:4])].assign(**dict(zip(CHANGES[4:], shown, strict=True)))
    return made[made["gained"].notna() | made["lost"].notna()].reset_index(drop=True)


def figures(codes: pd.Series, counts: npt.NDArray[np.int64], secret: bytes) -> list[pd.arrays.IntegerArray]:
    """Published figures of drawn elders, (n, k) counts of n areas: k columns, missing below `SHOWN_FROM`."""
    everybody = counts / float(DRAWN) + _moved(codes, counts, secret)
    rounded = np.rint(everybody / ROUNDED_TO).astype(np.int64) * ROUNDED_TO
    hidden = counts < SHOWN_FROM
    return [pd.arrays.IntegerArray(rounded[:, at], hidden[:, at]) for at in range(counts.shape[1])]


def sealed(digest: str, area: str, secret: bytes) -> str:
    """The digest of some households as it may be shown: 64 hex digits that only who knows the secret can compute.

    A plain one is the answer to any guess, "nobody lives there" first of all. `area` is what they were limited to: two
    areas without anybody are not told to be alike. That one household or another has changed is still seen.
    """
    return hashlib.blake2b(f"{area}|{digest}".encode(), digest_size=32, key=secret, person=b"digest").hexdigest()


def _moved(codes: pd.Series, counts: npt.NDArray[np.int64], secret: bytes) -> npt.NDArray[np.int64]:
    """By how many people each figure is moved: the difference of two secret numbers from 0 to `MOVED_BY`.

    An area has 64 of them, taken in turn as its count grows.
    """
    which, named = pd.factorize(codes)
    digests = [hashlib.blake2b(str(code).encode(), key=secret, person=b"figure").digest() for code in named]
    secrets = np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 64).astype(np.int64)
    taken = secrets[which[:, None], counts % 64]
    return (taken & MOVED_BY) - (taken >> 3 & MOVED_BY)


def place(lon: npt.ArrayLike, lat: npt.ArrayLike, *, srid: int) -> tuple[Floats, Floats]:
    """The points of the lattice nearest to some places, in degrees: where a planner's facility stands when it is tried.

    `srid` is the projected CRS of the walking network; what is not a place (NaN) stays none.
    """
    metric = gis.crs.Metric(srid)
    x, y = metric.forward(lon, lat)
    return metric.inverse(*(np.rint(axis / LATTICE_M) * LATTICE_M for axis in (x, y)))


def _classes(covered: npt.NDArray[np.int64], asked: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
    at = np.minimum(covered * CLASSES // np.maximum(asked, 1), CLASSES - 1)
    shown = asked >= RATE_FROM
    return np.where(shown, at / CLASSES, np.nan), np.where(shown, (at + 1) / CLASSES, np.nan)
