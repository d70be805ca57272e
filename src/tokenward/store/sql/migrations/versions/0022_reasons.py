"""Why a client is weaker than its type is."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the column: nobody was asked for a reason before."""
    op.add_column("clients", sa.Column("reason", TEXT, nullable=False, server_default=""))
