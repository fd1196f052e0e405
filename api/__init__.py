"""talk: HTTP, shell and queue. Holds no formula and no SQL string."""
