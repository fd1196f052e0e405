"""All tables, as SQLAlchemy Core: the one place where a column is said.

Row security, triggers and functions cannot be said here; they stand in `migrations/` and are tested in `tests/store`.
Every table that holds persons carries `street_code`, `community_code` and `grid_code` of its own, indexed: PostGIS
operators are not leakproof, so under row security only a plain btree on the row itself keeps a policy fast.
"""

from __future__ import annotations

from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    DateTime,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY, DATERANGE, JSONB, REAL, UUID, ExcludeConstraint

metadata = MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    }
)


def _text(name: str, **options: object) -> Column[str]:
    return Column(name, Text, **options)  # type: ignore[arg-type]


def _now(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=False, server_default=func.now())


def _one_of(column: str, *values: str) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def _point(*, nullable: bool = True) -> Column[object]:
    return Column("geom", Geometry("POINT", srid=4326, spatial_index=False), nullable=nullable)


def _in_bounds() -> CheckConstraint:
    """NaN and infinity fail it as well: BETWEEN is false for both."""
    return CheckConstraint(
        "geom IS NULL OR (ST_X(geom) BETWEEN -180 AND 180 AND ST_Y(geom) BETWEEN -90 AND 90)", name="bounds"
    )


def _as_sent() -> tuple[Column[Any], ...]:
    """The coordinates as their sender wrote them, and the datum or EPSG code they were declared in."""
    return (Column("lon_sent", Float(53)), Column("lat_sent", Float(53)), _text("datum_sent"))


def _place_codes() -> tuple[Column[str], ...]:
    return (_text("street_code", index=True), _text("community_code", index=True), _text("grid_code", index=True))


# Areas ----------------------------------------------------------------------------------------------------------------

area_level = Table(
    "area_level", metadata,
    _text("level", primary_key=True),
    Column("rank", SmallInteger, nullable=False, unique=True),
    _text("name_zh", nullable=False),
    _text("name_en", nullable=False),
    Column("fills", Boolean, nullable=False),  # areas of this level together leave no gap in their parent
)  # fmt: skip

area_scheme = Table(
    "area_scheme", metadata,
    _text("code", primary_key=True),
    _text("name", nullable=False),
    Column("digits", JSONB, nullable=False),
    _text("source", nullable=False),
    _text("confidence", nullable=False),
    _one_of("confidence", "high", "medium", "low"),
)  # fmt: skip

import_batch = Table(
    "import_batch", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _text("what", nullable=False),
    _text("file_name", nullable=False),
    _text("sha256", nullable=False),
    _text("datum", nullable=False),
    Column("datum_accepted", Boolean, nullable=False, server_default="false"),
    Column("rows_kept", Integer, nullable=False),
    Column("rows_skipped", Integer, nullable=False, server_default="0"),
    Column("synthetic", Boolean, nullable=False),
    _text("attribution", nullable=False, server_default=""),
    Column("facts", JSONB, nullable=False, server_default="{}"),
    _now("imported_at"),
    _one_of("what", "areas", "walknet", "facilities", "households", "reports", "basemap"),
)  # fmt: skip

area = Table(
    "area", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _text("code", nullable=False),
    Column("level", Text, ForeignKey("area_level.level"), nullable=False),
    _text("grid_kind", nullable=False, server_default=""),
    _text("name", nullable=False),
    _text("parent_code", nullable=False, server_default=""),
    Column("scheme", Text, ForeignKey("area_scheme.code")),
    Column("geom", Geometry("MULTIPOLYGON", srid=4326, spatial_index=False), nullable=False),
    Column("area_m2", Float(53), nullable=False),
    Column("valid_from", Date, nullable=False),
    Column("valid_to", Date),
    Column("valid", DATERANGE, Computed("daterange(valid_from, valid_to, '[)')", persisted=True), nullable=False),
    Column("synthetic", Boolean, nullable=False),
    Column("import_id", BigInteger, ForeignKey("import_batch.id")),
    _now("recorded_at"),
    ExcludeConstraint(("code", "="), ("valid", "&&"), name="area_code_once", using="gist"),
    CheckConstraint("valid_to IS NULL OR valid_to > valid_from", name="period"),
    CheckConstraint("code <> '' AND code <> parent_code", name="code"),
    CheckConstraint("(level = 'grid') = (grid_kind <> '')", name="grid_kind_level"),
    _one_of("grid_kind", "", "basic", "dedicated"),
    CheckConstraint(
        "ST_IsValid(geom) AND NOT ST_IsEmpty(geom) AND ST_NPoints(geom) <= 200000"
        " AND ST_XMin(geom) BETWEEN -180 AND 180 AND ST_XMax(geom) BETWEEN -180 AND 180"
        " AND ST_YMin(geom) BETWEEN -90 AND 90 AND ST_YMax(geom) BETWEEN -90 AND 90", name="geom"),
    Index("area_geom_idx", "geom", postgresql_using="gist"),
    Index("area_parent_idx", "parent_code", "level"),
    Index("area_level_idx", "level", "code"),
)  # fmt: skip


