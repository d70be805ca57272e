"""Authorization requests that are pushed or signed, and clients that send no others."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the columns and the table."""
    op.add_column("clients", sa.Column("profile", TEXT, nullable=False, server_default=""))
    for name in ("require_pushed_authorization_requests", "require_signed_request_object"):
        op.add_column("clients", sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_table(
        "pushed_requests",
        sa.Column("request_id", TEXT, nullable=False),
        sa.Column("keyed_hash", sa.LargeBinary, nullable=False),
        *(sa.Column(name, TEXT, nullable=False) for name in ("client_id", "parameters")),
        *(sa.Column(name, sa.Double, nullable=False) for name in ("created_at", "expires_at")),
        sa.PrimaryKeyConstraint("request_id", name="pk_pushed_requests"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_pushed_requests_expires_at", "pushed_requests", ["expires_at"])
