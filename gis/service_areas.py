"""The catchment of every facility of a run, for drawing only: each with what it is worth beside the households."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import shapely

import gis.catchments
import gis.crs
import gis.profiles
import gis.walking
from gis.ground import Ground

#: How far beyond the limit the way measures, so that an outline can be placed between raster points.
MARGIN = 1.2


def standard(stand: Ground, *, water: Sequence[shapely.Geometry] = ()) -> gpd.GeoDataFrame:
    """The ground within `Request.metres` on foot of each facility.

    Parameters
    ----------
    stand : households and facilities on the network
    water : polygons in EPSG:4326 that no outline covers

    Returns
    -------
    GeoDataFrame, EPSG:4326
        facility_id, kind, metres, households (those with a verdict), reached, drawn, false_in, false_out, f1 and a
        MultiPolygon, empty where a facility does not reach the network; in the order of `stand.facilities`.
    """
    net, limit = stand.net, stand.request.metres
    metric = gis.crs.Metric(net.srid)
    profile = gis.profiles.find("standard")
    homes, sites = stand.snaps(profile)
    way = gis.walking.in_metres(net, limit=limit * MARGIN)
    wet = list(metric.forward_shapes(np.asarray(water, dtype=object))) if len(water) else []
    ground = gis.catchments.raster(net, gis.profiles.usable(net, profile), bounds=_around(stand, limit), water=wet)
    people = gis.catchments.Households(stand.homes.x, stand.homes.y, homes)
    drawn = [
        gis.catchments.catchment(way, ground, sites.take(np.array([row])), people, limit=limit)
        for row in range(len(stand.facilities))
    ]
    columns = {"facility_id": stand.facilities["id"], "kind": stand.facilities["kind"], "metres": limit}
    quality = [vars(one.quality) for one in drawn]
    worth = {name: [row[name] for row in quality] for name in gis.catchments.Quality.__annotations__}
    shapes = metric.inverse_shapes(np.array([one.polygon for one in drawn], dtype=object))
    return gpd.GeoDataFrame(columns | worth, geometry=shapes, crs=4326)


def _around(stand: Ground, limit: float) -> tuple[float, float, float, float] | None:
    """The box that holds every facility's reach; None without any facility on the ground."""
    x, y = stand.sites.x, stand.sites.y
    known = ~np.isnan(x)
    if not known.any():
        return None
    west, south, east, north = x[known].min(), y[known].min(), x[known].max(), y[known].max()
    return float(west - limit), float(south - limit), float(east + limit), float(north + limit)