# Facilities and households --------------------------------------------------------------------------------------------

facility_kind = Table(
    "facility_kind", metadata,
    _text("code", primary_key=True),
    Column("position", SmallInteger, nullable=False),
    _text("name_zh", nullable=False),
    _text("name_en", nullable=False),
    Column("required", Boolean, nullable=False),
    Column("policy_radius_m", Float(53)),
    _text("policy_source"),
    CheckConstraint("(policy_radius_m IS NULL) = (policy_source IS NULL)", name="policy"),
)  # fmt: skip

facility = Table(
    "facility", metadata,
    _text("id", primary_key=True),
    _text("name", nullable=False),
    Column("kind", Text, ForeignKey("facility_kind.code"), nullable=False, index=True),
    _point(nullable=False),
    *_as_sent(),
    Column("capacity", Integer),
    _text("opens"),
    _text("medical_link"),
    _text("operator"),
    _text("delivery_mode", nullable=False, server_default="one_stop"),
    _text("status", nullable=False, server_default="open"),
    *_place_codes(),
    Column("synthetic", Boolean, nullable=False),
    Column("import_id", BigInteger, ForeignKey("import_batch.id")),
    _now("updated_at"),
    CheckConstraint("capacity >= 0", name="capacity"),
    _one_of("medical_link", "internal", "contract", "none"),
    _one_of("delivery_mode", "one_stop", "multi_point", "to_home"),
    _one_of("status", "open", "closed", "planned"),
    _in_bounds(),
    Index("facility_geom_idx", "geom", postgresql_using="gist"),
)  # fmt: skip

household = Table(
    "household", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _text("ref", nullable=False, unique=True),
    _point(),
    *_as_sent(),
    _text("address"),
    Column("floor", SmallInteger),
    Column("lift", Boolean),
    Column("elders", SmallInteger, nullable=False),
    Column("elders_homebound", SmallInteger, nullable=False, server_default="0"),
    Column("elders_80", SmallInteger),
    Column("elders_disabled", SmallInteger),
    Column("age_max", SmallInteger),
    Column("living_alone", Boolean),
    _text("mobility", nullable=False, server_default="independent"),
    Column("in_institution", Boolean, nullable=False, server_default="false"),
    Column("consent", Boolean),
    _text("legal_basis"),
    *_place_codes(),
    Column("synthetic", Boolean, nullable=False),
    Column("import_id", BigInteger, ForeignKey("import_batch.id")),
    _now("updated_at"),
    CheckConstraint("elders >= 1", name="elders"),
    CheckConstraint(
        "elders_homebound BETWEEN 0 AND elders AND elders_80 BETWEEN 0 AND elders"
        " AND elders_disabled BETWEEN 0 AND elders", name="parts"),
    CheckConstraint("age_max BETWEEN 60 AND 130", name="age_max"),
    _one_of("mobility", "independent", "cane", "walker", "wheelchair", "wheelchair_escorted", "homebound"),
    CheckConstraint("(mobility = 'homebound') = (elders_homebound = elders)", name="homebound"),
    _in_bounds(),
    Index("household_geom_idx", "geom", postgresql_using="gist"),
)  # fmt: skip


# Walking network ------------------------------------------------------------------------------------------------------

walknet = Table(
    "walknet", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _text("sha256", nullable=False),
    Column("srid", Integer, nullable=False),
    Column("nodes", Integer, nullable=False),
    Column("edges", Integer, nullable=False),
    Column("metres", Float(53), nullable=False),
    _text("data_date"),
    Column("stats", JSONB, nullable=False),
    Column("synthetic", Boolean, nullable=False),
    Column("import_id", BigInteger, ForeignKey("import_batch.id")),
    _now("created_at"),
)  # fmt: skip

walk_node = Table(
    "walk_node", metadata,
    Column("walknet_id", BigInteger, ForeignKey("walknet.id", ondelete="CASCADE"), primary_key=True),
    Column("id", Integer, primary_key=True),
    Column("osm_id", BigInteger),
    _point(nullable=False),
    _in_bounds(),
)  # fmt: skip

