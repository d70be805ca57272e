"""When people last used their accounts at identity providers, and what these say has ended."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Of the uses before, nobody knows."""
    op.add_column("upstream_links", sa.Column("last_used_at", sa.Double))
    op.create_table(
        "upstream_logouts",
        *(sa.Column(name, TEXT, nullable=False) for name in ("upstream", "subject", "sid")),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("kept_until", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("upstream", "subject", "sid", name="pk_upstream_logouts"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_upstream_logouts_kept_until", "upstream_logouts", ["kept_until"])
