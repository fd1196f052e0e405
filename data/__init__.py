"""keep: PostGIS, files and what comes from outside. Decides nothing and commits nothing."""
