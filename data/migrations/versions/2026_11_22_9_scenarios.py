"""What might be otherwise: changes that planners keep under a name, to be tried in coverage runs."""

from pathlib import Path

from alembic import op

revision = "2026_11_22_9_scenarios"
down_revision = "2026_11_22_8_area_holding"
branch_labels = depends_on = None


def upgrade() -> None:
    with op.get_bind().connection.cursor() as cursor:
        cursor.execute(Path(__file__).with_suffix(".sql").read_text("utf-8"))


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead")
