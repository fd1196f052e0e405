"""The frame gate: do these coordinates fit the datum they were declared in, or would another fit clearly better?

A list in GCJ-02 declared as WGS84 lies about 620 m off, more than the whole 500 m circle, and looks perfectly sound.
What betrays it is its surroundings. Under the true datum points lie in the area their row names, inside the district
and beside the walking network rather than in a river; under a wrong one they lie where 620 m happen to throw them.

The alarm must be rare where nothing is wrong, so another datum has to pass three tests at once:

* paired: point by point it fits better more often than worse (one-sided sign test, `ALPHA`);
* against decoys: it also stands out from shifts of the same size into other directions, which mean nothing. This is
  what keeps a list with some bend of its own (clinics stand back from lanes, homes crowd at one side) from alarming.
  Either it stands far above the spread of the decoys, or it explains all but a few points and each decoy explains less;
* in size: the gain is `GAIN` at least, whatever the number of points.

Nearness to the network is asked twice, either answer being enough: within `NEAR_M` or not, which tells land from water
and built from empty, and by degrees, which tells a point beside a lane from one thrown anywhere in a dense quarter.

Thresholds are our own, chosen on made towns of several densities (`tests/unit/test_datumgate.py` shows the rates).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from scipy.special import bdtrc

import gis.crs
from gis.errors import WrongDatum

Floats = npt.NDArray[np.float64]
Shapes = npt.NDArray[np.object_]

#: "cgcs2000" equals wgs84 here, so it is no candidate of its own.
CANDIDATES = ("wgs84", "gcj02", "bd09")
#: Within this distance of an edge a point counts as near the network.
NEAR_M = 60.0
#: Fewer located points than this are not judged.
FEWEST = 8
#: Chance of a sign test as one-sided as this where neither datum is better.
ALPHA = 0.001
#: The same where the other datum explains all: where this share of the points, or more, fits by each evidence.
ALPHA_WHOLE, WHOLE = 0.005, 0.97
#: How much the mean fit must gain (a point's fit has one unit for each kind of evidence).
GAIN = 0.05
#: How many standard deviations of the decoys the other datum must stand above their mean.
STANDS_OUT = 3.0
#: The outline is evidence only for lists made for the district: this share must lie inside under some datum.
MADE_FOR_IT = 0.95
#: Points beyond this number, and polygons beyond that, are thinned evenly: more would not change the answer.
MOST_POINTS, MOST_AREAS = 2000, 300
#: Below this difference of fit a point prefers neither datum.
_TIE = 0.15
#: Children may lie this far outside their parent (share of their area) and still fit it.
_SPILL = 0.01


@dataclass(frozen=True)
class Ground:
    """What is known of the place, in metres: the district's `outline` and the `lines` of its walking network."""

    metric: gis.crs.Metric
    outline: Any = None
    lines: shapely.STRtree | None = None
    hull: Any = None


@dataclass(frozen=True)
class Judgement:
    """`verdict` is "fits", "wrong" (`best` fits clearly better), "undecided", or "not_judged" (too little to go by).

    `shares` gives for each datum the share of points "stated" (in the area their row names), "inside" (the district)
    and "near" (the network), or for areas "spill" (share of their area outside their parents); evidence that was not
    there is left out. `chance` is the sign test's: how often chance alone would favour `best` so much.
    """

    verdict: str
    declared: str
    best: str
    judged: int
    chance: float
    shares: Mapping[str, Mapping[str, float]]


def ground(*, outline: Any = None, lines: Sequence[Any] | Shapes | None = None) -> Ground | None:
    """Make a `Ground` of WGS84 shapes, either of which may be missing; None when both are.

    Parameters
    ----------
    outline : shapely polygon, degrees WGS84
    lines : (e,) shapely LineStrings, degrees WGS84
    """
    shapes = np.asarray([] if lines is None else lines, dtype=object)
    known = [shape for shape in [outline, *shapes[:1]] if shape is not None and not shape.is_empty]
    if not known:
        return None
    metric = gis.crs.metric(known[0].bounds[0::2], known[0].bounds[1::2])
    moved = metric.forward_shapes(shapes) if len(shapes) else None
    return Ground(
        metric,
        None if outline is None else metric.forward_shapes(outline),
        None if moved is None else shapely.STRtree(moved),
        None if moved is None else shapely.convex_hull(shapely.multipoints(shapely.get_coordinates(moved))),
    )


