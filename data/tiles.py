"""Vector tiles (MVT) cut in the database, with the rows that the role of the transaction may see.

Points that are too many for a tile become counts on a grid, so that no tile is large however dense the town is. Reports
of days that are over have been counted already (`report_tally`), so that no tile takes long either.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import text

from data.db import Session
from data.reports import SEATS
from gis.errors import NotFound

FOLDER = Path(__file__).parent / "sql"
FEATURES, COUNTS, CROWD, TALLY = (
    (FOLDER / f"tile_{name}.sql").read_text("utf-8") for name in ("features", "counts", "crowd", "tally")
)

DEEPEST = 22
#: The width of the world in the projection of tiles, metres.
WORLD_M = 40_075_016.685578488
#: So many points stay points: about 80 KB for the far view, 200 KB near by; more become a grid of counts.
MOST_FAR, MOST_NEAR, NEAR_FROM = 1_000, 2_500, 13
#: Which level of areas a zoom shows: the deepest whose start it has reached.
LEVELS = {0: "district", 9: "street", 12: "community", 14: "grid"}
#: A square of `report_tally` is a tile of this zoom; nearer than `TALLIED_TO` they would be too coarse to be drawn.
SQUARES, TALLIED_TO = 20, 15

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
    #: Of points too many to be drawn: where they are counted (as in `source` unless said), and how far east and north
    #: of zero each lies, metres.
    counted: str = ""
    reach: str = "true"
    metres: str = "ST_X(thing.geom_3857) AS east, ST_Y(thing.geom_3857) AS north"
    #: Which squares of `report_tally` are theirs, and which points are in none of these.
    tally: str = ""
    untallied: tuple[str, ...] = ()


#: Web Mercator from degrees, as ST_Transform has it, at a fraction of its time.
EAST, NORTH = "radians(thing.lon) * 6378137", "ln(tan(pi() / 4 + radians(thing.lat) / 2)) * 6378137"
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
    "reports": Layer(
        "public_report",
        "id::text AS id, category, status, reported_on::text AS reported_on, synthetic",
        tally="published",
        untallied=("thing.reported_on >= %(day)s",),
    ),
}
OWN_FIELDS = "id::text AS id, category, status, due_at::text AS due_at, synthetic"


def _own(role: str) -> Layer:
    """For whoever works on reports: where they really are, and by when they are due; those of her seat and her own.

    Row security leaves only comparisons of numbers and codes their index: those that lie here are found by the grids
    that the tally knows here, with those that it does not know yet.
    """
    seat, own = _seated(role), "thing.author_id = (SELECT wangge_private.my_id())"
    later = f"thing.received_at >= %(until)s AND {seat}"
    return Layer(
        "report",
        OWN_FIELDS,
        f"ST_SetSRID(ST_MakePoint({EAST}, {NORTH}), 3857)",
        f"(thing.grid_code = ANY (%(grids)s) OR thing.grid_code IS NULL OR {later} OR {own})",
        inside="""thing.lon BETWEEN ST_XMin({box}) AND ST_XMax({box})
            AND thing.lat BETWEEN ST_YMin({box}) AND ST_YMax({box})""",
        metres=f"{EAST} AS east, {NORTH} AS north",
        tally=f"NOT published AND {seat}",
        untallied=(later, f"{own} AND {seat} IS NOT TRUE"),
    )


def _partners() -> Layer:
    """For a partner what its key names of them: those that the public sees in the tile or, as it rounds, beside it."""
    seat = _seated("partner")
    own = "thing.id IN (SELECT id FROM report WHERE author_id = (SELECT wangge_private.my_id()))"
    beside = """thing.geom && ST_Expand(
        ST_Transform(ST_TileEnvelope(%(z)s, %(x)s, %(y)s, margin => 64.0 / 4096), 4326), 0.001)"""
    seen = f"SELECT id FROM public_report AS thing WHERE {beside} AND ({seat} OR {own})"  # noqa: S608
    return Layer(
        f"wangge_private.partner_reports(ARRAY({seen}))",
        OWN_FIELDS,
        "ST_Transform(thing.geom, 3857)",
        counted="public_report",
        reach=f"({seat} OR {own})",
        tally=f"published AND {seat}",
        untallied=(f"thing.reported_on >= %(day)s AND {seat}", f"{own} AND {seat} IS NOT TRUE"),
    )


def _seated(role: str) -> str:
    """Whether something lies where somebody in that role works."""
    codes = f"ANY ((SELECT wangge_private.my_codes('{role}'))::text[])"
    return "(" + " OR ".join(f"{column} = {codes}" for column in SEATS[role]) + ")"


OWN_REPORTS = {role: _partners() if role == "partner" else _own(role) for role in SEATS}


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
    layer = OWN_REPORTS[role] if role and name == "reports" else PUBLIC.get(name)
    zoom, column, row = tile
    if layer is None or not (0 <= zoom <= DEEPEST and 0 <= column < 2**zoom and 0 <= row < 2**zoom):
        raise NotFound("tiles.absent")
    chosen = choice or Choice()
    most = MOST_FAR if zoom < NEAR_FROM else MOST_NEAR
    values = {"z": zoom, "x": column, "y": row, "side": WORLD_M / 2**zoom / 64, "metres": WORLD_M / 2**zoom / 2048,
              "kind": chosen.kind, "verdict": chosen.verdict, "level": chosen.level or _level(zoom),
              "most": most if layer.points else 2**31 - 2}  # fmt: skip
    values |= _squares(zoom, column, row)
    if not _crowded(session, layer, values):
        cut, features = _cut(session, FEATURES, name, layer, values)
        if features <= values["most"]:
            return cut if features else b""
    return _cut(session, COUNTS.replace("{spots}", _spots(layer, zoom)), name, layer, values)[0]


def tally(session: Session, *, now: datetime) -> None:
    """Count the reports of the days that are over; what came within a day is left for the next time."""
    session.execute(text("SELECT wangge_private.tally_advance(:now)"), {"now": now})


def _squares(zoom: int, column: int, row: int) -> dict[str, int]:
    """The squares of `report_tally` that a tile consists of, or lies in."""
    finer, coarser = max(0, SQUARES - zoom), max(0, zoom - SQUARES)
    return {"west": column << finer >> coarser, "east": (column + 1 << finer) - 1 >> coarser,
            "top": row << finer >> coarser, "bottom": (row + 1 << finer) - 1 >> coarser}  # fmt: skip


def _crowded(session: Session, layer: Layer, values: dict[str, Any]) -> bool:
    """Whether there are too many, as far as is known before they are drawn; what the tally says goes into `values`."""
    if layer.tally:
        row = session.connection().exec_driver_sql(TALLY.format(tally=layer.tally), values).one()
        values |= {"until": row.until, "day": row.day, "grids": row.grids}
        if values["z"] <= SQUARES and row.points > values["most"]:
            return True
    if not (layer.points and layer.source.startswith("public_")):  # nothing else is counted faster than drawn
        return False
    asked = CROWD.format(source=layer.source, inside=layer.inside, where=layer.where, most=values["most"])
    found = session.connection().exec_driver_sql(asked.format(box=_box(WITH_MARGIN)), values).scalar_one()
    return bool(found > values["most"])


def _spots(layer: Layer, zoom: int) -> str:
    """All points of a tile as rows of `points`, `east`, `north`."""
    point = f"""SELECT 1 AS points, {layer.metres} FROM {layer.counted or layer.source} AS thing
        WHERE {{inside}} AND {{where}}"""  # noqa: S608
    if not layer.tally or zoom > TALLIED_TO:
        return f"{point} AND {layer.reach} OFFSET 0"  # each place is worked out once
    return " UNION ALL ".join([TALLIED.format(layer.tally), *(f"{point} AND {part}" for part in layer.untallied)])


#: A tile draws what lies a little outside of it, so that nothing is cut off at its edge.
WITH_MARGIN = ", margin => 64.0 / 4096"
TALLIED = """SELECT points, east, north FROM report_tally
    WHERE {} AND points > 0 AND x BETWEEN %(west)s AND %(east)s AND y BETWEEN %(top)s AND %(bottom)s"""


def _box(margin: str) -> str:
    return f"ST_Transform(ST_TileEnvelope(%(z)s, %(x)s, %(y)s{margin}), 4326)"


def _cut(session: Session, asked: str, name: str, layer: Layer, values: dict[str, Any]) -> tuple[bytes, int]:
    inside = layer.inside.format(box=_box(WITH_MARGIN if asked is FEATURES else ""))
    statement = asked.format(
        layer=name, fields=layer.fields, shape=layer.shape, source=layer.source, inside=inside, where=layer.where,
        most=values["most"],
    )  # fmt: skip
    tile, features = session.connection().exec_driver_sql(statement, values).one()
    return bytes(tile or b""), int(features)


def _level(zoom: int) -> str:
    return LEVELS[max(start for start in LEVELS if start <= zoom)]
