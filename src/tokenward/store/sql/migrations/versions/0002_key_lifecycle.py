"""Signing keys get moments instead of one flag, and a data key comes between them and the master key."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")

_OLD = sa.text(
    "SELECT kid, purpose, algorithm, sealed_private, public_jwk, created_at FROM signing_keys"
    " WHERE retired_at IS NULL"
)


def upgrade() -> None:
    """Make the table of signing keys anew: SQLite cannot add a column that must have a value."""
    old = op.get_bind().execute(_OLD).mappings().all()
    op.drop_table("signing_keys")
    made = op.create_table(
        "signing_keys",
        *(sa.Column(name, TEXT, nullable=False) for name in ("kid", "purpose", "algorithm")),
        sa.Column("sealed_private", sa.LargeBinary, nullable=False),
        sa.Column("public_jwk", TEXT, nullable=False),
        *(sa.Column(name, sa.Double, nullable=False) for name in ("created_at", "activates_at")),
        *(sa.Column(name, sa.Double) for name in ("retires_at", "removes_at", "compromised_at")),
        sa.PrimaryKeyConstraint("kid", name="pk_signing_keys"),
    )
    op.bulk_insert(made, [{**row, "activates_at": row["created_at"]} for row in old])
    op.create_table(
        "data_key",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_data_key"),
    )
