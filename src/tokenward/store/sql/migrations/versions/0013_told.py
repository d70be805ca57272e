"""Who was told of an incident already, where others could not be reached."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the column: nobody, as far as is known."""
    op.add_column("leak_incidents", sa.Column("told", TEXT, nullable=False, server_default=""))
