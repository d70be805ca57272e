"""Clients that register themselves, and the tokens that let them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the tables: who is there already was registered by an operator."""
    op.add_column(
        "clients", sa.Column("self_registered", sa.Boolean, nullable=False, server_default=sa.false())
    )
    op.create_index("ix_grants_client_id", "grants", ["client_id"])
    op.create_table(
        "initial_tokens",
        sa.Column("token_id", TEXT, nullable=False),
        sa.Column("keyed_hash", sa.LargeBinary, nullable=False),
        sa.Column("uses_left", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Double, nullable=False) for name in ("created_at", "expires_at")),
        sa.PrimaryKeyConstraint("token_id", name="pk_initial_tokens"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "registrations",
        *(sa.Column(name, TEXT, nullable=False) for name in ("client_id", "token_id")),
        sa.Column("keyed_hash", sa.LargeBinary, nullable=False),
        sa.Column("said", TEXT, nullable=False),
        sa.Column("unused_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("client_id", name="pk_registrations"),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["clients.client_id"],
            name="fk_registrations_client_id",
            ondelete="CASCADE",
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_registrations_unused_at", "registrations", ["unused_at"])
