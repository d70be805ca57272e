"""Devices that ask a person for access."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
HAS_GRANT = sa.text("grant_id IS NOT NULL")


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "device_codes",
        sa.Column("token_id", TEXT, nullable=False),
        *(sa.Column(name, sa.LargeBinary, nullable=False) for name in ("keyed_hash", "user_code_hash")),
        *(sa.Column(name, TEXT, nullable=False) for name in ("client_id", "scope", "audience", "address")),
        *(sa.Column(name, sa.Double, nullable=False) for name in ("created_at", "expires_at")),
        sa.Column("interval", sa.Integer, nullable=False),
        sa.Column("polled_at", sa.Double),
        *(sa.Column(name, TEXT) for name in ("cnf", "grant_id")),
        *(sa.Column(name, sa.Double) for name in ("denied_at", "consumed_at")),
        sa.PrimaryKeyConstraint("token_id", name="pk_device_codes"),
        sa.UniqueConstraint("user_code_hash", name="uq_device_codes_user_code_hash"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_device_codes_expires_at", "device_codes", ["expires_at"])
    op.create_index(
        "ix_device_codes_grant_id",
        "device_codes",
        ["grant_id"],
        sqlite_where=HAS_GRANT,
        postgresql_where=HAS_GRANT,
    )
