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
    text,
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


def _projected(shape: str) -> Column[Any]:
    """The same place in the projection of map tiles, kept so that a tile need not project it again.

    Null where that has no place for it: near the poles, and where a check is about to refuse the row.
    """
    kept = Computed(
        "CASE WHEN ST_XMin(geom) >= -180 AND ST_XMax(geom) <= 180 AND ST_YMin(geom) >= -85 AND ST_YMax(geom) <= 85"
        " THEN ST_Transform(geom, 3857) END", persisted=True,
    )  # fmt: skip
    return Column("geom_3857", Geometry(shape, srid=3857, spatial_index=False), kept)


def _in_bounds() -> CheckConstraint:
    """NaN and infinity fail it as well: BETWEEN is false for both."""
    return CheckConstraint(
        "geom IS NULL OR (ST_X(geom) BETWEEN -180 AND 180 AND ST_Y(geom) BETWEEN -90 AND 90)", name="bounds"
    )


def _as_sent() -> tuple[Column[Any], ...]:
    """The coordinates as their sender wrote them, and the datum or EPSG code they were declared in."""
    return (Column("lon_sent", Float(53)), Column("lat_sent", Float(53)), _text("datum_sent"))


def _place_codes(*, index: bool = True) -> tuple[Column[str], ...]:
    return tuple(_text(name, index=index) for name in ("street_code", "community_code", "grid_code"))


def _two_persons() -> tuple[Column[object] | CheckConstraint, ...]:
    """Who proposed it, and who else confirmed it before it counts; both null: the owner of the machine."""
    return (
        Column("proposed_by", BigInteger, ForeignKey("app_user.id")),
        Column("confirmed_by", BigInteger, ForeignKey("app_user.id")),
        Column("confirmed_at", DateTime(timezone=True), server_default=func.now()),
        CheckConstraint("confirmed_by IS NULL OR confirmed_at IS NOT NULL", name="confirmed"),
    )


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
    _one_of("what", "areas", "walknet", "facilities", "households", "reports", "basemap", "elders"),
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
    _projected("MULTIPOLYGON"),
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
    Column("version", Integer, nullable=False, server_default="1"),
    _projected("POINT"),
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
    Column("up_m", REAL, nullable=False, server_default="0"),
    Column("down_m", REAL, nullable=False, server_default="0"),
    CheckConstraint("up_m >= 0 AND down_m >= 0 AND up_m < 10000 AND down_m < 10000", name="climb"),
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

#: What may be reported, as `gis.categories` says it; a limit whose source is the word "example" is one.
category = Table(
    "category", metadata,
    _text("code", primary_key=True),
    _text("family", nullable=False),
    _text("name_zh", nullable=False),
    _text("name_en", nullable=False),
    Column("amount", Integer, nullable=False),
    _text("unit", nullable=False),
    Column("warn_before", Integer, nullable=False, server_default="0"),
    Column("near_m", Float(53), nullable=False, server_default="50"),
    Column("near_days", Float(53), nullable=False, server_default="30"),
    _text("source", nullable=False, server_default=""),
    Column("active", Boolean, nullable=False, server_default="true"),
    _one_of("family", "component", "event", "local"),
    _one_of("unit", "urgent_hours", "work_hours", "work_days"),
    CheckConstraint("amount >= 1 AND warn_before >= 0 AND warn_before < amount", name="amount"),
    CheckConstraint("near_m > 0 AND near_days > 0", name="near"),
)  # fmt: skip

#: Who handles reports: an office, a company, a team.
unit = Table(
    "unit", metadata,
    _text("code", primary_key=True),
    _text("name_zh", nullable=False),
    _text("name_en", nullable=False, server_default=""),
    Column("active", Boolean, nullable=False, server_default="true"),
    CheckConstraint("code <> '' AND name_zh <> ''", name="names"),
)  # fmt: skip

#: As `gis.routing.Rule`: "" is any category, any area.
routing_rule = Table(
    "routing_rule", metadata,
    _text("id", primary_key=True),
    _text("category", nullable=False, server_default=""),
    _text("area", nullable=False, server_default=""),
    Column("unit", Text, ForeignKey("unit.code"), nullable=False),
    Column("active", Boolean, nullable=False, server_default="true"),
    CheckConstraint("id <> ''", name="id"),
)  # fmt: skip

