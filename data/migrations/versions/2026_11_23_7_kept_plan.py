"""The areas that hold a place are found with a plan that is made once for each connection."""

from pathlib import Path

from alembic import op

revision = "2026_11_23_7_kept_plan"
down_revision = "2026_11_23_6_audit_at_commit"
branch_labels = depends_on = None


def upgrade() -> None:
    with op.get_bind().connection.cursor() as cursor:
        cursor.execute(Path(__file__).with_suffix(".sql").read_text("utf-8"))


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead")