def judge(
    lon: npt.ArrayLike, lat: npt.ArrayLike, declared: str, *, place: Ground | None, stated: Shapes | None = None
) -> Judgement:
    """Compare the declared datum of points with every other.

    Parameters
    ----------
    lon, lat : (n,) float
        Degrees as they were sent, in `declared`. Pairs that are not finite are passed over.
    declared : one of `gis.crs.DATUMS`
    place : what is known of the surroundings; None: nothing
    stated : (n,) shapely polygons, degrees WGS84, or None
        The area that each row names, None where it names none.

    Returns
    -------
    Judgement
        "not_judged" when fewer than `FEWEST` points lie in places where the datums differ, or nothing is known to
        compare with. Never raises for a wrong datum: see `refuse`.
    """
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    kept = _thinned(np.flatnonzero(np.isfinite(x) & np.isfinite(y)), MOST_POINTS)
    named = None if stated is None else stated[kept]
    if place is None and named is not None and any(shape is not None for shape in named):
        place = Ground(gis.crs.metric(x[kept], y[kept]))
    if place is None or len(kept) < FEWEST or not _differ(x[kept], y[kept], declared):
        return Judgement("not_judged", declared, declared, len(kept), 1.0, {})
    return _judged(_Points(place, x[kept], y[kept], named), _home(declared))._replaced(declared)


def judge_areas(polygons: Shapes, declared: str, *, parents: Shapes) -> Judgement:
    """Compare the declared datum of polygons with every other, by how far they spill over their parents.

    Parameters
    ----------
    polygons : (n,) shapely polygons, degrees as they were sent, in `declared`
    declared : one of `gis.crs.DATUMS`
    parents : (n,) shapely polygons, degrees WGS84, None where there is none

    Returns
    -------
    Judgement
        "wrong" when another datum brings them into their parents and no other shift of that size does as well.
    """
    have = np.array([parent is not None for parent in parents], dtype=bool)
    kept = _thinned(np.flatnonzero(have & ~shapely.is_missing(polygons)), MOST_AREAS)
    middle = shapely.get_coordinates(shapely.centroid(polygons[kept])) if len(kept) else np.empty((0, 2))
    if not len(kept) or not _differ(middle[:, 0], middle[:, 1], declared):
        return Judgement("not_judged", declared, declared, len(kept), 1.0, {})
    return _spilt(shapely.make_valid(polygons[kept]), shapely.make_valid(parents[kept]), _home(declared), declared)


def refuse(judgement: Judgement) -> None:
    """Raise `WrongDatum` when another datum fits clearly better."""
    if judgement.verdict != "wrong":
        return
    shares = {name: judgement.shares[_home(name)] for name in (judgement.declared, judgement.best)}
    key = next(key for key in ("stated", "near", "inside", "spill") if key in shares[judgement.best])
    raise WrongDatum(
        f"datumgate.{key}",
        declared=judgement.declared,
        fits=judgement.best,
        judged=judgement.judged,
        share_declared=shares[judgement.declared][key],
        share_fits=shares[judgement.best][key],
        shares={name: dict(of) for name, of in judgement.shares.items()},
    )


# Points ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Points:
    """The points of one list as sent, and what they can be held against."""

    place: Ground
    lon: Floats
    lat: Floats
    stated: Shapes | None

    def at(self, datum: str) -> Floats:
        """(n, 2) metres if the list were in this datum."""
        return np.column_stack(self.place.metric.forward(*gis.crs.to_wgs84(self.lon, self.lat, datum)))


