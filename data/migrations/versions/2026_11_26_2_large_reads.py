"""Lists, figures and tiles of a large district are read in the time of a small one."""

from pathlib import Path

from alembic import op

revision = "2026_11_26_2_large_reads"
down_revision = "2026_11_23_7_kept_plan"
branch_labels = depends_on = None


def upgrade() -> None:
    with op.get_bind().connection.cursor() as cursor:
        cursor.execute(Path(__file__).with_suffix(".sql").read_text("utf-8"))


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead")
