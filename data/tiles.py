"""Vector tiles (MVT) cut in the database, with the rows that the role of the transaction may see.

Points that are too many for a tile become counts on a grid, so that no tile is large however dense the town is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from data.db import Session
from gis.errors import NotFound

FOLDER = Path(__file__).parent / "sql"
FEATURES = (FOLDER / "tile_features.sql").read_text("utf-8")
CLUSTERS = (FOLDER / "tile_clusters.sql").read_text("utf-8")

DEEPEST = 22
#: The width of the world in the projection of tiles, metres.
WORLD_M = 40_075_016.685578488
#: So many points stay points: about 80 KB for the far view, 300 KB near by; more become a grid of counts.
MOST_FAR, MOST_NEAR, NEAR_FROM = 1_000, 4_000, 13
#: Which level of areas a zoom shows: the deepest whose start it has reached.
LEVELS = {0: "district", 9: "street", 12: "community", 14: "grid"}

#: About a quarter of a pixel of a screen: what is simplified by less is not seen.
SIMPLER = "ST_Simplify(thing.geom_3857, %(metres)s, true)"


@dataclass(frozen=True)
class Layer:
    """What is drawn: from which table or view, with which fields, as which shape, under which condition."""

    source: str
    fields: str
    shape: str = "thing.geom_3857"
    where: str = "true"
    points: bool = True
    inside: str = "thing.geom && {box}"


PUBLIC = {
    "areas": Layer("public_area", "id, level, name, synthetic", SIMPLER, "level = %(level)s", points=False),
    "facilities": Layer("public_facility", "id, name, kind, status, synthetic"),
    "coverage": Layer(
        "public_coverage",
        "id, code, name, kind, verdict, elders, covered, uncovered, unknown, rate_low, rate_high, synthetic",
        SIMPLER,
        "level = %(level)s AND kind = %(kind)s AND verdict = %(verdict)s",
        points=False,
    ),
    "reports": Layer("public_report", "id::text AS id, category, status, reported_on::text AS reported_on, synthetic"),
}
#: Web Mercator from degrees, as ST_Transform has it, at a fraction of its time.
MERCATOR = """ST_SetSRID(ST_MakePoint(radians(thing.lon) * 6378137,
    ln(tan(pi() / 4 + radians(thing.lat) / 2)) * 6378137), 3857)"""
#: For whoever works on reports: where they really are, and by when they are due. Row security leaves only comparisons
#: of numbers their index.
OWN_REPORTS = Layer(
    "report",
    "id::text AS id, category, status, due_at::text AS due_at, synthetic",
    MERCATOR,
    inside="""thing.lon BETWEEN ST_XMin({box}) AND ST_XMax({box})
        AND thing.lat BETWEEN ST_YMin({box}) AND ST_YMax({box})""",
)
#: For a partner what its key names of them: those that the public sees in the tile or, as it rounds, beside it.
PARTNER_REPORTS = replace(
    OWN_REPORTS,
    shape="ST_Transform(thing.geom, 3857)",
    inside=Layer.inside,
    source="""wangge_private.partner_reports(ARRAY(SELECT id FROM public_report WHERE geom && ST_Expand(
        ST_Transform(ST_TileEnvelope(%(z)s, %(x)s, %(y)s, margin => 64.0 / 4096), 4326), 0.001)))""",
)


@dataclass(frozen=True)
class Choice:
    """Which of several layers of figures; `level` None follows the zoom."""

    level: str | None = None
    kind: str = "circle"
    verdict: str = "standard"


def get(
    session: Session, name: str, tile: tuple[int, int, int], *, role: str | None = None, choice: Choice | None = None
) -> bytes:
    """The tile (zoom, column, row) of a layer, empty where nothing is; with a `role`, its own reports."""
    own = PARTNER_REPORTS if role == "partner" else OWN_REPORTS
    layer = own if role and name == "reports" else PUBLIC.get(name)
    zoom, column, row = tile
    if layer is None or not (0 <= zoom <= DEEPEST and 0 <= column < 2**zoom and 0 <= row < 2**zoom):
        raise NotFound("tiles.absent")
    chosen = choice or Choice()
    most = (MOST_FAR if zoom < NEAR_FROM else MOST_NEAR) if layer.points else 2**31
    values = {"z": zoom, "x": column, "y": row, "most": most, "side": WORLD_M / 2**zoom / 64,
              "metres": WORLD_M / 2**zoom / 2048, "kind": chosen.kind, "verdict": chosen.verdict,
              "level": chosen.level or _level(zoom)}  # fmt: skip
    cut, features = _cut(session, FEATURES, name, layer, values)
    if features <= most:
        return cut if features else b""
    return _cut(session, CLUSTERS, name, layer, values)[0]


def _cut(session: Session, asked: str, name: str, layer: Layer, values: dict[str, object]) -> tuple[bytes, int]:
    margin = ", margin => 64.0 / 4096" if asked is FEATURES else ""
    inside = layer.inside.format(box=f"ST_Transform(ST_TileEnvelope(%(z)s, %(x)s, %(y)s{margin}), 4326)")
    statement = asked.format(
        layer=name, fields=layer.fields, shape=layer.shape, source=layer.source, inside=inside, where=layer.where,
        most="%(most)s",
    )  # fmt: skip
    tile, features = session.connection().exec_driver_sql(statement, values).one()
    return bytes(tile or b""), int(features)


def _level(zoom: int) -> str:
    return LEVELS[max(start for start in LEVELS if start <= zoom)]