class _Evidence:
    """How well each point fits where it is put: up to one unit for each kind of evidence, NaN where there is none."""

    def __init__(self, points: _Points, places: Mapping[str, Floats]) -> None:
        self._ground = points.place
        stated = None if points.stated is None else points.place.metric.forward_shapes(points.stated)
        self._stated = stated if stated is not None and not shapely.is_missing(stated).all() else None
        self._known = np.all([self._in(self._ground.hull, xy) for xy in places.values()], axis=0)
        inside = [self._in(self._ground.outline, xy).mean() for xy in places.values()]
        self._outline = self._ground.outline is not None and max(inside) >= MADE_FOR_IT

    def _in(self, shape: Any, xy: Floats) -> npt.NDArray[np.bool_]:
        if shape is None:
            return np.zeros(len(xy), dtype=bool)
        shapely.prepare(shape)
        return shapely.contains_xy(shape, xy[:, 0], xy[:, 1])

    def parts(self, xy: Floats) -> dict[str, Floats]:
        parts = {}
        if self._stated is not None:
            inside = shapely.contains_xy(self._stated, xy[:, 0], xy[:, 1])
            parts["stated"] = np.where(shapely.is_missing(self._stated), np.nan, inside)
        if self._outline:
            parts["inside"] = self._in(self._ground.outline, xy).astype(np.float64)
        if self._ground.lines is not None and self._known.any():
            parts["near"] = np.where(self._known, _nearness(self._ground.lines, xy), np.nan)
        return parts

    def fits(self, xy: Floats) -> Floats:
        """(2, n): by degrees of nearness, and within reach or not (nearness is 0 from `NEAR_M` on)."""
        parts = np.array(list(self.parts(xy).values()))
        return np.array([np.nansum(parts, axis=0), np.nansum(parts > 0, axis=0)])

    def shares(self, xy: Floats) -> dict[str, float]:
        return {name: float(np.mean(part[~np.isnan(part)] > 0)) for name, part in self.parts(xy).items()}


def _nearness(lines: shapely.STRtree, xy: Floats) -> Floats:
    """1 on an edge, falling to 0 at `NEAR_M`."""
    which, away = lines.query_nearest(shapely.points(xy), max_distance=NEAR_M, return_distance=True, all_matches=False)
    nearness = np.zeros(len(xy))
    nearness[which[0]] = 1 - away / NEAR_M
    return nearness


@dataclass(frozen=True)
class _Found:
    verdict: str
    best: str
    judged: int
    chance: float
    shares: Mapping[str, Mapping[str, float]]

    def _replaced(self, declared: str) -> Judgement:
        best = declared if self.best == _home(declared) else self.best
        return Judgement(self.verdict, declared, best, self.judged, self.chance, self.shares)


def _judged(points: _Points, home: str) -> _Found:
    places = {datum: points.at(datum) for datum in CANDIDATES}
    evidence = _Evidence(points, places)
    shares = {datum: evidence.shares(xy) for datum, xy in places.items()}
    if not shares[home]:
        return _Found("not_judged", home, len(points.lon), 1.0, {})
    fits = {datum: evidence.fits(xy) for datum, xy in places.items()}
    rivals = [datum for datum in CANDIDATES if datum != home]
    wrong = [datum for datum in rivals if _clearly_better(evidence, places[home], places[datum])]
    if wrong:
        best = max(wrong, key=lambda datum: fits[datum].mean())
        return _Found("wrong", best, len(points.lon), float(_chances(fits[best] - fits[home]).min()), shares)
    fitting = all(_chances(fits[home] - fits[datum]).min() < 0.05 for datum in rivals)
    return _Found("fits" if fitting else "undecided", home, len(points.lon), 1.0, shares)


def _clearly_better(evidence: _Evidence, home: Floats, other: Floats) -> bool:
    """Whether one of the two ways to be clearly better holds."""
    here, there = evidence.fits(home), evidence.fits(other)
    if _chances(there - here).min() >= ALPHA_WHOLE:
        return False
    shift = np.mean(other - home, axis=0)
    nearest = 60 if "stated" in evidence.parts(home) else 30
    around = np.array([evidence.fits(home + by) for by in _around(shift, nearest=nearest)])
    if _stands_out(here, there, around):
        return True
    along = np.array([evidence.fits(home + by) for by in (0.5 * shift, 1.5 * shift)])
    return min(evidence.shares(other).values()) >= WHOLE and _explains(here[1], there[1], [*around[:, 1], *along[:, 1]])


def _stands_out(here: Floats, there: Floats, decoys: Floats) -> bool:
    """(2, n), (2, n), (k, 2, n): better point by point, in size, and by far against the spread of the decoys."""
    means, level = decoys.mean(axis=2), there.mean(axis=1)
    spread = np.maximum(means.std(axis=0, ddof=1), 0.01)
    peak = (level > means.max(axis=0)) & (level - means.mean(axis=0) >= STANDS_OUT * spread)
    return bool(np.any(peak & (_chances(there - here) < ALPHA) & (level - here.mean(axis=1) >= GAIN)))


