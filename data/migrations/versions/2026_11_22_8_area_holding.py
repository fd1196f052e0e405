"""Which areas hold a place: one rule for a click, a report and a relinking."""

from pathlib import Path

from alembic import op

revision = "2026_11_22_8_area_holding"
down_revision = "2026_11_22_7_basemap"
branch_labels = depends_on = None


def upgrade() -> None:
    with op.get_bind().connection.cursor() as cursor:
        cursor.execute(Path(__file__).with_suffix(".sql").read_text("utf-8"))


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead")
