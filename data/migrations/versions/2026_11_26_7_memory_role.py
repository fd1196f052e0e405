"""What serves reads by a role of its own and never as owner; jobs say that they are being done."""

from pathlib import Path

from alembic import op

revision = "2026_11_26_7_memory_role"
down_revision = "2026_11_26_5_way_in"
branch_labels = depends_on = None

PREPARATION = Path(__file__).with_name("2026_11_26_7_preparation.sql")


def upgrade() -> None:
    with op.get_bind().connection.cursor() as cursor:
        for file in (PREPARATION, Path(__file__).with_suffix(".sql")):
            cursor.execute(file.read_text("utf-8"))


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead")
