"""Registration access tokens that leaked are looked for by their ids."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Index them: there may be as many as clients that registered themselves."""
    op.create_index("ix_registrations_token_id", "registrations", ["token_id"])
