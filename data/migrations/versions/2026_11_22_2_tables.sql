-- All tables as they stood on 2026-11-22. Frozen: later changes are versions of their own.

CREATE TABLE app_user (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    login TEXT NOT NULL,
    name TEXT NOT NULL,
    password_hash TEXT,
    active BOOLEAN DEFAULT 'true' NOT NULL,
    synthetic BOOLEAN NOT NULL,
    street_code TEXT,
    community_code TEXT,
    grid_code TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT app_user_pkey PRIMARY KEY (id),
    CONSTRAINT app_user_login_key UNIQUE (login)
);

CREATE INDEX app_user_community_code_idx ON app_user (community_code);

CREATE INDEX app_user_grid_code_idx ON app_user (grid_code);

CREATE INDEX app_user_street_code_idx ON app_user (street_code);

CREATE TABLE area_level (
    level TEXT NOT NULL,
    rank SMALLINT NOT NULL,
    name_zh TEXT NOT NULL,
    name_en TEXT NOT NULL,
    fills BOOLEAN NOT NULL,
    CONSTRAINT area_level_pkey PRIMARY KEY (level),
    CONSTRAINT area_level_rank_key UNIQUE (rank)
);

CREATE TABLE area_scheme (
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    digits JSONB NOT NULL,
    source TEXT NOT NULL,
    confidence TEXT NOT NULL,
    CONSTRAINT area_scheme_pkey PRIMARY KEY (code),
    CONSTRAINT area_scheme_confidence_check CHECK (confidence IN ('high', 'medium', 'low'))
);

CREATE TABLE audit_log (
    id BIGINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT,
    purpose TEXT,
    facts JSONB DEFAULT '{}' NOT NULL,
    previous BYTEA NOT NULL,
    digest BYTEA NOT NULL,
    CONSTRAINT audit_log_pkey PRIMARY KEY (id)
);

CREATE TABLE facility_kind (
    code TEXT NOT NULL,
    position SMALLINT NOT NULL,
    name_zh TEXT NOT NULL,
    name_en TEXT NOT NULL,
    required BOOLEAN NOT NULL,
    policy_radius_m FLOAT(53),
    policy_source TEXT,
    CONSTRAINT facility_kind_pkey PRIMARY KEY (code),
    CONSTRAINT facility_kind_policy_check CHECK ((policy_radius_m IS NULL) = (policy_source IS NULL))
);

CREATE TABLE import_batch (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    what TEXT NOT NULL,
    file_name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    datum TEXT NOT NULL,
    datum_accepted BOOLEAN DEFAULT 'false' NOT NULL,
    rows_kept INTEGER NOT NULL,
    rows_skipped INTEGER DEFAULT '0' NOT NULL,
    synthetic BOOLEAN NOT NULL,
    attribution TEXT DEFAULT '' NOT NULL,
    facts JSONB DEFAULT '{}' NOT NULL,
    imported_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT import_batch_pkey PRIMARY KEY (id),
    CONSTRAINT import_batch_what_check CHECK (what IN ('areas', 'walknet', 'facilities', 'households', 'reports'))
);

