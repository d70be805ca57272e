"""Clients say what introspection responses for them are signed with."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Those that are there said nothing else than the default (RFC 9701 §6)."""
    column = sa.Column("introspection_signed_response_alg", TEXT, nullable=False, server_default="RS256")
    op.add_column("clients", column)
