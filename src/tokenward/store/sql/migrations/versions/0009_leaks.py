"""Credentials that got out: incidents, where they were seen, what was done."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
IS_DUE = sa.text("due_at IS NOT NULL")


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, TEXT, nullable=False) for name in names]


def _of_incident(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["incident_id"],
        ["leak_incidents.incident_id"],
        ondelete="CASCADE",
        name=f"fk_{table}_incident_id",
    )


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "leak_incidents",
        *_texts("incident_id", "kind", "subject"),
        sa.Column("client_id", TEXT),
        sa.Column("user_id", TEXT),
        sa.Column("grant_id", TEXT),
        *_texts("owner"),
        sa.Column("audience", TEXT),
        sa.Column("issued_at", sa.Double),
        sa.Column("reported_at", sa.Double, nullable=False),
        *_texts("reporter"),
        sa.Column("reports", sa.BigInteger, nullable=False),
        *_texts("state", "action"),
        sa.Column("responded_at", sa.Double),
        sa.Column("due_at", sa.Double),
        sa.Column("closed_at", sa.Double),
        sa.Column("note", TEXT, nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("incident_id", name="pk_leak_incidents"),
        sa.UniqueConstraint("kind", "subject", name="uq_leak_incidents_kind_subject"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_leak_incidents_due_at",
        "leak_incidents",
        ["due_at"],
        sqlite_where=IS_DUE,
        postgresql_where=IS_DUE,
    )
    op.create_table(
        "leak_evidence",
        *_texts("incident_id"),
        sa.Column("place", sa.LargeBinary, nullable=False),
        sa.Column("reported_at", sa.Double, nullable=False),
        *_texts("reporter", "source", "path"),
        sa.Column("line", sa.BigInteger, nullable=False),
        *_texts("commit", "url"),
        sa.Column("since", sa.Double),
        sa.PrimaryKeyConstraint("incident_id", "place", name="pk_leak_evidence"),
        _of_incident("leak_evidence"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "leak_actions",
        *_texts("incident_id"),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        *_texts("what"),
        sa.PrimaryKeyConstraint("incident_id", "number", name="pk_leak_actions"),
        _of_incident("leak_actions"),
        sqlite_with_rowid=False,
    )
