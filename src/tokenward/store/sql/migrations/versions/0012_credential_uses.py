"""From where credentials were used."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "credential_uses",
        *(sa.Column(name, TEXT, nullable=False) for name in ("kind", "subject", "door", "address")),
        sa.Column("uses", sa.BigInteger, nullable=False),
        sa.Column("first_used_at", sa.Double, nullable=False),
        sa.Column("last_used_at", sa.Double, nullable=False),
        sa.Column("kept_until", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("kind", "subject", "door", "address", name="pk_credential_uses"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_credential_uses_kept_until", "credential_uses", ["kept_until"])
