"""Clients as OpenID Connect relying parties: what they are registered with, and when sessions end."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Add columns and tables: whoever is there already keeps what it has, and no session is known to any."""
    op.add_column("clients", sa.Column("openid", TEXT, nullable=False, server_default="{}"))
    op.add_column("grants", sa.Column("sid", TEXT))
    op.add_column("grants", sa.Column("claims", TEXT))
    op.create_table(
        "session_clients",
        *(sa.Column(name, TEXT, nullable=False) for name in ("session_id", "client_id", "user_id", "sid")),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("session_id", "client_id", name="pk_session_clients"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_session_clients_expires_at", "session_clients", ["expires_at"])
    op.create_table(
        "logout_notices",
        *(sa.Column(name, TEXT, nullable=False) for name in ("notice_id", "client_id", "user_id", "sid")),
        sa.Column("due_at", sa.Double, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("notice_id", name="pk_logout_notices"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_logout_notices_due_at", "logout_notices", ["due_at"])