walk_edge = Table(
    "walk_edge", metadata,
    Column("walknet_id", BigInteger, ForeignKey("walknet.id", ondelete="CASCADE"), primary_key=True),
    Column("id", Integer, primary_key=True),
    Column("u", Integer, nullable=False),
    Column("v", Integer, nullable=False),
    Column("osm_way_id", BigInteger),
    Column("metres", Float(53), nullable=False),
    Column("oneway", SmallInteger, nullable=False, server_default="0"),
    Column("steps", SmallInteger, nullable=False, server_default="0"),
    Column("signals", REAL, nullable=False, server_default="0"),
    Column("lift", Boolean, nullable=False, server_default="false"),
    Column("bridge", Boolean, nullable=False, server_default="false"),
    Column("tunnel", Boolean, nullable=False, server_default="false"),
    _text("wheelchair", nullable=False, server_default="unknown"),
    _text("highway", nullable=False),
    _text("name"),
    Column("geom", Geometry("LINESTRING", srid=4326, spatial_index=False), nullable=False),
    CheckConstraint("metres >= 0 AND metres < 'Infinity'", name="metres"),
    CheckConstraint("steps >= -1", name="steps"),
    CheckConstraint("oneway IN (-1, 0, 1)", name="oneway"),
    _one_of("wheelchair", "yes", "no", "unknown"),
    Index("walk_edge_geom_idx", "geom", postgresql_using="gist"),
)  # fmt: skip


#: Drawn under a map, never counted.
basemap = Table(
    "basemap", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _text("what", nullable=False),
    _text("name"),
    Column("geom", Geometry("GEOMETRY", srid=4326, spatial_index=False), nullable=False),
    Column("synthetic", Boolean, nullable=False),
    Column("import_id", BigInteger, ForeignKey("import_batch.id")),
    _one_of("what", "water", "green"),
    CheckConstraint("ST_IsValid(geom) AND NOT ST_IsEmpty(geom)", name="geom"),
    Index("basemap_geom_idx", "geom", postgresql_using="gist"),
)  # fmt: skip


# Reports --------------------------------------------------------------------------------------------------------------

report = Table(
    "report", metadata,
    Column("id", UUID(as_uuid=False), primary_key=True, server_default=func.gen_random_uuid()),
    Column("author_id", BigInteger, ForeignKey("app_user.id")),
    _text("client_id", nullable=False),
    _text("category", nullable=False, index=True),
    _text("status", nullable=False, server_default="received"),
    _point(),
    *_as_sent(),
    Column("accuracy_m", REAL),
    Column("captured_at", DateTime(timezone=True), nullable=False),
    _now("received_at"),
    _text("text", nullable=False),
    Column("household_id", BigInteger, ForeignKey("household.id", ondelete="SET NULL")),
    Column("facility_id", Text, ForeignKey("facility.id", ondelete="SET NULL")),
    *_place_codes(),
    Column("synthetic", Boolean, nullable=False),
    Column("import_id", BigInteger, ForeignKey("import_batch.id")),
    UniqueConstraint("author_id", "client_id", postgresql_nulls_not_distinct=True),
    _one_of("status", "received", "accepted", "assigned", "resolved", "closed", "rejected", "reopened"),
    CheckConstraint("accuracy_m >= 0", name="accuracy_m"),
    _in_bounds(),
    Index("report_geom_idx", "geom", postgresql_using="gist"),
)  # fmt: skip


# Coverage -------------------------------------------------------------------------------------------------------------

#: What might be otherwise: changes as `gis.scenarios.to_dict` writes them, about places and never about persons.
#: `walknet_id` is said where a change names an edge by its number in that network.
scenario = Table(
    "scenario", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _text("name", nullable=False, unique=True),
    Column("changes", JSONB, nullable=False),
    Column("walknet_id", BigInteger, ForeignKey("walknet.id")),
    _now("created_at"),
    CheckConstraint("name <> ''", name="name"),
    CheckConstraint("jsonb_typeof(changes) = 'array' AND changes <> '[]'::jsonb", name="changes"),
)  # fmt: skip

#: A run is never changed. `inputs_sha256` is the digest of the manifest: equal digests mean equal results.
coverage_run = Table(
    "coverage_run", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("kinds", ARRAY(Text), nullable=False),
    Column("parameters", JSONB, nullable=False),
    Column("manifest", JSONB, nullable=False),
    _text("inputs_sha256", nullable=False),
    Column("seconds", JSONB, nullable=False),
    Column("totals", JSONB, nullable=False),
    Column("walknet_id", BigInteger, ForeignKey("walknet.id"), nullable=False),
    Column("as_of", Date, nullable=False),
    _text("data_date"),
    Column("synthetic", Boolean, nullable=False),
    _now("created_at"),
)  # fmt: skip


