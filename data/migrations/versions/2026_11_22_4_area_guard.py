"""No overlap, no gap, nothing outside its parent: the guard over the areas."""

from pathlib import Path

from alembic import op

revision = "2026_11_22_4_area_guard"
down_revision = "2026_11_22_3_catalogue"
branch_labels = depends_on = None


def upgrade() -> None:
    with op.get_bind().connection.cursor() as cursor:
        cursor.execute(Path(__file__).with_suffix(".sql").read_text("utf-8"))


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead")
