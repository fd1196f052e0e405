"""How many reports lie where is kept for the days that are over, so that a far view does not count a million points."""

from pathlib import Path

from alembic import op

revision = "2026_11_26_3_tallies"
down_revision = "2026_11_26_2_large_reads"
branch_labels = depends_on = None


def upgrade() -> None:
    with op.get_bind().connection.cursor() as cursor:
        cursor.execute(Path(__file__).with_suffix(".sql").read_text("utf-8"))


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead")
