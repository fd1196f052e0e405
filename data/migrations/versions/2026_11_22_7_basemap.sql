ALTER TABLE import_batch DROP CONSTRAINT import_batch_what_check;
ALTER TABLE import_batch ADD CONSTRAINT import_batch_what_check
    CHECK (what IN ('areas', 'walknet', 'facilities', 'households', 'reports', 'basemap'));

CREATE TABLE basemap (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    what TEXT NOT NULL,
    name TEXT,
    geom geometry(GEOMETRY,4326) NOT NULL,
    synthetic BOOLEAN NOT NULL,
    import_id BIGINT,
    CONSTRAINT basemap_pkey PRIMARY KEY (id),
    CONSTRAINT basemap_import_id_fkey FOREIGN KEY(import_id) REFERENCES import_batch (id),
    CONSTRAINT basemap_what_check CHECK (what IN ('water', 'green')),
    CONSTRAINT basemap_geom_check CHECK (ST_IsValid(geom) AND NOT ST_IsEmpty(geom))
);

CREATE INDEX basemap_geom_idx ON basemap USING gist (geom);

GRANT SELECT ON basemap
    TO wangge_public, wangge_inspector, wangge_community, wangge_street, wangge_planner, wangge_partner, wangge_admin;

-- A figure's sources and their licences are for everybody who sees the figure; who imported what from which file is not.
GRANT SELECT (id, what, synthetic, attribution, facts, imported_at) ON import_batch
    TO wangge_public, wangge_inspector, wangge_community, wangge_street, wangge_partner;
