"""What is known of persons, and what of it clients may be told."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Add tables for claims and for lasting secrets, and what clients may be told."""
    for name, default in (("sector", ""), ("id_token_claims", ""), ("access_token_format", "opaque")):
        op.add_column("clients", sa.Column(name, TEXT, nullable=False, server_default=default))
    op.create_table(
        "user_claims",
        sa.Column("user_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("user_id", "name", name="pk_user_claims"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.user_id"], name="fk_user_claims_user_id", ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "lasting_secrets",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_lasting_secrets"),
    )
