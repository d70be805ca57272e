"""Exchanged tokens know all that they were exchanged for, and for which client they stand."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Nothing was ever exchanged before, so that the column with one parent is empty."""
    op.drop_index("ix_access_tokens_parent_id", "access_tokens")
    op.execute("ALTER TABLE access_tokens RENAME COLUMN parent_id TO ancestors")
    op.add_column("access_tokens", sa.Column("subject_client", TEXT, nullable=True))
