"""The audit log is only ever added to, and each row seals the one before it."""

from pathlib import Path

from alembic import op

revision = "2026_11_22_5_audit_chain"
down_revision = "2026_11_22_4_area_guard"
branch_labels = depends_on = None


def upgrade() -> None:
    with op.get_bind().connection.cursor() as cursor:
        cursor.execute(Path(__file__).with_suffix(".sql").read_text("utf-8"))


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead")
