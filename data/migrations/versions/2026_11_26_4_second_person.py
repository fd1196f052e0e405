"""What lets somebody see persons has no effect until a second person has confirmed it."""

from pathlib import Path

from alembic import op

revision = "2026_11_26_4_second_person"
down_revision = "2026_11_26_3_tallies"
branch_labels = depends_on = None


def upgrade() -> None:
    with op.get_bind().connection.cursor() as cursor:
        cursor.execute(Path(__file__).with_suffix(".sql").read_text("utf-8"))


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead")
