"""How well and how lately a person must have signed in who lets a device in."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the columns."""
    op.add_column("device_codes", sa.Column("level", TEXT))
    op.add_column("device_codes", sa.Column("max_age", sa.Integer))