_STILL_OPEN = "status IN ('received', 'accepted', 'assigned', 'resolved', 'reopened')"
_TO_DO = "status IN ('received', 'accepted', 'assigned', 'reopened')"

#: A report as it stands; how it came to that is told by `report_event`. The id is ours: the phone's own, `client_id`,
#: counts for its author alone, or else trying one out would tell whether a stranger has used it.
#: `due_unknown` says why there is no `due_at` where one is owed; `warned_at`, `overdue_at`: said so, once.
report = Table(
    "report", metadata,
    Column("id", UUID(as_uuid=False), primary_key=True, server_default=func.gen_random_uuid()),
    Column("author_id", BigInteger, ForeignKey("app_user.id")),
    _text("client_id", nullable=False),
    _text("category", nullable=False),
    _text("status", nullable=False, server_default="received"),
    Column("version", Integer, nullable=False, server_default="1"),
    _now("moved_at"),
    _text("on_hold", nullable=False, server_default=""),
    Column("unit", Text, ForeignKey("unit.code")),
    Column("merged_into", UUID(as_uuid=False), ForeignKey("report.id")),
    Column("resolved_by", BigInteger, ForeignKey("app_user.id")),
    _point(),
    *_as_sent(),
    Column("accuracy_m", REAL),
    Column("captured_at", DateTime(timezone=True), nullable=False),
    Column("sent_at", DateTime(timezone=True)),
    _now("received_at"),
    _text("text", nullable=False),
    Column("photos", ARRAY(Text), nullable=False, server_default="{}"),
    Column("mocked", Boolean, nullable=False, server_default="false"),
    _text("body_hash"),
    Column("suspect", JSONB, nullable=False, server_default="[]"),
    Column("routed", JSONB),
    Column("due_at", DateTime(timezone=True)),
    Column("warn_at", DateTime(timezone=True)),
    _text("due_unknown"),
    Column("warned_at", DateTime(timezone=True)),
    Column("overdue_at", DateTime(timezone=True)),
    Column("lon", Float(53), Computed("ST_X(geom)", persisted=True)),
    Column("lat", Float(53), Computed("ST_Y(geom)", persisted=True)),
    Column("household_id", BigInteger, ForeignKey("household.id", ondelete="SET NULL")),
    Column("facility_id", Text, ForeignKey("facility.id", ondelete="SET NULL")),
    *_place_codes(index=False),
    Column("synthetic", Boolean, nullable=False),
    Column("import_id", BigInteger, ForeignKey("import_batch.id")),
    UniqueConstraint("author_id", "client_id", postgresql_nulls_not_distinct=True),
    _one_of("status", "received", "accepted", "assigned", "resolved", "closed", "rejected", "reopened"),
    CheckConstraint("accuracy_m >= 0", name="accuracy_m"),
    CheckConstraint("merged_into <> id AND (merged_into IS NULL OR status = 'rejected')", name="merged_into"),
    CheckConstraint("version >= 1", name="version"),
    _in_bounds(),
    # Each list is read in the order of its index, which begins with the code that the reader's policy names.
    Index("report_street_idx", "street_code", "received_at", "id"),
    Index("report_community_idx", "community_code", "received_at", "id"),
    Index("report_grid_idx", "grid_code", "received_at", "id"),
    Index("report_author_idx", "author_id", "received_at", "id"),
    Index("report_place_idx", "street_code", "lon", "lat"),
    Index("report_moved_idx", "moved_at", "street_code"),
    Index("report_deadline_idx", "due_at", "street_code"),
    Index("report_open_idx", "street_code", "received_at", "id", postgresql_where=text(_STILL_OPEN)),
    Index("report_warn_idx", "warn_at", postgresql_where=text(f"{_TO_DO} AND warned_at IS NULL")),
    Index("report_due_idx", "due_at", postgresql_where=text(f"{_TO_DO} AND overdue_at IS NULL")),
    Index("report_merged_idx", "merged_into", postgresql_where=text("merged_into IS NOT NULL")),
)  # fmt: skip

