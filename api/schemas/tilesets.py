"""Tilesets (OGC 20-057) and the one tiling we serve, WebMercatorQuad (OGC 17-083r4, annex D.1), as they travel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import data.tiles
from api.schemas.ogc import CRS84, EPSG, JSON, REL, TILE, Writer, link
from maps.texts import say

TILING = "WebMercatorQuad"
URI = f"http://www.opengis.net/def/tilematrixset/OGC/1.0/{TILING}"
#: Half the world's width in the projection, metres, and the size of a pixel that a scale is given for.
HALF = math.pi * 6378137.0
PIXEL_M = 0.00028


def tilings(write: Writer) -> dict[str, Any]:
    here = write.at("tileMatrixSets", TILING)
    return {"tileMatrixSets": [{"id": TILING, "title": TILING, "uri": URI, "links": [link(here, "self")]}]}


def tiling() -> dict[str, Any]:
    matrices = [_matrix(zoom) for zoom in range(data.tiles.DEEPEST + 1)]
    return {"id": TILING, "title": TILING, "uri": URI, "crs": f"{EPSG}3857", "orderedAxes": ["E", "N"],
            "tileMatrices": matrices}  # fmt: skip


def _matrix(zoom: int) -> dict[str, Any]:
    cell = 2 * HALF / 256 / 2**zoom
    return {"id": str(zoom), "scaleDenominator": cell / PIXEL_M, "cellSize": cell, "cornerOfOrigin": "topLeft",
            "pointOfOrigin": [-HALF, HALF], "tileWidth": 256, "tileHeight": 256, "matrixWidth": 2**zoom,
            "matrixHeight": 2**zoom}  # fmt: skip


def tilesets(write: Writer, name: str) -> dict[str, Any]:
    here = write.at("collections", name, "tiles")
    return {"tilesets": [_summary(write, name)], "links": [link(here, "self")]}


def tileset(write: Writer, name: str, bbox: Sequence[float] | None) -> dict[str, Any]:
    """With the template of its tiles; `bbox` in degrees, where it has any feature."""
    made = _summary(write, name)
    template = write.at("collections", name, "tiles", TILING, "{tileMatrix}", "{tileRow}", "{tileCol}")
    made["links"].append(link(template, "item", TILE, templated=True))
    if bbox is not None:
        made["boundingBox"] = {"lowerLeft": list(bbox[:2]), "upperRight": list(bbox[2:]), "crs": CRS84}
    return made | {"layers": [{"id": name, "dataType": "vector"}]}


def _summary(write: Writer, name: str) -> dict[str, Any]:
    return {
        "title": say(f"ogc.{name}.title", write.lang),
        "dataType": "vector",
        "crs": f"{EPSG}3857",
        "tileMatrixSetURI": URI,
        "links": [
            link(write.at("collections", name, "tiles", TILING), "self", JSON),
            link(write.at("tileMatrixSets", TILING), f"{REL}tiling-scheme", JSON),
        ],
    }
