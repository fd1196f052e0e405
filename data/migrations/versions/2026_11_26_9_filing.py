"""A report is filed in two statements, and what every statement asks is planned once for each connection."""

from pathlib import Path

from alembic import op

revision = "2026_11_26_9_filing"
down_revision = "2026_11_26_8_citizens"
branch_labels = depends_on = None


def upgrade() -> None:
    with op.get_bind().connection.cursor() as cursor:
        cursor.execute(Path(__file__).with_suffix(".sql").read_text("utf-8"))


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead")