CREATE TABLE area (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    code TEXT NOT NULL,
    level TEXT NOT NULL,
    grid_kind TEXT DEFAULT '' NOT NULL,
    name TEXT NOT NULL,
    parent_code TEXT DEFAULT '' NOT NULL,
    scheme TEXT,
    geom geometry(MULTIPOLYGON,4326) NOT NULL,
    area_m2 FLOAT(53) NOT NULL,
    valid_from DATE NOT NULL,
    valid_to DATE,
    valid DATERANGE GENERATED ALWAYS AS (daterange(valid_from, valid_to, '[)')) STORED NOT NULL,
    synthetic BOOLEAN NOT NULL,
    import_id BIGINT,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT area_pkey PRIMARY KEY (id),
    CONSTRAINT area_code_once EXCLUDE USING gist (code WITH =, valid WITH &&),
    CONSTRAINT area_period_check CHECK (valid_to IS NULL OR valid_to > valid_from),
    CONSTRAINT area_code_check CHECK (code <> '' AND code <> parent_code),
    CONSTRAINT area_grid_kind_level_check CHECK ((level = 'grid') = (grid_kind <> '')),
    CONSTRAINT area_grid_kind_check CHECK (grid_kind IN ('', 'basic', 'dedicated')),
    CONSTRAINT area_geom_check CHECK (ST_IsValid(geom) AND NOT ST_IsEmpty(geom) AND ST_NPoints(geom) <= 200000 AND ST_XMin(geom) BETWEEN -180 AND 180 AND ST_XMax(geom) BETWEEN -180 AND 180 AND ST_YMin(geom) BETWEEN -90 AND 90 AND ST_YMax(geom) BETWEEN -90 AND 90),
    CONSTRAINT area_level_fkey FOREIGN KEY(level) REFERENCES area_level (level),
    CONSTRAINT area_scheme_fkey FOREIGN KEY(scheme) REFERENCES area_scheme (code),
    CONSTRAINT area_import_id_fkey FOREIGN KEY(import_id) REFERENCES import_batch (id)
);

CREATE INDEX area_geom_idx ON area USING gist (geom);

CREATE INDEX area_level_idx ON area (level, code);

CREATE INDEX area_parent_idx ON area (parent_code, level);

CREATE TABLE assignment (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    user_id BIGINT NOT NULL,
    role TEXT NOT NULL,
    duty TEXT,
    area_code TEXT NOT NULL,
    valid_from DATE NOT NULL,
    valid_to DATE,
    street_code TEXT,
    community_code TEXT,
    grid_code TEXT,
    CONSTRAINT assignment_pkey PRIMARY KEY (id),
    CONSTRAINT assignment_period_check CHECK (valid_to IS NULL OR valid_to > valid_from),
    CONSTRAINT assignment_role_check CHECK (role IN ('inspector', 'community', 'street', 'planner', 'partner', 'auditor', 'admin')),
    CONSTRAINT assignment_user_id_fkey FOREIGN KEY(user_id) REFERENCES app_user (id)
);

CREATE INDEX assignment_area_code_idx ON assignment (area_code);

CREATE INDEX assignment_community_code_idx ON assignment (community_code);

CREATE INDEX assignment_grid_code_idx ON assignment (grid_code);

CREATE INDEX assignment_street_code_idx ON assignment (street_code);

CREATE INDEX assignment_user_id_idx ON assignment (user_id);

CREATE TABLE facility (
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    geom geometry(POINT,4326) NOT NULL,
    lon_sent FLOAT(53),
    lat_sent FLOAT(53),
    datum_sent TEXT,
    capacity INTEGER,
    opens TEXT,
    medical_link TEXT,
    operator TEXT,
    delivery_mode TEXT DEFAULT 'one_stop' NOT NULL,
    status TEXT DEFAULT 'open' NOT NULL,
    street_code TEXT,
    community_code TEXT,
    grid_code TEXT,
    synthetic BOOLEAN NOT NULL,
    import_id BIGINT,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT facility_pkey PRIMARY KEY (id),
    CONSTRAINT facility_capacity_check CHECK (capacity >= 0),
    CONSTRAINT facility_medical_link_check CHECK (medical_link IN ('internal', 'contract', 'none')),
    CONSTRAINT facility_delivery_mode_check CHECK (delivery_mode IN ('one_stop', 'multi_point', 'to_home')),
    CONSTRAINT facility_status_check CHECK (status IN ('open', 'closed', 'planned')),
    CONSTRAINT facility_bounds_check CHECK (geom IS NULL OR (ST_X(geom) BETWEEN -180 AND 180 AND ST_Y(geom) BETWEEN -90 AND 90)),
    CONSTRAINT facility_kind_fkey FOREIGN KEY(kind) REFERENCES facility_kind (code),
    CONSTRAINT facility_import_id_fkey FOREIGN KEY(import_id) REFERENCES import_batch (id)
);