#: Only ever added to. Place codes and the report's author are filled in from the report by a trigger, never by the
#: one who adds it.
report_event = Table(
    "report_event", metadata,
    Column("report_id", UUID(as_uuid=False), ForeignKey("report.id"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    _text("move", nullable=False),
    Column("actor_id", BigInteger, ForeignKey("app_user.id")),
    _text("actor_role", nullable=False),
    _now("at"),
    _text("source", nullable=False),
    _text("target", nullable=False),
    _text("reason", nullable=False, server_default=""),
    _text("text", nullable=False, server_default=""),
    _text("unit", nullable=False, server_default=""),
    Column("photos", ARRAY(Text), nullable=False, server_default="{}"),
    Column("lon", Float(53)),
    Column("lat", Float(53)),
    Column("accuracy_m", REAL),
    Column("amount", Integer, nullable=False, server_default="0"),
    _text("merged_into", nullable=False, server_default=""),
    _text("category", nullable=False, server_default=""),
    Column("suspect", JSONB, nullable=False, server_default="[]"),
    Column("author_id", BigInteger, index=True),
    *_place_codes(),
    CheckConstraint("version >= 1", name="version"),
    CheckConstraint("(lon IS NULL) = (lat IS NULL)", name="place"),
)  # fmt: skip

#: Another body that came under the id of a report: kept whole, for a person to decide which one holds.
report_conflict = Table(
    "report_conflict", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("report_id", UUID(as_uuid=False), ForeignKey("report.id"), nullable=False),
    _text("body_hash", nullable=False),
    Column("body", JSONB, nullable=False),
    _now("received_at"),
    _text("kept"),
    _text("reason", nullable=False, server_default=""),
    Column("decided_by", BigInteger, ForeignKey("app_user.id")),
    Column("decided_at", DateTime(timezone=True)),
    Column("author_id", BigInteger, index=True),
    *_place_codes(),
    UniqueConstraint("report_id", "body_hash"),
    _one_of("kept", "first", "other"),
    CheckConstraint("(kept IS NULL) = (decided_at IS NULL)", name="decided"),
)  # fmt: skip

#: The public status of a report: no text, no photo, no author, days only, the place to about 100 m. Kept in step with
#: `report` by a trigger; a report that concerns a household, or is of a class that is not published, is absent.
report_published = Table(
    "report_published", metadata,
    Column("id", UUID(as_uuid=False), ForeignKey("report.id", ondelete="CASCADE"), primary_key=True),
    _text("category", nullable=False),
    _text("status", nullable=False),
    Column("reported_on", Date, nullable=False),
    Column("changed_on", Date, nullable=False),
    _text("street_code"),
    _text("community_code"),
    _text("grid_code"),
    _point(),
    _projected("POINT"),
    Column("synthetic", Boolean, nullable=False),
    Index("report_published_geom_idx", "geom", postgresql_using="gist"),
    Index("report_published_reported_on_idx", "reported_on", "id"),
)  # fmt: skip

#: How many reports lie in each square of a fine raster, with the sums of their metres east and north: where they are,
#: or `published` as the public sees them. Of the days before `report_tallied`; triggers keep it in step with what is
#: put right afterwards.
report_tally = Table(
    "report_tally", metadata,
    Column("published", Boolean, primary_key=True, autoincrement=False),
    *(_text(name, primary_key=True) for name in ("street_code", "community_code", "grid_code")),
    Column("x", Integer, primary_key=True, autoincrement=False),
    Column("y", Integer, primary_key=True, autoincrement=False),
    Column("points", Integer, nullable=False),
    Column("east", Float(53), nullable=False),
    Column("north", Float(53), nullable=False),
    Index("report_tally_published_idx", "x", "y", postgresql_where=text("published")),
    Index("report_tally_street_idx", "street_code", "x", "y", postgresql_where=text("NOT published")),
    Index("report_tally_community_idx", "community_code", "x", "y", postgresql_where=text("NOT published")),
    Index("report_tally_grid_idx", "grid_code", "x", "y", postgresql_where=text("NOT published")),
)  # fmt: skip
report_tallied = Table(
    "report_tallied", metadata,
    Column("only", Boolean, primary_key=True, server_default="true"),
    Column("until", DateTime(timezone=True), nullable=False, server_default="-infinity"),
    Column("day", Date, nullable=False, server_default="-infinity"),
    CheckConstraint('"only"', name="only"),
)  # fmt: skip

#: Classes of reports that are about persons: their reports are in no public view.
category_unpublished = Table("category_unpublished", metadata, _text("category", primary_key=True))


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

#: A run is never changed; the rows of its three tables go with it only by `data.coverage.remove`. `facility_ids` are
#: those that its households name by number. `inputs_sha256` is the digest of the manifest: equal digests mean equal
#: results.
coverage_run = Table(
    "coverage_run", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("kinds", ARRAY(Text), nullable=False),
    Column("facility_ids", ARRAY(Text), nullable=False, server_default="{}"),
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
    Column("run_id", BigInteger, primary_key=True, autoincrement=False),
    _text("level", primary_key=True),
    _text("kind", primary_key=True),
    _text("verdict", primary_key=True),
    _text("code", primary_key=True),
    Column("households", Integer, nullable=False),
    *_counts(),
    Column("fragile", Integer),
    Column("outside", Integer),
    *_place_codes(index=False),
)  # fmt: skip

#: What everybody may see, estimated from the drawn households (`gis.disclosure`). Null means hidden, never zero.
coverage_published = Table(
    "coverage_published", metadata,
    Column("run_id", BigInteger, primary_key=True, autoincrement=False),
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
#: c covered, u uncovered, k unknown, and - where the verdict does not apply. `facilities` are numbers in
#: `coverage_run.facility_ids`, from 1 on; 0 is none.
coverage_household = Table(
    "coverage_household", metadata,
    Column("run_id", BigInteger, primary_key=True, autoincrement=False),
    Column("household_id", BigInteger, primary_key=True, autoincrement=False),
    _text("profile", nullable=False),
    Column("snap_m", REAL),
    _text("reason"),
    Column("seconds", ARRAY(REAL), nullable=False),
    Column("metres", ARRAY(REAL), nullable=False),
    Column("facilities", ARRAY(Integer), nullable=False),
    _text("verdict_standard", nullable=False),
    _text("verdict_personal", nullable=False),
    _text("verdict_policy"),
    _text("verdict_to_home"),
    *_place_codes(index=False),
    Index("coverage_household_places_idx", "run_id", "street_code", "community_code", "grid_code",
          postgresql_using="brin", postgresql_with={"pages_per_range": 16, "autosummarize": "true"}),
)  # fmt: skip


#: Work that a planner ordered and a worker carries out; `answer` is what a siting found, `run_id` the run made.
coverage_order = Table(
    "coverage_order", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("user_id", BigInteger, ForeignKey("app_user.id"), nullable=False),
    _text("what", nullable=False),
    Column("parameters", JSONB, nullable=False),
    _text("digest", nullable=False),
    _text("state", nullable=False, server_default="queued"),
    _text("step"),
    Column("steps_done", SmallInteger, nullable=False, server_default="0"),
    Column("tries", SmallInteger, nullable=False, server_default="0"),
    Column("error", JSONB),
    Column("run_id", BigInteger, ForeignKey("coverage_run.id", ondelete="SET NULL"), index=True),
    Column("answer", JSONB),
    _now("ordered_at"),
    Column("started_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    _one_of("what", "run", "siting"),
    _one_of("state", "queued", "running", "done", "failed"),
    Index("coverage_order_open_idx", "user_id", "digest", unique=True,
          postgresql_where=text("state IN ('queued', 'running')")),
)  # fmt: skip

#: One row is one statement that changed what coverage is computed from; how many there are is the version of the data.
data_change = Table(
    "data_change", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _text("what", nullable=False),
    _now("at"),
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
    Column("password_by", BigInteger, ForeignKey("app_user.id")),
    Column("password_handed", Boolean, nullable=False, server_default="false"),
    Column("tokens_from", DateTime(timezone=True), nullable=False, server_default="-infinity"),
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
    *_two_persons(),
    CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name="period"),
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
    Index("audit_log_reveal_idx", "actor", "at", postgresql_where=text("action = 'household.reveal'")),
)  # fmt: skip

#: One person on one device. Of the refresh token only the digest of the present one and of the one before is kept.
login_session = Table(
    "login_session", metadata,
    Column("id", UUID(as_uuid=False), primary_key=True, server_default=func.gen_random_uuid()),
    Column("user_id", BigInteger, ForeignKey("app_user.id", ondelete="CASCADE"), nullable=False, index=True),
    _text("role", nullable=False),
    Column("device_hash", LargeBinary),
    Column("refresh_hash", LargeBinary),
    Column("previous_hash", LargeBinary),
    Column("rotated_at", DateTime(timezone=True)),
    _now("created_at"),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    _text("ended_why"),
    _one_of("role", "inspector", "community", "street", "planner", "partner", "auditor", "admin"),
    CheckConstraint("(ended_at IS NULL) = (ended_why IS NULL)", name="ended"),
    _one_of("ended_why", "logout", "reuse", "password", "lost", "revoked"),
)  # fmt: skip

#: What else somebody must show who logs in; the secret as only the keyring can open it, of recovery codes digests.
second_factor = Table(
    "second_factor", metadata,
    Column("user_id", BigInteger, ForeignKey("app_user.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    _text("secret_sealed", nullable=False),
    Column("recovery", ARRAY(LargeBinary), nullable=False),
    Column("step", BigInteger, nullable=False, server_default="0"),
    Column("enrolled_at", DateTime(timezone=True)),
)  # fmt: skip

#: What another system shows instead of a token; it belongs to an account with the role partner.
api_key = Table(
    "api_key", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("user_id", BigInteger, ForeignKey("app_user.id", ondelete="CASCADE"), nullable=False, index=True),
    _text("name", nullable=False),
    _text("prefix", nullable=False, unique=True),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("fields", ARRAY(Text), nullable=False),
    _now("created_at"),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("revoked_at", DateTime(timezone=True)),
    *_two_persons(),
)  # fmt: skip

#: How often somebody has tried to log in lately; a lane is a digest of a login, an address, both, or a known device.
login_throttle = Table(
    "login_throttle", metadata,
    Column("lane", LargeBinary, primary_key=True),
    Column("charge", Float(53), nullable=False),
    Column("charged_at", DateTime(timezone=True), nullable=False, index=True),
    Column("free_at", DateTime(timezone=True), nullable=False),
)  # fmt: skip


# Persons of a household -----------------------------------------------------------------------------------------------

#: What names them is encrypted (`data.keyring`); shown without a reason is only the masked form (`gis.masking`).
#: A trigger gives them the place codes of their household, and keeps them the same.
elder = Table(
    "elder", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("household_id", BigInteger, ForeignKey("household.id", ondelete="CASCADE"), nullable=False, index=True),
    _text("name_masked", nullable=False),
    _text("phone_masked"),
    _text("id_card_masked"),
    _text("name_sealed", nullable=False),
    _text("phone_sealed"),
    _text("id_card_sealed"),
    _text("health_sealed"),
    Column("consent", Boolean),
    _text("legal_basis", nullable=False),
    *_place_codes(),
    Column("synthetic", Boolean, nullable=False),
    Column("import_id", BigInteger, ForeignKey("import_batch.id")),
    _now("updated_at"),
    CheckConstraint("legal_basis <> ''", name="basis"),
)  # fmt: skip


# Jobs, changes, photos, webhooks --------------------------------------------------------------------------------------

#: Work for later (`data.jobs`). `run_at` is when it may be taken next.
job = Table(
    "job", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _text("kind", nullable=False),
    _text("key", unique=True),
    Column("payload", JSONB, nullable=False),
    _now("run_at"),
    Column("tries", SmallInteger, nullable=False, server_default="0"),
    _text("reason"),
    Column("dead_at", DateTime(timezone=True)),
    _now("created_at"),
    Index("job_due_idx", "kind", "run_at", postgresql_where=text("dead_at IS NULL")),
)  # fmt: skip

#: How many reports of people without an account came on a day.
citizen_day = Table(
    "citizen_day", metadata,
    Column("day", Date, primary_key=True),
    Column("filed", Integer, nullable=False),
)  # fmt: skip

#: Who is doing a job, and until when it is believed to live if nothing more is heard of it.
job_held = Table(
    "job_held", metadata,
    Column("job_id", BigInteger, primary_key=True, autoincrement=False),
    Column("worker", UUID, nullable=False),
    _now("since"),
    Column("until", DateTime(timezone=True), nullable=False),
)  # fmt: skip

#: What happened, for other systems to follow (`data.changes`); `seq` is given when it is first read.
change = Table(
    "change", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("seq", BigInteger, unique=True),
    _now("at"),
    _text("what", nullable=False),
    _text("subject", nullable=False),
    _text("action", nullable=False),
    Column("facts", JSONB, nullable=False),
    *_place_codes(),
    Index("change_unnumbered_idx", "id", postgresql_where=text("seq IS NULL")),
)  # fmt: skip

#: A picture as one author sent it; the bytes lie in the home, under this id.
photo = Table(
    "photo", metadata,
    Column("id", UUID(as_uuid=False), primary_key=True, server_default=func.gen_random_uuid()),
    Column("author_id", BigInteger, ForeignKey("app_user.id"), nullable=False),
    _text("sha256", nullable=False),
    Column("bytes", Integer, nullable=False),
    _text("media", nullable=False),
    _text("state", nullable=False, server_default="received"),
    _text("reason"),
    Column("width", Integer),
    Column("height", Integer),
    _now("received_at"),
    UniqueConstraint("author_id", "sha256"),
    CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
    CheckConstraint("bytes > 0", name="bytes"),
    _one_of("state", "received", "ready", "refused"),
    CheckConstraint("(state = 'refused') = (reason IS NOT NULL)", name="reason"),
    CheckConstraint("(state = 'ready') = (width IS NOT NULL AND height IS NOT NULL)", name="size"),
    Index("photo_author_id_received_at_idx", "author_id", "received_at"),
)  # fmt: skip

#: Which pictures a report names, come or not; how far place and time in the picture are from those of the report.
report_photo = Table(
    "report_photo", metadata,
    Column("report_id", UUID(as_uuid=False), ForeignKey("report.id", ondelete="CASCADE"), primary_key=True),
    Column("author_id", BigInteger, ForeignKey("app_user.id"), primary_key=True, autoincrement=False),
    _text("sha256", primary_key=True),
    Column("metres", REAL),
    Column("seconds", Float(53)),
    *_place_codes(),
    _now("added_at"),
    CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
    CheckConstraint("metres >= 0", name="metres"),
    Index("report_photo_author_id_sha256_idx", "author_id", "sha256"),
)  # fmt: skip

#: How many reports somebody has filed on a day; counted by a trigger, which refuses those that are too many.
report_day = Table(
    "report_day", metadata,
    Column(
        "author_id", BigInteger, ForeignKey("app_user.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    ),
    Column("day", Date, primary_key=True),
    Column("filed", Integer, nullable=False),
)  # fmt: skip

#: Where changes are sent to; `last_seq` is how far it has got.
webhook = Table(
    "webhook", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("owner_id", BigInteger, ForeignKey("app_user.id"), nullable=False, index=True),
    _text("role", nullable=False),
    Column("key_id", BigInteger),
    _text("url", nullable=False),
    Column("what", ARRAY(Text), nullable=False),
    _text("secret", nullable=False),
    Column("active", Boolean, nullable=False, server_default="true"),
    _text("reason"),
    Column("failures", SmallInteger, nullable=False, server_default="0"),
    Column("last_seq", BigInteger, nullable=False),
    _now("created_at"),
    Column("removed_at", DateTime(timezone=True)),
    _one_of("role", "partner", "admin"),
    CheckConstraint("last_seq >= 0", name="last_seq"),
)  # fmt: skip

#: One attempt to send one change; `status` is what the other side answered, `reason` why nothing was answered.
webhook_delivery = Table(
    "webhook_delivery", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("webhook_id", BigInteger, ForeignKey("webhook.id"), nullable=False),
    Column("seq", BigInteger, nullable=False),
    _now("at"),
    Column("status", SmallInteger),
    _text("reason"),
    Index("webhook_delivery_webhook_id_id_idx", "webhook_id", "id"),
)  # fmt: skip