def _counts() -> list[Column[object]]:
    """Elders by verdict: all of them, then the three groups; a group is null where it is not recorded."""
    groups = ("", "_80", "_alone", "_disabled")
    names = ("elders", "covered", "uncovered", "unknown")
    return [Column(name + group, Integer, nullable=group != "") for group in groups for name in names]


#: One row is one area, one kind (or "circle") and one verdict of a run: exact counts, for those entitled.
coverage_area = Table(
    "coverage_area", metadata,
    Column("run_id", BigInteger, ForeignKey("coverage_run.id", ondelete="CASCADE"), primary_key=True),
    _text("level", primary_key=True),
    _text("kind", primary_key=True),
    _text("verdict", primary_key=True),
    _text("code", primary_key=True),
    Column("households", Integer, nullable=False),
    *_counts(),
    Column("fragile", Integer),
    Column("outside", Integer),
    *_place_codes(),
)  # fmt: skip

#: The same after disclosure control: what everybody may see. Null means hidden, never zero.
coverage_published = Table(
    "coverage_published", metadata,
    Column("run_id", BigInteger, ForeignKey("coverage_run.id", ondelete="CASCADE"), primary_key=True),
    _text("level", primary_key=True),
    _text("kind", primary_key=True),
    _text("verdict", primary_key=True),
    _text("code", primary_key=True),
    Column("elders", Integer),
    Column("covered", Integer),
    Column("uncovered", Integer),
    Column("unknown", Integer),
    Column("rate_low", REAL),
    Column("rate_high", REAL),
    CheckConstraint("elders >= 10 AND covered >= 10 AND uncovered >= 10 AND unknown >= 10", name="floor"),
    CheckConstraint("elders % 5 = 0 AND covered % 5 = 0 AND uncovered % 5 = 0 AND unknown % 5 = 0", name="round"),
    CheckConstraint("(rate_low IS NULL) = (rate_high IS NULL)", name="rate"),
)  # fmt: skip

#: One row is one household in one run; the arrays follow `coverage_run.kinds`, `verdicts` are one letter a kind:
#: c covered, u uncovered, k unknown, and - where the verdict does not apply.
coverage_household = Table(
    "coverage_household", metadata,
    Column("run_id", BigInteger, ForeignKey("coverage_run.id", ondelete="CASCADE"), primary_key=True),
    Column("household_id", BigInteger, primary_key=True),
    _text("profile", nullable=False),
    Column("snap_m", REAL),
    _text("reason"),
    Column("seconds", ARRAY(REAL), nullable=False),
    Column("metres", ARRAY(REAL), nullable=False),
    Column("facility_ids", ARRAY(Text), nullable=False),
    _text("verdict_standard", nullable=False),
    _text("verdict_personal", nullable=False),
    _text("verdict_policy"),
    _text("verdict_to_home"),
    *_place_codes(),
)  # fmt: skip


# People who use it ----------------------------------------------------------------------------------------------------

app_user = Table(
    "app_user", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _text("login", nullable=False, unique=True),
    _text("name", nullable=False),
    _text("password_hash"),
    Column("active", Boolean, nullable=False, server_default="true"),
    Column("synthetic", Boolean, nullable=False),
    *_place_codes(),
    _now("created_at"),
)  # fmt: skip

#: Who may do what where, and from when to when: rights are looked up here on every request, never in a token.
assignment = Table(
    "assignment", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("user_id", BigInteger, ForeignKey("app_user.id"), nullable=False, index=True),
    _text("role", nullable=False),
    _text("duty"),
    _text("area_code", nullable=False, index=True),
    Column("valid_from", Date, nullable=False),
    Column("valid_to", Date),
    *_place_codes(),
    CheckConstraint("valid_to IS NULL OR valid_to > valid_from", name="period"),
    _one_of("role", "inspector", "community", "street", "planner", "partner", "auditor", "admin"),
)  # fmt: skip

#: Only ever added to; each row carries the digest of the one before it.
audit_log = Table(
    "audit_log", metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    _now("at"),
    _text("actor", nullable=False),
    _text("action", nullable=False),
    _text("subject"),
    _text("purpose"),
    Column("facts", JSONB, nullable=False, server_default="{}"),
    Column("previous", LargeBinary, nullable=False),
    Column("digest", LargeBinary, nullable=False),
)  # fmt: skip
