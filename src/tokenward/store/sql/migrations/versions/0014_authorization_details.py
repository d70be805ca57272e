"""What exactly a grant and a token allow (RFC 9396), and of which types a client may ask for it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the columns: nothing beyond scopes was granted, and nobody may ask for it."""
    op.add_column(
        "clients", sa.Column("authorization_details_types", TEXT, nullable=False, server_default="")
    )
    op.add_column("grants", sa.Column("authorization_details", TEXT))
    op.add_column("access_tokens", sa.Column("authorization_details", TEXT))
