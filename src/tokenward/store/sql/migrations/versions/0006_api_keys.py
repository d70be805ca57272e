"""API keys."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
IMPORTED = sa.text("imported")


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, TEXT, nullable=False) for name in names]


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "api_keys",
        *_texts("key_id"),
        sa.Column("keyed_hash", sa.LargeBinary, nullable=False),
        *_texts("name", "owner", "last_four", "audience", "scopes"),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        *_texts("addresses", "origins"),
        sa.Column("rate", sa.Integer),
        sa.Column("rotated_from", TEXT),
        sa.Column("imported", sa.Boolean, nullable=False),
        sa.Column("revoked_at", sa.Double),
        sa.Column("rotated_at", sa.Double),
        sa.Column("uses", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("last_used_at", sa.Double),
        sa.Column("told_days", sa.Integer),
        sa.PrimaryKeyConstraint("key_id", name="pk_api_keys"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_api_keys_expires_at", "api_keys", ["expires_at"])
    op.create_index(
        "uq_api_keys_imported_keyed_hash",
        "api_keys",
        ["keyed_hash"],
        unique=True,
        sqlite_where=IMPORTED,
        postgresql_where=IMPORTED,
    )
