"""What may be used once, remembered for all processes."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "replays",
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.Column("until", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_replays"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_replays_until", "replays", ["until"])