CREATE INDEX facility_community_code_idx ON facility (community_code);

CREATE INDEX facility_geom_idx ON facility USING gist (geom);

CREATE INDEX facility_grid_code_idx ON facility (grid_code);

CREATE INDEX facility_kind_idx ON facility (kind);

CREATE INDEX facility_street_code_idx ON facility (street_code);

CREATE TABLE household (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    ref TEXT NOT NULL,
    geom geometry(POINT,4326),
    lon_sent FLOAT(53),
    lat_sent FLOAT(53),
    datum_sent TEXT,
    address TEXT,
    floor SMALLINT,
    lift BOOLEAN,
    elders SMALLINT NOT NULL,
    elders_homebound SMALLINT DEFAULT '0' NOT NULL,
    elders_80 SMALLINT,
    elders_disabled SMALLINT,
    age_max SMALLINT,
    living_alone BOOLEAN,
    mobility TEXT DEFAULT 'independent' NOT NULL,
    in_institution BOOLEAN DEFAULT 'false' NOT NULL,
    consent BOOLEAN,
    legal_basis TEXT,
    street_code TEXT,
    community_code TEXT,
    grid_code TEXT,
    synthetic BOOLEAN NOT NULL,
    import_id BIGINT,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT household_pkey PRIMARY KEY (id),
    CONSTRAINT household_elders_check CHECK (elders >= 1),
    CONSTRAINT household_parts_check CHECK (elders_homebound BETWEEN 0 AND elders AND elders_80 BETWEEN 0 AND elders AND elders_disabled BETWEEN 0 AND elders),
    CONSTRAINT household_age_max_check CHECK (age_max BETWEEN 60 AND 130),
    CONSTRAINT household_mobility_check CHECK (mobility IN ('independent', 'cane', 'walker', 'wheelchair', 'wheelchair_escorted', 'homebound')),
    CONSTRAINT household_homebound_check CHECK ((mobility = 'homebound') = (elders_homebound = elders)),
    CONSTRAINT household_bounds_check CHECK (geom IS NULL OR (ST_X(geom) BETWEEN -180 AND 180 AND ST_Y(geom) BETWEEN -90 AND 90)),
    CONSTRAINT household_ref_key UNIQUE (ref),
    CONSTRAINT household_import_id_fkey FOREIGN KEY(import_id) REFERENCES import_batch (id)
);

CREATE INDEX household_community_code_idx ON household (community_code);

CREATE INDEX household_geom_idx ON household USING gist (geom);

CREATE INDEX household_grid_code_idx ON household (grid_code);

CREATE INDEX household_street_code_idx ON household (street_code);

CREATE TABLE walknet (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    sha256 TEXT NOT NULL,
    srid INTEGER NOT NULL,
    nodes INTEGER NOT NULL,
    edges INTEGER NOT NULL,
    metres FLOAT(53) NOT NULL,
    data_date TEXT,
    stats JSONB NOT NULL,
    synthetic BOOLEAN NOT NULL,
    import_id BIGINT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT walknet_pkey PRIMARY KEY (id),
    CONSTRAINT walknet_import_id_fkey FOREIGN KEY(import_id) REFERENCES import_batch (id)
);

CREATE TABLE coverage_run (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    kinds TEXT[] NOT NULL,
    parameters JSONB NOT NULL,
    manifest JSONB NOT NULL,
    inputs_sha256 TEXT NOT NULL,
    seconds JSONB NOT NULL,
    totals JSONB NOT NULL,
    walknet_id BIGINT NOT NULL,
    as_of DATE NOT NULL,
    data_date TEXT,
    synthetic BOOLEAN NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT coverage_run_pkey PRIMARY KEY (id),
    CONSTRAINT coverage_run_walknet_id_fkey FOREIGN KEY(walknet_id) REFERENCES walknet (id)
);

