"""Walking networks: every import is a version of its own, and a coverage run names the one it used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from sqlalchemy import delete, func, insert, select

import gis.walknet
from data.copying import fetch
from data.db import Session, copy
from data.tables import walk_edge, walk_node, walknet
from gis.errors import NotFound

EDGE = "u, v, osm_way_id, metres, oneway, steps, signals, lift, bridge, tunnel, wheelchair, highway, name, up_m, down_m"


def add(
    session: Session,
    nodes: pd.DataFrame,
    edges: gpd.GeoDataFrame,
    *,
    srid: int,
    sha256: str,
    synthetic: bool,
    stats: Mapping[str, Any],
    data_date: str | None = None,
    import_id: int | None = None,
) -> int:
    """Keep a network as a new version: nodes (lon, lat[, osm_id]) numbered from 0, edges as gis.walknet knows them."""
    facts = {
        "sha256": sha256, "srid": srid, "nodes": len(nodes), "edges": len(edges), "data_date": data_date,
        "metres": float(edges["metres"].sum()), "stats": dict(stats), "synthetic": synthetic, "import_id": import_id,
    }  # fmt: skip
    walknet_id = int(session.execute(insert(walknet).values(facts).returning(walknet.c.id)).scalar_one())
    _add_nodes(session, walknet_id, nodes)
    names = [name for name in EDGE.split(", ") if name in edges]
    columns = _numbered(walknet_id, len(edges)) | {name: edges[name] for name in names}
    copy(session, walk_edge, columns | {"geom": np.asarray(edges.geometry, dtype=object)})
    return walknet_id


def _add_nodes(session: Session, walknet_id: int, nodes: pd.DataFrame) -> None:
    columns = _numbered(walknet_id, len(nodes)) | {"geom": nodes[["lon", "lat"]].to_numpy(float)}
    copy(session, walk_node, columns | ({"osm_id": nodes["osm_id"]} if "osm_id" in nodes else {}))


def _numbered(walknet_id: int, count: int) -> dict[str, Any]:
    return {"walknet_id": np.full(count, walknet_id), "id": np.arange(count)}


def describe(session: Session, walknet_id: int | None = None) -> dict[str, Any]:
    """What is known about a network; the newest unless one is named."""
    newest = select(func.max(walknet.c.id)).scalar_subquery()
    row = session.execute(select(walknet).where(walknet.c.id == (newest if walknet_id is None else walknet_id)))
    found = row.mappings().one_or_none()
    if found is None:
        raise NotFound("walknet.absent", walknet_id=walknet_id)
    return dict(found)


def get(session: Session, walknet_id: int | None = None) -> gis.walknet.WalkNet:
    """A network as compact arrays; the newest unless one is named."""
    about = describe(session, walknet_id)
    nodes = fetch(
        session,
        "SELECT ST_X(geom) AS lon, ST_Y(geom) AS lat FROM walk_node WHERE walknet_id = %(id)s ORDER BY id",
        {"id": about["id"]},
    )
    return gis.walknet.from_frames(nodes, lines(session, about["id"]), srid=about["srid"])


def lines(session: Session, walknet_id: int) -> gpd.GeoDataFrame:
    """The edges with all that is known about them, in the order of their numbers."""
    asked = f"SELECT {EDGE}, ST_AsHEXEWKB(geom) AS geometry FROM walk_edge WHERE walknet_id = %(id)s ORDER BY id"  # noqa: S608
    table = fetch(session, asked, {"id": walknet_id})
    return gpd.GeoDataFrame(table, geometry=shapely.from_wkb(table.pop("geometry").to_numpy(object)), crs=4326)


def remove(session: Session, walknet_id: int) -> None:
    """Remove a network that no coverage run has used."""
    session.execute(delete(walknet).where(walknet.c.id == walknet_id))