def _explains(here: Floats, there: Floats, decoys: Sequence[Floats]) -> bool:
    """(n,) each: better point by point, in size, and better than each decoy, those on the way and beyond among them."""
    peak = all(_chance(there - decoy) < 0.05 for decoy in decoys)
    return peak and _chance(there - here) < ALPHA_WHOLE and bool(there.mean() - here.mean() >= GAIN)


def _chances(gains: Floats) -> Floats:
    return np.array([_chance(gain) for gain in gains])


def _chance(gain: Floats) -> float:
    """One-sided sign test: how often as many points as here would prefer this side if neither were better."""
    better, worse = int((gain > _TIE).sum()), int((gain < -_TIE).sum())
    return float(bdtrc(better - 1, better + worse, 0.5)) if better else 1.0


def _around(shift: Floats, *, nearest: int = 30) -> Floats:
    """(k, 2) shifts as long as this one or half as long again, every 30 degrees, its own direction left out.

    `nearest` is the smallest turn in degrees: a turn of 30 ends within a few hundred metres of where this one does, and
    may fit as well where the areas that rows name are large.
    """
    turns = np.radians(np.arange(nearest, 361 - nearest, 30))
    ring = np.column_stack(
        [
            shift[0] * np.cos(turns) - shift[1] * np.sin(turns),
            shift[0] * np.sin(turns) + shift[1] * np.cos(turns),
        ]
    )
    return np.concatenate([ring, 1.5 * ring])


# Areas ----------------------------------------------------------------------------------------------------------------


def _spilt(polygons: Shapes, parents: Shapes, home: str, declared: str) -> Judgement:
    middle = shapely.get_coordinates(shapely.centroid(parents))
    metric = gis.crs.metric(middle[:, 0], middle[:, 1])
    around = metric.forward_shapes(parents)
    places = {datum: metric.forward_shapes(gis.crs.shapes_to_wgs84(polygons, datum)) for datum in CANDIDATES}
    spill = {datum: _spill(shapes, around) for datum, shapes in places.items()}
    best = min(CANDIDATES, key=lambda datum: (spill[datum], datum != home))
    shares = {datum: {"spill": share} for datum, share in spill.items()}
    wrong = best != home and spill[home] > 2 * _SPILL and spill[best] < spill[home] / 3
    if wrong:
        shift = shapely.get_coordinates(shapely.centroid(places[best])) - shapely.get_coordinates(
            shapely.centroid(places[home])
        )
        wrong = all(spill[best] < _spill(_shifted(places[home], by), around) for by in _around(shift.mean(axis=0)))
    fits = spill[home] <= _SPILL < min(spill[other] for other in CANDIDATES if other != home)
    verdict = "wrong" if wrong else "fits" if fits else "undecided"
    return Judgement(verdict, declared, best if wrong else declared, len(polygons), 0.0 if wrong else 1.0, shares)


def _shifted(shapes: Shapes, by: Floats) -> Shapes:
    return shapely.transform(shapes, lambda xy: xy + by)


def _spill(shapes: Shapes, around: Shapes) -> float:
    """Share of the area of `shapes` that lies outside their parents."""
    return float(shapely.area(shapely.difference(shapes, around)).sum() / max(shapely.area(shapes).sum(), 1e-9))


# Both -----------------------------------------------------------------------------------------------------------------


def _home(declared: str) -> str:
    return "wgs84" if declared == "cgcs2000" else declared


def _thinned(indices: npt.NDArray[np.intp], most: int) -> npt.NDArray[np.intp]:
    if len(indices) <= most:
        return indices
    return indices[np.linspace(0, len(indices) - 1, most).astype(np.intp)]


def _differ(lon: Floats, lat: Floats, declared: str) -> bool:
    """Whether the datums differ here at all: outside China they do not."""
    there = [gis.crs.to_wgs84(lon, lat, datum)[0] for datum in CANDIDATES if datum != _home(declared)]
    here = gis.crs.to_wgs84(lon, lat, declared)[0]
    return bool(max(np.abs(other - here).max() for other in there) > 1e-5)