CREATE TABLE report (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    author_id BIGINT,
    client_id TEXT NOT NULL,
    category TEXT NOT NULL,
    status TEXT DEFAULT 'received' NOT NULL,
    geom geometry(POINT,4326),
    lon_sent FLOAT(53),
    lat_sent FLOAT(53),
    datum_sent TEXT,
    accuracy_m REAL,
    captured_at TIMESTAMP WITH TIME ZONE NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    text TEXT NOT NULL,
    household_id BIGINT,
    facility_id TEXT,
    street_code TEXT,
    community_code TEXT,
    grid_code TEXT,
    synthetic BOOLEAN NOT NULL,
    import_id BIGINT,
    CONSTRAINT report_pkey PRIMARY KEY (id),
    CONSTRAINT report_author_id_client_id_key UNIQUE NULLS NOT DISTINCT (author_id, client_id),
    CONSTRAINT report_status_check CHECK (status IN ('received', 'accepted', 'assigned', 'resolved', 'closed', 'rejected', 'reopened')),
    CONSTRAINT report_accuracy_m_check CHECK (accuracy_m >= 0),
    CONSTRAINT report_bounds_check CHECK (geom IS NULL OR (ST_X(geom) BETWEEN -180 AND 180 AND ST_Y(geom) BETWEEN -90 AND 90)),
    CONSTRAINT report_author_id_fkey FOREIGN KEY(author_id) REFERENCES app_user (id),
    CONSTRAINT report_household_id_fkey FOREIGN KEY(household_id) REFERENCES household (id) ON DELETE SET NULL,
    CONSTRAINT report_facility_id_fkey FOREIGN KEY(facility_id) REFERENCES facility (id) ON DELETE SET NULL,
    CONSTRAINT report_import_id_fkey FOREIGN KEY(import_id) REFERENCES import_batch (id)
);

CREATE INDEX report_category_idx ON report (category);

CREATE INDEX report_community_code_idx ON report (community_code);

CREATE INDEX report_geom_idx ON report USING gist (geom);

CREATE INDEX report_grid_code_idx ON report (grid_code);

CREATE INDEX report_street_code_idx ON report (street_code);

CREATE TABLE walk_edge (
    walknet_id BIGINT NOT NULL,
    id INTEGER NOT NULL,
    u INTEGER NOT NULL,
    v INTEGER NOT NULL,
    osm_way_id BIGINT,
    metres FLOAT(53) NOT NULL,
    oneway SMALLINT DEFAULT '0' NOT NULL,
    steps SMALLINT DEFAULT '0' NOT NULL,
    signals REAL DEFAULT '0' NOT NULL,
    lift BOOLEAN DEFAULT 'false' NOT NULL,
    bridge BOOLEAN DEFAULT 'false' NOT NULL,
    tunnel BOOLEAN DEFAULT 'false' NOT NULL,
    wheelchair TEXT DEFAULT 'unknown' NOT NULL,
    highway TEXT NOT NULL,
    name TEXT,
    geom geometry(LINESTRING,4326) NOT NULL,
    CONSTRAINT walk_edge_pkey PRIMARY KEY (walknet_id, id),
    CONSTRAINT walk_edge_metres_check CHECK (metres >= 0 AND metres < 'Infinity'),
    CONSTRAINT walk_edge_steps_check CHECK (steps >= -1),
    CONSTRAINT walk_edge_oneway_check CHECK (oneway IN (-1, 0, 1)),
    CONSTRAINT walk_edge_wheelchair_check CHECK (wheelchair IN ('yes', 'no', 'unknown')),
    CONSTRAINT walk_edge_walknet_id_fkey FOREIGN KEY(walknet_id) REFERENCES walknet (id) ON DELETE CASCADE
);

CREATE INDEX walk_edge_geom_idx ON walk_edge USING gist (geom);

CREATE TABLE walk_node (
    walknet_id BIGINT NOT NULL,
    id INTEGER NOT NULL,
    osm_id BIGINT,
    geom geometry(POINT,4326) NOT NULL,
    CONSTRAINT walk_node_pkey PRIMARY KEY (walknet_id, id),
    CONSTRAINT walk_node_bounds_check CHECK (geom IS NULL OR (ST_X(geom) BETWEEN -180 AND 180 AND ST_Y(geom) BETWEEN -90 AND 90)),
    CONSTRAINT walk_node_walknet_id_fkey FOREIGN KEY(walknet_id) REFERENCES walknet (id) ON DELETE CASCADE
);

