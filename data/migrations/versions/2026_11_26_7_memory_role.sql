-- The process that serves keeps the data of coverage in memory. It reads them by a role that may read just these, so
-- that it needs no way in as owner: no names of elders, no addresses, no person, and nothing can be changed.

GRANT USAGE ON SCHEMA wangge_private TO wangge_memory;
GRANT SELECT ON area, area_level, area_scheme, facility, facility_kind, walknet, walk_node, walk_edge, basemap,
    import_batch, data_change, alembic_version, wangge_private.disclosure_draw TO wangge_memory;
GRANT SELECT (id, ref, geom, elders, elders_homebound, elders_80, elders_disabled, age_max, living_alone, mobility,
    in_institution, floor, lift, consent, synthetic, street_code, community_code, grid_code) ON household TO wangge_memory;
GRANT SELECT ON coverage_run, coverage_household TO wangge_memory;
DO $$
DECLARE
    read text;
BEGIN
    FOREACH read IN ARRAY ARRAY['household', 'facility', 'coverage_run', 'coverage_household'] LOOP
        EXECUTE format('CREATE POLICY memory_read ON %I FOR SELECT TO wangge_memory USING (true)', read);
    END LOOP;
END
$$;
-- Numbers of changes, and how much work waits: for the feed, /readyz and /metrics.
GRANT EXECUTE ON FUNCTION wangge_private.change_number() TO wangge_memory;
GRANT SELECT (id, kind, run_at, dead_at) ON job TO wangge_memory;


-- Jobs that are being done ---------------------------------------------------------------------------------------------

-- The row of a job is locked while it is done, so whoever does it says here that it lives. A worker that has not been
-- heard of by `until` is taken for dead, its connection is cut, and the job comes back.
CREATE TABLE job_held (
    job_id BIGINT NOT NULL,
    worker UUID NOT NULL,
    since TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    until TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT job_held_pkey PRIMARY KEY (job_id)
);
GRANT SELECT (job_id, until) ON job_held TO wangge_memory;

-- How often an order has been begun: more than once says that a worker died over it, or that something unexpected happened.
ALTER TABLE coverage_order ADD COLUMN tries SMALLINT DEFAULT '0' NOT NULL;
