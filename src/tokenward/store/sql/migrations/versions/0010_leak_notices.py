"""Owners are told of incidents: when next, and how often that was tried."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

IS_UNTOLD = sa.text("tell_at IS NOT NULL")


def upgrade() -> None:
    """Of incidents that are there nobody is told."""
    op.add_column("leak_incidents", sa.Column("tell_at", sa.Double))
    op.add_column("leak_incidents", sa.Column("tells", sa.Integer, nullable=False, server_default="0"))
    op.create_index(
        "ix_leak_incidents_tell_at",
        "leak_incidents",
        ["tell_at"],
        sqlite_where=IS_UNTOLD,
        postgresql_where=IS_UNTOLD,
    )
