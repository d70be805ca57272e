"""Tokens bound to a key, tokens exchanged for others, and clients that prove themselves without a secret."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the columns; a public client's method is `none`."""
    for name, default in (
        ("auth_method", "client_secret"),
        ("jwks", ""),
        ("jwks_uri", ""),
        ("tls_subject", ""),
        ("bound_tokens", ""),
    ):
        op.add_column("clients", sa.Column(name, TEXT, nullable=False, server_default=default))
    op.execute("UPDATE clients SET auth_method = 'none' WHERE type IN ('spa', 'native')")
    op.add_column("client_secrets", sa.Column("last_used_at", sa.Double, nullable=True))
    for table in ("codes", "access_tokens", "refresh_tokens"):
        op.add_column(table, sa.Column("cnf", TEXT, nullable=True))
    for name in ("act", "parent_id"):
        op.add_column("access_tokens", sa.Column(name, TEXT, nullable=True))
    exchanged = sa.text("parent_id IS NOT NULL")
    op.create_index(
        "ix_access_tokens_parent_id",
        "access_tokens",
        ["parent_id"],
        sqlite_where=exchanged,
        postgresql_where=exchanged,
    )
