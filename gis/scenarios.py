"""What might be otherwise: a scenario is a list of changes, applied to copies; nothing given is altered.

Changes are frozen values that travel as plain dictionaries (`to_dict`, `from_dict`), so a scenario can be stored and
compared. Facilities change in their frame, paths in the network, speeds in the request.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

import gis.crs
import gis.netedits
import gis.walknet
from gis.errors import Invalid, NotFound
from gis.frames import FACILITIES, require
from gis.verdicts import Request
from gis.walknet import WalkNet


@dataclass(frozen=True)
class Add:
    """A facility that does not exist yet; `id` must be new."""

    id: str
    kind: str
    lon: float
    lat: float
    capacity: int | None = None
    opens: str | None = None
    delivery_mode: str = "one_stop"


@dataclass(frozen=True)
class Close:
    """A facility that shuts."""

    id: str


@dataclass(frozen=True)
class Move:
    """A facility that moves."""

    id: str
    lon: float
    lat: float


@dataclass(frozen=True)
class Resize:
    """A facility with another capacity; no coverage figure changes by it, supply does."""

    id: str
    capacity: int


@dataclass(frozen=True)
class Hours:
    """A facility with other opening hours, in the notation of `gis.hours`."""

    id: str
    opens: str


@dataclass(frozen=True)
class ClosePath:
    """An edge of the network that may not be walked."""

    edge: int


@dataclass(frozen=True)
class OpenPath:
    """A new path, straight from one place to another, joined to the nearest points of the network at both ends."""

    lon: float
    lat: float
    to_lon: float
    to_lat: float
    steps: int = 0
    wheelchair: str = "yes"


@dataclass(frozen=True)
class Speed:
    """A profile at another speed."""

    profile: str
    m_s: float


Change = Add | Close | Move | Resize | Hours | ClosePath | OpenPath | Speed

_NAMES: dict[str, type[Change]] = {
    "add": Add, "close": Close, "move": Move, "resize": Resize, "hours": Hours, "close_path": ClosePath,
    "open_path": OpenPath, "speed": Speed,
}  # fmt: skip


def to_dict(change: Change) -> dict[str, object]:
    """A change as plain values, `do` naming what it does."""
    name = next(name for name, kind in _NAMES.items() if isinstance(change, kind))
    return {"do": name, **asdict(change)}


def from_dict(values: Mapping[str, object]) -> Change:
    """The change that `to_dict` wrote; `Invalid("scenarios.change")` where it is none."""
    given = dict(values)
    kind = _NAMES.get(str(given.pop("do", "")))
    if kind is None:
        raise Invalid("scenarios.change", change=dict(values), reason="do")
    try:
        return kind(**given)  # type: ignore[arg-type]
    except TypeError as error:
        raise Invalid("scenarios.change", change=dict(values), reason=str(error)) from None


_ADD = re.compile(r"^(?P<kind>[\w-]+)@(?P<lon>-?[\d.]+),(?P<lat>-?[\d.]+)(:(?P<capacity>\d+))?$")


def parse_add(text: str, id_: str) -> Add:
    """`KIND@LON,LAT[:CAPACITY]`, as a shell gives it."""
    found = _ADD.match(text.strip())
    try:
        lon, lat = (float(found[name]) for name in ("lon", "lat")) if found else (np.nan, np.nan)
    except ValueError:
        lon, lat = np.nan, np.nan
    if found is None or not (abs(lon) <= 180 and abs(lat) <= 90):
        raise Invalid("scenarios.change", change=text, reason="KIND@LON,LAT[:CAPACITY]")
    return Add(id_, found["kind"], lon, lat, int(found["capacity"]) if found["capacity"] else None)


def facilities(frame: gpd.GeoDataFrame, changes: Sequence[Change]) -> gpd.GeoDataFrame:
    """The facilities as the changes leave them, one after the other; closed ones keep their row."""
    require(frame, FACILITIES)
    for change in changes:
        if isinstance(change, Add):
            frame = _added(frame, change)
        elif isinstance(change, Close | Move | Resize | Hours):
            frame = _changed(frame, change)
    return frame


def _added(frame: gpd.GeoDataFrame, new: Add) -> gpd.GeoDataFrame:
    if (frame["id"] == new.id).any():
        raise Invalid("scenarios.change", change=new.id, reason="id")
    place = shapely.Point(new.lon, new.lat)
    row = {"id": new.id, "name": new.id, "kind": new.kind, "capacity": new.capacity, "opens": new.opens,
           "delivery_mode": new.delivery_mode, "status": "open", "geometry": place}  # fmt: skip
    extra = gpd.GeoDataFrame([row], crs=frame.crs or 4326).reindex(columns=frame.columns)
    parts = [part.astype(object) for part in (pd.DataFrame(frame), pd.DataFrame(extra))]
    return gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), geometry="geometry", crs=frame.crs or 4326)


def _changed(frame: gpd.GeoDataFrame, change: Close | Move | Resize | Hours) -> gpd.GeoDataFrame:
    at = np.flatnonzero(((frame["id"] == change.id) & (frame["status"] == "open")).to_numpy())
    if not len(at):
        raise NotFound("scenarios.facility", id=change.id)
    if isinstance(change, Move):
        shapes = np.asarray(frame["geometry"], dtype=object).copy()
        shapes[at] = shapely.Point(change.lon, change.lat)
        return frame.assign(geometry=gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs))
    name, value = _column(change)
    column = frame[name].astype(object).to_numpy(copy=True)
    column[at] = value
    return frame.assign(**{name: column})


def _column(change: Close | Resize | Hours) -> tuple[str, object]:
    if isinstance(change, Close):
        return "status", "closed"
    return ("capacity", change.capacity) if isinstance(change, Resize) else ("opens", change.opens)


def request(asked: Request, changes: Sequence[Change]) -> Request:
    """The request with the speeds of the changes."""
    speeds = {change.profile: change.m_s for change in changes if isinstance(change, Speed)}
    return replace(asked, speeds={**asked.speeds, **speeds}) if speeds else asked


def network(net: WalkNet, changes: Sequence[Change]) -> WalkNet:
    """The network with paths closed, then opened; edges are named by their number in the network given."""
    closed = [change.edge for change in changes if isinstance(change, ClosePath)]
    for edge in closed:
        if not 0 <= edge < len(net.u):
            raise NotFound("scenarios.edge", edge=edge)
    if closed:
        net = gis.netedits.only(net, ~np.isin(np.arange(len(net.u)), closed))
    for change in changes:
        if isinstance(change, OpenPath):
            net = _opened(net, change)
    return net


def _opened(net: WalkNet, path: OpenPath) -> WalkNet:
    """The path and its two access legs as one new edge between two points of the network."""
    x, y = gis.crs.Metric(net.srid).forward([path.lon, path.to_lon], [path.lat, path.to_lat])
    ends = gis.walknet.snap(net, x, y, usable=np.ones(len(net.u), bool))
    if not ends.ok.all():
        raise Invalid("scenarios.change", change=to_dict(path), reason=str(ends.reason[~ends.ok][0]))
    net, nodes = gis.netedits.cut(net, ends)
    line = np.array([(net.x[nodes[0]], net.y[nodes[0]]), *zip(x, y, strict=True), (net.x[nodes[1]], net.y[nodes[1]])])
    return gis.netedits.joined(net, nodes, line, steps=path.steps, wheelchair=gis.walknet.WHEELCHAIR[path.wheelchair])
