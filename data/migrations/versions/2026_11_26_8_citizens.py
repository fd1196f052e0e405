"""Reports by citizens, who have no account: filed and never read back, where an installation has switched them on."""

from pathlib import Path

from alembic import op

revision = "2026_11_26_8_citizens"
down_revision = "2026_11_26_7_memory_role"
branch_labels = depends_on = None


def upgrade() -> None:
    with op.get_bind().connection.cursor() as cursor:
        cursor.execute(Path(__file__).with_suffix(".sql").read_text("utf-8"))


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead")
