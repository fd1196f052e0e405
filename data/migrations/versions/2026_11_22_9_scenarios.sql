CREATE TABLE scenario (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    name TEXT NOT NULL,
    changes JSONB NOT NULL,
    walknet_id BIGINT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT scenario_pkey PRIMARY KEY (id),
    CONSTRAINT scenario_name_key UNIQUE (name),
    CONSTRAINT scenario_walknet_id_fkey FOREIGN KEY(walknet_id) REFERENCES walknet (id),
    CONSTRAINT scenario_name_check CHECK (name <> ''),
    CONSTRAINT scenario_changes_check CHECK (jsonb_typeof(changes) = 'array' AND changes <> '[]'::jsonb)
);

-- What is only being thought about is for planners; a scenario is kept or removed, never altered.
GRANT SELECT, INSERT (name, changes, walknet_id) ON scenario TO wangge_planner;
