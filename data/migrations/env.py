"""How Alembic reaches our tables: over the connection that `data.db.migrate` hands in, in one transaction."""

from __future__ import annotations

from alembic import context
from geoalchemy2 import alembic_helpers

from data.tables import metadata


def include(thing, name, kind, reflected, compare_to):
    """Only what is ours: PostGIS puts tables of its own beside ours, and autogenerate would drop them."""
    if kind == "table" and reflected and compare_to is None:
        return False
    return alembic_helpers.include_object(thing, name, kind, reflected, compare_to)


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_object=include,
    render_item=alembic_helpers.render_item,
    process_revision_directives=alembic_helpers.writer,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
