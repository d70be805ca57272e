"""Sessions of browser apps, which every process that shares the database knows."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "browser_sessions",
        sa.Column("key", sa.LargeBinary, nullable=False),
        *(sa.Column(name, TEXT, nullable=False) for name in ("party", "subject", "sid")),
        *(sa.Column(name, sa.Double, nullable=False) for name in ("issued_at", "until")),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("holder", TEXT, nullable=True),
        sa.Column("held_until", sa.Double, nullable=True),
        sa.PrimaryKeyConstraint("key", name="pk_browser_sessions"),
    )
    op.create_index("ix_browser_sessions_until", "browser_sessions", ["until"])
    op.create_index("ix_browser_sessions_subject", "browser_sessions", ["party", "subject"])
    op.create_index("ix_browser_sessions_sid", "browser_sessions", ["party", "sid"])
    op.create_table(
        "browser_logouts",
        *(sa.Column(name, TEXT, nullable=False) for name in ("party", "subject", "sid")),
        *(sa.Column(name, sa.Double, nullable=False) for name in ("issued_at", "kept_until")),
        sa.PrimaryKeyConstraint("party", "subject", "sid", "issued_at", name="pk_browser_logouts"),
    )
    op.create_index("ix_browser_logouts_kept_until", "browser_logouts", ["kept_until"])