CREATE TABLE coverage_area (
    run_id BIGINT NOT NULL,
    level TEXT NOT NULL,
    kind TEXT NOT NULL,
    verdict TEXT NOT NULL,
    code TEXT NOT NULL,
    households INTEGER NOT NULL,
    elders INTEGER NOT NULL,
    covered INTEGER NOT NULL,
    uncovered INTEGER NOT NULL,
    unknown INTEGER NOT NULL,
    elders_80 INTEGER,
    covered_80 INTEGER,
    uncovered_80 INTEGER,
    unknown_80 INTEGER,
    elders_alone INTEGER,
    covered_alone INTEGER,
    uncovered_alone INTEGER,
    unknown_alone INTEGER,
    elders_disabled INTEGER,
    covered_disabled INTEGER,
    uncovered_disabled INTEGER,
    unknown_disabled INTEGER,
    fragile INTEGER,
    outside INTEGER,
    street_code TEXT,
    community_code TEXT,
    grid_code TEXT,
    CONSTRAINT coverage_area_pkey PRIMARY KEY (run_id, level, kind, verdict, code),
    CONSTRAINT coverage_area_run_id_fkey FOREIGN KEY(run_id) REFERENCES coverage_run (id) ON DELETE CASCADE
);

CREATE INDEX coverage_area_community_code_idx ON coverage_area (community_code);

CREATE INDEX coverage_area_grid_code_idx ON coverage_area (grid_code);

CREATE INDEX coverage_area_street_code_idx ON coverage_area (street_code);

CREATE TABLE coverage_household (
    run_id BIGINT NOT NULL,
    household_id BIGINT NOT NULL,
    profile TEXT NOT NULL,
    snap_m REAL,
    reason TEXT,
    seconds REAL[] NOT NULL,
    metres REAL[] NOT NULL,
    facility_ids TEXT[] NOT NULL,
    verdict_standard TEXT NOT NULL,
    verdict_personal TEXT NOT NULL,
    verdict_policy TEXT,
    verdict_to_home TEXT,
    street_code TEXT,
    community_code TEXT,
    grid_code TEXT,
    CONSTRAINT coverage_household_pkey PRIMARY KEY (run_id, household_id),
    CONSTRAINT coverage_household_run_id_fkey FOREIGN KEY(run_id) REFERENCES coverage_run (id) ON DELETE CASCADE
);

CREATE INDEX coverage_household_community_code_idx ON coverage_household (community_code);

CREATE INDEX coverage_household_grid_code_idx ON coverage_household (grid_code);

CREATE INDEX coverage_household_street_code_idx ON coverage_household (street_code);

CREATE TABLE coverage_published (
    run_id BIGINT NOT NULL,
    level TEXT NOT NULL,
    kind TEXT NOT NULL,
    verdict TEXT NOT NULL,
    code TEXT NOT NULL,
    elders INTEGER,
    covered INTEGER,
    uncovered INTEGER,
    unknown INTEGER,
    rate_low REAL,
    rate_high REAL,
    CONSTRAINT coverage_published_pkey PRIMARY KEY (run_id, level, kind, verdict, code),
    CONSTRAINT coverage_published_floor_check CHECK (elders >= 10 AND covered >= 10 AND uncovered >= 10 AND unknown >= 10),
    CONSTRAINT coverage_published_round_check CHECK (elders % 5 = 0 AND covered % 5 = 0 AND uncovered % 5 = 0 AND unknown % 5 = 0),
    CONSTRAINT coverage_published_rate_check CHECK ((rate_low IS NULL) = (rate_high IS NULL)),
    CONSTRAINT coverage_published_run_id_fkey FOREIGN KEY(run_id) REFERENCES coverage_run (id) ON DELETE CASCADE
);
